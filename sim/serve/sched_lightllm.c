/* sim/serve/sched_lightllm.c -- LightLLM: cache in single tokens, prefill batches apart from decode batches, at most
 * one prefill batch every max_waiting_iters decode steps while requests run. A request is admitted when the largest
 * token count that the running ones can reach together, each growing until it ends, stays within the cache. */
#include "sim/serve/scheduler.h"

#include <stdlib.h>

#include "base/mem.h"

struct lightllm {
	int64_t last_prefill_step;     /* decode step counter when prompts last ran */
	bool started;
};

struct need {
	int64_t held, left;            /* tokens in the cache; tokens still to come */
};

static void lightllm_defaults(const struct scheduler_host *host, struct scheduler_defaults *out)
{
	*out = (struct scheduler_defaults){ .max_seqs = 1000, .block_tokens = 1, .memory_utilization = 0.9 };
	out->max_tokens = host->max_context > 8192 ? host->max_context : 8192;
}

static int by_left(const void *a, const void *b)
{
	const struct need *x = a, *y = b;

	return (x->left < y->left) - (x->left > y->left);      /* most to come first */
}

/* Peak of the cache if all run on: when the i-th longest ends, the i longer ones have grown by its remaining tokens. */
static int64_t peak(struct need *needs, size_t n)
{
	int64_t held = 0, most = 0;

	qsort(needs, n, sizeof(*needs), by_left);
	for (size_t i = 0; i < n; i++) {
		int64_t then;

		held += needs[i].held;
		then = held + needs[i].left * (int64_t)(i + 1);
		most = then > most ? then : most;
	}
	return most;
}

/* Of a sequence that has produced `generated` tokens. The last token is never cached: prompt + output - 1 at the end. What
 * it holds whatever its length (state, windows) counts as tokens, too. */
static struct need need_of(const struct batcher *b, const struct seq *s, int64_t generated)
{
	int64_t fixed = s->fixed * b->limits.block_tokens;

	if (b->limits.unpaged)
		return (struct need){ .held = fixed };
	return (struct need){ .held = s->prompt + generated - 1 + fixed, .left = s->output - generated };
}

static size_t gather(const struct batcher *b, struct need *needs)
{
	size_t n = 0;

	for (int32_t i = b->running.head; i != NO_SEQ; i = b->pool->at[i].next) {
		const struct seq *s = &b->pool->at[i];
		int64_t made = s->state == SEQ_DECODE ? b->lanes[s->lane].decoding.step - s->join_step : 0;

		needs[n++] = need_of(b, s, s->generated + made);
	}
	return n;
}

static void admit_prompts(struct batcher *b, int lane)
{
	struct lane *l = &b->lanes[lane];
	struct need *needs = mem_alloc(((size_t)b->running.count + (size_t)b->waiting_count + 1) * sizeof(*needs));
	struct need *trial = mem_alloc(((size_t)b->running.count + (size_t)b->waiting_count + 1) * sizeof(*trial));
	size_t n = needs ? gather(b, needs) : 0;

	while (needs && trial && b->running.count < b->limits.max_seqs) {
		int32_t i = batcher_head(b);

		if (i == NO_SEQ || !batcher_prompt_fits(b, lane, i, b->limits.max_tokens - l->batch.prefill_tokens))
			break;
		needs[n] = need_of(b, &b->pool->at[i], b->pool->at[i].generated);
		for (size_t k = 0; k <= n; k++)
			trial[k] = needs[k];
		if (peak(trial, n + 1) > b->limits.kv_blocks * b->limits.block_tokens)
			break;
		if (batcher_admit(b, lane, i, INT32_MAX, true, 0) == ADMIT_NO_ROOM)
			break;
		n++;
	}
	b->out_of_memory |= !needs || !trial;
	mem_free(needs);
	mem_free(trial);
}

static void lightllm_form(struct batcher *b, int lane, double now_s)
{
	struct lightllm *state = b->policy;
	struct lane *l = &b->lanes[lane];
	int64_t since = l->decoding.step - state->last_prefill_step;

	(void)now_s;
	if (b->waiting_count > 0 && b->running.count < b->limits.max_seqs &&
	    (l->decoding.count == 0 || !state->started || since >= b->limits.max_waiting_iters)) {
		/* A try starts the wait anew, whether anything was admitted or not. */
		admit_prompts(b, lane);
		state->started = true;
		state->last_prefill_step = l->decoding.step;
		if (l->batch.chunk_count > 0)
			return;
		since = 0;
	}
	if (b->waiting_count > 0)
		l->batch.policy_steps = b->limits.max_waiting_iters > since ? b->limits.max_waiting_iters - since : 1;
	l->batch.decodes = true;
	batcher_fit_decodes(b, lane);
}

const struct scheduler_ops scheduler_lightllm = {
	.name = "lightllm", .help = "LightLLM: token-granular cache, prefill batches between decode steps", .stack = "vllm-v0",
	.state_bytes = sizeof(struct lightllm), .chunking = CHUNKING_NEVER, .defaults = lightllm_defaults, .form = lightllm_form,
};
