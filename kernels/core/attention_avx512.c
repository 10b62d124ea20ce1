/* attention.inc for the instruction set of this file's name. */
#include "kernels/core/cpu.h"
#include "kernels/core/attention.inc"

const struct attention_ops attention_avx512 = ATTENTION(avx512);
