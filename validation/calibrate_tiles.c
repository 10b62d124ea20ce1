#include "validation/calibrate_tiles.h"

#include <math.h>
#include <string.h>

int64_t tile_rows_of(const char *variant)
{
	/* MR in kernels/core/gemm.inc: sums of 12 (6) rows fill the registers. */
	return !strcmp(variant, "avx512") ? 12 : !strcmp(variant, "avx2") ? 6 : 0;
}

static double line(const struct tile_curve *c, double m)
{
	size_t i = 1;

	while (i + 1 < c->count && (double)c->rows[i] < m)
		i++;
	return c->seconds[i - 1] + (c->seconds[i] - c->seconds[i - 1]) * (m - (double)c->rows[i - 1]) / (double)(c->rows[i] - c->rows[i - 1]);
}

/* A tile behind the first one, whose weights are near: what two of them take beyond one, where two were measured. */
static double next_tile(const struct tile_curve *c, double rows)
{
	double low = 0, high = 0, at_low = 0, at_high = 0;

	for (size_t i = 0; i < c->count; i++) {
		double each = (double)c->rows[i] / 2, more = c->seconds[i] - line(c, each);

		if (c->rows[i] <= c->tile || c->rows[i] > 2 * c->tile)
			continue;
		if (low == 0 || each <= rows)
			low = each, at_low = more;
		if (high < rows || high == 0)
			high = each, at_high = more;
	}
	if (low == 0)
		return line(c, rows);
	return high > low ? at_low + (at_high - at_low) * (fmin(fmax(rows, low), high) - low) / (high - low) : at_low;
}

/* Tiles one after the other, their lengths as alike as can be. */
static double one_by_one(const struct tile_curve *c, int64_t m)
{
	int64_t tiles = (m + c->tile - 1) / c->tile, rows = m / tiles, longer = m % tiles;

	return line(c, (double)rows) + (double)(tiles - 1 - longer) * next_tile(c, (double)rows) + (double)longer * next_tile(c, (double)rows + 1);
}

double tile_curve_at(const struct tile_curve *c, int64_t m)
{
	size_t i = 1;
	double below, above;

	if (m <= c->tile || c->count < 2)
		return c->count < 2 ? c->seconds[0] : line(c, (double)m);
	while (i + 1 < c->count && c->rows[i] < m)
		i++;
	below = c->seconds[i - 1] / one_by_one(c, c->rows[i - 1]);
	above = c->seconds[i] / one_by_one(c, c->rows[i]);
	return one_by_one(c, m) * (below + (above - below) * (1 / (double)c->rows[i - 1] - 1 / (double)m) / (1 / (double)c->rows[i - 1] - 1 / (double)c->rows[i]));
}

int tile_curve_bends(const struct tile_curve *c, int64_t m)
{
	int64_t tiles = (m + c->tile - 1) / c->tile;

	return m > c->tile && (m % tiles == 0 || (m - 1) % c->tile == 0);
}
