/* What `validate operators` shows: tables, JSON, scatter plots, one HTML page. */
#ifndef VALIDATION_OPERATORS_REPORT_H
#define VALIDATION_OPERATORS_REPORT_H

#include "base/str.h"
#include "reports/store.h"
#include "reports/table.h"
#include "validation/operators.h"

/* Adds the groups' table and the devices' summary. */
MUST_USE bool operators_text(const struct operators_study *s, const struct term *term, struct str *out, struct err *err);
/* Adds a vibee.validate/1 document. `rows`: at most so many rows a group and provider, taken evenly. */
MUST_USE bool operators_json(const struct operators_study *s, size_t rows, struct str *out, struct err *err);
/* Adds predicted against measured seconds of one device's operators of one kind as SVG. */
MUST_USE bool operators_plot(const struct operators_study *s, const char *device, enum op_kind kind, bool standalone,
			     struct str *out, struct err *err);
/* The first group of each device and kind stands for all of them: it has the plot. */
bool operators_plot_first(const struct operator_group *groups, size_t i);
/* Writes every such plot as FOLDER/DEVICE-OP.svg; *written counts them. */
MUST_USE bool operators_plots(const struct operators_study *s, const char *folder, size_t *written, struct err *err);
/* Adds a page of its own with the tables and the plots; without gnuplot, with a note instead of them. Collectives measured elsewhere and
 * whole modules, which the options let in, are compared for it. */
MUST_USE bool operators_html(const struct operators_study *s, const struct operators_options *options, struct str *out, struct err *err);
/* The groups' errors as the database keeps them: PROVIDER_COUNT rows a group, in the arena. NULL + err on failure. */
MUST_USE const struct validation_error *operators_errors(const struct operators_study *s, struct arena *arena,
							 size_t *count, struct err *err);

#endif
