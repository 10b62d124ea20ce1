/* The drawings of a capacity plan: demand and capacity over the months and over the busiest week, load-duration, cost. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "cli/plan_outputs.h"
#include "reports/chart_lines.h"

/* Demand and capacity of all pools in an interval. */
static void at_interval(const struct plan_view *v, size_t i, double *demand, double *capacity)
{
	const struct plan_case *k = &v->plan->cases[CAPACITY_LIKELY];

	*demand = *capacity = 0;
	for (size_t n = 0; n < k->pool_count; n++) {
		*demand += k->pools[n].demand[i];
		*capacity += (double)k->pools[n].ready[i] * k->pools[n].qps;
	}
}

struct curves {
	double *x, *demand, *low, *capacity;
	size_t count;
};

static bool room(struct curves *c, size_t count, const struct plan_view *v, struct err *err)
{
	*c = (struct curves){ .count = count };
	c->x = arena_alloc(v->arena, 4 * (count + 1) * sizeof(*c->x));
	if (!c->x) {
		err_memory(err);
		return false;
	}
	c->demand = c->x + count + 1;
	c->low = c->demand + count + 1;
	c->capacity = c->low + count + 1;
	return true;
}

enum { DAYS_DRAWN = 400, A_WEEK = 7 };

/* Days (weeks, when there are many): most and least demand, and the capacity at the time of the most. */
static bool draw_months(const struct plan_view *v, bool standalone, struct str *out, struct err *err)
{
	const struct plan *p = v->plan;
	size_t a_day = (size_t)llround(86400 / p->spec->interval_s), days = p->interval_count / a_day, each = days > DAYS_DRAWN ? A_WEEK : 1;
	struct curves c;

	if (!room(&c, days / each, v, err))
		return false;
	for (size_t d = 0; d < c.count; d++) {
		c.x[d] = (double)(p->start_day + (int64_t)(d * each)) * 86400;
		c.low[d] = INFINITY;
		for (size_t i = d * each * a_day; i < (d + 1) * each * a_day; i++) {
			double demand, capacity;

			at_interval(v, i, &demand, &capacity);
			c.low[d] = fmin(c.low[d], demand);
			if (demand > c.demand[d] || i == d * each * a_day) {
				c.demand[d] = demand;
				c.capacity[d] = capacity;
			}
		}
	}
	return chart_lines(&(struct chart_lines){ .name = "demand", .title = "Demand and capacity", .y_axis = "requests/s", .count = 3,
						  .lines = (const struct chart_line[]){
							  { each > 1 ? "demand, week's peak" : "demand, day's peak", c.x, c.demand, c.count, 0, .filled = true },
							  { each > 1 ? "week's least" : "day's least", c.x, c.low, c.count, 5, .steps = false },
							  { "capacity at the peak", c.x, c.capacity, c.count, 1, .steps = false } } },
			   standalone, out, err);
}

static size_t busiest(const struct plan_view *v)
{
	size_t at = 0;
	double most = -1, demand, capacity;

	for (size_t i = 0; i < v->plan->interval_count; i++) {
		at_interval(v, i, &demand, &capacity);
		if (demand > most) {
			most = demand;
			at = i;
		}
	}
	return at;
}

static bool draw_week(const struct plan_view *v, bool standalone, struct str *out, struct err *err)
{
	const struct plan *p = v->plan;
	size_t a_day = (size_t)llround(86400 / p->spec->interval_s), day = busiest(v) / a_day, days = p->interval_count / a_day, n = days < 7 ? days : 7;
	size_t first = day < 3 ? 0 : day - 3 + n > days ? days - n : day - 3;
	struct curves c;

	if (!room(&c, n * a_day, v, err))
		return false;
	for (size_t i = 0; i < c.count; i++) {
		c.x[i] = (double)p->start_day * 86400 + (double)(first * a_day + i) * p->spec->interval_s;
		at_interval(v, first * a_day + i, &c.demand[i], &c.capacity[i]);
	}
	return chart_lines(&(struct chart_lines){ .name = "week", .title = "The busiest week", .y_axis = "requests/s", .count = 2,
						  .lines = (const struct chart_line[]){
							  { "demand", c.x, c.demand, c.count, 0, .steps = true, .filled = true },
							  { "capacity", c.x, c.capacity, c.count, 1, .steps = true } } },
			   standalone, out, err);
}

static int descending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x > y ? -1 : x < y;
}

enum { POINTS = 800 };

/* Devices of all sites, sorted, and the commitments beside them: both from the most to the least. */
static bool draw_duration(const struct plan_view *v, bool standalone, struct str *out, struct err *err)
{
	const struct plan *p = v->plan;
	const struct plan_case *k = &p->cases[CAPACITY_LIKELY];
	size_t n = p->interval_count, points = n < POINTS ? n : POINTS, month = 0;
	struct curves all, c;

	if (!room(&all, n, v, err) || !room(&c, points, v, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		while (i >= p->month_first[month + 1])
			month++;
		for (size_t s = 0; s < k->site_count; s++)
			all.demand[i] += (double)k->sites[s].devices[i];
		all.low[i] = (double)k->months[month].committed;
	}
	qsort(all.demand, n, sizeof(*all.demand), descending);
	qsort(all.low, n, sizeof(*all.low), descending);
	for (size_t i = 0; i < points; i++) {
		size_t at = points > 1 ? i * (n - 1) / (points - 1) : 0;

		c.x[i] = 100 * (double)at / (double)n;
		c.demand[i] = all.demand[at];
		c.low[i] = all.low[at];
	}
	return chart_lines(&(struct chart_lines){ .name = "duration", .title = "Load-duration curve", .x_axis = "share of time, %", .y_axis = "devices", .count = 2,
						  .lines = (const struct chart_line[]){
							  { "devices held", c.x, c.demand, c.count, 0, .filled = true },
							  { "under commitments, sorted alike", c.x, c.low, c.count, 2, .steps = false } } },
			   standalone, out, err);
}

static bool draw_cost(const struct plan_view *v, bool standalone, struct str *out, struct err *err)
{
	static const char *const parts[] = { "committed", "on demand", "spot" };
	static const int hues[] = { 2, 1, 3 };
	const struct plan *p = v->plan;
	const struct plan_case *k = &p->cases[CAPACITY_LIKELY];
	size_t shown = k->total.usd_spot > 0 ? 3 : 2;
	double *values = arena_alloc(v->arena, p->month_count * COUNT_OF(parts) * sizeof(*values)), most = 0, unit;
	const char **labels = arena_alloc(v->arena, p->month_count * sizeof(*labels));

	if (!values || !labels)
		return err_memory(err);
	for (size_t m = 0; m < p->month_count; m++)
		most = fmax(most, k->months[m].usd);
	unit = most >= 2e6 ? 1e6 : most >= 2e3 ? 1e3 : 1;
	for (size_t m = 0; m < p->month_count; m++) {
		char day[CALENDAR_ROOM];

		labels[m] = arena_printf(v->arena, "%.7s", calendar_text(day, k->months[m].first_day));
		values[m * shown] = k->months[m].usd_committed / unit;
		values[m * shown + 1] = k->months[m].usd_rented / unit;
		if (shown > 2)
			values[m * shown + 2] = k->months[m].usd_spot / unit;
		if (!labels[m])
			return err_memory(err);
	}
	return chart_stacks(&(struct chart_stacks){ .name = "cost", .title = "Cost of each month", .labels = labels, .count = p->month_count, .parts = parts,
						    .y_axis = unit == 1e6 ? "million USD" : unit == 1e3 ? "thousand USD" : "USD", .hues = hues,
						    .part_count = shown, .values = values }, standalone, out, err);
}

const struct plan_drawing plan_drawings[] = {
	{ "demand", "Demand over the plan, and the capacity at its peaks", draw_months },
	{ "week", "The busiest week: demand, and what the units that are up can take within the targets", draw_week },
	{ "duration", "For which share of the time so many devices are held, and how many are under commitments", draw_duration },
	{ "cost", "Cost of each month", draw_cost },
	{ NULL, NULL, NULL },
};
