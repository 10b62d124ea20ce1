/* One class in one region over the plan: units needed with their spares, units held by the scaling policy. */
#ifndef SIM_PLAN_PLAN_POOL_H
#define SIM_PLAN_PLAN_POOL_H

#include "sim/plan/plan.h"

/* Fills held, ready, shortfall, totals and months of a pool whose class, region, unit, qps and demand are set. */
MUST_USE bool plan_pool_run(const struct plan *p, struct plan_pool *pool, struct arena *arena, struct err *err);

#endif
