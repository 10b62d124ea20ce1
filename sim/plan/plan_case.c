/* One case of a plan: pools from demand and capacity, sites from pools, and the sums over both. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/str.h"
#include "sim/plan/plan.h"
#include "sim/plan/plan_pool.h"
#include "sim/plan/plan_site.h"

static const char *hardware_of(const struct unit_capacity *u)
{
	return u->system->path && u->system->name ? u->system->name : u->system->device->name;
}

/* The site of this hardware in this region; made when it is new. */
static bool join_site(const struct plan *p, struct plan_case *k, struct plan_pool *pool, const struct scenario *asked, struct arena *arena,
		      struct err *err)
{
	const char *hardware = hardware_of(pool->unit);
	struct plan_site *site;

	for (pool->site = 0; pool->site < k->site_count; pool->site++)
		if (k->sites[pool->site].region == pool->region && strcmp(k->sites[pool->site].hardware, hardware) == 0)
			return true;
	site = &k->sites[k->site_count++];
	site->region = pool->region;
	site->system = pool->unit->system;
	site->hardware = hardware;
	site->devices = arena_alloc(arena, p->interval_count * sizeof(*site->devices));
	return site->devices ? plan_site_prices(p->spec, asked, site, arena, err) : err_memory(err);
}

static bool run_pools(const struct plan *p, struct plan_case *k, enum capacity_case which, double *const *demands, struct arena *arena,
		      struct err *err)
{
	const struct plan_spec *s = p->spec;

	for (size_t c = 0; c < s->class_count; c++)
		for (size_t r = 0; r < s->region_count; r++) {
			struct plan_pool *pool = &k->pools[k->pool_count++];

			*pool = (struct plan_pool){ .class = &s->classes[c], .region = &s->regions[r], .unit = &p->units[c],
						    .qps = p->units[c].qps[which], .demand = demands[c * s->region_count + r] };
			if (!plan_pool_run(p, pool, arena, err) || !join_site(p, k, pool, p->scenarios[c], arena, err))
				return false;
			for (size_t i = 0; i < p->interval_count; i++)
				k->sites[pool->site].devices[i] += pool->held[i] * pool->unit->devices;
			k->device_hours += pool->totals.held_s / 3600 * (double)pool->unit->devices;
			k->perfect_device_hours += pool->perfect.held_s / 3600 * (double)pool->unit->devices;
		}
	return true;
}

static void add_pools(const struct plan *p, struct plan_case *k, size_t m)
{
	struct plan_month *o = &k->months[m];

	o->first_day = calendar_add_months(p->start_day, (int64_t)m);
	o->headroom = INFINITY;
	for (size_t i = 0; i < k->pool_count; i++) {
		const struct plan_month *of = &k->pools[i].months[m];

		o->hours = of->hours;
		o->requests += of->requests;
		o->shortfall_requests += of->shortfall_requests;
		o->headroom = fmin(o->headroom, of->headroom);
		o->kwh += of->kwh;
	}
	o->demand_mean = o->requests / (o->hours * 3600);
}

/* Peaks of the whole are not sums of the parts' peaks: regions peak at different hours. */
static void add_peaks(const struct plan *p, struct plan_case *k, size_t m)
{
	struct plan_month *o = &k->months[m];

	for (size_t i = p->month_first[m]; i < p->month_first[m + 1]; i++) {
		double demand = 0;
		int64_t units = 0, devices = 0, rented = 0;

		for (size_t n = 0; n < k->pool_count; n++) {
			demand += k->pools[n].demand[i];
			units += k->pools[n].held[i];
		}
		for (size_t n = 0; n < k->site_count; n++) {
			const struct plan_site *s = &k->sites[n];

			devices += s->devices[i];
			rented += s->bought_units[i] > s->commits.reserved[m] ? s->bought_units[i] - s->commits.reserved[m] : 0;
		}
		o->demand_peak = fmax(o->demand_peak, demand);
		o->units_peak = units > o->units_peak ? units : o->units_peak;
		o->devices_peak = devices > o->devices_peak ? devices : o->devices_peak;
		o->rented_peak = rented > o->rented_peak ? rented : o->rented_peak;
	}
	o->rented_peak *= p->spec->buying.unit_devices;
}

static void add_sites(struct plan_case *k, size_t m)
{
	struct plan_month *o = &k->months[m];

	for (size_t n = 0; n < k->site_count; n++) {
		const struct plan_month *of = &k->sites[n].months[m];

		o->devices_mean += of->devices_mean;
		o->committed += of->committed;
		o->rented_mean += of->rented_mean;
		o->spot_mean += of->spot_mean;
		o->usd_committed += of->usd_committed;
		o->usd_rented += of->usd_rented;
		o->usd_spot += of->usd_spot;
		o->usd += of->usd;
	}
}

static void add_total(const struct plan *p, struct plan_case *k)
{
	struct plan_month *t = &k->total;

	t->first_day = p->start_day;
	t->headroom = INFINITY;
	for (size_t m = 0; m < p->month_count; m++) {
		const struct plan_month *o = &k->months[m];

		t->hours += o->hours;
		t->requests += o->requests;
		t->shortfall_requests += o->shortfall_requests;
		t->demand_peak = fmax(t->demand_peak, o->demand_peak);
		t->headroom = fmin(t->headroom, o->headroom);
		t->units_peak = o->units_peak > t->units_peak ? o->units_peak : t->units_peak;
		t->devices_peak = o->devices_peak > t->devices_peak ? o->devices_peak : t->devices_peak;
		t->committed = o->committed > t->committed ? o->committed : t->committed;
		t->rented_peak = o->rented_peak > t->rented_peak ? o->rented_peak : t->rented_peak;
		t->devices_mean += o->devices_mean * o->hours;
		t->rented_mean += o->rented_mean * o->hours;
		t->spot_mean += o->spot_mean * o->hours;
		t->usd_committed += o->usd_committed;
		t->usd_rented += o->usd_rented;
		t->usd_spot += o->usd_spot;
		t->usd += o->usd;
		t->kwh += o->kwh;
	}
	t->demand_mean = t->requests / (t->hours * 3600);
	t->devices_mean /= t->hours;
	t->rented_mean /= t->hours;
	t->spot_mean /= t->hours;
}

/* A commitment is paid to its end, also where that lies beyond the plan. */
static struct plan_purchase purchase(const struct plan *p, const struct plan_site *site, size_t n, const struct commitment *c)
{
	const struct commit_term *term = &site->terms[c->term];
	int64_t day = calendar_add_months(p->start_day, (int64_t)c->month), until = calendar_add_months(p->start_day, (int64_t)c->month + term->months);
	int64_t end = calendar_add_months(p->start_day, (int64_t)p->month_count), inside = until < end ? until : end;
	double a_day = (double)c->devices * term->usd_per_hour * 24;
	int64_t unit = p->spec->buying.unit_devices;

	return (struct plan_purchase){ .month = c->month, .site = n, .term = term->name, .devices = c->devices * unit, .until_day = until,
				       .usd_per_hour = term->usd_per_hour / (double)unit, .usd = a_day * (double)(inside - day),
				       .usd_beyond = a_day * (double)(until - inside) };
}

/* The purchases of all sites in order of time. */
static bool list_purchases(const struct plan *p, struct plan_case *k, struct arena *arena, struct err *err)
{
	size_t most = 1;

	for (size_t n = 0; n < k->site_count; n++)
		most += k->sites[n].commits.count;
	k->purchases = arena_alloc(arena, most * sizeof(*k->purchases));
	if (!k->purchases)
		return err_memory(err);
	for (size_t m = 0; m < p->month_count; m++)
		for (size_t n = 0; n < k->site_count; n++)
			for (size_t i = 0; i < k->sites[n].commits.count; i++) {
				const struct commitment *c = &k->sites[n].commits.bought[i];

				if (c->month != m)
					continue;
				k->purchases[k->purchase_count] = purchase(p, &k->sites[n], n, c);
				k->usd_beyond += k->purchases[k->purchase_count++].usd_beyond;
			}
	return true;
}

bool plan_compute(struct plan *p, enum capacity_case which, double *const *demands, struct arena *arena, struct err *err)
{
	struct plan_case *k = &p->cases[which];
	size_t pools = p->spec->class_count * p->spec->region_count;

	*k = (struct plan_case){ .possible = true };
	for (size_t c = 0; c < p->spec->class_count; c++)
		k->possible &= p->units[c].qps[which] > 0;
	if (!k->possible)
		return true;
	k->pools = arena_alloc(arena, pools * sizeof(*k->pools));
	k->sites = arena_alloc(arena, pools * sizeof(*k->sites));
	k->months = arena_alloc(arena, p->month_count * sizeof(*k->months));
	if (!k->pools || !k->sites || !k->months)
		return err_memory(err);
	if (!run_pools(p, k, which, demands, arena, err))
		return false;
	for (size_t n = 0; n < k->site_count; n++) {
		if (!plan_site_buy(p, &k->sites[n], arena, err))
			return false;
		k->usd_uncommitted += k->sites[n].usd_uncommitted;
	}
	for (size_t m = 0; m < p->month_count; m++) {
		add_pools(p, k, m);
		add_peaks(p, k, m);
		add_sites(k, m);
	}
	add_total(p, k);
	return list_purchases(p, k, arena, err);
}
