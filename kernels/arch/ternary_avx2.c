/* ternary.inc for the instruction set of this file's name. */
#include "kernels/arch/ternary.inc"

const struct ternary_ops ternary_avx2 = { .run = run };
