/* tile_gemm.inc for the instruction set of this file's name. */
#include "kernels/compiler/tile_gemm.inc"

void tile_gemm_avx512(const struct tile_call *t)
{
	run_tiles(t);
}
