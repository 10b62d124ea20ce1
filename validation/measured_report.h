/* What `validate measured` shows: a table a run, JSON, rows for the store, a plot. */
#ifndef VALIDATION_MEASURED_REPORT_H
#define VALIDATION_MEASURED_REPORT_H

#include "base/str.h"
#include "reports/store.h"
#include "reports/table.h"
#include "validation/measured_compare.h"

MUST_USE bool measured_text(const struct measured_study *s, const struct term *term, struct str *out, struct arena *arena, struct err *err);
/* Adds a vibee.validate/1 document. */
MUST_USE bool measured_json(const struct measured_study *s, struct str *out, struct arena *arena, struct err *err);
/* Adds predicted against measured as SVG, one point a metric and run; ERR_IO without gnuplot. */
MUST_USE bool measured_plot(const struct measured_study *s, struct str *out, struct err *err);
/* One row a family of metrics, for the database, in the arena. */
MUST_USE const struct validation_error *measured_errors(const struct measured_study *s, size_t *count, struct arena *arena, struct err *err);

#endif
