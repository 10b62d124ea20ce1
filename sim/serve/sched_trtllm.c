/* sim/serve/sched_trtllm.c -- TensorRT-LLM's in-flight batching (batch_manager: capacity and micro-batch scheduler).
 * GUARANTEED_NO_EVICT: a context joins when the blocks of its prompt and all its tokens to come are free; nothing is
 * ever evicted; the first that does not fit ends the scan. MAX_UTILIZATION: blocks of the next step only; when one does
 * not fit the most recently started request is paused and prefilled again later. Generation requests come first in the
 * token budget, contexts whole or, with chunking, in first come, first served chunks of whole blocks.
 * Attention ranks that balance (attention_dp_config: enable_balance) begin contexts when each of them has one, when one of
 * them has nothing to generate, or timeout_iters passes after the first came. */
#include "sim/serve/scheduler.h"

struct trtllm {
	bool counts;                   /* contexts wait for others */
	int64_t since;                 /* decode step from which they do */
};

static void trtllm_defaults(const struct scheduler_host *host, struct scheduler_defaults *out)
{
	(void)host;
	*out = (struct scheduler_defaults){ .max_seqs = 2048, .max_tokens = 8192, .block_tokens = 32, .memory_utilization = 0.9,
					    .prefix_caching = true, .of_free = true /* kv_cache_config.free_gpu_memory_fraction */ };
}

static void add_contexts(struct batcher *b, int lane, int64_t budget)
{
	struct lane *l = &b->lanes[lane];

	while (budget > 0 && b->running.count < b->limits.max_seqs) {
		int64_t before = l->batch.prefill_tokens, most = budget, missing;
		int32_t i = batcher_head(b);
		enum admit got;

		if (i == NO_SEQ)
			break;
		missing = batcher_missing(b, i);
		if (missing > budget) {
			if (!b->limits.chunked && !batcher_prompt_fits(b, lane, i, budget))
				break;
			most = !b->limits.chunked ? INT32_MAX : budget / b->limits.block_tokens * b->limits.block_tokens;       /* chunk unit */
			if (most == 0)
				break;
		}
		got = batcher_admit(b, lane, i, most, true, 0);
		if (got == ADMIT_NO_ROOM)
			break;
		budget -= l->batch.prefill_tokens - before;
	}
}

/* A request goes to the rank with the least to do, which is where one has just ended: any of them. So many must wait until
 * each rank has one, in the mean: ranks (1 + 1/2 + .. + 1/ranks). */
static int64_t one_on_each(int64_t ranks)
{
	double sum = 0;

	for (int64_t i = 1; i <= ranks; i++)
		sum += 1 / (double)i;
	return (int64_t)((double)ranks * sum + 0.5);
}

/* Steps until contexts may begin; 0: now. */
static int64_t steps_to_balance(struct batcher *b, const struct decode_group *g)
{
	struct trtllm *state = b->policy;
	int64_t since = g->step - state->since;

	if (b->limits.balance_steps <= 0 || b->limits.ranks <= 1)
		return 0;
	if (b->waiting_count == 0 || b->waiting_count >= one_on_each(b->limits.ranks) || g->count < b->limits.ranks || (state->counts && since >= b->limits.balance_steps)) {
		state->counts = false;
		return 0;
	}
	if (!state->counts)
		*state = (struct trtllm){ .counts = true, .since = g->step };
	return b->limits.balance_steps - (g->step - state->since);
}

static void trtllm_form(struct batcher *b, int lane, double now_s)
{
	struct lane *l = &b->lanes[lane];
	int64_t budget = b->limits.max_tokens;
	bool preempted = batcher_fit_decodes(b, lane) > 0;     /* only MAX_UTILIZATION ever needs it */
	int64_t wait;

	(void)now_s;
	l->batch.decodes = true;
	budget -= batcher_decode_tokens(b, lane);
	for (size_t k = 0; k < l->partial_count && budget > 0; k++) {
		int64_t before = l->batch.prefill_tokens;

		if (!batcher_continue_or_preempt(b, lane, l->partial[k], budget, &preempted))
			break;
		budget -= l->batch.prefill_tokens - before;
	}
	if (preempted)
		return;
	wait = steps_to_balance(b, &l->decoding);
	if (wait == 0)
		add_contexts(b, lane, budget);
	else
		l->batch.policy_steps = wait;
}

const struct scheduler_ops scheduler_trtllm = {
	.name = "trtllm", .help = "TensorRT-LLM GUARANTEED_NO_EVICT: room for the whole answer before it starts", .stack = "trtllm",
	.state_bytes = sizeof(struct trtllm), .reserve = RESERVE_TOTAL, .defaults = trtllm_defaults, .form = trtllm_form,
};

const struct scheduler_ops scheduler_trtllm_max_utilization = {
	.name = "trtllm-max-utilization", .help = "TensorRT-LLM MAX_UTILIZATION: start all that fit now, pause when full", .stack = "trtllm",
	.state_bytes = sizeof(struct trtllm), .defaults = trtllm_defaults, .form = trtllm_form,
};
