#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/rng.h"
#include "sim/plan/commit.h"

enum { MONTHS = 4, INTERVALS = 24, PEAK = 3 };

static struct commit_problem problem(const int64_t *demand, size_t count, const size_t *first, size_t months, const struct commit_term *terms, size_t term_count)
{
	return (struct commit_problem){ .demand = demand, .count = count, .interval_s = 3600, .month_first = first, .months = months, .usd_per_hour = 2,
					.terms = terms, .term_count = term_count };
}

/* What these numbers of devices per month and term cost; reserved counts filled in. */
static double cost_of(const struct commit_problem *p, int64_t counts[MONTHS][2])
{
	struct commitment bought[MONTHS * 2];
	struct commit_result r = { .bought = bought };

	for (size_t m = 0; m < p->months; m++)
		for (size_t t = 0; t < p->term_count; t++) {
			if (counts[m][t] == 0)
				continue;
			bought[r.count++] = (struct commitment){ m, t, counts[m][t] };
			for (size_t k = m; k < p->months && k < m + (size_t)p->terms[t].months; k++)
				r.reserved[k] += counts[m][t];
		}
	return commit_usd(p, &r);
}

/* Tries every number of devices up to the peak for every month and term. */
static double brute(const struct commit_problem *p)
{
	size_t places = p->months * p->term_count, tries = 1;
	double least = INFINITY;

	for (size_t i = 0; i < places; i++)
		tries *= PEAK + 1;
	for (size_t n = 0; n < tries; n++) {
		int64_t counts[MONTHS][2] = { 0 };
		size_t rest = n;
		bool fits = true;

		for (size_t i = 0; i < places; i++, rest /= PEAK + 1) {
			size_t m = i / p->term_count, t = i % p->term_count;

			counts[m][t] = (int64_t)(rest % (PEAK + 1));
			fits &= counts[m][t] == 0 || p->every < 2 || m % p->every == 0;
			fits &= counts[m][t] == 0 || !p->within || m + (size_t)p->terms[t].months <= p->months;
		}
		if (fits)
			least = fmin(least, cost_of(p, counts));
	}
	return least;
}

static void equals_brute_force(void)
{
	static const size_t first[] = { 0, 6, 12, 18, INTERVALS };
	struct rng rng;

	rng_init(&rng, 7, "commit");
	for (int round = 0; round < 60; round++) {
		struct commit_term terms[2] = { { "short", 2, 0.9 + rng_uniform(&rng) }, { "long", 3, 0.6 + rng_uniform(&rng) } };
		struct arena *a = arena_new();
		struct commit_result r;
		int64_t demand[INTERVALS];
		struct commit_problem p;

		for (size_t i = 0; i < INTERVALS; i++)
			demand[i] = (int64_t)(rng_uniform(&rng) * (PEAK + 1));
		/* Months of their own level, so that what pays changes along the plan. */
		for (size_t i = 0; i < INTERVALS; i++)
			if (rng_uniform(&rng) < 0.5)
				demand[i] = (int64_t)(round + (int)(i / 6)) % (PEAK + 1);
		p = problem(demand, INTERVALS, first, MONTHS, terms, 2);
		p.within = round % 3 == 0;
		p.every = (size_t)(round % 4);
		CU_ASSERT_FATAL(commit_solve(&p, &r, a, NULL));
		CU_ASSERT_DOUBLE_EQUAL(commit_usd(&p, &r), brute(&p), 1e-4);
		arena_free(a);
	}
}

/* One commitment as long as the plan: the level is where the share of time above it falls below the ratio of the prices, and no
 * other level is cheaper. */
static void equals_the_break_even(void)
{
	enum { N = 500, MOST = 40 };
	size_t first[] = { 0, N };
	struct rng rng;

	rng_init(&rng, 3, "commit");
	for (int round = 0; round < 40; round++) {
		struct commit_term term = { "all", 1, 0.05 + 1.9 * rng_uniform(&rng) };
		struct arena *a = arena_new();
		struct commit_result r;
		int64_t demand[N], level = 0;
		struct commit_problem p = problem(demand, N, first, 1, &term, 1);
		double least = INFINITY;

		for (size_t i = 0; i < N; i++)
			demand[i] = (int64_t)(MOST * rng_uniform(&rng) * rng_uniform(&rng));
		for (int64_t k = 0; k <= MOST; k++) {
			struct commitment c = { 0, 0, k };
			struct commit_result other = { .bought = &c, .count = 1, .reserved = { k } };
			size_t above = 0;

			for (size_t i = 0; i < N; i++)
				above += demand[i] > k;
			if ((double)above / N > term.usd_per_hour / p.usd_per_hour)
				level = k + 1;
			least = fmin(least, commit_usd(&p, &other));
		}
		CU_ASSERT_FATAL(commit_solve(&p, &r, a, NULL));
		CU_ASSERT_EQUAL(r.reserved[0], level);
		CU_ASSERT_DOUBLE_EQUAL(commit_usd(&p, &r), least, 1e-4);
		arena_free(a);
	}
}

static void constant_demand_is_all_committed(void)
{
	static const size_t first[] = { 0, 10, 20 };
	static const struct commit_term term = { "two", 2, 1.5 };
	int64_t demand[20];
	struct arena *a = arena_new();
	struct commit_problem p = problem(demand, 20, first, 2, &term, 1);
	struct commit_result r;

	for (size_t i = 0; i < 20; i++)
		demand[i] = 7;
	CU_ASSERT_FATAL(commit_solve(&p, &r, a, NULL));
	CU_ASSERT_EQUAL_FATAL(r.count, 1);
	CU_ASSERT(r.bought[0].month == 0 && r.bought[0].devices == 7 && r.reserved[1] == 7);
	CU_ASSERT_DOUBLE_EQUAL(commit_usd(&p, &r), 7 * 20 * 1.5, 1e-9);
	/* At the price of renting nothing is committed; with nothing to serve nothing is bought. */
	p.usd_per_hour = 1.5;
	CU_ASSERT_FATAL(commit_solve(&p, &r, a, NULL));
	CU_ASSERT_EQUAL(r.count, 0);
	memset(demand, 0, sizeof(demand));
	CU_ASSERT_FATAL(commit_solve(&p, &r, a, NULL));
	CU_ASSERT(r.count == 0 && commit_usd(&p, &r) == 0);
	arena_free(a);
}

static void refuses_too_many(void)
{
	static const size_t first[] = { 0, 1 };
	int64_t demand[1] = { COMMIT_LEVELS_MOST + 1 };
	struct arena *a = arena_new();
	struct commit_problem p = problem(demand, 1, first, 1, NULL, 0);
	struct commit_result r;
	struct err err = { 0 };

	CU_ASSERT_FALSE(commit_solve(&p, &r, a, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "buy larger units"));
	arena_free(a);
}

CU_TestInfo suite_commit[] = { { "equals brute force", equals_brute_force }, { "equals the break-even", equals_the_break_even },
			       { "constant demand is all committed", constant_demand_is_all_committed }, { "refuses too many", refuses_too_many }, CU_TEST_INFO_NULL };
