/* The analytic provider: data-sheet peaks with the efficiencies that the device's file gives, or those of its kind. */
#ifndef HARDWARE_ROOFLINE_H
#define HARDWARE_ROOFLINE_H

#include "hardware/cost.h"

/* Prices one operator that runs on the device alone (no collective, host or host-transfer operator) by the law of
 * fitted.h: launches + max(FLOPs / (share x peak), bytes / (share x bandwidth)) and, on GPUs, the habits that kernels of
 * this kind showed on every GPU measured (roofline.c). Systolic arrays pad products to their size.
 * Never below op_flops / device_peak nor op_bytes / device_bandwidth. */
void roofline_op(const struct device *d, const struct op *op, struct op_cost *out);
/* The same of the kernels of a serving stack, as far as it says what they reach. stack may be NULL. */
void roofline_op_under(const struct device *d, const struct stack *stack, const struct op *op, struct op_cost *out);

/* FLOPs of a matrix product once extents are padded to tiles of tile_m x tile_n x tile_k and the last wave of tiles over
 * `units` is filled up (0: no padding, no waves), at least op_flops. */
double roofline_padded_flops(const struct op *op, int64_t tile_m, int64_t tile_n, int64_t tile_k, int64_t units);

/* What software reaches on the device for this operator: shares of peak arithmetic and of memory bandwidth, and the fixed
 * time of a kernel; its file's <efficiency>, else figures typical of its kind (known = false). */
struct roofline_shares {
	double compute, memory, launch_s;
	bool known;
};
void roofline_shares(const struct device *d, const struct op *op, struct roofline_shares *out);
/* Share of a plain stream's bandwidth that element-wise kernels of this kind reach: on GPUs the medians of Vidur's profiles of A100, H100,
 * A40 and A30 relative to their residual addition, or what the stack (NULL: none) says of its norms; 1 on other devices and for other kinds. */
double roofline_stream_share(const struct device *d, const struct stack *stack, enum op_kind kind);
/* Share of its peak that large products of format t leave a GPU within its power limit; NAN for other devices and where the
 * limit is unknown. */
double roofline_power_share(const struct device *d, enum dtype t);
/* Expected relative error of an analytic answer with such shares. */
double roofline_error(const struct device *d, bool known);

/* True when the operator's arithmetic runs on the matrix units (GEMM, attention, experts), else on vector units. */
bool roofline_is_matrix(const struct op *op);

/* Peak that op's arithmetic can reach, FLOP/s: device_peak of its dtype, or the vector rate. */
double roofline_peak(const struct device *d, const struct op *op);

#endif
