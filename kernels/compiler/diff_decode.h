/* One decode step of differential attention (arXiv 2410.05258) over paged caches. */
#ifndef KERNELS_COMPILER_DIFF_DECODE_H
#define KERNELS_COMPILER_DIFF_DECODE_H

#include "kernels/core/paged.h"

/* A pair of heads over one table: keys of its own each, values shared and twice as wide. */
struct diff_pair {
	const struct paged_kv *keys, *values;  /* .k of the first, .v of the second */
	const int32_t *table;
	const float *q;                /* two rows */
	float *out, *weight;           /* weight: scratch of 2 (tokens + 16) */
	int64_t tokens, pair;
	float scale, lambda;
};
void diff_pair_avx2(const struct diff_pair *p);
void diff_pair_avx512(const struct diff_pair *p);

#endif
