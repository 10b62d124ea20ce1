/* How far predictions are beyond the sizes they know: everything above a limit (m or q_len over 4096, kv_len over 32768,
 * messages over 64 MiB) counts as not measured.
 *
 * - measured: the table ends at the limit, and grows from there as the law of the points below it does (tables do so past
 *   their end); collectives by their bytes.
 * - fitted: the law of the points below the limit (fit_law.h). */
#ifndef VALIDATION_OPERATORS_REGIONS_H
#define VALIDATION_OPERATORS_REGIONS_H

#include "base/str.h"
#include "reports/store.h"
#include "reports/table.h"
#include "validation/operators.h"

struct operators_region {
	const char *name;              /* "h100/vllm/gemm/bf16" */
	const char *limit;             /* "m > 4096" */
	struct error_summary error[2]; /* measured, fitted */
};
struct operators_regions {
	struct arena *arena;
	struct operators_region *items;
	size_t count, capacity;
};
/* Over the devices, stacks and operators that the options name. Empty it with operators_regions_release. */
MUST_USE bool operators_regions_run(const struct operators_options *options, struct operators_regions *out, struct err *err);
void operators_regions_release(struct operators_regions *r);
MUST_USE bool operators_regions_text(const struct operators_regions *r, const struct term *term, struct str *out, struct err *err);
/* As the database keeps them: names begin with "beyond/". */
MUST_USE const struct validation_error *operators_regions_errors(const struct operators_regions *r, struct arena *arena, size_t *count,
								 struct err *err);

#endif
