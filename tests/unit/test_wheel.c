#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/rng.h"
#include "sim/core/wheel.h"

enum { ENTRIES = 40 };

/* An entry as a user of the wheel keeps it: only whether its slot is empty matters here. */
static void add(struct wheel *w, int *in_slot, int64_t due)
{
	int64_t slot = due & w->mask;

	in_slot[slot]++;
	w->bits[slot / 64] |= 1ull << (slot % 64);
	w->count++;
}

static void take(struct wheel *w, int *in_slot, int64_t due)
{
	int64_t slot = due & w->mask;

	if (--in_slot[slot] == 0)
		w->bits[slot / 64] &= ~(1ull << (slot % 64));
	w->count--;
}

/* Against a plain list of due steps. `reach`: how far ahead entries lie, in turns of the wheel. */
static void against_a_list(int bits, int64_t reach)
{
	int64_t due[ENTRIES] = { 0 }, step = 0;
	int in_slot[1024] = { 0 };
	struct wheel w;
	struct rng r;

	rng_init(&r, (uint64_t)bits, "wheel");
	CU_ASSERT_FATAL(wheel_init(&w, bits));
	for (int64_t slot = 0; slot <= w.mask; slot++)
		CU_ASSERT(w.heads[slot] == -1);
	CU_ASSERT(wheel_next(&w, 5) == INT64_MAX);
	for (int round = 0; round < 20000; round++) {
		int i = (int)rng_below(&r, ENTRIES);
		int64_t next = INT64_MAX, got;

		if (due[i] > step) {
			take(&w, in_slot, due[i]);
			due[i] = 0;
		} else {
			due[i] = step + 1 + (int64_t)rng_below(&r, (uint64_t)(reach * (w.mask + 1)));
			add(&w, in_slot, due[i]);
		}
		for (int k = 0; k < ENTRIES; k++)
			if (due[k] > step && due[k] - step < next)
				next = due[k] - step;
		got = wheel_next(&w, step);
		/* Never past the next one due; exactly there when none lies a turn ahead. */
		CU_ASSERT_FATAL(got <= next && got >= 1);
		if (reach == 1)
			CU_ASSERT_FATAL(got == next);
		if (rng_below(&r, 3) == 0 && got != INT64_MAX) {
			step += got;
			for (int k = 0; k < ENTRIES; k++)
				if (due[k] == step && due[k] > 0) {
					take(&w, in_slot, due[k]);
					due[k] = 0;
				}
		}
	}
	wheel_release(&w);
}

static void finds_the_next_step(void)
{
	against_a_list(6, 1);
	against_a_list(8, 1);
	against_a_list(10, 1);
	against_a_list(0, 1);          /* at least 64 slots */
	against_a_list(6, 5);
}

static void survives_lack_of_memory(void)
{
	struct wheel w;

	for (size_t n = 1; n <= 2; n++) {
		mem_fail_after(n);
		CU_ASSERT_FALSE(wheel_init(&w, 8));
		mem_fail_after(0);
		wheel_release(&w);
	}
}

CU_TestInfo suite_wheel[] = {
	{ "finds the next step like a sorted list", finds_the_next_step },
	{ "survives lack of memory", survives_lack_of_memory },
	CU_TEST_INFO_NULL,
};
