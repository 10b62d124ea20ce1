/* `train --vary`: one job against variants of it, the base first. */
#ifndef CLI_TRAIN_VARY_H
#define CLI_TRAIN_VARY_H

#include "cli/options.h"
#include "sim/train/job.h"

/* Simulates the base and every crossing of the --vary axes; a table on standard output, or JSON (vibee.whatif/1, kind
 * "train") to the file of --json. What cannot run says why in its line. */
MUST_USE bool train_vary(const struct call *call, const struct job *base, struct err *err);

#endif
