/* recurrent_step.inc for the instruction set of this file's name. */
#include "kernels/arch/recurrent_step.inc"

const struct step_ops step_avx2 = STEP_OPS;
