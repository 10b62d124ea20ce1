/* validation/measured: every form is told by its fields, and the definitions of the metrics are those of the clients. */
#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "tests/unit/scratch.h"
#include "validation/measured.h"

static void percentiles_interpolate(void)
{
	static const double values[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	static const double cases[][2] = { { 0, 1 }, { 50, 5.5 }, { 90, 9.1 }, { 95, 9.55 }, { 99, 9.91 }, { 100, 10 } };

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		CU_ASSERT_DOUBLE_EQUAL(measured_percentile(values, 10, cases[i][0]), cases[i][1], 1e-12);
	CU_ASSERT_EQUAL(measured_percentile(values, 0, 50), 0);
}

/* Three requests: A from 0, first token after 0.2 s, gaps 0.05 0.05 0.1; B from 0.1, one token after 0.3 s; C from 0.2, first after
 * 0.1 s, three tokens in two chunks 0.06 s apart. Duration 0.4 s. By hand: mean TTFT 200 ms, its P99 298 ms; TPOT of A 0.2 / 3,
 * of C 0.03, mean 48.333 ms; 8 tokens in 0.4 s. */
static const char by_hand[] =
	"{\"request_rate\": Infinity, \"burstiness\": 1.0, \"max_concurrency\": null, \"duration\": 0.4, \"completed\": 3, \"num_prompts\": 4,"
	"\"total_input_tokens\": 60, \"total_output_tokens\": 8, \"request_throughput\": 7.5, \"total_token_throughput\": 170, \"rtfx\": NaN,"
	"\"input_lens\": [10, 20, 30, 7], \"output_lens\": [4, 1, 3, 0], \"ttfts\": [0.2, 0.3, 0.1, 0], \"itls\": [[0.05, 0.05, 0.1], [], [0.06], []],"
	"\"start_times\": [7.0, 7.1, 7.2, 7.3], \"errors\": [\"\", \"\", \"\", \"no NaN: 503 \\\"busy\\\" Infinity\"]}\n";

static void definitions(void)
{
	static const struct { int metric; double value; } expected[] = {
		{ METRIC_ttft_mean, 0.2 }, { METRIC_ttft_p50, 0.2 }, { METRIC_ttft_p99, 0.298 }, { METRIC_tpot_mean, 0.0483333333 },
		{ METRIC_e2e_mean, (0.4 + 0.3 + 0.16) / 3 }, { METRIC_output_throughput, 20 }, { METRIC_request_throughput, 7.5 },
	};
	struct arena *a = arena_new();
	struct measured_file f;
	struct err err = { 0 };
	char path[SCRATCH_PATH];

	CU_ASSERT_TRUE_FATAL(measured_read(scratch_text(path, "vllm.json", by_hand), &f, a, &err));
	CU_ASSERT_EQUAL_FATAL(f.count, 1);
	CU_ASSERT_EQUAL(f.runs[0].form, FORM_VLLM);
	CU_ASSERT_TRUE(isinf(f.runs[0].rate));
	CU_ASSERT_EQUAL(f.runs[0].list_count, 3);
	CU_ASSERT_EQUAL(f.runs[0].failed, 1);
	CU_ASSERT_EQUAL(f.runs[0].note_count, 0);
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		CU_ASSERT_DOUBLE_EQUAL(f.runs[0].metric[expected[i].metric], expected[i].value, 1e-9);
	remove(path);
	arena_free(a);
}

static void forms(void)
{
	static const struct { const char *file; enum measured_form form; size_t runs, list; double rate; int64_t concurrency; int metric; double value; } cases[] = {
		{ "vllm_detailed.json", FORM_VLLM, 1, 12, 4, 0, METRIC_itl_mean, NAN },
		{ "vllm_appended.json", FORM_VLLM, 2, 0, 2, 0, METRIC_ttft_mean, 0.024 },
		{ "sglang.jsonl", FORM_SGLANG, 1, 0, INFINITY, 8, METRIC_e2e_p99, 0.94 * 1.7 },
		{ "inferencex.json", FORM_INFERENCEX, 1, 0, INFINITY, 16, METRIC_output_throughput, 4 * 212 },
		{ "tracev2.csv", FORM_TRACEV2, 1, 12, NAN, 0, METRIC_ttft_mean, NAN },
		{ "requests.csv", FORM_REQUESTS, 1, 12, NAN, 0, METRIC_ttft_mean, NAN },
	};
	double ttft[COUNT_OF(cases)];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct measured_file f;
		struct err err = { 0 };
		char path[256];
		bool ok;

		snprintf(path, sizeof(path), "tests/data/measured/%s", cases[i].file);
		ok = measured_read(path, &f, a, &err);
		SAME_TEXT(err.text, "");
		CU_ASSERT_TRUE_FATAL(ok && f.count == cases[i].runs);
		CU_ASSERT_EQUAL(f.runs[0].form, cases[i].form);
		CU_ASSERT_EQUAL(f.runs[0].list_count, cases[i].list);
		CU_ASSERT_EQUAL(f.runs[0].concurrency, cases[i].concurrency);
		CU_ASSERT_TRUE(isnan(cases[i].rate) ? isnan(f.runs[0].rate) : f.runs[0].rate == cases[i].rate);
		CU_ASSERT_FALSE(isnan(f.runs[0].metric[cases[i].metric]));
		if (!isnan(cases[i].value))
			CU_ASSERT_DOUBLE_EQUAL(f.runs[0].metric[cases[i].metric], cases[i].value, 1e-9);
		ttft[i] = f.runs[0].metric[METRIC_ttft_mean];
		arena_free(a);
	}
	/* The same requests in three forms give the same figure; microseconds and milliseconds round it. */
	CU_ASSERT_DOUBLE_EQUAL(ttft[4], ttft[0], 2e-6);
	CU_ASSERT_DOUBLE_EQUAL(ttft[5], ttft[0], 2e-6);
}

static void says_when_the_file_contradicts_itself(void)
{
	struct arena *a = arena_new();
	struct measured_file f;
	struct err err = { 0 };
	char path[SCRATCH_PATH], text[sizeof(by_hand) + 64];

	snprintf(text, sizeof(text), "{\"mean_ttft_ms\": 150.0, %s", by_hand + 1);
	CU_ASSERT_TRUE_FATAL(measured_read(scratch_text(path, "lies.json", text), &f, a, &err));
	CU_ASSERT_EQUAL_FATAL(f.runs[0].note_count, 1);
	SAME_TEXT(f.runs[0].notes[0], "ttft_mean: the file states 0.15, its requests give 0.2");
	remove(path);
	arena_free(a);
}

static void complaints(void)
{
	static const struct { const char *text, *says; } cases[] = {
		{ "", ": is empty; expected results of a benchmark" },
		{ "{}", ":1: not results that are known; expected the JSON of vllm bench serve, sglang bench_serving or InferenceX, or a CSV with one line a "
			"request" },
		{ "{\"duration\": 1,\n \"completed\": }", ":2: not JSON: unexpected token near '}'" },
		{ "{\"duration\": 1, \"completed\": 2, \"request_throughput\": null}", ":1: no metric in it; expected TTFT, TPOT, E2E latency or throughput" },
		{ "prompt_tokens,output_tokens,ttft_s\n10,5,-1\n", ":2: ttft_s=\"-1\": expected nothing below 0" },
		{ "input_tokens,output_tokens,send_time_us,first_chunk_time_us,last_chunk_time_us\n9,5,100,200,300\n9,5,200,100,300\n",
		  ":3: the first token comes before the request was sent" },
		{ "prompt_tokens,output_tokens,ttft_s,e2e_s\n10,5,1,0.5\n", ":2: the answer ends before its first token" },
		{ "prompt_tokens,output_tokens,ttft_s\n10.5,5,1\n", ":2: prompt_tokens=\"10.5\": expected whole tokens" },
		{ "prompt_tokens,output_tokens,ttft_s\n", ": no answered request in it" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct measured_file f;
		struct err err = { 0 };
		char path[SCRATCH_PATH];

		CU_ASSERT_FALSE(measured_read(scratch_text(path, "bad", cases[i].text), &f, a, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		SAME_TEXT(err.text + (strncmp(err.text, path, strlen(path)) == 0 ? strlen(path) : 0), cases[i].says);
		remove(path);
		arena_free(a);
	}
}

CU_TestInfo suite_measured[] = {
	{ "percentiles interpolate", percentiles_interpolate },
	{ "definitions, by hand", definitions },
	{ "forms", forms },
	{ "a file that contradicts itself", says_when_the_file_contradicts_itself },
	{ "what it says about bad files", complaints },
	CU_TEST_INFO_NULL
};
