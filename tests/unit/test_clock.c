#include <math.h>

#include <CUnit/CUnit.h>

#include "base/rng.h"
#include "sim/core/clock.h"

/* n steps of base + i * slope one by one end where one step of their sum ends, to the last bit or nearly. */
static void small_steps_equal_one(void)
{
	struct rng r;

	rng_init(&r, 1, "clock");
	for (int round = 0; round < 200; round++) {
		double start = 1000 * rng_uniform(&r), base = 1e-4 + rng_uniform(&r), slope = 1e-7 * rng_uniform(&r);
		int64_t n = 1 + (int64_t)rng_below(&r, 5000);
		struct clock many = clock_at(start), once;

		for (int64_t i = 0; i < n; i++)
			many = clock_after(many, base + (double)i * slope);
		once = clock_after(clock_at(start), (double)n * base + slope * ((double)n * ((double)n - 1) / 2));
		CU_ASSERT_FATAL(fabs(many.hi - once.hi) <= 1e-15 * once.hi * 4);
	}
}

/* What a plain double loses is kept: a tenth added ten million times. */
static void does_not_drift(void)
{
	struct clock c = clock_at(0);
	double plain = 0;

	for (int i = 0; i < 10000000; i++) {
		c = clock_after(c, 0.1);
		plain += 0.1;
	}
	CU_ASSERT(c.hi == 1e7 * 0.1 || fabs(c.hi - 1e6) < 1e-9);
	CU_ASSERT(fabs(plain - 1e6) > 1e-5);
	CU_ASSERT(fabs(c.lo) <= 1e-10);
}

static void tiny_and_huge(void)
{
	struct clock c = clock_after(clock_at(1e15), 1e-3);

	CU_ASSERT(c.hi == 1e15 && c.lo == 1e-3);
	for (int i = 1; i < 1000; i++)
		c = clock_after(c, 1e-3);
	CU_ASSERT(c.hi == 1e15 + 1 && fabs(c.lo) < 1e-12);
	CU_ASSERT(clock_after(clock_at(2), 0).hi == 2);
}

CU_TestInfo suite_clock[] = {
	{ "small steps equal one large", small_steps_equal_one },
	{ "does not drift", does_not_drift },
	{ "tiny steps at a huge time", tiny_and_huge },
	CU_TEST_INFO_NULL,
};
