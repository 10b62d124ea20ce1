/* seconds = f(operator, device): one interface, three providers tried in order -- measured (interpolated tables),
 * fitted (roofline with fitted efficiencies), analytic (data-sheet peaks with default efficiencies). */
#ifndef HARDWARE_COST_H
#define HARDWARE_COST_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "hardware/device.h"
#include "hardware/operator.h"
#include "hardware/stack.h"
#include "hardware/system.h"

enum provider { PROVIDER_MEASURED, PROVIDER_FITTED, PROVIDER_ANALYTIC, PROVIDER_COUNT };
enum bound { BOUND_COMPUTE, BOUND_MEMORY, BOUND_NETWORK, BOUND_LATENCY, BOUND_HOST, BOUND_COUNT };
extern const char *const provider_names[];     /* "measured" "fitted" "analytic" */
extern const char *const bound_names[];

struct op_cost {
	double seconds, flops, bytes;          /* bytes: through memory, or over the link for collectives */
	enum bound bound;
	enum provider provider;
	bool extrapolated;                     /* measured: outside the table, by its roofline asymptote */
	double rel_error;                      /* expected relative error (median, held out) of this answer */
};

/* A device in a system under a software stack, with its tables loaded: read-only after cost_model_new, so that
 * threads may share it. */
struct cost_model;
struct cost_options {
	const struct system *system;           /* NULL: the device alone */
	const struct device *device;           /* NULL: the system's device */
	const struct stack *stack;             /* NULL: the device's best measured stack */
	enum provider best_provider;           /* skip providers before this one (PROVIDER_MEASURED = use all) */
	double power_cap_w;                    /* of a device; 0 = its limit */
	double time_scale;                     /* on every answer: a correction that the user asked for; 0 = none */
};
MUST_USE struct cost_model *cost_model_new(const struct cost_options *options, struct err *err);
void cost_model_free(struct cost_model *cm);
/* A catalog device's tables are read when they are first asked. False + err: one could not be read, and what was priced since may
 * be by a worse source. To be asked when all is priced. */
MUST_USE bool cost_model_sound(const struct cost_model *cm, struct err *err);
/* The same model under another correction of all its times (options.time_scale): shares everything with `of`, which must
 * outlive it. */
MUST_USE struct cost_model *cost_model_scaled(const struct cost_model *of, double time_scale, struct err *err);
/* From now on operators that were priced before are not priced again. For a model that many simulations share; one alone
 * asks for each operator once. */
MUST_USE bool cost_model_remember(struct cost_model *cm, struct err *err);
double cost_model_power_cap_w(const struct cost_model *cm);  /* 0 = none */
const struct device *cost_model_device(const struct cost_model *cm);
const struct system *cost_model_system(const struct cost_model *cm);
const struct stack *cost_model_stack(const struct cost_model *cm);

/* Prices one operator. Never fails for a valid op: the analytic provider answers everything. Seconds are finite and
 * > 0 for non-empty work; never below op_flops/peak nor op_bytes/bandwidth unless a table measured it so. */
void cost_op(const struct cost_model *cm, const struct op *op, struct op_cost *out);

#endif
