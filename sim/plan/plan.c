#include "sim/plan/plan.h"

#include <math.h>
#include <string.h>

#include "base/calendar.h"
#include "base/str.h"
#include "sim/plan/traffic.h"

enum { INTERVALS_ALL_MOST = 2000000 };
static const char *const FIRST_DAY = "2027-01-01";

static bool read_day(const char *text, int64_t *day)
{
	int64_t ns;

	if (!calendar_read(text, strlen(text), &ns))
		return false;
	*day = ns / 86400000000000;
	return true;
}

/* Days are whole numbers of intervals, so months are, too. */
static bool lay_months(struct plan *p, int64_t start_day, struct err *err)
{
	double a_day = 86400 / p->spec->interval_s;

	p->start_day = start_day;
	p->month_count = (size_t)p->spec->months;
	for (size_t m = 0; m <= p->month_count; m++)
		p->month_first[m] = (size_t)llround((double)(calendar_add_months(start_day, (int64_t)m) - start_day) * a_day);
	p->interval_count = p->month_first[p->month_count];
	if (p->interval_count * p->spec->class_count * p->spec->region_count > INTERVALS_ALL_MOST)
		return err_set(err, ERR_INPUT, "plan: %zu intervals of %zu classes in %zu regions: expected at most %d in all; choose a longer --interval",
			       p->interval_count, p->spec->class_count, p->spec->region_count, INTERVALS_ALL_MOST);
	return true;
}

static bool add_note(struct plan *p, const char *note, struct arena *arena, struct err *err)
{
	const char **grown;

	for (size_t i = 0; i < p->note_count; i++)
		if (strcmp(p->notes[i], note) == 0)
			return true;
	grown = arena_alloc(arena, (p->note_count + 1) * sizeof(*grown));
	if (!grown)
		return err_memory(err);
	for (size_t i = 0; i < p->note_count; i++)
		grown[i] = p->notes[i];
	grown[p->note_count++] = note;
	p->notes = grown;
	return true;
}

/* The curve of each class: its own or the plan's. */
static bool read_curves(const struct plan_spec *s, struct traffic *curves, struct arena *arena, struct err *err)
{
	double horizon_s = ((double)s->months + 1) * 31 * 86400;

	for (size_t c = 0; c < s->class_count; c++) {
		const char *own = s->classes[c].rate;

		size_t same = 0;

		/* Read once for all that share it. */
		while (same < c && (own || s->classes[same].rate))
			same++;
		if (same < c) {
			curves[c] = curves[same];
			continue;
		}
		if (!traffic_read(own ? own : s->demand.rate, own ? arena_printf(arena, "class %s", s->classes[c].name) : "--demand", s->interval_s, horizon_s,
				  &curves[c], arena, err))
			return false;
		if (!isnan(s->demand.growth_per_month))
			curves[c].growth_per_month = s->demand.growth_per_month;
		if (!isnan(s->demand.weekend))
			curves[c].weekend = s->demand.weekend;
	}
	return true;
}

static bool choose_start(const struct plan_spec *s, const struct traffic *curves, int64_t *day)
{
	if (s->start)
		return read_day(s->start, day);
	for (size_t c = 0; c < s->class_count; c++)
		if (curves[c].steps.count && !isnan(curves[c].steps.first_day_s)) {
			*day = (int64_t)floor(curves[c].steps.first_day_s / 86400);
			return true;
		}
	return read_day(FIRST_DAY, day);
}

/* Requests a second of each class in each region, class by class. */
static double **fill_demands(const struct plan *p, const struct traffic *curves, struct arena *arena, struct err *err)
{
	const struct plan_spec *s = p->spec;
	double **demands = arena_alloc(arena, s->class_count * s->region_count * sizeof(*demands));

	for (size_t c = 0; demands && c < s->class_count; c++)
		for (size_t r = 0; r < s->region_count; r++) {
			double *d = arena_alloc(arena, (p->interval_count + 1) * sizeof(*d));
			double share = s->regions[r].share * (s->classes[c].rate ? 1 : s->classes[c].share);

			if (!d) {
				err_memory(err);
				return NULL;
			}
			traffic_rates(&curves[c], (double)p->start_day * 86400, s->regions[r].utc_offset_s, s->interval_s, p->interval_count, d);
			for (size_t i = 0; i < p->interval_count; i++)
				d[i] *= share;
			demands[c * s->region_count + r] = d;
		}
	if (!demands)
		err_memory(err);
	return demands;
}

/* A capacity from a run that is too short is said to be one. */
static bool note_short(struct plan *p, size_t c, struct arena *arena, struct err *err)
{
	const struct unit_capacity *u = &p->units[c];
	const char *note;

	if (u->spans >= SPANS_LEAST)
		return true;
	note = arena_printf(arena, "class %s: its %.0f requests come within %.2g times what slow ones take: the capacity is an upper bound",
			    p->spec->classes[c].name, u->requests, u->spans);
	return note ? add_note(p, note, arena, err) : err_memory(err);
}

bool plan_run(const struct plan_spec *spec, const struct scenario *base, const struct capacity_options *capacity, struct plan *out,
	      struct arena *arena, struct err *err)
{
	size_t n = spec->class_count;
	const struct scenario **scenarios = arena_alloc(arena, n * sizeof(*scenarios));
	const char **names = arena_alloc(arena, n * sizeof(*names));
	struct traffic *curves = arena_alloc(arena, n * sizeof(*curves));
	double **demands;
	int64_t day;

	*out = (struct plan){ .spec = spec, .scenarios = scenarios };
	out->units = arena_alloc(arena, n * sizeof(*out->units));
	if (!scenarios || !names || !curves || !out->units)
		return err_memory(err);
	for (size_t c = 0; c < n; c++) {
		names[c] = n > 1 ? arena_printf(arena, "class %s", spec->classes[c].name) : spec->classes[c].name;
		scenarios[c] = plan_spec_scenario(&spec->classes[c], base, arena, err);
		if (!scenarios[c])
			return false;
	}
	/* What is wrong with the demand is said before anything is simulated. */
	if (!read_curves(spec, curves, arena, err))
		return false;
	if (!choose_start(spec, curves, &day))
		return err_set(err, ERR_INPUT, "--start: expected a date such as 2027-01-31");
	for (size_t c = 0; c < n; c++)
		if (curves[c].note && !add_note(out, curves[c].note, arena, err))
			return false;
	if (!lay_months(out, day, err) || !(demands = fill_demands(out, curves, arena, err)) ||
	    !unit_capacity_find(scenarios, names, n, capacity, out->units, arena, err))
		return false;
	for (size_t c = 0; c < n; c++)
		if (!note_short(out, c, arena, err))
			return false;
	for (int k = 0; k < CAPACITY_CASES; k++)
		if (!plan_compute(out, (enum capacity_case)k, demands, arena, err))
			return false;
	return true;
}
