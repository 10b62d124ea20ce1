/* Decode over a latent cache by a number of heads that was not measured, on kernels whose thread blocks take 16 heads at a time up to 32,
 * so that 32 walk the cache twice, and all heads in one walk beyond (TensorRT-LLM on Blackwell: cpp/tensorrt_llm/kernels/trtllmGenKernels/
 * fmha/fmhaKernels.h, hashFromRunnerParams): 32 heads take longer than 128. */
#include "hardware/tables_choice.h"

#include <math.h>

enum { BLOCK = 16, BLOCKED_MOST = 32 };

static int64_t walks(int64_t heads)
{
	return heads <= BLOCKED_MOST ? (heads + BLOCK - 1) / BLOCK : 1;
}

/* Whether the table's kernels are these: somewhere in it, whatever the cache's format, two walks of few heads take longer than one of many. */
static bool walks_by_blocks(const struct question *q)
{
	static const double x[AXIS_MOST] = { 64, 8192 }, LONGER = 1.1;
	const struct table *t = q->table;
	int heads = t->shape->keys - 1;
	enum grade ignored = GRADE_EXACT;
	size_t low, high;

	for (size_t i = 0; i < t->site_count; i++) {
		if (!site_usable(q, i) || walks(t->sites[i].key[heads]) == 1)
			continue;
		sites_alike(t, t->sites[i].key, heads, &low, &high);
		for (size_t j = low; j < high; j++)
			if (site_usable(q, j) && t->sites[j].key[heads] > BLOCKED_MOST &&
			    site_seconds(q, i, x, &ignored) > LONGER * site_seconds(q, j, x, &ignored))
				return true;
	}
	return false;
}

/* Sites with as many walks around the asked heads: a straight line between them, beyond them the last one. Where none has as many,
 * walks beside each other find in the cache what others read, or do not: between one walk and a batch that many times as large. */
static void choose_latent(const struct question *q, const int64_t *key, struct choice *out)
{
	int last = q->table->shape->keys - 1;
	struct line alike = NO_LINE, single = NO_LINE;
	size_t low, high;

	out->none = true;
	if (!walks_by_blocks(q))
		return;
	sites_alike(q->table, key, last, &low, &high);
	for (size_t i = low; i < high; i++) {
		int64_t heads = q->table->sites[i].key[last];

		if (site_usable(q, i) && walks(heads) == walks(key[last]))
			line_take(&alike, (int64_t)i, (double)heads, (double)key[last]);
		if (site_usable(q, i) && heads <= BLOCK)
			line_take(&single, (int64_t)i, (double)heads, (double)key[last]);
	}
	out->first.shift_axis = out->second.shift_axis = 0;    /* the batch */
	out->none = false;
	if (alike.below >= 0 && alike.above >= 0) {
		line_add(q, &out->first, &alike, (double)key[last], 1, 1);
	} else if (alike.below >= 0 || alike.above >= 0) {
		out->first.outside = true;
		neighbours_add(&out->first, (size_t)(alike.below >= 0 ? alike.below : alike.above), 1, 1, 1);
	} else if (single.below >= 0) {
		out->share = 0.5;
		neighbours_add(&out->first, (size_t)single.below, 1, 1, 1);
		neighbours_add(&out->second, (size_t)single.below, 1, 1, (double)walks(key[last]));
	} else {
		out->none = true;
	}
}

/* Queries in and results out of heads that the nearest site does not have, 16 bits each, through memory. */
static double more_heads(const struct question *q, const struct choice *c, const int64_t *key, const double *x)
{
	static const double SHARE_OF_BANDWIDTH = 0.8, ROPE = 64;
	int last = q->table->shape->keys - 1;
	double more = c->first.outside ? (double)(key[last] - q->table->sites[c->first.all[0].site].key[last]) : 0;

	if (!(more > 0) || !(q->limits->bandwidth_bytes_s > 0))
		return 0;
	return x[0] * more * 2 * (2 * (double)key[last - 1] - ROPE) / (SHARE_OF_BANDWIDTH * q->limits->bandwidth_bytes_s);
}

bool answer_latent(const struct question *q, const int64_t *key, const double *x, double *seconds, enum grade *grade)
{
	struct choice own;
	const struct choice *c = choice_of(q, key, choose_latent, &own);

	if (c->none)
		return false;
	*seconds = neighbours_seconds(q, &c->first, x, grade) + more_heads(q, c, key, x);
	if (c->second.count)
		*seconds = c->share * *seconds + (1 - c->share) * neighbours_seconds(q, &c->second, x, grade);
	return true;
}
