/* A run as JSON, schema "vibee.run/1": what --json prints, what `report` and other programs read. */
#ifndef REPORTS_RUN_JSON_H
#define REPORTS_RUN_JSON_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "reports/result.h"

struct run_json_options {
	bool pretty;
	bool series; /* adds "series" (over time) and "cdf" (latency quantiles), when the run has them */
};

/*
 * Adds the whole document to out. Units are SI; figures that the run does not have (NAN) are null. Scenario paths
 * become nested objects ("deployment.tp" -> deployment: {tp}), keys 0, 1, 2 ... arrays; values that read as numbers are
 * numbers, yes and no are true and false. False when memory ran out.
 */
MUST_USE bool run_json(const struct result *r, const struct run_json_options *options, struct str *out,
		       struct err *err);

/* The same as one value inside a document being written (an element of an array, a member named key). */
void run_json_value(struct json *j, const char *key, const struct result *r, const struct run_json_options *options);

/* Text as a JSON string, whatever bytes it holds. */
void json_clean(struct json *j, const char *key, const char *text);

#endif
