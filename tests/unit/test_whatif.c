#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "sim/plan/trust.h"
#include "sim/plan/whatif.h"
#include "sim/plan/workers.h"

static struct scenario *small(struct arena *a)
{
	struct scenario *sc = scenario_new(a, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(sc);
	CU_ASSERT_FATAL(scenario_workload(sc, "azure-conv-2023", a, NULL));
	sc->workload.requests = 60;
	sc->workload.qps = 4;
	return sc;
}

static void reads_axes(void)
{
	static const struct { const char *text, *path, *first, *last; size_t count; } cases[] = {
		{ "tp=1,2,4", "deployment.tp", "1", "4", 3 },
		{ "replicas=1..8", "deployment.replicas", "1", "8", 8 },
		{ "max-num-seqs=16..256*2", "scheduler.max_num_seqs", "16", "256", 5 },
		{ "deployment.pp = 1 , 2", "deployment.pp", "1", "2", 2 },
		{ "model=llama-3.1-8b,qwen3-8b", "model.name", "llama-3.1-8b", "qwen3-8b", 2 },
		{ "dtype=float16,fp8", "model.dtype", "fp16", "fp8", 2 },
		{ "with=none,a+b", "with", "none", "a+b", 2 },
		{ "with=a:bits=2,group=32;none", "with", "a:bits=2,group=32", "none", 2 },
		{ "qps=0.5", "workload.qps", "0.5", "0.5", 1 },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct space s = { 0 };
		struct err err = { 0 };

		CU_ASSERT_FATAL(space_add(&s, cases[i].text, "--vary", a, &err));
		CU_ASSERT_EQUAL(s.count, 1);
		CU_ASSERT_STRING_EQUAL(s.axes[0].path, cases[i].path);
		CU_ASSERT_EQUAL_FATAL(s.axes[0].count, cases[i].count);
		CU_ASSERT_STRING_EQUAL(s.axes[0].values[0], cases[i].first);
		CU_ASSERT_STRING_EQUAL(s.axes[0].values[cases[i].count - 1], cases[i].last);
	}
	arena_free(a);
}

static void refuses_axes(void)
{
	static const struct { const char *text, *says; } cases[] = {
		{ "tpp=1", "did you mean" }, { "tp", "expected NAME=VALUE" }, { "tp=", "expected values" }, { "tp=1,x", "tp" },
		{ "tp=8..1", "expected a range" }, { "replicas=1..10*0.5", "expected a range" }, { "name=a", "several attributes" }, { "tp=0", "tp" },
	};
	struct arena *a = arena_new();

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct space s = { 0 };
		struct err err = { 0 };

		CU_ASSERT_FALSE(space_add(&s, cases[i].text, "--vary", a, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].says));
	}
	arena_free(a);
}

/* A device makes the base's system void, a scheduler its stack; the base itself stays as it was. */
static void crossings_leave_the_base(void)
{
	struct arena *a = arena_new();
	struct scenario *base = small(a), *sc;
	struct space s = { 0 };
	int choice[AXES_MOST] = { 0, 1, 0 };

	base->hardware.system = "dgx-h100";
	base->hardware.stack = "vllm";
	CU_ASSERT_FATAL(space_add(&s, "device=b200,h200", "", a, NULL) && space_add(&s, "tp=2,4", "", a, NULL) &&
			space_add(&s, "scheduler=sglang", "", a, NULL));
	CU_ASSERT_EQUAL(space_size(&s), 4);
	sc = space_scenario(&s, base, choice, a, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sc);
	CU_ASSERT_STRING_EQUAL(sc->hardware.device, "b200");
	CU_ASSERT_PTR_NULL(sc->hardware.system);
	CU_ASSERT_PTR_NULL(sc->hardware.stack);
	CU_ASSERT_EQUAL(sc->deployment.tp, 4);
	CU_ASSERT_STRING_EQUAL(base->hardware.system, "dgx-h100");
	CU_ASSERT_EQUAL(base->deployment.tp, 1);
	choice[0] = choice[1] = choice[2] = AXIS_KEEP;
	sc = space_scenario(&s, base, choice, a, NULL);
	CU_ASSERT_STRING_EQUAL(sc->hardware.system, "dgx-h100");
	arena_free(a);
}

/* Shapley shares sum to the whole change; a change of its own kind gets exactly its effect. */
static void shares_sum_up(void)
{
	struct arena *a = arena_new();
	struct scenario *base = small(a);
	struct whatif_options o = { .threads = 2, .figure = FIGURE_TPOT_P50, .waterfall = true };
	struct space s = { 0 };
	struct whatif w;
	struct err err = { 0 };

	CU_ASSERT_FATAL(space_add(&s, "tp=2", "", a, NULL) && space_add(&s, "max_num_seqs=8", "", a, NULL) &&
			space_add(&s, "usd_per_device_hour=7", "", a, NULL));
	CU_ASSERT_FATAL(whatif_run(base, &s, &o, NULL, NULL, &w, a, &err));
	CU_ASSERT_EQUAL(w.change_count, 3);
	for (int f = 0; f < FIGURES; f++) {
		double whole = w.all_changes.value[f] - w.variants[0].outcome.value[f], sum = 0;

		for (size_t i = 0; i < 3; i++)
			sum += w.changes[i].shapley[f];
		if (!isnan(whole))
			CU_ASSERT_DOUBLE_EQUAL(sum, whole, 1e-9 * (fabs(whole) + fabs(w.all_changes.value[f])));
	}
	/* The price moves no latency, alone or in company. */
	CU_ASSERT_DOUBLE_EQUAL(w.changes[2].shapley[FIGURE_TPOT_P50], 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(w.changes[2].alone[FIGURE_USD_PER_HOUR], 7 - w.variants[0].outcome.value[FIGURE_USD_PER_HOUR], 1e-9);
	/* The grid's only crossing is the scenario with all changes. */
	CU_ASSERT_EQUAL(w.variant_count, 2);
	CU_ASSERT_DOUBLE_EQUAL(w.variants[1].outcome.value[FIGURE_TPOT_P50], w.all_changes.value[FIGURE_TPOT_P50], 0);
	arena_free(a);
}

/* Two scenarios, one operator each: what both share moves both alike and cancels; what they do not share adds up. */
static void common_errors_cancel(void)
{
	struct arena *a = arena_new();
	struct scenario *x = small(a), *y = small(a);
	struct trial *tx = calloc(1, sizeof(*tx)), *ty = calloc(1, sizeof(*ty));
	struct outcome ox, oy;
	struct trusted a_side = { x, &ox, tx }, b_side = { y, &oy, ty };
	struct certainty c;

	x->hardware.device = y->hardware.device = "h100";
	outcome_init(&ox);
	outcome_init(&oy);
	ox.value[FIGURE_TPOT_P50] = 0.010;
	oy.value[FIGURE_TPOT_P50] = 0.011;
	tx->run[OP_GEMM] = ty->run[OP_GEMM] = true;
	tx->slower[OP_GEMM] = ox;
	ty->slower[OP_GEMM] = oy;
	tx->slower[OP_GEMM].value[FIGURE_TPOT_P50] = 0.0110;   /* + 1 ms */
	ty->slower[OP_GEMM].value[FIGURE_TPOT_P50] = 0.0121;   /* + 1.1 ms */
	trust_difference(&a_side, &b_side, FIGURE_TPOT_P50, &c);
	CU_ASSERT_DOUBLE_EQUAL(c.sigma, 0.0001, 1e-12);        /* 10 sigma */
	CU_ASSERT_EQUAL(c.verdict, VERDICT_CERTAIN);
	y->hardware.device = "h200";
	trust_difference(&a_side, &b_side, FIGURE_TPOT_P50, &c);
	CU_ASSERT_DOUBLE_EQUAL(c.sigma, hypot(0.001, 0.0011), 1e-12);
	CU_ASSERT_EQUAL(c.verdict, VERDICT_WITHIN_ERROR);      /* 0.67 sigma: 75 % */
	CU_ASSERT_DOUBLE_EQUAL(c.probability, 0.7493, 1e-3);
	oy.value[FIGURE_TPOT_P50] = 0.010;
	trust_difference(&a_side, &b_side, FIGURE_TPOT_P50, &c);
	CU_ASSERT_EQUAL(c.verdict, VERDICT_NONE);              /* equal: nothing to be sure of */
	free(tx);
	free(ty);
	arena_free(a);
}

static bool count_job(void *ctx, size_t i, struct err *err)
{
	int *done = ctx;

	done[i]++;
	return i != 70 && i != 40 ? true : err_set(err, ERR_INPUT, "job %zu", i);
}

static void workers_do_each_once(void)
{
	int done[100] = { 0 };
	struct err err = { 0 };

	CU_ASSERT(workers_each(40, 3, count_job, done, &err));
	for (int i = 0; i < 40; i++)
		CU_ASSERT_EQUAL(done[i], 1);
	CU_ASSERT_FALSE(workers_each(100, 1, count_job, done, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "job 40");
	CU_ASSERT_EQUAL(done[41], 0);
}

extern CU_TestInfo suite_whatif[];
CU_TestInfo suite_whatif[] = {
	{ "reads axes", reads_axes }, { "refuses axes", refuses_axes }, { "crossings leave the base", crossings_leave_the_base },
	{ "Shapley shares sum up", shares_sum_up }, { "common errors cancel", common_errors_cancel },
	{ "workers do each job once", workers_do_each_once }, CU_TEST_INFO_NULL,
};
