#include <math.h>

#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/rng.h"
#include "sim/core/winner.h"

enum { MOST = 200 };

/* The least key, ties to the smaller index, found by looking at all. */
static int32_t least_of(const double *keys, int32_t count)
{
	int32_t least = 0;

	for (int32_t i = 1; i < count; i++)
		if (keys[i] < keys[least])
			least = i;
	return least;
}

static void top_is_least(void)
{
	static const int32_t sizes[] = { 1, 2, 3, 4, 5, 6, 21, 22, 64, MOST };
	struct rng r;

	rng_init(&r, 1, "winner");
	for (size_t s = 0; s < COUNT_OF(sizes); s++) {
		double keys[MOST];
		struct winner h;

		CU_ASSERT_FATAL(winner_init(&h, sizes[s]));
		for (int32_t i = 0; i < sizes[s]; i++)
			keys[i] = INFINITY;
		CU_ASSERT(winner_top(&h) == 0 && isinf(winner_top_key(&h)));
		for (int round = 0; round < 4000; round++) {
			int32_t i = (int32_t)rng_below(&r, (uint64_t)sizes[s]);
			/* Few different keys: many ties. */
			double key = rng_below(&r, 8) == 0 ? INFINITY : (double)rng_below(&r, 40);

			winner_set(&h, i, key);
			keys[i] = key;
			i = least_of(keys, sizes[s]);
			CU_ASSERT_FATAL(winner_top(&h) == i && winner_top_key(&h) == keys[i]);
		}
		for (int32_t i = 0; i < sizes[s]; i++)
			CU_ASSERT(winner_key(&h, i) == keys[i]);
		winner_release(&h);
	}
}

/* Taking the top away one by one sorts. */
static void sorts(void)
{
	struct rng r;
	struct winner h;
	double last = -1;
	int32_t last_index = -1;

	rng_init(&r, 2, "winner");
	CU_ASSERT_FATAL(winner_init(&h, MOST));
	for (int32_t i = 0; i < MOST; i++)
		winner_set(&h, i, (double)rng_below(&r, 60));
	for (int n = 0; n < MOST; n++) {
		int32_t top = winner_top(&h);
		double key = winner_top_key(&h);

		CU_ASSERT(key > last || (key == last && top > last_index));
		last = key;
		last_index = top;
		winner_set(&h, top, INFINITY);
	}
	CU_ASSERT(isinf(winner_top_key(&h)));
	winner_release(&h);
}

static void survives_lack_of_memory(void)
{
	struct winner h;

	mem_fail_after(1);
	CU_ASSERT_FALSE(winner_init(&h, 10));
	mem_fail_after(0);
	winner_release(&h);
}

CU_TestInfo suite_winner[] = {
	{ "top is the least, ties to the smaller index", top_is_least },
	{ "sorts", sorts },
	{ "survives lack of memory", survives_lack_of_memory },
	CU_TEST_INFO_NULL,
};
