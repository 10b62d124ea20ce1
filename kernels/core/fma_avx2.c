/* fma.inc for the instruction set of this file's name. */
#include "kernels/core/fma.h"
#include "kernels/core/fma.inc"

void fma_avx2(const struct kernel_run *r)
{
	run(r);
}
