/* Kernels as operators: the shape that a kernel ran is the operator that the model prices. */
#ifndef VALIDATION_KERNEL_OPS_H
#define VALIDATION_KERNEL_OPS_H

#include "base/str.h"
#include "hardware/operator.h"
#include "kernels/harness/kernel.h"

/* False when the family has no operator. */
bool kernel_op(const struct kernel_family *f, const struct shape *s, struct op *out);
/* "gemm fp32 m=16 n=4096 k=4096": what an id and a table row show. */
void kernel_shape_text(const struct kernel_family *f, const struct shape *s, struct str *out);

#endif
