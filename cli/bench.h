/* Measures the simulator itself: each sample in a process of its own, so that samples share no memory and no caches of
 * the allocator, and the largest memory is that of the sample. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

enum bench_unit { BENCH_REQUESTS_PER_S, BENCH_NS_PER_REQUEST, BENCH_BYTES, BENCH_SECONDS, BENCH_PER_S, BENCH_RATIO };
extern const char *const bench_unit_names[];

struct bench {
	const char *name, *what;
	enum bench_unit unit;
	const char *const *settings;   /* "path=value" over the default scenario; NULL-terminated */
	bool csv, store, exec;         /* per-request CSV; kept in a database; a whole program from fork to exit */
	bool (*study)(double scale, double *value, struct err *err);   /* a measurement of its own; the rest does not count then */
	double requests;
	int samples;
};
extern const struct bench benches[];           /* ends with a NULL name */

struct sample {
	double value;                  /* in the bench's unit */
	double rss_bytes;
	double instructions;           /* of the sample; NAN without counters */
};

/* What this host measures with. */
struct bench_clock {
	bool papi, counters;
};
void bench_clock_init(struct bench_clock *clock);
const char *bench_clock_name(const struct bench_clock *clock);         /* one line, static */

/* One sample; `scale` shrinks the number of requests. */
MUST_USE bool bench_sample(const struct bench *b, double scale, const struct bench_clock *clock, struct sample *out, struct err *err);

/* Searches: candidates a second that bounds decide, on one thread; simulations of 10,000 requests a second on all processors; how
 * many times as fast two threads are as one. */
MUST_USE bool bench_search_bound(double scale, double *value, struct err *err);
MUST_USE bool bench_search_simulate(double scale, double *value, struct err *err);
MUST_USE bool bench_search_threads(double scale, double *value, struct err *err);

#endif
