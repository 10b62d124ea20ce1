#include "sim/spread.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Runtime context, collective buffers and captured graphs inside the engine's share of memory; vLLM and SGLang report
 * 0.5 to 1.5 GiB (their start-up logs); recalled. A chip with less than 16 GB of memory cannot spare that: a sixteenth. */
static const double RUNTIME_BYTES = 1.0e9, SMALL_SHARE = 1.0 / 16;
static const double SCRATCH_SHARE = 0.5;       /* of an SRAM that also has to hold activations */
enum { CACHE_TOKENS = 32768, CHAIN_MOST = 65536, TP_MOST = 64 };

void spread_limits(const struct compiled *c, struct memory_limits *limits)
{
	const struct device *d = c->device;
	const struct execution *e = &d->execution;

	limits->reserved_bytes = e->reserved_bytes >= 0 ? e->reserved_bytes : fmin(RUNTIME_BYTES, SMALL_SHARE * d->memory.bytes);
	if (e->spills && d->memory2.bytes > 0 && d->memory2.bytes_s > 0)
		limits->far_bytes = d->memory2.bytes;
	if (e->cached_weights != CACHED_NO && d->sram.bytes > 0)
		limits->near_bytes = d->sram.bytes * SCRATCH_SHARE;
}

/* Fits with a cache for so many tokens, and without overflowing to another tier unless that is allowed. */
static bool fits(const struct compiled *c, const struct memory_limits *limits, const struct placement *p, int64_t tokens, bool overflow)
{
	struct memory_limits own = *limits;
	struct memory_plan plan;
	struct err ignored = { 0 };

	if (!overflow)
		own.far_bytes = 0;
	if (!memory_plan(c->model, p, &own, &plan, &ignored))
		return false;
	return plan.kv_bytes_per_token <= 0 || plan.kv_blocks * plan.block_tokens >= tokens;
}

static void set_chain(const struct compiled *c, struct placement *p, int64_t chain)
{
	int64_t layers = c->model->shape.layers;

	p->chain = chain;
	p->stages = c->device->execution.regions && layers > chain ? layers : chain;
}

/* The shortest chain that holds the model, 0 when none does. */
static int64_t shortest_chain(const struct compiled *c, const struct memory_limits *limits, struct placement p, int64_t tokens)
{
	int64_t low = 0, high = 1;

	for (;; high *= 2) {
		if (high > CHAIN_MOST)
			return 0;
		set_chain(c, &p, high);
		if (fits(c, limits, &p, tokens, false))
			break;
		low = high;
	}
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		set_chain(c, &p, middle);
		*(fits(c, limits, &p, tokens, false) ? &high : &low) = middle;
	}
	return high;
}

static int64_t heads_of(const struct model *m)
{
	return m->attention.heads > 0 ? m->attention.heads : m->recurrent.heads > 0 ? m->recurrent.heads : 1;
}

/* Devices that one layer's weights fill, as a power of two: what its heads and columns are cut over. */
static int64_t layer_devices(const struct compiled *c, const struct memory_limits *limits, const struct placement *p)
{
	struct memory_limits roomy = *limits;
	struct memory_plan plan;
	struct err ignored = { 0 };
	/* The nearest power of two: what a layer lacks, its neighbours in the chain have (compilers cut inside layers). */
	int64_t tp = 1, most = heads_of(c->model) < TP_MOST ? heads_of(c->model) : TP_MOST;
	double layer;

	roomy.capacity_bytes = 1e18;
	if (!memory_plan(c->model, p, &roomy, &plan, &ignored))
		return 1;
	layer = plan.weights_bytes / (double)c->model->shape.layers;
	while (tp * 2 <= most && layer / (double)tp > 1.4142135623730951 * (limits->capacity_bytes * limits->utilization - limits->reserved_bytes))
		tp *= 2;
	return tp;
}

static bool needs_more(const struct compiled *c, const struct placement *p, int64_t chain, int64_t available, struct err *err)
{
	return err_set(err, ERR_INPUT, "%s needs %lld x %s: %lld devices share a layer, %lld such groups stand in a row (--tp %lld --pp %lld); "
				       "expected as many devices for each replica, there are %lld",
		       c->model->name, (long long)(p->tp * chain), c->device->name, (long long)p->tp, (long long)chain, (long long)p->tp,
		       (long long)chain, (long long)available);
}

static bool spread_chain(const struct compiled *c, const struct memory_limits *limits, int64_t available, struct placement *p, struct err *err)
{
	bool asked = p->tp > 1 || p->pp > 1, spills = limits->far_bytes > 0;
	int64_t chain = p->pp, least, most = 0, layers = c->model->shape.layers;

	p->pp = 1;
	set_chain(c, p, 1);
	if (!placement_check(c->model, p, err))
		return false;
	if (!asked && !c->device->execution.regions) {
		p->tp = layer_devices(c, limits, p);
		while (available / p->tp > layers && p->tp * 2 <= heads_of(c->model) && p->tp * 2 <= TP_MOST)
			p->tp *= 2;
	}
	if (asked && (chain > 1 || available > 0)) {
		set_chain(c, p, chain);
		least = shortest_chain(c, limits, *p, 1);
		if (least > chain && !spills)
			return needs_more(c, p, least, p->tp * chain, err);
	} else {
		least = shortest_chain(c, limits, *p, CACHE_TOKENS);
		if (least == 0)
			return err_set(err, ERR_INPUT, "%s does not fit any chain of up to %d x %s", c->model->name, CHAIN_MOST, c->device->name);
		most = available > 0 ? available / p->tp : least;
		if (most < least && !spills) {
			least = shortest_chain(c, limits, *p, 1);
			if (most < least)
				return needs_more(c, p, least, available, err);
		}
		chain = most < least ? most : most > layers && least < layers ? layers : most;
		if (chain < 1)
			chain = 1;
	}
	set_chain(c, p, chain);
	if (!fits(c, limits, p, 1, false))
		p->stages = chain;             /* weights stream through whole devices */
	return true;
}

/* A node if that holds the model, else the system. */
static void spread_heads(const struct compiled *c, const struct memory_limits *limits, int64_t available, struct placement *p)
{
	int64_t most = heads_of(c->model), node = c->system->devices_per_node;

	while (p->tp * 2 <= available && p->tp * 2 <= most && (p->tp * 2 <= node || !fits(c, limits, p, 1, false)))
		p->tp *= 2;
}

bool spread_place(const struct compiled *c, const struct memory_limits *limits, int64_t available, struct placement *p, struct err *err)
{
	const struct execution *e = &c->device->execution;

	if (e->streams)
		return spread_chain(c, limits, available, p, err);
	if (e->together && available > 1 && p->tp == 1 && p->pp == 1 && p->cp == 1 && p->dp_attention == 1 && p->ep == 1)
		spread_heads(c, limits, available, p);
	return true;
}

/* Fewest devices: more tensor ranks inside a domain first, then a pipeline. */
static bool fewest(const struct compiled *c, const struct memory_limits *limits, struct placement *p)
{
	int64_t heads = heads_of(c->model), domain = p->devices_per_node > 0 ? p->devices_per_node : 8, most = heads < domain ? heads : domain;

	for (; p->tp <= most; p->tp *= 2)
		if (fits(c, limits, p, 1, true))
			return true;
	p->tp /= 2;
	if (p->tp < 1)
		return false;
	for (p->pp = p->pp < 1 ? 2 : p->pp * 2; p->pp <= c->model->shape.layers; p->pp += 1 + p->pp / 4)
		if (fits(c, limits, p, 1, true))
			return true;
	for (p->pp = c->model->shape.layers; p->tp <= heads; p->tp *= 2)       /* beyond one domain */
		if (fits(c, limits, p, 1, true))
			return true;
	return false;
}

void spread_advise(const struct compiled *c, const struct memory_limits *limits, const struct placement *p, struct err *err)
{
	struct placement try = *p;
	size_t used = strlen(err->text);
	int64_t now = placement_devices(p);

	if (c->device->execution.streams || err->kind != ERR_INPUT || used + 1 >= sizeof(err->text))
		return;
	if (fewest(c, limits, &try) && placement_devices(&try) > now)
		snprintf(err->text + used, sizeof(err->text) - used, "; it needs at least %lld x %s (--tp %lld%s%.0lld)",
			 (long long)placement_devices(&try), c->device->name, (long long)try.tp, try.pp > 1 ? " --pp " : "",
			 try.pp > 1 ? (long long)try.pp : 0);
	else
		snprintf(err->text + used, sizeof(err->text) - used, "; it needs more memory in each device than %s has: no split of layers and heads fits",
			 c->device->name);
}
