#include <math.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "sim/plan/constants.h"
#include "sim/plan/golden.h"

/* phi^n + phi^-n = L(n) for even n, phi^n - phi^-n = L(n) for odd n: whole numbers, no phi left. */
static void powers_give_lucas_numbers(void)
{
	static const int64_t first[] = { 2, 1, 3, 4, 7, 11, 18, 29, 47, 76, 123 };

	for (int n = 0; n <= 40; n++) {
		struct golden up = golden_power(n), down = golden_power(-n);
		struct golden sum = n % 2 ? (struct golden){ up.a - down.a, up.b - down.b } : golden_add(up, down);

		CU_ASSERT_EQUAL(sum.a, lucas(n));
		CU_ASSERT_EQUAL(sum.b, 0);
		if ((size_t)n < COUNT_OF(first))
			CU_ASSERT_EQUAL(lucas(n), first[n]);
		CU_ASSERT_DOUBLE_EQUAL(golden_value(up), pow((1 + sqrt(5)) / 2, n), 1e-12 * golden_value(up));
	}
}

static void compares_without_rounding(void)
{
	/* Convergents F(n+1) / F(n) of phi lie on alternating sides, nearer than a double could tell at the end. */
	int64_t a = 1, b = 1;

	for (int n = 0; n < 26; n++) {
		CU_ASSERT_EQUAL(golden_compare((struct golden){ 0, 1 }, b, a), n % 2 ? -1 : 1);
		b += a;
		a = b - a;
	}
	CU_ASSERT_EQUAL(golden_compare((struct golden){ 3, 0 }, 3, 1), 0);
	CU_ASSERT_EQUAL(golden_compare((struct golden){ 3, 0 }, 4, 1), -1);
	CU_ASSERT_EQUAL(golden_compare((struct golden){ 2, -1 }, 0, 1), 1);    /* 1 / phi^2 > 0 */
	CU_ASSERT_EQUAL(golden_compare((struct golden){ 1, -1 }, 0, 1), -1);
}

static void identities_hold(void)
{
	struct identity id[IDENTITIES];

	constants_check(id);
	for (size_t i = 0; i < IDENTITIES; i++)
		CU_ASSERT(id[i].holds);
	CU_ASSERT_DOUBLE_EQUAL(id[0].value, 3, 0);
	CU_ASSERT_DOUBLE_EQUAL(id[2].value, 11.0901699437495, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(id[3].value, 122.991869381244, 1e-12);
}

static void evaluates(void)
{
	static const struct { int64_t n; int k, m, p, q; double value; } cases[] = {
		{ 2, 2, 0, 0, 0, 18 }, { 1, 0, 1, 0, 0, 3.14159265358979323846 }, { 1, 0, 0, 1, 0, 1.61803398874989484820 },
		{ 1, 0, 0, 0, 1, 2.71828182845904523536 }, { -3, -1, 0, 0, 0, -1 }, { 7, 0, 0, 0, 0, 7 }, { 1, 0, 0, -2, 0, 0.38196601125010515180 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct seed_value v = { .n = cases[i].n, .exponent = { cases[i].k, cases[i].m, cases[i].p, cases[i].q } };
		struct err err = { 0 };

		CU_ASSERT(constants_value(&v, &err));
		CU_ASSERT_DOUBLE_EQUAL(v.value, cases[i].value, 4e-16 * fabs(cases[i].value));
	}
	{
		struct seed_value v = { .n = 1, .exponent = { 1000, 0, 0, 0 } };
		struct err err = { 0 };

		CU_ASSERT_FALSE(constants_value(&v, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	}
}

/* Every value that is made from small exponents is found again, by exponents that are no larger. */
static void solves_what_it_evaluates(void)
{
	for (int k = -2; k <= 2; k++)
		for (int m = -2; m <= 2; m++)
			for (int p = -2; p <= 2; p++)
				for (int q = -2; q <= 2; q += 2) {
					struct seed_value v = { .n = 1 + (k + 2) % 4, .exponent = { k, m, p, q } }, got[3], nearest;
					struct solve_options o = { .tolerance = 1e-12, .n_most = 9, .most = 8, .wanted = 3 };
					int norm = 0, made = abs(k) + abs(m) + abs(p) + abs(q);

					CU_ASSERT(constants_value(&v, NULL));
					o.value = v.value;
					CU_ASSERT_FATAL(constants_solve(&o, got, &nearest) >= 1);
					for (int i = 0; i < EXPONENTS; i++)
						norm += abs(got[0].exponent[i]);
					CU_ASSERT(norm <= made);
					CU_ASSERT(fabs(got[0].value / v.value - 1) <= 1e-12);
				}
}

static void says_when_nothing_fits(void)
{
	struct solve_options o = { .value = 1234.5678, .tolerance = 1e-12, .n_most = 1, .most = 3, .wanted = 1 };
	struct seed_value got[1], nearest;

	CU_ASSERT_EQUAL(constants_solve(&o, got, &nearest), 0);
	CU_ASSERT(nearest.rel_error > 1e-12);
	o.value = -3;
	CU_ASSERT_EQUAL(constants_solve(&o, got, &nearest), 1);
	CU_ASSERT_EQUAL(got[0].n, -1);
	CU_ASSERT_EQUAL(got[0].exponent[0], 1);
}

extern CU_TestInfo suite_constants[];
CU_TestInfo suite_constants[] = {
	{ "powers of phi give Lucas numbers", powers_give_lucas_numbers }, { "compares without rounding", compares_without_rounding },
	{ "identities hold", identities_hold }, { "evaluates", evaluates }, { "solves what it evaluates", solves_what_it_evaluates },
	{ "says when nothing fits", says_when_nothing_fits }, CU_TEST_INFO_NULL,
};
