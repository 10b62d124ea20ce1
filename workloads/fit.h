/* Fits a generator to a trace and says how far the two are apart: the built-in workloads were made with it. */
#ifndef WORKLOADS_FIT_H
#define WORKLOADS_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "workloads/trace.h"
#include "workloads/workload.h"

struct fit_options {
	const char *name, *title;             /* of the new workload */
	const char *trace, *source, *licence; /* what its <fit> element says */
	double fallback_qps;                  /* for traces without times; 0 = 1 request/s */
	int64_t rows;                         /* at most, 0 = STATS_EXACT_MOST */
	/* Also try the trace's own course of rates. It follows the day, but a short run sees only its beginning, at
	 * another rate than qps; without it the arrivals are the same at all times. */
	bool profile;
};

/* Chooses lognormal or empirical lengths, the simplest arrival process that reproduces gaps and counts in windows,
 * correlation and prefix structure; generates from the result and fills w->fit with the distances. */
MUST_USE bool workload_fit(const char *path, const struct trace_options *trace, const struct fit_options *options,
			   struct workload *w, struct arena *arena, struct err *err);

/* Distance of any workload from a trace: w->fit's figures, computed with its own generator. */
MUST_USE bool workload_distance(const struct workload *w, const char *path, const struct trace_options *trace,
				struct fit_record *out, struct err *err);

#endif
