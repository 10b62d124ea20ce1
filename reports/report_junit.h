/* Results as JUnit XML: what was asked of a run or a study, each a test case that passes or fails. */
#ifndef REPORTS_REPORT_JUNIT_H
#define REPORTS_REPORT_JUNIT_H

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/side.h"

/* The SLOs of a run; one test case that passes when it had none. */
MUST_USE bool run_junit(const struct result *r, struct str *out, struct err *err);
/* The cases of a study: a variant or candidate fails when it missed an SLO, a group of a validation when it missed its bars;
 * one without figures (it does not fit, say) is skipped. */
MUST_USE bool study_junit(const struct side *study, struct str *out, struct err *err);

#endif
