#include "kernels/kv/kivi_tile.h"

#include <math.h>

/* Scale and minimum are rounded first, codes chosen for what was rounded. */
static void pack_group(struct kivi_tile *t, const float *x, int64_t column, int r, int g)
{
	float low = x[0], high = x[0], step;

	for (int c = 1; c < KIVI_GROUP; c++) {
		low = fminf(low, x[c * column]);
		high = fmaxf(high, x[c * column]);
	}
	t->least[g][r] = bf16_from_float(low);
	low = float_from_bf16(t->least[g][r]);
	t->scale[g][r] = bf16_from_float(fmaxf(high - low, 0) / 3);
	step = float_from_bf16(t->scale[g][r]);
	for (int c = 0; c < KIVI_GROUP; c++) {
		long code = step > 0 ? lrintf((x[c * column] - low) / step) : 0;
		int at = g * KIVI_GROUP + c;

		t->code[r][at % 4] |= (uint32_t)(code < 0 ? 0 : code > 3 ? 3 : code) << (2 * kivi_field[at / 4]);
	}
}

void kivi_tile_pack(struct kivi_tile *t, const float *x, int64_t row, int64_t column)
{
	*t = (struct kivi_tile){ 0 };
	for (int r = 0; r < KIVI_SIDE; r++)
		for (int g = 0; g < KIVI_GROUPS; g++)
			pack_group(t, x + r * row + g * KIVI_GROUP * column, column, r, g);
}
