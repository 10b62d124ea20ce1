/* A training job made concrete: catalog entries loaded, degrees settled, impossible layouts refused. */
#ifndef SIM_TRAIN_SETUP_H
#define SIM_TRAIN_SETUP_H

#include "hardware/cost.h"
#include "hardware/training_stack.h"
#include "models/technique.h"
#include "models/training_memory.h"
#include "sim/train/job.h"
#include "sim/train/schedule.h"

/* What all layouts of a job share. */
struct train_parts {
	const struct model *model;
	const struct device *device;
	const struct system *system;
	const struct training_stack *stack;
	const struct optimizer_ops *optimizer;
	struct technique_set techniques;
	double trainable;                      /* share of the weights that get gradients: the job's, times the techniques' */
	/* Owned: train_parts_release. Tables of collectives between nodes were measured on somebody else's network: those are
	 * priced from this system's own. `sister` (or NULL): a device of the same kind that promises no more. */
	struct cost_model *costs, *between_nodes, *sister;
};
MUST_USE bool train_parts_load(const struct job *job, struct train_parts *out, struct arena *arena, struct err *err);
void train_parts_release(struct train_parts *p);

/* One layout. */
struct train_setup {
	const struct job *job;
	const struct train_parts *parts;
	const struct schedule_ops *schedule;
	int64_t tp, pp, vp, cp, ep, dp, devices, micros;       /* vp: chunks a rank */
	int64_t data_ranks, shard_ranks;
	double dp_overlap;                     /* share of gradient and weight traffic that may hide behind arithmetic */
	struct training_graph_options graph;
	struct training_memory_options memory;
};
/* ERR_INPUT says what does not divide or fit together. */
MUST_USE bool train_setup(const struct job *job, const struct train_parts *parts, struct train_setup *out, struct err *err);
/* Takes up changes of what does not touch the cut of the model: ZeRO stage, overlap, host memory, networks between stages and
 * data ranks. ERR_INPUT when groups are too large for their network. */
MUST_USE bool train_setup_surroundings(struct train_setup *s, struct err *err);

#endif
