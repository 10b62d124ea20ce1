/* Parts that the terminal and the page of `validate operators` share: errors by group and by device, what they say of the bars. */
#ifndef VALIDATION_OPERATORS_SHEETS_H
#define VALIDATION_OPERATORS_SHEETS_H

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/sheet.h"
#include "validation/operators.h"

/* Errors of each device, software, operator and format beside its bar; of each device and of all. Where forests were trained they
 * have a column of their own. NULL + err. */
MUST_USE struct sheet *operators_group_sheet(const struct operators_study *s, struct err *err);
MUST_USE struct sheet *operators_device_sheet(const struct operators_study *s, struct err *err);
/* Cells of what was compared beside the groups: how many points, their median and P90 in percent. */
void operators_sheet_errors(struct sheet *t, const struct error_summary *e);
/* Adds the sheet (freed here; NULL: err says why) and its note below it, after an empty line. */
MUST_USE bool operators_sheet_text(struct sheet *t, const char *note, const struct term *term, struct str *out, struct err *err);
/* Adds lines: how many groups are inside their bars, each that is not with its error, and how many beat the forest. */
void operators_bars(const struct operators_study *s, struct str *out);
/* Adds lines: what the columns are. */
void operators_legend(struct str *out);

#endif
