/* sim/serve/sched_orca.c -- Orca (Yu et al., OSDI 2022): iteration-level batching. A request joins when the cache has
 * slots for its largest length, which it then owns; whole prompts run beside decodes; the first that does not fit
 * stops the walk. `fcfs` is the same with a token limit on prompts, `static` a batch that runs to its end. */
#include "sim/serve/scheduler.h"

static void orca_defaults(const struct scheduler_host *host, struct scheduler_defaults *out)
{
	*out = (struct scheduler_defaults){ .max_seqs = 128, .block_tokens = 16, .memory_utilization = 0.9 };
	out->max_tokens = host->max_context > 4096 ? host->max_context : 4096;
}

static void admit_whole(struct batcher *b, int lane, int64_t budget, int64_t seats)
{
	struct lane *l = &b->lanes[lane];

	while (b->running.count < b->limits.max_seqs && l->decoding.count + (int64_t)l->batch.chunk_count < seats) {
		int32_t i = batcher_head(b);

		if (i == NO_SEQ || batcher_missing(b, i) > budget - l->batch.prefill_tokens)
			break;
		if (batcher_admit(b, lane, i, budget, true, 0) == ADMIT_NO_ROOM)
			break;
	}
}

static int64_t lane_seats(const struct batcher *b)
{
	int64_t seats = b->limits.max_seqs / b->limits.lanes;

	return seats > 0 ? seats : 1;
}

static void orca_form(struct batcher *b, int lane, double now_s)
{
	(void)now_s;
	b->lanes[lane].batch.decodes = true;
	admit_whole(b, lane, INT32_MAX, lane_seats(b));
}

const struct scheduler_ops scheduler_orca = {
	.name = "orca", .help = "Orca: iteration-level batching, slots reserved for the largest length", .stack = "vllm-v0",
	.reserve = RESERVE_TOTAL, .chunking = CHUNKING_NEVER, .defaults = orca_defaults, .form = orca_form,
};

static void fcfs_form(struct batcher *b, int lane, double now_s)
{
	struct lane *l = &b->lanes[lane];

	(void)now_s;
	l->batch.decodes = true;
	admit_whole(b, lane, b->limits.max_tokens - batcher_decode_tokens(b, lane), lane_seats(b));
}

const struct scheduler_ops scheduler_fcfs = {
	.name = "fcfs", .help = "first come, first served: whole prompts beside decodes, no preemption", .stack = "vllm",
	.reserve = RESERVE_TOTAL, .chunking = CHUNKING_NEVER, .defaults = orca_defaults, .form = fcfs_form,
};

static void static_form(struct batcher *b, int lane, double now_s)
{
	struct lane *l = &b->lanes[lane];

	(void)now_s;
	/* FasterTransformer: request-level batching; the batch's prompts run together, however many tokens they are, then it decodes until all have
	 * ended. */
	if (l->decoding.count == 0)
		admit_whole(b, lane, INT32_MAX, lane_seats(b));
	l->batch.decodes = l->batch.chunk_count == 0;
}

static bool static_may_admit(const struct batcher *b)
{
	for (int l = 0; l < b->limits.lanes; l++)
		if (b->lanes[l].decoding.count == 0)
			return true;
	return false;
}

const struct scheduler_ops scheduler_static = {
	.name = "static", .help = "FasterTransformer: a batch runs to the end of its longest answer", .stack = "vllm-v0",
	.reserve = RESERVE_TOTAL, .chunking = CHUNKING_NEVER, .defaults = orca_defaults, .form = static_form, .may_admit = static_may_admit,
};
