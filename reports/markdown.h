/* One run as Markdown (GitHub tables): for issues, merge requests and notebooks. */
#ifndef REPORTS_MARKDOWN_H
#define REPORTS_MARKDOWN_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/result.h"
#include "reports/store.h"

/* Adds the report; origin may be NULL. False when memory ran out. */
MUST_USE bool markdown_report(const struct result *r, const struct run_origin *origin, struct str *out,
			      struct err *err);

/* Adds text so that Markdown shows it as it is, also inside a table cell. */
void markdown_add(struct str *out, const char *text);

#endif
