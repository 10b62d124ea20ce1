/* Collectives that others measured (validation/collectives/elsewhere.csv): what the cost model says of them, as a run would
 * ask it. Nothing was fitted to these rows. */
#ifndef VALIDATION_OPERATORS_ELSEWHERE_H
#define VALIDATION_OPERATORS_ELSEWHERE_H

#include "base/str.h"
#include "reports/store.h"
#include "reports/sheet.h"
#include "validation/operators.h"

struct operators_elsewhere {
	struct arena *arena;
	struct operators_elsewhere_group {
		const char *source, *device, *op, *provider;   /* provider of the last answer */
		int64_t ranks;
		struct error_summary error;
	} *items;
	size_t count, capacity;
};
/* The groups of the device and operator that the options name. Release it in any case. */
MUST_USE bool operators_elsewhere_run(const struct operators_options *options, struct operators_elsewhere *out, struct err *err);
void operators_elsewhere_release(struct operators_elsewhere *e);
/* The groups, and what they are in one line. NULL + err. */
MUST_USE struct sheet *operators_elsewhere_sheet(const struct operators_elsewhere *e, struct err *err);
extern const char operators_elsewhere_note[];
MUST_USE bool operators_elsewhere_text(const struct operators_elsewhere *e, const struct term *term, struct str *out, struct err *err);

#endif
