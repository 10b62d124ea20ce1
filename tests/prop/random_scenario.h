/* Random scenarios for the property tests: every policy, router and kind of model, open and closed traffic with shared
 * prefixes, sessions and classes, and caches small enough to preempt and to spill into slower tiers. */
#ifndef TESTS_PROP_RANDOM_SCENARIO_H
#define TESTS_PROP_RANDOM_SCENARIO_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "sim/scenario.h"
#include "sim/serve/router.h"
#include "sim/serve/scheduler.h"

/* A scenario being put together: the first value that is refused ends it, and err says which. */
struct draw {
	struct scenario *sc;
	struct arena *arena;
	struct err *err;
	struct rng rng;
	double longest;                        /* tokens of the longest request without sessions */
	bool ok;
};

static inline void put_text(struct draw *d, const char *path, const char *text)
{
	d->ok = d->ok && schema_set(&scenario_element, d->sc, path, text, "test", d->arena, d->err);
}

static inline void put(struct draw *d, const char *path, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.17g", value);
	put_text(d, path, text);
}

/* 0 .. n-1 */
static inline int below(struct draw *d, int n)
{
	return (int)rng_below(&d->rng, (uint64_t)n);
}

static inline bool one_in(struct draw *d, int n)
{
	return below(d, n) == 0;
}

static inline const char *pick_of(struct draw *d, const char *const *texts)
{
	int n = 0;

	while (texts[n])
		n++;
	return texts[below(d, n)];
}

static inline void draw_lengths(struct draw *d, const char *element, double mean)
{
	static const char *const kinds[] = { "fixed", "uniform", "lognormal", "geometric", NULL };
	const char *kind = pick_of(d, kinds);
	char path[96];

	d->longest += strcmp(kind, "fixed") == 0 ? mean : 3 * mean;

#define ATTRIBUTE(name) (snprintf(path, sizeof(path), "workload.%s." name, element), path)
	put_text(d, ATTRIBUTE("kind"), kind);
	if (strcmp(kind, "fixed") == 0) {
		put(d, ATTRIBUTE("value"), floor(mean));
		return;
	}
	put(d, ATTRIBUTE("least"), 1);
	put(d, ATTRIBUTE("most"), floor(3 * mean));
	if (strcmp(kind, "lognormal") == 0) {
		put(d, ATTRIBUTE("mu"), log(mean));
		put(d, ATTRIBUTE("sigma"), 0.8);
	} else if (strcmp(kind, "geometric") == 0) {
		put(d, ATTRIBUTE("mean"), mean);
	}
#undef ATTRIBUTE
}

static inline void draw_arrivals(struct draw *d)
{
	double qps = exp(log(60) * rng_uniform(&d->rng));

	switch (below(d, 6)) {
	case 0:
		put(d, "workload.concurrency", 1 + below(d, 24));
		return;
	case 1:
		put_text(d, "workload.arrivals.kind", "all-at-once");
		return;
	case 2:
		put_text(d, "workload.arrivals.kind", "gamma");
		put(d, "workload.arrivals.cv", 3);
		break;
	case 3:        /* many at the same instant */
		put(d, "workload.arrivals.quantum_s", 0.25);
		break;
	case 4:
		put_text(d, "workload.arrivals.kind", "burst");
		put(d, "workload.arrivals.burst_ratio", 8);
		put(d, "workload.arrivals.burst_s", 0.5);
		put(d, "workload.arrivals.period_s", 3);
		break;
	}
	put(d, "workload.qps", qps);
}

/* What requests share: a system prompt, the start of an earlier request, the context of their session. */
static inline void draw_sharing(struct draw *d)
{
	static const int blocks[] = { 8, 16, 32, 64, 512 };
	int shared = 32 + below(d, 600);

	d->longest += shared;
	put(d, "workload.prefixes.block_tokens", blocks[below(d, 5)]);
	put(d, "workload.prefixes.shared_tokens", shared);
	put(d, "workload.prefixes.shared_prompts", 1 + below(d, 12));
	put_text(d, "workload.prefixes.shared_added", one_in(d, 2) ? "yes" : "no");
	if (one_in(d, 2))
		return;
	put_text(d, "workload.sessions.turns.kind", "geometric");
	put(d, "workload.sessions.turns.mean", 2 + below(d, 5));
	put(d, "workload.sessions.turns.most", 12);
	put_text(d, "workload.sessions.think_s.kind", "exponential");
	put(d, "workload.sessions.think_s.mean", 0.5);
}

static inline void draw_classes(struct draw *d)
{
	int n = 2 + below(d, 3);
	char path[64];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "workload.class.%d.name", i);
		put_text(d, path, i == 0 ? "chat" : i == 1 ? "code" : i == 2 ? "batch" : "rest");
		snprintf(path, sizeof(path), "workload.class.%d.priority", i);
		put(d, path, below(d, 20));    /* more levels than the queue tells apart */
	}
}

static inline void draw_traffic(struct draw *d)
{
	d->ok = d->ok && scenario_workload(d->sc, NULL, d->arena, d->err);
	put(d, "workload.requests", 40 + below(d, 160));
	draw_lengths(d, "prompt_tokens", 20 + below(d, 900));
	draw_lengths(d, "output_tokens", one_in(d, 6) ? 1 + below(d, 3) : 1 + below(d, 400));
	draw_arrivals(d);
	if (one_in(d, 3))
		draw_sharing(d);
	if (one_in(d, 3))
		draw_classes(d);
}

/* Room for few sequences: preemption, blocked heads, refused turns of long sessions. */
static inline void draw_cache(struct draw *d)
{
	static const int sizes[] = { 1, 8, 16, 24, 32 };
	int block = sizes[below(d, 5)];

	put(d, "scheduler.block_size", block);
	put(d, "scheduler.kv_blocks", ceil(d->longest * (1 + 2 * rng_uniform(&d->rng)) / block) + 8);
	if (one_in(d, 2)) {
		put(d, "offload.host_gb", 0.05 + rng_uniform(&d->rng));
		put(d, "offload.disk_gb", one_in(d, 2) ? 1 : 0);
	}
}

static inline void draw_limits(struct draw *d)
{
	static const char *const yes_no[] = { "yes", "no", "default", NULL }, *const orders[] = { "fcfs", "lpm", "dfs-weight", "lof", "priority", NULL };
	static const char *const overheads[] = { "none", "0.002", "0.05", NULL };
	int seqs = 1 + below(d, 24);

	put_text(d, "scheduler.chunked_prefill", pick_of(d, yes_no));
	put_text(d, "scheduler.prefix_caching", pick_of(d, yes_no));
	if (one_in(d, 2))
		draw_cache(d);
	if (one_in(d, 3)) {
		put(d, "scheduler.max_num_seqs", seqs);
		if (one_in(d, 2))
			put(d, "scheduler.max_num_batched_tokens", seqs + 32 + below(d, 700));
	}
	if (one_in(d, 6))
		put_text(d, "scheduler.order", pick_of(d, orders));
	if (one_in(d, 6))
		put(d, "scheduler.watermark", 0.05);
	if (one_in(d, 6))
		put(d, "scheduler.long_prefill_threshold", 32 + below(d, 200));
	if (one_in(d, 4))
		put_text(d, "scheduler.preemption", "swap");
	if (one_in(d, 6))
		put(d, "scheduler.conservativeness", 0.1 + rng_uniform(&d->rng));
	if (one_in(d, 6))
		put(d, "scheduler.max_waiting_iters", below(d, 40));
	if (one_in(d, 3))
		put_text(d, "hardware.host_overhead", pick_of(d, overheads));
	if (one_in(d, 8))
		put(d, "scheduler.max_model_len", 600 + below(d, 2000));
	if (one_in(d, 4))
		put(d, "scheduler.recv_interval", 1 + below(d, 40));
	if (one_in(d, 8))
		put(d, "scheduler.stream_interval", 1 + below(d, 40));
	if (one_in(d, 4))
		put(d, "scheduler.balance_timeout", below(d, 60));
}

static inline void draw_deployment(struct draw *d)
{
	int routers_known = 0;

	while (routers[routers_known])
		routers_known++;
	put_text(d, "deployment.router", routers[below(d, routers_known)]->name);
	put(d, "deployment.replicas", one_in(d, 2) ? 1 : 1 + below(d, 8));
	if (one_in(d, 4))
		put(d, "deployment.pp", 2 + 2 * below(d, 2));
	if (one_in(d, 5)) {
		put(d, "deployment.prefill_replicas", 1 + below(d, 3));
		if (one_in(d, 2))
			put(d, "deployment.transfer_gb_s", 0.5);
	}
}

/* A scenario that always loads; `seed` decides everything. NULL + err when it does not (a failure of the test). */
static inline struct scenario *random_scenario(uint64_t seed, struct arena *a, struct err *err)
{
	static const struct { const char *name, *device; int tp; } models[] = {
		{ "llama-3.1-8b", "h100", 1 },     { "llama-2-7b", "a100", 1 },      { "gemma-2-9b", "h100", 1 },
		{ "gemma-3-4b", "l40s", 1 },       { "mistral-7b-v0.1", "mi300x", 1 }, { "mixtral-8x7b", "h200", 2 },
		{ "deepseek-v2-lite", "h100", 1 }, { "mamba-2.8b", "a100", 1 },      { "jamba-v0.1", "h200", 2 },
		{ "gpt-oss-20b", "h100", 1 },      { "phi-2", "a100", 1 },           { "qwen3-30b-a3b", "b200", 1 },
		{ "llama-3.1-70b", "h100", 4 },
	};
	struct draw d = { .sc = scenario_new(a, err), .arena = a, .err = err, .ok = true };
	int schedulers_known = 0, m;

	if (!d.sc)
		return NULL;
	while (schedulers[schedulers_known])
		schedulers_known++;
	rng_init(&d.rng, seed, "scenario");
	m = below(&d, COUNT_OF(models));
	d.sc->seed = (int64_t)seed;
	draw_traffic(&d);
	put_text(&d, "model.name", models[m].name);
	put_text(&d, "hardware.device", models[m].device);
	put(&d, "deployment.tp", models[m].tp);
	put_text(&d, "scheduler.name", schedulers[below(&d, schedulers_known)]->name);
	draw_deployment(&d);
	draw_limits(&d);
	return d.ok ? d.sc : NULL;
}

#endif
