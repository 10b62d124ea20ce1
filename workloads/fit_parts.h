/* Inside of workloads/fit.c: the trace in memory and one function a part of the fit. */
#ifndef WORKLOADS_FIT_PARTS_H
#define WORKLOADS_FIT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "workloads/fit.h"
#include "workloads/stats.h"

struct fit_row {
	double arrival_s, prompt, output;
	int32_t class_index;
	uint32_t blocks, hit_blocks; /* leading blocks seen before */
	int64_t distance;            /* requests since the last hit block was seen; 0 = no hit */
	bool starts_common;          /* begins with the commonest first block */
};
struct fit_data {
	struct fit_row *rows;
	size_t count, capacity;
	struct workload_stats stats;
	struct stats *columns;                /* sorted values of stats */
	uint32_t block_tokens, common_blocks; /* length of the commonest start */
	double common_share;
	int32_t classes;
	const char *class_names[64]; /* in the arena */
};

/* `values` sorted. Lognormal when it is within 0.02 (Kolmogorov-Smirnov), else quantiles. */
MUST_USE bool fit_spread(struct spread *out, const double *values, int64_t count, struct arena *arena, struct err *err);
/* At most points_most (to POINTS_MOST) pairs. */
enum { LENGTH_POINTS = 40, GAP_POINTS = 80, OVERLAP_POINTS = 24, POINTS_MOST = 128 };
MUST_USE bool fit_quantiles(struct spread *out, const double *values, int64_t count, int points_most,
			    struct arena *arena, struct err *err);
MUST_USE bool fit_arrivals(struct workload *w, const struct fit_data *d, bool allow_profile, struct arena *arena,
			   struct err *err);
MUST_USE bool fit_prefixes(struct workload *w, const struct fit_data *d, struct arena *arena, struct err *err);
/* Four significant digits: what a file for people holds. */
double fit_round(double x);
int by_double(const void *a, const void *b);

#endif
