/* models/techniques/serving/cache_centric.c -- serving around the cache: prompts run on replicas of their own, requests go
 * where their prefix lies, evicted blocks wait in host memory and on disks of the pool. */
#include "base/str.h"
#include "models/technique.h"

static bool centric_schedule(const struct technique_use *use, struct policy_change *p, struct err *err)
{
	(void)err;
	p->router = technique_word(use, "router");
	p->prefill_share = technique_number(use, "prefill_share");
	p->host_cache_bytes = technique_number(use, "dram_gb") * 1e9;
	p->host_cache_bytes_s = technique_number(use, "dram_gb_s") * 1e9;
	p->disk_cache_bytes = technique_number(use, "disk_gb") * 1e9;
	p->disk_cache_bytes_s = technique_number(use, "disk_gb_s") * 1e9;
	p->prefix_caching = 1;
	return true;
}

const struct technique_ops technique_cache_centric = {
	.name = "cache-centric", .help = "separate pools for prompts, routing by prefix, cache tiers in host memory and on disks",
	.params = "router prefill_share dram_gb dram_gb_s disk_gb disk_gb_s", .schedule = centric_schedule,
};
