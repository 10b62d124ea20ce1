/* A site that was not measured, written out like one that was: what its neighbours say at every place of their grids, made
 * monotone. Answers then cost what a measured site's do, and more work never takes less, whatever the neighbours are mixed by. */
#include <string.h>

#include "base/mem.h"
#include "hardware/tables_written.h"

enum { PLACES_MOST = 128 };
/* A second site says at the same places, as if it were a time, whether neighbours went beyond what was measured of them. */
static const double WITHIN = 1, OUTSIDE = 2;

/* Rising places along one axis. */
struct places {
	double x[PLACES_MOST];
	int count;
};

static void places_add(struct places *p, double x)
{
	int i = p->count;

	while (i > 0 && p->x[i - 1] > x)
		i--;
	if ((i > 0 && p->x[i - 1] == x) || p->count == PLACES_MOST)
		return;
	memmove(&p->x[i + 1], &p->x[i], (size_t)(p->count++ - i) * sizeof(*p->x));
	p->x[i] = x;
}

struct writing {
	const struct table *from;
	const size_t *sites;
	int count;
	struct places outer, middle, inner;
	struct table *out;
	double *beyond;                /* of each point, for the second site */
};

static void gather(struct writing *w)
{
	const struct table *t = w->from;

	for (int s = 0; s < w->count; s++) {
		const struct table_site *site = &t->sites[w->sites[s]];

		for (size_t i = site->first; i < site->first + site->count; i++) {
			const struct table_node *outer = &t->nodes[0][i];

			places_add(&w->outer, outer->x);
			for (size_t j = outer->first; j < outer->first + outer->count; j++) {
				const struct table_node *middle = &t->nodes[1][j];

				places_add(&w->middle, middle->x);
				for (size_t k = middle->first; k < middle->first + middle->count; k++)
					places_add(&w->inner, t->x[k]);
			}
		}
	}
}

/* The largest batch that a neighbour measured at these outer and middle places or larger ones; 0: none. */
static double largest(const struct writing *w, double outer, double middle)
{
	const struct table *t = w->from;
	double most = 0;

	for (int s = 0; s < w->count; s++) {
		const struct table_site *site = &t->sites[w->sites[s]];

		for (size_t i = site->first; i < site->first + site->count; i++)
			for (size_t j = t->nodes[0][i].first; t->nodes[0][i].x >= outer && j < t->nodes[0][i].first + t->nodes[0][i].count; j++) {
				const struct table_node *n = &t->nodes[1][j];

				if (n->x >= middle && t->x[n->first + n->count - 1] > most)
					most = t->x[n->first + n->count - 1];
			}
	}
	return most;
}

static bool allocate(struct writing *w, const struct table *from)
{
	size_t outer = 2 * (size_t)w->outer.count, middle = outer * (size_t)w->middle.count, all = middle * (size_t)w->inner.count;
	struct table *t = w->out = mem_calloc(1, sizeof(*t));

	if (!t)
		return false;
	t->shape = from->shape;
	t->sites = mem_calloc(2, sizeof(*t->sites));
	t->nodes[0] = mem_calloc(outer + 1, sizeof(*t->nodes[0]));
	t->nodes[1] = mem_calloc(middle + 1, sizeof(*t->nodes[1]));
	t->x = mem_calloc(all + 1, sizeof(*t->x));
	t->seconds = mem_calloc(all + 1, sizeof(*t->seconds));
	t->stack = mem_strdup(from->stack);
	t->site_count = 2;
	w->beyond = mem_calloc(all / 2 + 1, sizeof(*w->beyond));
	return w->beyond && t->sites && t->nodes[0] && t->nodes[1] && t->x && t->seconds && t->stack;
}

static void fill_middle(struct writing *w, double outer, double middle, predictor *seconds, const void *context)
{
	struct table *t = w->out;
	double most = largest(w, outer, middle), x[AXIS_MOST] = { outer, middle };
	struct table_node *n = &t->nodes[1][t->node_count[1]];

	*n = (struct table_node){ .x = middle, .first = (uint32_t)t->point_count };
	for (int k = 0; k < w->inner.count && w->inner.x[k] <= most; k++) {
		enum grade grade = GRADE_EXACT;

		x[2] = w->inner.x[k];
		t->x[t->point_count] = x[2];
		t->seconds[t->point_count] = seconds(context, x, &grade);
		w->beyond[t->point_count++] = grade == GRADE_OUTSIDE ? OUTSIDE : WITHIN;
		n->count++;
	}
	t->node_count[1] += n->count > 0;
}

/* The second site: the places of the first again. */
static void repeat_places(const struct writing *w)
{
	struct table *t = w->out;
	size_t outer = t->node_count[0], middle = t->node_count[1], points = t->point_count;

	for (size_t i = 0; i < outer; i++) {
		t->nodes[0][outer + i] = t->nodes[0][i];
		t->nodes[0][outer + i].first += (uint32_t)middle;
	}
	for (size_t i = 0; i < middle; i++) {
		t->nodes[1][middle + i] = t->nodes[1][i];
		t->nodes[1][middle + i].first += (uint32_t)points;
	}
	for (size_t i = 0; i < points; i++) {
		t->x[points + i] = t->x[i];
		t->seconds[points + i] = w->beyond[i];
	}
	t->sites[1] = t->sites[0];
	t->sites[1].first = (uint32_t)outer;
}

double site_read(const struct question *q, const struct table *written, const double *x, enum grade *grade)
{
	struct question own = { .table = written, .limits = q->limits, .op = q->op, .except = -1 };
	enum grade ignored = GRADE_EXACT;

	if (site_seconds(&own, 1, x, &ignored) > WITHIN && *grade < GRADE_OUTSIDE)
		*grade = GRADE_OUTSIDE;
	return site_seconds(&own, 0, x, grade);
}

/* Every outer and middle place, each with the batches that were measured there. */
static void fill(struct writing *w, predictor *seconds, const void *context)
{
	struct table *t = w->out;

	for (int i = 0; i < w->outer.count; i++) {
		struct table_node *n = &t->nodes[0][t->node_count[0]];

		*n = (struct table_node){ .x = w->outer.x[i], .first = (uint32_t)t->node_count[1] };
		for (int j = 0; j < w->middle.count; j++)
			fill_middle(w, w->outer.x[i], w->middle.x[j], seconds, context);
		n->count = (uint32_t)t->node_count[1] - n->first;
		t->node_count[0] += n->count > 0;
	}
	t->sites[0].count = (uint32_t)t->node_count[0];
}

struct table *site_write(const struct question *q, const int64_t *key, const size_t *sites, int count, predictor *seconds,
			 const void *context)
{
	struct writing w = { .from = q->table, .sites = sites, .count = count };

	gather(&w);
	if (allocate(&w, q->table)) {
		memcpy(w.out->sites[0].key, key, sizeof(w.out->sites[0].key));
		fill(&w, seconds, context);
	}
	if (w.out && w.out->point_count > 0) {
		repeat_places(&w);
		site_raise(w.out, q->limits, q->op, 0);
	} else {
		table_release(w.out);
		w.out = NULL;
	}
	mem_free(w.beyond);
	return w.out;
}
