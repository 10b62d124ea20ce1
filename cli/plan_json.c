#include <math.h>

#include "base/calendar.h"
#include "base/json.h"
#include "cli/plan_outputs.h"
#include "cli/study_outputs.h"
#include "reports/document_figures.h"

/* A figure that may be without bound has no number in JSON. */
static void finite(struct json *j, const char *key, double value)
{
	if (isfinite(value))
		json_number(j, key, value);
}

static void day(struct json *j, const char *key, int64_t days)
{
	char text[CALENDAR_ROOM];

	json_text(j, key, calendar_text(text, days));
}

static void month(struct json *j, const char *key, const struct plan_month *m)
{
	json_object(j, key);
	day(j, "month", m->first_day);
	json_number(j, "hours", m->hours);
	json_number(j, "requests", m->requests);
	json_number(j, "requests_per_s_mean", m->demand_mean);
	json_number(j, "requests_per_s_peak", m->demand_peak);
	json_number(j, "shortfall_requests", m->shortfall_requests);
	finite(j, "headroom", m->headroom);
	json_int(j, "units_peak", m->units_peak);
	json_int(j, "devices_peak", m->devices_peak);
	json_number(j, "devices_mean", m->devices_mean);
	json_int(j, "devices_committed", m->committed);
	json_int(j, "devices_rented_peak", m->rented_peak);
	json_number(j, "devices_on_demand_mean", m->rented_mean - m->spot_mean);
	json_number(j, "devices_spot_mean", m->spot_mean);
	json_number(j, "usd_committed", m->usd_committed);
	json_number(j, "usd_on_demand", m->usd_rented);
	json_number(j, "usd_spot", m->usd_spot);
	json_number(j, "usd", m->usd);
	json_number(j, "energy_kwh", m->kwh);
	json_end(j);
}

static void units(struct json *j, const struct plan *p)
{
	json_array(j, "classes");
	for (size_t c = 0; c < p->spec->class_count; c++) {
		const struct unit_capacity *u = &p->units[c];

		json_object(j, NULL);
		json_text(j, "class", p->spec->classes[c].name);
		json_number(j, "share", p->spec->classes[c].share);
		json_text(j, "model", p->scenarios[c]->model.name);
		json_text(j, "device", u->system->device->name);
		json_int(j, "devices", u->devices);
		json_text(j, "scenario_hash", u->at_capacity.hash);
		json_number(j, "capacity_requests_per_s", u->qps[CAPACITY_LIKELY]);
		json_array(j, "capacity_interval");
		json_number(j, NULL, u->qps[CAPACITY_LOW]);
		json_number(j, NULL, u->qps[CAPACITY_HIGH]);
		json_end(j);
		json_number(j, "capacity_of_requests", u->requests);
		finite(j, "capacity_spans", u->spans);
		json_number(j, "rel_error_of_times", u->rel_error);
		json_number(j, "power_w", u->busy_w);
		json_number(j, "idle_power_w", u->idle_w);
		outcome_json(j, "metrics", &u->at_capacity);
		json_end(j);
	}
	json_end(j);
}

static void totals(struct json *j, const char *key, const struct autoscale_totals *t)
{
	json_object(j, key);
	json_number(j, "unit_hours", t->held_s / 3600);
	json_number(j, "shortfall_requests", t->shortfall_requests);
	json_number(j, "shortfall_s", t->shortfall_s);
	json_int(j, "starts", t->starts);
	json_int(j, "stops", t->stops);
	json_end(j);
}

static void pools(struct json *j, const struct plan *p, const struct plan_case *k)
{
	json_array(j, "pools");
	for (size_t i = 0; i < k->pool_count; i++) {
		const struct plan_pool *pool = &k->pools[i];

		json_object(j, NULL);
		json_text(j, "class", pool->class->name);
		json_text(j, "region", pool->region->name);
		json_number(j, "unit_down_share", pool->down_share);
		json_int(j, "spares_at_peak", pool->spares_peak);
		totals(j, "scaling", &pool->totals);
		totals(j, "with_foresight", &pool->perfect);
		json_array(j, "months");
		for (size_t m = 0; m < p->month_count; m++) {
			const struct plan_month *o = &pool->months[m];

			json_object(j, NULL);
			day(j, "month", k->months[m].first_day);
			json_number(j, "requests_per_s_mean", o->demand_mean);
			json_number(j, "requests_per_s_peak", o->demand_peak);
			json_int(j, "units_peak", o->units_peak);
			finite(j, "headroom", o->headroom);
			json_number(j, "shortfall_requests", o->shortfall_requests);
			json_number(j, "energy_kwh", o->kwh);
			json_end(j);
		}
		json_end(j);
		json_end(j);
	}
	json_end(j);
}

static void sites(struct json *j, const struct plan *p, const struct plan_case *k)
{
	double unit = (double)p->spec->buying.unit_devices;

	json_array(j, "sites");
	for (size_t i = 0; i < k->site_count; i++) {
		const struct plan_site *s = &k->sites[i];

		json_object(j, NULL);
		json_text(j, "region", s->region->name);
		json_text(j, "hardware", s->hardware);
		json_object(j, "usd_per_device_hour");
		json_number(j, "on_demand", s->on_demand.usd_per_hour);
		finite(j, "spot", s->spot.usd_per_hour);
		for (size_t t = 0; t < s->term_count; t++)
			json_number(j, s->terms[t].name, s->terms[t].usd_per_hour / unit);
		json_end(j);
		json_number(j, "usd", s->usd);
		json_number(j, "usd_uncommitted", s->usd_uncommitted);
		json_array(j, "months");
		for (size_t m = 0; m < p->month_count; m++) {
			const struct plan_month *o = &s->months[m];

			json_object(j, NULL);
			day(j, "month", k->months[m].first_day);
			json_int(j, "devices_peak", o->devices_peak);
			json_number(j, "devices_mean", o->devices_mean);
			json_int(j, "devices_committed", o->committed);
			json_number(j, "devices_on_demand_mean", o->rented_mean - o->spot_mean);
			json_number(j, "devices_spot_mean", o->spot_mean);
			json_number(j, "usd", o->usd);
			json_end(j);
		}
		json_end(j);
		json_end(j);
	}
	json_end(j);
}

static void purchases(struct json *j, const struct plan_case *k)
{
	json_array(j, "purchases");
	for (size_t i = 0; i < k->purchase_count; i++) {
		const struct plan_purchase *b = &k->purchases[i];

		json_object(j, NULL);
		day(j, "when", k->months[b->month].first_day);
		json_text(j, "region", k->sites[b->site].region->name);
		json_text(j, "hardware", k->sites[b->site].hardware);
		json_int(j, "devices", b->devices);
		json_text(j, "term", b->term);
		day(j, "until", b->until_day);
		json_number(j, "usd_per_device_hour", b->usd_per_hour);
		json_number(j, "usd", b->usd);
		json_number(j, "usd_beyond", b->usd_beyond);
		json_end(j);
	}
	json_end(j);
}

static void interval(struct json *j, const struct plan *p)
{
	static const char *const keys[CAPACITY_CASES] = { "slower", NULL, "faster" };

	json_object(j, "interval");
	json_number(j, "coverage", 0.8);
	for (int i = 0; i < CAPACITY_CASES; i++) {
		const struct plan_case *k = &p->cases[i];

		if (!keys[i])
			continue;
		json_object(j, keys[i]);
		json_bool(j, "possible", k->possible);
		if (k->possible) {
			json_number(j, "usd", k->total.usd);
			json_int(j, "devices_peak", k->total.devices_peak);
			json_number(j, "device_hours", k->device_hours);
			json_array(j, "devices_peak_by_month");
			for (size_t m = 0; m < p->month_count; m++)
				json_int(j, NULL, k->months[m].devices_peak);
			json_end(j);
		}
		json_end(j);
	}
	json_end(j);
}

/* What a page of the kept plan draws. */
static void drawings(struct json *j)
{
	static const struct drawing_value demand[] = { { "requests_per_s_peak", "peak" }, { "requests_per_s_mean", "mean" } },
					  devices[] = { { "devices_peak", "peak" }, { "devices_mean", "mean" }, { "devices_committed", "committed" } },
					  cost[] = { { "usd", "all" }, { "usd_committed", "committed" }, { "usd_on_demand", "on demand" }, { "usd_spot", "spot" } };

	json_array(j, "drawings");
	drawing_json(j, "Demand", "requests/s", "months", "month", demand, COUNT_OF(demand));
	drawing_json(j, "Devices", "devices", "months", "month", devices, COUNT_OF(devices));
	drawing_json(j, "Cost of a month", "USD", "months", "month", cost, COUNT_OF(cost));
	json_end(j);
}

bool plan_json(const struct plan_view *v, struct str *out, struct err *err)
{
	const struct plan *p = v->plan;
	const struct plan_case *k = &p->cases[CAPACITY_LIKELY];
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.plan/1");
	json_text(&j, "title", v->title);
	day(&j, "start", p->start_day);
	json_int(&j, "months_count", (int64_t)p->month_count);
	json_number(&j, "interval_s", p->spec->interval_s);
	json_text(&j, "policy", autoscale_policy_names[p->spec->scaling.policy]);
	json_array(&j, "notes");
	for (size_t i = 0; i < p->note_count; i++)
		json_text(&j, NULL, p->notes[i]);
	json_end(&j);
	units(&j, p);
	month(&j, "total", &k->total);
	json_number(&j, "usd_uncommitted", k->usd_uncommitted);
	json_number(&j, "usd_beyond", k->usd_beyond);
	json_number(&j, "device_hours", k->device_hours);
	json_number(&j, "device_hours_with_foresight", k->perfect_device_hours);
	interval(&j, p);
	json_array(&j, "months");
	for (size_t m = 0; m < p->month_count; m++)
		month(&j, NULL, &k->months[m]);
	json_end(&j);
	purchases(&j, k);
	pools(&j, p, k);
	sites(&j, p, k);
	drawings(&j);
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}
