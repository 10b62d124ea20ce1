/* The best parallel layout of a job: all that divide, those that fit, the one that is best. */
#ifndef SIM_TRAIN_LAYOUT_H
#define SIM_TRAIN_LAYOUT_H

#include "sim/train/train.h"

enum layout_objective { LAYOUT_STEP, LAYOUT_COST, LAYOUT_MEMORY };
extern const char *const layout_objective_names[];

struct layout_search {
	enum layout_objective objective;
	int64_t tp_most;               /* 0: the scale-up domain */
	struct job best;               /* out: the job with that layout */
	double best_step_s, best_peak_bytes;
	int64_t candidates, fitting;   /* layouts looked at; that fit into memory */
	double wall_s;
};
/* ERR_INPUT when none fits. */
MUST_USE bool layout_best(const struct job *job, const struct train_parts *parts, struct layout_search *search, struct arena *arena, struct err *err);

#endif
