/* Random scenarios for the property tests: every policy, router and kind of model, with caches small enough to preempt. */
#ifndef TESTS_PROP_RANDOM_SCENARIO_H
#define TESTS_PROP_RANDOM_SCENARIO_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "sim/scenario.h"
#include "sim/serve.h"
#include "sim/serve/router.h"
#include "sim/serve/scheduler.h"

/* VIBEE_SEEDS, or the default; a tenth under sanitizers. */
static inline int seed_count(int otherwise)
{
	const char *text = getenv("VIBEE_SEEDS");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	otherwise = otherwise / 10 > 0 ? otherwise / 10 : 1;
#endif
	return text && atoi(text) > 0 ? atoi(text) : otherwise;
}

static inline bool set(struct scenario *sc, struct arena *a, struct err *err, const char *path, const char *fmt, double value)
{
	char text[64];

	snprintf(text, sizeof(text), fmt, value);
	return schema_set(&scenario_element, sc, path, text, "test", a, err);
}

static inline bool set_text(struct scenario *sc, struct arena *a, struct err *err, const char *path, const char *text)
{
	return schema_set(&scenario_element, sc, path, text, "test", a, err);
}

static inline bool draw_traffic(struct scenario *sc, struct rng *r, struct arena *a, struct err *err)
{
	static const char *const lengths[] = { "fixed", "uniform", "lognormal" };
	bool ok = scenario_workload(sc, NULL, a, err) && set(sc, a, err, "workload.requests", "%.0f", 40 + (double)rng_below(r, 160));
	const char *sides[] = { "prompt_tokens", "output_tokens" };

	for (int i = 0; ok && i < 2; i++) {
		const char *kind = lengths[rng_below(r, 3)];
		double mean = i == 0 ? 20 + (double)rng_below(r, 900) : 2 + (double)rng_below(r, 120);
		char path[64];
#define SIDE(attr) (snprintf(path, sizeof(path), "workload.%s.%s", sides[i], attr), path)
		ok = set_text(sc, a, err, SIDE("kind"), kind);
		if (strcmp(kind, "fixed") == 0)
			ok = ok && set(sc, a, err, SIDE("value"), "%.0f", mean);
		else
			ok = ok && set(sc, a, err, SIDE("least"), "%.0f", 1) && set(sc, a, err, SIDE("most"), "%.0f", 3 * mean);
		if (strcmp(kind, "lognormal") == 0)
			ok = ok && set(sc, a, err, SIDE("mu"), "%.3f", log(mean)) && set(sc, a, err, SIDE("sigma"), "%.2f", 0.8);
#undef SIDE
	}
	switch (rng_below(r, 5)) {
	case 0: return ok && set(sc, a, err, "workload.concurrency", "%.0f", 1 + (double)rng_below(r, 24));
	case 1: return ok && set_text(sc, a, err, "workload.arrivals.kind", "all-at-once");
	case 2: return ok && set_text(sc, a, err, "workload.arrivals.kind", "gamma") && set(sc, a, err, "workload.arrivals.cv", "%.1f", 3) &&
		       set(sc, a, err, "workload.qps", "%.2f", 1 + 20 * rng_uniform(r));
	case 3:
		return ok && set(sc, a, err, "workload.qps", "%.2f", 1 + 20 * rng_uniform(r)) &&
		       set(sc, a, err, "workload.prefixes.block_tokens", "%.0f", 32) &&
		       set(sc, a, err, "workload.prefixes.shared_tokens", "%.0f", 64 + (double)rng_below(r, 400)) &&
		       set(sc, a, err, "workload.prefixes.shared_prompts", "%.0f", 1 + (double)rng_below(r, 6));
	default: return ok && set(sc, a, err, "workload.qps", "%.2f", 1 + 40 * rng_uniform(r));
	}
}

/* A scenario that always loads; `seed` decides everything. NULL + err when it does not (a failure of the test). */
static inline struct scenario *random_scenario(uint64_t seed, struct arena *a, struct err *err)
{
	static const struct { const char *name, *device; int tp; } models[] = {
		{ "llama-3.1-8b", "h100", 1 }, { "llama-2-7b", "a100", 1 }, { "gemma-2-9b", "h100", 1 }, { "mixtral-8x7b", "h200", 2 },
		{ "deepseek-v2-lite", "h100", 1 }, { "mamba-2.8b", "a100", 1 }, { "jamba-v0.1", "h200", 2 }, { "gpt-oss-20b", "h100", 1 },
		{ "mistral-7b-v0.1", "mi300x", 1 }, { "phi-2", "a100", 1 }, { "qwen3-30b-a3b", "b200", 1 },
	};
	struct scenario *sc = scenario_new(a, err);
	size_t schedulers_known = 0, routers_known = 0, m;
	struct rng r;
	bool ok;

	if (!sc)
		return NULL;
	while (schedulers[schedulers_known])
		schedulers_known++;
	while (routers[routers_known])
		routers_known++;
	rng_init(&r, seed, "scenario");
	m = rng_below(&r, COUNT_OF(models));
	sc->seed = (int64_t)seed;
	ok = draw_traffic(sc, &r, a, err) && set_text(sc, a, err, "model.name", models[m].name) &&
	     set_text(sc, a, err, "hardware.device", models[m].device) && set(sc, a, err, "deployment.tp", "%.0f", models[m].tp) &&
	     set_text(sc, a, err, "scheduler.name", schedulers[rng_below(&r, schedulers_known)]->name) &&
	     set_text(sc, a, err, "deployment.router", routers[rng_below(&r, routers_known)]->name) &&
	     set(sc, a, err, "deployment.replicas", "%.0f", 1 + (double)rng_below(&r, 4));
	if (ok && rng_below(&r, 4) == 0)
		ok = set(sc, a, err, "deployment.pp", "%.0f", 2);
	if (ok && rng_below(&r, 5) == 0)
		ok = set(sc, a, err, "deployment.prefill_replicas", "%.0f", 1 + (double)rng_below(&r, 2));
	if (ok && rng_below(&r, 2) == 0)       /* room for a few sequences only: 4,096 tokens and up */
		ok = set(sc, a, err, "scheduler.block_size", "%.0f", rng_below(&r, 2) ? 16 : 8) &&
		     set(sc, a, err, "scheduler.kv_blocks", "%.0f", 520 + (double)rng_below(&r, 900));
	if (ok && rng_below(&r, 3) == 0)
		ok = set(sc, a, err, "scheduler.max_num_seqs", "%.0f", 1 + (double)rng_below(&r, 16));
	if (ok && rng_below(&r, 3) == 0)
		ok = set_text(sc, a, err, "hardware.host_overhead", rng_below(&r, 2) ? "none" : "0.002");
	if (ok && rng_below(&r, 4) == 0)
		ok = set(sc, a, err, "offload.host_gb", "%.0f", 1);
	if (ok && rng_below(&r, 4) == 0)
		ok = set_text(sc, a, err, "scheduler.preemption", "swap");
	return ok ? sc : NULL;
}

/* Everything a run says about its requests, in order of id. */
struct records {
	struct request_record *at;
	size_t count, capacity;
	double last_end_s;
	bool backwards;                        /* a request ended before one that was reported earlier */
};

static inline void keep_record(void *ctx, const struct request_record *record)
{
	struct records *k = ctx;

	if (k->count == k->capacity) {
		k->capacity = k->capacity ? 2 * k->capacity : 256;
		k->at = realloc(k->at, k->capacity * sizeof(*k->at));
	}
	k->at[k->count++] = *record;
	if (record->arrival_s + record->e2e_s < k->last_end_s * (1 - 1e-12))
		k->backwards = true;
	k->last_end_s = record->arrival_s + record->e2e_s;
}

static inline int by_id(const void *x, const void *y)
{
	const struct request_record *a = x, *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

/* Runs sc and fills *k and *out (in the arena). */
static inline bool run_scenario(const struct scenario *sc, struct records *k, struct result *out, struct arena *a, struct err *err)
{
	struct serve_sink sink = { .ctx = k, .request = keep_record };
	struct sim *sim = sim_new(sc, &sink, err);
	bool ok = sim && sim_run(sim, INFINITY, err) && sim_result(sim, a, out, err);

	sim_free(sim);
	if (ok && k->count)
		qsort(k->at, k->count, sizeof(*k->at), by_id);
	return ok;
}

static inline bool close_to(double a, double b, double relative)
{
	return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= relative * fmax(fabs(a), fabs(b));
}

#endif
