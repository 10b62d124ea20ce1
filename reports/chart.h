/* Drawings of studies, by gnuplot: bars around a base, and points with a front. */
#ifndef REPORTS_CHART_H
#define REPORTS_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/* Horizontal bars from `from` to `to`, one a row, top to bottom: a waterfall, or the two sides of a tornado. */
struct chart_bar {
	const char *label;
	double from, to;
	double from2, to2;                     /* a second bar in the same row; NAN: none */
	int hue;                               /* 0 to 7; -1: faint */
};
struct chart_bars {
	const char *title, *axis;              /* axis: "TPOT P50 (ms)" */
	const struct chart_bar *bars;
	size_t count;
	double line;                           /* a vertical line (the base); NAN: none */
};
MUST_USE bool chart_bars(const struct chart_bars *c, bool standalone, struct str *out, struct err *err);

/* Points in groups (colours); those of the front are joined. */
struct chart_point {
	double x, y;
	int group;
	bool front;
	const char *label;                     /* said of the point when it is pointed at; may be NULL */
};
struct chart_points {
	const char *title, *x_axis, *y_axis;
	const char *const *groups;             /* names */
	size_t group_count;
	const struct chart_point *points;      /* those of the front in order along it */
	size_t count;
	bool log_x, log_y;
	bool free_y;                           /* y need not begin at 0: a history whose changes are small */
	const char *front;                     /* what the joining line is called; NULL: "front" */
};
MUST_USE bool chart_points(const struct chart_points *c, bool standalone, struct str *out, struct err *err);

#endif
