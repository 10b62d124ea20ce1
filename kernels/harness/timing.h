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

/* Where streamed operands lie when a run begins: in memory only, or in the last-level cache as far as they fit there (a model that fits it:
 * between two uses of a matrix all others pass through the near ones). Either way the near caches are full of lines of other memory and the
 * translations of these pages are forgotten, as after the rest of a model's weights; then what the operators before have just written is put
 * there (struct operand). Kernels that say nothing of their operands' places find them where the run before left them, but for the first cache
 * and what streams from memory. */
enum residency { FROM_MEMORY, FROM_LAST_CACHE };

/* How quick this core is just now: seconds of a fixed stretch of dependent arithmetic (about 20 us), best of two. Other work on the
 * same core or its sibling makes it longer, and so would make a sample. */
double timing_pace_s(struct timing *t);

/* One sample: the mean of `runs` runs, each from where operands have been put, between two readings of the pace. `pace` is the slower of
 * the two over the best that this object has seen: 1 = undisturbed. One thread: time that the system gave to other programs in between is
 * taken away (the thread's CPU time counts when it is less than the clock's). Several threads: a run during which the calling one did not
 * have its core counts as disturbed. */
struct sample_time {
	double seconds, pace;
};
struct sample_time timing_sample(struct timing *t, struct kernel_case *c, const struct kernel *k, enum residency where, int runs);

/* Before samples FROM_LAST_CACHE of a case: that cache takes in what comes back, and not at the first time. */
void timing_settle(struct timing *t, struct kernel_case *c);

/* Samples of one point, collected over time. */
enum { SAMPLES_MOST = 64 };
struct samples {
	double seconds[SAMPLES_MOST], pace[SAMPLES_MOST];
	int place[SAMPLES_MOST];       /* where operands lay: samples of one place share its luck */
	int count, places;             /* places: the number that the next sample gets; whoever takes memory anew counts on */
};
void samples_add(struct samples *s, struct sample_time one);     /* past the capacity the most disturbed one is replaced */

/* What a point's samples say. Samples whose pace was over PACE_MOST are outliers (another program ran); when fewer than three are
 * left, the best-paced three count. Of the others: the median, of several places the mean of their medians (a virtual machine's host backs memory in
 * small pages or large ones, which makes decode from memory take 1.8 times as long or not, and an engine has its operands in very many
 * places); the 95 % interval of the median (order statistics), and the mean of the fastest quarter,
 * which is what a kernel can do and not what it takes among others; their mean, over the places, too (without those beyond four medians: something
 * interrupted them, which a mean of so few cannot carry); drift: later half over earlier half of medians. */
#define PACE_MOST 1.25                 /* wide vectors alone lower a core's clock for a while: by 17 % on a Xeon of 2024; work beside ours by half and more */
struct estimate {
	double median, mean, low, high, fastest, drift;
	int used, outliers;
};
struct estimate samples_estimate(const struct samples *s);

#endif
