/* Makes a site's times monotone along every axis, and chooses the rows that a table needs. */
#include "hardware/profile_rows.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* A site spread over the grid of its coordinates; cells that were not measured hold NAN. */
struct grid {
	int axes;
	double *values[AXIS_MOST];
	size_t size[AXIS_MOST], stride[AXIS_MOST], cells;
	double *cell;
	double *pool, *weight;
	size_t *width;
};

static void sort_unique(double *v, size_t *n)
{
	size_t kept = 0;

	for (size_t gap = *n / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < *n; i++) {
			double x = v[i];
			size_t j = i;

			for (; j >= gap && v[j - gap] > x; j -= gap)
				v[j] = v[j - gap];
			v[j] = x;
		}
	for (size_t i = 0; i < *n; i++)
		if (kept == 0 || v[i] > v[kept - 1])
			v[kept++] = v[i];
	*n = kept;
}

static size_t place(const double *v, size_t n, double x)
{
	size_t low = 0, high = n;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (v[middle] <= x)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static size_t cell_of(const struct grid *g, const struct profile_row *row)
{
	size_t at = 0;

	for (int a = 0; a < g->axes; a++)
		at += g->stride[a] * place(g->values[a], g->size[a], row->x[a]);
	return at;
}

static void grid_release(struct grid *g)
{
	for (int a = 0; a < AXIS_MOST; a++)
		mem_free(g->values[a]);
	mem_free(g->cell);
	mem_free(g->pool);
	mem_free(g->weight);
	mem_free(g->width);
}

static bool grid_init(struct grid *g, const struct profile_row *rows, size_t count)
{
	size_t longest = 0;

	memset(g, 0, sizeof(*g));
	g->axes = rows->shape->axes;
	g->cells = 1;
	for (int a = g->axes - 1; a >= 0; a--) {
		g->values[a] = mem_alloc(count * sizeof(double));
		if (!g->values[a])
			return false;
		for (size_t i = 0; i < count; i++)
			g->values[a][i] = rows[i].x[a];
		g->size[a] = count;
		sort_unique(g->values[a], &g->size[a]);
		g->stride[a] = g->cells;
		g->cells *= g->size[a];
		longest = g->size[a] > longest ? g->size[a] : longest;
	}
	g->cell = mem_alloc(g->cells * sizeof(double));
	g->pool = mem_alloc(longest * sizeof(double));
	g->weight = mem_alloc(longest * sizeof(double));
	g->width = mem_alloc(longest * sizeof(size_t));
	if (!g->cell || !g->pool || !g->weight || !g->width)
		return false;
	for (size_t i = 0; i < g->cells; i++)
		g->cell[i] = NAN;
	for (size_t i = 0; i < count; i++)
		g->cell[cell_of(g, &rows[i])] = log(rows[i].seconds);
	return true;
}

/* Pool adjacent violators (Ayer et al. 1955) on one line of the grid, in logarithms: the nearest rising sequence in
 * least squares of relative error. Returns whether anything changed. */
static bool even_line(struct grid *g, size_t start, int axis)
{
	size_t blocks = 0, stride = g->stride[axis], b = 0, left = 0;
	bool changed = false;

	for (size_t i = 0; i < g->size[axis]; i++) {
		double v = g->cell[start + i * stride];

		if (isnan(v))
			continue;
		g->pool[blocks] = v;
		g->weight[blocks] = 1;
		g->width[blocks++] = 1;
		while (blocks > 1 && g->pool[blocks - 2] > g->pool[blocks - 1]) {
			double a = g->weight[blocks - 2], w = g->weight[blocks - 1];

			g->pool[blocks - 2] = (g->pool[blocks - 2] * a + g->pool[blocks - 1] * w) / (a + w);
			g->weight[blocks - 2] = a + w;
			g->width[blocks - 2] += g->width[blocks - 1];
			blocks--;
			changed = true;
		}
	}
	left = blocks ? g->width[0] : 0;
	for (size_t i = 0; changed && i < g->size[axis]; i++) {
		double *v = &g->cell[start + i * stride];

		if (isnan(*v))
			continue;
		if (left == 0)
			left = g->width[++b];
		*v = g->pool[b];
		left--;
	}
	return changed;
}

static bool even_axis(struct grid *g, int axis)
{
	bool changed = false;

	for (size_t i = 0; i < g->cells; i++)
		if (i / g->stride[axis] % g->size[axis] == 0)
			changed = even_line(g, i, axis) || changed;
	return changed;
}

/* What alternating left over: no cell below its predecessor on any axis. */
static void even_finish(struct grid *g)
{
	for (size_t i = 0; i < g->cells; i++) {
		if (isnan(g->cell[i]))
			continue;
		for (int a = 0; a < g->axes; a++) {
			size_t back = i / g->stride[a] % g->size[a];

			for (size_t j = 1; j <= back; j++) {
				double before = g->cell[i - j * g->stride[a]];

				if (isnan(before))
					continue;
				g->cell[i] = fmax(g->cell[i], before);
				break;
			}
		}
	}
}

bool profile_even(struct profile_row *rows, size_t count, struct err *err)
{
	struct grid g;
	bool changed = true, ok = grid_init(&g, rows, count);

	for (int round = 0; ok && changed && round < 30; round++) {
		changed = false;
		for (int a = g.axes - 1; a >= 0; a--)
			changed = even_axis(&g, a) || changed;
	}
	if (ok)
		even_finish(&g);
	for (size_t i = 0; ok && i < count; i++) {
		double v = exp(g.cell[cell_of(&g, &rows[i])]);

		/* Four digits, as files hold them: rounding keeps the order. */
		rows[i].even = fabs(v / rows[i].seconds - 1) < 1e-12 ? rows[i].seconds : v;
	}
	grid_release(&g);
	return ok || err_memory(err);
}

static double line_between(enum blend blend, const struct profile_row *a, const struct profile_row *b, int axis,
			   double x)
{
	double xa = a->x[axis], xb = b->x[axis];

	if (blend == BLEND_LOG && xa > 0)
		return a->even * exp(log(b->even / a->even) * log(x / xa) / log(xb / xa));
	return a->even + (b->even - a->even) * ((x - xa) / (xb - xa));
}

/* Between two kept rows: keeps the row farthest from the straight line, and goes on on both sides (Ramer 1972). */
static void thin_span(struct profile_row *rows, size_t low, size_t high, int axis, double tolerance)
{
	while (high - low > 1) {
		double worst = tolerance;
		size_t at = 0;

		for (size_t i = low + 1; i < high; i++) {
			double y =
				line_between(rows->shape->blend[axis], &rows[low], &rows[high], axis, rows[i].x[axis]);
			double off = fabs(y / rows[i].even - 1);

			if (off > worst) {
				worst = off;
				at = i;
			}
		}
		if (at == 0)
			return;
		rows[at].keep = true;
		if (at - low < high - at) {
			thin_span(rows, low, at, axis, tolerance);
			low = at;
		} else {
			thin_span(rows, at, high, axis, tolerance);
			high = at;
		}
	}
}

/* Value of a thinned line at x, or a negative number beyond its ends. */
static double line_at(const struct profile_row *rows, size_t low, size_t high, int axis, double x)
{
	size_t before = low;

	for (size_t i = low; i < high; i++) {
		if (!rows[i].keep)
			continue;
		if (rows[i].x[axis] == x)
			return rows[i].even;
		if (rows[i].x[axis] > x)
			return i == low ? -1 : line_between(rows->shape->blend[axis], &rows[before], &rows[i], axis, x);
		before = i;
	}
	return -1;
}

static bool keep_at(struct profile_row *rows, size_t low, size_t high, int axis, double x)
{
	for (size_t i = low; i < high; i++)
		if (rows[i].x[axis] == x && !rows[i].keep) {
			rows[i].keep = true;
			return true;
		}
	return false;
}

/* Thinned lines may cross by less than the tolerance: at every corner where they do, both get their own row back.
 * The full lines do not cross, so this ends. */
static bool uncross(struct profile_row *rows, const size_t *line, int axis)
{
	bool changed = false;

	for (size_t i = line[0]; i < line[2]; i++) {
		double x = rows[i].x[axis], low, high;

		if (!rows[i].keep)
			continue;
		low = line_at(rows, line[0], line[1], axis, x);
		high = line_at(rows, line[1], line[2], axis, x);
		if (low > 0 && high > 0 && low > high) {
			changed = keep_at(rows, line[0], line[1], axis, x) || changed;
			changed = keep_at(rows, line[1], line[2], axis, x) || changed;
		}
	}
	return changed;
}

static bool same_line(const struct profile_row *a, const struct profile_row *b, int axis)
{
	for (int i = 0; i < axis; i++)
		if (a->x[i] != b->x[i])
			return false;
	return true;
}

void profile_thin(struct profile_row *rows, size_t count, double tolerance)
{
	int axis = rows->shape->axes - 1;
	bool changed = true, varies = false;

	/* Along the innermost axis that varies: a table of single sequences is thinned along its chunk sizes. */
	for (; axis > 0 && !varies; axis -= !varies)
		for (size_t i = 1; i < count && !varies; i++)
			varies = rows[i].x[axis] != rows[0].x[axis];
	for (size_t low = 0, high; low < count; low = high) {
		for (high = low + 1; high < count && same_line(&rows[low], &rows[high], axis);)
			high++;
		rows[low].keep = rows[high - 1].keep = true;
		thin_span(rows, low, high - 1, axis, tolerance);
	}
	while (changed && axis > 0) {
		size_t line[3] = { 0, 0, 0 };

		changed = false;
		for (size_t high = 1; high <= count; high++) {
			if (high < count && same_line(&rows[high - 1], &rows[high], axis))
				continue;
			line[0] = line[1];
			line[1] = line[2];
			line[2] = high;
			if (line[1] > 0)
				changed = uncross(rows, line, axis) || changed;
		}
	}
}

static bool same_keys(const struct profile_row *a, const struct profile_row *b, int keys)
{
	for (int i = 0; i < keys; i++)
		if (a->key[i] != b->key[i])
			return false;
	return true;
}

/* Mean of ln(a / b) over the shapes that both sites have; 0 when there are none. */
static double slower(const struct profile_row *a, size_t na, const struct profile_row *b, size_t nb)
{
	double sum = 0;
	int n = 0;

	for (size_t i = 0, j = 0; i < na && j < nb;) {
		if (a[i].x[0] < b[j].x[0]) {
			i++;
		} else if (b[j].x[0] < a[i].x[0]) {
			j++;
		} else {
			sum += log(a[i++].even / b[j++].even);
			n++;
		}
	}
	return n ? sum / n : 0;
}

/* One group: sites that differ in their last two columns only. `start` holds count + 1 row numbers. */
static void mark_group(struct profile_row *rows, const size_t *start, size_t count, int keys)
{
	for (size_t i = 0; i < count; i++) {
		const struct profile_row *a = &rows[start[i]];
		bool outlier = false;

		for (size_t j = 0; j < count && !outlier; j++) {
			const struct profile_row *b = &rows[start[j]];

			if (i != j && b->key[keys - 2] >= a->key[keys - 2] && b->key[keys - 1] >= a->key[keys - 1])
				outlier = slower(a, start[i + 1] - start[i], b, start[j + 1] - start[j]) > 0.2;
		}
		for (size_t r = start[i]; r < start[i + 1]; r++)
			rows[r].outlier = outlier;
	}
}

/* Expert layouts: auto-tuned kernels now and then pick a tactic that is 2-3 times slower than the same kernel with
 * twice the experts or width. */
void profile_outliers(struct profile_row *rows, size_t count)
{
	enum { SITES_MOST = 256 };
	int keys = rows->shape->keys;

	if (rows->shape->kind != OP_MOE)
		return;
	for (size_t low = 0, high = 0; low < count; low = high) {
		size_t start[SITES_MOST + 1], sites = 0;

		for (; high < count && same_keys(&rows[low], &rows[high], keys - 2); high++)
			if (high == low || !same_keys(&rows[high - 1], &rows[high], keys)) {
				if (sites == SITES_MOST)
					break;
				start[sites++] = high;
			}
		start[sites] = high;
		mark_group(rows, start, sites, keys);
	}
}
