/* kivi_attention.inc for the instruction set of this file's name. */
#include "kernels/kv/kivi_attention.inc"

const struct kivi_ops kivi_avx2 = { .head = one_head };
