/* Drawings of what changes along an axis, by gnuplot: lines over time or a share, and stacked columns. */
#ifndef REPORTS_CHART_LINES_H
#define REPORTS_CHART_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct chart_line {
	const char *label;
	const double *x, *y;
	size_t count;
	int hue;                               /* 0 to 7 */
	bool steps;                            /* y holds until the next x; else straight lines */
	bool filled;                           /* down to zero, pale */
	bool dashed;
};
struct chart_lines {
	const char *name;                      /* makes ids unique in a page */
	const char *title, *x_axis, *y_axis;   /* x_axis NULL: x is a time, seconds since 1970 */
	const struct chart_line *lines;        /* the first lies lowest */
	size_t count;
};
MUST_USE bool chart_lines(const struct chart_lines *c, bool standalone, struct str *out, struct err *err);

/* A column a label, its parts on top of each other. */
struct chart_stacks {
	const char *name, *title, *y_axis;
	const char *const *labels;
	size_t count;
	const char *const *parts;              /* names */
	const int *hues;                       /* of the parts */
	size_t part_count;
	const double *values;                  /* label by label, its parts in order */
};
MUST_USE bool chart_stacks(const struct chart_stacks *c, bool standalone, struct str *out, struct err *err);

#endif
