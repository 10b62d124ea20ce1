/* The options of `plan`, and the plan that a command line describes. */
#ifndef CLI_PLAN_OPTIONS_H
#define CLI_PLAN_OPTIONS_H

#include "cli/options.h"
#include "sim/plan/plan_spec.h"

extern const struct option_group plan_demand_options, plan_fleet_options, plan_buying_options;

/* --file, changed by the other options; settled against the base scenario. NULL + err on failure. */
MUST_USE struct plan_spec *plan_spec_from_call(const struct call *call, const struct scenario *base, struct err *err);

#endif
