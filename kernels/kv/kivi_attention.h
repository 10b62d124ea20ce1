/* Decode attention over a cache in 2 bits with the most recent tokens in full precision (KIVI, arXiv 2402.02750). */
#ifndef KERNELS_KV_KIVI_ATTENTION_H
#define KERNELS_KV_KIVI_ATTENTION_H

#include <stdbool.h>

#include "kernels/kv/kivi_tile.h"

enum { KIVI_DIM_MOST = 256 };

/* One cached head of one sequence: blocks of 64 tokens, each head_dim / 64 tiles of keys and as many of values; then `recent`
 * tokens as they are. head_dim: a multiple of 64, at most KIVI_DIM_MOST. */
struct kivi_cache {
	const struct kivi_tile *tiles;
	const int32_t *table;                  /* block numbers, tiles of consecutive ones `stride` apart; NULL: one after the other */
	int64_t stride;
	const float *keys, *values;            /* [recent][head_dim] */
	int64_t blocks, recent, head_dim;
};
/* The tiles of a sequence's block: keys, then values. */
static inline const struct kivi_tile *kivi_block(const struct kivi_cache *c, int64_t block)
{
	return c->tiles + (c->table ? c->table[block] * c->stride : block * 2 * (c->head_dim / KIVI_SIDE));
}

/* What the cache holds of one token, restored where it is packed. */
float kivi_element(const struct kivi_cache *c, int64_t token, int64_t channel, bool value);

struct kivi_ops {
	void (*head)(const struct kivi_cache *c, const float *q, float scale, float *out);
};
extern const struct kivi_ops kivi_ref, kivi_avx2, kivi_avx512;         /* beyond the reference: x86-64 only */
const struct kivi_ops *kivi_best(void);

#endif
