/* The sections of the HTML report, each filling one {{name}} of the template. */
#ifndef REPORTS_HTML_PARTS_H
#define REPORTS_HTML_PARTS_H

#include "reports/html.h"
#include "reports/plot.h"

struct html_page {
	const struct result *r;
	const struct run_origin *origin;
	struct str *out;
	struct str figures[PLOT_KINDS];        /* SVG; empty when the run has no data for it or plots are off */
	const char *no_plots;          /* why there are no figures; NULL when there are */
};

extern const struct html_part {
	const char *name;
	void (*write)(struct html_page *page);
} html_parts[];                        /* ends with a NULL name */

#endif
