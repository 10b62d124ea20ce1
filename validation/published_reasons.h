/* Why published rows are known to be off: rules by source, model, accelerator, metric and direction. */
#ifndef VALIDATION_PUBLISHED_REASONS_H
#define VALIDATION_PUBLISHED_REASONS_H

#include "validation/published.h"

/* Gives each row over 40 % that has no reason of its own the first rule of validation/published/reasons.csv that fits. A
 * rule's text must occur in the row's; an empty one fits all. `sign`: low (simulated less than published), high or empty. */
MUST_USE bool published_reasons(struct published_study *s, struct err *err);

#endif
