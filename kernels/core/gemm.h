/* Matrix products with packed weights: C[m,n] = A[m,k] W[n,k]^T, any m from 1 (GEMV) up, and groups of them (MoE experts). */
#ifndef KERNELS_CORE_GEMM_H
#define KERNELS_CORE_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/core/weights.h"

/* Group g takes rows first[g] .. first[g+1]-1 of A and C with weights[g]; all groups have one n, k and format. A and C are
 * fp32, row-major; a bf16 or int8 product rounds A on its way in. */
struct gemm_call {
	const struct weights *const *weights;
	const int64_t *first;         /* groups + 1 row numbers */
	int groups;
	const float *a;
	int64_t lda;
	float *c;
	int64_t ldc;
	void *scratch;                /* gemm_scratch_bytes(), aligned to 64; the call's own while it runs */
	int threads;
};
struct gemm_ops {
	const char *variant;          /* "ref" "avx2" "avx512" */
	bool (*usable)(void);         /* NULL: always */
	void (*run)(const struct gemm_call *call);
};
extern const struct gemm_ops gemm_ref, gemm_avx2, gemm_avx512;     /* beyond the reference: x86-64 only */
extern const struct gemm_ops *const gemm_variants[];     /* fastest first, the reference last; NULL-terminated */
const struct gemm_ops *gemm_best(void);

/* For m rows (all groups together) of k elements. */
size_t gemm_scratch_bytes(int64_t m, int64_t k);

/* The fastest variant on this machine. */
void gemm(const struct weights *w, const float *a, int64_t lda, int64_t m, float *c, int64_t ldc, void *scratch, int threads);
void gemm_grouped(const struct gemm_call *call);

#endif
