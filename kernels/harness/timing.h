/* Clock, counters and one timed sample of a kernel, for bench, calibration and validation alike. */
#ifndef KERNELS_HARNESS_TIMING_H
#define KERNELS_HARNESS_TIMING_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/harness/kernel.h"

/* What this host measures with. PAPI's clock; without PAPI the system's, and it says so. */
struct timing;
MUST_USE struct timing *timing_new(struct err *err);
void timing_free(struct timing *t);            /* NULL is fine */
const char *timing_clock_name(const struct timing *t);     /* "clock: PAPI_get_real_nsec" */
/* "counters: PAPI_TOT_CYC PAPI_FP_OPS ..." or exactly "counters: none on this host". */
const char *timing_counters_name(const struct timing *t);
double timing_now_s(const struct timing *t);

/* Hardware events of a stretch of work; NAN where the machine does not count them. */
struct counts {
	double cycles, instructions, flops, memory_bytes, joules;
};
void timing_count_begin(struct timing *t);
void timing_count_end(struct timing *t, struct counts *out);

/* Where streamed operands lie when a sample begins: in memory only; in the last-level cache, as far as they fit there, but no nearer
 * (a model that fits that cache: between two uses of a matrix all others pass through the near ones); or as the run before left them. */
enum residency { FROM_MEMORY, FROM_LAST_CACHE, AS_LEFT };

/* How quick this core is just now: seconds of a fixed stretch of dependent arithmetic (about 20 us), best of two. Other work on the
 * same core or its sibling makes it longer, and so would make a sample. */
double timing_pace_s(struct timing *t);

/* One sample: caches as asked, then one run between two readings of the pace. `pace` is the slower of the two over the best that
 * this object has seen: 1 = undisturbed. */
struct sample_time {
	double seconds, pace;
};
/* One thread: time that the system gave to other programs in between is taken away (the thread's CPU time counts when it is less
 * than the clock's). Several threads: a run during which the calling one did not have its core counts as disturbed. */
struct sample_time timing_sample(struct timing *t, struct kernel_case *c, const struct kernel *k, enum residency where);
/* The mean of so many runs in a row: for what is shorter than the clock can tell and streams nothing. */
struct sample_time timing_sample_mean(struct timing *t, struct kernel_case *c, const struct kernel *k, int runs);

/* Samples of one point, collected over time. */
enum { SAMPLES_MOST = 64 };
struct samples {
	double seconds[SAMPLES_MOST], pace[SAMPLES_MOST];
	int count;
};
void samples_add(struct samples *s, struct sample_time one);     /* past the capacity the most disturbed one is replaced */

/* What a point's samples say. Samples whose pace was over PACE_MOST are outliers (another program ran); when fewer than three are
 * left, the best-paced three count. `seconds`: the mean of the fastest quarter of the others, which is what the kernel takes on a
 * machine of its own; median and its 95 % interval (order statistics) beside it; drift: later half over earlier half of medians. */
#define PACE_MOST 1.15
struct estimate {
	double seconds, median, low, high, drift;
	int used, outliers;
};
struct estimate samples_estimate(const struct samples *s);

#endif
