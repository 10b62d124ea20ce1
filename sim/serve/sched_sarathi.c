/* sim/serve/sched_sarathi.c -- Sarathi-Serve (Agrawal et al., OSDI 2024): stall-free batches. Every decode takes one
 * token of the chunk budget, partial prompts come next, new prompts fill what is left, first come, first served, while
 * blocks stay above the watermark. */
#include "sim/serve/scheduler.h"

static void sarathi_defaults(const struct scheduler_host *host, struct scheduler_defaults *out)
{
	(void)host;                    /* sarathi-serve's own: chunk 512, 128 sequences, 0.8 of the memory */
	*out = (struct scheduler_defaults){ .max_seqs = 128, .max_tokens = 512, .block_tokens = 16, .memory_utilization = 0.8,
					    .watermark = 0.01, .chunked = true };
}

static void sarathi_form(struct batcher *b, int lane, double now_s)
{
	struct lane *l = &b->lanes[lane];
	int64_t budget = b->limits.max_tokens, seats = b->limits.max_seqs / b->limits.lanes;
	bool preempted = batcher_fit_decodes(b, lane) > 0;

	(void)now_s;
	l->batch.decodes = true;
	budget -= batcher_decode_tokens(b, lane);
	for (size_t k = 0; k < l->partial_count && budget > 0; k++) {
		int64_t before = l->batch.prefill_tokens;

		if (!batcher_continue(b, lane, l->partial[k], budget))
			break;
		budget -= l->batch.prefill_tokens - before;
	}
	while (!preempted && budget > 0 && b->running.count < b->limits.max_seqs &&
	       l->decoding.count + (int64_t)l->partial_count < (seats > 0 ? seats : 1)) {
		int64_t before = l->batch.prefill_tokens;
		int32_t i = batcher_head(b);
		enum admit got;

		if (i == NO_SEQ)
			break;
		got = batcher_admit(b, lane, i, budget, true, b->limits.watermark_blocks);
		if (got == ADMIT_NO_ROOM)
			break;
		budget -= l->batch.prefill_tokens - before;
	}
}

const struct scheduler_ops scheduler_sarathi = {
	.name = "sarathi", .help = "Sarathi-Serve: chunks beside decodes, stall-free", .stack = "sarathi",
	.chunking = CHUNKING_ALWAYS, .whole_prompts = true, .defaults = sarathi_defaults, .form = sarathi_form,
};
