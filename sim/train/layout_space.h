/* The parallel layouts of a job, one after the other: how the model is cut, and for each cut what else can be chosen. */
#ifndef SIM_TRAIN_LAYOUT_SPACE_H
#define SIM_TRAIN_LAYOUT_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/train/setup.h"

/*
 * layouts     degrees (tp, pp, cp, ep), chunks, micro-batch, recomputation, ZeRO; all else as the job says
 * executions  those of Calculon (Isaev et al. 2023, SC '23, section 4): degrees (tp, pp), chunks, micro-batch, recomputation,
 *             sharded optimizer, tensor collectives (all-reduce, with cut pipeline messages, sequence parallel), whether inputs
 *             are gathered again, overlap of tensor and of data collectives, host memory for weights, activations and
 *             optimizer, and the network of each kind of group
 */
enum layout_space { SPACE_LAYOUTS, SPACE_EXECUTIONS };
extern const char *const layout_space_names[];

/* What the arithmetic of a micro-batch depends on. */
struct cut {
	int64_t tp, pp, vp, cp, ep, etp, micro;
	int recompute, sequence_parallel, gather_again, tp_overlap, tp_network;
	bool scatter_sends;
};
/* What only its surroundings do. */
struct way {
	int zero, dp_overlap, pp_network, dp_network;
	bool offload_weights, offload_activations, offload_optimizer;
};
enum { WAYS_MOST = 256 };

void cut_apply(const struct cut *c, struct job *job);
void way_apply(const struct way *w, struct job *job);

/* Calls visit for every cut, in a fixed order; stops, and is false, when it says so. tp_most: 0 = the scale-up domain. */
bool cuts_each(const struct job *job, const struct train_parts *parts, enum layout_space space, int64_t tp_most,
	       bool (*visit)(void *ctx, const struct cut *c), void *ctx);
/* The ways of a cut, at most WAYS_MOST. */
size_t ways_of(const struct job *job, const struct train_parts *parts, enum layout_space space, const struct cut *c, struct way *out);

#endif
