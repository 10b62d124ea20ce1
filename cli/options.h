/* One table a command: it drives parsing, --help, the man page, bash completion and the Markdown reference. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

enum option_kind { OPTION_TEXT, OPTION_FLAG, OPTION_INT, OPTION_NUMBER };

/* What completes an argument in the shell. Each kind after WORDS_FILE is a table of `catalog list`. */
enum words {
	WORDS_NONE, WORDS_FILE, WORDS_RUNS, WORDS_DEVICES, WORDS_SYSTEMS, WORDS_STACKS, WORDS_TRAINING_STACKS, WORDS_MODELS, WORDS_WORKLOADS,
	WORDS_SCHEDULERS, WORDS_ROUTERS, WORDS_TECHNIQUES, WORDS_DTYPES, WORDS_OPERATORS, WORDS_KINDS, WORDS_COUNT
};

struct option {
	const char *name;              /* as typed, without the dashes: "tp" */
	const char *word;              /* what --help calls its argument: "N", "FILE"; NULL: a flag */
	const char *help;              /* one line */
	const char *path;              /* the scenario attribute it sets; NULL: the command reads it */
	const char *fallback;          /* what holds without it, said in --help; may be NULL */
	enum option_kind kind;         /* numbers are checked while parsing; those with a path by the scenario's table */
	double least, most;            /* both 0: no limits */
	enum words words;
	bool output;                   /* a file to write; "-" (also when the file is left out) is standard output */
};

struct option_group {
	const char *title;             /* "Scheduler" */
	const struct option *options;
	size_t count;
};
#define OPTION_GROUP(title_, table) { .title = (title_), .options = (table), .count = COUNT_OF(table) }

struct example {
	const char *line, *what;       /* "vibee-sim run --tp 2", "on two devices" */
};

struct call;
struct command {
	const char *name, *summary;    /* "run", "simulate serving a workload" */
	const char *arguments;         /* "[SCENARIO.xml]"; NULL: none */
	size_t arguments_least, arguments_most;
	enum words words;              /* of the arguments */
	const char *details;           /* paragraphs for --help and the manual, or NULL */
	const struct option_group *const *groups;      /* NULL-terminated, or NULL */
	const struct example *examples;                /* ends with a NULL line */
	const struct command *const *parts;            /* sub-commands, NULL-terminated; run is then NULL, or what happens without one */
	bool (*run)(const struct call *call, struct err *err);
	bool studies;                  /* simulates many times in a row (heap.h) */
};

struct setting {
	const struct option *option;
	const char *value;             /* "yes" for flags */
};

/* One command line, parsed. */
struct call {
	const struct command *command;
	const char *program;           /* "vibee-sim catalog list" */
	char **words;                  /* all that followed it, as typed */
	int word_count;
	const char **arguments;
	size_t argument_count;
	struct setting *settings;      /* in the order of the command line */
	size_t setting_count;
	bool help;                     /* --help was among them */
	struct arena *arena;           /* lives as long as the command */
};

/*
 * Parses the words after the command's name. Options are --name value or --name=value anywhere among the arguments;
 * "--" ends them. Errors (ERR_INPUT) name the option, what was expected and the nearest option. With --help, numbers of
 * arguments are not checked. Borrows argv.
 */
MUST_USE bool options_parse(const struct command *command, const char *program, int argc, char **argv, struct call *out,
			    struct arena *arena, struct err *err);

/* The option of that name; NULL when the command has none. */
const struct option *option_find(const struct command *command, const char *name);

/* The value given last, or what holds without: NULL, false, the given fallback. The option must be in the table. */
const char *call_text(const struct call *call, const char *name);
bool call_flag(const struct call *call, const char *name);
int64_t call_int(const struct call *call, const char *name, int64_t fallback);
double call_number(const struct call *call, const char *name, double fallback);
/* The whole command line, quoted where a shell would need it. */
const char *call_line(const struct call *call);
/* The n-th positional argument; NULL when absent. */
const char *call_argument(const struct call *call, size_t n);

#endif
