/* How far the three cost providers are from measured operators: every point of the shipped tables is asked for again.
 *
 * - measured: the point's whole shape site (the n,k of a GEMM, a head layout, an expert layout, a collective's ranks) is
 *   left out, and the rest of its table answers.
 * - fitted: the law of hardware/fits with that software's coefficients, on the half of the sites that no fit saw.
 *   Collectives: the alpha-beta laws with the link figures of the device's file, which were fitted to these points.
 * - sister: the whole device is left out, and its sisters (hardware/sisters.h) answer for it: their tables and laws scaled
 *   by the two data sheets. A device without sisters has none.
 * - analytic: the whole device is left out. Data-sheet peaks, with what its kind of device reaches; shares measured on
 *   this device are taken away first. */
#ifndef VALIDATION_OPERATORS_H
#define VALIDATION_OPERATORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "hardware/cost.h"

/* Who predicts: the three providers, the device's sisters, and a random forest for comparison (validation/forest.h). */
enum operators_estimate {
	ESTIMATE_MEASURED = PROVIDER_MEASURED, ESTIMATE_FITTED = PROVIDER_FITTED, ESTIMATE_ANALYTIC = PROVIDER_ANALYTIC,
	ESTIMATE_SISTER, ESTIMATE_FOREST, ESTIMATE_COUNT
};
extern const char *const estimate_names[];

/* |predicted / measured - 1| over `count` points; NAN when there are none. */
struct error_summary {
	size_t count;
	double median, p90;
	bool held_out;
};

/* Points of one device, software, operator and number format. Texts live as long as the study. */
struct operator_group {
	const char *name;              /* "h100/vllm/attention_decode/bf16/fp8": device, stack, op, dtype, kv_dtype */
	const char *device, *stack, *op, *dtype, *kv_dtype;
	enum op_kind kind;
	size_t first, count;           /* its points */
	size_t measured;               /* points in the table; more than count when sampled */
	struct error_summary error[ESTIMATE_COUNT];
	double median_bar, p90_bar;    /* what the measured provider should reach; NAN: nothing is demanded */
};

struct operator_point {
	struct op op;
	double measured_s;
	double predicted_s[ESTIMATE_COUNT];    /* NAN: no (held-out) answer */
	bool outside;                  /* measured: answered from beyond the range of the other sites */
};

struct operators_options {
	const char *device, *stack, *op;       /* NULL: all */
	size_t most;                   /* points a group, taken evenly; 0: all */
	bool incumbent;                /* trains random forests, too (operators_forest.h): half a minute */
};

struct operators_study;
/* Runs the comparison. Deterministic; the catalog is read from the data tree. An unknown device, stack or operator is
 * ERR_INPUT with the nearest name. NULL + err on failure. */
MUST_USE struct operators_study *operators_validate(const struct operators_options *options, struct err *err);
void operators_study_free(struct operators_study *s);  /* NULL is fine */

const struct operator_group *operators_groups(const struct operators_study *s, size_t *count);
const struct operator_point *operators_points(const struct operators_study *s);
/* Errors of one provider over the groups of a device (NULL: all) whose operators are of that kind (-1: all): the
 * median and P90 of their points together. */
struct error_summary operators_summary(const struct operators_study *s, const char *device, int kind,
				       enum operators_estimate who, struct err *err);
/* Whether the measured provider is inside the group's bars (true without bars). */
bool operators_bar_met(const struct operator_group *g);

#endif
