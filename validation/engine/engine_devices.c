#include "validation/engine/engine_devices.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "base/paths.h"
#include "hardware/device.h"
#include "validation/calibrate.h"

enum { SMALLEST_MB = 4, WALKS = 5 };

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Eight sums side by side: the reads do not wait for each other. */
static double walk(const double *at, size_t count)
{
	double sum[8] = { 0 }, all = 0;

	for (size_t i = 0; i + 8 <= count; i += 8)
		for (int k = 0; k < 8; k++)
			sum[k] += at[i + (size_t)k];
	for (int k = 0; k < 8; k++)
		all += sum[k];
	return all;
}

bool cache_curve_measure(struct cache_curve *out, struct err *err)
{
	size_t most = (size_t)SMALLEST_MB << 20 << (CACHE_POINTS - 1);
	double *at = mem_alloc_aligned(most);
	volatile double sink = 0;

	if (!at)
		return err_memory(err);
	memset(at, 0, most);
	for (int i = 0; i < CACHE_POINTS; i++) {
		size_t bytes = (size_t)SMALLEST_MB << 20 << i;
		double best = INFINITY;

		sink += walk(at, bytes / sizeof(double));
		for (int r = 0; r < WALKS; r++) {
			double begin = cpu_s();

			sink += walk(at, bytes / sizeof(double));
			begin = cpu_s() - begin;
			if (begin < best)
				best = begin;
		}
		out->bytes[i] = (double)bytes;
		out->bytes_s[i] = (double)bytes / best;
	}
	(void)sink;
	mem_free(at);
	return true;
}

double cache_curve_share(const struct cache_curve *c, double bytes)
{
	double near = 1 / c->bytes_s[0], far = 1 / c->bytes_s[CACHE_POINTS - 1], here = far;

	for (int i = 0; i < CACHE_POINTS; i++)
		near = fmin(near, 1 / c->bytes_s[i]), far = fmax(far, 1 / c->bytes_s[i]);
	if (bytes <= c->bytes[0])
		here = 1 / c->bytes_s[0];
	for (int i = 0; i + 1 < CACHE_POINTS; i++)
		if (bytes >= c->bytes[i] && bytes < c->bytes[i + 1]) {
			double f = log(bytes / c->bytes[i]) / log(c->bytes[i + 1] / c->bytes[i]);

			here = (1 - f) / c->bytes_s[i] + f / c->bytes_s[i + 1];
		}
	return far > near ? fmin(fmax((far - here) / (far - near), 0), 1) : 1;
}

static bool is_fresh(const struct engine_devices *d, int threads, const char *path)
{
	struct stat st;

	if (d->made[threads])
		return true;
	return !d->fresh && stat(path, &st) == 0 && difftime(time(NULL), st.st_mtime) < d->age_s;
}

const char *engine_device(struct engine_devices *d, int threads, bool cached, struct arena *arena, struct err *err)
{
	const char *folder = d->folder ? d->folder : device_user_folder(arena, err);
	const char *name = arena_printf(arena, "here-%dt", threads), *path = folder && name ? arena_printf(arena, "%s/%s.xml", folder, name) : NULL;
	struct calibrate_options o = { .folder = folder, .name = name, .quick = d->quick, .fresh = true, .threads = threads, .rounds = d->rounds,
				       .budget_s = d->quick ? 50 : 0, .progress = d->progress, .ctx = d->ctx };
	struct calibrate_report report;

	if (!path || threads < 1 || threads > 64) {
		if (err->kind == ERR_NONE)
			err_memory(err);
		return NULL;
	}
	if (!is_fresh(d, threads, path) && !calibrate(&o, &report, arena, err))
		return NULL;
	d->made[threads] = true;
	return cached ? arena_printf(arena, "%s/%s-cached.xml", folder, name) : path;
}
