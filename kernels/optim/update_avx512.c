/* update.inc for the instruction set of this file's name. */
#include "kernels/optim/update.inc"

const struct update_ops update_avx512 = UPDATE_OPS;
