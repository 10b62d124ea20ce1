/* Text for XML and HTML. */
#ifndef REPORTS_MARKUP_H
#define REPORTS_MARKUP_H

#include "base/attr.h"
#include "base/str.h"

/* Adds text so that it shows as it is, in content and in quoted attributes: escaped, valid UTF-8, no controls. */
void markup_add(struct str *out, const char *text);
/* Adds text of several lines as a <pre> block: markup_add would put them on one. */
void markup_add_lines(struct str *out, const char *text);
void markup_addf(struct str *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
