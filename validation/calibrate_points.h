/* Which shapes calibration measures: grids around what transformer layers of 10 million to a few billion parameters ask of one
 * machine, operator by operator. */
#ifndef VALIDATION_CALIBRATE_POINTS_H
#define VALIDATION_CALIBRATE_POINTS_H

#include <stddef.h>

#include "base/err.h"
#include "base/rng.h"
#include "kernels/harness/kernel.h"

/* A visit takes samples of all its shapes while their operands are there. */
struct visit {
	const struct kernel_family *family;
	const struct kernel *kernel;
	struct shape shapes[32];       /* the largest first, when the family shrinks */
	int count;
};
struct visits {
	struct visit *at;
	size_t count, capacity;
};
/* `op`: only families whose name begins so (NULL: all). quick: a coarser grid. Every usable variant with `all_variants`, else the one
 * that runs by default. */
MUST_USE bool visits_plan(struct visits *out, const char *op, bool quick, bool all_variants, int threads, struct err *err);
void visits_release(struct visits *v);

/* A shape inside the range of the grid and not on it; false when the family is not calibrated. */
bool unseen_shape(const struct kernel_family *f, struct rng *r, int threads, struct shape *out);

#endif
