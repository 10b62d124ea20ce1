/* Speculative decoding in the engine: guesses of a draft layer are verified as short chunks of the model's next pass, and the draft layer
 * then goes through the same tokens itself, from the model's features, before it guesses on from its own. */
#include <string.h>

#include "base/mem.h"
#include "validation/engine/engine_private.h"

/* The draft layer's batch, and which sequences guess in it. */
struct draft_rows {
	struct forward_batch batch;
	int32_t *ids, *positions, *logit_rows, *seqs;
	int64_t *slots, *lengths, *first;
	const int32_t **tables;
	float *features;
	int64_t rows;                  /* what there is room for */
};

/* ---- making ---- */

int64_t engine_draft_spare(const struct engine_options *o)
{
	int64_t depth = o->methods ? o->methods->draft.depth : 0;

	return depth ? o->limits.max_seqs * (1 + (2 * depth + 2) / o->limits.block_tokens) : 0;
}

/* Rows of a batch: all that the model had. */
static bool draft_room(struct engine *e, int64_t rows, struct err *err)
{
	struct draft_rows *d = e->draft_rows;
	size_t n = (size_t)rows;

	if (rows <= d->rows)
		return true;
	d->rows = 0;
	mem_free(d->ids);
	mem_free(d->positions);
	mem_free(d->slots);
	mem_free(d->features);
	d->ids = mem_alloc(n * sizeof(*d->ids));
	d->positions = mem_alloc(n * sizeof(*d->positions));
	d->slots = mem_alloc(n * sizeof(*d->slots));
	d->features = mem_alloc_aligned(n * (size_t)(e->o.methods->draft.fused * e->m->shape.hidden) * sizeof(float));
	if (!d->ids || !d->positions || !d->slots || !d->features)
		return err_memory(err);
	d->rows = rows;
	return true;
}

bool engine_draft_new(struct engine *e, const struct forward_limits *limits, struct err *err)
{
	const struct draft_settings *s = e->o.methods ? &e->o.methods->draft : NULL;
	size_t seqs = (size_t)limits->sequences;
	struct draft_rows *d;

	if (!s || s->depth == 0)
		return true;
	e->draft_rows = d = mem_calloc(1, sizeof(*d));
	e->verified = mem_alloc(seqs * sizeof(*e->verified));
	if (!d || !e->verified)
		return err_memory(err);
	d->logit_rows = mem_alloc(seqs * sizeof(*d->logit_rows));
	d->seqs = mem_alloc(seqs * sizeof(*d->seqs));
	d->lengths = mem_alloc(seqs * sizeof(*d->lengths));
	d->first = mem_alloc((seqs + 1) * sizeof(*d->first));
	d->tables = mem_alloc(seqs * sizeof(*d->tables));
	if (!d->logit_rows || !d->seqs || !d->lengths || !d->first || !d->tables)
		return err_memory(err);
	if (!draft_room(e, limits->rows, err))
		return false;
	e->draft = draft_head_new(s, e->m, limits, e->o.seed, err);
	return e->draft != NULL;
}

void engine_draft_free(struct engine *e)
{
	struct draft_rows *d = e->draft_rows;

	draft_head_free(e->draft);
	mem_free(e->verified);
	if (!d)
		return;
	mem_free(d->ids);
	mem_free(d->positions);
	mem_free(d->slots);
	mem_free(d->features);
	mem_free(d->logit_rows);
	mem_free(d->seqs);
	mem_free(d->lengths);
	mem_free(d->first);
	mem_free((void *)(uintptr_t)d->tables);
	mem_free(d);
}

/* ---- verifying ---- */

bool engine_put_verified(struct engine *e, struct err *err)
{
	struct lane *lane = &e->batcher.lanes[0];

	if (!lane->batch.decodes)
		return true;
	e->first[0] = 0;
	for (int32_t i = e->batcher.running.head; i != NO_SEQ; i = e->pool.at[i].next) {
		struct live *l = &e->live[i];
		struct verified *v = &e->verified[e->verified_count];
		int64_t cached, at = e->batch.chunks;

		if (e->pool.at[i].state != SEQ_DECODE)
			continue;
		cached = decode_group_cached(&lane->decoding, &e->pool.at[i]);
		*v = (struct verified){ .seq = i, .row = e->batch.rows, .logit = e->batch.logits, .guesses = l->guess_count };
		if (!engine_make_room(e, e->batch.rows + 1 + v->guesses, e->batch.logits + 1 + v->guesses))
			return err_memory(err);
		if (kv_pages_extend(e->pages, &l->table, NULL, cached, cached + 1 + v->guesses, i, err) < 0)
			return false;
		engine_put_seat(e, i, at);
		engine_put_rows(e, i, cached, cached + 1 + v->guesses);
		e->lengths[at] = cached + 1 + v->guesses;
		e->first[++e->batch.chunks] = e->batch.rows;
		for (int k = 0; k <= v->guesses; k++) {
			e->logit_rows[e->batch.logits] = (int32_t)(v->row + k);
			e->logit_seqs[e->batch.logits++] = i;
		}
		e->verified_count++;
	}
	return true;
}

static double uniform(uint64_t seed, int64_t id, int64_t position)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + (uint64_t)id * 0xbf58476d1ce4e5b9u + (uint64_t)position * 0x94d049bb133111ebu + 1;

	return (double)(engine_mix(x) >> 11) * 0x1p-53;
}

/* The token at the end of what is known, where the model chose `chosen`; *holds: the guess of it, number k, is accepted. */
static int32_t next_token(const struct engine *e, const struct live *l, const struct verified *v, int k, int32_t chosen, bool *holds)
{
	const struct draft_settings *s = &e->o.methods->draft;
	int32_t keyed = engine_keyed_token(e, l, l->known), truth = keyed >= 0 ? keyed : chosen;

	*holds = k < v->guesses && (s->drawn ? uniform(e->o.seed, l->asked.id, l->known) < s->right[k] : l->guesses[k] == truth);
	return *holds && s->drawn && keyed < 0 ? l->guesses[k] : truth;
}

int64_t engine_take_verified(struct engine *e)
{
	const int32_t *chosen = forward_tokens(e->forward);
	int64_t used = 0;

	for (int64_t n = 0; n < e->verified_count; n++) {
		const struct verified *v = &e->verified[n];
		struct live *l = &e->live[v->seq];
		int64_t end = l->asked.prompt_tokens + l->asked.output_tokens;
		bool holds = true;

		l->gained = -1;                /* the first token is the step's own */
		for (int k = 0; k <= v->guesses && holds && l->known < end; k++) {
			int32_t token = next_token(e, l, v, k, chosen[v->logit + k], &holds);

			l->ids[l->known++] = token;
			l->gained++;
		}
		l->guess_count = 0;
		used = v->logit + v->guesses + 1;
	}
	return used;
}

void engine_commit_gains(struct engine *e)
{
	for (int64_t n = 0; n < e->verified_count; n++) {
		int32_t i = e->verified[n].seq;
		struct live *l = &e->live[i];
		int64_t took = l->gained > 0 ? batcher_gain(&e->batcher, 0, i, l->gained) : 0;

		if (took < l->gained) {        /* no block for them: they will be computed again */
			l->known -= l->gained - took;
			l->guess_count = 0;
		}
		l->gained = 0;
	}
}

/* ---- guessing ---- */

static int64_t slot_of(const struct engine *e, const struct live *l, int64_t position)
{
	int64_t bt = e->o.limits.block_tokens;

	return l->table.blocks[position / bt] * bt + position % bt;
}

/* Sequence i went through positions from .. to - 1 in rows row .. of the model's batch: the draft layer follows. */
static void follow(struct engine *e, int32_t i, int64_t from, int64_t to, int64_t row, bool guesses)
{
	struct draft_rows *d = e->draft_rows;
	struct live *l = &e->live[i];
	int64_t width = e->o.methods->draft.fused * e->m->shape.hidden, at = d->batch.chunks;

	for (int64_t t = from; t < to; t++) {
		int64_t r = d->batch.rows++;

		d->ids[r] = l->ids[t + 1];
		d->positions[r] = (int32_t)t;
		d->slots[r] = slot_of(e, l, t);
		memcpy(d->features + r * width, forward_features(e->forward) + (row + t - from) * width, (size_t)width * sizeof(float));
	}
	d->lengths[at] = to;
	d->first[++d->batch.chunks] = d->batch.rows;
	if (!guesses)
		return;
	d->seqs[d->batch.logits] = i;
	d->logit_rows[d->batch.logits++] = (int32_t)(d->batch.rows - 1);
}

static bool unfinished(const struct live *l)
{
	return l->known < l->asked.prompt_tokens + l->asked.output_tokens;
}

static void follow_batch(struct engine *e)
{
	const struct batch *batch = &e->batcher.lanes[0].batch;
	struct draft_rows *d = e->draft_rows;

	d->batch = (struct forward_batch){ 0 };
	d->first[0] = 0;
	for (int64_t n = 0; n < e->verified_count; n++) {
		const struct verified *v = &e->verified[n];
		struct live *l = &e->live[v->seq];

		if (unfinished(l))
			follow(e, v->seq, l->known - 2 - l->gained, l->known - 1, v->row, true);
	}
	for (size_t k = 0; k < batch->chunk_count; k++) {
		const struct chunk *c = &batch->chunks[k];
		int64_t at = e->batch.decodes + e->verified_count + (int64_t)k, row = e->first[e->verified_count + (int64_t)k];
		int64_t rows = e->first[e->verified_count + (int64_t)k + 1] - row;

		if (unfinished(&e->live[c->seq]))
			follow(e, c->seq, e->lengths[at] - rows, e->lengths[at], row, c->last);
	}
}

static void hand_over(struct draft_rows *d)
{
	d->batch.ids = d->ids;
	d->batch.positions = d->positions;
	d->batch.slots = d->slots;
	d->batch.lengths = d->lengths;
	d->batch.first = d->first;
	d->batch.tables = d->tables;
	d->batch.logit_rows = d->logit_rows;
}

/* Addresses of tables, of the sequences of the first pass or of those that guess. */
static void put_tables(struct engine *e)
{
	const struct batch *batch = &e->batcher.lanes[0].batch;
	struct draft_rows *d = e->draft_rows;
	int64_t n = 0;

	for (int64_t k = 0; k < e->verified_count; k++)
		if (unfinished(&e->live[e->verified[k].seq]))
			d->tables[n++] = e->live[e->verified[k].seq].table.blocks;
	for (size_t k = 0; k < batch->chunk_count; k++)
		if (unfinished(&e->live[batch->chunks[k].seq]))
			d->tables[n++] = e->live[batch->chunks[k].seq].table.blocks;
}

static void keep_guesses(struct engine *e)
{
	const int32_t *guesses = draft_head_guesses(e->draft);

	for (int64_t n = 0; n < e->draft_rows->batch.logits; n++) {
		struct live *l = &e->live[e->draft_rows->seqs[n]];

		l->guesses[l->guess_count++] = guesses[n];
	}
}

/* One row for each sequence that guesses, on from the guess it made last. */
static bool follow_guesses(struct engine *e, struct err *err)
{
	struct draft_rows *d = e->draft_rows;

	d->batch.rows = d->batch.decodes = d->batch.logits;
	d->batch.chunks = 0;
	for (int64_t n = 0; n < d->batch.logits; n++) {
		struct live *l = &e->live[d->seqs[n]];
		int64_t t = l->known - 2 + l->guess_count;

		if (kv_pages_extend(e->pages, &l->table, NULL, t, t + 1, d->seqs[n], err) < 0)
			return false;
		d->ids[n] = l->guesses[l->guess_count - 1];
		d->positions[n] = (int32_t)t;
		d->slots[n] = slot_of(e, l, t);
		d->lengths[n] = t + 1;
		d->logit_rows[n] = (int32_t)n;
		d->tables[n] = l->table.blocks;
	}
	return true;
}

bool engine_guess(struct engine *e, struct err *err)
{
	struct draft_rows *d = e->draft_rows;

	if (!draft_room(e, e->batch.rows, err))
		return false;
	follow_batch(e);
	if (d->batch.rows == 0)
		return true;
	put_tables(e);
	hand_over(d);
	if (!draft_head_run(e->draft, &d->batch, d->features, e->forward, err))
		return false;
	keep_guesses(e);
	for (int depth = 1; depth < e->o.methods->draft.depth && d->batch.logits > 0; depth++) {
		if (!follow_guesses(e, err) || !draft_head_run(e->draft, &d->batch, NULL, e->forward, err))
			return false;
		keep_guesses(e);
	}
	return true;
}
