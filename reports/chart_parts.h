/* What all drawings of studies begin with. For the chart_*.c files alone. */
#ifndef REPORTS_CHART_PARTS_H
#define REPORTS_CHART_PARTS_H

#include <stdbool.h>

#include "base/str.h"

enum { CHART_HUES = 8, CHART_WIDTH = 640 };
extern const char *const chart_hues[CHART_HUES];

/* The script's settings; with a title when the drawing stands alone. name makes ids unique in a page. */
void chart_begin(struct str *out, const char *name, const char *title, bool standalone, int height);
void chart_axis(struct str *out, const char *axis, const char *text);  /* axis: "x", "y" */

#endif
