#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "sim/plan/spares.h"

/* P(at most `spares` of all are down), summed over every set of replicas. */
static double by_sets(int all, int spares, double down)
{
	double sum = 0;

	for (unsigned set = 0; set < 1u << all; set++) {
		double p = 1;
		int count = 0;

		for (int i = 0; i < all; i++) {
			bool is_down = set >> i & 1;

			count += is_down;
			p *= is_down ? down : 1 - down;
		}
		if (count <= spares)
			sum += p;
	}
	return sum;
}

static void equals_brute_force(void)
{
	static const double downs[] = { 0.001, 0.03, 0.2, 0.6 }, targets[] = { 0.9, 0.99, 0.9999 };

	for (int n = 1; n <= 8; n++)
		for (size_t d = 0; d < 4; d++) {
			for (int s = 0; n + s <= 14; s++)
				CU_ASSERT_DOUBLE_EQUAL(spares_availability(n, s, downs[d]), by_sets(n + s, s, downs[d]), 1e-12);
			for (size_t t = 0; t < 3; t++) {
				int64_t got;
				int first = 0;

				while (n + first <= 14 && by_sets(n + first, first, downs[d]) < targets[t])
					first++;
				CU_ASSERT_FATAL(spares_for(n, downs[d], targets[t], 0, &got, NULL));
				if (n + first <= 14)
					CU_ASSERT_EQUAL(got, first);
			}
		}
}

/* A known lower bound changes nothing, and more replicas never need fewer spares. */
static void grows_with_the_fleet(void)
{
	int64_t last = 0;

	for (int64_t n = 1; n <= 3000; n += n < 50 ? 1 : 97) {
		int64_t bounded, free_start;

		CU_ASSERT_FATAL(spares_for(n, 0.01, 0.999, last, &bounded, NULL));
		CU_ASSERT_FATAL(spares_for(n, 0.01, 0.999, 0, &free_start, NULL));
		CU_ASSERT_EQUAL(bounded, free_start);
		CU_ASSERT(bounded >= last);
		last = bounded;
	}
	CU_ASSERT(spares_availability(100000, 1200, 0.01) > 0.99 && spares_availability(100000, 900, 0.01) < 0.01);
}

static void replicas_of_many_devices(void)
{
	/* 4 devices, each up 99 % of the time. */
	CU_ASSERT_DOUBLE_EQUAL(replica_down_share(99, 1, 4), 1 - 0.99 * 0.99 * 0.99 * 0.99, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(spares_availability(5, 0, 0), 1, 0);
	CU_ASSERT_DOUBLE_EQUAL(spares_availability(5, 3, 1), 0, 0);
}

static void refuses_the_impossible(void)
{
	struct err err = { 0 };
	int64_t s;

	CU_ASSERT_FALSE(spares_for(1000, 0.999999, 0.999, 0, &s, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "expected rarer failures"));
}

CU_TestInfo suite_spares[] = { { "equals brute force", equals_brute_force }, { "grows with the fleet", grows_with_the_fleet },
			       { "replicas of many devices", replicas_of_many_devices }, { "refuses the impossible", refuses_the_impossible }, CU_TEST_INFO_NULL };
