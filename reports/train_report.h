/* A training result as text for a terminal, JSON (vibee.train/1), HTML, a Gantt chart, figures for the store. */
#ifndef REPORTS_TRAIN_REPORT_H
#define REPORTS_TRAIN_REPORT_H

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/table.h"
#include "reports/train_result.h"

MUST_USE bool train_text(const struct train_result *r, const struct term *term, struct str *out, struct err *err);
void train_json(const struct train_result *r, struct str *out);
/* Adds an SVG of the step's passes over the ranks; ERR_INPUT without spans, ERR_IO without gnuplot. */
MUST_USE bool train_gantt_svg(const struct train_result *r, bool standalone, struct str *out, struct err *err);
/* Adds a self-contained HTML page; with spans it holds the chart. */
MUST_USE bool train_html(const struct train_result *r, struct str *out, struct err *err);
/* The figures that stored runs, comparisons and searches know by name. Texts are shared. */
void train_figures(const struct train_result *r, struct result *out);
/* The step as a Chrome trace, whole or not at all. */
MUST_USE bool train_trace_write(const struct train_result *r, const char *path, struct err *err);

#endif
