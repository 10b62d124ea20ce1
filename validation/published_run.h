/* Runs the simulations that the cases of a study need, each once, on several threads. */
#ifndef VALIDATION_PUBLISHED_RUN_H
#define VALIDATION_PUBLISHED_RUN_H

#include "validation/published.h"

/* Fills predicted and error of every outcome whose case has settings; a refusal becomes its case's reason. */
MUST_USE bool published_run(struct published_study *s, const struct published_options *o, struct err *err);

#endif
