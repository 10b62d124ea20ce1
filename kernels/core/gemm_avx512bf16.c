/* gemm.inc for AVX-512 with bf16 products. */
#include "kernels/core/cpu.h"
#include "kernels/core/gemm.inc"

const struct gemm_ops gemm_avx512bf16 = { .variant = "avx512bf16", .usable = cpu_has_avx512bf16, .run = run };
