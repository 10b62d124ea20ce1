/* models/techniques/serving/engine.c -- a serving engine by its rules: batching policy, block size, share of memory, reuse of
 * prefixes. The policy's code lies behind the scheduler registry; here it is only named. */
#include "base/str.h"
#include "models/technique.h"

static bool engine_schedule(const struct technique_use *use, struct policy_change *p, struct err *err)
{
	(void)err;
	p->scheduler = technique_word(use, "scheduler");
	p->block_tokens = (int64_t)technique_number(use, "block");
	p->memory_utilization = technique_number(use, "memory_share");
	p->prefix_caching = text_equal(technique_word(use, "prefix_caching"), "yes") ? 1 : 2;
	return true;
}

const struct technique_ops technique_engine = {
	.name = "engine", .help = "a serving engine: policy, blocks, share of memory, prefix reuse",
	.params = "scheduler block memory_share prefix_caching", .schedule = engine_schedule,
};
