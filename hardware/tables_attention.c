/* Attention of head layouts that were not measured. */
#include "hardware/tables_layouts.h"

#include <math.h>

/* Heads: layouts around disagree when their times differ by more than this (natural log); then a layout with as many
 * queries a KV head weighs as if its error were KIN_ERROR (1 + |log of its size|). */
static const double CLIFF = 0.1, KIN_ERROR = 0.1;
/* The errors that lines of layouts are weighed by: where the heads (or KV heads) around are exactly these, and what the
 * curvature between them adds, each for full attention and for windows. A window leaves less arithmetic to the heads. */
static const double LINE_ERROR = 0.05, LINE_CURVED = 0.8, LINE_CURVED_WINDOW = 0.5, BESIDE_ERROR = 0.1, BESIDE_CURVED = 0.3;
/* The same for prefill with as many heads in another split between batch and heads, out to a factor of two in queries a
 * KV head. */
static const double SPLIT_ERROR = 0.15, SPLIT_FARTHEST = 0.36;
/* A layout of more heads in all than asked, in prefill: as far as a fiftieth of the size. */
static const double NARROW = 4;

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

/* Kernels on matrix instructions serve up to so many queries a KV head (TensorRT-LLM, trtllmGenKernels/fmha/fmhaKernels.h). */
static const int64_t SHARED_MOST = 32;

static bool beyond_shared(const int64_t *key)
{
	return key[4] > SHARED_MOST * key[5];
}

/* A decode layout of more queries a KV head that takes over twice as long as one with at least its heads and KV heads: each query
 * head walks the keys for itself, and time depends on batch x heads alone. */
static bool walks_alone(const struct question *q, size_t site, size_t low, size_t high)
{
	static const double x[AXIS_MOST] = { 64, 2048 };
	const int64_t *key = q->table->sites[site].key;
	enum grade ignored = GRADE_EXACT;
	double own;

	if (q->table->shape->kind != OP_ATTENTION_DECODE || !beyond_shared(key))
		return false;
	own = site_seconds(q, site, x, &ignored);
	for (size_t i = low; i < high; i++) {
		const int64_t *have = q->table->sites[i].key;

		if (site_usable(q, i) && have[3] == key[3] && have[4] >= key[4] && have[5] >= key[5] && !beyond_shared(have) &&
		    own > 2 * site_seconds(q, i, x, &ignored))
			return true;
	}
	return false;
}

/* The layouts around an asked one. */
struct layouts {
	struct line heads[2];                  /* along the heads: with as many KV heads, with as many queries a KV head */
	struct line alike;                     /* the first of these among layouts that share KV heads, or do not, as asked */
	struct line kv_heads;                  /* along the KV heads, with as many heads */
	struct neighbours near, kin;           /* the nearest at equal work; of those with as many queries a KV head */
	struct neighbours alone;               /* the nearest that walks_alone, at as many heads in all */
};

/* The measured head size nearest to the asked one; -1: none. */
static int64_t nearest_head_dim(const struct question *q, const int64_t *key, size_t low, size_t high)
{
	double best = INFINITY;
	int64_t head_dim = -1;

	for (size_t i = low; i < high; i++) {
		int64_t have = q->table->sites[i].key[3];
		double far;

		if (have == head_dim || !site_usable(q, i))
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
		neighbours_nearest(&l->kin, 1, site, fabs(log(size)), 1, size * width);
	/* Batches below 1 were not measured. Of narrower heads than measured ones, as many make half a batch: their least work would
	 * take the time of twice as much. */
	if (size < 0.999)
		distance += 1;
	else if (!decode && size * width < 0.999)
		distance += NARROW;
	neighbours_nearest(&l->near, 2, site, distance, 1, size * width);
}

/* Along the KV heads, whose writing grows with them while the arithmetic stays: straight in their logarithm. */
static void beside_add(struct neighbours *around, const struct line *l, double kv)
{
	double a = l->below_v, b = l->above_v, share, at;

	if (l->below < 0 || l->above < 0)
		return;
	share = 1 / pow(BESIDE_ERROR + BESIDE_CURVED * log(kv / a) * log(b / kv), 2);
	at = b > a ? log(kv / a) / log(b / a) : 0;
	neighbours_add(around, (size_t)l->below, share * (1 - at), 1, 1);
	neighbours_add(around, (size_t)l->above, share * at, 1, 1);
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
		neighbours_add(around, l->kin.all[0].site, 1 / pow(KIN_ERROR * (1 + fabs(log(l->kin.all[0].shift))), 2), 1,
		    l->kin.all[0].shift);
	/* Prefill computes: as many heads in all, in another split between batch and heads, tell as much as the lines do. */
	for (int i = 0; !decode && around->count && i < l->near.count; i++) {
		double distance = sqrt(fmax(1 / l->near.all[i].weight - 1e-4, 0));

		if (l->near.all[i].shift < 0.999 || distance > SPLIT_FARTHEST)
			continue; /* batches below 1 were not measured */
		neighbours_add(around, l->near.all[i].site,
		    1 / pow(SPLIT_ERROR * (1 + 2 * distance), 2), 1, l->near.all[i].shift);
	}
}

static void choose_layouts(const struct question *q, const int64_t *key, struct choice *out)
{
	bool decode = q->table->shape->kind == OP_ATTENTION_DECODE;
	int axis = decode ? 0 : 2;
	struct layouts l = { .heads = { NO_LINE, NO_LINE }, .alike = NO_LINE, .kv_heads = NO_LINE };
	struct neighbours around = { .shift_axis = axis };
	size_t low, high;
	int64_t head_dim;
	double trust = 0;

	l.near.shift_axis = l.kin.shift_axis = l.alone.shift_axis = axis;
	sites_alike(q->table, key, 3, &low, &high);
	head_dim = nearest_head_dim(q, key, low, high);
	out->none = head_dim < 0;
	if (out->none)
		return;
	for (size_t i = low; i < high; i++) {
		double width = (double)key[3] / (double)head_dim, heads = (double)key[4] / (double)q->table->sites[i].key[4];

		if (q->table->sites[i].key[3] != head_dim || !site_usable(q, i))
			continue;
		if (!walks_alone(q, i, low, high))
			layout_take(q, key, i, width, &l);
		else if (beyond_shared(key))
			neighbours_nearest(&l.alone, 1, i, fabs(log(heads)), 1, heads * width);
	}
	if (l.alone.count) {
		out->first = l.alone;
		return;
	}
	if (head_dim == key[3])
		around_add(q, key, &l, &around);
	for (int i = 0; i < around.count; i++)
		trust += around.all[i].weight;
	out->first = around.count ? around : l.near;
	if (!decode)
		out->written = layout_write(q, key, head_dim, low, high, out, trust);
}

/* Another head layout. Best: layouts around it with as many KV heads, with as many queries a KV head, or with as many
 * heads, at the same batch, where time is affine in the heads. Else the nearest measured ones, with the batch that gives
 * this device the same work: decode streams the cache, so its work is batch x kv_heads x head_dim; prefill computes:
 * batch x heads x head_dim, and a law of all its layouts counts beside those around. */
bool answer_attention(const struct question *q, const int64_t *key, const double *x, double *seconds, enum grade *grade)
{
	struct choice own;
	const struct choice *c = choice_of(q, key, choose_layouts, &own);

	if (c->none)
		return false;
	if (c->written) {
		*seconds = site_read(q, c->written, x, grade);
		grade_raise(grade, c->first.outside ? GRADE_OUTSIDE : GRADE_SITE);
	} else {
		*seconds = neighbours_seconds(q, &c->first, x, grade);
	}
	if (c == &own)
		table_release(own.written);
	return true;
}
