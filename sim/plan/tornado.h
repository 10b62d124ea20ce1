/* Which parameters an answer depends on: each of them 20 % down and up, and each error of the model down and up. */
#ifndef SIM_PLAN_TORNADO_H
#define SIM_PLAN_TORNADO_H

#include "sim/plan/whatif.h"

struct tornado {
	struct {
		const char *label;
		bool own_error;
		const struct scenario *low, *high;
	} at[BARS_MOST];
	size_t count;
};

/* The runs to make around a base that came out as `outcome`. Parameters that the base does not have are left out. */
MUST_USE bool tornado_plan(struct tornado *t, const struct scenario *base, const struct outcome *outcome, struct catalog_cache *cache,
			   struct arena *arena, struct err *err);
/* Widest first, by the figure. */
void tornado_sort(struct bar *bars, size_t count, int figure, const struct outcome *base);

#endif
