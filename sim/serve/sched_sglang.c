/* sim/serve/sched_sglang.c -- SGLang (managers/schedule_policy.py, scheduler.py). Prefill batches run alone and first;
 * otherwise all running sequences decode. A prompt is admitted while the cache, less what the running ones are expected
 * to need yet (remaining tokens, at most 4096 each, times new_token_ratio), has room for it and its answer. The ratio
 * starts at 0.7 and falls to a seventh of that over 600 decode steps; a retraction raises it again.
 * New requests are looked for before each batch or, with scheduler_recv_interval n, after a prompt and every n decode steps.
 * Order: first come, first served, or longest cached prefix first (lpm) when at most 128 wait. */
#include "sim/serve/scheduler.h"

enum { CLIP_NEW_TOKENS = 4096, LPM_MOST = 128, DECAY_STEPS = 600, LOOK_AHEAD = 256 };
#define GIB 1073741824.0

struct sglang {
	double ratio_start;            /* new_token_ratio at step `since`, before decay */
	int64_t since;
	bool started;
	int64_t looked;                /* decode step of the last look at new requests */
	int64_t known;                 /* waiting ones that it left */
};

static void sglang_defaults(const struct scheduler_host *host, struct scheduler_defaults *out)
{
	double m = host->device_memory_bytes / GIB, reserve;
	int64_t chunk = m < 35 ? 2048 : m < 60 ? 4096 : m < 160 ? 8192 : 16384, graph = m < 20 ? 8 : m < 35 ? 24 : m < 60 ? 32 : m < 160 ? 256 : 512;

	/* server_args.py: mem_fraction_static leaves 512 MiB + 1.5 MiB a chunk token (at least 2048) + graphs. */
	reserve = 512 + 1.5 * (double)(chunk > 2048 ? chunk : 2048) + (double)host->world / 8 * 1024 + 2 * (double)graph;
	*out = (struct scheduler_defaults){ .max_seqs = 4096, .max_tokens = chunk, .block_tokens = 1, .chunked = true, .prefix_caching = true };
	out->memory_utilization = (m * 1024 - reserve) / (m * 1024);
}

static double least_ratio(const struct batcher *b)
{
	double start = 0.7 * b->limits.conservativeness;

	return 0.14 * (start > 1 ? 1 : start);
}

static double ratio_at(const struct batcher *b, int64_t step)
{
	const struct sglang *state = b->policy;
	double start = 0.7 * b->limits.conservativeness, least = least_ratio(b), r;

	start = start > 1 ? 1 : start;
	r = state->ratio_start - (start - least) / DECAY_STEPS * (double)(step - state->since);
	return r < least ? least : r;
}

static int64_t clipped(int64_t tokens)
{
	return tokens < CLIP_NEW_TOKENS ? tokens : CLIP_NEW_TOKENS;
}

/* Tokens that a waiting sequence is still to produce, as far as the cache feels them: a recurrent state does not grow. */
static int64_t to_come(const struct batcher *b, int32_t i)
{
	const struct seq *s = &b->pool->at[i];

	return b->limits.unpaged ? 0 : clipped(s->output - s->generated);
}

/* Tokens free for new prompts when the decode group has made k more steps: what is free then, less what the running
 * ones are still expected to produce. */
static double room_after(const struct batcher *b, const struct decode_group *g, int64_t reserved, int64_t k)
{
	double ratio = ratio_at(b, g->step + k), left = (double)decode_group_remaining(g) - (double)(k * g->count);
	double most = (double)g->count * CLIP_NEW_TOKENS;

	if (b->limits.unpaged)
		return (double)(batcher_room(b) * b->limits.block_tokens);
	return (double)(batcher_room(b) + reserved - decode_group_blocks(g, k)) * (double)b->limits.block_tokens - (left < most ? left : most) * ratio;
}

static double wanted(const struct batcher *b, int32_t i)
{
	int64_t fixed = b->pool->at[i].fixed * b->limits.block_tokens;

	return (double)(b->limits.unpaged ? fixed : batcher_missing(b, i) + to_come(b, i) + b->limits.block_tokens + fixed);
}

/* The next to admit by the order in force. */
static int32_t next_of(const struct batcher *b)
{
	int32_t best = batcher_head(b);
	int64_t best_hit = -1;

	if (b->limits.order == ORDER_LOF) {
		for (int32_t i = best; i != NO_SEQ; i = b->pool->at[i].next)
			if (b->pool->at[i].output > b->pool->at[best].output)
				best = i;
		return best;
	}
	if ((b->limits.order != ORDER_LPM && b->limits.order != ORDER_DFS) || b->waiting_count > LPM_MOST || !b->prefix)
		return best;
	for (int32_t i = best; i != NO_SEQ; i = b->pool->at[i].next) {
		int64_t hit = batcher_hit(b, i);

		if (hit > best_hit) {
			best_hit = hit;
			best = i;
		}
	}
	return best;
}

static void prefill(struct batcher *b, int lane, bool look)
{
	struct lane *l = &b->lanes[lane];
	int64_t budget = b->limits.max_tokens;
	double promised = 0;

	/* The prompt that was cut goes on; it stands alone in front of the new ones. */
	for (size_t k = 0; k < l->partial_count && budget > 0; k++) {
		int64_t before = l->batch.prefill_tokens;
		bool preempted = false;

		if (l->decoding.count > 0 ? !batcher_continue(b, lane, l->partial[k], budget) :
					    !batcher_continue_or_preempt(b, lane, l->partial[k], budget, &preempted))
			return;        /* decodes go on and end; without any, another pipeline lane's prompt makes way */
		budget -= l->batch.prefill_tokens - before;
	}
	while (look && budget > 0 && b->running.count < b->limits.max_seqs) {
		int64_t before = l->batch.prefill_tokens, most = budget, missing, future;
		int32_t i = next_of(b);
		enum admit got;

		if (i == NO_SEQ)
			break;
		/* Alone it may use all there is: nobody's tokens to come have to be kept free. */
		if (b->running.count > 0 && wanted(b, i) > room_after(b, &l->decoding, 0, 0) - promised)
			break;
		missing = batcher_missing(b, i);
		if (missing > most)
			most = most / b->limits.block_tokens * b->limits.block_tokens;
		if (most == 0)
			break;
		future = to_come(b, i);
		got = batcher_admit(b, lane, i, most, false, 0);
		if (got == ADMIT_NO_ROOM)
			break;
		if (got == ADMIT_LOADING)
			continue;
		promised += (double)future + (double)(missing > most && !b->limits.unpaged ? missing - most : 0);
		budget -= l->batch.prefill_tokens - before;
		if (missing > most)
			break;         /* a cut prompt ends the batch */
	}
}

/* Retracts until the next step fits: shortest answer so far first, ties to the longest prompt; one always stays. */
static int64_t retract(struct batcher *b, int lane)
{
	struct lane *l = &b->lanes[lane];
	int64_t count = 0;

	if (b->limits.reserve == RESERVE_TOTAL)
		return 0;              /* nothing grows */
	while (decode_group_blocks(&l->decoding, 1) - l->reserved > batcher_room(b) && l->decoding.count > 1) {
		int32_t victim = NO_SEQ;
		int64_t least = INT64_MAX, longest = -1;

		for (int32_t i = b->running.head; i != NO_SEQ; i = b->pool->at[i].next) {
			const struct seq *s = &b->pool->at[i];
			int64_t made = s->generated + (l->decoding.step - s->join_step);

			if (s->state == SEQ_DECODE && s->lane == lane && (made < least || (made == least && s->prompt > longest))) {
				victim = i;
				least = made;
				longest = s->prompt;
			}
		}
		if (victim == NO_SEQ)
			break;
		batcher_preempt(b, lane, victim);
		count++;
	}
	return count;
}

/* Steps until new requests are looked for; 0: now. */
static int64_t steps_to_look(const struct batcher *b, const struct sglang *state, const struct decode_group *g)
{
	int64_t every = b->limits.recv_interval, since = g->step - state->looked;

	/* Nothing runs, or somebody who is known waits already: every batch is a chance. */
	if (every <= 1 || g->count == 0 || state->known > 0 || since % every == 0)
		return 0;
	return every - since % every;
}

static void sglang_form(struct batcher *b, int lane, double now_s)
{
	struct sglang *state = b->policy;
	struct lane *l = &b->lanes[lane];
	struct decode_group *g = &l->decoding;
	int64_t wait;
	int32_t head;

	(void)now_s;
	if (!state->started) {
		double start = 0.7 * b->limits.conservativeness;

		*state = (struct sglang){ .ratio_start = start > 1 ? 1 : start, .since = g->step, .started = true };
	}
	wait = steps_to_look(b, state, g);
	prefill(b, lane, wait == 0);
	if (wait == 0)
		state->looked = g->step, state->known = b->waiting_count;
	if (l->batch.chunk_count > 0)
		return;
	l->batch.decodes = true;
	if (retract(b, lane) > 0) {
		state->known = b->waiting_count;
		/* (tokens made so far + 20 each) of all running over all they may make. */
		double all = 0, made = 0;

		for (int32_t i = b->running.head; i != NO_SEQ; i = b->pool->at[i].next) {
			const struct seq *s = &b->pool->at[i];

			all += s->output;
			made += (double)s->generated + (s->state == SEQ_DECODE ? (double)(g->step - s->join_step) : 0);
		}
		state->ratio_start = (made + 20 * (double)b->running.count) / (all + 1);
		if (state->ratio_start > 1)
			state->ratio_start = 1;
		state->since = g->step;
	}
	batcher_fit_decodes(b, lane);
	if (wait > 0 && state->known == 0) {
		l->batch.policy_steps = wait;
		return;
	}
	/* A blocked head may fit before any sequence ends, because the expectation shrinks with every step. */
	head = next_of(b);
	if (head != NO_SEQ && b->running.count < b->limits.max_seqs) {
		double need = wanted(b, head);
		int64_t k = 1;

		while (k < LOOK_AHEAD && need > room_after(b, g, l->reserved, k))
			k++;
		l->batch.policy_steps = k;
	}
}

const struct scheduler_ops scheduler_sglang = {
	.name = "sglang", .help = "SGLang: prefill batches first, radix cache, expected-length admission, retraction", .stack = "sglang",
	.state_bytes = sizeof(struct sglang), .chunking = CHUNKING_ALWAYS, .defaults = sglang_defaults, .form = sglang_form,
};
