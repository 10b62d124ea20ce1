/* Sites that were not measured: which neighbours answer, at which place on their curves, with which weights. Weights
 * are positive and do not depend on what a batch changes (m, batch, q_len, kv_len, bytes), so that sums of neighbours stay
 * continuous and monotone there. */
#include "hardware/tables_data.h"

#include <math.h>
#include <string.h>

#include "base/str.h"

enum { NEIGHBOURS = 12 };

/* Heads: layouts around disagree when their times differ by more than this (natural log); then a layout with as many
 * queries a KV head weighs as if its error were KIN_ERROR (1 + |log of its size|). */
static const double CLIFF = 0.1, KIN_ERROR = 0.1;
/* The errors that lines of layouts are weighed by: where the heads (or KV heads) around are exactly these, and what the
 * curvature between them adds, each for full attention and for windows. A window leaves less arithmetic to the heads. */
static const double LINE_ERROR = 0.05, LINE_CURVED = 0.8, LINE_CURVED_WINDOW = 0.5, BESIDE_ERROR = 0.1, BESIDE_CURVED = 0.3;
/* The same for prefill with as many heads in another split between batch and heads, out to a factor of two in queries a
 * KV head. */
static const double SPLIT_ERROR = 0.15, SPLIT_FARTHEST = 0.36;
static const double FAR = 1;           /* from the nearest layout (natural log of work and of queries a KV head) */

struct neighbour {
	size_t site;
	double weight;
	double scale; /* of the time above the floor */
	double shift; /* of the batch or m: equal work per device */
};
struct neighbours {
	struct neighbour all[NEIGHBOURS];
	int count;
	double floor_s; /* launch time that does not scale */
	int shift_axis; /* -1: none */
	bool outside;
};

static void raise_grade(enum grade *grade, enum grade to)
{
	if (*grade < to)
		*grade = to;
}

/* The operator whose site this is, otherwise as asked. */
static void site_op(const struct table *t, size_t site, struct op *op)
{
	const int64_t *key = t->sites[site].key;

	for (int i = 0; i < t->shape->keys; i++) {
		switch (t->shape->key[i]) {
		case COL_N:
			op->n = key[i];
			break;
		case COL_K:
			op->k = key[i];
			break;
		case COL_BATCH:
			op->batch = key[i];
			break;
		case COL_HEADS:
			op->heads = key[i];
			break;
		case COL_KV_HEADS:
			op->kv_heads = key[i];
			break;
		case COL_HEAD_DIM:
			op->head_dim = key[i];
			op->v_head_dim = 0;
			break;
		case COL_WINDOW:
			op->window = key[i];
			break;
		case COL_EXPERTS:
			op->experts = key[i];
			break;
		case COL_EXPERTS_TOTAL:
			op->experts_total = key[i];
			break;
		case COL_TOP_K:
			op->top_k = key[i];
			break;
		case COL_DEVICES:
			op->devices = (int)key[i];
			break;
		default:
			break;
		}
	}
}

/* Whether a site counts as not measured, with the one that is left out: of experts, every layout of that model. */
static bool left_out(const struct question *q, size_t site)
{
	const int64_t *a = q->table->sites[site].key, *b;

	if (q->except < 0 || q->table->shape->kind != OP_MOE)
		return (int64_t)site == q->except;
	b = q->table->sites[q->except].key;
	return a[1] == b[1] && a[3] == b[3] && a[4] == b[4] && a[5] == b[5];
}

/* Whether a site may answer for another one. */
static bool usable(const struct question *q, size_t site)
{
	return !left_out(q, site) && !q->table->sites[site].outlier;
}

static void add(struct neighbours *all, size_t site, double weight, double scale, double shift)
{
	if (all->count < NEIGHBOURS && weight > 0)
		all->all[all->count++] = (struct neighbour){ site, weight, scale, shift };
}

/* Weighted mean of the neighbours' seconds. */
static double blend_seconds(const struct question *q, const struct neighbours *all, const double *x, enum grade *grade)
{
	double sum = 0, weights = 0;

	for (int i = 0; i < all->count; i++) {
		const struct neighbour *n = &all->all[i];
		double at[AXIS_MOST] = { 0 }, t, floor_s = all->floor_s;
		struct op op = *q->op;
		struct question own = { q->table, q->limits, &op, -1 };

		memcpy(at, x, (size_t)q->table->shape->axes * sizeof(*at));
		if (all->shift_axis >= 0)
			at[all->shift_axis] *= n->shift;
		site_op(q->table, n->site, &op);
		t = site_seconds(&own, n->site, at, grade);
		floor_s = fmin(floor_s, t);
		sum += n->weight * (floor_s + (t - floor_s) * n->scale);
		weights += n->weight;
	}
	raise_grade(grade, all->outside ? GRADE_OUTSIDE : GRADE_SITE);
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
static void group(const struct table *t, const int64_t *key, int keys, size_t *low, size_t *high)
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
static double work_ratio_at(const struct question *q, size_t site, const double *x)
{
	struct op own = *q->op, theirs;

	op_at(q->table->shape, x, &own);
	theirs = own;
	site_op(q->table, site, &theirs);
	return roofline_seconds(q->limits, &own) / roofline_seconds(q->limits, &theirs);
}

static double work_ratio(const struct question *q, size_t site)
{
	static const double large[AXIS_MOST] = { 4096, 4096, 4096 };

	return work_ratio_at(q, site, large);
}

/* Whether a collective's steps do not queue behind each other: engines' own all-reduce and exchanges of pairs go
 * directly; a library's rings and switch trees take a step a rank, for which a straight line along the ranks is right. */
static bool goes_directly(const struct table *t)
{
	return t->shape->kind == OP_ALL_TO_ALL || !(text_equal(t->stack, "nccl") || text_equal(t->stack, "oneccl"));
}

/* A collective over ranks between two measured numbers of them: latency follows the steps (the logarithm of the ranks),
 * what the wire adds follows the bytes a rank must move, 1 - 1/ranks of the buffer. */
static double between_ranks(const struct question *q, size_t below, size_t above, double ranks, const double *x,
			    enum grade *grade)
{
	const struct table *t = q->table;
	int last = t->shape->keys - 1;
	double a = (double)t->sites[below].key[last], b = (double)t->sites[above].key[last];
	double step = log(ranks / a) / log(b / a), wire = (1 / a - 1 / ranks) / (1 / a - 1 / b);
	double ta = site_seconds(q, below, x, grade), tb = site_seconds(q, above, x, grade);
	double la = t->seconds[t->sites[below].first], lb = t->seconds[t->sites[above].first];

	raise_grade(grade, GRADE_SITE);
	return (1 - step) * la + step * lb + (1 - wire) * (ta - la) + wire * (tb - lb);
}

static int axis_of(const struct table *t, enum column column)
{
	for (int i = 0; i < t->shape->axes; i++)
		if (t->shape->axis[i] == column)
			return i;
	return -1;
}

/* Sites that differ in their last column only (heads of MLA, ranks, elements a row): a straight line between the two
 * around, growth by the roofline beyond them. */
static bool answer_last(const struct question *q, const int64_t *key, const double *x, double *seconds,
			enum grade *grade)
{
	const struct table *t = q->table;
	int last = t->shape->keys - 1;
	size_t low, high;
	int64_t below = -1, above = -1;
	struct neighbours all = { .shift_axis = -1 };

	group(t, key, last, &low, &high);
	for (size_t i = low; i < high; i++) {
		if (!usable(q, i))
			continue;
		if (t->sites[i].key[last] <= key[last])
			below = (int64_t)i;
		else if (above < 0)
			above = (int64_t)i;
	}
	if (below < 0 && above < 0)
		return false;
	if (below >= 0 && above >= 0 && t->shape->key[last] == COL_DEVICES && below != above &&
	    t->sites[below].key[last] < key[last] && goes_directly(t)) {
		*seconds = between_ranks(q, (size_t)below, (size_t)above, (double)key[last], x, grade);
		return true;
	}
	if (below >= 0 && above >= 0) {
		double a = (double)t->sites[below].key[last], b = (double)t->sites[above].key[last];

		add(&all, (size_t)below, (b - (double)key[last]) / (b - a), 1, 1);
		add(&all, (size_t)above, ((double)key[last] - a) / (b - a), 1, 1);
	} else {
		size_t edge = (size_t)(below >= 0 ? below : above);

		if (t->shape->key[last] == COL_DEVICES)
			return false; /* more ranks than were measured: another algorithm, another network */
		all.outside = true;
		all.floor_s = t->floor_s[key[0] % DTYPE_COUNT];
		/* Heads beyond those of one thread block are more blocks, as more sequences would be: a batch with as much
		 * work, which leaves alone what does not fill the device. */
		all.shift_axis = axis_of(t, COL_BATCH);
		if (all.shift_axis >= 0)
			add(&all, edge, 1, 1, work_ratio_at(q, edge, x));
		else
			add(&all, edge, 1, work_ratio(q, edge), 1);
	}
	*seconds = blend_seconds(q, &all, x, grade);
	return true;
}

/* A line of sites that agree in all but one column, and the two of them around the asked value there. */
struct line {
	int64_t major, below, above; /* sites; -1: none */
	double below_v, above_v;
	int64_t next_below, next_above; /* the sites after those, for lines that end here */
	double next_below_v, next_above_v;
};
#define NO_LINE { -1, -1, -1, 0, 0, -1, -1, 0, 0 }

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

static void line_take(struct line *line, int64_t site, double v, double want)
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
static double line_add(const struct question *q, struct neighbours *out, const struct line *l, double want, double share,
		       double stretch)
{
	if (l->below >= 0 && l->above >= 0) {
		double a = l->below_v, b = l->above_v;

		add(out, (size_t)l->below, share * (b > a ? (b - want) / (b - a) : 1), stretch, 1);
		if (b <= a)
			return 0;
		add(out, (size_t)l->above, share * (want - a) / (b - a), stretch, 1);
		return share * log(want / a) * log(b / want);
	}
	{
		double edge = l->below >= 0 ? l->below_v : l->above_v;
		bool goes_on = (l->below >= 0 ? l->next_below : l->next_above) >= 0;

		out->outside = true;
		add(out, (size_t)(l->below >= 0 ? l->below : l->above), share,
		    stretch * beyond(q, l, want, out->floor_s), 1);
		return share * (goes_on ? 1 : 4) * pow(log(want / edge), 2);
	}
}

/* The two lines around the asked value of column `major`. */
struct pair {
	struct line side[2];
};

static void pair_take(struct pair *p, int64_t site, int64_t major, int64_t want, double minor, double along)
{
	if (major <= want && major > p->side[0].major)
		p->side[0] = (struct line){ major, -1, -1, 0, 0, -1, -1, 0, 0 };
	if (major >= want && (p->side[1].major < 0 || major < p->side[1].major))
		p->side[1] = (struct line){ major, -1, -1, 0, 0, -1, -1, 0, 0 };
	for (int s = 0; s < 2; s++)
		if (major == p->side[s].major)
			line_take(&p->side[s], site, minor, along);
}

/* Each line interpolated along its other column, then between the lines. */
static double pair_add(const struct question *q, struct neighbours *out, const struct pair *p, double want, double along)
{
	double a = (double)p->side[0].major, b = (double)p->side[1].major, error;

	if (a == b)
		return line_add(q, out, &p->side[0], along, 1, 1);
	if (a > 0 && b > 0) {
		error = log(want / a) * log(b / want);
		error += line_add(q, out, &p->side[0], along, (b - want) / (b - a), 1);
		return error + line_add(q, out, &p->side[1], along, (want - a) / (b - a), 1);
	}
	out->outside = true; /* beyond the last line: the nearest, scaled */
	if (a < 0)
		a = b;
	return 4 * pow(log(want / a), 2) + line_add(q, out, &p->side[p->side[0].major < 0], along, 1, want / a);
}

/* In [low, high), sorted by `column`: the first site beyond `value`. */
static size_t sites_up_to(const struct table *t, size_t low, size_t high, int column, int64_t value)
{
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (t->sites[middle].key[column] <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The nearest usable sites before and from `at`; where one side has none, two of the other. */
static int usable_around(const struct question *q, size_t low, size_t at, size_t high, size_t *around)
{
	size_t before[2], after[2];
	int b = 0, a = 0, n = 0;

	for (size_t i = at; i > low && b < 2; i--)
		if (usable(q, i - 1))
			before[b++] = i - 1;
	for (size_t i = at; i < high && a < 2; i++)
		if (usable(q, i))
			after[a++] = i;
	for (int i = 0; i < b && (i == 0 || a == 0); i++)
		around[n++] = before[i];
	for (int i = 0; i < a && (i == 0 || b == 0); i++)
		around[n++] = after[i];
	return n;
}

/* Sites that differ in two columns by whose product the work grows (n and k of a GEMM; width and number of experts).
 * Time is nearly affine in that product, so straight lines through the sites around, along either column, each weighed
 * by how near its sites are. */
static bool answer_cross(const struct question *q, const int64_t *key, int a, int b, const double *x, double *seconds,
			 enum grade *grade)
{
	struct neighbours one = { .shift_axis = -1 }, two = { .shift_axis = -1 };
	enum grade grade_one = *grade, grade_two = *grade;
	struct pair along_a = { { NO_LINE, NO_LINE } }, along_b = along_a;
	double error_one, error_two, s_one, s_two, w;
	size_t low, high;

	group(q->table, key, a, &low, &high);
	for (size_t end; low < high; low = end) {
		/* Sites that agree in column a; of those only the two around in column b can matter. */
		size_t around[2], at;
		int n;

		end = sites_up_to(q->table, low, high, a, q->table->sites[low].key[a]);
		at = sites_up_to(q->table, low, end, b, key[b]);
		n = usable_around(q, low, at, end, around);
		for (int i = 0; i < n; i++) {
			const int64_t *have = q->table->sites[around[i]].key;

			pair_take(&along_b, (int64_t)around[i], have[a], key[a], (double)have[b], (double)key[b]);
			pair_take(&along_a, (int64_t)around[i], have[b], key[b], (double)have[a], (double)key[a]);
		}
	}
	if (along_a.side[0].major < 0 && along_a.side[1].major < 0)
		return false;
	one.floor_s = two.floor_s = q->table->floor_s[key[0] % DTYPE_COUNT];
	error_one = pair_add(q, &one, &along_b, (double)key[a], (double)key[b]);
	error_two = pair_add(q, &two, &along_a, (double)key[b], (double)key[a]);
	s_one = blend_seconds(q, &one, x, &grade_one);
	s_two = blend_seconds(q, &two, x, &grade_two);
	w = pow(error_two + 0.01, 2) / (pow(error_one + 0.01, 2) + pow(error_two + 0.01, 2));
	*seconds = w * s_one + (1 - w) * s_two;
	*grade = w > 0.5 ? grade_one : grade_two;
	return true;
}

/* A batched product with another number of matrices. */
static bool answer_batched(const struct question *q, const int64_t *key, const double *x, double *seconds,
			   enum grade *grade)
{
	const struct table *t = q->table;
	struct line line = NO_LINE;
	struct neighbours all = { .shift_axis = -1 };
	size_t low, high;

	group(t, key, 1, &low, &high);
	for (size_t i = low; i < high; i++)
		if (usable(q, i) && t->sites[i].key[1] > 1 && t->sites[i].key[2] == key[2] &&
		    t->sites[i].key[3] == key[3])
			line_take(&line, (int64_t)i, (double)t->sites[i].key[1], (double)key[1]);
	if (line.below < 0 && line.above < 0)
		return false;
	all.floor_s = t->floor_s[key[0] % DTYPE_COUNT];
	line_add(q, &all, &line, (double)key[1], 1, 1);
	*seconds = blend_seconds(q, &all, x, grade);
	return true;
}

/* Keeps the nearest few; weights are 1 / distance^2. */
static void nearest(struct neighbours *all, int most, size_t site, double distance, double scale, double shift)
{
	double weight = 1 / (distance * distance + 1e-4);
	int i = all->count < most ? all->count++ : most - 1;

	if (i == most - 1 && all->all[i].weight >= weight)
		return;
	for (; i > 0 && all->all[i - 1].weight < weight; i--)
		all->all[i] = all->all[i - 1];
	all->all[i] = (struct neighbour){ site, weight, scale, shift };
}

/* By how much (natural log) time differs between a line's ends beyond what their work explains: another kernel. Looked
 * at in a full batch and, for decode, in a single sequence, where kernels differ in how they split it. */
static double cliff(const struct question *q, const struct line *l)
{
	static const double decode[2][AXIS_MOST] = { { 64, 8192 }, { 1, 8192 } }, prefill[AXIS_MOST] = { 0, 2048, 8 };
	bool decodes = q->table->shape->kind == OP_ATTENTION_DECODE;
	double most = 0;

	if (l->below < 0 || l->above < 0 || l->below == l->above)
		return 0;
	for (int i = 0; i < (decodes ? 2 : 1); i++) {
		const double *x = decodes ? decode[i] : prefill;
		enum grade ignored = GRADE_EXACT;
		double a = site_seconds(q, (size_t)l->below, x, &ignored);
		double b = site_seconds(q, (size_t)l->above, x, &ignored);

		most = fmax(most, fabs(log(b / a)) - log(l->above_v / l->below_v));
	}
	return most;
}

/* The layouts around an asked one. */
struct layouts {
	struct line heads[2];                  /* along the heads: with as many KV heads, with as many queries a KV head */
	struct line alike;                     /* the first of these among layouts that share KV heads, or do not, as asked */
	struct line kv_heads;                  /* along the KV heads, with as many heads */
	struct neighbours near, kin;           /* the nearest at equal work; of those with as many queries a KV head */
};

/* The measured head size nearest to the asked one; -1: none. */
static int64_t nearest_head_dim(const struct question *q, const int64_t *key, size_t low, size_t high)
{
	double best = INFINITY;
	int64_t head_dim = -1;

	for (size_t i = low; i < high; i++) {
		int64_t have = q->table->sites[i].key[3];
		double far;

		if (have == head_dim || !usable(q, i))
			continue;
		if (have == key[3])
			return have;
		far = fabs(log((double)have / (double)key[3]));
		if (far < best) {
			best = far;
			head_dim = have;
		}
	}
	return head_dim;
}

static void layout_take(const struct question *q, const int64_t *key, size_t site, double width, struct layouts *l)
{
	const int64_t *have = q->table->sites[site].key;
	bool decode = q->table->shape->kind == OP_ATTENTION_DECODE;
	double heads = (double)key[4], kv = (double)key[5], h = (double)have[4], g = (double)have[5];
	double size = decode ? kv / g : heads / h, distance;

	if (have[5] == key[5])
		line_take(&l->heads[0], (int64_t)site, h, heads);
	if (have[5] == key[5] && (h <= g) == (heads <= kv))
		line_take(&l->alike, (int64_t)site, h, heads);
	if (have[4] * key[5] == key[4] * have[5])
		line_take(&l->heads[1], (int64_t)site, h, heads);
	if (have[4] == key[4])
		line_take(&l->kv_heads, (int64_t)site, g, kv);
	distance = fabs(log(size)) + (decode ? 1.0 : 0.5) * fabs(log(heads / kv * g / h));
	if (have[4] * key[5] == key[4] * have[5])
		nearest(&l->kin, 1, site, fabs(log(size)), 1, size * width);
	if (size < 0.999)
		distance += 1; /* batches below 1 were not measured */
	nearest(&l->near, 2, site, distance, 1, size * width);
}

/* Along the KV heads, whose writing grows with them while the arithmetic stays: straight in their logarithm. */
static void beside_add(struct neighbours *around, const struct line *l, double kv)
{
	double a = l->below_v, b = l->above_v, share, at;

	if (l->below < 0 || l->above < 0)
		return;
	share = 1 / pow(BESIDE_ERROR + BESIDE_CURVED * log(kv / a) * log(b / kv), 2);
	at = b > a ? log(kv / a) / log(b / a) : 0;
	add(around, (size_t)l->below, share * (1 - at), 1, 1);
	add(around, (size_t)l->above, share * at, 1, 1);
}

/* Layouts between which the asked one lies, each weighed by the error to expect of it. */
static void around_add(const struct question *q, const int64_t *key, struct layouts *l, struct neighbours *around)
{
	bool decode = q->table->shape->kind == OP_ATTENTION_DECODE, window = key[2] > 0;
	double heads = (double)key[4], curved = !decode && window ? LINE_CURVED_WINDOW : decode ? 1 : LINE_CURVED;

	/* Heads that share KV heads may run another kernel than those that do not. */
	if (decode && cliff(q, &l->heads[0]) > CLIFF)
		l->heads[0] = l->alike;
	for (int i = 0; i < 2; i++) {
		const struct line *line = &l->heads[i];

		if (line->below >= 0 && line->above >= 0)
			line_add(q, around, line, heads,
				 1 / pow(LINE_ERROR + curved * log(heads / line->below_v) * log(line->above_v / heads) + cliff(q, line), 2),
				 1);
	}
	if (!decode)
		beside_add(around, &l->kv_heads, (double)key[5]);
	/* The queries a KV head choose the kernel: where other numbers of them disagree, a layout that shares them says
	 * more, at equal work. */
	if (around->count && l->kin.count && (l->heads[1].below < 0 || l->heads[1].above < 0) && cliff(q, &l->heads[0]) > CLIFF)
		add(around, l->kin.all[0].site, 1 / pow(KIN_ERROR * (1 + fabs(log(l->kin.all[0].shift))), 2), 1,
		    l->kin.all[0].shift);
	/* Prefill computes: as many heads in all, in another split between batch and heads, tell as much as the lines do. */
	for (int i = 0; !decode && around->count && i < l->near.count; i++) {
		double distance = sqrt(fmax(1 / l->near.all[i].weight - 1e-4, 0));

		if (l->near.all[i].shift < 0.999 || distance > SPLIT_FARTHEST)
			continue; /* batches below 1 were not measured */
		add(around, l->near.all[i].site,
		    1 / pow(SPLIT_ERROR * (1 + 2 * distance), 2), 1, l->near.all[i].shift);
	}
}

/* Another head layout. Best: layouts around it with as many KV heads, with as many queries a KV head, or with as many
 * heads, at the same batch, where time is affine in the heads. Else the nearest measured ones, with the batch that gives
 * this device the same work: decode streams the cache, so its work is batch x kv_heads x head_dim; prefill computes:
 * batch x heads x head_dim. */
static bool answer_attention(const struct question *q, const int64_t *key, const double *x, double *seconds,
			     enum grade *grade)
{
	int axis = q->table->shape->kind == OP_ATTENTION_DECODE ? 0 : 2;
	struct layouts l = { .heads = { NO_LINE, NO_LINE }, .alike = NO_LINE, .kv_heads = NO_LINE };
	struct neighbours around = { .shift_axis = axis };
	size_t low, high;
	int64_t head_dim;

	l.near.shift_axis = l.kin.shift_axis = axis;
	group(q->table, key, 3, &low, &high);
	head_dim = nearest_head_dim(q, key, low, high);
	if (head_dim < 0)
		return false;
	for (size_t i = low; i < high; i++)
		if (q->table->sites[i].key[3] == head_dim && usable(q, i))
			layout_take(q, key, i, (double)key[3] / (double)head_dim, &l);
	if (head_dim == key[3])
		around_add(q, key, &l, &around);
	*seconds = blend_seconds(q, around.count ? &around : &l.near, x, grade);
	/* Far from what was measured equal work and the trend err apart: half of each (geometric). Decode is all but
	 * proportional to its work. */
	if (around.count == 0 && axis == 2 && head_dim == key[3] && l.near.all[0].weight < 1 / (FAR * FAR)) {
		double trend = layout_trend(q, key, low, high, head_dim, x);

		if (trend > 0)
			*seconds = sqrt(*seconds * trend);
	}
	return true;
}

/* Another expert layout: of the same model, along width and number; else the nearest ones at as many tokens an expert,
 * scaled by the weights that this device holds. */
static bool answer_moe(const struct question *q, const int64_t *key, const double *x, double *seconds,
		       enum grade *grade)
{
	const struct table *t = q->table;
	struct neighbours all = { .shift_axis = 0 };
	size_t low, high;
	enum grade cross = GRADE_EXACT;
	double trend;
	int models;

	/* Another split of a measured model is as near as another shape of a measured site. */
	if (answer_cross(q, key, 6, 7, x, seconds, &cross)) {
		raise_grade(grade, cross == GRADE_SITE ? GRADE_BETWEEN : cross);
		return true;
	}
	group(t, key, 3, &low, &high);
	for (size_t i = low; i < high; i++) {
		const int64_t *have = t->sites[i].key;
		double density = (double)key[3] / (double)key[4] * (double)have[4] / (double)have[3], distance,
		       work = 1;

		if (!usable(q, i))
			continue;
		distance = 0.5 * fabs(log(density));
		for (int j = 5; j < 8; j++) {
			work *= (double)key[j] / (double)have[j];
			distance += fabs(log((double)key[j] / (double)have[j]));
		}
		nearest(&all, 3, i, distance, work, density);
	}
	if (all.count == 0)
		return false;
	all.floor_s = t->floor_s[key[0] % DTYPE_COUNT];
	*seconds = blend_seconds(q, &all, x, grade);
	/* Where a single other model was measured, half of either (geometric): there is no trend to speak of. */
	models = experts_trend(q, key, low, high, usable, x[0], &trend);
	if (models > 0)
		*seconds = models > 1 ? trend : sqrt(*seconds * trend);
	return true;
}

static bool answer_site(const struct question *q, const int64_t *key, const double *x, double *seconds,
			enum grade *grade)
{
	int64_t site = site_find(q->table, key);

	if (site >= 0 && !left_out(q, (size_t)site)) {
		*seconds = site_seconds(q, (size_t)site, x, grade);
		return true;
	}
	switch (q->table->shape->kind) {
	case OP_GEMM:
		return key[1] == 1 ? answer_cross(q, key, 2, 3, x, seconds, grade)
				   : answer_batched(q, key, x, seconds, grade);
	case OP_ATTENTION_PREFILL:
	case OP_ATTENTION_DECODE:
		return answer_attention(q, key, x, seconds, grade);
	case OP_MOE:
		return answer_moe(q, key, x, seconds, grade);
	default:
		return answer_last(q, key, x, seconds, grade);
	}
}

static bool has_prefixes(const struct table *t)
{
	for (size_t i = 0; i < t->node_count[0]; i++)
		if (t->nodes[0][i].x > 0)
			return true;
	return false;
}

/* One thread block walks all kv_len tokens, however few blocks there are: as long as a single head's prompt of that
 * length, where each block has a processor to itself. Lengths past 8192 go on in a straight line. 0: not measured. */
static double longest_walk(const struct question *q, const int64_t *key, double kv_len)
{
	double x[AXIS_MOST] = { 0, fmin(kv_len, 8192), 1 };
	int64_t one[KEY_MOST];
	enum grade grade = GRADE_EXACT;
	int64_t site;

	memcpy(one, key, sizeof(one));
	one[4] = one[5] = 1;
	site = q->table->shape->kind == OP_ATTENTION_PREFILL ? site_find(q->table, one) : -1;
	return site < 0 ? 0 : site_seconds(q, (size_t)site, x, &grade) * fmax(kv_len / 8192, 1);
}

/* Prefill behind a cached prefix (or within a window), in a table that measured none: as long as the prompt without
 * prefix whose (query, key) pairs are as many, and never below the longest walk, nor below the time to stream the cache
 * at three quarters of the memory rate. */
static bool answer_prefix(const struct question *q, const int64_t *key, double *x, double *seconds, enum grade *grade)
{
	double pairs = x[1] * x[0] + x[1] * x[1] / 2, window = (double)q->op->window, kv_len = x[0] + x[1], stream;

	if (window > 0 && kv_len > window) {
		double ramp = fmin(fmax(window - x[0], 0), x[1]);

		pairs = ramp * x[0] + ramp * ramp / 2 + (x[1] - ramp) * window;
		kv_len = window;
	}
	if (window > 0 && key[2] > 0 && pairs > window * window / 2)
		x[1] = pairs / window + window / 2;
	else
		x[1] = sqrt(2 * pairs);
	x[0] = 0;
	if (!answer_site(q, key, x, seconds, grade))
		return false;
	stream = q->limits->bandwidth_bytes_s > 0 ? op_bytes(q->op) / (0.75 * q->limits->bandwidth_bytes_s) : 0;
	*seconds = fmax(fmax(*seconds, stream), longest_walk(q, key, kv_len));
	raise_grade(grade, GRADE_OUTSIDE);
	return true;
}

/* Extents that make no sense have no answer here. */
static bool sensible(const struct table_shape *s, const int64_t *key, const double *x)
{
	for (int i = 0; i < s->keys; i++)
		if (key[i] < 0 || (key[i] == 0 && s->key[i] != COL_WINDOW && s->key[i] != COL_GATED &&
				   s->key[i] != COL_SKEW && s->key[i] != COL_DEVICES_PER_NODE))
			return false;
	for (int i = 0; i < s->axes; i++)
		if (!(x[i] > 0 || (s->axis[i] == COL_PRIOR && x[i] >= 0)) || isinf(x[i]))
			return false;
	return true;
}

static bool answer_dtype(const struct question *q, enum dtype dtype, double *seconds, enum grade *grade)
{
	const struct table_shape *s = q->table->shape;
	int64_t key[KEY_MOST] = { 0 };
	double x[AXIS_MOST] = { 0 };

	op_key(s, q->op, dtype, key);
	op_axes(s, q->op, x);
	if (!sensible(s, key, x))
		return false;
	if (s->kind == OP_MOE) {
		bool skewed = q->op->imbalance > 1.01 || q->op->skew > 0.6;       /* measured: 0 and 1.2 */

		key[2] = skewed ? 1200 : 0;
		if (answer_site(q, key, x, seconds, grade))
			return true;
		key[2] = skewed ? 0 : 1200;
	}
	if (s->axis[0] == COL_PRIOR && x[0] > 0 && !has_prefixes(q->table))
		return answer_prefix(q, key, x, seconds, grade);
	if (answer_site(q, key, x, seconds, grade))
		return true;
	/* A window that was not measured: full attention over as many tokens, or with as many (query, key) pairs. */
	if (q->op->window <= 0 || (s->kind != OP_ATTENTION_DECODE && s->kind != OP_ATTENTION_PREFILL))
		return false;
	key[2] = 0;
	if (s->kind == OP_ATTENTION_PREFILL)
		return answer_prefix(q, key, x, seconds, grade);
	x[1] = fmin(x[1], (double)q->op->window);
	return answer_site(q, key, x, seconds, grade);
}

bool table_answer(const struct question *q, double *seconds, enum grade *grade)
{
	enum dtype dtype = q->op->dtype;

	*grade = GRADE_EXACT;
	if (answer_dtype(q, dtype, seconds, grade))
		return true;
	*grade = GRADE_EXACT;
	if (dtype == DTYPE_BF16 || dtype == DTYPE_FP16)
		return answer_dtype(q, dtype == DTYPE_BF16 ? DTYPE_FP16 : DTYPE_BF16, seconds, grade);
	return false;
}
