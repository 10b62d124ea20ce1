/* Simulations that a page or a program asked for. */
#ifndef CLI_SERVE_SIMULATE_H
#define CLI_SERVE_SIMULATE_H

#include "cli/options.h"
#include "cli/serve/server.h"
#include "sim/scenario.h"

/* The options that a request may set: those of `run` and `whatif` that describe a scenario, none that write files. */
extern const struct command served_run, served_whatif;

/* The scenario of a stored run, value by value; NULL + err. */
MUST_USE struct scenario *stored_scenario(const struct server *s, const char *name, struct arena *arena, struct err *err);

/* POST /api/run and /api/whatif: body_call's JSON in, the document of --json out. */
void simulate_run(const struct server *s, const struct request *r, const char *word, struct reply *reply);
void simulate_whatif(const struct server *s, const struct request *r, const char *word, struct reply *reply);

#endif
