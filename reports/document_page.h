/* A JSON document as a page and as Markdown without knowing what it is about: single values as facts, lists of objects as sortable
 * tables, and the drawings that it asks for (document_figures.h). What a kept study is shown with when no view of its own reads it back. */
#ifndef REPORTS_DOCUMENT_PAGE_H
#define REPORTS_DOCUMENT_PAGE_H

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/table.h"

/* ERR_INPUT when the text is no JSON object. */
MUST_USE bool document_text(const char *document, const char *title, const struct term *term, struct str *out, struct err *err);
MUST_USE bool document_markdown(const char *document, const char *title, struct str *out, struct err *err);
MUST_USE bool document_html(const char *document, const char *kicker, const char *title, struct str *out, struct err *err);

#endif
