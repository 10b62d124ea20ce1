#include "cli/plan_outputs.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/calendar.h"
#include "base/csv.h"
#include "base/json.h"
#include "reports/page.h"

/* A page's width where no terminal says its own; a schedule that is longer is for the page and JSON. */
enum { WIDTH = 160, PURCHASES_SHOWN = 30 };

/* most: rows shown; 0: all. */
static bool print(struct str *out, const struct term *term, const char *title, struct sheet *s, size_t most, struct err *err)
{
	bool ok;

	if (!s)
		return false;
	if (title) {
		str_add(out, "\n");
		term_add(out, term, STYLE_STRONG, title);
		str_add(out, "\n");
	}
	ok = sheet_print(s, term, 0, most, out, err);
	sheet_free(s);
	return ok;
}

static const char *grid_text(const struct plan_view *v)
{
	const struct plan *p = v->plan;
	char day[CALENDAR_ROOM];
	const char *text = arena_printf(v->arena, "%zu month%s from %s in intervals of %g s; %s, start-up %g s, headroom %g %%, spares %s", p->month_count,
					p->month_count > 1 ? "s" : "", calendar_text(day, p->start_day), p->spec->interval_s, autoscale_policy_names[p->spec->scaling.policy],
					p->spec->scaling.startup_s, 100 * p->spec->scaling.headroom,
					p->spec->redundancy.spares || !isnan(p->spec->redundancy.mtbf_s) ? "" : "none");

	if (text && p->spec->redundancy.spares)
		text = arena_printf(v->arena, "%sn+%lld", text, (long long)p->spec->redundancy.spares);
	if (text && !isnan(p->spec->redundancy.mtbf_s))
		text = arena_printf(v->arena, "%s%s%.10g %% up (MTBF %g h, MTTR %g h)", text, p->spec->redundancy.spares ? " and " : "",
				    100 * p->spec->redundancy.availability, p->spec->redundancy.mtbf_s / 3600, p->spec->redundancy.mttr_s / 3600);
	return text ? text : "";
}

bool plan_text(const struct plan_view *v, struct str *out, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	const struct plan_case *k = &v->plan->cases[CAPACITY_LIKELY];

	if (!isatty(STDOUT_FILENO) && term.width < WIDTH)
		term.width = WIDTH;
	term_add(out, &term, STYLE_STRONG, v->title);
	str_addf(out, "\n%s\n", grid_text(v));
	for (size_t i = 0; i < v->plan->note_count; i++) {
		str_add(out, "note: ");
		term_add(out, &term, STYLE_WARN, v->plan->notes[i]);
		str_add(out, "\n");
	}
	if (!print(out, &term, "What one unit takes within its targets (simulated)", plan_units_sheet(v, err), 0, err) ||
	    !print(out, &term, "Month by month (units and devices at the peak; rented ones are means)", plan_months_sheet(v, false, err), 0, err))
		return false;
	if (k->pool_count > 1 && !print(out, &term, "By class and region", plan_pools_sheet(v, err), 0, err))
		return false;
	if (k->site_count > 1 && !print(out, &term, "By region, the whole plan", plan_sites_sheet(v, err), 0, err))
		return false;
	if (k->purchase_count > 0 && !print(out, &term, "What to buy, and when", plan_purchases_sheet(v, err), PURCHASES_SHOWN, err))
		return false;
	if (k->purchase_count == 0)
		str_add(out, "\nNothing is worth a commitment: rent by the hour.\n");
	if (!print(out, &term, "Prices of a device-hour", plan_prices_sheet(v, err), 0, err))
		return false;
	str_add(out, "\n");
	plan_summary(v, out);
	return !out->failed || err_memory(err);
}

bool plan_csv(const struct plan_view *v, struct str *out, struct err *err)
{
	struct sheet *s = plan_months_sheet(v, true, err);
	bool ok = s && sheet_csv(s, out, err);

	sheet_free(s);
	return ok;
}

/* "2027-01-31T12:15:00" of an interval, UTC. */
static void add_time(struct str *out, const struct plan *p, size_t i)
{
	int64_t s = (int64_t)llround((double)i * p->spec->interval_s), in_day = s % 86400;
	char day[CALENDAR_ROOM];

	str_addf(out, "%sT%02d:%02d:%02d", calendar_text(day, p->start_day + s / 86400), (int)(in_day / 3600), (int)(in_day / 60 % 60), (int)(in_day % 60));
}

static void add_number(struct str *out, double value)
{
	char buf[32];

	str_addf(out, ",%s", isfinite(value) ? number_text(buf, value) : "");
}

bool plan_intervals_csv(const struct plan_view *v, struct str *out, struct err *err)
{
	const struct plan *p = v->plan;
	const struct plan_case *k = &p->cases[CAPACITY_LIKELY];

	str_add(out, "time_utc,region,class,requests_per_s,capacity_requests_per_s,units_ready,units_held,devices,shortfall_requests\n");
	for (size_t i = 0; i < p->interval_count && !out->failed; i++)
		for (size_t n = 0; n < k->pool_count; n++) {
			const struct plan_pool *pool = &k->pools[n];

			add_time(out, p, i);
			str_add(out, ",");
			csv_quote(out, pool->region->name);
			str_add(out, ",");
			csv_quote(out, pool->class->name);
			add_number(out, pool->demand[i]);
			add_number(out, (double)pool->ready[i] * pool->qps);
			str_addf(out, ",%lld,%lld,%lld", (long long)pool->ready[i], (long long)pool->held[i], (long long)(pool->held[i] * pool->unit->devices));
			add_number(out, pool->shortfall[i]);
			str_add(out, "\n");
		}
	return !out->failed || err_memory(err);
}

static bool page_sheet(struct str *out, const char *title, struct sheet *s, struct err *err)
{
	bool ok;

	if (!s)
		return false;
	page_section(out, title);
	ok = sheet_html(s, out, err);
	sheet_free(s);
	return ok;
}

/* A missing gnuplot leaves the figure out, with a word about it. */
static bool page_drawing(const struct plan_view *v, const struct plan_drawing *d, struct str *out, struct err *err)
{
	struct str svg = { 0 };
	struct err own = { 0 };
	bool ok = d->draw(v, false, &svg, &own);

	if (ok)
		page_figure(out, d->caption, str_text(&svg));
	else if (own.kind == ERR_IO)
		page_text(out, own.text);
	str_release(&svg);
	return ok || own.kind == ERR_IO || err_set(err, own.kind, "%s", own.text);
}

bool plan_html(const struct plan_view *v, struct str *out, struct err *err)
{
	const struct plan_case *k = &v->plan->cases[CAPACITY_LIKELY];
	struct str lines = { 0 };

	if (!page_begin(out, "vibee-sim capacity plan", v->title, grid_text(v), err))
		return false;
	plan_summary(v, &lines);
	str_add(out, "<pre>");
	str_add(out, str_text(&lines));
	str_add(out, "</pre>\n");
	str_release(&lines);
	for (size_t i = 0; i < v->plan->note_count; i++)
		page_text(out, v->plan->notes[i]);
	for (const struct plan_drawing *d = plan_drawings; d->name; d++)
		if (!page_drawing(v, d, out, err))
			return false;
	if (!page_sheet(out, "Month by month", plan_months_sheet(v, false, err), err))
		return false;
	if (k->purchase_count > 0 && !page_sheet(out, "What to buy, and when", plan_purchases_sheet(v, err), err))
		return false;
	return page_sheet(out, "What one unit takes within its targets (simulated)", plan_units_sheet(v, err), err) &&
	       page_sheet(out, "By class and region", plan_pools_sheet(v, err), err) &&
	       page_sheet(out, "By region, the whole plan", plan_sites_sheet(v, err), err) &&
	       page_sheet(out, "Prices of a device-hour", plan_prices_sheet(v, err), err) && page_end(out, err);
}
