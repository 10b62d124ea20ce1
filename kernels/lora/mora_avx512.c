/* mora.inc for the instruction set of this file's name. */
#include "kernels/lora/mora.inc"

void mora_avx512(const struct mora_call *c)
{
	folded_product(c);
}
