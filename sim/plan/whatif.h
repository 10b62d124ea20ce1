/* One scenario against variants of it: what changes, which change does how much, what the answer depends on, and how far
 * it is to be trusted. Every run has the same requests (common random numbers). */
#ifndef SIM_PLAN_WHATIF_H
#define SIM_PLAN_WHATIF_H

#include "sim/plan/axis.h"
#include "sim/plan/outcome.h"

enum whatif_mode { WHATIF_GRID, WHATIF_LIST, WHATIF_PAIRED };
extern const char *const whatif_mode_names[];  /* "grid" "list" "paired" */

enum { CHANGES_MOST = 8, VARIANTS_MOST = 20000, BARS_MOST = 64 };

struct whatif_options {
	enum whatif_mode mode;
	int threads;
	int figure;                            /* enum outcome_figure: what the verdicts, waterfall and tornado are about */
	bool confidence;                       /* carry operator errors to the differences */
	bool waterfall;                        /* needs 2 to CHANGES_MOST axes */
	bool sensitivity;                      /* the tornado */
	bool (*stop)(void *ctx);               /* asked now and then, from any thread; true ends the study with an error; NULL: never */
	void *stop_ctx;
};

enum verdict { VERDICT_NONE, VERDICT_WITHIN_ERROR, VERDICT_LIKELY, VERDICT_CERTAIN };
extern const char *const verdict_names[];      /* "" "within the error" "likely" "certain" */

/* How sure a difference is, from the errors of the operators under it. */
struct certainty {
	double sigma;                          /* standard deviation of the difference, in its unit; NAN = not computed */
	double probability;                    /* that the sign is right */
	enum verdict verdict;
};

struct variant {
	const char *label;                     /* "tp=4 with=none" */
	int choice[AXES_MOST];                 /* value of each axis; AXIS_KEEP */
	const struct scenario *scenario;
	struct outcome outcome;
	struct certainty against_base[FIGURES];
};

struct change {                        /* one bar of the waterfall: an axis goes from the base's value to its last */
	const char *label;
	double alone[FIGURES];                 /* base with this change, minus base */
	double removed[FIGURES];               /* all changes, minus all but this one */
	double shapley[FIGURES];               /* mean over all orders of what it adds; they sum to all changes minus base */
};

struct bar {                           /* one bar of the tornado: a parameter at two values */
	const char *label;                     /* "memory bandwidth", "error of gemm" */
	bool own_error;                        /* the model's own, one standard deviation; else -20 % and +20 % */
	struct outcome low, high;
};

struct ranked {                        /* neighbours in order of the figure */
	size_t better, worse;                  /* variants */
	struct certainty certainty;
};

struct whatif {
	struct space space;
	struct whatif_options options;
	struct variant *variants;              /* 0: the base */
	size_t variant_count;
	struct change *changes;
	size_t change_count;
	struct outcome all_changes;
	struct bar *bars;
	size_t bar_count;
	struct ranked *ranking;
	size_t ranked_count;
	size_t simulations;
};

/* Runs the study; everything in *out lives in the arena. progress (may be NULL) is called from one thread at a time. */
MUST_USE bool whatif_run(const struct scenario *base, const struct space *space, const struct whatif_options *options,
			 void (*progress)(void *ctx, size_t done, size_t of), void *ctx, struct whatif *out, struct arena *arena,
			 struct err *err);

#endif
