/* What a trace or generator holds, in one pass: lengths, rates, burstiness, correlation, reusable prefixes. */
#ifndef WORKLOADS_STATS_H
#define WORKLOADS_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "workloads/source.h"
#include "workloads/trace.h"

enum { STATS_BINS = 512, STATS_WINDOWS = 4096, STATS_EXACT_MOST = 1 << 21 };

/* One quantity. Quantiles: value at index floor(p * n) of the sorted list up to STATS_EXACT_MOST values, else a sketch
 * of 0.1 % relative error. */
struct quantity {
	int64_t count;
	double sum, mean, sd, least, most;
	double p1, p5, p25, p50, p75, p90, p95, p99, p999;
	/* Histogram: bin i counts values in [bin_from(i), bin_from(i + 1)): eight bins an octave from 2^-20. */
	int64_t bins[STATS_BINS];
};
double stats_bin_from(int i);

struct workload_stats {
	int64_t requests;
	struct quantity prompt, output, gap_s; /* gap_s: between consecutive arrivals; empty without times */
	bool has_times, has_prefixes, exact;
	double first_s, last_s, span_s, rate_qps; /* rate = (requests - 1) / span */
	double gap_cv;
	double correlation;                  /* Pearson, of prompt and output */
	double rank_correlation;             /* Spearman; NAN when not exact */
	double output_share;                 /* of all tokens */
	int64_t sessions, classes, adapters; /* different ones seen */
	int32_t max_turn;
	/* Prefixes, unbounded cache: leading blocks already seen, times block_tokens, capped at the prompt; and the
	 * same over whole blocks of the prompt only, as engines do that cache full blocks. */
	int64_t hit_tokens, full_hit_tokens, distinct_blocks, blocks;
	double hit_share, full_hit_share; /* of prompt tokens */
	/* Arrivals per window: window_s doubles as the trace gets longer. */
	double window_s, window_cv; /* cv of counts in windows of 10 s, or of window_s when that is longer */
	int windows;
	int64_t window_counts[STATS_WINDOWS];
};

struct stats;
MUST_USE struct stats *stats_new(void); /* NULL on failure */
MUST_USE bool stats_add(struct stats *s, const struct request *q, bool timed, struct err *err);
void stats_finish(struct stats *s, struct workload_stats *out);
/* Sorted values (valid after stats_finish, until stats_free; NULL when not exact). */
const double *stats_prompts(const struct stats *s, int64_t *count);
const double *stats_outputs(const struct stats *s, int64_t *count);
const double *stats_gaps(const struct stats *s, int64_t *count);
void stats_free(struct stats *s);

/* A whole source; follow-ups are taken as if every answer came at once. `most` requests (0 = all). */
MUST_USE bool stats_of_source(struct source *source, int64_t most, struct workload_stats *out, struct err *err);
/* A trace file as it stands (lengths-only files too); counts may be NULL. */
MUST_USE bool stats_of_trace(const char *path, const struct trace_options *options, struct workload_stats *out,
			     struct source_counts *counts, struct err *err);

/* Kolmogorov-Smirnov distance of two sorted samples. */
double ks_distance(const double *a, int64_t na, const double *b, int64_t nb);

#endif
