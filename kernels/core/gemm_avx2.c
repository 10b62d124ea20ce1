/* gemm.inc for AVX2 and FMA. */
#include "kernels/core/cpu.h"
#include "kernels/core/gemm.inc"

const struct gemm_ops gemm_avx2 = { .variant = "avx2", .usable = cpu_has_avx2, .run = run };
