/* Options that describe a training job, and the job made from them. */
#ifndef CLI_TRAIN_OPTIONS_H
#define CLI_TRAIN_OPTIONS_H

#include "cli/options.h"
#include "sim/train/job.h"

extern const struct option_group job_model_options, job_layout_options, job_batch_options, job_run_options;
/* The file named first among the arguments, or the defaults, changed by the options from left to right. */
MUST_USE struct job *job_from_call(const struct call *call, struct err *err);

#endif
