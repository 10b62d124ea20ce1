/* What whole runs are off by beyond their operators: the widths of sim/interval.c, from the rows that may be fitted to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/interval.h"
#include "validation/published.h"

/* A row of the quantile: how far it is off, and the (source, accelerator, model) that it is one of. */
struct point {
	double beyond, weight;
	const struct published_row *row;
	const char *source;
};

static int by_setting(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int c = strcmp(x->source, y->source);

	c = c ? c : strcmp(x->row->accelerator, y->row->accelerator);
	return c ? c : strcmp(x->row->model, y->row->model);
}

static int by_distance(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return x->beyond < y->beyond ? -1 : x->beyond > y->beyond;
}

/* Rows of one setting are neither independent nor the same: together they weigh as the root of their number. */
static size_t weigh(struct point *points, size_t count)
{
	size_t groups = 0;

	qsort(points, count, sizeof(*points), by_setting);
	for (size_t i = 0, end; i < count; i = end, groups++) {
		for (end = i + 1; end < count && by_setting(&points[i], &points[end]) == 0; end++)
			;
		for (size_t k = i; k < end; k++)
			points[k].weight = 1 / sqrt((double)(end - i));
	}
	return groups;
}

static double quantile(struct point *points, size_t count)
{
	double all = 0, sum = 0;

	qsort(points, count, sizeof(*points), by_distance);
	for (size_t i = 0; i < count; i++)
		all += points[i].weight;
	for (size_t i = 0; i < count; i++)
		if ((sum += points[i].weight) >= INTERVAL_COVERAGE * all)
			return points[i].beyond;
	return NAN;
}

static bool counts(const struct published_outcome *o, bool measured, enum interval_figure figure)
{
	bool first = o->set.figure <= FIGURE_TTFT_P99;

	return !isnan(o->error) && !o->held_out && !o->saturated && (o->measured >= 0.5) == measured && first == (figure == INTERVAL_FIRST_TOKEN) &&
	       o->set.figure != FIGURE_SYSTEM_POWER;
}

bool published_width(const struct published_study *s, bool measured, struct published_width *out, struct err *err)
{
	struct point *points = arena_alloc(s->arena, (s->rows.count + 1) * sizeof(*points));
	double *const to[INTERVAL_FIGURES] = { &out->times, &out->first_token };

	if (!points)
		return err_memory(err);
	for (int f = 0; f < INTERVAL_FIGURES; f++) {
		size_t n = 0;

		for (size_t i = 0; i < s->rows.count; i++) {
			const struct published_outcome *o = &s->outcomes[i];

			/* The ends of first tokens hold all that they are off by. */
			if (counts(o, measured, (enum interval_figure)f))
				points[n++] = (struct point){ interval_beyond(log1p(o->error), f == INTERVAL_TIMES ? o->operators : 0), 0, o->row, o->source };
		}
		out->rows[f] = n;
		out->groups[f] = weigh(points, n);
		*to[f] = quantile(points, n);
	}
	return true;
}
