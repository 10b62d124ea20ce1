#include <math.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/sketch.h"
#include "base/sum.h"
#include "tests/unit/scratch.h"

static const double quantiles[] = { 0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1 };

static double draw(struct rng *r, int kind)
{
	switch (kind) {
	case 0: return rng_uniform(r);
	case 1: return rng_exponential(r, 0.02);
	case 2: return rng_lognormal(r, -3, 2);
	case 3: return rng_below(r, 2) ? 1e-3 : rng_gamma(r, 2, 50);            /* two modes, many ties */
	case 4: return pow(rng_uniform_open(r), -1.5);                          /* no mean at all */
	case 5: return (double)rng_below(r, 40);                                /* small whole numbers with zeros */
	case 6: return 0.25;
	default: return rng_exponential(r, 1e-6);
	}
}

/* Any distribution, any number of values: as numpy's percentile to 0.1 %. */
static void close_to_exact_quantiles(void)
{
	static const int sizes[] = { 1, 2, 3, 5, 10, 100, 1001, 50000 };
	double *values = mem_calloc(50000, sizeof(*values)), worst = 0;
	struct sketch *s = sketch_new();
	struct rng r;

	rng_init(&r, 11, "sketch");
	for (int kind = 0; kind < 8; kind++)
		for (size_t k = 0; k < COUNT_OF(sizes); k++) {
			struct sum sum = { 0 };

			sketch_clear(s);
			for (int i = 0; i < sizes[k]; i++) {
				values[i] = draw(&r, kind);
				sketch_add(s, values[i], 1);
				sum_add(&sum, values[i]);
			}
			CU_ASSERT_EQUAL(sketch_count(s), sizes[k]);
			CU_ASSERT_DOUBLE_EQUAL(sketch_sum(s), sum_get(&sum), 1e-15 * sum_get(&sum));
			CU_ASSERT_DOUBLE_EQUAL(sketch_mean(s), sum_get(&sum) / sizes[k], 1e-15 * sum_get(&sum));
			for (size_t q = 0; q < COUNT_OF(quantiles); q++) {
				double exact = exact_quantile(values, sizes[k], quantiles[q]), got = sketch_quantile(s, quantiles[q]);
				double off = exact > 0 ? fabs(got / exact - 1) : fabs(got);

				if (off > 1e-3)
					fprintf(stderr, "kind %d, n %d, q %g: expected %g, got %g\n", kind, sizes[k], quantiles[q],
						exact, got);
				worst = fmax(worst, off);
			}
			CU_ASSERT_EQUAL(sketch_min(s), values[0]);      /* sorted by now */
			CU_ASSERT_EQUAL(sketch_max(s), values[sizes[k] - 1]);
		}
	CU_ASSERT(worst < 1e-3);
	sketch_free(s);
	mem_free(values);
}

static void quantiles_never_decrease(void)
{
	struct sketch *s = sketch_new();
	struct rng r;
	double last = 0, all[1001];

	rng_init(&r, 12, "order");
	for (int i = 0; i < 3000; i++)
		sketch_add(s, draw(&r, i % 6), 1 + (double)rng_below(&r, 5));
	sketch_quantiles(s, 1001, all);
	for (int i = 0; i <= 1000; i++) {
		double v = sketch_quantile(s, i / 1000.0);

		CU_ASSERT_FATAL(v >= last);
		CU_ASSERT_EQUAL(v, all[i]);
		last = v;
	}
	sketch_free(s);
}

/* Two sketches that cannot be told apart. */
static bool same(const struct sketch *a, const struct sketch *b)
{
	bool ok = sketch_count(a) == sketch_count(b) && fabs(sketch_sum(a) - sketch_sum(b)) <= 1e-12 * fabs(sketch_sum(b)) &&
		  sketch_min(a) == sketch_min(b) && sketch_max(a) == sketch_max(b);

	for (int i = 0; ok && i <= 100; i++)
		ok = sketch_quantile(a, i / 100.0) == sketch_quantile(b, i / 100.0);
	return ok;
}

static void ramp_equals_the_loop(void)
{
	static const struct { double first, step; int64_t count; } cases[] = {
		{ 0.01, 1e-6, 1000 }, { 0.01, -1e-6, 1000 }, { 0.01, 0, 500 }, { 1, 1, 5000 }, { 5000, -1, 5000 }, { 1, 1, 1 }, { 1, 1, 2 },
		{ 1, 1, 3 }, { 1, 1, 0 }, { 1, 1, -5 }, { -3, 1, 10 }, { 3, -1, 10 }, { 0, 0.5, 10 }, { 0.5, 0x1p-11, 4096 }, { 1, -0x1p-11, 2048 },
		{ 1e-15, 1e-15, 4000 }, { 4e-12, -1e-15, 4000 }, { 1e12, 1e9, 3000 }, { 2e12, -1e9, 1500 }, { 1, 1e-18, 100000 },
		{ 1, 1e-320, 1000 }, { 1e-300, 1e-300, 1000 },
	};
	struct sketch *a = sketch_new(), *b = sketch_new();
	struct rng r;

	rng_init(&r, 13, "ramps");
	for (size_t i = 0; i < COUNT_OF(cases) + 300; i++) {
		double first, step;
		int64_t count;

		if (i < COUNT_OF(cases)) {
			first = cases[i].first;
			step = cases[i].step;
			count = cases[i].count;
		} else {
			first = rng_lognormal(&r, -4, 3);
			count = (int64_t)rng_below(&r, 300);
			step = (rng_uniform(&r) - 0.5) * rng_lognormal(&r, -9, 4);
			if (first + step * (double)count < 0)
				step = -step;
		}
		sketch_clear(a);
		sketch_clear(b);
		sketch_add_ramp(a, first, step, count, 2);
		for (int64_t k = 0; k < count; k++)
			sketch_add(b, first + step * (double)k, 2);
		if (!same(a, b)) {
			fprintf(stderr, "ramp %zu: %.17g + %.17g * %lld\n", i, first, step, (long long)count);
			CU_FAIL("ramp differs from the loop");
		}
	}
	/* O(buckets), not O(values): a million million values in a moment. */
	sketch_clear(a);
	sketch_add_ramp(a, 1, 1e-9, 1000000000000, 1);
	CU_ASSERT_EQUAL(sketch_count(a), 1e12);
	CU_ASSERT_DOUBLE_EQUAL(sketch_quantile(a, 0.5), 501, 0.5);
	sketch_add_ramp(a, 1e13, 1, 1000000000, 1);
	sketch_add_ramp(a, 1e-13, -1e-24, 1000000000, 1);
	CU_ASSERT_EQUAL(sketch_count(a), 1e12 + 2e9);
	sketch_free(a);
	sketch_free(b);
}

static void merging_equals_adding(void)
{
	struct sketch *all = sketch_new(), *a = sketch_new(), *b = sketch_new();
	struct rng r;

	rng_init(&r, 14, "merge");
	for (int i = 0; i < 2000; i++) {
		double v = draw(&r, i % 6);

		sketch_add(all, v, 1);
		sketch_add(i % 3 ? a : b, v, 1);
	}
	sketch_merge(a, b);
	CU_ASSERT(same(a, all));
	sketch_clear(b);
	sketch_merge(a, b);                             /* nothing added, nothing changed */
	CU_ASSERT(same(a, all));
	sketch_merge(b, a);
	CU_ASSERT(same(b, all));
	sketch_free(all);
	sketch_free(a);
	sketch_free(b);
}

static void weights(void)
{
	struct sketch *a = sketch_new(), *b = sketch_new();

	sketch_add(a, 1, 0.25);                         /* seconds spent at a batch size, say */
	sketch_add(a, 2, 0.5);
	sketch_add(a, 3, 0.25);
	CU_ASSERT_DOUBLE_EQUAL(sketch_quantile(a, 0.5), 2, 2e-3);
	CU_ASSERT_DOUBLE_EQUAL(sketch_mean(a), 2, 1e-15);
	sketch_add(b, 1, 250);
	sketch_add(b, 2, 500);
	sketch_add(b, 3, 250);
	for (int i = 0; i <= 20; i++)                   /* the scale of weights does not matter */
		CU_ASSERT_DOUBLE_EQUAL(sketch_quantile(a, i / 20.0), sketch_quantile(b, i / 20.0), 1e-12);
	sketch_free(a);
	sketch_free(b);
}

static void odd_values(void)
{
	struct sketch *s = sketch_new();

	CU_ASSERT_EQUAL(sketch_quantile(s, 0.5), 0);
	CU_ASSERT_EQUAL(sketch_mean(s), 0);
	CU_ASSERT_EQUAL(sketch_min(s), 0);
	CU_ASSERT_EQUAL(sketch_max(s), 0);
	sketch_add(s, NAN, 1);
	sketch_add(s, INFINITY, 1);
	sketch_add(s, 1, 0);
	sketch_add(s, 1, -1);
	sketch_add(s, 1, NAN);
	sketch_add_ramp(s, NAN, 1, 10, 1);
	sketch_add_ramp(s, 1, INFINITY, 10, 1);
	sketch_add_ramp(s, 1, 1, 10, 0);
	CU_ASSERT_EQUAL(sketch_count(s), 0);
	sketch_add(s, -5, 1);
	sketch_add(s, 0, 1);
	CU_ASSERT_EQUAL(sketch_min(s), 0);
	CU_ASSERT_EQUAL(sketch_max(s), 0);
	CU_ASSERT_EQUAL(sketch_sum(s), 0);
	CU_ASSERT_EQUAL(sketch_quantile(s, 0.7), 0);
	sketch_add(s, 1e-300, 1);
	sketch_add(s, 1e300, 1);
	CU_ASSERT_EQUAL(sketch_max(s), 1e300);
	CU_ASSERT_EQUAL(sketch_quantile(s, 1), 1e300);
	CU_ASSERT(sketch_quantile(s, 0.6) <= sketch_quantile(s, 0.9));
	sketch_free(s);
	sketch_free(NULL);
	mem_fail_after(1);
	CU_ASSERT_PTR_NULL(sketch_new());
	mem_fail_after(0);
}

static void exact_as_numpy(void)
{
	static const struct { double q, expected; } cases[] = {  /* numpy.percentile([15, 20, 35, 40, 50], 100 q) */
		{ 0, 15 }, { 0.05, 16 }, { 0.3, 23 }, { 0.4, 29 }, { 0.5, 35 }, { 0.99, 49.6 }, { 1, 50 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		double values[] = { 40, 15, 50, 35, 20 };

		CU_ASSERT_DOUBLE_EQUAL(exact_quantile(values, 5, cases[i].q), cases[i].expected, 1e-12);
	}
	CU_ASSERT_EQUAL(exact_quantile(NULL, 0, 0.5), 0);
	CU_ASSERT_EQUAL(exact_quantile(&(double){ 7 }, 1, 0.5), 7);
}

/* 1 + 1e100 - 1e100 and friends: what a plain sum loses (Neumaier's own example). */
static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Whatever the order and however many are alike: the two values around, as a sort finds them. */
static void exact_as_sorting(void)
{
	struct rng r;
	int wrong = 0;

	rng_init(&r, 5, "sorting");
	for (int t = 0; t < 2000; t++) {
		double values[64], sorted[64], q = rng_uniform(&r);
		int n = 1 + (int)rng_below(&r, 64), kinds = 1 + (int)rng_below(&r, 80);
		double h = (n - 1) * q;
		int i = (int)h;

		for (int k = 0; k < n; k++)
			values[k] = sorted[k] = (double)rng_below(&r, (uint64_t)kinds) / 7;
		qsort(sorted, (size_t)n, sizeof(*sorted), ascending);
		wrong += exact_quantile(values, n, q) != (i + 1 < n ? sorted[i] + (h - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1]);
		wrong += exact_quantile(values, n, 0) != sorted[0] || exact_quantile(values, n, 1) != sorted[n - 1];
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void sums_keep_what_is_small(void)
{
	struct sum s = { 0 };

	sum_add(&s, 1);
	sum_add(&s, 1e100);
	sum_add(&s, 1);
	sum_add(&s, -1e100);
	CU_ASSERT_EQUAL(sum_get(&s), 2);
	s = (struct sum){ 0 };
	for (int i = 0; i < 10000000; i++)
		sum_add(&s, 0.1);
	CU_ASSERT_EQUAL(sum_get(&s), 1000000.0);
}

CU_TestInfo suite_sketch[] = {
	{ "within 0.1 % of exact quantiles", close_to_exact_quantiles },
	{ "quantiles never decrease", quantiles_never_decrease },
	{ "a ramp equals the loop", ramp_equals_the_loop },
	{ "merging equals adding", merging_equals_adding },
	{ "weights", weights },
	{ "zeros, NaN, infinity, nothing", odd_values },
	{ "exact quantiles as numpy", exact_as_numpy },
	{ "exact quantiles as sorting", exact_as_sorting },
	{ "compensated sums", sums_keep_what_is_small },
	CU_TEST_INFO_NULL
};
