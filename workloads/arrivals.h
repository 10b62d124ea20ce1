/* One stream of arrival times: a renewal process of unit rate, run on a clock whose speed is the wanted rate. */
#ifndef WORKLOADS_ARRIVALS_H
#define WORKLOADS_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/rng.h"
#include "workloads/sampler.h"
#include "workloads/workload.h"

struct rate_segment {
	double length_s, rate;
};

struct arrival_stream {
	int kind; /* enum arrival_kind, auto resolved */
	struct rng gaps, states;
	double cv, shape, scale; /* of unit-mean gaps */
	int gap_kind;
	struct sampler gap; /* empirical gaps, mean 1 */
	double qps, factor, quantum_s;
	double now_s; /* exact time of the last arrival */
	/* Varying rate: fixed segments (cyclic or ending) or two random states. */
	struct rate_segment *segments;
	size_t segment_count, segment;
	bool cyclic, done;
	double left_s, rate;             /* of the current segment */
	double high, low, high_s, low_s; /* mmpp */
	bool is_high;
};

/* `qps` is the mean rate (NAN: what `a` itself says). `number` tells the streams of classes apart. `requests` is only
 * used by rescale. Release also after failure. */
MUST_USE bool arrival_stream_init(struct arrival_stream *s, const struct arrivals *a, double qps, double cv,
				  int64_t requests, uint64_t seed, unsigned number, struct err *err);
void arrival_stream_release(struct arrival_stream *s);

/* Time of the next arrival, seconds, non-decreasing; INFINITY when the stream has ended. */
double arrival_stream_next(struct arrival_stream *s);

/* Mean rate that `a` itself gives (stages, ramp, profile, gap_s); NAN when it has none. */
double arrivals_own_qps(const struct arrivals *a);

#endif
