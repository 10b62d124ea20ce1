/* What a person reads after `run`: the whole result on one screen. */
#ifndef REPORTS_RUN_TEXT_H
#define REPORTS_RUN_TEXT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/result.h"
#include "reports/table.h"

/* Adds the report, at most 100 columns wide. False when memory ran out. */
MUST_USE bool run_text(const struct result *r, const struct term *term, struct str *out, struct err *err);

#endif
