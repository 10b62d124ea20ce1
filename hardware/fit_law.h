/* Fitting the law of fitted.h to measured points, with GSL: the coefficients that make the mean of |ln(law / measured)|
 * least, found by the simplex of Nelder and Mead from several tilings. */
#ifndef HARDWARE_FIT_LAW_H
#define HARDWARE_FIT_LAW_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "hardware/fitted.h"
#include "hardware/tables.h"

struct fit_law_report {
	size_t fitted, tested;         /* points */
	double median, p90;            /* of |law / measured - 1| over those tested; NAN when none */
};
/* Fits *out (op, dtype, kv_dtype of the first point; stack and source are the caller's) to the points that `held_out` does
 * not name, evenly thinned to at most 1,000, and reports its errors on those that it does. False with ERR_INPUT when there
 * are fewer than 20 to fit. */
MUST_USE bool fit_law(const struct device *d, const struct tables_point *points, size_t count,
		      bool (*held_out)(const struct op *op), struct fit *out, struct fit_law_report *report, struct err *err);

/* Fits of all that a device's tables hold on the device itself (no collectives): half of the shape sites fitted
 * (fit_held_out), errors on the other half. Lives in the arena; NULL with err on failure. */
MUST_USE const struct fits *fit_device(const struct device *d, struct arena *arena, struct err *err);

#endif
