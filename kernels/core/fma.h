/* The peak of multiply-adds in registers: what other kernels' arithmetic is measured against. */
#ifndef KERNELS_CORE_FMA_H
#define KERNELS_CORE_FMA_H

#include "kernels/harness/kernel.h"

void fma_avx2(const struct kernel_run *r);     /* x86-64 only */
void fma_avx512(const struct kernel_run *r);

#endif
