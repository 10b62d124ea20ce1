/* A technique's cache in place of the plain paged one: takes a batch's keys and values in, layer by layer, and attends to what it holds.
 * Blocks are those that the engine's pages hand out; what is not paged lies by seat: a number that a sequence has while it runs. */
#ifndef VALIDATION_ENGINE_CACHE_H
#define VALIDATION_ENGINE_CACHE_H

#include "validation/engine/forward.h"

/* One layer of one pass. Layers come in order; a sequence whose first row is at position 0 begins anew. */
struct cache_pass {
	const struct forward_batch *batch;
	int64_t layer;
	const float *qkv;              /* [rows][(heads + 2 kv_heads) head_dim], positions applied */
	float *out;                    /* [rows][heads head_dim] */
	void *scratch;                 /* of attention_scratch_bytes() for one sequence at least */
	void *timer;
	void (*spent)(void *timer, enum forward_op op);        /* what was done since the last call was this */
};

struct cache_ops {
	const char *name;
	int64_t block_tokens;          /* that the engine's blocks must have; 0: any */
	void *(*make)(const struct engine_shape *shape, const struct forward_limits *limits, struct err *err);
	void (*release)(void *cache);  /* NULL is fine */
	void (*attend)(void *cache, const struct cache_pass *pass);
	double (*bytes)(const void *cache);
};
extern const struct cache_ops cache_kivi, cache_h2o;

#endif
