#include "sim/serve/batcher.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sim/serve/scheduler.h"

static struct seq *seq_at(const struct batcher *b, int32_t i)
{
	return &b->pool->at[i];
}

/* Blocks that hold so many tokens; block sizes are nearly always powers of two. */
static inline int64_t whole_blocks(const struct batcher *b, int64_t tokens)
{
	const struct decode_group *g = &b->lanes[0].decoding;
	int64_t up = tokens + g->block_tokens - 1;

	return g->block_mask >= 0 ? up >> g->block_shift : up / g->block_tokens;
}

bool batcher_init(struct batcher *b, struct seq_pool *pool, const struct scheduler_ops *ops, const struct batcher_limits *limits,
		  struct err *err)
{
	*b = (struct batcher){ .pool = pool, .ops = ops, .limits = *limits, .free_blocks = limits->kv_blocks };
	for (int p = 0; p < PRIORITY_LEVELS; p++)
		seq_list_init(&b->waiting[p]);
	seq_list_init(&b->running);
	seq_list_init(&b->swapped);
	seq_list_init(&b->loading);
	seq_list_init(&b->inbox);
	b->key_tokens = limits->block_tokens;
	b->key_blocks = 1;
	b->has_fixed = limits->unpaged || limits->state_blocks > 0 || limits->window_blocks_per_token > 0;
	b->lanes = mem_calloc((size_t)limits->lanes, sizeof(*b->lanes));
	b->policy = ops->state_bytes ? mem_calloc(1, ops->state_bytes) : NULL;
	if (!b->lanes || (ops->state_bytes && !b->policy))
		goto fail;
	for (int l = 0; l < limits->lanes; l++)
		if (!decode_group_init(&b->lanes[l].decoding, limits->block_tokens, limits->windows, limits->window_count, limits->wheel_bits))
			goto fail;
	if (limits->prefix_caching) {
		b->prefix = prefix_cache_new(limits->host_cache_blocks);
		if (!b->prefix)
			goto fail;
		prefix_cache_tiers(b->prefix, limits->host_cache_blocks, limits->disk_cache_blocks);
	}
	return true;
fail:
	batcher_release(b);
	return err_memory(err);
}

void batcher_release(struct batcher *b)
{
	for (int l = 0; b->lanes && l < b->limits.lanes; l++) {
		decode_group_release(&b->lanes[l].decoding);
		mem_free(b->lanes[l].partial);
		mem_free(b->lanes[l].fresh);
		mem_free(b->lanes[l].batch.chunks);
	}
	mem_free(b->lanes);
	mem_free(b->policy);
	prefix_cache_free(b->prefix);
	mem_free(b->finished);
	mem_free(b->first_tokens);
	*b = (struct batcher){ 0 };
}

/* ---- blocks ---- */

static void evict_for(struct batcher *b, int64_t n)
{
	while (b->free_blocks < n && b->prefix && prefix_cache_evict(b->prefix))
		b->free_blocks += b->key_blocks;
	assert(b->free_blocks >= n);
}

/* The caller has checked batcher_room. */
static inline void take_blocks(struct batcher *b, int64_t n)
{
	if (UNLIKELY(b->free_blocks < n))
		evict_for(b, n);
	b->free_blocks -= n;
}

void batcher_settle(struct batcher *b, int lane, int64_t steps)
{
	const struct lane *l = &b->lanes[lane];
	int64_t need;

	if (!b->prefix || b->limits.reserve != RESERVE_AS_NEEDED || !l->batch.decodes)
		return;
	need = decode_group_blocks(&l->decoding, steps) - l->reserved;
	while (b->free_blocks < need && prefix_cache_evict(b->prefix))
		b->free_blocks += b->key_blocks;
}

static int64_t paged_blocks(const struct batcher *b, int64_t tokens)
{
	return b->limits.unpaged ? 0 : whole_blocks(b, tokens);
}

/* For state and windows of a sequence that will be `tokens` long. */
static int64_t fixed_blocks(const struct batcher *b, int64_t tokens)
{
	const struct batcher_limits *l = &b->limits;
	double windows;
	int64_t blocks;

	if (LIKELY(!b->has_fixed))
		return 0;
	windows = (double)(tokens < l->window_tokens ? tokens : l->window_tokens) * l->window_blocks_per_token;
	blocks = (int64_t)ceil(windows + l->state_blocks - 1e-9);

	return l->unpaged && blocks < 1 ? 1 : blocks;
}

/* Private blocks that `s` needs to hold `tokens` tokens: those that the prefix cache holds for it are not its own. */
static int64_t private_blocks(const struct batcher *b, const struct seq *s, int64_t tokens)
{
	return paged_blocks(b, tokens) + s->fixed - s->pinned * b->key_blocks;
}

/* What a sequence holds from its admission on. */
static int64_t reserved_tokens(const struct batcher *b, const struct seq *s)
{
	return b->limits.reserve_tokens > 0 ? b->limits.reserve_tokens : (int64_t)s->prompt + s->output - 1;
}

void batcher_set_keys(struct batcher *b, int64_t key_tokens)
{
	b->key_tokens = key_tokens;
	b->key_blocks = key_tokens / b->limits.block_tokens > 0 ? key_tokens / b->limits.block_tokens : 1;
	if (b->prefix)
		prefix_cache_tiers(b->prefix, b->limits.host_cache_blocks / b->key_blocks, b->limits.disk_cache_blocks / b->key_blocks);
}

bool batcher_accepts(const struct batcher *b, int64_t prompt, int64_t output)
{
	const struct batcher_limits *l = &b->limits;
	int64_t tokens = l->handoff ? prompt : prompt + output - 1;

	if (l->max_model_len > 0 && prompt + output > l->max_model_len)
		return false;
	if (!l->chunked && prompt > l->max_tokens)
		return false;
	if (l->reserve == RESERVE_TOTAL && l->reserve_tokens > tokens)
		tokens = l->reserve_tokens;
	return paged_blocks(b, tokens) + fixed_blocks(b, prompt + output) + l->watermark_blocks <= l->kv_blocks;
}

/* ---- queues ---- */

static struct seq_list *queue_of(struct batcher *b, const struct seq *s)
{
	if (LIKELY(b->limits.order != ORDER_PRIORITY))
		return &b->waiting[0];
	return &b->waiting[s->priority < 0 ? 0 : s->priority >= PRIORITY_LEVELS ? PRIORITY_LEVELS - 1 : s->priority];
}

static void wait_last(struct batcher *b, int32_t i)
{
	seq_list_push_back(b->pool->at, queue_of(b, seq_at(b, i)), i);
	b->waiting_count++;
}

static void wait_first(struct batcher *b, int32_t i)
{
	struct seq *s = seq_at(b, i);

	s->state = SEQ_WAITING;
	seq_list_push_front(b->pool->at, queue_of(b, s), i);
	b->waiting_count++;
}

void batcher_add(struct batcher *b, int32_t i, bool late)
{
	struct seq *s = seq_at(b, i);

	s->state = SEQ_WAITING;
	if (s->target == 0)
		s->target = s->prompt;
	s->fixed = (int32_t)fixed_blocks(b, (int64_t)s->prompt + s->output);
	if (late)
		seq_list_push_back(b->pool->at, &b->inbox, i);
	else
		wait_last(b, i);
}

static bool open_inbox(struct batcher *b)
{
	bool any = b->inbox.count > 0;
	int32_t i;

	while ((i = b->inbox.head) != NO_SEQ) {
		seq_list_remove(b->pool->at, &b->inbox, i);
		if (seq_at(b, i)->state == SEQ_LOADING)
			wait_first(b, i);
		else
			wait_last(b, i);
	}
	return any;
}

static void unwait(struct batcher *b, int32_t i)
{
	seq_list_remove(b->pool->at, queue_of(b, seq_at(b, i)), i);
	b->waiting_count--;
}

int32_t batcher_head(const struct batcher *b)
{
	if (LIKELY(b->limits.order != ORDER_PRIORITY))
		return b->waiting[0].head;
	for (int p = 0; p < PRIORITY_LEVELS; p++)
		if (b->waiting[p].head != NO_SEQ)
			return b->waiting[p].head;
	return NO_SEQ;
}

bool batcher_may_admit(const struct batcher *b)
{
	if (b->ops->may_admit)
		return b->ops->may_admit(b);
	return b->running.count < b->limits.max_seqs;
}

/* ---- prefixes ---- */

/* Leading keys of `s` that may be reused: at least one token is always computed. */
static int32_t usable_keys(const struct batcher *b, const struct seq *s)
{
	int64_t most = (s->target - 1) / b->key_tokens;

	return s->key_count < most ? s->key_count : (int32_t)most;
}

int64_t batcher_hit(const struct batcher *b, int32_t i)
{
	const struct seq *s = seq_at(b, i);
	int32_t host, n;

	if (!b->prefix || !s->keys || s->computed > 0)
		return s->computed;
	n = prefix_cache_match(b->prefix, s->keys, usable_keys(b, s), &host);
	return (n + host) * b->key_tokens;
}

int64_t batcher_missing(const struct batcher *b, int32_t i)
{
	return seq_at(b, i)->target - batcher_hit(b, i);
}

bool batcher_prompt_fits(const struct batcher *b, int lane, int32_t i, int64_t budget)
{
	return batcher_missing(b, i) <= budget || (seq_at(b, i)->preemptions > 0 && b->lanes[lane].batch.chunk_count == 0);
}

/* Blocks that have just been computed become part of the prefix cache, still referenced by `s`. A block that another
 * sequence computed meanwhile is shared instead of kept twice. */
static void publish(struct batcher *b, struct seq *s, int64_t tokens)
{
	if (!b->prefix || !s->keys)
		return;
	while (s->pinned < s->key_count && (s->pinned + 1) * b->key_tokens <= tokens) {
		uint64_t *key = &s->keys[s->pinned];
		int32_t host;

		if (!prefix_cache_insert(b->prefix, *key)) {
			if (prefix_cache_match(b->prefix, key, 1, &host) != 1)
				return;        /* out of memory: stays private */
			prefix_cache_pin(b->prefix, key, 1);
			b->free_blocks += b->key_blocks;
		}
		s->pinned++;
		s->blocks -= (int32_t)b->key_blocks;
	}
}

/* ---- admission ---- */

static bool add_chunk(struct batcher *b, int lane, int32_t i, int64_t tokens)
{
	struct batch *batch = &b->lanes[lane].batch;
	struct seq *s = seq_at(b, i);

	if (UNLIKELY(batch->chunk_count == batch->chunk_capacity) &&
	    !mem_grow(&batch->chunks, &batch->chunk_capacity, batch->chunk_count + 1, sizeof(*batch->chunks))) {
		b->out_of_memory = true;
		return false;
	}
	batch->chunks[batch->chunk_count++] = (struct chunk){ .seq = i, .tokens = (int32_t)tokens, .prior = s->computed,
							      .last = s->computed + tokens >= s->target };
	batch->prefill_tokens += tokens;
	batch->logits += s->computed + tokens >= s->target;
	return true;
}

static bool note(int32_t **list, size_t *count, size_t *capacity, int32_t i)
{
	if (UNLIKELY(*count == *capacity) && !mem_grow(list, capacity, *count + 1, sizeof(**list)))
		return false;
	(*list)[(*count)++] = i;
	return true;
}

static bool add_partial(struct batcher *b, int lane, int32_t i)
{
	struct lane *l = &b->lanes[lane];

	if (note(&l->partial, &l->partial_count, &l->partial_capacity, i))
		return true;
	b->out_of_memory = true;
	return false;
}

static void join(struct batcher *b, struct lane *l, int32_t i, bool fresh, bool forming)
{
	seq_at(b, i)->state = SEQ_DECODE;
	decode_group_join(&l->decoding, b->pool->at, i);
	/* Joining a batch that is being formed: its next token comes with that batch, so its block is taken now. */
	if (forming && b->limits.reserve == RESERVE_AS_NEEDED && decode_group_needs_block(&l->decoding, seq_at(b, i))) {
		take_blocks(b, 1);
		l->reserved++;
	}
	if (fresh && !note(&l->fresh, &l->fresh_count, &l->fresh_capacity, i))
		b->out_of_memory = true;
}

static void remove_partial(struct lane *l, int32_t i)
{
	for (size_t k = 0; k < l->partial_count; k++)
		if (l->partial[k] == i) {
			memmove(&l->partial[k], &l->partial[k + 1], (l->partial_count - k - 1) * sizeof(l->partial[0]));
			l->partial_count--;
			return;
		}
}

enum admit batcher_admit(struct batcher *b, int lane, int32_t i, int64_t most, bool whole, int64_t spare)
{
	struct seq *s = seq_at(b, i);
	struct lane *l = &b->lanes[lane];
	int32_t hit = 0, host = 0;
	int64_t computed = s->computed, n, tokens, need;

	if (b->prefix && s->keys && computed == 0) {
		hit = prefix_cache_match(b->prefix, s->keys, usable_keys(b, s), &host);
		computed = (hit + host) * b->key_tokens;
	}
	n = s->target - computed < most ? s->target - computed : most;
	tokens = b->limits.reserve == RESERVE_TOTAL ? reserved_tokens(b, s) : whole ? s->target : computed + n;
	if (n == 0)                    /* decodes at once: its next token must fit, too */
		tokens = tokens > computed + 1 ? tokens : computed + 1;
	if (b->limits.reserve == RESERVE_TOTAL && b->limits.handoff)
		tokens = s->target;
	if (hit)
		prefix_cache_pin(b->prefix, s->keys, hit);
	s->pinned += hit;
	need = private_blocks(b, s, tokens) - s->blocks;
	if (need + spare > batcher_room(b)) {
		if (hit)
			prefix_cache_unpin(b->prefix, s->keys, hit);
		s->pinned -= hit;
		return ADMIT_NO_ROOM;
	}
	unwait(b, i);
	if (b->limits.reserve != RESERVE_TOTAL && !b->ops->whole_prompts)
		need = private_blocks(b, s, computed + n) - s->blocks;
	if (host) {
		/* The part in the slower tier comes first; the sequence waits for it holding its blocks. */
		int64_t blocks = host * b->key_blocks;

		s->disk_tokens = (int32_t)(prefix_cache_on_disk(b->prefix, s->keys + hit, host) * b->key_tokens);
		/* Pinned before room is made for them: evicting others may push the oldest out of the slower tier. */
		prefix_cache_restore(b->prefix, s->keys + hit, host);
		take_blocks(b, blocks);
		s->pinned += host;
		s->computed = (int32_t)computed;
		if (s->preemptions == 0)
			s->cached = s->computed;
		s->state = SEQ_LOADING;
		s->load_tokens = (int32_t)(host * b->key_tokens);
		b->load_new++;
		seq_list_push_back(b->pool->at, &b->loading, i);
		return ADMIT_LOADING;
	}
	take_blocks(b, need);
	s->blocks += (int32_t)need;
	if (s->computed == 0 && s->preemptions == 0)
		s->cached = (int32_t)computed;
	s->computed = (int32_t)computed;
	s->lane = (uint8_t)lane;
	seq_list_push_back(b->pool->at, &b->running, i);
	if (n == 0) {                  /* handed over with its cache: decodes at once */
		join(b, l, i, true, true);
		return ADMIT_OK;
	}
	s->state = SEQ_PREFILL;
	if (!add_partial(b, lane, i) || !add_chunk(b, lane, i, n))
		return ADMIT_NO_ROOM;
	publish(b, s, s->computed + n);
	return ADMIT_OK;
}

bool batcher_continue(struct batcher *b, int lane, int32_t i, int64_t most)
{
	struct seq *s = seq_at(b, i);
	int64_t n = s->target - s->computed, need;

	if (n > most)
		n = most;
	if (n <= 0)
		return true;
	need = private_blocks(b, s, s->computed + n) - s->blocks;
	if (need > 0 && b->limits.reserve != RESERVE_TOTAL) {
		if (need > batcher_room(b))
			return false;
		take_blocks(b, need);
		s->blocks += (int32_t)need;
	}
	if (!add_chunk(b, lane, i, n))
		return true;
	publish(b, s, s->computed + n);
	return true;
}

bool batcher_continue_or_preempt(struct batcher *b, int lane, int32_t i, int64_t most, bool *preempted)
{
	while (!batcher_continue(b, lane, i, most)) {
		int32_t victim = batcher_victim(b, lane);

		if (victim == NO_SEQ)
			return false;
		*preempted = true;
		batcher_preempt(b, lane, victim);
		if (victim == i)
			return false;
	}
	return true;
}

void batcher_loaded(struct batcher *b, int32_t i, bool late)
{
	seq_list_remove(b->pool->at, &b->loading, i);
	if (late)
		seq_list_push_back(b->pool->at, &b->inbox, i);
	else
		wait_first(b, i);
}

/* ---- preemption ---- */

static void give_back(struct batcher *b, struct seq *s)
{
	if (s->pinned) {
		prefix_cache_unpin(b->prefix, s->keys, s->pinned);
		s->pinned = 0;
	}
	b->free_blocks += s->blocks;
	s->blocks = 0;
}

void batcher_release_seq(struct batcher *b, int32_t i)
{
	struct seq *s = seq_at(b, i);

	/* What it computed beyond the prompt serves the session's next turn. */
	publish(b, s, s->computed);
	give_back(b, s);
}

int32_t batcher_victim(const struct batcher *b, int lane)
{
	int32_t best = NO_SEQ;

	for (int32_t i = b->running.tail; i != NO_SEQ; i = seq_at(b, i)->prev) {
		const struct seq *s = seq_at(b, i);

		if (s->lane != lane && b->lanes[s->lane].in_flight)
			continue;
		if (b->limits.order != ORDER_PRIORITY)
			return i;
		/* Least urgent, then latest arrival. */
		if (best == NO_SEQ || s->priority > seq_at(b, best)->priority ||
		    (s->priority == seq_at(b, best)->priority && s->arrival_s > seq_at(b, best)->arrival_s))
			best = i;
	}
	return best;
}

/* Takes back the chunk that a sequence already has in the batch being formed. */
static void drop_chunk(struct batch *batch, int32_t i)
{
	for (size_t k = 0; k < batch->chunk_count; k++)
		if (batch->chunks[k].seq == i) {
			batch->prefill_tokens -= batch->chunks[k].tokens;
			batch->logits -= batch->chunks[k].last;
			memmove(&batch->chunks[k], &batch->chunks[k + 1], (batch->chunk_count - k - 1) * sizeof(batch->chunks[0]));
			batch->chunk_count--;
			return;
		}
}

void batcher_preempt(struct batcher *b, int lane, int32_t i)
{
	struct seq *s = seq_at(b, i);
	struct lane *l = &b->lanes[s->lane];
	bool swap = b->limits.swap && s->state == SEQ_DECODE;

	if (s->state == SEQ_DECODE) {
		if (l->reserved > 0 && decode_group_needs_block(&l->decoding, s)) {
			l->reserved--;
			b->free_blocks++;
		}
		if (s->join_step < l->decoding.step)
			s->last_token_s = l->last_token_s;
		decode_group_leave(&l->decoding, b->pool->at, i, b->limits.reserve == RESERVE_AS_NEEDED);
	} else {
		remove_partial(l, i);
		drop_chunk(&l->batch, i);
	}
	seq_list_remove(b->pool->at, &b->running, i);
	s->preemptions++;
	b->preemptions++;
	if (swap) {
		b->lanes[lane].batch.swap_tokens += s->computed - s->pinned * b->key_tokens;
		give_back(b, s);
		s->state = SEQ_SWAPPED;
		seq_list_push_back(b->pool->at, &b->swapped, i);
		return;
	}
	give_back(b, s);
	s->computed = 0;
	s->target = s->prompt + s->generated;
	wait_first(b, i);
}

int64_t batcher_fit_decodes(struct batcher *b, int lane)
{
	struct lane *l = &b->lanes[lane];
	struct decode_group *g = &l->decoding;
	int64_t preempted = 0, next;
	int32_t victim;

	if (b->limits.reserve == RESERVE_TOTAL)
		return 0;
	/* Sequences that joined while this batch is being formed have taken theirs already. */
	while ((next = decode_group_next_blocks(g)) - l->reserved > batcher_room(b)) {
		victim = batcher_victim(b, lane);
		if (victim == NO_SEQ)
			break;
		batcher_preempt(b, lane, victim);
		preempted++;
	}
	take_blocks(b, next - l->reserved);
	l->reserved = next;
	return preempted;
}

int64_t batcher_swap_in(struct batcher *b, int lane)
{
	struct lane *l = &b->lanes[lane];
	int64_t count = 0;

	while (b->swapped.head != NO_SEQ && b->running.count < b->limits.max_seqs) {
		int32_t i = b->swapped.head;
		struct seq *s = seq_at(b, i);
		int64_t need = paged_blocks(b, s->computed + 1) + s->fixed;

		if (need + b->limits.watermark_blocks > batcher_room(b))
			break;
		seq_list_remove(b->pool->at, &b->swapped, i);
		need = paged_blocks(b, s->computed) + s->fixed;
		take_blocks(b, need);
		s->blocks = (int32_t)need;
		s->lane = (uint8_t)lane;
		l->batch.swap_tokens += s->computed;
		seq_list_push_back(b->pool->at, &b->running, i);
		join(b, l, i, true, true);
		count++;
	}
	return count;
}

/* ---- driving ---- */

static bool form_once(struct batcher *b, int lane, double now_s)
{
	struct lane *l = &b->lanes[lane];
	struct batch *batch = &l->batch;

	batch->chunk_count = 0;
	batch->decodes = false;
	batch->prefill_tokens = batch->logits = batch->swap_tokens = batch->policy_steps = 0;
	b->ops->form(b, lane, now_s);
	if (l->decoding.count == 0)
		batch->decodes = false;
	if (!batch->decodes) {
		b->free_blocks += l->reserved;
		l->reserved = 0;
	}
	return batch->chunk_count > 0 || batch->decodes;
}

/* How often the batch may run before anything changes. */
static int64_t quiet_steps(const struct batcher *b, const struct lane *l)
{
	const struct batch *batch = &l->batch;
	int64_t k;

	if (batch->chunk_count > 0 || b->limits.lanes > 1 || batch->swap_tokens > 0)
		return 1;
	k = decode_group_quiet_steps(&l->decoding, b->pool->at);
	if (b->limits.reserve == RESERVE_AS_NEEDED)
		k = decode_group_steps_within(&l->decoding, batcher_room(b) + l->reserved, k);
	if (batch->policy_steps > 0 && batch->policy_steps < k)
		k = batch->policy_steps;
	return k < 1 ? 1 : k;
}

/* Waiting sequences whose prefix came from a slower tier hold its blocks. When nothing runs and none of them has room for
 * the rest, they hold it against each other: all give theirs back to the cache, where the first still finds its own. */
static bool let_go(struct batcher *b)
{
	bool any = false;

	if (!b->prefix || b->running.count + b->loading.count > 0)
		return false;
	for (int p = 0; p < PRIORITY_LEVELS; p++)
		for (int32_t i = b->waiting[p].head; i != NO_SEQ; i = seq_at(b, i)->next) {
			struct seq *s = seq_at(b, i);

			if (s->pinned > 0) {
				give_back(b, s);
				s->computed = 0;
				any = true;
			}
		}
	return any;
}

bool batcher_form(struct batcher *b, int lane, double now_s)
{
	struct lane *l = &b->lanes[lane];
	int64_t preemptions = b->preemptions;
	bool formed;

	b->load_new = 0;
	formed = form_once(b, lane, now_s);
	/* Nothing to do with what was known when this batch was due: an idle engine looks again at once. */
	if (!formed && open_inbox(b))
		formed = form_once(b, lane, now_s);
	if (!formed && let_go(b))
		formed = form_once(b, lane, now_s);
	if (!formed)
		return false;
	/* A batch that threw somebody out admits nobody, the next one may: by priority the room is not always for the victim. */
	l->batch.quiet_steps = open_inbox(b) || b->preemptions != preemptions ? 1 : quiet_steps(b, l);
	l->in_flight = true;
	return true;
}

static void finish(struct batcher *b, int32_t i)
{
	struct seq *s = seq_at(b, i);

	seq_list_remove(b->pool->at, &b->running, i);
	s->state = SEQ_DONE;
	if (!note(&b->finished, &b->finished_count, &b->finished_capacity, i))
		b->out_of_memory = true;
}

/* A span that takes less than this part of the cache leaves its mean use right to half as much. */
enum { GROWN_STRAIGHT = 256 };

static void commit_decodes(struct batcher *b, struct lane *l, int64_t steps)
{
	struct decode_group *g = &l->decoding;
	bool grows = b->limits.reserve == RESERVE_AS_NEEDED;
	int32_t i;

	/* One step takes just what was reserved for it. */
	if (grows && steps > 1) {
		b->grown = decode_group_blocks(g, steps) - l->reserved;
		/* Straight growth is near enough unless a span takes a good part of the cache. */
		b->grown_mean = (double)b->grown / 2;
		if (b->grown > b->limits.kv_blocks / GROWN_STRAIGHT)
			b->grown_mean = (double)decode_group_block_steps(g, steps) / (double)steps - (double)l->reserved;
		take_blocks(b, b->grown);
	}
	l->reserved = 0;
	decode_group_advance(g, b->pool->at, steps);
	while ((i = decode_group_finished(g, b->pool->at)) != NO_SEQ) {
		decode_group_leave(g, b->pool->at, i, grows);
		finish(b, i);
	}
}

static void commit_chunk(struct batcher *b, struct lane *l, const struct chunk *c)
{
	struct seq *s = seq_at(b, c->seq);

	s->computed += c->tokens;
	if (!c->last)
		return;
	remove_partial(l, c->seq);
	s->generated++;
	if (!note(&b->first_tokens, &b->first_count, &b->first_capacity, c->seq))
		b->out_of_memory = true;
	if (s->generated >= s->output) {
		finish(b, c->seq);
	} else if (b->limits.handoff) {
		seq_list_remove(b->pool->at, &b->running, c->seq);
		s->state = SEQ_HANDOFF;
	} else {
		join(b, l, c->seq, !l->batch.decodes, false);
	}
}

void batcher_commit(struct batcher *b, int lane, int64_t steps)
{
	struct lane *l = &b->lanes[lane];

	b->finished_count = b->first_count = 0;
	b->grown = 0;
	b->grown_mean = 0;
	l->in_flight = false;
	if (l->batch.decodes) {
		l->fresh_count = 0;
		commit_decodes(b, l, steps);
	}
	for (size_t k = 0; k < l->batch.chunk_count; k++)
		commit_chunk(b, l, &l->batch.chunks[k]);
}

int64_t batcher_gain(struct batcher *b, int lane, int32_t i, int64_t tokens)
{
	struct lane *l = &b->lanes[lane];
	struct seq *s = seq_at(b, i);
	bool grows = b->limits.reserve == RESERVE_AS_NEEDED;
	int64_t need = 0;

	if (s->state != SEQ_DECODE || tokens < 1)
		return 0;
	decode_group_leave(&l->decoding, b->pool->at, i, grows);
	if (tokens > s->output - s->generated)
		tokens = s->output - s->generated;
	while (grows && tokens > 0 && (need = private_blocks(b, s, s->computed + tokens) - s->blocks) > batcher_room(b))
		tokens--;
	if (grows && tokens > 0 && need > 0) {
		take_blocks(b, need);
		s->blocks += (int32_t)need;
	}
	s->computed += (int32_t)tokens;
	s->generated += (int32_t)tokens;
	if (s->generated >= s->output)
		finish(b, i);
	else
		join(b, l, i, false, false);
	return tokens;
}
