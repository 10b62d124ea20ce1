/* Parts that the terminal and the page of `validate published` share: groups, the furthest rows, what was assumed, coverage. */
#ifndef VALIDATION_PUBLISHED_SHEETS_H
#define VALIDATION_PUBLISHED_SHEETS_H

#include "base/str.h"
#include "reports/sheet.h"
#include "validation/published.h"

/* The groups of one BY_...: rows, errors of those held out and of those seen, coverage of the interval. NULL + err. */
MUST_USE struct sheet *published_group_sheet(const struct published_study *s, int by, struct err *err);

/* Rows over 40 %, the furthest off (by the logarithm) first, in the study's arena. NULL + err. */
MUST_USE const struct published_outcome *const *published_worst(const struct published_study *s, size_t *count, struct err *err);

/* Readings that rows were given beyond what stands in them; the most frequent first, in the study's arena. NULL + err. */
struct published_note {
	const char *text;
	size_t rows;
};
MUST_USE struct published_note *published_notes(const struct published_study *s, size_t *count, struct err *err);

/* Adds one sentence: how many published figures lie in the 80 % interval of `run`. */
void published_coverage(const struct published_study *s, struct str *out);

#endif
