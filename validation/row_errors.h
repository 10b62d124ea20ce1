/* What all studies of published rows do with them: which are asked for, which are held out, how far off a group is. */
#ifndef VALIDATION_ROW_ERRORS_H
#define VALIDATION_ROW_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

#include "validation/rows.h"

/* Rows that hold these texts; NULL: any. */
bool row_wanted(const struct published_row *row, const char *source, const char *accelerator, const char *model);

/* Half of the (source, accelerator, model), told by a hash, so that neither we nor the values choose: the half that
 * nothing may be fitted to. source: as the study names it. */
bool row_held_out(const struct published_row *row, const char *source);

struct row_errors {
	size_t count, over;            /* over: errors above 40 % */
	double median, mean, p90, bias;        /* of |error|; bias: median of error; NAN without rows */
};
/* errors: predicted / published - 1, each; reordered, and made absolute. */
void row_errors(double *errors, size_t count, struct row_errors *out);

#endif
