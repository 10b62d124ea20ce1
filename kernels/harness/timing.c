#define _DEFAULT_SOURCE                /* madvise, mallopt */
#include "kernels/harness/timing.h"

#include <malloc.h>
#include <math.h>
#include <omp.h>
#include <papi.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/mem.h"
#include "base/now.h"
#include "base/str.h"

enum { THREADS_MOST = 1024 };

struct timing {
	bool papi;
	long long begin_ns;                    /* PAPI counts from 1970: a double of that is a quarter of a microsecond coarse */
	int set, count;
	const char *events[8];
	struct str counters;
	double pace_best;
	char *passing[THREADS_MOST];           /* a thread's own memory, that passes through its near caches instead of other weights */
};
static const double LONG_S = 50e-6;            /* runs long enough to be interrupted, and for the clock of CPU time */
/* A line of each of 4,608 pages, the translations of today's processors; then all lines of 1,536 more, three times the second cache. */
enum { PAGE = 4096, PAGES = 6144, WHOLE_PAGES = 1536, FIRST_CACHE_BYTES = 96 << 10 };

/* What PAPI may have; each is tried alone, as a machine may lack some. */
static const char *const wanted[] = { "PAPI_TOT_CYC", "PAPI_TOT_INS", "PAPI_FP_OPS", "PAPI_L3_TCM", "rapl:::PACKAGE_ENERGY:PACKAGE0" };
enum { CYCLES, INSTRUCTIONS, FLOPS, MISSES, ENERGY };

static void start_counters(struct timing *t)
{
	t->set = PAPI_NULL;
	str_add(&t->counters, "counters:");
	if (t->papi && PAPI_create_eventset(&t->set) == PAPI_OK) {
		for (size_t i = 0; i < COUNT_OF(wanted); i++) {
			if (PAPI_add_named_event(t->set, wanted[i]) != PAPI_OK)
				continue;
			t->events[t->count++] = wanted[i];
			str_addf(&t->counters, " %s", wanted[i]);
		}
		/* An event that can be added may still not count: virtual machines have been seen to say yes and start nothing. */
		long long values[8];

		if (t->count > 0 && (PAPI_start(t->set) != PAPI_OK || PAPI_stop(t->set, values) != PAPI_OK))
			t->count = 0;
	}
	if (t->count == 0) {
		str_clear(&t->counters);
		str_add(&t->counters, "counters: none on this host");
	}
}

/* Memory of some size is new whenever it is taken, and in pages of the size that mem_alloc_aligned asks for. Left to itself an allocator
 * learns to reuse what was freed, and small operands lie in large pages by luck: decode took 26 or 43 us, all through a process. */
static void take_memory_anew(void)
{
#ifdef M_MMAP_THRESHOLD
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

struct timing *timing_new(struct err *err)
{
	struct timing *t = mem_calloc(1, sizeof(*t));

	take_memory_anew();
	if (!t) {
		err_memory(err);
		return NULL;
	}
	t->papi = PAPI_library_init(PAPI_VER_CURRENT) == PAPI_VER_CURRENT;
	t->begin_ns = t->papi ? PAPI_get_real_nsec() : 0;
	t->pace_best = INFINITY;
	start_counters(t);
	for (int i = 0; i < 20; i++)
		(void)timing_pace_s(t);
	return t;
}

void timing_free(struct timing *t)
{
	if (!t)
		return;
	if (t->set != PAPI_NULL && t->papi) {
		PAPI_cleanup_eventset(t->set);
		PAPI_destroy_eventset(&t->set);
	}
	str_release(&t->counters);
	for (int i = 0; i < THREADS_MOST; i++)
		mem_free(t->passing[i]);
	mem_free(t);
}

const char *timing_clock_name(const struct timing *t)
{
	return t->papi ? "clock: PAPI_get_real_nsec" : "clock: clock_gettime (PAPI does not start on this host)";
}

const char *timing_counters_name(const struct timing *t)
{
	return str_text(&t->counters);
}

double timing_now_s(const struct timing *t)
{
	return t->papi ? 1e-9 * (double)(PAPI_get_real_nsec() - t->begin_ns) : now_s();
}

void timing_count_begin(struct timing *t)
{
	if (t->count > 0)
		(void)PAPI_start(t->set);
}

void timing_count_end(struct timing *t, struct counts *out)
{
	long long values[8] = { 0 };
	double *const to[] = { &out->cycles, &out->instructions, &out->flops, &out->memory_bytes, &out->joules };

	*out = (struct counts){ NAN, NAN, NAN, NAN, NAN };
	if (t->count == 0 || PAPI_stop(t->set, values) != PAPI_OK)
		return;
	for (int i = 0; i < t->count; i++)
		for (size_t w = 0; w < COUNT_OF(wanted); w++)
			if (t->events[i] == wanted[w])
				*to[w] = (double)values[i] * (w == MISSES ? 64 : w == ENERGY ? 1e-9 : 1);
}

double timing_pace_s(struct timing *t)
{
	double best = INFINITY;

	for (int i = 0; i < 2; i++) {
		double begin = timing_now_s(t), x = 1;

		for (int k = 0; k < 5000; k++)         /* a chain: four cycles each, whatever the width of the machine */
			x = x * 0.9999999 + 1e-9;
		__asm__ volatile("" : : "x"(x));       /* the result is wanted */
		best = fmin(best, timing_now_s(t) - begin);
	}
	t->pace_best = fmin(t->pace_best, best);
	return best;
}

/* Small pages: the translations are to be pushed out, too. Each thread has memory of its own, since lines that two cores share leave a cache
 * without a trace, and those of one go to the last-level cache, which takes time that weights have to wait. */
static char *passing_memory(struct timing *t, int thread)
{
	size_t bytes = (size_t)PAGE * (PAGES + 1);

	if (thread >= THREADS_MOST)
		return NULL;
	if (!t->passing[thread]) {
		char *at = mem_alloc(bytes);

#ifdef MADV_NOHUGEPAGE
		if (at)
			(void)madvise(at + PAGE - (uintptr_t)at % PAGE, (size_t)PAGE * PAGES, MADV_NOHUGEPAGE);
#endif
		if (at)
			memset(at, 1, bytes);
		t->passing[thread] = at;
	}
	return t->passing[thread];
}

/* Whole pages in order, as an engine reads its weights: after lines picked from all over, a processor's prefetching ran for whole processes
 * in either of two modes, and norms from the second cache took 3.2 or 5.3 us (EPYC, fifth generation). Without memory to spare the
 * caches stay as they are. */
static void pass_through_caches(struct timing *t, int threads)
{
#pragma omp parallel num_threads(threads) if (threads > 1)
	{
		const volatile char *p = passing_memory(t, omp_get_thread_num());
		int sum = 0;

		for (size_t page = WHOLE_PAGES; p && page < PAGES; page++)
			sum += p[page * PAGE + page * 7 % 64 * 64];
		for (size_t at = 0; p && at < (size_t)WHOLE_PAGES * PAGE; at += 64)
			sum += p[at];
		(void)sum;
	}
}

static void pass_through_first_cache(struct timing *t, int threads)
{
#pragma omp parallel num_threads(threads) if (threads > 1)
	{
		const volatile char *p = passing_memory(t, omp_get_thread_num());
		int sum = 0;

		for (size_t i = 0; p && i < FIRST_CACHE_BYTES; i += 64)
			sum += p[i];
		(void)sum;
	}
}

/* Operands where an engine's operators would find them. */
static void place(struct timing *t, struct kernel_case *c, const struct kernel *k, enum residency where)
{
	kernel_case_restart(c);
	if (where != FROM_MEMORY)
		kernel_case_turn_back(c);
	else if (!kernel_case_turn(c, k))
		(void)kernel_case_flush(c);
	if (!kernel_case_places(c)) {
		pass_through_first_cache(t, kernel_case_threads(c));
		return;
	}
	/* What a product makes lies behind the weights that it reads afterwards. */
	kernel_case_freshen(c, k, true);
	pass_through_caches(t, kernel_case_threads(c));
	kernel_case_translate(c);
	kernel_case_freshen(c, k, false);
}

static double thread_cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void timing_settle(struct timing *t, struct kernel_case *c)
{
	for (int i = 0; i < 8 && kernel_case_streamed_bytes(c) > 0; i++) {
		kernel_case_read(c);
		pass_through_caches(t, kernel_case_threads(c));
	}
}

/* What reading the clock takes. */
static double clock_s(const struct timing *t)
{
	double least = INFINITY;

	for (int i = 0; i < 8; i++) {
		double begin = timing_now_s(t);

		least = fmin(least, timing_now_s(t) - begin);
	}
	return least;
}

struct sample_time timing_sample(struct timing *t, struct kernel_case *c, const struct kernel *k, enum residency where, int runs)
{
	struct sample_time out = { 0, timing_pace_s(t) };
	double clock = clock_s(t), lost = 1;

	for (int i = 0; i < runs; i++) {
		double begin, cpu, s;

		place(t, c, k, where);
		cpu = thread_cpu_s();
		begin = timing_now_s(t);
		kernel_case_run(c, k);
		s = fmax(timing_now_s(t) - begin - clock, 1e-9);
		cpu = thread_cpu_s() - cpu;
		if (!strcmp(k->variant, "opencl"))
			;                      /* works in threads of its own */
		else if (kernel_case_threads(c) == 1 && s > LONG_S && cpu < s)
			s = cpu;
		else if (s > LONG_S)
			lost = fmax(lost, s / cpu);
		out.seconds += s / runs;
	}
	out.pace = fmax(fmax(out.pace, timing_pace_s(t)) / t->pace_best, lost);
	return out;
}

void samples_add(struct samples *s, struct sample_time one)
{
	int at = s->count;

	if (at == SAMPLES_MOST) {
		at = 0;
		for (int i = 1; i < SAMPLES_MOST; i++)
			if (s->pace[i] > s->pace[at])
				at = i;
	} else {
		s->count++;
	}
	s->seconds[at] = one.seconds;
	s->pace[at] = one.pace;
	s->place[at] = s->places;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double middle(double *x, int n)
{
	qsort(x, (size_t)n, sizeof(*x), ascending);
	return n == 0 ? NAN : n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* The pace up to which samples count. */
static double pace_limit(const struct samples *s)
{
	double pace[SAMPLES_MOST];
	int enough = s->count < 3 ? s->count : 3, quiet = 0;

	for (int i = 0; i < s->count; i++) {
		pace[i] = s->pace[i];
		quiet += s->pace[i] <= PACE_MOST;
	}
	if (quiet >= enough)
		return PACE_MOST;
	qsort(pace, (size_t)s->count, sizeof(*pace), ascending);
	return pace[enough - 1];
}

static const double INTERRUPTED = 4;   /* medians */

/* Of `x` in order, without what was interrupted. */
static double mean(const double *x, int n, double middle)
{
	double sum = 0;
	int within = 0;

	while (within < n && x[within] <= INTERRUPTED * middle)
		sum += x[within++];
	return sum / within;
}

/* Means over the places of their medians, and of their means. */
static double over_places(const struct samples *s, double limit, double *means)
{
	double sum = 0, sum_means = 0, own[SAMPLES_MOST];
	bool done[SAMPLES_MOST] = { false };
	int places = 0;

	for (int i = 0; i < s->count; i++) {
		int n = 0;

		for (int k = i; k < s->count; k++) {
			if (done[k] || s->place[k] != s->place[i] || s->pace[k] > limit)
				continue;
			done[k] = true;
			own[n++] = s->seconds[k];
		}
		if (n == 0)
			continue;
		double m = middle(own, n);

		sum += m;
		sum_means += mean(own, n, m);
		places++;
	}
	*means = places ? sum_means / places : NAN;
	return places ? sum / places : NAN;
}

struct estimate samples_estimate(const struct samples *s)
{
	struct estimate e = { .median = NAN, .mean = NAN, .low = NAN, .high = NAN, .fastest = NAN, .drift = NAN };
	double kept[SAMPLES_MOST], early[SAMPLES_MOST], late[SAMPLES_MOST], limit = s->count ? pace_limit(s) : 0;
	int n = 0, e_count = 0, l_count = 0, quarter;

	for (int i = 0; i < s->count; i++) {
		if (s->pace[i] > limit)
			continue;
		if (i < s->count / 2)
			early[e_count++] = s->seconds[i];
		else
			late[l_count++] = s->seconds[i];
		kept[n++] = s->seconds[i];
	}
	e.used = n;
	e.outliers = s->count - n;
	if (n == 0)
		return e;
	(void)middle(kept, n);                 /* in order */
	e.median = over_places(s, limit, &e.mean);
	quarter = (n + 3) / 4;
	e.fastest = 0;
	for (int i = 0; i < quarter; i++)
		e.fastest += kept[i] / quarter;
	/* The median lies between the order statistics n/2 -+ 0.98 sqrt(n) with 95 % (binomial, normal approximation). */
	int low = (int)floor(n / 2.0 - 0.98 * sqrt(n)), high = (int)ceil(n / 2.0 + 0.98 * sqrt(n));

	e.low = kept[low < 0 ? 0 : low];
	e.high = kept[high > n - 1 ? n - 1 : high];
	if (e_count > 0 && l_count > 0)
		e.drift = middle(late, l_count) / middle(early, e_count);
	return e;
}
