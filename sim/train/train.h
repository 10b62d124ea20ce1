/* One training simulation: a job goes in, what a step takes and holds, and what weeks of it cost, comes out. */
#ifndef SIM_TRAIN_TRAIN_H
#define SIM_TRAIN_TRAIN_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "reports/train_result.h"
#include "sim/train/setup.h"

struct train_wishes {
	bool spans;                    /* keep every pass for a Gantt chart or a trace */
	bool reliability;              /* simulate failures over the whole job */
	bool any_memory;               /* do not refuse what does not fit (the result says so) */
};

/* Runs a job. Texts and arrays live in the arena. ERR_INPUT when it does not fit, saying by how much. */
MUST_USE bool train_run(const struct job *job, const struct train_wishes *wishes, struct train_result *out, struct arena *arena,
			struct err *err);
/* The same with what layouts share already loaded; fills the step, memory and breakdown. */
MUST_USE bool train_layout_run(const struct job *job, const struct train_parts *parts, const struct train_wishes *wishes,
			       struct train_result *out, struct arena *arena, struct err *err);

#endif
