#include "sim/plan/traffic.h"

#include <math.h>
#include <string.h>

#include "base/calendar.h"
#include "base/str.h"

static const double DAY = 86400, PI = 3.14159265358979323846;

/* Requests in [0, x) of a pattern that repeats; 0 <= x < 2 periods or so. */
static double requests_before(const struct traffic_steps *s, double x)
{
	double turns = floor(x / s->period_s), phase = x - turns * s->period_s, whole;
	size_t low = 0, high = s->count;

	whole = s->before[s->count - 1] + s->rate[s->count - 1] * (s->period_s - s->from_s[s->count - 1]);
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (s->from_s[middle] <= phase)
			low = middle;
		else
			high = middle;
	}
	return turns * whole + s->before[low] + s->rate[low] * (phase - s->from_s[low]);
}

bool traffic_keep_steps(const double (*rows)[2], size_t count, double period_s, struct traffic *out, struct arena *arena, struct err *err)
{
	double *from_s = arena_alloc(arena, 3 * count * sizeof(*from_s)), *rate = from_s + count, *before = rate + count;
	double sum = 0;

	if (!from_s)
		return err_memory(err);
	for (size_t i = 0; i < count; i++) {
		from_s[i] = rows[i][0];
		rate[i] = rows[i][1];
		before[i] = sum;
		sum += rate[i] * ((i + 1 < count ? rows[i + 1][0] : period_s) - from_s[i]);
	}
	out->steps.from_s = from_s;
	out->steps.rate = rate;
	out->steps.before = before;
	out->steps.count = count;
	out->steps.period_s = period_s;
	return true;
}

static double steps_mean(const struct traffic_steps *s, double from_s, double length_s)
{
	double phase = from_s - floor(from_s / s->period_s) * s->period_s;

	return fmax(0, (requests_before(s, phase + length_s) - requests_before(s, phase)) / length_s);
}

static double shape_rate(const struct traffic_shape *s, double local_s)
{
	double angle = 2 * PI * (local_s - s->peak_hour * 3600) / DAY;

	return s->peak * exp(s->concentration * (cos(angle) - 1));
}

static bool is_weekend(double local_s)
{
	return calendar_weekday((int64_t)floor(local_s / DAY)) >= 5;
}

void traffic_rates(const struct traffic *t, double start_s, double utc_offset_s, double interval_s, size_t count, double *out)
{
	double anchor = isnan(t->steps.first_day_s) ? start_s : t->steps.first_day_s;

	for (size_t i = 0; i < count; i++) {
		double since = (double)i * interval_s, local_s = start_s + utc_offset_s + since;
		double rate = t->steps.count ? steps_mean(&t->steps, local_s - anchor, interval_s) : shape_rate(&t->shape, local_s);

		if (t->weekend != 1 && is_weekend(local_s))
			rate *= t->weekend;
		if (t->growth_per_month != 0)
			rate *= pow(1 + t->growth_per_month, since / TRAFFIC_MONTH_S);
		out[i] = rate;
	}
}

/* How much of the pattern repeats when the plan is longer: weeks keep their weekdays, days their hours. */
static bool repeat(struct traffic *t, double horizon_s, bool one_is_all, const char *name, struct arena *arena, struct err *err)
{
	static const struct { double unit_s; const char *one, *many; } units[] = { { 604800, "week", "weeks" }, { 86400, "day", "days" } };
	struct traffic_steps *s = &t->steps;
	double had = s->period_s;

	/* A rounding of the last line's place does not make a day shorter. One line of a table says that nothing changes. */
	if (had * (1 + 1e-9) >= horizon_s || (one_is_all && s->count == 1))
		return true;
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		double whole = floor(had / units[i].unit_s * (1 + 1e-9));

		if (whole < 1)
			continue;
		s->period_s = whole * units[i].unit_s;
		while (s->from_s[s->count - 1] >= s->period_s)
			s->count--;
		t->note = arena_printf(arena, "%s holds %.4g days: its %s%.0f %s repeated", name, had / DAY, whole * units[i].unit_s < had * (1 - 1e-9) ? "first " : "",
				       whole, whole > 1 ? arena_printf(arena, "%s are", units[i].many) : arena_printf(arena, "%s is", units[i].one));
		return t->note || err_memory(err);
	}
	t->note = had < DAY ? arena_printf(arena, "%s holds only %.3g hours, repeated over the whole plan: day and night, weekdays and weekends are the same in it",
					   name, had / 3600) : NULL;
	return t->note || err_memory(err);
}

bool traffic_read(const char *text, const char *origin, double bin_s, double horizon_s, struct traffic *out, struct arena *arena, struct err *err)
{
	const char *path = text_starts(text, "csv:") || text_starts(text, "trace:") ? strchr(text, ':') + 1 : text;
	bool trace = text_starts(text, "trace:");

	*out = (struct traffic){ .weekend = 1, .steps = { .first_day_s = NAN } };
	if (path == text && !text_ends(text, ".csv") && !text_ends(text, ".csv.gz"))
		return traffic_read_shape(text, origin, out, arena, err);
	if (trace ? !traffic_read_trace(path, bin_s, out, arena, err) : !traffic_read_csv(path, out, arena, err))
		return false;
	return repeat(out, horizon_s, !trace, path, arena, err);
}
