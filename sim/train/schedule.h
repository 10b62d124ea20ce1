/* Pipeline schedules: which passes a stage runs in which order. A table of them; pipeline.c runs any. */
#ifndef SIM_TRAIN_SCHEDULE_H
#define SIM_TRAIN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum pass { PASS_FORWARD, PASS_BACKWARD, PASS_WEIGHT, PASS_COUNT };

/* Where the chunks of the model lie. */
enum chunk_placement {
	CHUNKS_ROUND,          /* chunk g on rank g mod p */
	CHUNKS_V,              /* down the ranks and back up: two chunks a rank */
	CHUNKS_BOTH            /* two copies of the model, half of the micro-batches from each end: two chunks a rank */
};

struct slot {
	int32_t chunk, micro;          /* chunk: of the model, 0 .. chunks - 1 */
	enum pass pass;                /* PASS_FORWARD or PASS_BACKWARD */
};

struct schedule_ops {
	const char *name, *help, *source;
	bool split;                    /* weight gradients are passes of their own, run where a rank would wait */
	enum chunk_placement chunks;
	bool hides_exchange;           /* forward of one micro-batch runs beside the exchanges of another's backward, and back */
	bool early_optimizer;          /* the optimizer step of a rank does not wait for the others (post-validated) */
	/* The fixed order of a rank: fills out[2 * m * v]; NULL: ranks take what is ready, backward first. */
	void (*order)(int rank, int p, int v, int m, struct slot *out);
	/* (split) Micro-batches of a chunk whose activations may be held, from its forward pass to its weight gradients;
	 * depth: how many chunks the pipeline has from this one to its end. */
	int (*limit)(int depth, int p);
	/* As published: idle time of a rank over the step in units of f + b + w of one micro-batch on all of a rank's chunks, for f = b = w. */
	double (*bubble)(int p, int v, int m);
	/* Most chunk activations held by the first rank, in micro-batches of all of a rank's chunks. */
	double (*in_flight)(int p, int v, int m);
};

extern const struct schedule_ops *const schedules[];   /* NULL-terminated */
MUST_USE const struct schedule_ops *schedule_require(const char *name, struct err *err);
int schedule_rank(const struct schedule_ops *s, int chunk, int p);
/* Chunks that a rank holds; the model has p times as many (CHUNKS_BOTH: half of them are the second copy). */
int schedule_chunks(const struct schedule_ops *s, int vp);

#endif
