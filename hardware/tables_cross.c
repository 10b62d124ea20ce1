/* Products and experts of shapes that were not measured, between the shapes around. */
#include "hardware/tables_choice.h"

#include <math.h>

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

/* The nearest site_usable sites before and from `at`; where one side has none, two of the other. */
static int usable_around(const struct question *q, size_t low, size_t at, size_t high, size_t *around)
{
	size_t before[2], after[2];
	int b = 0, a = 0, n = 0;

	for (size_t i = at; i > low && b < 2; i--)
		if (site_usable(q, i - 1))
			before[b++] = i - 1;
	for (size_t i = at; i < high && a < 2; i++)
		if (site_usable(q, i))
			after[a++] = i;
	for (int i = 0; i < b && (i == 0 || a == 0); i++)
		around[n++] = before[i];
	for (int i = 0; i < a && (i == 0 || b == 0); i++)
		around[n++] = after[i];
	return n;
}

/* The columns by whose product the work grows: n and k of a GEMM; width and number of experts. */
static int cross_column(const struct table *t)
{
	return t->shape->kind == OP_MOE ? 6 : 2; /* and the next one */
}

/* Straight lines through the sites around, along either column, each weighed by how near its sites are. */
static void choose_cross(const struct question *q, const int64_t *key, struct choice *out)
{
	struct pair along_a = { { NO_LINE, NO_LINE } }, along_b = along_a;
	double error_one, error_two;
	size_t low, high;
	int a = cross_column(q->table), b = a + 1;

	sites_alike(q->table, key, a, &low, &high);
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
	out->none = along_a.side[0].major < 0 && along_a.side[1].major < 0;
	if (out->none)
		return;
	out->first.shift_axis = out->second.shift_axis = -1;
	out->first.floor_s = out->second.floor_s = q->table->floor_s[key[0] % DTYPE_COUNT];
	error_one = pair_add(q, &out->first, &along_b, (double)key[a], (double)key[b]);
	error_two = pair_add(q, &out->second, &along_a, (double)key[b], (double)key[a]);
	out->share = pow(error_two + 0.01, 2) / (pow(error_one + 0.01, 2) + pow(error_two + 0.01, 2));
}

/* Sites that differ in two columns by whose product the work grows: time is nearly affine in that product. */
bool answer_cross(const struct question *q, const int64_t *key, const double *x, double *seconds, enum grade *grade)
{
	struct choice own;
	const struct choice *c = choice_of(q, key, choose_cross, &own);
	enum grade grade_one = *grade, grade_two = *grade;
	double s_one, s_two;

	if (c->none)
		return false;
	s_one = neighbours_seconds(q, &c->first, x, &grade_one);
	s_two = neighbours_seconds(q, &c->second, x, &grade_two);
	*seconds = c->share * s_one + (1 - c->share) * s_two;
	*grade = c->share > 0.5 ? grade_one : grade_two;
	return true;
}

/* A batched product with another number of matrices. */
bool answer_batched(const struct question *q, const int64_t *key, const double *x, double *seconds,
			   enum grade *grade)
{
	const struct table *t = q->table;
	struct line line = NO_LINE;
	struct neighbours all = { .shift_axis = -1 };
	size_t low, high;

	sites_alike(t, key, 1, &low, &high);
	for (size_t i = low; i < high; i++)
		if (site_usable(q, i) && t->sites[i].key[1] > 1 && t->sites[i].key[2] == key[2] &&
		    t->sites[i].key[3] == key[3])
			line_take(&line, (int64_t)i, (double)t->sites[i].key[1], (double)key[1]);
	if (line.below < 0 && line.above < 0)
		return false;
	all.floor_s = t->floor_s[key[0] % DTYPE_COUNT];
	line_add(q, &all, &line, (double)key[1], 1, 1);
	*seconds = neighbours_seconds(q, &all, x, grade);
	return true;
}
