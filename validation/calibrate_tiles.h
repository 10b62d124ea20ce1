/* Products between the rows that were measured: time follows the tiles that a kernel cuts rows into, which a straight line does not see. */
#ifndef VALIDATION_CALIBRATE_TILES_H
#define VALIDATION_CALIBRATE_TILES_H

#include <stddef.h>
#include <stdint.h>

/* One matrix: seconds of some numbers of rows, rising; those up to a tile's among them, or lines between them stand for them. */
struct tile_curve {
	const int64_t *rows;
	const double *seconds;
	size_t count;
	int64_t tile;                  /* most rows of a tile */
};

/* Rows of the largest tile of a product's variant; 0: it has none, or none that is known. */
int64_t tile_rows_of(const char *variant);

/* Seconds of m rows, within what was measured: m rows make as few tiles as they can, all alike but for a row. The first takes what as many
 * rows take by themselves, others what a second one added; what that is off by where it was measured is straight in 1/m in between. */
double tile_curve_at(const struct tile_curve *c, int64_t m);

/* Whether the curve bends at m: tiles of one length alone, or one tile more than m - 1 rows make. Straight lines between such m say the same
 * as tile_curve_at. */
int tile_curve_bends(const struct tile_curve *c, int64_t m);

#endif
