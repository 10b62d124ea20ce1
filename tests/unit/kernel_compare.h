/* Random operands and comparisons for the kernel suites. */
#ifndef TESTS_UNIT_KERNEL_COMPARE_H
#define TESTS_UNIT_KERNEL_COMPARE_H

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/rng.h"

static inline float *random_floats(struct rng *r, int64_t count, float scale)
{
	float *x = mem_alloc_aligned((size_t)count * sizeof(*x));

	for (int64_t i = 0; x && i < count; i++)
		x[i] = (float)(rng_uniform(r) - 0.5) * scale;
	return x;
}

/* Largest difference over the largest magnitude: sums of terms with both signs cancel, so single elements say nothing. */
static inline double difference(const float *got, const float *want, int64_t count)
{
	double worst = 0, size = 1e-30;

	for (int64_t i = 0; i < count; i++) {
		if (!isfinite(got[i]))
			return INFINITY;
		worst = fmax(worst, fabs((double)got[i] - (double)want[i]));
		size = fmax(size, fabs((double)want[i]));
	}
	return worst / size;
}

static inline void check_close(const char *what, const char *variant, const float *got, const float *want, int64_t count,
			       double tolerance)
{
	double d = difference(got, want, count);

	if (!(d <= tolerance))
		fprintf(stderr, "%s (%s): differs by %.3g from the reference, expected at most %.3g\n", what, variant, d, tolerance);
	CU_ASSERT(d <= tolerance);
}

#endif
