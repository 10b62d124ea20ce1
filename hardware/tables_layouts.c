/* A law takes out what differs between head layouts of one head size, mask and number formats,
 *
 *     seconds = start + flops / rate + walk / w + queries / q + cached / c + blocks / t
 *
 * with FLOPs of the (query, key) pairs; the keys that one thread block walks through; elements of queries and results; elements of
 * keys and values; and blocks of 128 rows where a KV head's queries share them, as kernels pack them. Its coefficients, none
 * negative, are those of least relative error over the layouts that were measured, large ones weighed less. What layouts differ from
 * it is kriged over powers of two of heads, KV heads and queries a KV head, which choose the kernel. */
#include "hardware/tables_layouts.h"

#include <math.h>

#include "hardware/kriging.h"
#include "hardware/linear.h"

static const struct kriging layouts = { .dims = 3, .range = 4, .noise = 0.05 };
enum { AROUND = 12, SITES_MOST = AROUND + NEIGHBOURS, TERMS = 6, POINTS_MOST = 500, POINTS_LEAST = 30, ROUNDS = 3 };
static const double LAW_ERROR = 0.25;  /* beside those that lines of layouts are weighed by (tables_attention.c) */
static const double ROWS = 128;        /* of a thread block */

/* x: prior, queries, batch. */
static void terms_of(const int64_t *key, const double *x, double *out)
{
	double window = (double)key[2], dim = (double)key[3], heads = (double)key[4], kv = (double)key[5];
	double prior = x[0], queries = x[1], batch = x[2], keys = prior + queries, pairs, ramp = queries;

	if (window > 0)
		ramp = fmin(fmax(window - prior, 0), queries);
	pairs = ramp * prior + ramp * ramp / 2 + (queries - ramp) * window;
	if (window > 0)
		keys = fmin(keys, window);
	out[0] = 1;
	out[1] = batch * heads * dim * pairs;
	out[2] = keys * dim;
	out[3] = batch * queries * heads * dim;
	out[4] = batch * (prior + queries) * kv * dim;
	out[5] = batch * kv * ceil(queries * heads / kv / ROWS);
}

struct law {
	double coefficients[TERMS];
};

static double law_seconds(const struct law *law, const int64_t *key, const double *x)
{
	double terms[TERMS];

	terms_of(key, x, terms);
	return linear_value(law->coefficients, terms, TERMS);
}

struct observation {
	double terms[TERMS], seconds;
};
struct observations {
	struct observation of[POINTS_MOST];
	size_t count, every, seen;
};

static void observe(const struct table *t, size_t site, struct observations *out)
{
	const struct table_site *s = &t->sites[site];
	double x[AXIS_MOST];

	for (size_t i = s->first; i < s->first + s->count; i++) {
		const struct table_node *outer = &t->nodes[0][i];

		x[0] = outer->x;
		for (size_t j = outer->first; j < outer->first + outer->count; j++) {
			const struct table_node *n = &t->nodes[1][j];

			x[1] = n->x;
			for (size_t p = n->first; p < n->first + n->count; p++) {
				if (out->seen++ % out->every || out->count == POINTS_MOST)
					continue;
				x[2] = t->x[p];
				terms_of(s->key, x, out->of[out->count].terms);
				out->of[out->count++].seconds = t->seconds[p];
			}
		}
	}
}

static size_t points_of(const struct table *t, size_t site)
{
	const struct table_site *s = &t->sites[site];
	size_t n = 0;

	for (size_t i = s->first; i < s->first + s->count; i++)
		for (size_t j = t->nodes[0][i].first; j < t->nodes[0][i].first + t->nodes[0][i].count; j++)
			n += t->nodes[1][j].count;
	return n;
}

/* Least relative error; points that the round before missed by more weigh less. */
static void fit(const struct observations *seen, struct law *law)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct linear_normal sums = { .b = { 0 } };

		for (size_t i = 0; i < seen->count; i++)
			linear_add_relative(&sums, seen->of[i].terms, seen->of[i].seconds, round ? law->coefficients : NULL, TERMS);
		linear_nonnegative(&sums, law->coefficients, TERMS);
	}
}

/* What a site is written out by. */
struct mixture {
	const struct question *q;
	const int64_t *key;
	const struct choice *choice;
	struct law law;
	struct kriging_place around[AROUND];
	double weights[AROUND];
	int count;                     /* 0: no law */
	double share;                  /* of the law */
};

static struct kriging_place layout(const int64_t *key, size_t site)
{
	double h = log2((double)key[4]), g = log2((double)key[5]);

	return (struct kriging_place){ .at = { h, g, sqrt(0.5) * (h - g) }, .tag = (long long)site };
}

static double mixed(const void *context, const double *x, enum grade *grade)
{
	const struct mixture *m = context;
	enum grade ignored = GRADE_EXACT;
	double neighbours = neighbours_seconds(m->q, &m->choice->first, x, grade), sum = 0;

	if (m->count == 0)
		return neighbours;
	for (int i = 0; i < m->count; i++) {
		const struct table_site *site = &m->q->table->sites[m->around[i].tag];
		struct question own = { m->q->table, m->q->limits, m->q->op, -1, site };

		sum += m->weights[i] * log(site_seconds(&own, (size_t)m->around[i].tag, x, &ignored) / law_seconds(&m->law, site->key, x));
	}
	return pow(neighbours, 1 - m->share) * pow(law_seconds(&m->law, m->key, x) * exp(sum), m->share);
}

static void add_law(struct mixture *m, int64_t head_dim, size_t low, size_t high)
{
	const struct table *t = m->q->table;
	struct kriging_place here = layout(m->key, 0);
	struct observations seen = { .count = 0, .every = 1 };
	size_t points = 0;

	for (size_t i = low; i < high; i++) {
		struct kriging_place place = layout(t->sites[i].key, i);

		if (t->sites[i].key[3] != head_dim || !site_usable(m->q, i))
			continue;
		points += points_of(t, i);
		kriging_offer(&layouts, m->around, &m->count, AROUND, here.at, &place);
	}
	seen.every = points / POINTS_MOST + 1;
	for (size_t i = low; i < high; i++)
		if (t->sites[i].key[3] == head_dim && site_usable(m->q, i))
			observe(t, i, &seen);
	if (m->count < 2 || seen.count < POINTS_LEAST || !kriging_weights(&layouts, m->around, m->count, m->weights))
		m->count = 0;
	else
		fit(&seen, &m->law);
}

struct table *layout_write(const struct question *q, const int64_t *key, int64_t head_dim, size_t low, size_t high,
			   const struct choice *choice, double trust)
{
	double own = 1 / (LAW_ERROR * LAW_ERROR);
	struct mixture m = { .q = q, .key = key, .choice = choice, .share = trust > 0 ? own / (own + trust) : 0.5 };
	size_t sites[SITES_MOST];
	int n = 0;

	if (head_dim == key[3])
		add_law(&m, head_dim, low, high);
	for (int i = 0; i < m.count; i++)
		sites[n++] = (size_t)m.around[i].tag;
	for (int i = 0; i < choice->first.count; i++)
		sites[n++] = choice->first.all[i].site;
	return site_write(q, key, sites, n, mixed, &m);
}
