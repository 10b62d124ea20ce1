/* Log-linear histogram of positive doubles: percentiles within 0.1 % relative error in constant memory, O(1) an add.
 * A bucket is one of 1,024 equal parts of a power of two (HdrHistogram's layout on the bits of the double). */
#ifndef BASE_SKETCH_H
#define BASE_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct sketch;
MUST_USE struct sketch *sketch_new(void);                             /* about 0.5 MiB; NULL on failure */
void sketch_add(struct sketch *s, double value, double weight);       /* value <= 0 counts as zero; NaN and infinity are ignored */
/* As sketch_add of each with weight 1, in order, at a fraction of the price. */
void sketch_add_many(struct sketch *s, const double *values, int64_t count);
/* Adds `count` values first, first + step, ... each with `weight`: as that many sketch_add calls, in O(buckets touched). */
void sketch_add_ramp(struct sketch *s, double first, double step, int64_t count, double weight);
void sketch_merge(struct sketch *into, const struct sketch *from);
double sketch_count(const struct sketch *s);                          /* total weight */
double sketch_sum(const struct sketch *s);                            /* exact weighted sum */
double sketch_mean(const struct sketch *s);                           /* exact; 0 when empty */
double sketch_min(const struct sketch *s);                            /* exact */
double sketch_max(const struct sketch *s);                            /* exact */
/* q in [0, 1]; 0 when empty. With equal weights the same convention as exact_quantile: linear between the two nearest. */
double sketch_quantile(const struct sketch *s, double q);
/* The quantiles 0, 1 / (count - 1), ..., 1 in one walk; count > 1. */
void sketch_quantiles(const struct sketch *s, int count, double *out);
void sketch_clear(struct sketch *s);
void sketch_free(struct sketch *s);

/* Exact percentile with linear interpolation, as numpy and vLLM's benchmark compute it; moves the values about. */
double exact_quantile(double *values, int64_t count, double q);

#endif
