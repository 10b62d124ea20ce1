/* How fast the kernels are on this host, against what it can do: one row a variant, shape and number of threads. */
#ifndef VALIDATION_KERNELS_BENCH_H
#define VALIDATION_KERNELS_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "kernels/harness/kernel.h"
#include "kernels/harness/timing.h"
#include "reports/table.h"

struct bench_options {
	const char *area, *op;         /* as for validation */
	int threads;                   /* 0: one, and every core */
	int rounds;
	bool references;               /* time those, too */
	void (*progress)(void *ctx, double share, const char *what);
	void *ctx;
};
struct bench_row {
	const char *id;                /* "gemm fp32 m=1 n=8192 k=8192, avx512, 1 thread" */
	const char *shape;
	const struct kernel_family *family;
	const struct kernel *kernel;
	int threads;
	const double *samples_s;       /* every one taken; in the arena */
	size_t sample_count;
	double seconds, median_s, bytes_s, flop_s, intensity;      /* intensity: FLOP a byte */
	double of_peak, of_blas, of_triad;     /* shares; NAN where there is nothing to compare with. OpenBLAS and triad were sampled in turn */
	double of_roof;                /* kernels that stream: of the slower of their bytes at triad's rate and their FLOPs at the peak */
	double error, counted_flops, counted_bytes;    /* of hardware events: NAN without counters */
	double of_baseline;            /* (techniques) time of the baseline over this one's; NAN */
	bool is_default;               /* the variant that runs here when none is named */
	const char *verdict;
};
struct bench_study {
	struct bench_row *rows;
	size_t count;
	double fma_flop_s[2], triad_bytes_s[2];        /* one thread; every core */
	int threads[2];
	int thread_counts;
	const char *clock, *counters;
	bool wrong;                    /* some variant is outside its tolerance */
};
MUST_USE bool kernels_bench(const struct bench_options *o, struct bench_study *out, struct arena *arena, struct err *err);
MUST_USE bool bench_text(const struct bench_study *s, const struct term *term, struct str *out, struct err *err);
void bench_json(const struct bench_study *s, struct str *out);         /* vibee.kernels/1 */
/* SVG of all kernels with threads[which]. */
MUST_USE bool bench_roofline(const struct bench_study *s, int which, bool standalone, struct str *out, struct err *err);
MUST_USE bool bench_html(const struct bench_study *s, struct str *out, struct err *err);

#endif
