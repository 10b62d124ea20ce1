/* Decode attention over the kept tokens of a cache that evicts by accumulated score (H2O, arXiv 2306.14048). */
#ifndef KERNELS_KV_H2O_ATTENTION_H
#define KERNELS_KV_H2O_ATTENTION_H

#include "kernels/core/paged.h"

/* One head: attends to `tokens` slots, adds its weights to their scores (into `next`), and finds the slot to give up: the least
 * score of those before the `recent` last ones. */
struct h2o_head {
	const struct paged_kv *kv;
	const int32_t *table;
	const float *q, *score;
	float *next, *out, *weight;    /* weight: scratch of tokens + 16 */
	int64_t tokens, recent, head;
	float scale;
};
typedef void h2o_function(const struct h2o_head *h, int32_t *evicted);
/* The fastest one here for this head size. */
h2o_function *h2o_best(int64_t head_dim);
void h2o_avx2(const struct h2o_head *h, int32_t *evicted);
void h2o_avx512(const struct h2o_head *h, int32_t *evicted);

#endif
