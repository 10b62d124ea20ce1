/*
 * A JSON body as a command line: {"model": "llama-3.1-8b", "tp": 2, "with": ["kivi_v1821"], "set": {"scheduler.max_num_seqs": 64}}
 * is --model=llama-3.1-8b --tp=2 --with=kivi_v1821 --set=scheduler.max_num_seqs=64. So the names are those of the command
 * line, and so are the errors.
 */
#ifndef CLI_SERVE_BODY_H
#define CLI_SERVE_BODY_H

#include "cli/options.h"

/* What a body says beside the options. */
struct wishes {
	const char *run;                       /* "run": begin with the scenario of this stored run */
	bool store;                            /* "store": true: keep what comes out */
};

/*
 * Reads the body into *out (in the arena). Keys are options of the command, with '-' or '_'; "scenario" is its argument;
 * true is a flag; an array repeats the option; "set" and "slo" may be objects. Values that name files are refused: a page
 * chooses from the catalogs, it does not read the disk.
 */
MUST_USE bool body_call(const char *body, size_t length, const struct command *command, struct arena *arena, struct call *out,
			struct wishes *wishes, struct err *err);

#endif
