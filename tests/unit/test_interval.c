#include <CUnit/CUnit.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "reports/metric.h"
#include "reports/run_json.h"
#include "sim/interval.h"
#include "sim/serve.h"

extern CU_TestInfo suite_interval[];

/* Kinds add up in quadrature, operators of one kind straight, host time not at all: GEMMs 0.6 s x 10 % + 0.2 s x 10 % of 1 s,
 * attention 0.2 s x 30 %: sqrt(0.08^2 + 0.06^2) = 0.1, times 1.9. What runs are off by beyond that adds as independent. */
static void errors_of_kinds_add_in_quadrature(void)
{
	const struct operator_row rows[] = {
		{ .kind = "gemm", .seconds = .6, .rel_error = .1 }, { .kind = "attention_decode", .seconds = .2, .rel_error = .3 },
		{ .kind = "gemm", .seconds = .2, .rel_error = .1 }, { .kind = "host", .seconds = 5, .rel_error = 1 },
	};
	struct result r = { .operators = rows, .operator_count = 4, .share_measured = 1 };
	double w = interval_width(INTERVAL_TIMES, 1);

	CU_ASSERT_DOUBLE_EQUAL(interval_operators(&r), 0.1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(interval_rel_error(&r), exp(sqrt(log(1.19) * log(1.19) + w * w)) - 1, 1e-12);
	/* A row that lies just inside: what is left of it beyond the operators is the width. */
	CU_ASSERT_DOUBLE_EQUAL(interval_beyond(log1p(interval_rel_error(&r)), 0.1), w, 1e-12);
	CU_ASSERT_EQUAL(interval_beyond(0.1, 0.1), 0);
	r.operator_count = 0;
	CU_ASSERT_EQUAL(interval_operators(&r), 0);
}

/* Devices without tables of their own are further off, half-measured ones between; both ends are the same factor away. */
static void widths_follow_the_evidence(void)
{
	for (int f = 0; f < INTERVAL_FIGURES; f++) {
		double own = interval_width((enum interval_figure)f, 1), other = interval_width((enum interval_figure)f, 0);

		CU_ASSERT(own > 0 && own < other);
		CU_ASSERT_DOUBLE_EQUAL(interval_width((enum interval_figure)f, 0.5), (own + other) / 2, 1e-12);
		CU_ASSERT_EQUAL(interval_width((enum interval_figure)f, NAN), other);
	}
	CU_ASSERT_DOUBLE_EQUAL(interval_scale(0.25, true) * interval_scale(0.25, false), 1, 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(interval_first_token(1, 1.01, 1, true), exp(interval_width(INTERVAL_FIRST_TOKEN, 1)), 1e-12);
	CU_ASSERT_EQUAL(interval_first_token(1, 100, 1, true), 100);
	CU_ASSERT_EQUAL(interval_first_token(1, 0.001, 1, false), 0.001);
}

static void run_lies_inside_its_interval(void)
{
	static const char *const names[] = { "ttft_s.p50", "tpot_s.p50", "e2e_s.mean", "output_throughput", "cost.usd" };
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct scenario *sc = scenario_new(a, &err);
	struct serve_sink none = { 0 };
	struct result *r = arena_alloc(a, sizeof(*r));
	struct str json = { 0 };
	struct sim *sim;

	CU_ASSERT_PTR_NOT_NULL_FATAL(sc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_TRUE_FATAL(scenario_workload(sc, "chat", a, &err));
	sc->workload.requests = 100;
	sim = sim_new(sc, &none, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sim);
	CU_ASSERT_TRUE_FATAL(sim_run(sim, INFINITY, &err) && sim_result(sim, a, r, &err));
	CU_ASSERT_TRUE_FATAL(interval_run(sc, NULL, r, a, &err));
	CU_ASSERT_TRUE(r->interval_rel_error > interval_width(INTERVAL_TIMES, 1) && r->interval_rel_error < 0.6);
	CU_ASSERT_EQUAL(sc->time_scale, 0);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct metric *m = metric_find(names[i]);
		double low = NAN, high = NAN, here = metric_get(m, r);

		CU_ASSERT_TRUE(metric_interval(m, r, &low, &high));
		CU_ASSERT_TRUE(low <= here && here <= high && low < high);
	}
	CU_ASSERT_TRUE(r->faster->tpot_s.p50 < r->slower->tpot_s.p50);
	CU_ASSERT_TRUE(run_json(r, &(struct run_json_options){ 0 }, &json, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&json), "\"metrics_low\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&json), "\"cost_high\""));
	str_release(&json);
	sim_free(sim);
	arena_free(a);
}

CU_TestInfo suite_interval[] = {
	{ "errors of kinds add in quadrature", errors_of_kinds_add_in_quadrature },
	{ "widths follow the evidence", widths_follow_the_evidence },
	{ "a run lies inside its interval", run_lies_inside_its_interval },
	CU_TEST_INFO_NULL,
};
