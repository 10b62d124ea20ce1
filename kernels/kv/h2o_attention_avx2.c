/* h2o_attention.inc for the instruction set of this file's name. */
#include "kernels/kv/h2o_attention.inc"

void h2o_avx2(const struct h2o_head *h, int32_t *evicted)
{
	one_head(h, evicted);
}
