/* Options that describe a training job, and the job made from them. */
#ifndef CLI_TRAIN_OPTIONS_H
#define CLI_TRAIN_OPTIONS_H

#include "cli/options.h"
#include "sim/train/job.h"

extern const struct command command_train;      /* its options are those of a job wherever one is named */
extern const struct option_group job_model_options, job_layout_options, job_batch_options, job_run_options;
/* Replaces the job's techniques by those of "A+B:param=value", "none": by none. */
MUST_USE bool job_techniques(struct job *job, const char *text, struct arena *arena, struct err *err);
/* For commands whose own options describe a scenario: the job of --job, changed by those options that `train` has as well.
 * What a job cannot have is refused, and those options of the command that `without` names (up to NULL). NULL + err. */
MUST_USE struct job *job_of_study(const struct call *call, const char *const *without, struct err *err);
/* The file named first among the arguments, or the defaults, changed by the options from left to right. */
MUST_USE struct job *job_from_call(const struct call *call, struct err *err);

#endif
