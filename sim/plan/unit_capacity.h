/* What a deployment can take, simulated: the largest rate at which it meets its targets, likely, and with every operator slower
 * and faster by its error. A unit is the deployment as the scenario describes it. */
#ifndef SIM_PLAN_UNIT_CAPACITY_H
#define SIM_PLAN_UNIT_CAPACITY_H

#include "base/arena.h"
#include "hardware/system.h"
#include "sim/plan/candidate.h"
#include "sim/plan/outcome.h"
#include "sim/plan/search.h"

/* LOW: operators slower, less capacity. */
enum capacity_case { CAPACITY_LOW, CAPACITY_LIKELY, CAPACITY_HIGH, CAPACITY_CASES };

struct unit_capacity {
	double qps[CAPACITY_CASES];
	double rel_error;                      /* on times, what the 80 % interval spans: a factor of 1 + this (sim/interval.h) */
	int64_t devices;                       /* of one unit */
	double idle_w, busy_w;                 /* at the meter, of one unit: with nothing to do, and at its capacity */
	const struct system *system;
	struct outcome at_capacity;            /* the run at qps[CAPACITY_LIKELY] */
	double requests;                       /* of the run that decides */
	double spans;                          /* its arrivals last so many times as long as its slow requests (P99); below SPANS_LEAST
						* the workload has no more requests, and the capacity is an upper bound */
};

struct capacity_options {
	int threads;
	double tolerance;                      /* of the rate, relative */
	bool interval;                         /* false: the likely case alone; the others are equal to it */
	const char *version;                   /* of the program: part of the keys */
	const struct search_memory *memory;    /* NULL: nothing is kept */
	void (*progress)(void *ctx, size_t done, size_t of);
	void *progress_ctx;
};

/* Fills out[i] for each scenario; results do not depend on threads. Names (one each) begin error texts. ERR_INPUT when one has no
 * targets or cannot be built, ERR_CHECK when it misses its targets at any rate. Systems live in the arena. */
MUST_USE bool unit_capacity_find(const struct scenario *const *scenarios, const char *const *names, size_t count,
				 const struct capacity_options *options, struct unit_capacity *out, struct arena *arena, struct err *err);

#endif
