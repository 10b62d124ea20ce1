/* The figures of a run, drawn by gnuplot as SVG that reads well on light and dark pages. */
#ifndef REPORTS_PLOT_H
#define REPORTS_PLOT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/result.h"

enum plot_kind {
	PLOT_CDF,                      /* share of requests below a latency: TTFT, TPOT, ITL, E2E */
	PLOT_LATENCY,                  /* TTFT and TPOT over time */
	PLOT_LOAD,                     /* requests running and waiting, and KV use, over time */
	PLOT_OPERATORS,                /* where the device time goes */
	PLOT_ROOFLINE,                 /* arithmetic intensity against achieved FLOP/s, under the device's roof */
	PLOT_MEMORY,                   /* what fills the memory of a device */
	PLOT_KINDS
};

struct plot_style {
	int width, height;             /* of the drawing, in its own units; 0: fitting the kind */
	bool standalone;               /* a document of its own, with its title; else to be placed inside HTML */
};

extern const struct plot_info {
	const char *name, *title;      /* "cdf", "Latency distribution" */
} plots[PLOT_KINDS];

/* Whether the run has what the figure shows. */
bool plot_has_data(enum plot_kind kind, const struct result *r);
/* Adds the gnuplot script, data included. */
void plot_script(enum plot_kind kind, const struct result *r, const struct plot_style *style, struct str *out);
/* Adds the SVG. ERR_INPUT when the run has no such data, ERR_IO when gnuplot is missing. */
MUST_USE bool plot_svg(enum plot_kind kind, const struct result *r, const struct plot_style *style, struct str *out,
		       struct err *err);
/* Writes it to a file of its own, whole or not at all. */
MUST_USE bool plot_write(enum plot_kind kind, const struct result *r, const char *path, struct err *err);

#endif
