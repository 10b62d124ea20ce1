#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/heap.h"
#include "cli/help.h"
#include "cli/version.h"

/* The one line to add for a new command: its table is command_NAME in cmd_NAME.c. */
#define COMMANDS(X) \
	X(run) \
	X(train) \
	X(whatif) \
	X(search) \
	X(plan) \
	X(step) \
	X(targets) \
	X(tree) \
	X(op) \
	X(validate) \
	X(calibrate) \
	X(bench) \
	X(report) \
	X(compare) \
	X(serve) \
	X(workload) \
	X(catalog) \
	X(db) \
	X(constants) \
	X(help)
#define X(name) extern const struct command command_##name;
COMMANDS(X)
#undef X
#define X(name) &command_##name,
const struct command *const commands[] = { COMMANDS(X) NULL };
#undef X

static const struct command *find(const struct command *const *list, const char *name)
{
	for (; *list; list++)
		if (strcmp((*list)->name, name) == 0)
			return *list;
	return NULL;
}

static bool unknown(const struct command *const *list, const char *what, const char *typed, struct err *err)
{
	const char *names[64], *near;
	struct str all = { 0 };
	size_t n = 0;

	for (; list[n] && n < COUNT_OF(names); n++) {
		names[n] = list[n]->name;
		str_addf(&all, "%s%s", n ? " " : "", names[n]);
	}
	near = text_nearest(typed, names, n);
	if (near)
		err_set(err, ERR_INPUT, "unknown %s '%s'; did you mean '%s'? there are: %s", what, typed, near, str_text(&all));
	else
		err_set(err, ERR_INPUT, "unknown %s '%s'; there are: %s", what, typed, str_text(&all));
	str_release(&all);
	return false;
}

static bool print_help(const struct command *command, const char *program)
{
	struct str out = { 0 };

	if (command)
		help_command(command, program, &out);
	else
		help_overview(commands, true, &out);
	fputs(str_text(&out), stdout);
	str_release(&out);
	return true;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* argv[0] is the first word after the command's name. */
static bool run_command(const struct command *command, const char *program, int argc, char **argv, struct arena *arena,
			struct err *err)
{
	struct call call;

	/* A command with parts and a run of its own does the latter when no part is named. */
	if (command->parts && !(command->run && (argc == 0 || !find(command->parts, argv[0])))) {
		const struct command *part;

		if (argc > 0 && is_help(argv[0]))
			return print_help(command, program);
		if (argc == 0)
			return err_set(err, ERR_INPUT, "%s: expected a part; '%s --help' lists them", command->name, program);
		part = find(command->parts, argv[0]);
		if (!part)
			return unknown(command->parts, arena_printf(arena, "part of '%s':", command->name), argv[0], err);
		program = arena_printf(arena, "%s %s", program, part->name);
		return program ? run_command(part, program, argc - 1, argv + 1, arena, err) : err_memory(err);
	}
	if (!options_parse(command, program, argc, argv, &call, arena, err))
		return false;
	return call.help ? print_help(command, program) : command->run(&call, err);
}

bool commands_run(int argc, char **argv, struct err *err)
{
	const struct command *command;
	struct arena *arena;
	bool ok;

	if (argc == 0) {
		struct str out = { 0 };

		help_overview(commands, false, &out);
		fputs(str_text(&out), stdout);
		str_release(&out);
		return true;
	}
	if (is_help(argv[0]))
		return print_help(NULL, "vibee-sim");
	if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0) {
		printf("vibee-sim %s\n", vibee_version());
		return true;
	}
	command = find(commands, argv[0]);
	if (!command)
		return unknown(commands, argv[0][0] == '-' ? "option" : "command", argv[0], err);
	if (command->studies)
		heap_for_studies();
	else
		heap_for_one();
	arena = arena_new();
	if (!arena)
		return err_memory(err);
	ok = run_command(command, arena_printf(arena, "vibee-sim %s", command->name), argc - 1, argv + 1, arena, err);
	arena_free(arena);
	return ok;
}
