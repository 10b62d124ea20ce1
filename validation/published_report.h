/* What `validate published` shows: tables by source, accelerator, model and metric, the worst rows, JSON, rows for the store. */
#ifndef VALIDATION_PUBLISHED_REPORT_H
#define VALIDATION_PUBLISHED_REPORT_H

#include "base/str.h"
#include "reports/store.h"
#include "reports/table.h"
#include "validation/published.h"

/* Adds the tables; `worst`: so many of the rows that are furthest off, with their reasons. */
MUST_USE bool published_text(const struct published_study *s, size_t worst, const struct term *term, struct str *out, struct err *err);
/* Adds a vibee.validate/1 document. */
MUST_USE bool published_json(const struct published_study *s, struct str *out, struct err *err);
/* Adds predicted against published times as SVG, TTFT and TPOT; ERR_IO without gnuplot. */
MUST_USE bool published_plot(const struct published_study *s, struct str *out, struct err *err);
/* Adds a page: predicted against published by kind of metric, groups, the `worst` rows furthest off with their reasons. */
MUST_USE bool published_html(const struct published_study *s, size_t worst, struct str *out, struct err *err);
/* The groups' errors as the database keeps them, in the study's arena. NULL + err on failure. */
MUST_USE const struct validation_error *published_errors(const struct published_study *s, size_t *count, struct err *err);

#endif
