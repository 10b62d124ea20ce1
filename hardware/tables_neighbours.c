#include "hardware/tables_neighbours.h"

#include <math.h>
#include <string.h>

void grade_raise(enum grade *grade, enum grade to)
{
	if (*grade < to)
		*grade = to;
}

/* Whether a site counts as not measured, with the one that is left out: of experts, every layout of that model. */
bool site_left_out(const struct question *q, size_t site)
{
	const int64_t *a = q->table->sites[site].key, *b;

	if (q->except < 0 || q->table->shape->kind != OP_MOE)
		return (int64_t)site == q->except;
	b = q->table->sites[q->except].key;
	return a[1] == b[1] && a[3] == b[3] && a[4] == b[4] && a[5] == b[5];
}

/* Whether a site may answer for another one. */
bool site_usable(const struct question *q, size_t site)
{
	return !site_left_out(q, site) && !q->table->sites[site].outlier;
}

void neighbours_add(struct neighbours *all, size_t site, double weight, double scale, double shift)
{
	if (all->count < NEIGHBOURS && weight > 0)
		all->all[all->count++] = (struct neighbour){ site, weight, scale, shift };
}

/* Weighted mean of the neighbours' seconds. */
double neighbours_seconds(const struct question *q, const struct neighbours *all, const double *x, enum grade *grade)
{
	double sum = 0, weights = 0;

	for (int i = 0; i < all->count; i++) {
		const struct neighbour *n = &all->all[i];
		double at[AXIS_MOST] = { 0 }, t, floor_s = all->floor_s;
		struct question own = { q->table, q->limits, q->op, -1, &q->table->sites[n->site] };

		memcpy(at, x, (size_t)q->table->shape->axes * sizeof(*at));
		if (all->shift_axis >= 0)
			at[all->shift_axis] *= n->shift;
		t = site_seconds(&own, n->site, at, grade);
		floor_s = fmin(floor_s, t);
		sum += n->weight * (floor_s + (t - floor_s) * n->scale);
		weights += n->weight;
	}
	grade_raise(grade, all->outside ? GRADE_OUTSIDE : GRADE_SITE);
	return sum / weights;
}

static bool same_keys(const int64_t *a, const int64_t *b, int keys)
{
	for (int i = 0; i < keys; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* Sites that agree in the first `keys` columns are neighbours in the table: [*low, *high). */
void sites_alike(const struct table *t, const int64_t *key, int keys, size_t *low, size_t *high)
{
	size_t a = 0, b = t->site_count;

	while (a < b) {
		size_t middle = (a + b) / 2;
		int i = 0;

		while (i < keys && t->sites[middle].key[i] == key[i])
			i++;
		if (i < keys && t->sites[middle].key[i] < key[i])
			a = middle + 1;
		else
			b = middle;
	}
	*low = *high = a;
	for (b = t->site_count; a < b;) {
		size_t middle = (a + b) / 2;

		if (same_keys(t->sites[middle].key, key, keys))
			a = middle + 1;
		else
			b = middle;
	}
	*high = a;
}

/* How much more work the operator is than a site's, at that site's largest shape: a ratio that a batch does not change,
 * so that answers stay monotone. Heads that share a latent cache, for one, cost nothing until arithmetic rules. */
double site_work_ratio_at(const struct question *q, size_t site, const double *x)
{
	struct op own = *q->op, theirs;

	op_at(q->table->shape, x, &own);
	theirs = own;
	site_op(q->table, &q->table->sites[site], &theirs);
	return roofline_seconds(q->limits, &own) / roofline_seconds(q->limits, &theirs);
}

double site_work_ratio(const struct question *q, size_t site)
{
	static const double large[AXIS_MOST] = { 4096, 4096, 4096 };

	return site_work_ratio_at(q, site, large);
}

/* Keeps the nearest few; weights are 1 / distance^2. */
void neighbours_nearest(struct neighbours *all, int most, size_t site, double distance, double scale, double shift)
{
	double weight = 1 / (distance * distance + 1e-4);
	int i = all->count < most ? all->count++ : most - 1;

	if (i == most - 1 && all->all[i].weight >= weight)
		return;
	for (; i > 0 && all->all[i - 1].weight < weight; i--)
		all->all[i] = all->all[i - 1];
	all->all[i] = (struct neighbour){ site, weight, scale, shift };
}

static void side_take(int64_t *first, double *first_v, int64_t *next, double *next_v, int64_t site, double v,
		      bool nearer)
{
	if (*first < 0 || nearer) {
		*next = *first;
		*next_v = *first_v;
		*first = site;
		*first_v = v;
	} else if (v != *first_v && (*next < 0 || fabs(v - *first_v) < fabs(*next_v - *first_v))) {
		*next = site;
		*next_v = v;
	}
}

void line_take(struct line *line, int64_t site, double v, double want)
{
	if (v <= want)
		side_take(&line->below, &line->below_v, &line->next_below, &line->next_below_v, site, v,
			  v > line->below_v);
	if (v >= want)
		side_take(&line->above, &line->above_v, &line->next_above, &line->next_above_v, site, v,
			  v < line->above_v);
}

/* Time above the floor beyond a line's last site, relative to that site's: as the line's last piece goes on at the
 * largest shape that both measured, a ratio that a batch does not change; never shrinking or growing by more than the
 * work does. Time is affine in the work, since part of it (permuting tokens, streaming activations) stays. */
static double beyond(const struct question *q, const struct line *l, double want, double floor_s)
{
	bool up = l->below >= 0;
	size_t edge = (size_t)(up ? l->below : l->above);
	int64_t next = up ? l->next_below : l->next_above;
	double edge_v = up ? l->below_v : l->above_v, next_v = up ? l->next_below_v : l->next_above_v;
	const struct table *t = q->table;
	const struct table_site *a = &t->sites[edge], *b;
	enum grade ignored = GRADE_EXACT;
	double x[AXIS_MOST] = { 0 }, ta, tb, ratio;

	if (next < 0 || t->shape->axes != 1)
		return want / edge_v;
	b = &t->sites[next];
	x[0] = fmin(t->x[a->first + a->count - 1], t->x[b->first + b->count - 1]);
	ta = site_seconds(q, edge, x, &ignored) - floor_s;
	tb = site_seconds(q, (size_t)next, x, &ignored) - floor_s;
	if (!(ta > 0) || !(tb > 0))
		return want / edge_v;
	ratio = 1 + (ta - tb) / (edge_v - next_v) * (want - edge_v) / ta;
	return up ? fmin(fmax(ratio, 1), want / edge_v) : fmin(fmax(ratio, want / edge_v), 1);
}

/* Adds the line's straight-line interpolation with `share` of the weight. Returns the error to expect from curvature,
 * or from leaving the line, in squared natural logs. */
double line_add(const struct question *q, struct neighbours *out, const struct line *l, double want, double share,
		       double stretch)
{
	if (l->below >= 0 && l->above >= 0) {
		double a = l->below_v, b = l->above_v;

		neighbours_add(out, (size_t)l->below, share * (b > a ? (b - want) / (b - a) : 1), stretch, 1);
		if (b <= a)
			return 0;
		neighbours_add(out, (size_t)l->above, share * (want - a) / (b - a), stretch, 1);
		return share * log(want / a) * log(b / want);
	}
	{
		double edge = l->below >= 0 ? l->below_v : l->above_v;
		bool goes_on = (l->below >= 0 ? l->next_below : l->next_above) >= 0;

		out->outside = true;
		neighbours_add(out, (size_t)(l->below >= 0 ? l->below : l->above), share,
		    stretch * beyond(q, l, want, out->floor_s), 1);
		return share * (goes_on ? 1 : 4) * pow(log(want / edge), 2);
	}
}
