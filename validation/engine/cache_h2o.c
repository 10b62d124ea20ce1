/* validation/engine/cache_h2o.c -- H2O (arXiv 2306.14048) in the engine: attention's weights are summed up a head and token; once a
 * sequence decodes, each head keeps the tokens of the largest sums and the most recent ones. The prompt is attended in full, query by
 * query, so that its sums are there.
 *
 * Slots of a sequence: heavy tokens first, recent ones behind them; within a zone in no order. Which slots are of which zone, and where
 * each recent token lies, is the same for all heads and layers; which tokens the heavy slots hold is a head's own. */
#include <gsl/gsl_statistics_float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/kv/h2o_attention.h"
#include "validation/engine/engine_cache.h"
#include "validation/engine/engine_methods.h"

enum { MARGIN = 16 };                          /* floats that the kernel writes beyond the last weight */

/* Where a sequence's tokens lie. Before it decodes: token t in slot t, none of them recent. */
struct seat {
	int64_t heavy, recent;
	int32_t *recent_position;              /* [recent] of the token in slot heavy + i */
	bool decodes;
};

struct h2o {
	struct engine_shape shape;
	struct cache_settings s;
	int64_t block_tokens, seats, slots;    /* slots: of the longest sequence */
	struct paged_kv *kv;                   /* one a layer */
	float *scores;                         /* [layers][seats][heads][slots] */
	struct seat *seat;
	float *weight;                         /* scratch of one head */
	h2o_function *head;
};

static void h2o_release(void *cache)
{
	struct h2o *c = cache;

	if (!c)
		return;
	for (int64_t i = 0; c->kv && i < c->shape.layers; i++)
		paged_kv_release(&c->kv[i]);
	for (int64_t i = 0; c->seat && i < c->seats; i++)
		mem_free(c->seat[i].recent_position);
	mem_free(c->kv);
	mem_free(c->scores);
	mem_free(c->seat);
	mem_free(c->weight);
	mem_free(c);
}

static size_t score_count(const struct h2o *c)
{
	return (size_t)(c->shape.layers * c->seats * c->shape.heads * c->slots);
}

static bool allocate(struct h2o *c, const struct forward_limits *l)
{
	c->kv = mem_calloc((size_t)c->shape.layers, sizeof(*c->kv));
	c->scores = mem_calloc(score_count(c), sizeof(*c->scores));
	c->seat = mem_calloc((size_t)c->seats, sizeof(*c->seat));
	c->weight = mem_calloc((size_t)(c->slots + MARGIN), sizeof(*c->weight));
	if (!c->kv || !c->scores || !c->seat || !c->weight)
		return false;
	for (int64_t i = 0; i < c->shape.layers; i++) {
		struct paged_kv *kv = &c->kv[i];

		*kv = (struct paged_kv){ .format = KERNEL_FP32, .blocks = l->blocks, .block_size = l->block_tokens, .kv_heads = c->shape.kv_heads,
					 .head_dim = c->shape.head_dim };
		if (!paged_kv_make(kv))
			return false;
	}
	for (int64_t i = 0; i < c->seats; i++)
		if (!(c->seat[i].recent_position = mem_calloc((size_t)c->slots, sizeof(int32_t))))
			return false;
	return true;
}

static void *h2o_make(const struct engine_shape *shape, const struct forward_limits *l, struct err *err)
{
	struct h2o *c;

	if (shape->kv_heads != shape->heads || shape->window > 0 || l->kv_format != KERNEL_FP32) {
		err_set(err, ERR_INPUT, "--with h2o: %lld heads on %lld of the cache, window %lld, cache in %s: the engine evicts for each head on its own, without a "
			"window, in fp32 (kv_heads equal to heads, --kv-dtype fp32)", (long long)shape->heads, (long long)shape->kv_heads,
			(long long)shape->window, kernel_format_names[l->kv_format]);
		return NULL;
	}
	c = mem_calloc(1, sizeof(*c));
	if (c) {
		c->shape = *shape;
		c->s = l->methods->cache_settings;
		c->block_tokens = l->block_tokens;
		c->seats = l->sequences;
		c->slots = l->context + 1;
		c->head = h2o_best(shape->head_dim);
	}
	if (c && allocate(c, l))
		return c;
	h2o_release(c);
	err_memory(err);
	return NULL;
}

static double h2o_bytes(const void *cache)
{
	const struct h2o *c = cache;

	return (double)c->shape.layers * 2 * (double)paged_kv_bytes(&c->kv[0]) + (double)score_count(c) * sizeof(float);
}

/* ---- slots ---- */

/* One layer of one sequence. */
struct place {
	const struct h2o *c;
	const struct paged_kv *kv;
	const int32_t *table;
	float *scores;                         /* [heads][slots] */
};

static struct place place_of(const struct h2o *c, const struct cache_pass *pass, int64_t at)
{
	return (struct place){ .c = c, .kv = &c->kv[pass->layer], .table = pass->batch->tables[at],
			       .scores = c->scores + (pass->layer * c->seats + pass->batch->seats[at]) * c->shape.heads * c->slots };
}

static float *score_at(const struct place *p, int64_t head, int64_t slot)
{
	return p->scores + head * p->c->slots + slot;
}

static int64_t element_at(const struct place *p, int64_t head, int64_t slot)
{
	return paged_row(p->kv, p->table[slot / p->kv->block_size], head, slot % p->kv->block_size);
}

static void put(const struct place *p, int64_t head, int64_t slot, const float *key, const float *value)
{
	size_t bytes = (size_t)p->kv->head_dim * sizeof(float);
	int64_t at = element_at(p, head, slot);

	memcpy((float *)p->kv->k + at, key, bytes);
	memcpy((float *)p->kv->v + at, value, bytes);
	*score_at(p, head, slot) = 0;
}

static void move(const struct place *p, int64_t head, int64_t from, int64_t to)
{
	int64_t at = element_at(p, head, from);
	float score = *score_at(p, head, from);

	if (from == to)
		return;
	put(p, head, to, (const float *)p->kv->k + at, (const float *)p->kv->v + at);
	*score_at(p, head, to) = score;
}

static void exchange(const struct place *p, int64_t head, int64_t a, int64_t b)
{
	int64_t x = element_at(p, head, a), y = element_at(p, head, b);
	float score = *score_at(p, head, a), *of_a = score_at(p, head, a), *of_b = score_at(p, head, b);

	for (int64_t i = 0; i < p->kv->head_dim; i++) {
		float k = ((float *)p->kv->k)[x + i], v = ((float *)p->kv->v)[x + i];

		((float *)p->kv->k)[x + i] = ((float *)p->kv->k)[y + i];
		((float *)p->kv->v)[x + i] = ((float *)p->kv->v)[y + i];
		((float *)p->kv->k)[y + i] = k;
		((float *)p->kv->v)[y + i] = v;
	}
	*of_a = *of_b;
	*of_b = score;
}

/* ---- what stays ---- */

/* Of so many tokens; recent: those that stay for being recent. */
static int64_t kept_of(const struct h2o *c, int64_t tokens, int64_t *recent)
{
	double share = c->s.heavy + c->s.recent;
	int64_t kept = c->s.budget > 0 ? c->s.budget : (int64_t)ceil(share * (double)tokens - 1e-9);

	kept = kept < 1 ? 1 : kept > tokens ? tokens : kept;
	*recent = (int64_t)floor((double)kept * (share > 0 ? c->s.recent / share : 1) + 0.5);
	*recent = *recent < 1 ? 1 : *recent;
	return kept;
}

/* Keeps the `heavy` slots of the largest sums among the first `older`, and the `recent` ones behind them, moved together. */
static void compact(const struct place *p, int64_t head, int64_t older, int64_t heavy, int64_t recent)
{
	int64_t kept = 0, above = 0;
	float *sums = p->c->weight, bar = INFINITY;

	/* The sum that the last heavy one has. */
	memcpy(sums, score_at(p, head, 0), (size_t)older * sizeof(float));
	if (heavy > 0)
		bar = gsl_stats_float_select(sums, 1, (size_t)older, (size_t)(older - heavy));
	for (int64_t t = 0; t < older; t++)
		above += *score_at(p, head, t) > bar;
	for (int64_t t = 0; t < older; t++) {          /* of equal ones the first */
		float score = *score_at(p, head, t);
		bool stays = score > bar || (score == bar && above < heavy);

		if (score == bar && above < heavy)
			above++;
		if (stays)
			move(p, head, t, kept++);
	}
	for (int64_t t = 0; t < recent; t++)
		move(p, head, older + t, heavy + t);
}

/* ---- decode ---- */

/* What a decoding token changes about its sequence's slots: from its seat as the last token left it. */
struct plan {
	int64_t before;                        /* tokens there */
	bool compacts;
	int64_t older, heavy, recent;          /* compaction: see compact(); else as the seat */
	int64_t oldest, boundary;              /* slots that change places, so that the oldest recent token is heavy; -1: none */
	bool evicts;
};

static struct plan plan_of(const struct h2o *c, const struct seat *s, int64_t tokens)
{
	struct plan p = { .before = s->heavy + s->recent, .heavy = s->heavy, .recent = s->recent, .oldest = -1 };
	int64_t wanted, kept = kept_of(c, tokens, &wanted);

	if (!s->decodes) {
		int64_t stay = kept - 1 < tokens - 1 ? kept - 1 : tokens - 1;

		p.compacts = true;
		p.before = tokens - 1;
		p.recent = wanted - 1 < stay ? wanted - 1 : stay;
		p.heavy = stay - p.recent;
		p.older = p.before - p.recent;
		return p;
	}
	if (p.recent + 1 > wanted && p.recent > 0) {
		int64_t oldest = 0;

		for (int64_t i = 1; i < p.recent; i++)
			oldest = s->recent_position[i] < s->recent_position[oldest] ? i : oldest;
		p.oldest = p.heavy + oldest;
		p.boundary = p.heavy;
	}
	p.evicts = p.before + 1 > kept;
	return p;
}

/* The seat after the token at `position`; evicting moves the newest token before the boundary. */
static void follow(struct seat *s, const struct plan *p, int32_t position)
{
	if (p->compacts) {
		s->decodes = true;
		s->heavy = p->heavy;
		s->recent = p->recent;
		for (int64_t i = 0; i < s->recent; i++)
			s->recent_position[i] = (int32_t)(position - s->recent + i);
	}
	if (p->oldest >= 0) {
		s->recent_position[p->oldest - s->heavy] = s->recent_position[0];
		s->heavy++;
		s->recent--;
		memmove(s->recent_position, s->recent_position + 1, (size_t)s->recent * sizeof(int32_t));
	}
	s->recent_position[s->recent++] = position;
	if (p->evicts && s->heavy > 0) {
		memmove(s->recent_position + 1, s->recent_position, (size_t)(s->recent - 1) * sizeof(int32_t));
		s->recent_position[0] = position;
		s->heavy--;
	}
}

static void decode_head(const struct place *p, const struct plan *plan, int64_t head, const float *q, const float *key, const float *value, float *out)
{
	int64_t heavy = plan->heavy + (plan->oldest >= 0), n = plan->heavy + plan->recent;
	struct h2o_head h = { .kv = p->kv, .table = p->table, .q = q, .score = score_at(p, head, 0), .next = score_at(p, head, 0), .out = out,
			      .weight = p->c->weight, .tokens = n + 1, .recent = n + 1 - heavy, .head = head, .scale = 1 / sqrtf((float)p->kv->head_dim) };
	int32_t gone;

	if (plan->compacts)
		compact(p, head, plan->older, plan->heavy, plan->recent);
	if (plan->oldest >= 0)
		exchange(p, head, plan->oldest, plan->boundary);
	put(p, head, n, key, value);
	p->c->head(&h, &gone);
	if (!plan->evicts || heavy == 0)
		return;
	move(p, head, heavy - 1, gone);
	move(p, head, n, heavy - 1);
}

static void decode(const struct h2o *c, const struct cache_pass *pass, int64_t s)
{
	const struct forward_batch *b = pass->batch;
	int64_t d = c->shape.head_dim, heads = c->shape.heads;
	const float *row = pass->qkv + s * 3 * heads * d;
	struct seat *seat = &c->seat[b->seats[s]];
	struct plan plan = plan_of(c, seat, b->lengths[s]);
	struct place p = place_of(c, pass, s);

	for (int64_t h = 0; h < heads; h++)
		decode_head(&p, &plan, h, row + h * d, row + (heads + h) * d, row + (2 * heads + h) * d, pass->out + (s * heads + h) * d);
	if (pass->layer == c->shape.layers - 1)
		follow(seat, &plan, (int32_t)(b->lengths[s] - 1));
}

/* ---- prompts ---- */

static void prompt(const struct h2o *c, const struct cache_pass *pass, int64_t chunk)
{
	const struct forward_batch *b = pass->batch;
	int64_t d = c->shape.head_dim, heads = c->shape.heads, at = b->decodes + chunk, from = b->decodes + b->first[chunk];
	int64_t rows = b->first[chunk + 1] - b->first[chunk], prior = b->lengths[at] - rows;
	struct place p = place_of(c, pass, at);
	int32_t ignored;

	if (prior == 0)
		c->seat[b->seats[at]].decodes = false;
	for (int64_t h = 0; h < heads; h++)
		for (int64_t t = 0; t < rows; t++) {
			const float *row = pass->qkv + (from + t) * 3 * heads * d + h * d;
			struct h2o_head head = { .kv = p.kv, .table = p.table, .q = row, .score = score_at(&p, h, 0), .next = score_at(&p, h, 0),
						 .out = pass->out + ((from + t) * heads + h) * d, .weight = c->weight, .tokens = prior + t + 1,
						 .recent = prior + t + 1, .head = h, .scale = 1 / sqrtf((float)d) };

			put(&p, h, prior + t, row + heads * d, row + 2 * heads * d);
			c->head(&head, &ignored);
		}
}

static void h2o_attend(void *cache, const struct cache_pass *pass)
{
	for (int64_t s = 0; s < pass->batch->decodes; s++)
		decode(cache, pass, s);
	pass->spent(pass->timer, FORWARD_attention_decode);
	for (int64_t k = 0; k < pass->batch->chunks; k++)
		prompt(cache, pass, k);
	pass->spent(pass->timer, FORWARD_attention_prefill);
}

const struct cache_ops cache_h2o = { .name = "h2o", .make = h2o_make, .release = h2o_release, .attend = h2o_attend, .bytes = h2o_bytes };
