/* The tables of a capacity plan. */
#include <math.h>
#include <stdio.h>

#include "base/calendar.h"
#include "cli/plan_outputs.h"
#include "reports/format.h"

static struct sheet *sheet(const struct table_column *columns, const char *const *names, size_t count, struct err *err)
{
	struct sheet *s = sheet_new(columns, names, count);

	if (!s)
		err_memory(err);
	return s;
}

static void number(struct sheet *s, int style, double value)
{
	char buf[FORMAT_ROOM];

	sheet_number(s, style, value, isfinite(value) ? format_number(buf, value) : "-");
}

static void whole(struct sheet *s, int style, double value)
{
	char buf[FORMAT_ROOM];

	sheet_number(s, style, value, isfinite(value) ? format_number(buf, round(value)) : "-");
}

static void usd(struct sheet *s, int style, double value)
{
	char buf[FORMAT_ROOM];

	/* Cents are noise in a month's bill. */
	sheet_number(s, style, value, isfinite(value) ? format_usd(buf, fabs(value) >= 100 ? round(value) : value) : "-");
}

static void share(struct sheet *s, int style, double value)
{
	char buf[FORMAT_ROOM];

	sheet_number(s, style, value, isfinite(value) ? format_share(buf, value) : "-");
}

static void interval(struct sheet *s, double low, double high)
{
	char a[FORMAT_ROOM], b[FORMAT_ROOM], text[2 * FORMAT_ROOM + 8];

	snprintf(text, sizeof(text), "%s to %s", low > 0 ? format_number(a, low) : "none", format_number(b, high));
	sheet_text(s, STYLE_FAINT, text);
}

struct sheet *plan_units_sheet(const struct plan_view *v, struct err *err)
{
	static const struct table_column columns[] = { { "class", false }, { "one unit", false }, { "requests/s", true }, { "80 % interval", false },
						       { "TTFT P99", true }, { "TPOT P99", true }, { "power W", true },
						       { "of requests", true } };
	static const char *const names[] = { "class", "unit", "capacity_requests_per_s", "interval", "ttft_p99_s", "tpot_p99_s", "power_w", "requests" };
	struct sheet *s = sheet(columns, names, COUNT_OF(columns), err);
	char buf[FORMAT_ROOM], unit[160];

	for (size_t c = 0; s && c < v->plan->spec->class_count; c++) {
		const struct unit_capacity *u = &v->plan->units[c];
		double ttft = u->at_capacity.value[FIGURE_TTFT_P99], tpot = u->at_capacity.value[FIGURE_TPOT_P99];

		snprintf(unit, sizeof(unit), "%s on %lld x %s", v->plan->scenarios[c]->model.name, (long long)u->devices, u->system->device->name);
		sheet_text(s, STYLE_STRONG, v->plan->spec->classes[c].name);
		sheet_text(s, STYLE_PLAIN, unit);
		number(s, STYLE_STRONG, u->qps[CAPACITY_LIKELY]);
		interval(s, u->qps[CAPACITY_LOW], u->qps[CAPACITY_HIGH]);
		sheet_number(s, STYLE_PLAIN, ttft, isfinite(ttft) ? human_seconds(buf, ttft) : "-");
		sheet_number(s, STYLE_PLAIN, tpot, isfinite(tpot) ? human_seconds(buf, tpot) : "-");
		whole(s, STYLE_PLAIN, u->busy_w);
		number(s, STYLE_FAINT, u->requests);
	}
	return s;
}

static void headroom(struct sheet *s, double value)
{
	char buf[FORMAT_ROOM];

	/* One unit where a hundredth would do: how much more is of no use. */
	sheet_number(s, value < 0 ? STYLE_WARN : STYLE_PLAIN, value, !isfinite(value) ? "-" : value > 10 ? "> 1,000 %" : format_share(buf, value));
}

static void month_row(struct sheet *s, int style, const char *label, const struct plan_month *m, const struct plan_month *total, bool all)
{
	bool spot = all || total->usd_spot > 0, over = all || total->shortfall_requests > 0;

	sheet_text(s, style, label);
	number(s, style, m->demand_mean);
	number(s, style, m->demand_peak);
	number(s, style, (double)m->units_peak);
	number(s, style, (double)m->devices_peak);
	number(s, style, (double)m->committed);
	number(s, style, m->rented_mean - m->spot_mean);
	if (spot)
		number(s, style, m->spot_mean);
	usd(s, style, m->usd_committed);
	usd(s, style, m->usd_rented);
	if (spot)
		usd(s, style, m->usd_spot);
	usd(s, STYLE_STRONG, m->usd);
	headroom(s, m->headroom);
	if (over)
		share(s, m->shortfall_requests > 0 ? STYLE_WARN : STYLE_PLAIN, m->requests > 0 ? m->shortfall_requests / m->requests : 0);
}

/* all: also the columns in which nothing ever happens, so that the CSV always has the same. */
struct sheet *plan_months_sheet(const struct plan_view *v, bool all, struct err *err)
{
	static const struct column { struct table_column column; const char *name; bool spot, over; } every[] = {
		{ { "month from", false }, "month", false, false }, { { "mean req/s", true }, "requests_per_s_mean", false, false },
		{ { "peak", true }, "requests_per_s_peak", false, false }, { { "units", true }, "units_peak", false, false },
		{ { "devices", true }, "devices_peak", false, false }, { { "committed", true }, "devices_committed", false, false },
		{ { "on demand", true }, "devices_on_demand_mean", false, false }, { { "spot", true }, "devices_spot_mean", true, false },
		{ { "$ committed", true }, "usd_committed", false, false }, { { "$ on demand", true }, "usd_on_demand", false, false },
		{ { "$ spot", true }, "usd_spot", true, false }, { { "$ in all", true }, "usd", false, false },
		{ { "headroom", true }, "headroom", false, false }, { { "over", true }, "shortfall_share", false, true },
	};
	const struct plan_case *k = &v->plan->cases[CAPACITY_LIKELY];
	struct table_column *columns = arena_alloc(v->arena, COUNT_OF(every) * sizeof(*columns));
	const char **names = arena_alloc(v->arena, COUNT_OF(every) * sizeof(*names));
	char day[CALENDAR_ROOM];
	struct sheet *s;
	size_t n = 0;

	if (!columns || !names) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < COUNT_OF(every); i++)
		if (all || ((!every[i].spot || k->total.usd_spot > 0) && (!every[i].over || k->total.shortfall_requests > 0))) {
			columns[n] = every[i].column;
			names[n++] = every[i].name;
		}
	s = sheet(columns, names, n, err);
	for (size_t m = 0; s && m < v->plan->month_count; m++)
		month_row(s, STYLE_PLAIN, calendar_text(day, k->months[m].first_day), &k->months[m], &k->total, all);
	/* In CSV sums would be one more month to whoever adds up. */
	if (s && !all)
		month_row(s, STYLE_STRONG, "all", &k->total, &k->total, all);
	return s;
}

struct sheet *plan_pools_sheet(const struct plan_view *v, struct err *err)
{
	static const struct table_column columns[] = { { "class", false }, { "region", false }, { "peak req/s", true }, { "units", true }, { "spares", true },
						       { "unit-hours", true }, { "with foresight", true }, { "headroom", true }, { "starts", true }, { "over", true } };
	static const char *const names[] = { "class", "region", "requests_per_s_peak", "units_peak", "spares", "unit_hours", "unit_hours_with_foresight", "headroom",
					     "starts", "shortfall_share" };
	const struct plan_case *k = &v->plan->cases[CAPACITY_LIKELY];
	struct sheet *s = sheet(columns, names, COUNT_OF(columns), err);

	for (size_t i = 0; s && i < k->pool_count; i++) {
		const struct plan_pool *p = &k->pools[i];
		double peak = 0, room = INFINITY;
		int64_t units = 0;

		for (size_t m = 0; m < v->plan->month_count; m++) {
			peak = fmax(peak, p->months[m].demand_peak);
			room = fmin(room, p->months[m].headroom);
			units = p->months[m].units_peak > units ? p->months[m].units_peak : units;
		}
		sheet_text(s, STYLE_PLAIN, p->class->name);
		sheet_text(s, STYLE_PLAIN, p->region->name);
		number(s, STYLE_PLAIN, peak);
		number(s, STYLE_PLAIN, (double)units);
		number(s, STYLE_PLAIN, (double)p->spares_peak);
		whole(s, STYLE_PLAIN, p->totals.held_s / 3600);
		whole(s, STYLE_FAINT, p->perfect.held_s / 3600);
		headroom(s, room);
		number(s, STYLE_PLAIN, (double)p->totals.starts);
		share(s, p->totals.shortfall_requests > 0 ? STYLE_WARN : STYLE_PLAIN,
		      p->totals.requests > 0 ? p->totals.shortfall_requests / p->totals.requests : 0);
	}
	return s;
}

struct sheet *plan_sites_sheet(const struct plan_view *v, struct err *err)
{
	static const struct table_column columns[] = { { "region", false }, { "devices", false }, { "at the peak", true }, { "mean", true }, { "committed", true },
						       { "$ committed", true }, { "$ rented", true }, { "$ in all", true }, { "$ a month", true },
						       { "rented only", true } };
	static const char *const names[] = { "region", "hardware", "devices_peak", "devices_mean", "devices_committed", "usd_committed", "usd_rented", "usd",
					     "usd_per_month", "usd_uncommitted" };
	const struct plan_case *k = &v->plan->cases[CAPACITY_LIKELY];
	struct sheet *s = sheet(columns, names, COUNT_OF(columns), err);

	for (size_t i = 0; s && i < k->site_count; i++) {
		const struct plan_site *site = &k->sites[i];
		double committed = 0, mean = 0;
		int64_t peak = 0, reserved = 0;

		for (size_t m = 0; m < v->plan->month_count; m++) {
			const struct plan_month *o = &site->months[m];

			committed += o->usd_committed;
			mean += o->devices_mean * o->hours / k->total.hours;
			peak = o->devices_peak > peak ? o->devices_peak : peak;
			reserved = o->committed > reserved ? o->committed : reserved;
		}
		sheet_text(s, STYLE_STRONG, site->region->name);
		sheet_text(s, STYLE_PLAIN, site->hardware);
		number(s, STYLE_PLAIN, (double)peak);
		number(s, STYLE_PLAIN, mean);
		number(s, STYLE_PLAIN, (double)reserved);
		usd(s, STYLE_PLAIN, committed);
		usd(s, STYLE_PLAIN, site->usd - committed);
		usd(s, STYLE_STRONG, site->usd);
		usd(s, STYLE_PLAIN, site->usd / (double)v->plan->month_count);
		usd(s, STYLE_FAINT, site->usd_uncommitted);
	}
	return s;
}

struct sheet *plan_purchases_sheet(const struct plan_view *v, struct err *err)
{
	static const struct table_column columns[] = { { "when", false }, { "region", false }, { "devices", true }, { "what", false }, { "how", false },
						       { "until", false }, { "USD/h", true }, { "USD in the plan", true }, { "USD after it", true } };
	static const char *const names[] = { "when", "region", "devices", "hardware", "term", "until", "usd_per_device_hour", "usd", "usd_beyond" };
	const struct plan_case *k = &v->plan->cases[CAPACITY_LIKELY];
	struct sheet *s = sheet(columns, names, COUNT_OF(columns), err);
	char day[CALENDAR_ROOM];

	for (size_t i = 0; s && i < k->purchase_count; i++) {
		const struct plan_purchase *p = &k->purchases[i];

		sheet_text(s, STYLE_STRONG, calendar_text(day, k->months[p->month].first_day));
		sheet_text(s, STYLE_PLAIN, k->sites[p->site].region->name);
		number(s, STYLE_STRONG, (double)p->devices);
		sheet_text(s, STYLE_PLAIN, k->sites[p->site].hardware);
		sheet_text(s, STYLE_PLAIN, p->term);
		sheet_text(s, STYLE_PLAIN, calendar_text(day, p->until_day));
		usd(s, STYLE_PLAIN, p->usd_per_hour);
		usd(s, STYLE_PLAIN, p->usd);
		usd(s, STYLE_PLAIN, p->usd_beyond);
	}
	return s;
}

static void price_row(struct sheet *s, const struct plan_site *site, const char *kind, double usd_per_hour, const char *source)
{
	sheet_text(s, STYLE_PLAIN, site->region->name);
	sheet_text(s, STYLE_PLAIN, site->hardware);
	sheet_text(s, STYLE_PLAIN, kind);
	usd(s, STYLE_PLAIN, usd_per_hour);
	sheet_text(s, STYLE_FAINT, source ? source : "");
}

struct sheet *plan_prices_sheet(const struct plan_view *v, struct err *err)
{
	static const struct table_column columns[] = { { "region", false }, { "devices", false }, { "price", false }, { "USD/h", true }, { "from", false } };
	static const char *const names[] = { "region", "hardware", "price", "usd_per_device_hour", "source" };
	const struct plan_case *k = &v->plan->cases[CAPACITY_LIKELY];
	struct sheet *s = sheet(columns, names, COUNT_OF(columns), err);

	for (size_t i = 0; s && i < k->site_count; i++) {
		const struct plan_site *site = &k->sites[i];
		double units = (double)v->plan->spec->buying.unit_devices;

		price_row(s, site, "on demand", site->on_demand.usd_per_hour, site->on_demand.source);
		if (!isnan(site->spot.usd_per_hour)) {
			price_row(s, site, "spot", site->spot.usd_per_hour, site->spot.source);
			price_row(s, site, "spot with stand-ins", site->spot_usd_per_hour, "what interruptions add");
		}
		for (size_t t = 0; t < site->term_count; t++)
			price_row(s, site, site->terms[t].name, site->terms[t].usd_per_hour / units, site->term_sources[t]);
	}
	return s;
}

static void cost_line(const struct plan_view *v, struct str *out)
{
	const struct plan_case *cases = v->plan->cases, *k = &cases[CAPACITY_LIKELY], *low = &cases[CAPACITY_LOW], *high = &cases[CAPACITY_HIGH];
	char a[FORMAT_ROOM], b[FORMAT_ROOM], c[FORMAT_ROOM];

	str_addf(out, "Cost        %s in %zu month%s", format_usd(a, round(k->total.usd)), v->plan->month_count, v->plan->month_count > 1 ? "s" : "");
	if (!low->possible) {
		str_add(out, "; if every operator is as slow as its error allows, the targets are missed at any rate");
	} else if (low->total.usd != k->total.usd || high->total.usd != k->total.usd) {
		str_addf(out, " (%s to %s)", format_usd(a, round(high->total.usd)), format_usd(b, round(low->total.usd)));
		str_addf(out, "; at the peak %s devices", format_number(a, (double)k->total.devices_peak));
		str_addf(out, " (%s to %s): 80 %% interval", format_number(b, (double)high->total.devices_peak),
			 format_number(c, (double)low->total.devices_peak));
	}
	str_add(out, "\n");
	if (k->total.requests > 0)
		str_addf(out, "A request   %s per 1,000; %s requests in all\n", format_usd(a, 1000 * k->total.usd / k->total.requests),
			 format_number(b, round(k->total.requests)));
}

void plan_summary(const struct plan_view *v, struct str *out)
{
	const struct plan_case *k = &v->plan->cases[CAPACITY_LIKELY];
	const struct autoscale_policy *policy = &autoscale_policies[v->plan->spec->scaling.policy];
	char a[FORMAT_ROOM], b[FORMAT_ROOM];

	cost_line(v, out);
	str_addf(out, "Rented only %s", format_usd(a, round(k->usd_uncommitted)));
	if (k->purchase_count > 0)
		str_addf(out, ": the commitments save %s", format_share(b, 1 - k->total.usd / k->usd_uncommitted));
	if (k->usd_beyond > 0)
		str_addf(out, "; %s are owed after the plan's end", format_usd(b, round(k->usd_beyond)));
	str_add(out, "\n");
	str_addf(out, "Scaling     %s (%s): %s device-hours", policy->name, policy->help, format_number(a, round(k->device_hours)));
	str_addf(out, ", %s with foresight and no delays\n", format_number(a, round(k->perfect_device_hours)));
	if (k->total.shortfall_requests > 0)
		str_addf(out, "Over        %s requests (%.3g %%) come when more are asked for than the units that are up can take within the targets\n",
			 format_number(a, ceil(k->total.shortfall_requests)), 100 * k->total.shortfall_requests / k->total.requests);
	str_addf(out, "Energy      %s MWh at the meter; rented prices contain it\n", format_number(a, k->total.kwh / 1000));
}
