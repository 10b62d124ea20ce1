#include "sim/plan/plan_site.h"

#include <math.h>

#include "hardware/price.h"

/* Days on which a term of so many months ends differ; its price is by the hour, so only months count. */
enum { ONE_YEAR = 12, THREE_YEARS = 36 };

static struct plan_price catalog_price(const struct plan_site *site, enum price_kind kind, double given, struct arena *arena)
{
	const struct device_price *p = system_price(site->system, kind);

	if (!isnan(given))
		return (struct plan_price){ given, "given" };
	if (!p || !(p->usd_per_h > 0))
		return (struct plan_price){ NAN, NULL };
	return (struct plan_price){ p->usd_per_h, arena_printf(arena, "catalog, %s: %s", p->date ? p->date : "undated", p->source ? p->source : "no source") };
}

/* The purchase spread over its life, and the power that a busy device draws. */
static struct plan_price own_price(const struct plan_spec *spec, const struct scenario *asked, const struct plan_site *site, struct arena *arena)
{
	const struct plan_buying *b = &spec->buying;
	struct price_options options = { .kind = PRICE_BUY, .buy_usd = isnan(b->own_usd) ? 0 : b->own_usd, .life_years = (double)b->own_months / 12,
					 .pue = asked->price.pue, .usd_per_kwh = site->region->usd_per_kwh };
	struct err none = { 0 };
	struct price price;

	if (!price_device(site->system, &options, &price, &none) || price.substituted)
		return (struct plan_price){ NAN, NULL };
	return (struct plan_price){ price.usd_per_h, arena_printf(arena, "spread over %lld months, and its power; %s%s%s", (long long)b->own_months,
								  price.date ? price.date : "", price.date ? ": " : "", price.source ? price.source : "no source") };
}

static void add_term(struct plan_site *site, const char *name, int64_t months, struct plan_price price, double units)
{
	if (isnan(price.usd_per_hour))
		return;
	site->term_sources[site->term_count] = price.source;
	site->terms[site->term_count++] = (struct commit_term){ name, months, price.usd_per_hour * units };
}

static struct plan_price times(struct plan_price p, double factor)
{
	p.usd_per_hour *= factor;
	return p;
}

/* An interrupted device is stood in for by one on demand until a new one has started. */
static void mix_spot(const struct plan_spec *spec, struct plan_site *site)
{
	const struct plan_buying *b = &spec->buying;
	double stand_in_h = b->spot_interruptions * spec->scaling.startup_s / 3600;

	site->rented_usd_per_hour = site->on_demand.usd_per_hour;
	if (isnan(site->spot.usd_per_hour))
		return;
	site->spot_usd_per_hour = site->spot.usd_per_hour + stand_in_h * site->on_demand.usd_per_hour;
	if (site->spot_usd_per_hour < site->on_demand.usd_per_hour)
		site->spot_share = b->spot_share;
	site->rented_usd_per_hour = site->spot_share * site->spot_usd_per_hour + (1 - site->spot_share) * site->on_demand.usd_per_hour;
}

bool plan_site_prices(const struct plan_spec *spec, const struct scenario *asked, struct plan_site *site, struct arena *arena, struct err *err)
{
	const struct plan_buying *b = &spec->buying;
	double factor = site->region->price_factor, units = (double)b->unit_devices;
	double hourly = isnan(b->on_demand) ? asked->price.usd_per_device_hour : b->on_demand;

	site->on_demand = times(catalog_price(site, PRICE_ON_DEMAND, hourly, arena), factor);
	if (isnan(site->on_demand.usd_per_hour))
		return err_set(err, ERR_INPUT, "%s: no price by the hour is known: expected --on-demand USD", site->hardware);
	site->spot = times((struct plan_price){ b->spot, "given" }, factor);
	mix_spot(spec, site);
	add_term(site, "reserved-1y", ONE_YEAR, times((struct plan_price){ b->reserved_1y, "given" }, factor), units);
	add_term(site, "reserved-3y", THREE_YEARS, times(catalog_price(site, PRICE_RESERVED_3Y, b->reserved_3y, arena), factor), units);
	if (b->own) {
		struct plan_price own = own_price(spec, asked, site, arena);

		if (isnan(own.usd_per_hour))
			return err_set(err, ERR_INPUT, "%s: what one costs is not in the catalog: expected --own-usd USD", site->hardware);
		add_term(site, "own", b->own_months, own, units);
	}
	return true;
}

static void fill_month(const struct plan *p, struct plan_site *site, size_t m)
{
	struct plan_month *o = &site->months[m];
	int64_t unit = p->spec->buying.unit_devices, reserved = site->commits.reserved[m], above = 0, most = 0;
	size_t first = p->month_first[m], end = p->month_first[m + 1];
	double used = 0, hours = (double)(end - first) * p->spec->interval_s / 3600;

	o->hours = hours;
	for (size_t i = first; i < end; i++) {
		int64_t rented = site->bought_units[i] > reserved ? site->bought_units[i] - reserved : 0;

		used += (double)site->devices[i];
		above += rented;
		most = rented > most ? rented : most;
		if (site->devices[i] > o->devices_peak)
			o->devices_peak = site->devices[i];
	}
	o->devices_mean = used / (double)(end - first);
	o->committed = reserved * unit;
	o->rented_peak = most * unit;
	o->rented_mean = (double)(above * unit) / (double)(end - first);
	o->spot_mean = site->spot_share * o->rented_mean;
	o->usd_spot = o->spot_mean * hours * site->spot_usd_per_hour;
	o->usd_rented = (o->rented_mean - o->spot_mean) * hours * site->on_demand.usd_per_hour;
	for (size_t k = 0; k < site->commits.count; k++) {
		const struct commitment *c = &site->commits.bought[k];

		if (c->month <= m && m < c->month + (size_t)site->terms[c->term].months)
			o->usd_committed += (double)c->devices * site->terms[c->term].usd_per_hour * hours;
	}
	o->usd = o->usd_committed + o->usd_rented + o->usd_spot;
}

bool plan_site_buy(const struct plan *p, struct plan_site *site, struct arena *arena, struct err *err)
{
	int64_t unit = p->spec->buying.unit_devices;
	struct commit_problem problem = { .count = p->interval_count, .interval_s = p->spec->interval_s, .month_first = p->month_first,
					  .months = p->month_count, .usd_per_hour = site->rented_usd_per_hour * (double)unit, .terms = site->terms,
					  .term_count = site->term_count, .within = p->spec->buying.within,
					  .every = (size_t)p->spec->buying.every_months };
	struct commit_result nothing = { 0 };

	site->bought_units = arena_alloc(arena, p->interval_count * sizeof(*site->bought_units));
	site->months = arena_alloc(arena, p->month_count * sizeof(*site->months));
	if (!site->bought_units || !site->months)
		return err_memory(err);
	for (size_t i = 0; i < p->interval_count; i++)
		site->bought_units[i] = (site->devices[i] + unit - 1) / unit;
	problem.demand = site->bought_units;
	if (!commit_solve(&problem, &site->commits, arena, err))
		return false;
	site->usd_uncommitted = commit_usd(&problem, &nothing);
	for (size_t m = 0; m < p->month_count; m++) {
		fill_month(p, site, m);
		site->usd += site->months[m].usd;
	}
	return true;
}
