#include "validation/engine/engine.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "sim/serve/scheduler.h"
#include "validation/engine/engine_cache.h"
#include "validation/engine/engine_private.h"

/* ---- making ---- */

/* What a technique keeps beside blocks is not shared by sequences. */
static bool check_methods(const struct engine_options *o, struct err *err)
{
	const struct cache_ops *cache = o->methods ? o->methods->cache : NULL;

	if (o->limits.prefix_caching && o->methods && (cache || o->methods->depth.every > 0 || o->methods->draft.depth > 0))
		return err_set(err, ERR_INPUT, "--with %s: the engine shares no prefixes of such a cache; expected prefix_caching=no",
			       cache ? cache->name : o->methods->draft.depth > 0 ? "eagle3" : "mixture_of_depths");
	if (cache && cache->block_tokens > 0 && o->limits.block_tokens != cache->block_tokens)
		return err_set(err, ERR_INPUT, "--with %s: cache blocks of %lld tokens: the engine packs whole blocks; expected --block-size %lld", cache->name,
			       (long long)o->limits.block_tokens, (long long)cache->block_tokens);
	return true;
}

static int drafted(const struct engine_options *o)
{
	return o->methods ? o->methods->draft.depth : 0;
}

static bool check_options(const struct engine_model *m, const struct engine_options *o, struct err *err)
{
	const struct batcher_limits *l = &o->limits;

	if (l->swap || l->handoff || l->late || l->host_cache_blocks > 0 || l->lanes != 1 || l->unpaged || (l->state_blocks > 0 && !drafted(o)) ||
	    l->window_tokens > 0)
		return err_set(err, ERR_INPUT, "engine: swapping, offload, pipelines, hand-over and caches of windows are not built into it; expected a plain "
			       "scheduler on one replica");
	if (o->threads < 1 || o->threads > 1024 || l->kv_blocks < 1 || l->kv_blocks > (int64_t)1 << 30)
		return err_set(err, ERR_INPUT, "engine: %d threads, %lld cache blocks: expected 1 to 1024 and at least 1", o->threads, (long long)l->kv_blocks);
	if (o->clock == CLOCK_OF_PROCESSOR && o->threads > 1)
		return err_set(err, ERR_INPUT, "engine: processor time with %d threads: it is that of one thread; expected 1 thread or wall time", o->threads);
	if (o->kv_format != KERNEL_FP32 && o->kv_format != KERNEL_BF16)
		return err_set(err, ERR_INPUT, "engine: cache in %s: expected fp32 or bf16", kernel_format_names[o->kv_format]);
	(void)m;
	return check_methods(o, err);
}

static bool make_seats(struct engine *e, int64_t count)
{
	e->free_seats = mem_alloc((size_t)count * sizeof(*e->free_seats));
	for (; e->free_seats && e->free_seat_count < count; e->free_seat_count++)
		e->free_seats[e->free_seat_count] = (int32_t)e->free_seat_count;
	return e->free_seats != NULL;
}

struct engine *engine_new(const struct engine_model *m, const struct engine_options *o, struct err *err)
{
	struct engine *e;
	/* Spare blocks: a sequence that finds its prefix elsewhere gives its own block back only when its turn in the batch comes. */
	int64_t spare = o->limits.max_seqs < o->limits.kv_blocks ? o->limits.max_seqs : o->limits.kv_blocks;
	int64_t each = 1 + drafted(o);         /* rows and logits of a decoding sequence */
	struct forward_limits limits = { .rows = o->limits.max_tokens + o->limits.max_seqs * each, .sequences = o->limits.max_seqs + 1,
					 .logits = (o->limits.max_seqs + 1) * each, .block_tokens = o->limits.block_tokens, .context = o->context + 2 * each,
					 .kv_format = o->kv_format, .threads = o->threads, .clock = o->clock, .methods = o->methods };

	if (!check_options(m, o, err))
		return NULL;
	spare += engine_draft_spare(o);
	limits.blocks = 1 + o->limits.kv_blocks + spare;
	e = mem_calloc(1, sizeof(*e));
	if (!e) {
		err_memory(err);
		return NULL;
	}
	e->m = m;
	e->o = *o;
	if (!seq_pool_init(&e->pool, 64) || !make_seats(e, limits.sequences)) {
		err_memory(err);
		goto fail;
	}
	if (batcher_init(&e->batcher, &e->pool, o->scheduler, &o->limits, err) &&
	    (e->pages = kv_pages_new(1, o->limits.kv_blocks + spare, o->limits.block_tokens, e->batcher.prefix, err)) && (e->forward = forward_new(m, &limits, err)) &&
	    engine_draft_new(e, &limits, err))
		return e;
fail:
	engine_free(e);
	return NULL;
}

static void forget(struct live *l)
{
	block_table_release(&l->table);
	mem_free(l->key_memory);
	mem_free(l->ids);
	*l = (struct live){ 0 };
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->live_capacity; i++)
		forget(&e->live[i]);
	mem_free(e->live);
	mem_free(e->ids);
	mem_free(e->positions);
	mem_free(e->logit_rows);
	mem_free(e->logit_seqs);
	mem_free(e->slots);
	mem_free(e->lengths);
	mem_free(e->first);
	mem_free((void *)(uintptr_t)e->tables);
	mem_free(e->seats);
	mem_free(e->free_seats);
	engine_draft_free(e);
	forward_free(e->forward);
	kv_pages_free(e->pages);
	if (e->batcher.pool)
		batcher_release(&e->batcher);
	seq_pool_release(&e->pool);
	mem_free(e);
}

/* ---- requests ---- */

uint64_t engine_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* Equal keys, equal texts. */
int32_t engine_keyed_token(const struct engine *e, const struct live *l, int64_t position)
{
	int64_t i = l->keys.tokens > 0 ? position / l->keys.tokens : 0;

	if (l->keys.tokens == 0 || i >= l->keys.count)
		return -1;
	return (int32_t)(engine_mix(l->keys.keys[i] + (uint64_t)(position % l->keys.tokens) * 0x9e3779b97f4a7c15u) % (uint64_t)e->m->shape.vocab);
}

static void write_prompt(const struct engine *e, struct live *l, const int32_t *prompt)
{
	uint64_t base = engine_mix(e->o.seed * 0x9e3779b97f4a7c15u + (uint64_t)l->asked.id + 1);

	for (int64_t i = 0; i < l->asked.prompt_tokens; i++) {
		int32_t keyed = prompt ? prompt[i] : engine_keyed_token(e, l, i);

		l->ids[i] = keyed >= 0 ? keyed : (int32_t)(engine_mix(base + (uint64_t)i) % (uint64_t)e->m->shape.vocab);
	}
	l->known = l->asked.prompt_tokens;
}

static bool adopt_keys(struct engine *e, const struct request *r, struct live *l, struct seq *s)
{
	if (!e->batcher.prefix || !r->blocks || r->block_count == 0 || r->block_tokens == 0 || r->block_tokens % e->o.limits.block_tokens != 0)
		return true;
	l->key_memory = mem_alloc(r->block_count * sizeof(*l->key_memory));
	if (!l->key_memory)
		return false;
	memcpy(l->key_memory, r->blocks, r->block_count * sizeof(*l->key_memory));
	l->keys = (struct prefix_keys){ .keys = l->key_memory, .count = (int32_t)r->block_count, .tokens = r->block_tokens };
	if (e->batcher.key_tokens != r->block_tokens)
		batcher_set_keys(&e->batcher, r->block_tokens);
	s->keys = l->key_memory;
	s->key_count = l->keys.count;
	return true;
}

static bool check_prompt(const struct engine *e, const struct request *r, const int32_t *prompt, struct err *err)
{
	for (int64_t i = 0; prompt && i < r->prompt_tokens; i++)
		if (prompt[i] < 0 || prompt[i] >= e->m->shape.vocab)
			return err_set(err, ERR_INPUT, "engine: token %d of request %lld: expected 0 to %lld", (int)prompt[i], (long long)r->id,
				       (long long)e->m->shape.vocab - 1);
	return true;
}

bool engine_add(struct engine *e, const struct request *r, const int32_t *prompt, bool *refused, struct err *err)
{
	struct live *l;
	struct seq *s;
	int32_t i;

	*refused = r->prompt_tokens < 1 || r->output_tokens < 1 || r->prompt_tokens + r->output_tokens > e->o.context ||
		   !batcher_accepts(&e->batcher, r->prompt_tokens, r->output_tokens);
	if (*refused)
		return true;
	if (!check_prompt(e, r, prompt, err))
		return false;
	i = seq_pool_take(&e->pool);
	if (i == NO_SEQ)
		return err_memory(err);
	if ((size_t)i >= e->live_capacity) {
		size_t old = e->live_capacity;

		if (!mem_grow(&e->live, &e->live_capacity, (size_t)i + 1, sizeof(*e->live)))
			return err_memory(err);
		memset(&e->live[old], 0, (e->live_capacity - old) * sizeof(*e->live));
	}
	l = &e->live[i];
	s = &e->pool.at[i];
	*l = (struct live){ .asked = *r, .seat = NO_SEQ, .here = true };
	l->asked.blocks = NULL;
	l->ids = mem_alloc((size_t)(r->prompt_tokens + r->output_tokens) * sizeof(*l->ids));
	s->id = r->id;
	s->arrival_s = r->arrival_s;
	s->first_schedule_s = s->first_token_s = s->last_token_s = -1;
	s->prompt = (int32_t)r->prompt_tokens;
	s->output = (int32_t)r->output_tokens;
	s->priority = r->priority;
	s->session = r->session;
	if (!l->ids || !adopt_keys(e, r, l, s))
		return err_memory(err);
	write_prompt(e, l, prompt);
	batcher_add(&e->batcher, i, false);
	return true;
}

/* ---- laying the batch out ---- */

bool engine_make_room(struct engine *e, int64_t rows, int64_t seqs)
{
	size_t need_rows = (size_t)rows + 1, need_seqs = (size_t)seqs + 1, c;

	if (need_rows > e->row_capacity) {
		size_t a = e->row_capacity, b = a, d = a;

		if (!mem_grow(&e->ids, &a, need_rows, sizeof(*e->ids)) || !mem_grow(&e->positions, &b, need_rows, sizeof(*e->positions)) ||
		    !mem_grow(&e->slots, &d, need_rows, sizeof(*e->slots)))
			return false;
		e->row_capacity = a < b ? a < d ? a : d : b < d ? b : d;
	}
	if (need_seqs > e->seq_capacity) {
		size_t sizes[6] = { e->seq_capacity, e->seq_capacity, e->seq_capacity, e->seq_capacity, e->seq_capacity, e->seq_capacity };

		if (!mem_grow(&e->lengths, &sizes[0], need_seqs, sizeof(*e->lengths)) || !mem_grow(&e->first, &sizes[1], need_seqs, sizeof(*e->first)) ||
		    !mem_grow(&e->tables, &sizes[2], need_seqs, sizeof(*e->tables)) || !mem_grow(&e->logit_rows, &sizes[3], need_seqs, sizeof(*e->logit_rows)) ||
		    !mem_grow(&e->logit_seqs, &sizes[4], need_seqs, sizeof(*e->logit_seqs)) ||
		    !mem_grow(&e->seats, &sizes[5], need_seqs, sizeof(*e->seats)))
			return false;
		c = sizes[0];
		for (int k = 1; k < 6; k++)
			c = sizes[k] < c ? sizes[k] : c;
		e->seq_capacity = c;
	}
	return true;
}

static void give_seat(struct engine *e, struct live *l)
{
	if (l->seat != NO_SEQ)
		e->free_seats[e->free_seat_count++] = l->seat;
	l->seat = NO_SEQ;
}

void engine_put_seat(struct engine *e, int32_t i, int64_t at)
{
	struct live *l = &e->live[i];

	if (l->seat == NO_SEQ)
		l->seat = e->free_seats[--e->free_seat_count];
	e->seats[at] = l->seat;
}

/* The sequences that the batcher threw out since the last look hold no blocks any more; a table that was begun before is void. */
static void follow_preemptions(struct engine *e)
{
	if (e->batcher.preemptions == e->preemptions_seen)
		return;
	e->preemptions_seen = e->batcher.preemptions;
	for (size_t i = 0; i < e->live_capacity; i++) {
		struct live *l = &e->live[i];

		if (l->here && l->table.preemptions != e->pool.at[i].preemptions) {
			kv_pages_release(e->pages, &l->table, &l->keys, 0);
			give_seat(e, l);
			l->guess_count = 0;
			l->table.preemptions = e->pool.at[i].preemptions;
		}
	}
}

void engine_put_rows(struct engine *e, int32_t i, int64_t from, int64_t to)
{
	struct live *l = &e->live[i];
	int64_t bt = e->o.limits.block_tokens;

	for (int64_t t = from; t < to; t++) {
		int32_t block = l->table.blocks[t / bt];
		int64_t r = e->batch.rows++;

		e->ids[r] = t < l->known ? l->ids[t] : l->guesses[t - l->known];
		e->positions[r] = (int32_t)t;
		e->slots[r] = (kv_pages_owns(e->pages, block, i) ? (int64_t)block : 0) * bt + t % bt;
	}
}

static void want_logits(struct engine *e, int32_t i)
{
	e->logit_rows[e->batch.logits] = (int32_t)(e->batch.rows - 1);
	e->logit_seqs[e->batch.logits++] = i;
}

static bool put_decodes(struct engine *e, struct err *err)
{
	struct lane *lane = &e->batcher.lanes[0];

	if (!lane->batch.decodes)
		return true;
	for (int32_t i = e->batcher.running.head; i != NO_SEQ; i = e->pool.at[i].next) {
		struct live *l = &e->live[i];
		int64_t cached;

		if (e->pool.at[i].state != SEQ_DECODE)
			continue;
		cached = decode_group_cached(&lane->decoding, &e->pool.at[i]);
		if (!engine_make_room(e, e->batch.rows + 1, e->batch.decodes + 1))
			return err_memory(err);
		/* No keys: what an answer fills becomes known when the sequence ends, as the batcher does it. */
		if (kv_pages_extend(e->pages, &l->table, NULL, cached, cached + 1, i, err) < 0)
			return false;
		e->lengths[e->batch.decodes] = cached + 1;
		engine_put_seat(e, i, e->batch.decodes);
		engine_put_rows(e, i, cached, cached + 1);
		want_logits(e, i);
		e->batch.decodes++;
	}
	return true;
}

static bool put_chunks(struct engine *e, struct err *err)
{
	const struct batch *batch = &e->batcher.lanes[0].batch;

	for (size_t k = 0; k < batch->chunk_count; k++) {
		const struct chunk *c = &batch->chunks[k];
		struct live *l = &e->live[c->seq];
		int64_t end = (int64_t)c->prior + c->tokens, start;
		int64_t at = e->batch.decodes + e->batch.chunks;

		start = kv_pages_extend(e->pages, &l->table, &l->keys, c->prior, end, c->seq, err);
		if (start < 0)
			return false;
		e->recomputed += c->prior - start;
		if (!engine_make_room(e, e->batch.rows + end - start, at + 1))
			return err_memory(err);
		if (e->batch.chunks == 0)
			e->first[0] = 0;
		engine_put_rows(e, c->seq, start, end);
		e->first[++e->batch.chunks] = e->batch.rows - e->batch.decodes;
		e->lengths[at] = end;
		engine_put_seat(e, c->seq, at);
		if (c->last)
			want_logits(e, c->seq);
	}
	return true;
}

/* Tables may have moved while others grew: their addresses are taken last. */
static void put_tables(struct engine *e)
{
	const struct batch *batch = &e->batcher.lanes[0].batch;
	int64_t n = 0;

	if (batch->decodes)
		for (int32_t i = e->batcher.running.head; i != NO_SEQ; i = e->pool.at[i].next)
			if (e->pool.at[i].state == SEQ_DECODE)
				e->tables[n++] = e->live[i].table.blocks;
	for (size_t k = 0; k < batch->chunk_count; k++)
		e->tables[n++] = e->live[batch->chunks[k].seq].table.blocks;
	e->batch.ids = e->ids;
	e->batch.positions = e->positions;
	e->batch.slots = e->slots;
	e->batch.lengths = e->lengths;
	e->batch.first = e->first;
	e->batch.tables = e->tables;
	e->batch.seats = e->seats;
	e->batch.logit_rows = e->logit_rows;
}

static bool lay_out(struct engine *e, struct err *err)
{
	e->batch = (struct forward_batch){ 0 };
	e->verified_count = 0;
	follow_preemptions(e);
	if (!engine_make_room(e, e->o.limits.max_tokens, e->batcher.running.count + 1))
		return err_memory(err);
	if (!(e->draft ? engine_put_verified(e, err) : put_decodes(e, err)) || !put_chunks(e, err))
		return false;
	put_tables(e);
	return true;
}

/* ---- steps ---- */

/* An answer's token: what the model chose, or, where the workload says what later turns will repeat, that. */
static void take_tokens(struct engine *e)
{
	const int32_t *chosen = forward_tokens(e->forward);

	for (int64_t k = e->draft ? engine_take_verified(e) : 0; k < e->batch.logits; k++) {
		struct live *l = &e->live[e->logit_seqs[k]];
		int32_t keyed = engine_keyed_token(e, l, l->known);

		if (l->known < l->asked.prompt_tokens + l->asked.output_tokens)
			l->ids[l->known++] = keyed >= 0 ? keyed : chosen[k];
	}
}

static void note_starts(struct engine *e, double now_s)
{
	const struct batch *batch = &e->batcher.lanes[0].batch;

	for (size_t k = 0; k < batch->chunk_count; k++) {
		struct seq *s = &e->pool.at[batch->chunks[k].seq];

		if (s->first_schedule_s < 0)
			s->first_schedule_s = now_s;
	}
}

static bool retire(struct engine *e, int32_t i, double end_s, struct err *err)
{
	struct seq *s = &e->pool.at[i];
	struct live *l = &e->live[i];
	struct engine_request r = { .id = s->id, .prompt_tokens = s->prompt, .output_tokens = s->output, .cached_tokens = s->cached, .arrival_s = s->arrival_s,
				    .scheduled_s = s->first_schedule_s, .first_token_s = s->first_token_s, .last_token_s = end_s, .preemptions = s->preemptions };
	bool ok = !e->done || e->done(e->done_ctx, &r, &l->asked, l->ids + s->prompt, err);

	kv_pages_release(e->pages, &l->table, &l->keys, s->computed);
	give_seat(e, l);
	batcher_release_seq(&e->batcher, i);
	forget(l);
	seq_pool_give(&e->pool, i);
	return ok;
}

static bool commit(struct engine *e, double end_s, struct err *err)
{
	struct batcher *b = &e->batcher;

	if (b->lanes[0].batch.decodes)
		b->lanes[0].last_token_s = end_s;
	batcher_commit(b, 0, 1);
	if (e->draft)
		engine_commit_gains(e);
	if (b->out_of_memory)
		return err_memory(err);
	for (size_t k = 0; k < b->first_count; k++) {
		struct seq *s = &e->pool.at[b->first_tokens[k]];

		if (s->generated == 1)
			s->first_token_s = end_s;
		s->last_token_s = end_s;
	}
	for (size_t k = 0; k < b->finished_count; k++)
		if (!retire(e, b->finished[k], end_s, err))
			return false;
	return true;
}

static double operators_s(const struct engine *e)
{
	double sum = 0;

	for (int i = 0; i < FORWARD_OP_COUNT; i++)
		sum += forward_op_s(e->forward)[i];
	return sum;
}

bool engine_step(struct engine *e, double now_s, engine_clock *clock, void *ctx, struct engine_step *out, struct err *err)
{
	struct batcher *b = &e->batcher;
	double form_s = forward_clock_s(e->o.clock), before_s;

	*out = (struct engine_step){ 0 };
	if (!batcher_form(b, 0, now_s))
		return b->out_of_memory ? err_memory(err) : true;
	note_starts(e, now_s);
	if (!lay_out(e, err))
		return false;
	form_s = forward_clock_s(e->o.clock) - form_s;
	out->iteration = (struct engine_iteration){ .start_s = now_s, .form_s = form_s, .decodes = e->batch.decodes + e->verified_count,
						    .prefills = e->batch.chunks - e->verified_count,
						    .prefill_tokens = b->lanes[0].batch.prefill_tokens, .running = b->running.count,
						    .waiting = b->waiting_count, .kv_blocks = batcher_used_blocks(b) };
	before_s = operators_s(e);
	if (!forward_run(e->forward, &e->batch, err))
		return false;
	take_tokens(e);
	if (e->draft && !engine_guess(e, err))
		return false;
	out->iteration.op_s = operators_s(e) - before_s;
	out->iteration.end_s = clock ? clock(ctx) : now_s;
	out->ran = true;
	return commit(e, out->iteration.end_s, err);
}

void engine_on_done(struct engine *e, engine_done *done, void *ctx)
{
	e->done = done;
	e->done_ctx = ctx;
}

int64_t engine_outstanding(const struct engine *e)
{
	return batcher_outstanding(&e->batcher);
}

struct forward *engine_forward(const struct engine *e)
{
	return e->forward;
}

const struct batcher *engine_batcher(const struct engine *e)
{
	return &e->batcher;
}

int64_t engine_recomputed(const struct engine *e)
{
	return e->recomputed;
}
