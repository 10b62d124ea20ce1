/* How well a calibrated device predicts kernels on shapes that calibration did not measure: predicted first, then measured. */
#ifndef VALIDATION_KERNELS_VALIDATE_H
#define VALIDATION_KERNELS_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "kernels/harness/kernel.h"
#include "kernels/harness/timing.h"
#include "reports/store.h"
#include "reports/table.h"
#include "validation/pulse.h"

struct kernels_options {
	const char *device;            /* a calibrated one; NULL: here */
	const char *area, *op;         /* only kernels of that area, or whose names begin so; NULL: all */
	int64_t seed, per_kernel;      /* shapes drawn a kernel */
	int rounds;                    /* visits of each, in random order */
	int threads;                   /* 0: as calibrated */
	enum residency where;          /* set from the device: NAME-cached was measured from the last-level cache */
	void (*progress)(void *ctx, double share, const char *what);
	void *ctx;
};
struct kernels_row {
	const char *id, *group;        /* "gemm fp32 m=3 n=240 k=528"; "gemm/avx512/fp32" */
	const struct kernel_family *family;
	const struct kernel *kernel;
	struct shape shape;
	double predicted_s, measured_s, low_s, high_s, rel_error;
	const char *provider;
	int used, outliers;
};
struct kernels_group {
	const char *name;
	size_t count;
	double median, p90;            /* of |predicted / measured - 1| */
};
struct kernels_study {
	const char *device, *clock, *counters;
	struct kernels_row *rows;
	struct kernels_group *groups;  /* by kernel, variant and format; the last one: all */
	size_t row_count, group_count;
	double pace_median;
	struct pulse then, now;        /* at calibration; here, before and after (their mean); 0 where calibration left none */
};
MUST_USE bool kernels_validate(const struct kernels_options *o, struct kernels_study *out, struct arena *arena, struct err *err);

/* Bars for the groups together. */
#define KERNELS_MEDIAN_BAR 0.05
#define KERNELS_P90_BAR 0.15
bool kernels_bar_met(const struct kernels_study *s);

MUST_USE bool kernels_text(const struct kernels_study *s, const struct term *term, struct str *out, struct err *err);
void kernels_json(const struct kernels_study *s, struct str *out);     /* vibee.validate/1 */
MUST_USE bool kernels_plot(const struct kernels_study *s, struct str *out, struct err *err);   /* a scatter plot, SVG */
MUST_USE const struct validation_error *kernels_errors(const struct kernels_study *s, struct arena *arena, size_t *count, struct err *err);

#endif
