/* What `validate engine` runs when nothing is named: models, number formats, loads and limits that calibration never saw. */
#ifndef VALIDATION_ENGINE_CASES_H
#define VALIDATION_ENGINE_CASES_H

#include "sim/scenario.h"

struct engine_case {
	const char *name, *what;
	const char *model, *dtype;
	int threads;                   /* 0: all processors */
	int64_t requests;
	double load;                   /* arrivals at this share of what the simulation says is the most; 0: all at once */
	int64_t concurrency;           /* closed loop instead */
	const char *settings;          /* "path=value path=value": lengths, scheduler, limits */
};
extern const struct engine_case engine_cases[];        /* ends with a NULL name */

/* Modules of the technology tree that the engine runs, each beside the engine without it. */
struct engine_module {
	const char *module, *params;   /* as --with takes them */
	const char *wide_params;       /* instead, where the kernels are those of AVX-512; NULL: the same */
	const char *plain_settings;    /* of the plain side alone: what the module replaces; NULL: nothing */
	struct engine_case load;       /* both sides */
};
extern const struct engine_module engine_modules[];    /* ends with a NULL module */

/* Fills a scenario with the case: everything but rate, device and stack. */
MUST_USE bool engine_case_scenario(const struct engine_case *c, struct scenario *sc, struct arena *arena, struct err *err);

#endif
