/* Products from tiles of 16 x 16 with staging (ThunderKittens, arXiv 2410.20399). */
#ifndef KERNELS_COMPILER_TILE_GEMM_H
#define KERNELS_COMPILER_TILE_GEMM_H

#include <stdint.h>

enum { TILE = 16, STAGE_DEPTH = 256 };          /* side of an output tile; steps along k that one stage holds */

/* C[m,n] = A[m,k] W[n,k]', all row-major. A producer brings the operands of one stage into tile order -- 16 rows of A, or of W, side by
 * side at each step of k -- while the consumer multiplies the stage before it. */
struct tile_call {
	const float *a, *w;
	float *c;
	int64_t m, n, k;
	float *stage;                  /* tile_scratch() floats, aligned to 64 */
};
static inline int64_t tile_scratch(int64_t m)
{
	return ((m + TILE - 1) / TILE + 2) * TILE * STAGE_DEPTH;
}
void tile_gemm_avx2(const struct tile_call *t);
void tile_gemm_avx512(const struct tile_call *t);

#endif
