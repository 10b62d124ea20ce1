#include "reports/trend.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* The series whose newest run so far is of the same scenario. */
static struct trend_series *series_of(struct trend *t, const struct side_case *c)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct side_case *last = t->series[i].runs[t->series[i].count - 1];

		if (strcmp(last->name, c->name) == 0 && side_alike(last, c))
			return &t->series[i];
	}
	return NULL;
}

static bool levels(struct trend_series *s, struct arena *arena, struct err *err)
{
	double *sorted = arena_alloc(arena, s->count * sizeof(*sorted));
	size_t at;

	s->before = s->after = NAN;
	if (!sorted)
		return err_memory(err);
	if (!stats_change_point(s->values, s->count, &s->change, err))
		return false;
	at = s->change.at;
	if (at == 0)
		return true;
	memcpy(sorted, s->values, s->count * sizeof(*sorted));
	stats_sort(sorted, at);
	stats_sort(sorted + at, s->count - at);
	s->before = stats_median(sorted, at);
	s->after = stats_median(sorted + at, s->count - at);
	return true;
}

/* Series of one title are told apart by the inputs in which they differ. */
static bool name_apart(struct trend *t, struct arena *arena, struct err *err)
{
	struct side newest;

	side_init(&newest, "", arena);
	for (size_t i = 0; i < t->count; i++) {
		const struct side_case *last = t->series[i].runs[t->series[i].count - 1];
		struct side_case *c = side_add(&newest, last->name, NULL, err);

		if (!c)
			return false;
		c->inputs = last->inputs;
		c->input_count = last->input_count;
	}
	if (!side_name_apart(&newest, err))
		return false;
	for (size_t i = 0; i < t->count; i++)
		t->series[i].name = newest.cases[i]->name;
	return true;
}

bool trend_of(const struct side *history, const char *figure, struct arena *arena, struct trend *out, struct err *err)
{
	size_t kept = 0;

	*out = (struct trend){ .figure = figure };
	out->series = arena_alloc(arena, (history->count + 1) * sizeof(*out->series));
	if (!out->series)
		return err_memory(err);
	for (size_t i = 0; i < history->count; i++) {
		struct trend_series *s = series_of(out, history->cases[i]);

		if (!s) {
			s = &out->series[out->count++];
			s->runs = arena_alloc(arena, (history->count - i) * sizeof(*s->runs));
			s->values = arena_alloc(arena, (history->count - i) * sizeof(*s->values));
			if (!s->runs || !s->values)
				return err_memory(err);
		}
		s->runs[s->count] = history->cases[i];
		s->values[s->count++] = history->cases[i]->figures[0].value;
	}
	for (size_t i = 0; i < out->count; i++)
		if (out->series[i].count > 1)
			out->series[kept++] = out->series[i];
	out->left_off = out->count - kept;
	out->count = kept;
	if (kept == 0)
		return err_set(err, ERR_INPUT, "--trend %s: no scenario has two runs with this figure; expected a history", figure);
	for (size_t i = 0; i < kept; i++)
		if (!levels(&out->series[i], arena, err))
			return false;
	return name_apart(out, arena, err);
}

void trend_sparkline(struct str *out, const double *values, size_t count, size_t columns, bool utf8)
{
	static const char *const blocks[2][8] = { { "_", ".", "-", "~", "=", "+", "*", "#" },
						  { "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86",
						    "\xe2\x96\x87", "\xe2\x96\x88" } };
	double least = INFINITY, most = -INFINITY;
	size_t n = count < columns ? count : columns;

	for (size_t i = 0; i < count; i++) {
		least = fmin(least, values[i]);
		most = fmax(most, values[i]);
	}
	for (size_t i = 0; i < n; i++) {
		double v = values[(i + 1) * count / n - 1];
		int level = most > least ? (int)fmin(7, floor(8 * (v - least) / (most - least))) : 3;

		str_add(out, blocks[utf8][level]);
	}
}
