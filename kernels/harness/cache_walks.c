#include "kernels/harness/cache_walks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/now.h"

enum { WALKS = 7, WALKS_BEFORE = 15 };
static const double NEAR_BYTES = 4e6;          /* a thread: beyond its own caches */
static const double FAR_BYTES = 1e9;

/* One number of every line, eight sums side by side: neither arithmetic nor waiting for a sum hides what the memory takes. */
static double walk_part(const double *at, size_t count)
{
	enum { LINE = 64 / sizeof(double) };
	double sum[8] = { 0 }, all = 0;

	for (size_t i = 0; i + 8 * LINE <= count; i += 8 * LINE)
		for (size_t k = 0; k < 8; k++)
			sum[k] += at[i + k * LINE];
	for (int k = 0; k < 8; k++)
		all += sum[k];
	return all;
}

/* Seconds a byte of one walk. */
static double walk(const double *at, double bytes, int threads, volatile double *sink)
{
	size_t each = (size_t)(bytes / (double)sizeof(double)) / (size_t)threads;
	double begin = now_s(), sum = 0;

#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1) reduction(+ : sum)
	for (int i = 0; i < threads; i++)
		sum += walk_part(at + (size_t)i * each, each);
	*sink += sum;
	return (now_s() - begin) / bytes;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

bool cache_walks_measure(double bytes, int threads, struct cache_walks *out, struct err *err)
{
	double most = fmin(FAR_BYTES, (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 8);
	const double sizes[] = { fmin(NEAR_BYTES * threads, most), fmin(bytes, most), most };
	double *results[] = { &out->near_s, &out->asked_s, &out->far_s };
	double times[WALKS];
	double *at = mem_alloc_aligned((size_t)most);
	volatile double sink = 0;

	if (!at)
		return err_memory(err);
	memset(at, 0, (size_t)most);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		/* A last-level cache takes in what comes back, and not at the first time: as in a model that runs, walks go before. */
		for (int r = 0; i < 2 && r < WALKS_BEFORE; r++)
			(void)walk(at, sizes[i], threads, &sink);
		for (int r = 0; r < WALKS; r++)
			times[r] = walk(at, sizes[i], threads, &sink);
		qsort(times, WALKS, sizeof(double), ascending);
		*results[i] = times[WALKS / 2];
	}
	mem_free(at);
	return true;
}

double cache_walks_share(const struct cache_walks *w)
{
	return w->far_s > w->near_s ? fmin(fmax((w->far_s - w->asked_s) / (w->far_s - w->near_s), 0), 1) : 1;
}
