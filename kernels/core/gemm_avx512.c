/* gemm.inc for AVX-512 with VNNI. */
#include "kernels/core/cpu.h"
#include "kernels/core/gemm.inc"

const struct gemm_ops gemm_avx512 = { .variant = "avx512", .usable = cpu_has_avx512, .run = run };
