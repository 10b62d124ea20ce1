/* One run as a single HTML file: no network, light and dark, readable on a phone and on paper. */
#ifndef REPORTS_HTML_H
#define REPORTS_HTML_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/result.h"
#include "reports/store.h"

struct html_options {
	const char
		*templates; /* folder of report.html, report.css, report.js; NULL: reports/templates of the data tree */
	const struct run_origin *origin;               /* version, host, command; NULL: not shown */
	bool no_plots;                 /* leave the figures out; without gnuplot that happens by itself, with a note */
};

/*
 * Adds the page. The template's {{names}} are replaced by what html.c has under that name; an unknown name is an error
 * that says file and line. Everything that comes from a run is escaped.
 */
MUST_USE bool html_report(const struct result *r, const struct html_options *options, struct str *out, struct err *err);

#endif
