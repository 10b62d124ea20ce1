/* The best deployment of a space: bounds first, then simulations in waves, each of which sees what the waves before it found. The
 * answer is that of brute force, for any number of threads and processes. */
#ifndef SIM_PLAN_SEARCH_H
#define SIM_PLAN_SEARCH_H

#include "sim/plan/candidate.h"
#include "sim/plan/team.h"

/* What the best is, one line each in objective.c. */
struct objective {
	const char *name, *help;
	int figure;                            /* enum outcome_figure */
};
extern const struct objective objectives[];    /* ends with a NULL name */
const struct objective *objective_find(const char *name, struct err *err);     /* NULL + err (nearest name) */

enum { FRONTS = 2, BEST_MOST = 1000, INTERVALS_MOST = 10 };
/* Fronts: cost of a token against the time of a request; tokens per device against tokens per user. */
extern const struct front_axes {
	const char *name, *title;
	int figures[2];
} front_axes[FRONTS];

/* Outcomes kept from run to run. Called from one thread at a time of the first process. */
struct search_memory {
	bool (*recall)(void *ctx, const char *key, struct outcome *out, bool *found, struct err *err);
	bool (*keep)(void *ctx, const char *key, const struct outcome *o, struct err *err);
	void *ctx;
};

struct search_options {
	const struct objective *objective;
	struct limits limits;
	int threads;
	size_t best;                           /* how many of the best to find exactly */
	bool best_only;                        /* prune by the objective alone: fronts hold only what was simulated */
	bool brute;                            /* no bounds, no pruning, no early end: for tests and measurements */
	bool capacity;
	double tolerance;
	const char *version;                   /* of the program: part of the keys */
	const struct transport_ops *transport; /* NULL: this process alone */
	const struct search_memory *memory;    /* NULL: nothing is kept */
	void (*progress)(void *ctx, size_t done, size_t of, const char *what);
	void *progress_ctx;
	bool (*stop)(void *ctx);               /* asked now and then; NULL: never */
	void *stop_ctx;
};

struct candidate {
	int64_t index;                         /* of the space */
	struct bounds bounds;
	struct outcome *outcome;               /* NULL: decided without a simulation */
	bool front[FRONTS];
};

struct interval {                      /* of one of the best: with all operators faster and slower (sim/interval.h) */
	double rel_error;
	bool kept;                             /* read from a kept search: the ends are of each figure's interval */
	struct outcome faster, slower;
};
/* The ends of a figure's interval; the likely outcome is always within (a capacity is found to a tolerance, latencies at another
 * capacity are others). False: not known. */
bool interval_ends(const struct interval *in, const struct outcome *likely, int figure, double *low, double *high);

struct search {
	struct space space;
	const struct scenario *base;
	struct candidate *candidates;          /* by index */
	size_t count, simulated, recalled;
	size_t with_status[OUTCOME_STATUSES], feasible;
	size_t *best;                          /* candidates, best first */
	size_t best_count;
	size_t *fronts[FRONTS];                /* candidates, along the front */
	size_t front_counts[FRONTS];
	struct interval *intervals;            /* of the first few of the best */
	size_t interval_count;
	int processes, lost;
	bool interrupted;
};

/*
 * Runs the search. Under a transport every process calls it; those other than the first do what they are given and return with
 * out->count = 0. Everything in *out lives in the arena.
 */
MUST_USE bool search_run(const struct scenario *base, const struct space *space, const struct search_options *options, struct search *out,
			 struct arena *arena, struct err *err);

#endif
