/* Products of 8-bit activations with weights -1, 0, 1 in two bits (BitNet b1.58, arXiv 2402.17764), exact. */
#ifndef KERNELS_ARCH_TERNARY_H
#define KERNELS_ARCH_TERNARY_H

#include <stdint.h>

enum { TERNARY_BLOCK = 128 };          /* weights of 32 bytes */

/* Rows of whole blocks. Byte i of a block holds weights i, i + 32, i + 64 and i + 96, weight + 1 in two bits each from the lowest on:
 * a shift and a mask bring 32 neighbours side by side. Padding is weight -1 against an activation of 0. */
static inline int64_t ternary_blocks(int64_t k)
{
	return (k + TERNARY_BLOCK - 1) / TERNARY_BLOCK;
}
void ternary_pack(const int8_t *w, int64_t k, uint8_t *row);           /* one row; ternary_blocks(k) * 32 bytes */

struct ternary_call {
	const uint8_t *codes;          /* [n][blocks][32] */
	const int8_t *x;               /* [m][blocks * 128], zero beyond k */
	const int32_t *x_sum;          /* [m] sums of x: what weight + 1 brings too much */
	int32_t *y;                    /* [m][n] */
	int64_t m, n, blocks;
	int threads;
};
struct ternary_ops {
	void (*run)(const struct ternary_call *call);
};
extern const struct ternary_ops ternary_ref, ternary_avx2, ternary_avx512;     /* beyond the reference: x86-64 only */
const struct ternary_ops *ternary_best(void);

#endif
