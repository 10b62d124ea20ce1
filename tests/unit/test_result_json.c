/* The JSON of a run: it parses, holds every key of the contract, and says what the result says. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <jansson.h>

#include "base/mem.h"
#include "reports/metric.h"
#include "reports/run_json.h"
#include "tests/unit/fake_result.h"

static json_t *parsed(const struct result *r, const struct run_json_options *options)
{
	struct str text = { 0 };
	struct err err = { 0 };
	json_error_t error = { 0 };
	json_t *root;

	CU_ASSERT_TRUE(run_json(r, options, &text, &err));
	root = json_loads(str_text(&text), JSON_REJECT_DUPLICATES, &error);
	if (!root)
		printf("%s at %d\n", error.text, error.position);
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	str_release(&text);
	return root;
}

/* The value at a dotted path; numbers select elements of arrays. */
static json_t *at(json_t *root, const char *path)
{
	char word[64];

	while (root && *path) {
		size_t n = strcspn(path, ".");

		memcpy(word, path, n);
		word[n] = '\0';
		root = json_is_array(root) ? json_array_get(root, (size_t)strtol(word, NULL, 10))
					   : json_object_get(root, word);
		path += n + (path[n] == '.');
	}
	return root;
}

static void holds_the_contract(void)
{
	static const char *const numbers[] = {
		"metrics.requests",
		"metrics.completed",
		"metrics.duration_s",
		"metrics.request_throughput",
		"metrics.output_throughput",
		"metrics.total_token_throughput",
		"metrics.goodput_rps",
		"metrics.batch_size_mean",
		"metrics.batch_tokens_mean",
		"metrics.mfu",
		"metrics.mbu",
		"metrics.preemptions",
		"metrics.kv_utilization_peak",
		"memory.weights_bytes",
		"memory.kv_bytes",
		"memory.state_bytes",
		"memory.activation_bytes",
		"memory.peak_bytes",
		"memory.capacity_bytes",
		"memory.kv_bytes_per_token",
		"cost.usd",
		"cost.usd_per_1m_output_tokens",
		"cost.usd_per_1m_tokens",
		"cost.usd_per_hour",
		"energy.joules",
		"energy.joules_per_output_token",
		"confidence.measured",
		"confidence.fitted",
		"confidence.analytic",
		"confidence.expected_rel_error",
		"sim.wall_s",
		"sim.events",
		"sim.iterations",
		"sim.requests_per_s",
	};
	static const char *const dists[] = { "ttft_s", "tpot_s", "itl_s", "e2e_s", "queue_s" };
	static const char *const parts[] = { "mean", "p50", "p90", "p95", "p99", "max" };
	struct result r;
	json_t *root;

	fake_result(&r);
	strcpy(r.run_id, "0123456789abcdef0123456789abcdef");
	for (int pretty = 0; pretty < 2; pretty++) {
		root = parsed(&r, &(struct run_json_options){ .pretty = pretty, .series = pretty });
		CU_ASSERT_STRING_EQUAL(json_string_value(at(root, "schema")), "vibee.run/1");
		CU_ASSERT_STRING_EQUAL(json_string_value(at(root, "run_id")), r.run_id);
		for (size_t i = 0; i < COUNT_OF(numbers); i++) {
			CU_ASSERT_TRUE(json_is_number(at(root, numbers[i])));
			CU_ASSERT_EQUAL(json_number_value(at(root, numbers[i])),
					metric_get(metric_find(numbers[i]), &r));
		}
		for (size_t d = 0; d < COUNT_OF(dists); d++)
			for (size_t k = 0; k < COUNT_OF(parts); k++) {
				char path[64];

				snprintf(path, sizeof(path), "metrics.%s.%s", dists[d], parts[k]);
				CU_ASSERT_EQUAL(json_number_value(at(root, path)), metric_get(metric_find(path), &r));
			}
		CU_ASSERT_EQUAL(json_array_size(at(root, "operators")), r.operator_count);
		CU_ASSERT_EQUAL(json_number_value(at(root, "operators.3.seconds")), 25.1);
		CU_ASSERT_STRING_EQUAL(json_string_value(at(root, "operators.3.bound")), "latency");
		CU_ASSERT_EQUAL(json_array_size(at(root, "classes")), 2);
		CU_ASSERT_EQUAL(json_number_value(at(root, "classes.1.ttft_s.p99")), 1.2);
		CU_ASSERT_TRUE(json_is_false(at(root, "slos_met")));
		CU_ASSERT_STRING_EQUAL(json_string_value(at(root, "slos.0.name")), "ttft_p99");
		CU_ASSERT_EQUAL(json_array_size(at(root, "notes")), 2);
		CU_ASSERT_EQUAL(json_array_size(at(root, "not_modelled")), 1);
		CU_ASSERT_STRING_EQUAL(json_string_value(at(root, "memory.components.1.what")), "kv cache");
		CU_ASSERT_EQUAL(json_array_size(at(root, "series.running")), pretty ? 200 : 0);
		CU_ASSERT_TRUE(pretty ? json_is_null(at(root, "series.ttft_s.7")) : !at(root, "series"));
		CU_ASSERT_EQUAL(json_array_size(at(root, "cdf.e2e_s")), pretty ? CDF_POINTS : 0);
		json_decref(root);
	}
}

static void nests_the_scenario(void)
{
	static const struct key_value inputs[] = {
		{ "deployment.tp", "4" },
		{ "workload.qps", "4.50" },
		{ "deployment.prefix_caching", "no" },
		{ "deployment.exact", "yes" },
		{ "class.0.share", "0.8" },
		{ "class.1.share", "2e-1" },
		{ "technique.a.b.c", "2" },
		{ "technique.a.d", "x" },
		{ "sparse.1.x", "1" },
		{ "sparse.3.x", "3" },
		{ "list.0", "leaf" },
		{ "commit", "007" },
		{ "hex", "0x10" },
		{ "word", "4 GB" },
		{ "seed", "18446744073709551616" },
		{ "huge", "1e999" },
		{ "name", "\xff\xc3\x28 <\x01>\"\\" },
		{ "nothing", NULL },
		{ "workload.gap.", "end" },
		{ ".start", "s" },
		{ "-", "-" },
		{ "minus", "-3" },
		{ "dot", "1." },
	};
	struct result r = { .scenario = inputs, .scenario_count = COUNT_OF(inputs) };
	json_t *root = parsed(&r, &(struct run_json_options){ .pretty = false }), *s = at(root, "scenario");

	CU_ASSERT_EQUAL(json_integer_value(at(s, "deployment.tp")), 4);
	CU_ASSERT_EQUAL(json_real_value(at(s, "workload.qps")), 4.5);
	CU_ASSERT_TRUE(json_is_false(at(s, "deployment.prefix_caching")) && json_is_true(at(s, "deployment.exact")));
	CU_ASSERT_TRUE(json_is_array(at(s, "class")) && json_array_size(at(s, "class")) == 2);
	CU_ASSERT_EQUAL(json_number_value(at(s, "class.1.share")), 0.2);
	CU_ASSERT_EQUAL(json_integer_value(at(s, "technique.a.b.c")), 2);
	CU_ASSERT_STRING_EQUAL(json_string_value(at(s, "technique.a.d")), "x");
	CU_ASSERT_TRUE(json_is_object(at(s, "sparse")) && json_integer_value(at(s, "sparse.3.x")) == 3);
	CU_ASSERT_STRING_EQUAL(json_string_value(at(s, "list.0")), "leaf");
	CU_ASSERT_STRING_EQUAL(json_string_value(at(s, "commit")), "007");
	CU_ASSERT_STRING_EQUAL(json_string_value(at(s, "hex")), "0x10");
	CU_ASSERT_STRING_EQUAL(json_string_value(at(s, "word")), "4 GB");
	CU_ASSERT_STRING_EQUAL(json_string_value(at(s, "seed")), "18446744073709551616");
	CU_ASSERT_STRING_EQUAL(json_string_value(at(s, "huge")), "1e999");
	CU_ASSERT_STRING_EQUAL(json_string_value(at(s, "name")), "\xef\xbf\xbd\xef\xbf\xbd( <\x01>\"\\");
	CU_ASSERT_TRUE(json_is_null(at(s, "nothing")));
	CU_ASSERT_STRING_EQUAL(json_string_value(at(s, "dot")), "1.");
	CU_ASSERT_EQUAL(json_integer_value(at(s, "minus")), -3);
	json_decref(root);
}

static void survives_odd_results(void)
{
	char deep[400] = "a";
	struct key_value inputs[2] = { { deep, "1" }, { NULL, "no key" } };
	struct result r = { .scenario = inputs, .scenario_count = 2, .goodput_rps = NAN, .mfu = INFINITY };
	json_t *root;

	for (int i = 0; i < 150; i++)
		strcat(deep, ".a");
	root = parsed(&r, &(struct run_json_options){ .pretty = true, .series = true });
	CU_ASSERT_TRUE(json_is_null(at(root, "metrics.goodput_rps")) && json_is_null(at(root, "metrics.mfu")));
	CU_ASSERT_TRUE(json_is_null(at(root, "slos_met")) && json_is_null(at(root, "title")) &&
		       json_is_null(at(root, "run_id")));
	json_decref(root);
	r.scenario_count = 0;
	root = parsed(&r, &(struct run_json_options){ .pretty = true });
	CU_ASSERT_TRUE(json_is_object(at(root, "scenario")) && json_object_size(at(root, "scenario")) == 0);
	json_decref(root);
}

static void every_allocation_may_fail(void)
{
	struct result r;
	bool done = false;
	size_t n = 0;

	fake_result(&r);
	while (!done && n < 500) {
		struct str text = { 0 };
		struct err err = { 0 };

		mem_fail_after(++n);
		done = run_json(&r, &(struct run_json_options){ .series = true }, &text, &err);
		mem_fail_after(0);
		CU_ASSERT_EQUAL(err.kind, done ? ERR_NONE : ERR_INTERNAL);
		str_release(&text);
	}
	CU_ASSERT_TRUE(done);
}

/* One table feeds JSON, database and export: its names are unique, its groups side by side. */
static void metric_table_is_sound(void)
{
	for (const struct metric *m = metrics; m->path; m++) {
		struct result r = { .training = { .step_s = 1 } };     /* without a step there are no figures of training */

		CU_ASSERT_PTR_EQUAL(metric_find(m->path), m);
		CU_ASSERT_PTR_EQUAL(metric_find(metric_name(m)), m);
		metric_set(m, &r, 7);
		for (const struct metric *k = metrics; k->path; k++)
			CU_ASSERT_EQUAL(metric_get(k, &r), k == m ? 7 : strcmp(k->path, "training.step_s") == 0 ? 1 : 0);
	}
	CU_ASSERT_TRUE(isnan(metric_get(metric_find("training.hfu"), &(struct result){ 0 })));
	CU_ASSERT_PTR_NULL(metric_find("no_such"));
	CU_ASSERT_STRING_EQUAL(metric_nearest("ttft_p99"), "ttft_s.p99");
}

CU_TestInfo suite_result_json[] = {
	{ "holds every key of the contract", holds_the_contract },
	{ "nests the scenario by its paths", nests_the_scenario },
	{ "odd results still parse", survives_odd_results },
	{ "every allocation may fail", every_allocation_may_fail },
	{ "the metric table is sound", metric_table_is_sound },
	CU_TEST_INFO_NULL,
};
