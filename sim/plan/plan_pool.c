#include "sim/plan/plan_pool.h"

#include <math.h>
#include <string.h>

#include "sim/plan/spares.h"

/* Units with spares, by units without: a table, as every interval asks. */
struct needing {
	double qps_used;                       /* of a unit, less headroom */
	int64_t least, *with_spares, most;
};

static int64_t units_for(double demand, double qps)
{
	double units = demand / qps;

	/* A demand that fills n units exactly needs n, whatever the rounding. */
	return (int64_t)ceil(units * (1 - 1e-9));
}

static int64_t need(void *ctx, double demand)
{
	const struct needing *n = ctx;
	int64_t units = units_for(demand, n->qps_used);
	int64_t all = units > n->most ? units : n->with_spares[units];

	return all > n->least ? all : n->least;
}

enum { UNITS_MOST = 1000000 };

static bool fill_needing(const struct plan *p, struct plan_pool *pool, struct needing *n, struct arena *arena, struct err *err)
{
	const struct plan_redundancy *r = &p->spec->redundancy;
	double peak = 0;
	int64_t spares = 0;

	for (size_t i = 0; i < p->interval_count; i++)
		peak = fmax(peak, pool->demand[i]);
	n->qps_used = pool->qps * (1 - p->spec->scaling.headroom);
	n->least = p->spec->scaling.least;
	/* Forecasts may exceed the peak. */
	if (2 * peak / n->qps_used > UNITS_MOST)
		return err_set(err, ERR_INPUT, "class %s: %.3g requests a second need %.3g units of %.3g: expected at most %d", pool->class->name, peak,
			       peak / n->qps_used, n->qps_used, UNITS_MOST / 2);
	n->most = 2 * units_for(peak, n->qps_used) + 1;
	n->with_spares = arena_alloc(arena, ((size_t)n->most + 1) * sizeof(*n->with_spares));
	if (!n->with_spares)
		return err_memory(err);
	pool->down_share = isnan(r->mtbf_s) ? 0 : replica_down_share(r->mtbf_s, r->mttr_s, (double)pool->unit->devices);
	for (int64_t k = 1; k <= n->most; k++) {
		if (pool->down_share > 0 && !spares_for(k, pool->down_share, r->availability, spares, &spares, err))
			return false;
		n->with_spares[k] = k + (spares > r->spares ? spares : r->spares);
	}
	pool->spares_peak = need(n, peak) - units_for(peak, n->qps_used);
	return true;
}

static bool make_room(const struct plan *p, struct plan_pool *pool, struct arena *arena, struct err *err)
{
	pool->held = arena_alloc(arena, p->interval_count * sizeof(*pool->held));
	pool->ready = arena_alloc(arena, p->interval_count * sizeof(*pool->ready));
	pool->shortfall = arena_alloc(arena, p->interval_count * sizeof(*pool->shortfall));
	pool->months = arena_alloc(arena, p->month_count * sizeof(*pool->months));
	return (pool->held && pool->ready && pool->shortfall && pool->months) || err_memory(err);
}

/* Held units idle, and draw more the more of their capacity is used. */
static double interval_kwh(const struct plan *p, const struct plan_pool *pool, size_t i)
{
	double served = pool->demand[i] - pool->shortfall[i] / p->spec->interval_s;
	double watts = (double)pool->held[i] * pool->unit->idle_w + served / pool->qps * (pool->unit->busy_w - pool->unit->idle_w);

	return watts * p->spec->interval_s / 3.6e6;
}

static void fill_month(const struct plan *p, struct plan_pool *pool, size_t m)
{
	struct plan_month *o = &pool->months[m];
	size_t first = p->month_first[m], end = p->month_first[m + 1];

	o->hours = (double)(end - first) * p->spec->interval_s / 3600;
	o->headroom = INFINITY;
	for (size_t i = first; i < end; i++) {
		double capacity = (double)pool->ready[i] * pool->qps;

		o->requests += pool->demand[i] * p->spec->interval_s;
		o->demand_peak = fmax(o->demand_peak, pool->demand[i]);
		o->shortfall_requests += pool->shortfall[i];
		if (pool->demand[i] > 0)
			o->headroom = fmin(o->headroom, capacity / pool->demand[i] - 1);
		if (pool->held[i] > o->units_peak)
			o->units_peak = pool->held[i];
		o->kwh += interval_kwh(p, pool, i);
	}
	o->demand_mean = o->requests / (o->hours * 3600);
}

static const struct autoscale_policy *perfect(void)
{
	const struct autoscale_policy *policy = autoscale_policies;

	while (strcmp(policy->name, "perfect") != 0)
		policy++;
	return policy;
}

bool plan_pool_run(const struct plan *p, struct plan_pool *pool, struct arena *arena, struct err *err)
{
	const struct plan_scaling *s = &p->spec->scaling;
	struct needing needing;
	struct autoscale_view view = { .demand = pool->demand, .count = p->interval_count, .interval_s = p->spec->interval_s,
				       .month_first = p->month_first, .months = p->month_count,
				       .delays = { s->react_s, s->startup_s, s->scale_down_s }, .need = need, .ctx = &needing };

	if (!make_room(p, pool, arena, err) || !fill_needing(p, pool, &needing, arena, err))
		return false;
	/* The bound first: its tables are then overwritten. */
	if (!autoscale_run(&view, perfect(), s->least, pool->qps, pool->held, pool->ready, pool->shortfall, &pool->perfect, err) ||
	    !autoscale_run(&view, &autoscale_policies[s->policy], s->least, pool->qps, pool->held, pool->ready, pool->shortfall, &pool->totals, err))
		return false;
	for (size_t m = 0; m < p->month_count; m++)
		fill_month(p, pool, m);
	return true;
}
