/* Price tables given from one simulation to the next. */
#include "sim/catalog_cache.h"
#include "sim/compile.h"
#include "sim/scenario.h"
#include "tests/unit/scratch.h"

/* TensorRT-LLM's sizes: 1, 2, 4, multiples of 8 up to 128, powers of two up to the largest, which is captured, too. */
static void captured_sizes(void)
{
	static const struct { int64_t ranks, tokens, size; } cases[] = {
		{ 1, 1, 1 }, { 1, 2, 2 }, { 1, 3, 4 }, { 1, 5, 8 }, { 1, 121, 128 }, { 1, 129, 256 }, { 1, 300, 512 }, { 1, 513, 600 },
		{ 1, 600, 600 }, { 1, 601, 601 }, { 8, 800, 832 }, { 8, 1040, 2048 }, { 8, 8, 8 },
	};
	struct host_time h = { .graph_max_tokens = 600, .graph_granularity = 8, .graph_fine_tokens = 128 };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		h.ranks = cases[i].ranks;
		CU_ASSERT_EQUAL(host_padded(&h, cases[i].tokens), cases[i].size);
	}
	h = (struct host_time){ .graph_max_tokens = 600, .graph_granularity = 8, .ranks = 1 };
	CU_ASSERT_EQUAL(host_padded(&h, 300), 304);
}

struct made {
	struct arena *arena;
	struct scenario *sc;
	struct compiled c;
	struct compiled_pool pool;
};

static void make(struct made *m, struct catalog_cache *cache, const char *path, const char *value)
{
	struct err err = { 0 };

	*m = (struct made){ .arena = arena_new() };
	CU_ASSERT_PTR_NOT_NULL_FATAL(m->arena);
	m->sc = scenario_new(m->arena, &err);
	CU_ASSERT_FATAL(m->sc && schema_set(&scenario_element, m->sc, path, value, "test", m->arena, &err));
	CU_ASSERT_FATAL(compile_scenario_cached(m->sc, cache, &m->c, m->arena, &err) && compile_pool(m->c.scenario, &m->c, false, &m->pool, &err));
}

static struct iteration *take(struct made *m)
{
	struct err err = { 0 };
	struct iteration *it = compile_iteration(m->c.scenario, &m->c, &m->pool, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(it);
	return it;
}

static void done(struct made *m)
{
	compiled_release(&m->c);
	arena_free(m->arena);
}

/* Seconds that it has counted. */
static double counted_s(struct iteration *it)
{
	struct arena *a = arena_new();
	struct iteration_account account;
	double seconds;

	CU_ASSERT_FATAL(a && iteration_account(it, &account, a, NULL));
	seconds = account.device_s;
	arena_free(a);
	return seconds;
}

static void run_some(struct iteration *it, struct step_time *decode, struct step_time *mixed)
{
	struct chunk chunk = { .tokens = 300, .prior = 64, .last = true };
	struct batch_shape decodes = { .tokens = 7, .decodes = 7, .logits = 7, .context = { 7000 }, .below = { 7 }, .only_decodes = true },
			   both = { .tokens = 307, .prefill_tokens = 300, .prefills = 1, .decodes = 7, .logits = 8, .context = { 7000 }, .below = { 7 }, .chunks = &chunk };

	iteration_price(it, 0, &decodes, 5, decode);
	iteration_count(it, 0, &decodes, decode, 5);
	iteration_price(it, 0, &both, 1, mixed);
	iteration_count(it, 0, &both, mixed, 1);
}

static void equal_deployments_share(void)
{
	struct catalog_cache *cache = catalog_cache_new(NULL);
	struct made first, again, other;
	struct step_time d1, m1, d2, m2;
	struct iteration *it, *second;

	CU_ASSERT_PTR_NOT_NULL_FATAL(cache);
	make(&first, cache, "deployment.replicas", "1");
	it = take(&first);
	run_some(it, &d1, &m1);
	CU_ASSERT(counted_s(it) > 0);
	release_iteration(&first.c, it);
	done(&first);
	/* Another number of replicas: the same tables, nothing counted, the same prices. */
	make(&again, cache, "deployment.replicas", "4");
	second = take(&again);
	CU_ASSERT_PTR_EQUAL(second, it);
	CU_ASSERT_EQUAL(counted_s(second), 0);
	run_some(second, &d2, &m2);
	CU_ASSERT(d1.base_s == d2.base_s && d1.slope_s == d2.slope_s && d1.steps == d2.steps && m1.base_s == m2.base_s && m1.prefill_s == m2.prefill_s);
	/* While it is in use nobody else has it. */
	it = take(&again);
	CU_ASSERT_PTR_NOT_EQUAL(it, second);
	release_iteration(&again.c, it);
	release_iteration(&again.c, second);
	done(&again);
	/* Another layout: other tables. */
	make(&other, cache, "deployment.tp", "2");
	it = take(&other);
	run_some(it, &d2, &m2);
	CU_ASSERT(d1.base_s != d2.base_s);
	release_iteration(&other.c, it);
	done(&other);
	catalog_cache_free(cache);
}

static void differences_are_seen(void)
{
	static const char *const changes[][2] = { { "model.kv_dtype", "fp8" }, { "hardware.host_overhead", "none" }, { "hardware.op_scale", "gemm=1.1" },
						  { "scheduler.max_num_seqs", "17" }, { "hardware.device", "h200" }, { "model.name", "llama-2-7b" } };
	struct step_time d, m, d0, m0;

	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		struct catalog_cache *cache = catalog_cache_new(NULL);
		struct made plain, changed, alone;
		struct iteration *it;

		make(&plain, cache, "deployment.tp", "1");
		it = take(&plain);
		run_some(it, &d, &m);
		release_iteration(&plain.c, it);
		done(&plain);
		make(&changed, cache, changes[i][0], changes[i][1]);
		it = take(&changed);
		run_some(it, &d, &m);
		release_iteration(&changed.c, it);
		done(&changed);
		make(&alone, NULL, changes[i][0], changes[i][1]);
		it = take(&alone);
		run_some(it, &d0, &m0);
		release_iteration(&alone.c, it);
		done(&alone);
		TRUE_FOR(changes[i][0], d.base_s == d0.base_s && m.base_s == m0.base_s);
		catalog_cache_free(cache);
	}
}

/* Many of them: the oldest go. */
static void keeps_few(void)
{
	struct catalog_cache *cache = catalog_cache_new(NULL);
	char seqs[16];

	for (int i = 0; i < 30; i++) {
		struct made m;
		struct iteration *it;

		snprintf(seqs, sizeof(seqs), "%d", 8 + i % 28);
		make(&m, cache, "scheduler.max_num_seqs", seqs);
		it = take(&m);
		CU_ASSERT_EQUAL(counted_s(it), 0);
		release_iteration(&m.c, it);
		done(&m);
	}
	catalog_cache_free(cache);
}

/* The model on a node of B200, with so many attention ranks and no host time. */
static void make_ranks(struct made *m, struct catalog_cache *cache, const char *model, const char *ranks)
{
	struct err err = { 0 };

	*m = (struct made){ .arena = arena_new() };
	CU_ASSERT_PTR_NOT_NULL_FATAL(m->arena);
	m->sc = scenario_new(m->arena, &err);
	CU_ASSERT_FATAL(m->sc && schema_set(&scenario_element, m->sc, "model.name", model, "test", m->arena, &err) &&
			schema_set(&scenario_element, m->sc, "hardware.system", "dgx-b200", "test", m->arena, &err) &&
			schema_set(&scenario_element, m->sc, "hardware.host_overhead", "none", "test", m->arena, &err) &&
			schema_set(&scenario_element, m->sc, "deployment.dp_attention", ranks, "test", m->arena, &err));
	CU_ASSERT_FATAL(compile_scenario_cached(m->sc, cache, &m->c, m->arena, &err) && compile_pool(m->c.scenario, &m->c, false, &m->pool, &err));
}

static double prompts_s(const char *ranks, int64_t prompts, const char *model)
{
	static const struct chunk chunks[4] = { { .tokens = 1024, .last = true }, { .tokens = 1024, .last = true }, { .tokens = 1024, .last = true }, { .tokens = 1024, .last = true } };
	struct batch_shape shape = { .tokens = 1024 * prompts, .prefill_tokens = 1024 * prompts, .prefills = prompts, .logits = prompts, .chunks = chunks };
	struct catalog_cache *cache = catalog_cache_new(NULL);
	struct step_time time;
	struct iteration *it;
	struct made m;

	make_ranks(&m, cache, model, ranks);
	it = take(&m);
	iteration_price(it, 0, &shape, 1, &time);
	iteration_count(it, 0, &shape, &time, 1);
	CU_ASSERT_DOUBLE_EQUAL(counted_s(it), time.base_s, 1e-9);
	release_iteration(&m.c, it);
	done(&m);
	catalog_cache_free(cache);
	return time.base_s;
}

/* Four attention ranks take as long for one prompt as for one each, but for experts, which see a quarter of the tokens. */
static void ranks_wait_for_the_fullest(void)
{
	double dense = prompts_s("4", 1, "llama-3.1-8b"), moe = prompts_s("4", 1, "deepseek-v2-lite");

	CU_ASSERT_DOUBLE_EQUAL(dense / prompts_s("4", 4, "llama-3.1-8b"), 1, 0.02);
	CU_ASSERT(moe < 0.98 * prompts_s("4", 4, "deepseek-v2-lite"));
	CU_ASSERT(prompts_s("1", 1, "llama-3.1-8b") < 0.4 * prompts_s("1", 4, "llama-3.1-8b"));
}

/* 307 tokens of which 300 are a prompt's: vLLM captures such batches, in sizes of 8. TensorRT-LLM captures decodes alone, here in powers
 * of two: this one runs as it is. */
static void only_captured_batches_are_padded(void)
{
	static const struct { const char *stack; int64_t decode, mixed; } cases[] = { { "vllm", 8, 312 }, { "trtllm", 8, 307 }, { "sglang", 8, 307 } };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct catalog_cache *cache = catalog_cache_new(NULL);
		struct step_time decode, mixed;
		struct iteration *it;
		struct made m;

		make(&m, cache, "hardware.stack", cases[i].stack);
		it = take(&m);
		run_some(it, &decode, &mixed);
		TRUE_FOR(cases[i].stack, decode.padded_tokens == cases[i].decode && mixed.padded_tokens == cases[i].mixed);
		release_iteration(&m.c, it);
		done(&m);
		catalog_cache_free(cache);
	}
}

/* No batch takes less than the least of all sizes, and the least is near what small batches take: with experts behind attention ranks, which are
 * a class of operators of their own, too. */
static void floor_is_below_and_near(void)
{
	static const char *const ranks[] = { "1", "4" };

	for (size_t r = 0; r < COUNT_OF(ranks); r++) {
		struct catalog_cache *cache = catalog_cache_new(NULL);
		struct step_time time;
		struct iteration *it;
		double least, cheapest = INFINITY;
		struct made m;

		make_ranks(&m, cache, "deepseek-v2-lite", ranks[r]);
		it = take(&m);
		least = iteration_floor(it, 32);
		CU_ASSERT(least <= iteration_one_token(it));
		for (int64_t n = 1; n <= 32; n++) {
			struct batch_shape shape = { .tokens = n, .decodes = n, .logits = n, .context = { n }, .below = { n }, .only_decodes = true };

			iteration_price(it, 0, &shape, 1, &time);
			CU_ASSERT(least <= time.base_s);
			cheapest = fmin(cheapest, time.base_s);
		}
		CU_ASSERT(least > 0.7 * cheapest);
		release_iteration(&m.c, it);
		done(&m);
		catalog_cache_free(cache);
	}
}

static double short_prompt_s(const char *stack)
{
	static const struct chunk chunk = { .tokens = 64, .last = true };
	struct batch_shape shape = { .tokens = 64, .prefill_tokens = 64, .prefills = 1, .logits = 1, .chunks = &chunk };
	struct catalog_cache *cache = catalog_cache_new(NULL);
	struct err err = { 0 };
	struct made m = { .arena = arena_new() };
	struct step_time time;
	struct iteration *it;

	m.sc = scenario_new(m.arena, &err);
	CU_ASSERT_FATAL(m.sc && schema_set(&scenario_element, m.sc, "model.name", "llama-3.1-8b", "test", m.arena, &err) &&
			schema_set(&scenario_element, m.sc, "hardware.system", "dgx-b200", "test", m.arena, &err) &&
			schema_set(&scenario_element, m.sc, "hardware.stack", stack, "test", m.arena, &err));
	CU_ASSERT_FATAL(compile_scenario_cached(m.sc, cache, &m.c, m.arena, &err) && compile_pool(m.c.scenario, &m.c, false, &m.pool, &err));
	it = take(&m);
	iteration_price(it, 0, &shape, 1, &time);
	release_iteration(&m.c, it);
	done(&m);
	catalog_cache_free(cache);
	return time.base_s;
}

/* A short prompt takes as long as its kernels take to launch: of a graph that leaves out attention 0.4 of them, beside what is always visible. */
static void graphs_leave_some_launches(void)
{
	double whole = short_prompt_s("trtllm"), pieces = short_prompt_s("trtllm-piecewise"), visible = 380e-6;

	CU_ASSERT_DOUBLE_EQUAL((pieces - visible) / (whole - visible), 0.4, 0.01);
}

CU_TestInfo suite_iteration_pool[] = {
	{ "graphs leave some launches to the host", graphs_leave_some_launches },
	{ "the least of all batches is below and near", floor_is_below_and_near },
	{ "attention ranks wait for the fullest", ranks_wait_for_the_fullest },
	{ "captured sizes of a step", captured_sizes }, { "only captured batches are padded", only_captured_batches_are_padded },
	{ "equal deployments share", equal_deployments_share }, { "differences are seen", differences_are_seen }, { "keeps few", keeps_few },
	CU_TEST_INFO_NULL,
};
