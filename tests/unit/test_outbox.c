#include <math.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "sim/scenario.h"
#include "sim/serve.h"
#include "sim/serve/outbox.h"
#include "tests/unit/scratch.h"

/* Lindley's recursion, step by step. */
static double one_by_one(double free_s, double batch_s, int64_t steps, double start_s, double base_s, double slope_s)
{
	double t = start_s;

	for (int64_t j = 0; j < steps; j++) {
		t += base_s + slope_s * (double)j;
		free_s = fmax(free_s, t) + batch_s;
	}
	return free_s;
}

static void a_run_is_its_steps(void)
{
	static const struct { double free_s, batch_s, base_s, slope_s; int64_t steps; } cases[] = {
		{ 0, 0.004, 0.01, 0, 50 },             /* never behind */
		{ 0, 0.02, 0.01, 0, 50 },              /* ever further behind */
		{ 3, 0.004, 0.01, 0, 50 },             /* catches up, but not yet */
		{ 1.1, 0.004, 0.01, 0, 50 },           /* has caught up by the end */
		{ 0, 0.02, 0.01, 0.001, 60 },          /* falls behind, then steps are longer than their messages take */
		{ 0.5, 0.02, 0.001, 0.0001, 1 }, { 7, 0.02, 0.001, 0.0001, 2 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		double start = 1, base = cases[i].base_s, slope = cases[i].slope_s, k = (double)cases[i].steps;
		struct outbox o = { .free_s = cases[i].free_s };

		outbox_take(&o, cases[i].batch_s, cases[i].steps, start + base, start + k * base + slope * k * (k - 1) / 2);
		CU_ASSERT_DOUBLE_EQUAL(o.free_s, one_by_one(cases[i].free_s, cases[i].batch_s, cases[i].steps, start, base, slope), 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(outbox_last_s(&o) - outbox_first_s(&o, 0.001), cases[i].batch_s - 0.001, 1e-12);
	}
}

static void set(struct scenario *sc, const char *path, const char *value, struct arena *a)
{
	struct err err = { 0 };

	CU_ASSERT_TRUE_FATAL(schema_set(&scenario_element, sc, path, value, "test", a, &err));
}

static void run(const char *stack, const char *qps, const char *chunk, const char *arrivals, struct result *r, struct arena *a)
{
	static const char *const settings[][2] = {
		{ "model.name", "llama-3.1-8b" }, { "model.dtype", "fp8" }, { "hardware.device", "h100" }, { "workload.requests", "1500" },
		{ "workload.prompt_tokens.kind", "fixed" }, { "workload.prompt_tokens.value", "32" }, { "workload.output_tokens.kind", "fixed" },
		{ "workload.output_tokens.value", "200" }, { "scheduler.max_num_seqs", "512" },
	};
	struct err err = { 0 };
	struct scenario *sc = scenario_new(a, &err);
	struct sim *sim;

	CU_ASSERT_PTR_NOT_NULL_FATAL(sc);
	for (size_t i = 0; i < COUNT_OF(settings); i++)
		set(sc, settings[i][0], settings[i][1], a);
	set(sc, "hardware.stack", stack, a);
	set(sc, "workload.qps", qps, a);
	set(sc, "scheduler.stream_interval", chunk, a);
	set(sc, "workload.arrivals.kind", arrivals, a);
	sim = sim_new(sc, NULL, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sim);
	CU_ASSERT_TRUE_FATAL(sim_run(sim, INFINITY, &err) && sim_result(sim, a, r, &err));
	sim_free(sim);
}

/* 200 messages of 55 us and a request of 800: 84.7 requests a second, whatever the device does. Clients wait for what is left over;
 * the device does not. Chunks of 20 tokens, and answers that are sent whole, are no burden. */
static void a_server_streams_no_faster(void)
{
	struct arena *a = arena_new();
	struct result fast, slow, chunks, whole, plain;

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	run("trtllm-serve", "120", "1", "poisson", &slow, a);
	run("trtllm-tuned", "120", "1", "poisson", &fast, a);
	CU_ASSERT_DOUBLE_EQUAL(slow.request_throughput * (200 * 55e-6 + 800e-6), 1, 0.08);
	CU_ASSERT(slow.request_throughput * (200 * 55e-6 + 800e-6) < 1);
	CU_ASSERT(slow.ttft_s.p99 > 2 * fast.ttft_s.p99 && slow.ttft_s.p99 > fast.ttft_s.p99 + 0.1);
	CU_ASSERT_DOUBLE_EQUAL(slow.queue_s.mean, fast.queue_s.mean, 0.02);
	run("trtllm-serve", "120", "20", "poisson", &chunks, a);
	CU_ASSERT_DOUBLE_EQUAL(chunks.e2e_s.mean / fast.e2e_s.mean, 1, 0.1);
	run("trtllm-serve", "120", "1", "all-at-once", &whole, a);
	run("trtllm-tuned", "120", "1", "all-at-once", &plain, a);
	CU_ASSERT_DOUBLE_EQUAL(whole.e2e_s.max / plain.e2e_s.max, 1, 0.05);
	arena_free(a);
}

CU_TestInfo suite_outbox[] = {
	{ "a run of steps is its steps", a_run_is_its_steps },
	{ "a server streams no faster than its messages", a_server_streams_no_faster },
	CU_TEST_INFO_NULL,
};
