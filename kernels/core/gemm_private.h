/* Shared by the variants of gemm: the packed operand and who computes what. */
#ifndef KERNELS_CORE_GEMM_PRIVATE_H
#define KERNELS_CORE_GEMM_PRIVATE_H

#include "kernels/core/gemm.h"

enum { GROUP_FLOATS = 2 };           /* int4: kept of a group of A */

struct gemm_pack {
	uint32_t *units;              /* [rows][stride]; row numbers are the call's */
	int64_t stride;
	float *extra;                 /* int8: scale of a row; int4: [row][group][GROUP_FLOATS] */
	bool packs;                   /* false: A is read where it lies (fp32 or wide, few rows) */
};
/* wide: A stays fp32 whatever the weights' format. */
struct gemm_pack gemm_pack(const struct gemm_call *call, bool wide);

/* Panels [from, to) of a group that thread `me` of `of` computes. Shares follow rows + a constant for streaming the weights,
 * so that experts with few tokens and those with many balance; thread t of one group always gets the same panels. */
void gemm_share(const struct gemm_call *call, int group, int me, int of, int64_t *from, int64_t *to);

#endif
