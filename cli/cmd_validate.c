/* vibee-sim validate: predictions beside measurements, one part a kind of measurement. */
#include "cli/options.h"

/* The one line to add for a new part: its table is validate_NAME in validate_NAME.c. */
#define PARTS(X) X(engine) X(kernels) X(measured) X(operators) X(published)
#define X(name) extern const struct command validate_##name;
PARTS(X)
#undef X
#define X(name) &validate_##name,
static const struct command *const parts[] = { PARTS(X) NULL };
#undef X

extern const struct command command_validate;
const struct command command_validate = {
	.studies = true, .name = "validate", .summary = "compare predictions with measurements", .parts = parts,
	.details = "Asks the simulator for what was measured, and reports how far off it is: median and 90th percentile of the absolute "
		   "relative error, on measurements that the prediction did not use.",
	.examples = (const struct example[]){ { "vibee-sim validate operators", "operator times against the measured tables" }, { NULL, NULL } },
};
