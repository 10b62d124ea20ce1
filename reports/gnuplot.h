/* Runs gnuplot on a script and makes its SVG fit both light and dark pages. */
#ifndef REPORTS_GNUPLOT_H
#define REPORTS_GNUPLOT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/* Colours that scripts use for what follows the page: text and axes, faint text, grid lines. */
#define GNUPLOT_INK "#010203"
#define GNUPLOT_FAINT "#010204"
#define GNUPLOT_GRID "#010205"

/*
 * Adds the SVG that the script draws, transparent and with the page's text colour (currentColor) for what is drawn in
 * the three colours above. `name` makes ids unique in a page; `label` is read out to those who cannot see the figure.
 * standalone: a document of its own that follows the viewer's light or dark preference; else for use inside HTML.
 * ERR_IO when gnuplot is not installed, ERR_INTERNAL when it refuses the script.
 */
MUST_USE bool gnuplot_svg(const char *script, const char *name, const char *label, bool standalone, struct str *out,
			  struct err *err);

/* Adds text as a single-quoted gnuplot string: it cannot end the string, start a command or break the line. */
void gnuplot_quote(struct str *out, const char *text);

#endif
