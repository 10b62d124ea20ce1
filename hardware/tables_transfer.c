/* A device's tables restated for another device: every measured time multiplied by what a law says of the two. Done once,
 * on the points, so that answers keep their shape: monotone, and as fast as those of tables that were measured. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "hardware/tables_data.h"

/* Answers for points that a table stores before this one, evaluated as for any other question. */
static double at_or_below(const struct question *q, size_t site, const double *x, int level, double previous)
{
	double at[AXIS_MOST] = { 0 };
	enum grade ignored = GRADE_EXACT;

	memcpy(at, x, (size_t)q->table->shape->axes * sizeof(*at));
	at[level] = previous;
	return site_seconds(q, site, at, &ignored);
}

/* One site: its points from `node`, level by level. A ratio may fall where work grows (launches scale less than
 * arithmetic does), so each point is raised to what its predecessors along every axis take. */
struct walk {
	struct question question;
	double *seconds;                       /* the table's own */
	double x[AXIS_MOST], before[AXIS_MOST]; /* coordinates, and those of the node before; NAN: none */
	size_t site;
};

static void raise_points(struct walk *w, int level, size_t first, size_t count)
{
	const struct table *t = w->question.table;
	bool last = level + 1 == t->shape->axes;

	w->before[level] = NAN;
	for (size_t i = first; i < first + count; i++) {
		w->x[level] = last ? t->x[i] : t->nodes[level][i].x;
		if (!last) {
			raise_points(w, level + 1, t->nodes[level][i].first, t->nodes[level][i].count);
		} else {
			for (int axis = 0; axis <= level; axis++)
				if (!isnan(w->before[axis]))
					w->seconds[i] = fmax(w->seconds[i], at_or_below(&w->question, w->site, w->x, axis,
											w->before[axis]));
		}
		w->before[level] = w->x[level];
	}
}

void site_raise(struct table *t, const struct tables_limits *limits, const struct op *op, size_t site)
{
	struct walk w = { .question = { .table = t, .limits = limits, .op = op, .except = -1 }, .seconds = t->seconds, .site = site };

	raise_points(&w, 0, t->sites[site].first, t->sites[site].count);
}

static void floors(struct table *t, const struct tables_point *points)
{
	for (int i = 0; i < DTYPE_COUNT; i++)
		t->floor_s[i] = INFINITY;
	for (size_t i = 0; i < t->point_count; i++) {
		double *floor_s = &t->floor_s[t->sites[points[i].site].key[0] % DTYPE_COUNT];

		*floor_s = fmin(*floor_s, t->seconds[i]);
	}
}

bool table_transfer(struct table *t, const struct tables_limits *limits, const struct tables_transfer *how, struct err *err)
{
	struct tables_point *points = mem_alloc((t->point_count + 1) * sizeof(*points));

	if (!points)
		return err_memory(err);
	table_points(t, points);
	for (size_t i = 0; i < t->point_count; i++) {
		const struct op *op = &points[i].op;
		bool wire = op->kind >= OP_ALL_REDUCE && op->kind <= OP_BROADCAST;

		t->seconds[i] *= how->ratio(how->context, t->stack, op);
		if (!wire)
			t->seconds[i] = fmax(t->seconds[i], roofline_seconds(limits, op));
	}
	for (size_t site = 0; site < t->site_count; site++)
		site_raise(t, limits, &points[t->sites[site].first < t->point_count ? t->sites[site].first : 0].op, site);
	floors(t, points);
	t->error_transfer = how->rel_error;
	mem_free(points);
	return true;
}
