/* Sites far from measured ones: kriging of ln seconds over what tells sites apart. */
#include <math.h>
#include <string.h>

#include "hardware/kriging.h"
#include "hardware/tables_data.h"

/* Head layouts: powers of two of heads and KV heads, along which the trend carries, and of queries a KV head, which choose
 * the kernel. */
static const struct kriging layouts = { .dims = 3, .trend = 2, .range = 4, .noise = 0.01 };
enum { LAYOUTS = 12 };

static struct kriging_place layout(const int64_t *key, size_t site)
{
	double h = log2((double)key[4]), g = log2((double)key[5]);

	return (struct kriging_place){ .at = { h, g, sqrt(0.5) * (h - g) }, .tag = (long long)site };
}

double layout_trend(const struct question *q, const int64_t *key, size_t low, size_t high, int64_t head_dim, const double *x)
{
	struct kriging_place around[LAYOUTS], here = layout(key, 0);
	double w[LAYOUTS] = { 0 }, sum = 0;
	enum grade ignored = GRADE_EXACT;
	int n = 0;

	for (size_t i = low; i < high; i++) {
		const struct table_site *s = &q->table->sites[i];
		struct kriging_place place = layout(s->key, i);

		if (s->key[3] == head_dim && (int64_t)i != q->except && !s->outlier)
			kriging_offer(&layouts, around, &n, LAYOUTS, here.at, &place);
	}
	if (!kriging_weights(&layouts, around, n, here.at, w))
		return NAN;
	for (int i = 0; i < n; i++)
		sum += w[i] * log(site_seconds(q, (size_t)around[i].tag, x, &ignored));
	return exp(sum);
}

/* Expert layouts of models that were not measured. A plain law takes out what differs most between them,
 *
 *     seconds = floor + cbrt(c^3 + b^3)      c, b: FLOPs and bytes at common shares of peak and bandwidth
 *
 * and its error is kriged over hidden size, width, experts, share of them chosen, and choices, at as many tokens an expert:
 * how kernels tile and how tokens spread depends on those. */
static const struct kriging experts = { .dims = 5, .range = 3, .noise = 0.05 };
static const double EXPERTS_COMPUTE = 0.6, EXPERTS_MEMORY = 0.8;
enum { EXPERTS = 16 };

static struct kriging_place expert_place(const int64_t *key, size_t site)
{
	return (struct kriging_place){
		.at = { log((double)key[5]), log((double)key[6]), log((double)key[7]), log((double)key[3] / (double)key[4]),
			0.3 * log((double)key[3]) },
		.tag = (long long)site,
	};
}

/* Experts that a batch touches, of the layouts asked for at one number of tokens: neighbours are the same few models with
 * their experts spread in several ways. Shares of all experts, so that they hold for every spread. */
struct touched {
	struct { int64_t top_k, total, m; double share; } of[EXPERTS];
	int count;
};

static double touched_share_of(struct touched *t, const struct op *op)
{
	double share;

	for (int i = 0; i < t->count; i++)
		if (t->of[i].top_k == op->top_k && t->of[i].total == op->experts_total && t->of[i].m == op->m)
			return t->of[i].share;
	share = op_experts_touched(op) / fmax((double)op->experts, 1);
	if (t->count < EXPERTS) {
		t->of[t->count].top_k = op->top_k;
		t->of[t->count].total = op->experts_total;
		t->of[t->count].m = op->m;
		t->of[t->count++].share = share;
	}
	return share;
}

static double expert_law(const struct question *q, const int64_t *key, double m, struct touched *touched)
{
	double peak = q->limits->peak_flop_s[q->op->dtype], bandwidth = q->limits->bandwidth_bytes_s, c, b;
	struct op op = *q->op;

	op.top_k = key[3];
	op.experts_total = key[4];
	op.k = key[5];
	op.n = key[6];
	op.experts = key[7];
	op.m = llround(fmax(m, 1));
	c = peak > 0 ? op_flops(&op) / (peak * EXPERTS_COMPUTE) : 0;
	b = op_moe_bytes(&op, touched_share_of(touched, &op) * fmax((double)op.experts, 1));
	b = bandwidth > 0 ? b / (bandwidth * EXPERTS_MEMORY) : 0;
	return q->table->floor_s[key[0] % DTYPE_COUNT] + cbrt(c * c * c + b * b * b);
}

struct kriged {
	const struct question *q;
	const int64_t *key;
	struct kriging_place around[EXPERTS];
	double weights[EXPERTS];
	int count;
};

static double kriged_at(const struct kriged *k, double m)
{
	struct touched touched = { .count = 0 };
	double sum = log(expert_law(k->q, k->key, m, &touched)), chosen = (double)k->key[3] / (double)k->key[4];
	enum grade ignored = GRADE_EXACT;

	for (int i = 0; i < k->count; i++) {
		const int64_t *have = k->q->table->sites[k->around[i].tag].key;
		double x[AXIS_MOST] = { m * chosen / ((double)have[3] / (double)have[4]) };

		sum += k->weights[i] *
		       log(site_seconds(k->q, (size_t)k->around[i].tag, x, &ignored) / expert_law(k->q, have, x[0], &touched));
	}
	return exp(sum);
}

static int models_of(const struct kriged *k)
{
	for (int i = 1; i < k->count; i++) {
		const int64_t *a = k->q->table->sites[k->around[0].tag].key, *b = k->q->table->sites[k->around[i].tag].key;

		if (a[3] != b[3] || a[4] != b[4] || a[5] != b[5])
			return 2;
	}
	return 1;
}

int experts_trend(const struct question *q, const int64_t *key, size_t low, size_t high,
		  bool (*use)(const struct question *, size_t), double m, double *seconds)
{
	struct kriged k = { .q = q, .key = key };
	struct kriging_place here = expert_place(key, 0);
	double below = 0, at = 1;

	for (size_t i = low; i < high; i++) {
		struct kriging_place place = expert_place(q->table->sites[i].key, i);

		if (use(q, i))
			kriging_offer(&experts, k.around, &k.count, EXPERTS, here.at, &place);
	}
	if (!kriging_weights(&experts, k.around, k.count, here.at, k.weights))
		return 0;
	/* More tokens never take less, which products of neighbours do not promise: the largest of what 1, 2, 4 ... tokens
	 * take, and a straight line (in logarithms) to the next. */
	for (; at * 2 <= m; at *= 2)
		below = fmax(below, kriged_at(&k, at));
	below = fmax(below, kriged_at(&k, at));
	*seconds = below;
	if (m > at)
		*seconds *= pow(fmax(kriged_at(&k, 2 * at) / below, 1), log2(m / at));
	return models_of(&k);
}
