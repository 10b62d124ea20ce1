/* diff_decode.inc for the instruction set of this file's name. */
#include "kernels/compiler/diff_decode.inc"

void diff_pair_avx512(const struct diff_pair *p)
{
	one_pair(p);
}
