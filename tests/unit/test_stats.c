/* Statistics of small samples, against values of scipy 1.x and of counting by hand. */
#include <math.h>

#include "base/mem.h"
#include "base/stats.h"
#include "tests/unit/scratch.h"

static void medians(void)
{
	double odd[] = { 3, 1, 2 }, even[] = { 4, 1, 3, 2 };

	stats_sort(odd, 3);
	stats_sort(even, 4);
	CU_ASSERT_EQUAL(stats_median(odd, 3), 2);
	CU_ASSERT_EQUAL(stats_median(even, 4), 2.5);
	CU_ASSERT(isnan(stats_median(odd, 0)));
}

/* Coverage of (x(k), x(n+1-k)) is 1 - 2 P(Bin(n, 1/2) < k): 15/16 for 5 and k 1; for 20, 95.86 % for k 6 and 88.5 % for 7. */
static void intervals_of_the_median(void)
{
	double five[] = { 1, 2, 3, 4, 5 }, twenty[20];
	struct stats_interval in = stats_median_interval(five, 5, 0.95);

	CU_ASSERT_EQUAL(in.low, 1);
	CU_ASSERT_EQUAL(in.high, 5);
	CU_ASSERT_DOUBLE_EQUAL(in.coverage, 0.9375, 1e-12);
	for (int i = 0; i < 20; i++)
		twenty[i] = i + 1;
	in = stats_median_interval(twenty, 20, 0.95);
	CU_ASSERT_EQUAL(in.low, 6);
	CU_ASSERT_EQUAL(in.high, 15);
	CU_ASSERT_DOUBLE_EQUAL(in.coverage, 0.9586105346679688, 1e-12);
	in = stats_median_interval(twenty, 20, 0.85);
	CU_ASSERT_EQUAL(in.low, 7);
	in = stats_median_interval(five, 1, 0.95);
	CU_ASSERT_EQUAL(in.low, 1);
	CU_ASSERT_EQUAL(in.high, 1);
	CU_ASSERT_EQUAL(in.coverage, 0);
}

static struct stats_mann_whitney test_of(const double *a, size_t n, const double *b, size_t m)
{
	struct stats_mann_whitney out;
	struct err err = { 0 };

	CU_ASSERT_TRUE_FATAL(stats_mann_whitney(a, n, b, m, &out, &err));
	return out;
}

/* The example of scipy's manual (diagnoses of diabetes): U 17, exact p 1/9. */
static void mann_whitney_exact(void)
{
	static const double males[] = { 19, 22, 16, 29, 24 }, females[] = { 20, 11, 17, 12 };
	static const double low[] = { 1, 2, 3 }, high[] = { 4, 5, 6 };
	struct stats_mann_whitney w = test_of(males, 5, females, 4);

	CU_ASSERT_EQUAL(w.u, 17);
	CU_ASSERT_TRUE(w.exact);
	CU_ASSERT_DOUBLE_EQUAL(w.p, 1.0 / 9, 1e-12);
	w = test_of(low, 3, high, 3);          /* 2 of the 20 choices of three ranks */
	CU_ASSERT_EQUAL(w.u, 0);
	CU_ASSERT_DOUBLE_EQUAL(w.p, 0.1, 1e-12);
	w = test_of(high, 3, low, 3);
	CU_ASSERT_EQUAL(w.u, 9);
	CU_ASSERT_DOUBLE_EQUAL(w.p, 0.1, 1e-12);
}

/* 14 of the 126 choices of four of the midranks 1, 3, 3, 3, 6, 6, 6, 8, 9 are as far from the mean: counted by a program. */
static void mann_whitney_with_ties(void)
{
	static const double a[] = { 1, 2, 2, 3 }, b[] = { 2, 3, 3, 4, 5 }, same[] = { 7, 7, 7, 7 };
	struct stats_mann_whitney w = test_of(a, 4, b, 5);

	CU_ASSERT_EQUAL(w.u, 3);
	CU_ASSERT_DOUBLE_EQUAL(w.p, 1.0 / 9, 1e-12);
	w = test_of(same, 4, same, 4);
	CU_ASSERT_EQUAL(w.u, 8);
	CU_ASSERT_EQUAL(w.p, 1);
	w = test_of(a, 4, b, 0);
	CU_ASSERT_EQUAL(w.p, 1);
}

/* scipy.stats.mannwhitneyu(A, B, method='asymptotic'). */
static void mann_whitney_normal(void)
{
	double a[40], b[35], equal[70];
	struct stats_mann_whitney w;

	for (int i = 0; i < 40; i++)
		a[i] = i * 37 % 101;
	for (int i = 0; i < 35; i++)
		b[i] = i * 53 % 97 + 8;
	w = test_of(a, 40, b, 35);
	CU_ASSERT_FALSE(w.exact);
	CU_ASSERT_EQUAL(w.u, 664.5);
	CU_ASSERT_DOUBLE_EQUAL(w.p, 0.7100936309575712, 1e-9);
	for (int i = 0; i < 70; i++)
		equal[i] = 3;
	w = test_of(equal, 35, equal + 35, 35);
	CU_ASSERT_EQUAL(w.p, 1);
}

/* K and its place by the definition; p over all orders counted by a program: 72 of 720, 504 of 5,040. */
static void change_points(void)
{
	static const double step[] = { 1, 1, 1, 2, 2, 2 }, noisy[] = { 5, 4, 6, 5, 9, 8, 9 }, flat[] = { 2, 2, 2 },
			    between[] = { 1, 2, 1, 3, 1, 2, 3, 8, 9, 8, 9, 8 };
	double longer[40];
	struct stats_change c;
	struct err err = { 0 };

	CU_ASSERT_TRUE(stats_change_point(step, 6, &c, &err));
	CU_ASSERT_EQUAL(c.at, 3);
	CU_ASSERT_EQUAL(c.k, 9);
	CU_ASSERT_DOUBLE_EQUAL(c.p, 0.1, 1e-12);
	CU_ASSERT_TRUE(stats_change_point(noisy, 7, &c, &err));
	CU_ASSERT_EQUAL(c.at, 4);
	CU_ASSERT_EQUAL(c.k, 12);
	CU_ASSERT_DOUBLE_EQUAL(c.p, 0.1, 1e-12);
	CU_ASSERT_TRUE(stats_change_point(flat, 3, &c, &err));
	CU_ASSERT_EQUAL(c.at, 0);
	CU_ASSERT_EQUAL(c.p, 1);
	CU_ASSERT_TRUE(stats_change_point(between, 12, &c, &err));       /* U_6 = U_7: the second 3 ranks in the middle */
	CU_ASSERT_EQUAL(c.at, 7);
	for (int i = 0; i < 40; i++)
		longer[i] = (i < 25 ? 10 : 13) + i * 7 % 5 * 0.1;
	CU_ASSERT_TRUE(stats_change_point(longer, 40, &c, &err));
	CU_ASSERT_EQUAL(c.at, 25);
	CU_ASSERT(c.p < 0.001);
	for (int i = 0; i < 40; i++)
		longer[i] = i * 7 % 5;
	CU_ASSERT_TRUE(stats_change_point(longer, 40, &c, &err));
	CU_ASSERT(c.p > 0.5);
}

static void without_memory(void)
{
	static const double a[] = { 1, 2, 3 }, b[] = { 4, 5, 6 };

	for (size_t n = 1; n <= 2; n++) {
		struct stats_mann_whitney w;
		struct stats_change c;
		struct err err = { 0 };

		mem_fail_after(n);
		CU_ASSERT_FALSE(stats_mann_whitney(a, 3, b, 3, &w, &err));
		mem_fail_after(0);
		SAME_TEXT(err.text, "out of memory");
		err = (struct err){ 0 };
		mem_fail_after(n);
		CU_ASSERT_FALSE(stats_change_point(a, 3, &c, &err));
		mem_fail_after(0);
		SAME_TEXT(err.text, "out of memory");
	}
}

CU_TestInfo suite_stats[] = {
	{ "medians", medians },
	{ "intervals of the median", intervals_of_the_median },
	{ "Mann-Whitney, exact", mann_whitney_exact },
	{ "Mann-Whitney with ties", mann_whitney_with_ties },
	{ "Mann-Whitney by the normal law", mann_whitney_normal },
	{ "change points", change_points },
	{ "without memory", without_memory },
	CU_TEST_INFO_NULL,
};
