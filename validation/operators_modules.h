/* Latent attention measured whole (validation/modules/mla.csv): projections, norms, rope, absorbed products, attention and output of one
 * layer of DeepSeek-V3, beside the sum of the operators that a run prices for them. Nothing was fitted to these rows. */
#ifndef VALIDATION_OPERATORS_MODULES_H
#define VALIDATION_OPERATORS_MODULES_H

#include "base/str.h"
#include "reports/store.h"
#include "reports/sheet.h"
#include "validation/operators.h"

struct operators_modules {
	struct arena *arena;
	struct operators_modules_group {
		const char *name;              /* "h100/trtllm/decode/bf16/fp8": device, stack, phase, projections, cache */
		struct error_summary error;
		double bias;                   /* median of predicted / measured - 1 */
	} *items;
	size_t count, capacity;
};
/* The groups of the device and stack that the options name. Release it in any case. */
MUST_USE bool operators_modules_run(const struct operators_options *options, struct operators_modules *out, struct err *err);
void operators_modules_release(struct operators_modules *m);
/* The groups, and what they are in one line. NULL + err. */
MUST_USE struct sheet *operators_modules_sheet(const struct operators_modules *m, struct err *err);
extern const char operators_modules_note[];
MUST_USE bool operators_modules_text(const struct operators_modules *m, const struct term *term, struct str *out, struct err *err);
/* As rows of the database: "mla/h100/trtllm/decode/bf16/fp8". */
MUST_USE const struct validation_error *operators_modules_errors(const struct operators_modules *m, struct arena *arena, size_t *count,
								 struct err *err);

#endif
