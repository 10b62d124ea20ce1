/* What a point of a drawing says when one points at it: texts placed over a gnuplot script, shown by the page's script (report.js),
 * and without it by the browser as the point's title. */
#ifndef REPORTS_PLOT_TIPS_H
#define REPORTS_PLOT_TIPS_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

/* One set of points. Zero-initialise. */
struct plot_tips {
	struct str data;
	size_t count;
};
/* At (x, y) in the units of the axes. Points that are not finite are left out. */
void plot_tip(struct plot_tips *t, double x, double y, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Writes the points as datablock $NAME, before the plot command. */
void plot_tips_data(struct plot_tips *t, const char *name, struct str *out);
/* Writes ", $NAME ..." to the end of a plot command, of the set with that datablock; nothing when it is empty. Frees the set. */
void plot_tips_plot(struct plot_tips *t, const char *name, struct str *out);

/* Every how many of `count` samples get a tip, so that a drawing stays small. */
size_t plot_tips_every(size_t count);

#endif
