/* chunk_forms.inc for the instruction set of this file's name. */
#include "kernels/arch/chunk_forms.inc"

const struct chunk_ops chunk_avx512 = CHUNK_OPS;
