/* Calibration: measures the kernels on this host and makes a device of it -- data, tables and a fitted law as hardware/ reads
 * them. Two devices come out: NAME, whose weights and caches are read from memory (models larger than the last-level cache), and
 * NAME-cached, where they lie in that cache; with all variants also NAME-VARIANT. */
#ifndef VALIDATION_CALIBRATE_H
#define VALIDATION_CALIBRATE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "kernels/harness/machine.h"
#include "kernels/harness/timing.h"

struct calibrate_options {
	const char *folder;            /* NAME.xml and NAME/ are written there */
	const char *name;
	const char *op;                /* only kernels whose name begins so; NULL: all */
	bool quick, all_variants, no_cached, fresh;    /* no_cached: NAME alone; fresh: forget what an interrupted calibration left */
	int threads;                   /* 0: every core */
	int rounds;                    /* 0: 2 quick, 3 else */
	int rounds_now;                /* 0: all; else the first so many, and a later call without `fresh` goes on from there */
	double budget_s;               /* quick: begins no new round after this long; 0: none */
	void (*progress)(void *ctx, double share, const char *what);
	void *ctx;
};
struct calibrate_report {
	struct machine machine;
	int threads;
	size_t points, samples, outliers, resumed;     /* outliers: samples that another program disturbed; resumed: found from before */
	double seconds, interval;      /* of wall time; median width of the 95 % intervals over their medians */
	double drift_worst;            /* largest of |later half / earlier half - 1| among points with ten samples */
	double pace_median;            /* of all samples: 1 = nobody else was here */
	double stolen;                 /* share of the processors' time that a virtual machine's host gave to others; NAN where nobody tells */
	double stream_drift, product_drift;    /* of the pulse (pulse.h) over the rounds: most over least - 1 */
	double bandwidth_bytes_s, peak_flop_s[KERNEL_FORMAT_COUNT];
	const char *clock, *counters;  /* in the arena */
	const char *devices;           /* "here here-cached" */
};
MUST_USE bool calibrate(const struct calibrate_options *o, struct calibrate_report *report, struct arena *arena, struct err *err);

/* Takes `count` samples of a case, of a fresh one after some untimed ones; short ones more (up to eight, of a millisecond together), and as many again when
 * other programs disturbed them. All of them count as disturbed when the host of a virtual machine took a processor away meanwhile. */
void take_samples(struct timing *t, struct kernel_case *c, const struct kernel *k, enum residency where, bool fresh, int count, struct samples *out);

#endif
