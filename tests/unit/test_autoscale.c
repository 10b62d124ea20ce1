#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/rng.h"
#include "sim/plan/autoscale.h"

enum { N = 3000 };

static int64_t need(void *ctx, double demand)
{
	(void)ctx;
	return (int64_t)ceil(demand * (1 - 1e-9));
}

static const struct autoscale_policy *policy(const char *name)
{
	const struct autoscale_policy *p = autoscale_policies;

	while (strcmp(p->name, name) != 0)
		p++;
	return p;
}

struct run {
	int64_t held[N], ready[N];
	double shortfall[N];
	struct autoscale_totals totals;
};

static void simulate(const double *demand, size_t count, double interval_s, struct autoscale_delays delays, const char *name, struct run *out)
{
	size_t first[] = { 0, count };
	struct autoscale_view v = { .demand = demand, .count = count, .interval_s = interval_s, .month_first = first, .months = 1, .delays = delays, .need = need };

	CU_ASSERT_FATAL(autoscale_run(&v, policy(name), 1, 1, out->held, out->ready, out->shortfall, &out->totals, NULL));
}

/*
 * Intervals of 100 s, a unit takes 1 request/s. Demand 1, then 3, then 1. The scaler sees 3 at 110, units serve at 140: from 100 to
 * 140, 40 s with 2 requests/s too many = 80. It sees 1 at 210 and lets two go 50 s later, at 260.
 * Held: 1 until 110, 3 until 260, 1 until 400: 110 + 3 x 150 + 140 = 700.
 */
static void by_hand(void)
{
	static const double demand[] = { 1, 3, 1, 1 };
	struct run r;

	simulate(demand, 4, 100, (struct autoscale_delays){ 10, 30, 50 }, "reactive", &r);
	CU_ASSERT_DOUBLE_EQUAL(r.totals.shortfall_requests, 80, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(r.totals.shortfall_s, 40, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(r.totals.held_s, 700, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(r.totals.requests, 600, 1e-9);
	CU_ASSERT(r.totals.starts == 2 && r.totals.stops == 2);
	CU_ASSERT(r.held[0] == 1 && r.held[1] == 3 && r.held[2] == 3 && r.held[3] == 1);
	CU_ASSERT(r.ready[0] == 1 && r.ready[1] == 1 && r.ready[2] == 1 && r.ready[3] == 1);
	CU_ASSERT_DOUBLE_EQUAL(r.shortfall[1], 80, 1e-9);
}

/* Started, and no longer wanted before it serves: 2 held from 110 to 210, never ready (start-up 500 s). */
static void a_start_can_be_called_off(void)
{
	static const double demand[] = { 1, 2, 1, 1 };
	struct run r;

	simulate(demand, 4, 100, (struct autoscale_delays){ 10, 500, 0 }, "reactive", &r);
	CU_ASSERT_DOUBLE_EQUAL(r.totals.held_s, 400 + 100, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(r.totals.shortfall_requests, 100, 1e-9);
	CU_ASSERT(r.totals.starts == 1 && r.totals.stops == 1);
}

static void fill(double *demand, uint64_t seed)
{
	struct rng rng;

	rng_init(&rng, seed, "demand");
	for (size_t i = 0; i < N; i++)
		demand[i] = 20 * rng_uniform(&rng) * rng_uniform(&rng);
}

static void without_delays_it_is_foresight(void)
{
	double demand[N];
	struct run a, b;

	for (uint64_t seed = 1; seed <= 5; seed++) {
		fill(demand, seed);
		simulate(demand, N, 900, (struct autoscale_delays){ 0, 0, 0 }, "reactive", &a);
		simulate(demand, N, 900, (struct autoscale_delays){ 60, 300, 300 }, "perfect", &b);
		CU_ASSERT_EQUAL(memcmp(a.held, b.held, sizeof(a.held)), 0);
		CU_ASSERT_EQUAL(memcmp(a.ready, b.ready, sizeof(a.ready)), 0);
		CU_ASSERT(a.totals.held_s == b.totals.held_s && a.totals.shortfall_requests == 0 && b.totals.shortfall_requests == 0);
		for (size_t i = 0; i < N; i++)
			CU_ASSERT_EQUAL(b.held[i], need(NULL, demand[i]) > 1 ? need(NULL, demand[i]) : 1);
	}
}

/* Every policy against the bound: unit-seconds that serve are never fewer than what demand needs, less what is missing. */
static void nothing_beats_foresight(void)
{
	double demand[N];
	struct run perfect, other;

	fill(demand, 9);
	simulate(demand, N, 900, (struct autoscale_delays){ 0, 0, 0 }, "perfect", &perfect);
	for (const struct autoscale_policy *p = autoscale_policies; p->name; p++) {
		simulate(demand, N, 900, (struct autoscale_delays){ 60, 1200, 3000 }, p->name, &other);
		CU_ASSERT(other.totals.held_s + other.totals.shortfall_requests + 1e-6 >= perfect.totals.held_s - (double)N * 900);
		CU_ASSERT(other.totals.held_s + 1e-6 >= (other.totals.requests - other.totals.shortfall_requests));
		CU_ASSERT_DOUBLE_EQUAL(other.totals.requests, perfect.totals.requests, 1e-6);
	}
	simulate(demand, N, 900, (struct autoscale_delays){ 60, 300, 300 }, "none", &other);
	CU_ASSERT(other.totals.starts == 0 && other.totals.shortfall_requests == 0);
}

/* The same week again and again: from the ninth day on the forecast is right and nothing is missed that start-up can bridge. */
static void last_week_forecasts_this_one(void)
{
	double demand[N], reactive = 0, predictive = 0;
	struct run r;

	for (size_t i = 0; i < N; i++)
		demand[i] = 10 + 8 * sin((double)(i % 96) * 0.0654498) + (double)(i / 96 % 7);
	simulate(demand, N, 900, (struct autoscale_delays){ 60, 600, 300 }, "reactive", &r);
	for (size_t i = 10 * 96; i < N; i++)
		reactive += r.shortfall[i];
	simulate(demand, N, 900, (struct autoscale_delays){ 60, 600, 300 }, "predictive", &r);
	for (size_t i = 10 * 96; i < N; i++)
		predictive += r.shortfall[i];
	CU_ASSERT(reactive > 1000);
	CU_ASSERT_DOUBLE_EQUAL(predictive, 0, 1e-6);
}

CU_TestInfo suite_autoscale[] = { { "by hand", by_hand }, { "a start can be called off", a_start_can_be_called_off },
				  { "without delays it is foresight", without_delays_it_is_foresight }, { "nothing beats foresight", nothing_beats_foresight },
				  { "last week forecasts this one", last_week_forecasts_this_one }, CU_TEST_INFO_NULL };
