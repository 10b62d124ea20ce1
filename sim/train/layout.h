/* The best parallel layout of a job: of all there are, without simulating those that cannot be it. */
#ifndef SIM_TRAIN_LAYOUT_H
#define SIM_TRAIN_LAYOUT_H

#include "sim/train/layout_space.h"
#include "sim/train/train.h"

enum layout_objective { LAYOUT_STEP, LAYOUT_COST, LAYOUT_MEMORY };
extern const char *const layout_objective_names[];

struct layout_search {
	enum layout_objective objective;       /* equally good ones: the first; of equal memory: the faster */
	enum layout_space space;
	int64_t tp_most;               /* 0: the scale-up domain, or (executions) all devices */
	bool exhaustive;               /* simulates all of them: what the search is tested against */
	struct job best;               /* out: the job with that layout */
	double best_step_s, best_peak_bytes;
	/* Candidates, and what became of them: no such layout, out of memory, worse than one simulated by its lower bound. */
	int64_t candidates, impossible, over_memory, beyond, simulated;
	double wall_s;
};
/* Candidates are priced from single layers to a lower bound of their step (layout_price.h), in the order of which they are
 * simulated until the next one's bound is above the best result: the answer is that of simulating all.
 * ERR_INPUT when none fits. */
MUST_USE bool layout_best(const struct job *job, const struct train_parts *parts, struct layout_search *search, struct err *err);

#endif
