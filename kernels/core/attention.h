/* Attention over a paged cache, grouped queries: decode (one token a sequence, the context split over threads) and prefill
 * (a causal chunk of a prompt whose keys and values are in the cache already). Online softmax (Milakov and Gimelshein 2018;
 * Dao 2022): nothing of the size of the score matrix is kept. */
#ifndef KERNELS_CORE_ATTENTION_H
#define KERNELS_CORE_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/core/paged.h"

struct attention_call {
	const struct paged_kv *kv;
	int64_t heads;                 /* query heads; a multiple of kv->kv_heads */
	float scale;                   /* of scores; usually 1/sqrt(head_dim) */
	int64_t window;                /* each query sees its last `window` tokens; 0: all */
	int64_t sequences;
	const int64_t *kv_len;         /* [sequences] tokens attended, the new ones included */
	const int64_t *first;          /* [sequences + 1] rows of q and out: sequence s has first[s+1]-first[s] new tokens; the
	                                * last of them sits at position kv_len[s] - 1. Decode: NULL, one row each. */
	const int32_t *const *tables;  /* [sequences] block numbers, in order of positions */
	const float *q;                /* [rows][heads][head_dim], rows q_stride apart */
	int64_t q_stride;
	float *out;                    /* [rows][heads][head_dim] contiguous */
	void *scratch;                 /* attention_scratch_bytes(), aligned to 64 */
	int threads;
};
struct attention_ops {
	const char *variant;
	bool (*usable)(void);          /* NULL: always */
	void (*decode)(const struct attention_call *call);
	void (*prefill)(const struct attention_call *call);
};
extern const struct attention_ops attention_ref, attention_avx2, attention_avx512;     /* beyond the reference: x86-64 only */
extern const struct attention_ops *const attention_variants[];     /* fastest first, the reference last; NULL-terminated */
const struct attention_ops *attention_best(void);

/* Scratch of decode and prefill for up to `sequences` at a time. */
size_t attention_scratch_bytes(int64_t sequences, int64_t heads, int64_t kv_heads, int64_t head_dim, int threads);

#endif
