/* tokenwise.inc for the instruction set of this file's name. */
#include "kernels/core/cpu.h"
#include "kernels/core/tokenwise.inc"

const struct tokenwise_ops tokenwise_avx2 = TOKENWISE(avx2);
