/* sim/serve/sched_vllm_v0.c -- vLLM V0 (vllm/core/scheduler.py before V1): prompts first. If whole prompts can be
 * admitted the batch holds nothing else and all decodes wait; otherwise every running sequence decodes. Preempted
 * sequences recompute (or swap, when asked), swapped ones come back before new prompts are looked at.
 * With chunked prefill on: decodes first, then partial prompts, then new ones, under one token budget.
 * With recv_interval n (num_scheduler_steps, its multi-step scheduling; not with chunks): a decision to decode stands for n passes, in
 * which nobody joins. A batch of prompts is one pass. */
#include "sim/serve/scheduler.h"

static void v0_defaults(const struct scheduler_host *host, struct scheduler_defaults *out)
{
	/* max_num_batched_tokens: the model's context, at least 2048 (no chunking); 256 sequences; 1 % watermark. */
	*out = (struct scheduler_defaults){ .max_seqs = 256, .block_tokens = 16, .memory_utilization = 0.9, .watermark = 0.01 };
	out->max_tokens = host->max_context > 2048 ? host->max_context : 2048;
}

struct v0 {
	int64_t looked;                /* step of the last decision */
};

/* Passes until the next decision; 0: now. */
static int64_t burst_left(const struct batcher *b, const struct v0 *state, const struct decode_group *g)
{
	int64_t every = b->limits.recv_interval, since = g->step - state->looked;

	return every <= 1 || g->count == 0 || since % every == 0 ? 0 : every - since % every;
}

static void v0_chunked(struct batcher *b, int lane)
{
	struct lane *l = &b->lanes[lane];
	bool preempted = batcher_fit_decodes(b, lane) > 0;
	int64_t budget = b->limits.max_tokens - batcher_decode_tokens(b, lane);

	l->batch.decodes = true;
	for (size_t k = 0; k < l->partial_count && budget > 0; k++) {
		int64_t before = l->batch.prefill_tokens;

		if (!batcher_continue(b, lane, l->partial[k], budget))
			break;
		budget -= l->batch.prefill_tokens - before;
	}
	if (!preempted)
		batcher_swap_in(b, lane);
	while (!preempted && b->swapped.count == 0 && budget > 0 && b->running.count < b->limits.max_seqs) {
		int64_t before = l->batch.prefill_tokens;
		int32_t i = batcher_head(b);
		enum admit got;

		/* One partial prompt at a time (max_num_partial_prefills 1). */
		if (i == NO_SEQ || (l->partial_count > 0 && batcher_missing(b, i) > budget))
			break;
		got = batcher_admit(b, lane, i, budget, true, b->limits.watermark_blocks);
		if (got == ADMIT_NO_ROOM)
			break;
		budget -= l->batch.prefill_tokens - before;
	}
}

static void v0_form(struct batcher *b, int lane, double now_s)
{
	struct v0 *state = b->policy;
	struct lane *l = &b->lanes[lane];
	int64_t budget = b->limits.max_tokens, preempted, left;

	(void)now_s;
	if (b->limits.chunked) {
		v0_chunked(b, lane);
		return;
	}
	left = burst_left(b, state, &l->decoding);
	if (left == 0)
		state->looked = l->decoding.step;
	while (left == 0 && b->swapped.count == 0 && b->running.count < b->limits.max_seqs) {
		int32_t i = batcher_head(b);
		int64_t before = l->batch.prefill_tokens;
		enum admit got;

		if (i == NO_SEQ || !batcher_prompt_fits(b, lane, i, budget))
			break;
		got = batcher_admit(b, lane, i, INT32_MAX, true, b->limits.watermark_blocks);
		if (got == ADMIT_NO_ROOM)
			break;
		budget -= l->batch.prefill_tokens - before;
	}
	if (l->batch.chunk_count > 0)
		return;
	l->batch.decodes = true;
	preempted = batcher_fit_decodes(b, lane);
	if (preempted == 0 && b->swapped.count > 0)
		batcher_swap_in(b, lane);
	if (b->limits.recv_interval > 1)
		l->batch.policy_steps = left > 0 ? left : b->limits.recv_interval;
}

const struct scheduler_ops scheduler_vllm_v0 = {
	.name = "vllm-v0", .help = "vLLM V0: whole prompts first, 1 % watermark, recompute or swap", .stack = "vllm-v0",
	.state_bytes = sizeof(struct v0), .whole_prompts = true, .defaults = v0_defaults, .form = v0_form,
};
