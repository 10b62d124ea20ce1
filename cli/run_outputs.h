/* The ways a run is shown: text, JSON, HTML, Markdown. Used by `run` and `report`. */
#ifndef CLI_RUN_OUTPUTS_H
#define CLI_RUN_OUTPUTS_H

#include "base/attr.h"
#include "base/err.h"
#include "cli/options.h"
#include "reports/result.h"
#include "reports/store.h"
#include "sim/scenario.h"

struct run_files {
	const char *json, *html, *markdown, *junit;    /* NULL: not asked for; "-": standard output */
	bool text;                             /* the report on standard output */
};
/* What the options say. Refuses two results on standard output: they could not be told apart. */
MUST_USE bool run_files_choose(const struct call *call, struct run_files *out, struct err *err);

/* What this program, host and command line are. */
void run_origin_here(const struct call *call, struct run_origin *out);
/* What a simulated result does not know of its run: the time it took, memory, and the hash of its scenario. */
MUST_USE bool run_settle(const struct scenario *sc, double wall_s, struct result *r, struct err *err);
/* Whether it may be run again unasked, for its interval. */
bool run_is_quick(const struct result *r);
/* --db, or the usual database; in the arena. NULL + err when memory ran out. */
MUST_USE const char *run_database(const struct call *call, struct err *err);

/* Writes them. `database` (may be NULL) is named below the text. Goes on after a failure; the first is in err. */
MUST_USE bool run_outputs(const struct result *r, const struct run_files *files, const struct run_origin *origin, const char *database,
			  struct err *err);

/* The stored run that the first argument names ("last" without one), shown in the ways that the options ask for: the
 * whole of `report` and `db show`. */
MUST_USE bool show_stored_run(const struct call *call, struct err *err);

#endif
