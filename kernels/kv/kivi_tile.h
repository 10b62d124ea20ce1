/* 64 x 64 elements of a cache in 2 bits (KIVI, arXiv 2402.02750): rows that share nothing, groups of 32 columns that share a scale
 * and a minimum in bf16 -- 3 bits an element. Keys: a row is a channel, columns are tokens; values: a row is a token, columns are
 * channels. Either way what attention wants is the same sum: weights of the rows times the restored rows. */
#ifndef KERNELS_KV_KIVI_TILE_H
#define KERNELS_KV_KIVI_TILE_H

#include <stdint.h>

#include "kernels/core/formats.h"

enum { KIVI_SIDE = 64, KIVI_GROUP = 32, KIVI_GROUPS = KIVI_SIDE / KIVI_GROUP };

/* Column c of a row lies in word c % 4, two bits from 2 kivi_field[c / 4] on: an order that lets few shuffles bring every field
 * below the leading bit of a float (kivi_attention.inc). */
static const uint8_t kivi_field[16] = { 10, 9, 12, 11, 6, 5, 8, 7, 2, 1, 4, 3, 14, 13, 15, 0 };
struct kivi_tile {
	uint32_t code[KIVI_SIDE][4];
	uint16_t scale[KIVI_GROUPS][KIVI_SIDE], least[KIVI_GROUPS][KIVI_SIDE];
};

/* Element (r, c) is at x[r * row + c * column]. */
void kivi_tile_pack(struct kivi_tile *t, const float *x, int64_t row, int64_t column);

static inline float kivi_tile_at(const struct kivi_tile *t, int r, int c)
{
	int g = c / KIVI_GROUP;

	return float_from_bf16(t->least[g][r]) + float_from_bf16(t->scale[g][r]) * (float)(t->code[r][c % 4] >> (2 * kivi_field[c / 4]) & 3);
}


#endif
