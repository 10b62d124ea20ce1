#include <stdlib.h>

#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/rng.h"
#include "sim/core/events.h"

/* In order of time; those of one instant in the order in which they were made. */
static void time_then_order(void)
{
	struct events e = { 0 };
	struct rng r;
	double now = 0;
	int64_t last_order = -1;
	int32_t made = 0;

	rng_init(&r, 1, "events");
	for (int round = 0; round < 20000; round++) {
		if (e.count == 0 || rng_below(&r, 2)) {
			double t = now + (double)rng_below(&r, 12);

			CU_ASSERT_FATAL(events_push(&e, t, (int32_t)rng_below(&r, 3), made++));
			if (t == now)
				last_order = -1;       /* a new one of this instant may come after younger ones are gone */
		} else {
			struct event got = events_pop(&e);

			CU_ASSERT_FATAL(got.t_s >= now);
			if (got.t_s == now)
				CU_ASSERT_FATAL(got.order > last_order);
			CU_ASSERT(got.order == got.subject);
			last_order = got.order;
			now = got.t_s;
		}
	}
	for (size_t left = e.count; left > 0; left--) {
		struct event got = events_pop(&e);

		CU_ASSERT(got.t_s > now || (got.t_s == now && got.order > last_order));
		now = got.t_s;
		last_order = got.order;
	}
	CU_ASSERT(e.count == 0);
	events_release(&e);
}

static void survives_lack_of_memory(void)
{
	struct events e = { 0 };

	mem_fail_after(1);
	CU_ASSERT_FALSE(events_push(&e, 1, 0, 0));
	mem_fail_after(0);
	CU_ASSERT(e.count == 0);
	CU_ASSERT(events_push(&e, 1, 0, 7) && events_pop(&e).subject == 7);
	events_release(&e);
}

CU_TestInfo suite_events[] = {
	{ "by time, then in order of making", time_then_order },
	{ "survives lack of memory", survives_lack_of_memory },
	CU_TEST_INFO_NULL,
};
