/* What a step has beside its pipeline: memory of a stage, the optimizer, gathered weights, loading, the slowest device. */
#ifndef SIM_TRAIN_FINISH_H
#define SIM_TRAIN_FINISH_H

#include "sim/train/setup.h"

/* Memory of a stage when the pipeline held `in_flight` micro-batches of chunks at its fullest rank. `stages`: the parameters of all;
 * where a rank works in both directions it holds the mirrored stage's weights and gradients, too. */
void train_stage_memory(const struct train_setup *s, int stage, double in_flight, const struct training_parameters *stages,
			const struct training_activations *a, struct training_memory *out);
/* Of a device's share of its host, bytes; INFINITY: not known. */
double train_host_capacity(const struct train_setup *s);

/* Clipping and the optimizer on a rank's shard, and the weights gathered for the next forward pass behind it, as far as that
 * hides them (gather_s, forward_s: sums over the stage's chunks). Raises what the stages before took. */
struct train_end {
	double optimizer_s, gather_s;
};
void train_end_add(const struct train_setup *s, const struct training_parameters *n, double gather_s, double forward_s, struct train_end *end);

double train_data_s(const struct train_setup *s);
/* The slowest of all devices over their mean: all wait for each other. */
double train_slowest(const struct train_setup *s);
/* Pipeline, reductions included, and all that follows. */
double train_step_s(const struct train_setup *s, double pipeline_s, const struct train_end *end);

#endif
