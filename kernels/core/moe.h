/* Mixture of experts: choosing experts, sorting tokens by expert, grouped products, adding the results up. */
#ifndef KERNELS_CORE_MOE_H
#define KERNELS_CORE_MOE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/core/gemm.h"

/* The top_k largest of each row of logits [m][experts], largest first (ties: the lower number). Weights: softmax over all
 * experts, then, when `renormalise`, divided by their sum over the chosen. */
void moe_route(const float *logits, int64_t m, int64_t experts, int64_t top_k, bool renormalise, int32_t *chosen, float *weights,
	       int threads);

struct moe_call {
	const struct weights *const *gate_up;     /* [experts] [2 n][k]: gate rows, then up rows */
	const struct weights *const *down;        /* [experts] [k][n] */
	int64_t experts, top_k, n, k;             /* n: width of an expert, k: hidden */
	const float *x;                           /* [m][k] */
	int64_t m;
	const int32_t *chosen;                    /* [m][top_k] from moe_route */
	const float *weights;
	float *out;                               /* [m][k], set */
	void *scratch;                            /* moe_scratch_bytes(), aligned to 64 */
	int threads;
};
size_t moe_scratch_bytes(int64_t m, int64_t experts, int64_t top_k, int64_t n, int64_t k);
/* out = sum over chosen e of weight_e * down_e(silu(gate_e x) * up_e x), with the given variant of the product (NULL: best). */
void moe_run(const struct moe_call *call, const struct gemm_ops *ops);

#endif
