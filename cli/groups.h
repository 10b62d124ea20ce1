/* Groups of options that several commands share, and scenarios made from them. */
#ifndef CLI_GROUPS_H
#define CLI_GROUPS_H

#include "cli/options.h"
#include "sim/scenario.h"

extern const struct option_group model_options, hardware_options, deployment_options, scheduler_options, workload_options,
	scenario_options, output_options, store_options;

/*
 * The scenario that a command line describes: the file named first among the arguments, or the default one, changed by
 * the options from left to right. --workload and --trace count first, wherever they stand, so that they never undo
 * --qps and its like. NULL + err on failure.
 */
MUST_USE struct scenario *scenario_from_call(const struct call *call, struct err *err);
/* The options alone, applied to a scenario. */
MUST_USE bool scenario_change(struct scenario *sc, const struct call *call, struct err *err);

#endif
