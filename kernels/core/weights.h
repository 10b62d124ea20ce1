/* A weight matrix W[n,k], packed once for the matrix products of gemm.h and streamed by them in memory order. */
#ifndef KERNELS_CORE_WEIGHTS_H
#define KERNELS_CORE_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "kernels/core/formats.h"

/* Panels of PANEL output columns. Within one: `units` steps along k, each 32 bits a column: one fp32, two bf16 or four int8
 * values; int4: 16 bits hold columns c and c + 16 of two k (nibbles: c k0, c+16 k0, c k1, c+16 k1). All variants read this
 * one layout. Units are computed in blocks (int4: a group), after which scales apply. */
enum { PANEL = 32 };

struct weights {
	enum kernel_format format;
	int64_t n, k;
	int64_t panels, units;        /* padded with zeros */
	int64_t blocks;               /* of units */
	void *data;                   /* [panels][units][PANEL] of 32 bits, int4: of 8 bits */
	float *scale;                 /* int8: [panels][PANEL] */
	int32_t *bias;                /* int8: [panels][blocks][PANEL]: 128 x sum of the block's weights, as activations are stored + 128 */
	uint16_t *group_scale;        /* int4: [panels][blocks][PANEL], bf16 */
	uint8_t *group_zero;          /* int4: the same, 0 .. 15 */
};

/* Units of a block: a group of int4; else so many that a block of A's row fills 1 KiB. */
static inline int64_t weights_block(const struct weights *w)
{
	return w->format == KERNEL_INT4 ? INT4_GROUP / 2 : w->format == KERNEL_BF16 ? 128 : 256;
}

/* Packs w, row-major [n][k], element (i, j) at w[i * ld + j]. Pages are first touched by the threads that gemm gives them to.
 * NULL with err when memory runs out. */
MUST_USE struct weights *weights_pack(enum kernel_format format, const float *w, int64_t ld, int64_t n, int64_t k, int threads,
				      struct err *err);
/* bf16 rows as they lie in model files; no fp32 copy is made. */
MUST_USE struct weights *weights_pack_bf16(enum kernel_format format, const uint16_t *w, int64_t ld, int64_t n, int64_t k,
					   int threads, struct err *err);
float weights_at(const struct weights *w, int64_t row, int64_t col);   /* the value that the packed form stands for */
/* The values that the packed form stands for, row-major [n][k]. */
void weights_unpack(const struct weights *w, float *out);
/* Bytes that a product streams: values and scales. */
size_t weights_bytes(const struct weights *w);
void weights_free(struct weights *w);                                /* NULL is fine */

#endif
