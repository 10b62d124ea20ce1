/* models/techniques/hardware/memory_pool.c -- a memory tier behind a switch that several hosts share. Evicted prefix
 * blocks go there instead of being computed again; a reload is bound by the narrowest of the host's link, the modules and
 * this host's share of the pool, plus the latency of one access (which bulk transfers hide). */
#include <math.h>

#include "models/technique.h"

struct tier {
	double bytes, bytes_s;
};

static struct tier tier_of(const struct technique_use *use)
{
	double hosts = technique_number(use, "hosts");
	double shared = technique_number(use, "pool_gb_s") * 1e9 / hosts;
	double own = fmin(technique_number(use, "link_gb_s"), technique_number(use, "module_gb_s")) * 1e9;
	/* Transfers of one block of a few MB: start-up hardly counts, but a slow pool shows. */
	double block = 1 << 20, seconds = block / fmin(own, shared) + technique_number(use, "latency_ns") * 1e-9;

	return (struct tier){ technique_number(use, "capacity_gb") * 1e9 / hosts, block / seconds };
}

static bool pool_hardware(const struct technique_use *use, struct hardware_change *hw, struct err *err)
{
	struct tier t = tier_of(use);

	(void)err;
	hw->device->memory2 = (struct device_memory){ .type = use->technique->title, .source = "a technique's parameters", .bytes = t.bytes,
						      .visible_bytes = t.bytes, .bytes_s = t.bytes_s };
	return true;
}

static bool pool_schedule(const struct technique_use *use, struct policy_change *p, struct err *err)
{
	struct tier t = tier_of(use);

	(void)err;
	p->host_cache_bytes = t.bytes;
	p->host_cache_bytes_s = t.bytes_s;
	p->prefix_caching = 1;
	return true;
}

const struct technique_ops technique_memory_pool = {
	.name = "memory-pool", .help = "a shared second memory tier: capacity, rate, latency, hosts that share it",
	.params = "capacity_gb hosts link_gb_s module_gb_s pool_gb_s latency_ns", .hardware = pool_hardware, .schedule = pool_schedule,
};
