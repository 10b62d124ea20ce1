#include "workloads/generator.h"

#include <math.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "workloads/arrivals.h"
#include "workloads/lineage.h"
#include "workloads/sampler.h"

enum { TRIES_FOR_PARENT = 8 };

struct class_state {
	struct sampler prompt, output;
	struct arrival_stream arrivals; /* when classes have streams of their own */
	double next_s, share_end;
};

struct generator {
	const struct workload *w;
	struct rng prompt_rng, output_rng, class_rng, session_rng, think_rng, prefix_rng, adapter_rng;
	struct sampler normal, total, turns, think, overlap, distance, prompts, adapters;
	struct class_state *classes; /* at least one */
	size_t class_count;
	bool own_streams, correlated;
	double rho, rho_rest;
	double mean_turns;
	uint64_t seed_id, texts; /* texts: number of the last unshared text */
	struct lineage_ring ring;
	uint64_t *blocks;
	size_t block_capacity;
};

static bool init_spread(struct sampler *s, const struct spread *p, const char *what, struct err *err)
{
	return p->kind == SPREAD_NONE || sampler_init(s, p, what, err);
}

static bool init_classes(struct generator *g, bool with_lengths, struct err *err)
{
	const struct workload *w = g->w;
	double sum = 0, end = 0;

	g->class_count = w->class_count && with_lengths ? w->class_count : 1;
	g->classes = mem_calloc(g->class_count, sizeof(*g->classes));
	if (!g->classes)
		return err_memory(err);
	for (size_t i = 0; i < w->class_count; i++)
		sum += w->classes[i].share;
	if (w->class_count && !(sum > 0))
		return err_set(err, ERR_INPUT, "class shares sum to %g, expected a positive sum", sum);
	for (size_t i = 0; i < g->class_count; i++) {
		const struct workload_class *c = w->class_count ? &w->classes[i] : NULL;

		end += c ? c->share / sum : 1;
		g->classes[i].share_end = i + 1 == g->class_count ? 1 : end;
		if (c && !isnan(c->cv))
			g->own_streams = true;
		if (!with_lengths)
			continue;
		if (!init_spread(&g->classes[i].prompt, c && c->prompt.kind ? &c->prompt : &w->prompt, "prompt_tokens",
				 err) ||
		    !init_spread(&g->classes[i].output, c && c->output.kind ? &c->output : &w->output, "output_tokens",
				 err))
			return false;
	}
	return true;
}

static bool init_arrivals(struct generator *g, double qps, uint64_t seed, struct err *err)
{
	const struct workload *w = g->w;
	double before = 0;

	if (!g->own_streams || g->class_count == 1)
		return arrival_stream_init(&g->classes[0].arrivals, &w->arrivals, qps, NAN, w->requests, seed, 0, err);
	for (size_t i = 0; i < g->class_count; i++) {
		struct class_state *c = &g->classes[i];
		double share = c->share_end - before;

		before = c->share_end;
		c->next_s = INFINITY;
		if (share <= 0)
			continue;
		if (!arrival_stream_init(&c->arrivals, &w->arrivals, qps * share, w->classes[i].cv, 0, seed,
					 (unsigned)i + 1, err))
			return false;
		c->next_s = arrival_stream_next(&c->arrivals);
	}
	return true;
}

static bool init_prefixes(struct generator *g, struct err *err)
{
	const struct prefixes *p = &g->w->prefixes;

	if (p->shared_tokens > 0 && p->shared_prompts > 1 &&
	    !sampler_init_ranks(&g->prompts, p->shared_prompts, p->shared_zipf, err))
		return false;
	if (p->reuse_share > 0 && !lineage_ring_init(&g->ring))
		return err_memory(err);
	return init_spread(&g->overlap, &p->overlap, "overlap", err) &&
	       init_spread(&g->distance, &p->distance, "distance", err);
}

struct generator *generator_new(const struct workload *w, bool lengths, bool arrivals, uint64_t seed, struct err *err)
{
	struct generator *g = mem_calloc(1, sizeof(*g));
	double qps;

	if (!g) {
		err_memory(err);
		return NULL;
	}
	g->w = w;
	rng_init(&g->prompt_rng, seed, "prompt lengths");
	rng_init(&g->output_rng, seed, "output lengths");
	rng_init(&g->class_rng, seed, "classes");
	rng_init(&g->session_rng, seed, "sessions");
	rng_init(&g->think_rng, seed, "think times");
	rng_init(&g->prefix_rng, seed, "prefixes");
	rng_init(&g->adapter_rng, seed, "adapters");
	g->seed_id = rng_next(&g->prefix_rng);
	g->correlated = w->correlation != 0;
	g->rho = w->correlation;
	g->rho_rest = sqrt(1 - w->correlation * w->correlation);
	if (!init_classes(g, lengths, err) || !init_prefixes(g, err))
		goto fail;
	if (g->correlated && !sampler_init_normal(&g->normal, err))
		goto fail;
	if (!init_spread(&g->total, &w->total, "total_tokens", err) ||
	    !init_spread(&g->turns, &w->sessions.turns, "turns", err) ||
	    !init_spread(&g->think, &w->sessions.think_s, "think_s", err))
		goto fail;
	if (w->adapters > 0 && !sampler_init_ranks(&g->adapters, w->adapters, w->adapter_zipf, err))
		goto fail;
	g->mean_turns = w->sessions.turns.kind && !w->sessions.users ? fmax(1, sampler_mean(&g->turns)) : 1;
	qps = workload_qps(w) / g->mean_turns;
	if (isnan(w->qps) && w->arrivals.kind == ARRIVAL_ALL_AT_ONCE)
		qps = NAN;
	if (arrivals && !init_arrivals(g, qps, seed, err))
		goto fail;
	return g;
fail:
	generator_free(g);
	return NULL;
}

void generator_free(struct generator *g)
{
	if (!g)
		return;
	for (size_t i = 0; g->classes && i < g->class_count; i++) {
		sampler_release(&g->classes[i].prompt);
		sampler_release(&g->classes[i].output);
		arrival_stream_release(&g->classes[i].arrivals);
	}
	mem_free(g->classes);
	sampler_release(&g->normal);
	sampler_release(&g->total);
	sampler_release(&g->turns);
	sampler_release(&g->think);
	sampler_release(&g->overlap);
	sampler_release(&g->distance);
	sampler_release(&g->prompts);
	sampler_release(&g->adapters);
	lineage_ring_release(&g->ring);
	mem_free(g->blocks);
	mem_free(g);
}

double generator_mean_turns(const struct generator *g)
{
	return g->mean_turns;
}

int32_t generator_class(struct generator *g)
{
	size_t i = 0;
	double u;

	if (g->class_count == 1)
		return 0;
	u = rng_uniform(&g->class_rng);
	while (i + 1 < g->class_count && u >= g->classes[i].share_end)
		i++;
	return (int32_t)i;
}

double generator_arrival(struct generator *g, int32_t *class_index)
{
	struct class_state *first = &g->classes[0];
	double at;

	if (!g->own_streams || g->class_count == 1) {
		*class_index = generator_class(g);
		return arrival_stream_next(&first->arrivals);
	}
	for (size_t i = 1; i < g->class_count; i++)
		if (g->classes[i].next_s < first->next_s)
			first = &g->classes[i];
	at = first->next_s;
	*class_index = (int32_t)(first - g->classes);
	if (at < INFINITY)
		first->next_s = arrival_stream_next(&first->arrivals);
	return at;
}

void generator_lengths(struct generator *g, int32_t class_index, int64_t *prompt, int64_t *output)
{
	const struct class_state *c = &g->classes[class_index];
	double u = rng_uniform(&g->prompt_rng), v;

	if (g->w->total.kind != SPREAD_NONE && c->prompt.spread.kind == SPREAD_NONE) {
		double total = sampler_at(&g->total, u);

		*prompt = whole_tokens(total * g->w->prompt_share);
		*output = whole_tokens(total - (double)*prompt);
		return;
	}
	v = rng_uniform(&g->output_rng);
	if (g->correlated) {
		double z = g->rho * sampler_at(&g->normal, u) + g->rho_rest * sampler_at(&g->normal, v);

		v = 0.5 * erfc(-z * 0.70710678118654752440);
		if (v > 1 - 0x1.0p-53)
			v = 1 - 0x1.0p-53;
	}
	*prompt = whole_tokens(sampler_at(&c->prompt, u));
	*output = whole_tokens(sampler_at(&c->output, v));
}

int32_t generator_adapter(struct generator *g)
{
	return g->w->adapters > 0 ? (int32_t)sampler_draw(&g->adapters, &g->adapter_rng) : -1;
}

int64_t generator_turns(struct generator *g)
{
	return g->w->sessions.turns.kind ? whole_tokens(sampler_draw(&g->turns, &g->session_rng)) : INT64_MAX;
}

double generator_think_s(struct generator *g)
{
	return g->w->sessions.think_s.kind ? sampler_draw(&g->think, &g->think_rng) : 0;
}

int64_t generator_shared_prompt(struct generator *g)
{
	const struct prefixes *p = &g->w->prefixes;

	if (!(p->shared_tokens > 0))
		return -1;
	if (p->shared_share < 1 && rng_uniform(&g->prefix_rng) >= p->shared_share)
		return -1;
	return p->shared_prompts > 1 ? (int64_t)sampler_draw(&g->prompts, &g->prefix_rng) : 0;
}

bool generator_has_prefixes(const struct generator *g)
{
	const struct workload *w = g->w;

	return w->prefixes.shared_tokens > 0 || w->prefixes.reuse_share > 0 ||
	       ((w->sessions.turns.kind || w->sessions.users > 0) && (w->sessions.grows || w->sessions.repeats));
}

static bool set_blocks(struct generator *g, struct request *q, const struct lineage *l, uint32_t n, struct err *err)
{
	if (!mem_grow(&g->blocks, &g->block_capacity, n + 1, sizeof(*g->blocks)))
		return err_memory(err);
	lineage_hashes(l, n, g->blocks);
	q->blocks = n ? g->blocks : NULL;
	q->block_count = n;
	q->block_tokens = (uint32_t)g->w->prefixes.block_tokens;
	return true;
}

static uint64_t shared_text(const struct generator *g, int64_t shared_prompt)
{
	return hash_mix(g->seed_id, (uint64_t)shared_prompt << 1);
}

static uint64_t own_text(const struct generator *g, uint64_t text)
{
	return hash_mix(g->seed_id, text << 1 | 1);
}

static uint32_t shared_blocks(const struct generator *g)
{
	return (uint32_t)(g->w->prefixes.shared_tokens / (double)g->w->prefixes.block_tokens);
}

bool generator_session_blocks(struct generator *g, struct request *q, int64_t shared_prompt, uint64_t text,
			      int64_t tokens, struct err *err)
{
	uint32_t n = (uint32_t)(tokens / g->w->prefixes.block_tokens);
	struct lineage l;

	lineage_start(&l);
	if (shared_prompt >= 0)
		lineage_add(&l, shared_blocks(g), shared_text(g, shared_prompt));
	lineage_add(&l, n, own_text(g, text));
	return set_blocks(g, q, &l, n, err);
}

/* An earlier prompt long enough to lend `want` blocks, near the drawn distance. */
static const struct lineage *find_parent(struct generator *g, uint32_t want)
{
	const struct lineage *best = NULL;

	for (int i = 0; i < TRIES_FOR_PARENT; i++) {
		double ago = sampler_draw(&g->distance, &g->prefix_rng);
		const struct lineage *l = lineage_ring_ago(&g->ring, ago < 1 ? 1 : (uint64_t)ago);

		if (l && l->blocks >= want)
			return l;
		if (l && (!best || l->blocks > best->blocks))
			best = l;
	}
	return best;
}

bool generator_lone_blocks(struct generator *g, struct request *q, struct err *err)
{
	const struct prefixes *p = &g->w->prefixes;
	int64_t shared = generator_shared_prompt(g);
	struct lineage l;
	uint32_t n;

	if (shared >= 0 && p->shared_added)
		q->prompt_tokens += (int64_t)p->shared_tokens;
	n = (uint32_t)(q->prompt_tokens / p->block_tokens);
	lineage_start(&l);
	if (p->reuse_share > 0 && rng_uniform(&g->prefix_rng) < p->reuse_share) {
		uint32_t want = (uint32_t)(sampler_draw(&g->overlap, &g->prefix_rng) * (double)q->prompt_tokens /
						   (double)p->block_tokens +
					   0.5);
		const struct lineage *parent = find_parent(g, want);

		if (parent)
			lineage_cut(&l, parent, want < n ? want : n);
	}
	if (l.count == 0 && shared >= 0)
		lineage_add(&l, shared_blocks(g), shared_text(g, shared));
	if (l.count == LINEAGE_MOST) /* a very long ancestry: the oldest texts stay, the newest is new */
		l.count--;
	lineage_add(&l, n, own_text(g, ++g->texts));
	if (p->reuse_share > 0)
		lineage_ring_add(&g->ring, &l);
	return set_blocks(g, q, &l, n, err);
}
