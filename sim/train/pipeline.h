/* Discrete-event simulation of one step's pipeline: ranks run passes in the order of a schedule, wait for what they need,
 * send over links that carry one message at a time. */
#ifndef SIM_TRAIN_PIPELINE_H
#define SIM_TRAIN_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "sim/train/schedule.h"

/* Times of one chunk of the model, seconds a micro-batch. */
struct chunk_time {
	double pass_s[PASS_COUNT];     /* forward; backward (with recomputation); weight gradients */
	double send_s;                 /* activations to the next chunk (and gradients back) */
	double reduce_s;               /* gradients over the data ranks, when the last micro-batch is through */
};

struct pipeline_options {
	const struct schedule_ops *schedule;
	int ranks, chunks_a_rank, micros;
	const struct chunk_time *chunks;       /* of the model, in order: ranks * chunks_a_rank (CHUNKS_BOTH: of one copy, ranks) */
	double overlap;                /* share of reduce_s that may run beside arithmetic */
	double contention;             /* slowdown of arithmetic beside a collective */
	const double *slow;            /* (optional) a factor a rank: stragglers */
	/* (optional) each pass as it is done: kind PASS_COUNT is a gradient reduction. */
	void (*span)(void *ctx, int rank, enum pass kind, int chunk, int micro, double start_s, double end_s);
	void *ctx;
};

struct pipeline_result {
	double seconds;                /* until the last rank is done, reductions included */
	double arithmetic_s;           /* until the last pass is done */
	double busy_s;                 /* of the busiest rank */
	double bubble_s;               /* mean idle time of a rank before arithmetic_s */
	double exposed_reduce_s;       /* seconds - arithmetic_s, and contention before it */
	double in_flight;              /* most chunk activations a rank held */
	int64_t events;
};
/* Never more than pipeline_run's seconds, without running it: each rank's work, the way of the first micro-batch to it and of
 * the last one back from it, and reductions that nothing can hide. Exact on one rank. */
double pipeline_bound(const struct pipeline_options *o);
/* What pipeline_run's in_flight will be, where the schedule fixes the order of passes; 0: only a run tells. */
double pipeline_held(const struct schedule_ops *schedule, int ranks, int chunks_a_rank, int micros, struct slot *scratch);
MUST_USE bool pipeline_run(const struct pipeline_options *o, struct pipeline_result *out, struct err *err);

#endif
