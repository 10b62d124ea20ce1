#include "validation/forest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { BINS = 256 };

struct node {
	int feature;                   /* -1: a leaf */
	double below, value;           /* go to the first child when the feature is at most `below` */
	size_t child;                  /* first of two */
};
struct forest {
	size_t features, node_count, node_capacity;
	struct node *nodes;
	size_t *roots;
	int trees;
};

/* What one forest is grown from. */
struct grower {
	struct forest *forest;
	const struct forest_options *options;
	const double *y;
	size_t count;
	uint8_t *bin;                  /* of feature f and row i: bin[f * count + i] */
	double *edges;                 /* largest value of bin b of feature f: edges[f * BINS + b] */
	uint32_t *rows;                /* of the tree in hand; a node owns a range of them */
	struct rng rng;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Distinct values of one feature become bins, neighbours sharing one when there are more than BINS. */
static void bin_feature(struct grower *g, const double *x, size_t f, double *sorted)
{
	double *edges = &g->edges[f * BINS];
	size_t distinct = 0, bins, stride = g->forest->features;

	for (size_t i = 0; i < g->count; i++)
		sorted[i] = x[i * stride + f];
	qsort(sorted, g->count, sizeof(*sorted), by_value);
	for (size_t i = 0; i < g->count; i++)
		if (distinct == 0 || sorted[i] > sorted[distinct - 1])
			sorted[distinct++] = sorted[i];
	bins = distinct < BINS ? distinct : BINS;
	for (size_t b = 0; b < bins; b++)
		edges[b] = sorted[(b + 1) * distinct / bins - 1];
	for (size_t i = 0; i < g->count; i++) {
		size_t low = 0, high = bins - 1;

		while (low < high) {
			size_t middle = (low + high) / 2;

			if (edges[middle] < x[i * stride + f])
				low = middle + 1;
			else
				high = middle;
		}
		g->bin[f * g->count + i] = (uint8_t)low;
	}
}

struct split {
	double gain;
	int feature;
	size_t bin;
};

/* Best place to cut one feature: most of the squared deviation goes when sum^2 / n of both sides is largest. */
static void try_feature(const struct grower *g, size_t f, size_t first, size_t count, struct split *best)
{
	double sums[BINS] = { 0 }, all = 0, left = 0;
	uint32_t counts[BINS] = { 0 };
	size_t n = 0;

	for (size_t i = first; i < first + count; i++) {
		uint8_t b = g->bin[f * g->count + g->rows[i]];

		sums[b] += g->y[g->rows[i]];
		counts[b]++;
		all += g->y[g->rows[i]];
	}
	for (size_t b = 0; b + 1 < BINS && n < count; b++) {
		double gain, rest;

		if (counts[b] == 0)
			continue;
		left += sums[b];
		n += counts[b];
		rest = (double)(count - n);
		if (n < g->options->leaf || count - n < g->options->leaf)
			continue;
		gain = left * left / (double)n + (all - left) * (all - left) / rest - all * all / (double)count;
		if (gain > best->gain)
			*best = (struct split){ gain, (int)f, b };
	}
}

static size_t partition(struct grower *g, const struct split *s, size_t first, size_t count)
{
	size_t at = first;

	for (size_t i = first; i < first + count; i++) {
		uint32_t row = g->rows[i];

		if (g->bin[(size_t)s->feature * g->count + row] <= s->bin) {
			g->rows[i] = g->rows[at];
			g->rows[at++] = row;
		}
	}
	return at - first;
}

static bool grow(struct grower *g, size_t node, size_t first, size_t count, int depth)
{
	struct forest *f = g->forest;
	struct split best = { 1e-12, -1, 0 };
	size_t left, child = f->node_count;
	double sum = 0;

	for (size_t i = first; i < first + count; i++)
		sum += g->y[g->rows[i]];
	f->nodes[node] = (struct node){ .feature = -1, .value = sum / (double)count };
	if (depth == 0 || count < 2 * g->options->leaf)
		return true;
	for (size_t k = 0; k < f->features; k++)
		if (rng_below(&g->rng, 2) == 0)
			try_feature(g, k, first, count, &best);
	for (size_t k = 0; best.feature < 0 && k < f->features; k++)   /* the half drawn cannot be split */
		try_feature(g, k, first, count, &best);
	if (best.feature < 0)
		return true;
	if (!mem_grow(&f->nodes, &f->node_capacity, child + 2, sizeof(*f->nodes)))
		return false;
	f->node_count = child + 2;
	left = partition(g, &best, first, count);
	f->nodes[node].feature = best.feature;
	f->nodes[node].below = g->edges[(size_t)best.feature * BINS + best.bin];
	f->nodes[node].child = child;
	return grow(g, child, first, left, depth - 1) && grow(g, child + 1, first + left, count - left, depth - 1);
}

static bool grow_tree(struct grower *g, int tree)
{
	struct forest *f = g->forest;

	for (size_t i = 0; i < g->count; i++)
		g->rows[i] = (uint32_t)rng_below(&g->rng, g->count);
	if (!mem_grow(&f->nodes, &f->node_capacity, f->node_count + 1, sizeof(*f->nodes)))
		return false;
	f->roots[tree] = f->node_count++;
	return grow(g, f->roots[tree], 0, g->count, g->options->depth);
}

static bool grow_forest(struct grower *g, const double *x)
{
	double *sorted = mem_alloc(g->count * sizeof(*sorted));

	if (!sorted || !g->bin || !g->edges || !g->rows || !g->forest->roots) {
		mem_free(sorted);
		return false;
	}
	for (size_t k = 0; k < g->forest->features; k++)
		bin_feature(g, x, k, sorted);
	mem_free(sorted);
	for (int t = 0; t < g->options->trees; t++)
		if (!grow_tree(g, t))
			return false;
	return true;
}

struct forest *forest_train(const double *x, const double *y, size_t count, size_t features,
			    const struct forest_options *options, struct err *err)
{
	struct forest *f = mem_calloc(1, sizeof(*f));
	struct grower g = { .forest = f, .options = options, .y = y, .count = count };
	bool ok = false;

	if (f) {
		f->features = features;
		f->trees = options->trees;
		f->roots = mem_calloc((size_t)options->trees, sizeof(*f->roots));
		g.bin = mem_alloc(features * count + 1);
		g.edges = mem_alloc(features * BINS * sizeof(*g.edges));
		g.rows = mem_alloc(count * sizeof(*g.rows) + 1);
		rng_init(&g.rng, options->seed, "forest");
		ok = count > 0 && grow_forest(&g, x);
	}
	mem_free(g.bin);
	mem_free(g.edges);
	mem_free(g.rows);
	if (!ok) {
		forest_free(f);
		err_memory(err);
		return NULL;
	}
	return f;
}

double forest_predict(const struct forest *f, const double *row)
{
	double sum = 0;

	for (int t = 0; t < f->trees; t++) {
		const struct node *n = &f->nodes[f->roots[t]];

		while (n->feature >= 0)
			n = &f->nodes[n->child + (row[n->feature] > n->below)];
		sum += n->value;
	}
	return sum / f->trees;
}

void forest_free(struct forest *f)
{
	if (!f)
		return;
	mem_free(f->nodes);
	mem_free(f->roots);
	mem_free(f);
}
