#include "kernels/harness/cache_walks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/now.h"
#include "base/rng.h"

enum { SIZES = 3, TURNS = 3, EACH = 3, WALKS = TURNS * EACH, BEFORE_LEAST = 3, BEFORE_MOST = 15 };
static const double NEAR_BYTES = 4e6;          /* a thread: beyond its own caches */
static const double FAR_BYTES = 1e9;
static const double BEFORE_BYTES = 2e9;        /* read so much before: a last-level cache takes in what comes back, and not at the first time */

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

struct walker {
	const double *at;
	double most;                   /* bytes there */
	int threads;
	struct rng rng;
	double sum;                    /* of all that was read, so that it is */
};

static void read_all(struct walker *w, double offset, double bytes)
{
	size_t each = (size_t)(bytes / (double)sizeof(double)) / (size_t)w->threads;
	const double *at = w->at + (size_t)(offset / (double)sizeof(double));
	double sum = 0;
	int threads = w->threads;

#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1) reduction(+ : sum)
	for (int i = 0; i < threads; i++)
		sum += walk_part(at + (size_t)i * each, each);
	w->sum += sum;
}

/* Seconds a byte of one walk. */
static double walk(struct walker *w, const struct cache_walk *of)
{
	double bytes = fmin(of->bytes, w->most), begin = now_s();
	int64_t left = of->pieces, wanted = of->picked < of->pieces ? of->picked : of->pieces;

	read_all(w, 0, bytes);
	for (int64_t i = 0; i < of->pieces; i++, left--) {
		if ((int64_t)rng_below(&w->rng, (uint64_t)left) >= wanted || of->bytes + (double)(i + 1) * of->piece_bytes > w->most)
			continue;
		read_all(w, of->bytes + (double)i * of->piece_bytes, of->piece_bytes);
		bytes += of->piece_bytes;
		wanted--;
	}
	return (now_s() - begin) / bytes;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double pass_bytes(const struct cache_walk *of)
{
	return of->bytes + (double)of->picked * of->piece_bytes;
}

/* In turns, so that all three see the same machine. */
bool cache_walks_measure(const struct cache_walk *asked, int threads, struct cache_walks *out, struct err *err)
{
	double most = fmin(FAR_BYTES, (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 8);
	const struct cache_walk near = { .bytes = NEAR_BYTES * threads }, far = { .bytes = most }, *const walks[SIZES] = { &near, asked, &far };
	double *results[SIZES] = { &out->near_s, &out->asked_s, &out->far_s };
	double times[SIZES][WALKS];
	double *at = mem_alloc_aligned((size_t)most);
	struct walker w = { .at = at, .most = most, .threads = threads };
	volatile double sink;

	if (!at)
		return err_memory(err);
	memset(at, 0, (size_t)most);
	rng_init(&w.rng, 1, "walks");
	for (int turn = 0; turn < TURNS; turn++)
		for (int i = 0; i < SIZES; i++) {
			double before = walks[i] == &far ? 0 : fmin(fmax(BEFORE_BYTES / pass_bytes(walks[i]), BEFORE_LEAST), BEFORE_MOST);

			for (int r = 0; r < (int)before; r++)
				(void)walk(&w, walks[i]);
			for (int r = 0; r < EACH; r++)
				times[i][turn * EACH + r] = walk(&w, walks[i]);
		}
	for (int i = 0; i < SIZES; i++) {
		qsort(times[i], WALKS, sizeof(double), ascending);
		*results[i] = times[i][WALKS / 2];
	}
	sink = w.sum;
	(void)sink;
	mem_free(at);
	return true;
}

double cache_walks_share(const struct cache_walks *w)
{
	return w->far_s > w->near_s ? fmin(fmax((w->far_s - w->asked_s) / (w->far_s - w->near_s), 0), 1) : 1;
}
