/* Operators that work a token (row) at a time: norms, rotary positions, activations, softmax, embedding, appending to the
 * cache, copies. All values fp32, rows contiguous; row i of x is x + i * n. In place (out == x) is allowed. */
#ifndef KERNELS_CORE_TOKENWISE_H
#define KERNELS_CORE_TOKENWISE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/core/paged.h"

struct rope {
	int64_t heads, head_dim;
	int64_t stride;                /* elements from one token's row to the next */
	const float *table;            /* rope_table() */
	bool interleaved;              /* pairs (2i, 2i+1) as in GPT-J; else (i, i + d/2) as in Llama's published weights */
};

struct tokenwise_ops {
	const char *variant;
	bool (*usable)(void);          /* NULL: always */
	void (*rmsnorm)(const float *x, const float *weight, float eps, float *out, int64_t m, int64_t n, int threads);
	void (*layernorm)(const float *x, const float *weight, const float *bias, float eps, float *out, int64_t m, int64_t n,
			  int threads);
	/* Rotates m tokens at the given positions in place. */
	void (*rope)(const struct rope *r, float *x, const int32_t *positions, int64_t m, int threads);
	/* out = x / (1 + exp(-x)) * up; row i of gate and up at i * stride (2 n when both come from one product). */
	void (*swiglu)(const float *gate, const float *up, int64_t stride, float *out, int64_t m, int64_t n, int threads);
	void (*gelu)(const float *x, float *out, int64_t m, int64_t n, int threads);      /* tanh form */
	void (*softmax)(const float *x, float *out, int64_t m, int64_t n, int threads);
	void (*add)(const float *x, const float *y, float *out, int64_t m, int64_t n, int threads);
	/* out[i] = row ids[i] of the table [vocabulary][n], fp32 or bf16. */
	void (*embedding)(const void *table, enum kernel_format format, const int32_t *ids, float *out, int64_t m, int64_t n,
			  int threads);
	/* Writes token i's keys and values (rows of kv_heads * head_dim, `stride` apart) to slot slots[i] = block * block_size + offset. */
	void (*kv_append)(const struct paged_kv *kv, const float *k, const float *v, int64_t stride, const int64_t *slots, int64_t m,
			  int threads);
	void (*copy)(const float *x, float *out, int64_t count, int threads);
	void (*triad)(const float *x, const float *y, float scale, float *out, int64_t count, int threads);   /* out = x + scale y */
};
extern const struct tokenwise_ops tokenwise_ref, tokenwise_avx2, tokenwise_avx512;     /* beyond the reference: x86-64 only */
extern const struct tokenwise_ops *const tokenwise_variants[];     /* fastest first, the reference last; NULL-terminated */
const struct tokenwise_ops *tokenwise_best(void);

/* cos and sin of position * theta^(-2i/d) for i < d/2: table[position][0..d/2) cos, [d/2..d) sin. `out` holds positions * d. */
void rope_table(float *out, int64_t positions, int64_t head_dim, double theta);

#endif
