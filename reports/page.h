/* A self-contained HTML page of a study: a title, figures, sortable tables; light and dark, no network. */
#ifndef REPORTS_PAGE_H
#define REPORTS_PAGE_H

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/* Begins the page with the styles of reports/templates; `kicker` is the small line above the title. */
MUST_USE bool page_begin(struct str *out, const char *kicker, const char *title, const char *summary, struct err *err);
/* The same for a page of a local server, whose script may ask that server; `nav` (HTML, may be NULL) stands above the title,
 * the style `extra` (a file of reports/templates, may be NULL) is added. */
MUST_USE bool page_begin_served(struct str *out, const char *kicker, const char *title, const char *summary, const char *nav, const char *extra,
				struct err *err);
/* A file of reports/templates as it is. */
MUST_USE bool page_template(struct str *out, const char *name, struct err *err);
void page_section(struct str *out, const char *title);                /* ends the one before */
void page_text(struct str *out, const char *text);
/* Each line of the text as an item of a list. */
void page_lines(struct str *out, const char *lines);
void page_figure(struct str *out, const char *caption, const char *svg);
/* Around figures that stand side by side where the page is wide enough. */
void page_figures_begin(struct str *out);
void page_figures_end(struct str *out);
MUST_USE bool page_end(struct str *out, struct err *err);

#endif
