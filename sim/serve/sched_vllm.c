/* sim/serve/sched_vllm.c -- vLLM V1 (vllm/v1/core/sched/scheduler.py): one token budget for prefills and decodes.
 * A. Running sequences in order of admission: each decode takes one token, each partial prompt its next chunk; when
 *    blocks run out the last of the running list is preempted (recompute) and goes to the front of the queue.
 * B. Only if nothing was preempted: waiting sequences in order while budget, seats and blocks last; the whole prompt
 *    must fit, its first chunk takes what budget is left. The head of the queue blocks those behind it.
 * A partial prompt has used up the budget of the batch that cut it, so nothing is admitted after it: decodes first,
 * partial prompts next is the order of the running list. */
#include "sim/serve/scheduler.h"

#include "base/str.h"

#define GIB 1073741824.0

/* vllm/engine/arg_utils.py: defaults by device memory for the API server (offline: the larger ones). */
static void vllm_defaults(const struct scheduler_host *host, struct scheduler_defaults *out)
{
	bool is_a100 = text_starts(host->device, "a100");

	*out = (struct scheduler_defaults){ .block_tokens = 16, .memory_utilization = 0.9, .chunked = true, .prefix_caching = true };
	if (host->is_cpu) {
		out->max_tokens = host->offline ? 4096 : 2048 * host->world;
		out->max_seqs = host->offline ? 256 : 128 * host->world;
	} else if (host->is_tpu) {
		out->max_tokens = host->offline ? 2048 : 1024;
		out->max_seqs = 256;
	} else if (host->device_memory_bytes >= 160 * GIB) {
		out->max_tokens = 16384;
		out->max_seqs = 1024;
	} else if (host->device_memory_bytes >= 70 * GIB && !is_a100) {
		out->max_tokens = host->offline ? 16384 : 8192;
		out->max_seqs = 1024;
	} else {
		out->max_tokens = host->offline ? 8192 : 2048;
		out->max_seqs = 256;
	}
}

static int64_t clip(const struct batcher *b, int64_t tokens)
{
	int64_t threshold = b->limits.long_prefill_threshold;

	return threshold > 0 && tokens > threshold ? threshold : tokens;
}

static void vllm_form(struct batcher *b, int lane, double now_s)
{
	struct lane *l = &b->lanes[lane];
	bool preempted = batcher_fit_decodes(b, lane) > 0;
	int64_t budget = b->limits.max_tokens;

	(void)now_s;
	l->batch.decodes = true;
	budget -= batcher_decode_tokens(b, lane);
	for (size_t k = 0; k < l->partial_count && budget > 0; k++) {
		int64_t before = l->batch.prefill_tokens;
		int32_t i = l->partial[k];

		if (!batcher_continue_or_preempt(b, lane, i, clip(b, budget), &preempted))
			break;         /* it had to go itself */
		budget -= l->batch.prefill_tokens - before;
		while (l->partial[k] != i)
			k--;           /* by priority, those thrown out may have stood before it */
	}
	while (!preempted && budget > 0 && b->running.count < b->limits.max_seqs) {
		int32_t i = batcher_head(b);
		int64_t before = l->batch.prefill_tokens, most = b->limits.chunked ? clip(b, budget) : INT32_MAX;
		enum admit got;

		if (i == NO_SEQ || (!b->limits.chunked && !batcher_prompt_fits(b, lane, i, budget)))
			break;
		got = batcher_admit(b, lane, i, most, true, b->limits.watermark_blocks);
		if (got == ADMIT_LOADING)
			continue;
		if (got != ADMIT_OK)
			break;
		budget -= l->batch.prefill_tokens - before;
	}
}

const struct scheduler_ops scheduler_vllm = {
	.name = "vllm", .help = "vLLM V1: one token budget, chunked prefill, recompute", .stack = "vllm",
	.defaults = vllm_defaults, .form = vllm_form,
};

const struct scheduler_ops scheduler_priority = {
	.name = "priority", .help = "vLLM V1 with its priority policy: urgent first, least urgent preempted", .stack = "vllm",
	.order = ORDER_PRIORITY, .defaults = vllm_defaults, .form = vllm_form,
};
