#include "kernels/arch/ternary.h"

#include <string.h>

#include "kernels/core/cpu.h"

void ternary_pack(const int8_t *w, int64_t k, uint8_t *row)
{
	memset(row, 0, (size_t)ternary_blocks(k) * 32);
	for (int64_t i = 0; i < k; i++) {
		int64_t in = i % TERNARY_BLOCK;

		row[i / TERNARY_BLOCK * 32 + in % 32] |= (uint8_t)((w[i] + 1) << (2 * (in / 32)));
	}
}

/* Code by code. */
static void run(const struct ternary_call *c)
{
	for (int64_t r = 0; r < c->m; r++)
		for (int64_t j = 0; j < c->n; j++) {
			const uint8_t *codes = c->codes + j * c->blocks * 32;
			const int8_t *x = c->x + r * c->blocks * TERNARY_BLOCK;
			int32_t dot = 0;

			for (int64_t i = 0; i < c->blocks * TERNARY_BLOCK; i++) {
				int64_t in = i % TERNARY_BLOCK;

				dot += ((codes[i / TERNARY_BLOCK * 32 + in % 32] >> (2 * (in / 32)) & 3) - 1) * x[i];
			}
			c->y[r * c->n + j] = dot;
		}
}
const struct ternary_ops ternary_ref = { .run = run };

const struct ternary_ops *ternary_best(void)
{
#if defined(__x86_64__)
	if (cpu_has_avx512())
		return &ternary_avx512;
	if (cpu_has_avx2())
		return &ternary_avx2;
#endif
	return &ternary_ref;
}
