/* What a serving run measures as it goes: constant memory, O(1) a request and a batch. */
#ifndef SIM_SERVE_METRICS_H
#define SIM_SERVE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/sketch.h"
#include "base/sum.h"
#include "reports/result.h"
#include "sim/scenario.h"

enum { EXACT_MOST = 65536 };           /* up to this many requests, percentiles are exact */

struct latency {
	struct sketch *sketch;
	double *values;                        /* all of them while exact, then those that the sketch has not seen */
	int64_t kept, sketched, limit;         /* values held, how many of them the sketch has, how many may be held */
	bool exact;                            /* no more than EXACT_MOST so far */
};

struct class_metrics {
	struct latency ttft, tpot, e2e;
	int64_t requests, completed, good;
};

struct bucket {
	double batch_s, tokens, kv_s, waiting_s, running_s, busy_s;
	double ttft_sum, tpot_sum, output_tokens, arrivals;
	int64_t ttft_count, tpot_count;
};

struct metrics {
	struct latency ttft, tpot, e2e, queue;
	struct sketch *itl;
	struct class_metrics *classes;
	size_t class_count;
	struct { double ttft_s, tpot_s, e2e_s; } good;  /* a request within all of these is good; INFINITY = not asked */
	bool has_slo;
	int64_t requests, completed, rejected, good_count;
	double prompt_tokens, output_tokens, cached_tokens;
	double first_arrival_s, last_end_s, in_system, in_system_since_s;
	struct block_sum in_system_area;             /* integral of requests in the system: Little's law */
	struct block_sum e2e_area;                   /* sum of their times there */
	struct bucket buckets[SERIES_MOST];
	double bucket_s, buckets_per_s;        /* powers of two: one is exactly the other's inverse */
	double series_s;                       /* time that all buckets cover */
};

MUST_USE bool metrics_init(struct metrics *m, const struct scenario *sc, struct err *err);
void metrics_release(struct metrics *m);

void metrics_arrival(struct metrics *m, double t_s, int class_index);
void metrics_rejected(struct metrics *m, int class_index);
/* A finished request; tpot_s NAN for one token. */
void metrics_request(struct metrics *m, const struct request_record *r, double now_s);

/* A replica ran `steps` batches from t0 to t1. */
struct batch_sample {
	double steps, decodes, tokens, running, waiting, kv_share;      /* kv_share: mean over the span, of that replica */
	double output_tokens;
};
void metrics_batches(struct metrics *m, double t0_s, double t1_s, const struct batch_sample *s);

/* Brings the sketches up to date: before anything is read. */
void metrics_settle(struct metrics *m);

void latency_dist(const struct latency *l, struct dist *out);
void sketch_dist(const struct sketch *s, struct dist *out);
/* CDF_POINTS quantiles in the arena, NULL when there are none. */
const double *latency_cdf(const struct latency *l, struct arena *arena);
const double *sketch_cdf(const struct sketch *s, struct arena *arena);

#endif
