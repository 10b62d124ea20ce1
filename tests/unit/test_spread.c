/* sim/spread: how replicas lie on chips that hold weights in SRAM, and what is said when they do not fit. */
#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "sim/step.h"

static bool priced(const char *device, const char *system, const char *model, int64_t tp, int64_t pp, struct step_result *r, struct err *err,
		   struct arena *a)
{
	struct step_shape shape = { .decodes = 1, .context = 512 };
	struct scenario *sc = scenario_new(a, err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(sc);
	sc->hardware.device = device;
	sc->hardware.system = system;
	sc->model.name = model;
	sc->deployment.tp = tp;
	sc->deployment.pp = pp;
	*err = (struct err){ 0 };
	return step_price(sc, &shape, r, a, err);
}

/* Llama-3.1-70B: 1.76 GB of weights a layer over about 0.2 GB a chip: eight chips a layer, and a chain that holds them all. */
static void lpus_form_a_chain(void)
{
	struct arena *a = arena_new();
	struct step_result r, more;
	struct err err;

	CU_ASSERT_TRUE_FATAL(priced("groq-lpu", NULL, "llama-3.1-70b", 1, 1, &r, &err, a));
	CU_ASSERT_EQUAL(r.tp, 8);
	CU_ASSERT_EQUAL(r.devices, r.tp * r.chain);
	CU_ASSERT_TRUE(r.memory.weights_bytes * (double)r.devices > 2 * 70e9);
	CU_ASSERT_TRUE(r.memory.weights_bytes < r.memory.capacity_bytes);
	CU_ASSERT_TRUE(r.memory.kv_blocks * r.memory.block_tokens >= 32768);
	/* pp is the chain's length when given. */
	CU_ASSERT_TRUE_FATAL(priced("groq-lpu", NULL, "llama-3.1-70b", 8, r.chain + 20, &more, &err, a));
	CU_ASSERT_EQUAL(more.chain, r.chain + 20);
	CU_ASSERT_TRUE(more.memory.weights_bytes < r.memory.weights_bytes);
	CU_ASSERT_TRUE(more.seconds > r.seconds);      /* twenty hops more */
	CU_ASSERT_FALSE(priced("groq-lpu", NULL, "llama-3.1-70b", 8, 10, &more, &err, a));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "needs"));
	CU_ASSERT_FALSE(priced("groq-lpu", NULL, "llama-3.1-8b", 64, 1, &more, &err, a));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "has 32 heads"));
	CU_ASSERT_FALSE(priced(NULL, "groq-rack-64", "llama-3.1-70b", 1, 1, &more, &err, a));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "there are 64"));
	arena_free(a);
}

/* 141 GB of weights: five wafers of 44 GB with room for cache; on one, they stream in from outside. */
static void wafers_pipeline_or_stream(void)
{
	struct arena *a = arena_new();
	struct step_result many, one;
	struct err err;

	CU_ASSERT_TRUE_FATAL(priced("cerebras-cs3", NULL, "llama-3.1-70b", 1, 1, &many, &err, a));
	CU_ASSERT_TRUE(many.devices >= 4 && many.devices <= 6);
	CU_ASSERT_EQUAL(many.memory.far_bytes, 0);
	CU_ASSERT_TRUE_FATAL(priced(NULL, "cerebras-cs3-1", "llama-3.1-70b", 1, 1, &one, &err, a));
	CU_ASSERT_EQUAL(one.devices, 1);
	CU_ASSERT_TRUE(one.memory.far_bytes > 100e9);
	CU_ASSERT_TRUE(one.seconds >= one.memory.far_bytes * 0.97 / one.device->memory2.bytes_s);
	arena_free(a);
}

static void three_tiers_overflow(void)
{
	struct arena *a = arena_new();
	struct step_result r;
	struct err err;

	CU_ASSERT_TRUE_FATAL(priced("sambanova-sn40l", NULL, "llama-3.1-70b", 1, 1, &r, &err, a));
	CU_ASSERT_TRUE(r.memory.far_bytes > 80e9 && r.memory.far_bytes < 141e9);
	CU_ASSERT_TRUE_FATAL(priced(NULL, "sn40l-8", "llama-3.1-70b", 1, 1, &r, &err, a));
	CU_ASSERT_EQUAL(r.tp, 8);              /* the node serves as one */
	CU_ASSERT_EQUAL(r.memory.far_bytes, 0);
	arena_free(a);
}

static void errors_say_how_many(void)
{
	static const struct { const char *device, *model, *says; } cases[] = {
		{ "h100", "llama-3.1-70b", "it needs at least 2 x h100 (--tp 2)" },
		{ "a100", "llama-3.1-405b", "it needs at least 16 x a100 (--tp 8 --pp 2)" },
		{ "t4", "llama-3.1-8b", "it needs at least 2 x t4 (--tp 2)" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *a = arena_new();
		struct step_result r;
		struct err err;

		CU_ASSERT_FALSE(priced(cases[i].device, NULL, cases[i].model, 1, 1, &r, &err, a));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].says));
		arena_free(a);
	}
}

CU_TestInfo suite_spread[] = {
	{ "LPUs form a chain", lpus_form_a_chain },
	{ "wafers pipeline, or weights stream", wafers_pipeline_or_stream },
	{ "three tiers overflow", three_tiers_overflow },
	{ "errors say how many devices", errors_say_how_many },
	CU_TEST_INFO_NULL
};
