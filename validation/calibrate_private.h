/* Inside validation/calibrate*.c: measured points on their way into a device. */
#ifndef VALIDATION_CALIBRATE_PRIVATE_H
#define VALIDATION_CALIBRATE_PRIVATE_H

#include "validation/calibrate.h"
#include "validation/calibrate_points.h"
#include "validation/kernel_ops.h"

struct point {
	const struct visit *visit;
	const struct shape *shape;
	enum residency where;          /* FROM_MEMORY also for what streams nothing */
	bool streams;
	bool has_op;
	struct op op;
	struct estimate estimate;
	double seconds;                /* a run takes on average (run_means.h) */
};
struct points {
	struct point *at;
	size_t count, capacity;
};

/* The device that points describe: file, tables, fits. `keep` chooses the points. */
struct target {
	const char *name, *title;
	const struct points *points;
	bool (*keep)(const struct target *t, const struct point *p);
	const char *variant;
	enum residency where;
};
MUST_USE bool target_write(const struct target *t, const struct calibrate_options *o, struct calibrate_report *r, struct arena *arena,
			   struct err *err);

struct device;
struct fits;
/* One law an operator and format, from every other point; the errors are those of the points between. */
MUST_USE bool fits_make(const struct target *t, const struct device *d, struct fits *out, struct arena *arena, struct err *err);

#endif
