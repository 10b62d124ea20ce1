/* Workload files: the catalog loads and opens, overrides win, contradictions are refused. */
#include <math.h>
#include <string.h>

#include "base/paths.h"
#include "tests/unit/scratch.h"
#include "workloads/source.h"

static void catalog_opens(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names = paths_list("workloads/catalog", ".xml", &count, arena, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	CU_ASSERT(count >= 20);
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(arena, "workloads/catalog/%s.xml", names[i]);
		struct workload *w = workload_load(path, arena, &err);
		struct source *s = w ? source_open(w, 1, &err) : NULL;
		struct request q;
		double last = 0;
		int64_t n = 0;

		SAME_TEXT(err.text, "");
		if (!s)
			continue;
		SAME_TEXT(w->name, names[i]);
		TRUE_FOR(w->name, w->title && w->source);
		TRUE_FOR(w->name,
			 !w->fit.trace || (w->fit.prompt_ks < 0.02 && w->fit.output_ks < 0.02 && w->fit.licence));
		for (; n < 500 && source_next(s, &q, &err); n++) {
			TRUE_FOR(w->name,
				 q.id == n && q.arrival_s >= last && q.prompt_tokens >= 1 && q.output_tokens >= 1);
			TRUE_FOR(w->name, (q.blocks != NULL) == (q.block_count > 0));
			last = q.arrival_s;
		}
		TRUE_FOR(w->name, n == 500);
		source_close(s);
	}
	arena_free(arena);
}

static void unknown_name_names_the_nearest(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };

	CU_ASSERT_PTR_NULL(workload_load("azure-conv", arena, &err));
	SAME_TEXT(err.text, "no workload 'azure-conv'; did you mean 'azure-conv-2023'?");
	arena_free(arena);
}

static void xml_round_trip(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload *w = workload_load("workloads/catalog/mooncake-conversation.xml", arena, &err), again;
	struct str a = { 0 }, b = { 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	schema_write_xml(&workload_element, w, &a);
	CU_ASSERT_TRUE(schema_load_text("again", a.text, a.length, &workload_element, &again, arena, &err));
	schema_write_xml(&workload_element, &again, &b);
	SAME_TEXT(str_text(&b), str_text(&a));
	str_release(&a);
	str_release(&b);
	arena_free(arena);
}

/* What the front door does with options: load, set, open. */
struct rate {
	int64_t requests;
	double qps;
	struct err err;
};
static struct rate with(const char *file, const char *const *sets)
{
	struct arena *arena = arena_new();
	struct rate r = { 0 };
	struct workload w = { 0 };
	struct request q, next;
	struct source *s;
	double last = 0;
	bool ok = true;

	if (text_ends(file, ".xml")) {
		struct workload *loaded = workload_load(file, arena, &r.err);

		ok = loaded != NULL;
		if (loaded)
			w = *loaded;
	} else {
		ok = workload_defaults(&w, arena, &r.err);
		w.trace = file;
	}
	for (size_t i = 0; ok && sets[i]; i += 2)
		ok = schema_set(&workload_element, &w, sets[i], sets[i + 1], "--set", arena, &r.err);
	s = ok ? source_open(&w, 7, &r.err) : NULL;
	while (s && source_next(s, &q, &r.err)) {
		r.requests++;
		last = q.arrival_s;
		while (source_causes_followups(s) && source_completed(s, &q, q.arrival_s + 0.5, &next, &r.err)) {
			q = next;
			r.requests++;
			last = q.arrival_s;
		}
	}
	r.qps = last > 0 ? (double)(r.requests - 1) / last : 0;
	source_close(s);
	arena_free(arena);
	return r;
}

static void options_override(void)
{
	const char *const conv = "workloads/catalog/azure-conv-2023.xml", *const trace = "tests/data/traces/plain.csv";
	struct rate r;

	r = with(conv, (const char *const[]){ NULL });
	CU_ASSERT_EQUAL(r.requests, REQUESTS_DEFAULT);
	r = with(conv, (const char *const[]){ "qps", "40", "requests", "20000", NULL });
	CU_ASSERT_EQUAL(r.requests, 20000);
	CU_ASSERT_DOUBLE_EQUAL(r.qps, 40, 1.5);
	r = with("workloads/catalog/constant.xml", (const char *const[]){ "duration_s", "100", "qps", "50", NULL });
	CU_ASSERT_DOUBLE_EQUAL((double)r.requests, 5000, 300);
	r = with(conv, (const char *const[]){ "concurrency", "4", "requests", "100", NULL });
	CU_ASSERT_EQUAL(r.requests, 100);
	r = with("workloads/catalog/offline.xml", (const char *const[]){ "qps", "10", "requests", "5000", NULL });
	CU_ASSERT_DOUBLE_EQUAL(r.qps, 10, 0.6);
	r = with("workloads/catalog/inference-perf-general.xml", (const char *const[]){ NULL });
	CU_ASSERT_DOUBLE_EQUAL((double)r.requests, 600 * 8 + 600 * 20, 500);
	r = with("workloads/catalog/inference-perf-general.xml",
		 (const char *const[]){ "arrivals.stage.1.qps", "8", NULL });
	CU_ASSERT_DOUBLE_EQUAL((double)r.requests, 1200 * 8, 400);

	r = with(trace, (const char *const[]){ NULL });
	CU_ASSERT_EQUAL(r.requests, 4);
	r = with(trace, (const char *const[]){ "requests", "3", NULL });
	CU_ASSERT_EQUAL(r.requests, 3);
	r = with(trace, (const char *const[]){ "max_model_len", "320", NULL }); /* 330 and 640 are longer */
	CU_ASSERT_EQUAL(r.requests, 2);
	r = with(trace, (const char *const[]){ "max_model_len", "320", "over_length", "clip", NULL });
	CU_ASSERT_EQUAL(r.requests, 4);
	r = with(trace, (const char *const[]){ "from_s", "1", NULL });
	CU_ASSERT_EQUAL(r.requests, 3);
	r = with(trace, (const char *const[]){ "repeat", "yes", "requests", "1000", NULL });
	CU_ASSERT_EQUAL(r.requests, 1000);
	CU_ASSERT_DOUBLE_EQUAL(r.qps, 4 / (2 + 2.0 / 3), 0.01); /* a pass lasts 2 s and one mean gap */
	r = with("tests/data/traces/vidur.csv",
		 (const char *const[]){ "qps", "5", "repeat", "yes", "requests", "5000", NULL });
	CU_ASSERT_DOUBLE_EQUAL(r.qps, 5, 0.3);
	r = with(trace, (const char *const[]){ "concurrency", "2", NULL });
	CU_ASSERT_EQUAL(r.requests, 4);
}

/* qps on a trace stretches it: (n - 1) / span is the rate, whatever the filters keep. */
static void qps_rescales_a_trace(void)
{
	static const char *const sets[][5] = { { "qps", "8", NULL },
					       { "qps", "8", "requests", "3", NULL },
					       { "qps", "8", "from_s", "1", NULL } };

	for (size_t i = 0; i < 3; i++) {
		struct arena *arena = arena_new();
		struct err err = { 0 };
		struct workload w;
		struct source *s;
		struct request q;
		double first = 0, last = 0;
		int n = 0;

		CU_ASSERT_TRUE_FATAL(workload_defaults(&w, arena, &err));
		w.trace = "tests/data/traces/plain.csv";
		for (size_t k = 0; sets[i][k]; k += 2)
			CU_ASSERT_TRUE(
				schema_set(&workload_element, &w, sets[i][k], sets[i][k + 1], "--set", arena, &err));
		s = source_open(&w, 1, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		for (; source_next(s, &q, &err); n++) {
			first = n ? first : q.arrival_s;
			last = q.arrival_s;
		}
		CU_ASSERT_DOUBLE_EQUAL((n - 1) / (last - first), 8, 1e-9);
		source_close(s);
		arena_free(arena);
	}
}

static void refuses_contradictions(void)
{
	static const struct {
		const char *xml, *says;
	} cases[] = {
		{ "<workload/>", "no prompt_tokens" },
		{ "<workload qps='1'><prompt_tokens kind='fixed' value='5'/></workload>", "no output_tokens" },
		{ "<workload><prompt_tokens kind='fixed' value='5'/><output_tokens kind='fixed' value='5'/></workload>",
		  "no arrival rate" },
		{ "<workload qps='1'><prompt_tokens kind='fixed'/><output_tokens kind='fixed' value='5'/></workload>",
		  "kind fixed needs 'value'" },
		{ "<workload qps='1'><prompt_tokens kind='lognormal' mu='1'/><output_tokens kind='fixed' "
		  "value='5'/></workload>",
		  "needs 'sigma'" },
		{ "<workload qps='1'><prompt_tokens kind='uniform' least='9' most='3'/><output_tokens kind='fixed' "
		  "value='5'/></workload>",
		  "least=9 is over most=3" },
		{ "<workload qps='1'><prompt_tokens kind='empirical' quantiles='0:1 0.5:3'/><output_tokens "
		  "kind='fixed' value='5'/></workload>",
		  "quantiles end at share 0.5" },
		{ "<workload qps='1'><prompt_tokens kind='empirical' quantiles='0:1 0.5:3 0.4:5 1:6'/><output_tokens "
		  "kind='fixed' value='5'/></workload>",
		  "pair 3 (0.4:5): expected shares and values that do not fall" },
		{ "<workload qps='1'><prompt_tokens kind='empirical' quantiles='0:1 x'/><output_tokens kind='fixed' "
		  "value='5'/></workload>",
		  "expected pairs such as" },
		{ "<workload qps='1'><arrivals kind='mmpp'/><prompt_tokens kind='fixed' value='5'/><output_tokens "
		  "kind='fixed' value='5'/></workload>",
		  "kind mmpp needs 'burst_ratio'" },
		{ "<workload><arrivals kind='stages'/><prompt_tokens kind='fixed' value='5'/><output_tokens "
		  "kind='fixed' value='5'/></workload>",
		  "no arrival rate" },
		{ "<workload trace='tests/data/traces/vidur.csv'/>", "the trace has no arrival times" },
		{ "<workload qps='1' paced='yes'><prompt_tokens kind='fixed' value='5'/><output_tokens kind='fixed' "
		  "value='5'/></workload>",
		  "paced needs concurrency" },
		{ "<workload qps='1' max_model_len='8'><prompt_tokens kind='fixed' value='5'/><output_tokens "
		  "kind='fixed' value='5'/></workload>",
		  "no request fits into max_model_len" },
		{ "<workload trace='tests/data/traces/plain.csv' repeat='yes'/>", "a repeated trace has no end" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new();
		struct err err = { 0 };
		struct workload w;
		struct request q;
		struct source *s = NULL;

		if (schema_load_text("case", cases[i].xml, strlen(cases[i].xml), &workload_element, &w, arena, &err))
			s = source_open(&w, 1, &err);
		while (s && source_next(s, &q, &err))
			;
		if (!strstr(err.text, cases[i].says))
			fprintf(stderr, "expected \"%s\" in \"%s\"\n", cases[i].says, err.text);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].says));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		source_close(s);
		arena_free(arena);
	}
}

CU_TestInfo suite_workload[] = {
	{ "every catalog entry loads and generates", catalog_opens },
	{ "an unknown name brings the nearest one", unknown_name_names_the_nearest },
	{ "what is written reads back the same", xml_round_trip },
	{ "qps, requests, concurrency and filters override", options_override },
	{ "qps rescales a trace exactly", qps_rescales_a_trace },
	{ "contradictions are refused in one line", refuses_contradictions },
	CU_TEST_INFO_NULL,
};
