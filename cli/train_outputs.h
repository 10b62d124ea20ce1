/* The ways a training result is shown, by `train` and, for stored ones, by `report`. */
#ifndef CLI_TRAIN_OUTPUTS_H
#define CLI_TRAIN_OUTPUTS_H

#include "base/str.h"
#include "cli/options.h"
#include "reports/result.h"
#include "reports/train_result.h"

/* Text on standard output unless --quiet or the JSON goes there; --json, --report or --html, --chrome-trace, --gantt as
 * far as the command has them. `database` (may be NULL) is named below the text. */
MUST_USE bool train_outputs(const struct call *call, const struct train_result *r, const char *database, struct err *err);

/* A stored training run is its inputs: the same job simulated again gives the same figures. */
MUST_USE bool train_again(const struct call *call, const struct result *stored, struct err *err);

/* The page alone. */
MUST_USE bool train_again_html(const struct result *stored, struct arena *arena, struct str *out, struct err *err);

/* The report as text on standard output. */
MUST_USE bool train_show(const struct train_result *r, struct err *err);

#endif
