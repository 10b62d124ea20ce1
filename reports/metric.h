/* The scalar figures of a result as one table: JSON keys, database names, units and which way is better. */
#ifndef REPORTS_METRIC_H
#define REPORTS_METRIC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "reports/result.h"

struct metric {
	const char *path;              /* key in the JSON of a run: "metrics.ttft_s.p99", "memory.kv_bytes" */
	const char *unit;              /* "s", "tokens/s", "bytes", "USD", "share" (0 to 1); "" for counts */
	size_t offset;                 /* of the member in struct result */
	bool integer;                  /* the member is an int64_t, else a double */
	int better;                    /* 1: more is better, -1: less is better, 0: neither */
	const char *help;              /* one line */
};

/* In the order of the JSON, members of one object side by side; ends with a NULL path. */
extern const struct metric metrics[];

/* The name used in the database and on the command line: the path without "metrics." ("ttft_s.p99", "cost.usd"). */
const char *metric_name(const struct metric *m);
/* The metric of that name or path; NULL when there is none. */
const struct metric *metric_find(const char *name);
/* The nearest name, for error texts; NULL when none is near. */
const char *metric_nearest(const char *name);
double metric_get(const struct metric *m, const struct result *r);         /* NAN when the run has no such figure */
/* Least and largest value over the run and those of its interval (result.faster, slower); false without them. */
bool metric_interval(const struct metric *m, const struct result *r, double *low, double *high);
void metric_set(const struct metric *m, struct result *r, double value);

/* The value of the scenario input at that path; NULL when the run has none. */
const char *result_input(const struct result *r, const char *path);

#endif
