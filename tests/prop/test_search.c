/* A search finds what brute force finds: the same best in the same order, the same fronts, with any number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/rng.h"
#include "sim/plan/search.h"

static const char *pick(struct rng *r, const char *const *words, size_t count)
{
	return words[rng_below(r, count)];
}

/* A few axes at random, with targets that some candidates meet and some do not. */
static struct scenario *random_study(uint64_t seed, struct space *space, struct arena *a)
{
	static const char *const devices[] = { "device=h100,h200", "device=a100,h100,b200", "device=h100,mi300x", "device=l40s,h100" };
	static const char *const cuts[] = { "tp=1,2", "tp=1,2,4", "tp=2,8", "pp=1,2" };
	static const char *const more[] = { "replicas=1,2,3", "max_num_seqs=4,16,64", "scheduler=vllm,sglang,orca", "dtype=bf16,fp8",
					    "prefill_replicas=0,1", "max_num_batched_tokens=512,4096" };
	static const char *const models[] = { "llama-3.1-8b", "qwen3-30b-a3b", "llama-3.1-70b" };
	struct scenario *sc = scenario_new(a, NULL);
	struct rng r;

	rng_init(&r, seed, "search");
	CU_ASSERT_PTR_NOT_NULL_FATAL(sc);
	CU_ASSERT_FATAL(scenario_workload(sc, rng_below(&r, 4) ? "azure-conv-2023" : "chat", a, NULL));
	sc->seed = (int64_t)seed;
	sc->model.name = models[rng_below(&r, 3)];
	sc->workload.requests = 40 + (int64_t)rng_below(&r, 60);
	sc->workload.qps = 1 + 12 * rng_uniform(&r);
	if (rng_below(&r, 3))
		sc->slo.ttft_p90 = 0.08 * exp(3 * rng_uniform(&r));
	if (rng_below(&r, 2))
		sc->slo.tpot_p50 = 0.006 * exp(2 * rng_uniform(&r));
	if (rng_below(&r, 3) == 0)
		sc->slo.e2e_mean = exp(2 * rng_uniform(&r));
	*space = (struct space){ 0 };
	CU_ASSERT_FATAL(space_add(space, pick(&r, devices, COUNT_OF(devices)), "", a, NULL));
	CU_ASSERT_FATAL(space_add(space, pick(&r, cuts, COUNT_OF(cuts)), "", a, NULL));
	for (int i = 0; i < 2; i++)
		CU_ASSERT_FATAL(space_add(space, pick(&r, more, COUNT_OF(more)), "", a, NULL));
	return sc;
}

static void same_list(const struct search *x, const size_t *a, size_t na, const size_t *b, size_t nb, const struct search *y)
{
	CU_ASSERT_EQUAL(na, nb);
	for (size_t i = 0; i < na && i < nb; i++) {
		CU_ASSERT_EQUAL(a[i], b[i]);
		if (a[i] == b[i])
			CU_ASSERT(memcmp(x->candidates[a[i]].outcome->value, y->candidates[b[i]].outcome->value,
					 sizeof(x->candidates[a[i]].outcome->value)) == 0);
	}
}

static size_t pruned_and_stopped;

static void compare(uint64_t seed, bool capacity)
{
	struct arena *a = arena_new();
	struct space space;
	struct scenario *sc = random_study(seed, &space, a);
	struct search_options o = { .objective = &objectives[seed % 7], .limits = { seed % 3 ? INFINITY : 30, INFINITY }, .threads = 1, .best = 1 + seed % 4,
				    .capacity = capacity, .tolerance = 0.3, .version = "test" };
	struct search quick, brute, threads, best_only;
	struct err err = { 0 };

	if (capacity && isnan(sc->slo.ttft_p90) && isnan(sc->slo.tpot_p50) && isnan(sc->slo.e2e_mean))
		sc->slo.ttft_p90 = 0.5;
	CU_ASSERT_FATAL(search_run(sc, &space, &o, &quick, a, &err));
	o.threads = 3;
	CU_ASSERT_FATAL(search_run(sc, &space, &o, &threads, a, &err));
	o.brute = true;
	CU_ASSERT_FATAL(search_run(sc, &space, &o, &brute, a, &err));
	o.brute = false;
	o.best_only = true;
	CU_ASSERT_FATAL(search_run(sc, &space, &o, &best_only, a, &err));
	same_list(&quick, quick.best, quick.best_count, brute.best, brute.best_count, &brute);
	same_list(&quick, quick.best, quick.best_count, threads.best, threads.best_count, &threads);
	same_list(&quick, quick.best, quick.best_count, best_only.best, best_only.best_count, &best_only);
	for (int f = 0; f < FRONTS; f++) {
		same_list(&quick, quick.fronts[f], quick.front_counts[f], brute.fronts[f], brute.front_counts[f], &brute);
		same_list(&quick, quick.fronts[f], quick.front_counts[f], threads.fronts[f], threads.front_counts[f], &threads);
	}
	CU_ASSERT_EQUAL(quick.simulated, threads.simulated);
	CU_ASSERT(quick.simulated <= brute.simulated && best_only.simulated <= quick.simulated);
	CU_ASSERT_EQUAL(quick.with_status[OUTCOME_IMPOSSIBLE], brute.with_status[OUTCOME_IMPOSSIBLE]);
	/* Whatever a bound threw out, brute force found to miss a target or the budget; whatever was stopped, too. */
	for (size_t i = 0; i < quick.count; i++) {
		const struct candidate *q = &quick.candidates[i], *b = &brute.candidates[i];
		bool out = q->bounds.status == OUTCOME_BOUND || (q->outcome && q->outcome->status == OUTCOME_ABORTED);

		pruned_and_stopped += out || q->bounds.status == OUTCOME_DOMINATED;
		if (out)
			CU_ASSERT(!b->outcome || b->outcome->status != OUTCOME_DONE || !b->outcome->slos_met);
		if (b->outcome && b->outcome->status == OUTCOME_DONE && q->bounds.floor_s > 0 && b->outcome->value[FIGURE_TPOT_MEAN] > 0)
			CU_ASSERT(b->outcome->value[FIGURE_TPOT_MEAN] >= q->bounds.floor_s);
		if (b->outcome && b->outcome->status == OUTCOME_DONE && b->outcome->value[FIGURE_REJECTED] == 0)
			CU_ASSERT(!(b->outcome->value[FIGURE_USD_PER_1M_OUTPUT] < q->bounds.cost));
	}
	arena_free(a);
}

static void finds_what_brute_force_finds(void)
{
	pruned_and_stopped = 0;
	for (uint64_t seed = 1; seed <= 7; seed++)
		compare(seed, false);
	CU_ASSERT(pruned_and_stopped > 10);    /* else the test shows nothing */
}

static void finds_the_same_capacity(void)
{
	for (uint64_t seed = 103; seed <= 105; seed += 2)
		compare(seed, true);
}

extern CU_TestInfo suite_search[];
CU_TestInfo suite_search[] = {
	{ "finds what brute force finds", finds_what_brute_force_finds }, { "finds the same capacity", finds_the_same_capacity }, CU_TEST_INFO_NULL,
};
