/* Statistics of small samples that assume no distribution: what may be said about measured numbers and about a history. */
#ifndef BASE_STATS_H
#define BASE_STATS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

void stats_sort(double *values, size_t count);                        /* ascending, in place */
double stats_median(const double *sorted, size_t count);              /* NAN of none */

/* Bounds of the median of what the samples come from. */
struct stats_interval {
	double low, high;
	double coverage;               /* what it has: at least what was asked for, less when the samples are too few */
};
/* Order statistics: the k-th smallest and k-th largest, k as large as the binomial law allows (five samples span 93.75 %). */
struct stats_interval stats_median_interval(const double *sorted, size_t count, double coverage);

/* Mann and Whitney 1947: do values of the one sample tend to be larger than those of the other? */
struct stats_mann_whitney {
	double u;                      /* pairs in which the value of a is the larger one, ties half */
	double p;                      /* two-sided */
	bool exact;                    /* from all assignments of the (mid)ranks; else the normal law, corrected for ties */
};
MUST_USE bool stats_mann_whitney(const double *a, size_t a_count, const double *b, size_t b_count, struct stats_mann_whitney *out,
				 struct err *err);
enum { STATS_EXACT_MOST = 60 };        /* samples of both together up to which it is exact */

/* Pettitt 1979: where a history changes its level most. */
struct stats_change {
	size_t at;                     /* first index of the new level; 0: no change, all values are equal or there are too few */
	double k;                      /* largest |U| */
	double p;                      /* share of orders of the same values with as large a k: all orders or 9,999 drawn ones */
};
MUST_USE bool stats_change_point(const double *values, size_t count, struct stats_change *out, struct err *err);

#endif
