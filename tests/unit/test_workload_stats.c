/* Summaries of traces, fits and what is written: against figures worked out by hand or known by construction. */
#include <math.h>
#include <string.h>

#include "tests/unit/scratch.h"
#include "workloads/fit.h"
#include "workloads/replay.h"
#include "workloads/stats.h"

static struct workload_stats stats;

static void counts_prefix_hits(void)
{
	struct trace_options options = { .qps = NAN };
	struct source_counts counts;
	struct err err = { 0 };

	/* prompts 1000, 1500, 700; blocks (0 1) (0 1 2) (0 3): second hits 2 x 512, third 512 */
	CU_ASSERT_TRUE_FATAL(stats_of_trace("tests/data/traces/mooncake.jsonl", &options, &stats, &counts, &err));
	CU_ASSERT_EQUAL(stats.hit_tokens, 1536);
	CU_ASSERT_EQUAL(stats.full_hit_tokens, 1536);
	CU_ASSERT_EQUAL(stats.distinct_blocks, 4);
	CU_ASSERT_EQUAL(stats.blocks, 7);
	CU_ASSERT_DOUBLE_EQUAL(stats.hit_share, 1536.0 / 3200, 1e-12);
	CU_ASSERT_EQUAL(counts.rows_read, 3);
	/* 32, 64 and 80 tokens in blocks of 16: 2 + 4 leading blocks seen */
	CU_ASSERT_TRUE_FATAL(stats_of_trace("tests/data/traces/qwen.jsonl", &options, &stats, NULL, &err));
	CU_ASSERT_EQUAL(stats.hit_tokens, 96);
	CU_ASSERT_EQUAL(stats.sessions, 1);
	CU_ASSERT_EQUAL(stats.max_turn, 2);
}

/* The last block is cut at the prompt's end: the first definition counts its tokens, the second does not. */
static void partial_blocks_differ_by_definition(void)
{
	char path[SCRATCH_PATH];
	struct trace_options options = { .qps = NAN };
	struct err err = { 0 };

	scratch_text(path, "hits.jsonl",
		     "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 1, \"hash_ids\": [1, 2]}\n"
		     "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 1, \"hash_ids\": [1, 2]}\n");
	CU_ASSERT_TRUE_FATAL(stats_of_trace(path, &options, &stats, NULL, &err));
	CU_ASSERT_EQUAL(stats.hit_tokens, 600);
	CU_ASSERT_EQUAL(stats.full_hit_tokens, 512);
	remove(path);
}

static void summary_by_hand(void)
{
	struct stats *s = stats_new();
	struct err err = { 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (int i = 0; i < 10; i++) {
		struct request q = {
			.arrival_s = i * i, .prompt_tokens = 10 * (i + 1), .output_tokens = 100 - i, .adapter = -1
		};

		CU_ASSERT_TRUE(stats_add(s, &q, true, &err));
	}
	stats_finish(s, &stats);
	CU_ASSERT_EQUAL(stats.prompt.p50, 60); /* index floor(0.5 * 10) */
	CU_ASSERT_EQUAL(stats.prompt.p95, 100);
	CU_ASSERT_DOUBLE_EQUAL(stats.prompt.mean, 55, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(stats.prompt.sd, sqrt(825), 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(stats.correlation, -1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(stats.rank_correlation, -1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(stats.span_s, 81, 0);
	CU_ASSERT_DOUBLE_EQUAL(stats.rate_qps, 9.0 / 81, 1e-12);
	/* gaps 1, 3, ... 17: mean 9, variance 80 / 3 */
	CU_ASSERT_DOUBLE_EQUAL(stats.gap_cv, sqrt(80.0 / 3) / 9, 1e-12);
	CU_ASSERT_EQUAL(stats.windows, 82);
	CU_ASSERT_EQUAL(stats.gap_s.count, 9);
	stats_free(s);
}

static void long_traces_are_sketched(void)
{
	struct stats *s = stats_new();
	struct err err = { 0 };
	int64_t n = STATS_EXACT_MOST + 100000, in_bins = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (int64_t i = 0; i < n; i++) {
		struct request q = { .arrival_s = (double)i * 0.01,
				     .prompt_tokens = 1 + i * 7919 % 10000,
				     .output_tokens = 5,
				     .adapter = -1 };

		if (!stats_add(s, &q, true, &err))
			break;
	}
	stats_finish(s, &stats);
	CU_ASSERT_FALSE(stats.exact);
	CU_ASSERT_EQUAL(stats.requests, n);
	CU_ASSERT_DOUBLE_EQUAL(stats.prompt.p50, 5000, 10);
	CU_ASSERT_DOUBLE_EQUAL(stats.prompt.p99, 9900, 20);
	CU_ASSERT_DOUBLE_EQUAL(stats.prompt.mean, 5000.5, 2);
	CU_ASSERT_DOUBLE_EQUAL(stats.rate_qps, 100, 1e-6);
	for (int i = 0; i < STATS_BINS; i++)
		in_bins += stats.prompt.bins[i];
	CU_ASSERT_EQUAL(in_bins, n);
	CU_ASSERT(stats.windows <= STATS_WINDOWS && stats.window_s * stats.windows >= 0.01 * (double)n);
	stats_free(s);
}

static void ks_by_hand(void)
{
	static const double a[] = { 1, 2, 3, 4 }, b[] = { 3, 4, 5, 6 }, c[] = { 1, 1, 1, 1 };

	CU_ASSERT_DOUBLE_EQUAL(ks_distance(a, 4, a, 4), 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(ks_distance(a, 4, b, 4), 0.5, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(ks_distance(a, 4, c, 4), 0.75, 1e-12);
}

/* A generator is written, fitted, and the fit finds its parameters again; the file reads back as it was generated. */
static void fit_finds_what_was_generated(void)
{
	static const char xml[] = "<workload qps='8' requests='30000' correlation='0.5'><arrivals kind='gamma' cv='2'/>"
				  "<prompt_tokens kind='lognormal' mu='6' sigma='0.9'/><output_tokens kind='empirical' "
				  "quantiles='0:1 0.3:9.5 0.3:99.5 1:300'/>"
				  "</workload>";
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload w, fitted;
	struct trace_options options = { .qps = NAN };
	struct fit_options fit = { .name = "again", .trace = "generated" };
	char path[SCRATCH_PATH];
	struct source *s;
	int64_t written = 0;

	CU_ASSERT_TRUE_FATAL(schema_load_text("xml", xml, sizeof(xml) - 1, &workload_element, &w, arena, &err));
	s = source_open(&w, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(workload_write(s, 0, WRITE_CSV, scratch_path(path, "generated.csv"), &written, &err));
	source_close(s);
	CU_ASSERT_EQUAL(written, 30000);
	CU_ASSERT_TRUE_FATAL(workload_fit(path, &options, &fit, &fitted, arena, &err));
	CU_ASSERT_EQUAL(fitted.prompt.kind, SPREAD_LOGNORMAL);
	CU_ASSERT_DOUBLE_EQUAL(fitted.prompt.mu, 6, 0.02);
	CU_ASSERT_DOUBLE_EQUAL(fitted.prompt.sigma, 0.9, 0.02);
	CU_ASSERT_EQUAL(fitted.output.kind, SPREAD_EMPIRICAL);
	CU_ASSERT_EQUAL(fitted.arrivals.kind, ARRIVAL_GAMMA);
	CU_ASSERT_DOUBLE_EQUAL(fitted.arrivals.cv, 2, 0.26);
	CU_ASSERT_DOUBLE_EQUAL(fitted.qps, 8, 0.3);
	CU_ASSERT_DOUBLE_EQUAL(fitted.correlation, 0.5, 0.03);
	CU_ASSERT(fitted.fit.prompt_ks < 0.02 && fitted.fit.output_ks < 0.02 && fitted.fit.gap_ks < 0.03);
	CU_ASSERT_EQUAL(fitted.fit.rows, 30000);
	remove(path);
	arena_free(arena);
}

static void written_traces_read_back(void)
{
	static const int formats[] = { WRITE_CSV, WRITE_MOONCAKE };
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload *w = workload_load("workloads/catalog/chat.xml", arena, &err);
	struct trace_options options = { .qps = NAN };
	struct workload_stats *back = arena_alloc(arena, sizeof(*back));
	struct source *s;
	char path[SCRATCH_PATH];
	int64_t written;

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	w->requests = 800;
	for (int i = 0; i < 2; i++) {
		s = source_open(w, 3, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_TRUE(workload_write(s, 0, formats[i], scratch_path(path, "written"), &written, &err));
		CU_ASSERT_EQUAL(written, 800);
		source_close(s);
		s = source_open(w, 3, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_TRUE(stats_of_source(s, 0, &stats, &err));
		source_close(s);
		CU_ASSERT_TRUE(stats_of_trace(path, &options, back, NULL, &err));
		CU_ASSERT_EQUAL(back->requests, 800);
		CU_ASSERT_EQUAL(back->prompt.sum, stats.prompt.sum);
		CU_ASSERT_DOUBLE_EQUAL(back->span_s, stats.span_s, 1e-9 * stats.span_s);
		if (formats[i] == WRITE_CSV)
			CU_ASSERT_EQUAL(back->sessions, stats.sessions);
		if (formats[i] == WRITE_MOONCAKE) {
			CU_ASSERT(stats.hit_tokens > 0);
			CU_ASSERT_EQUAL(back->hit_tokens, stats.hit_tokens);
		}
		remove(path);
	}
	s = source_open(w, 3, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_FALSE(workload_write(s, 0, WRITE_CSV, "/nonexistent/folder/x.csv", &written, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_IO);
	source_close(s);
	arena_free(arena);
}

CU_TestInfo suite_workload_stats[] = {
	{ "counts prefix hits of an unbounded cache", counts_prefix_hits },
	{ "cut blocks count by one definition only", partial_blocks_differ_by_definition },
	{ "means, quantiles, correlations and rates by hand", summary_by_hand },
	{ "long traces are sketched within their error", long_traces_are_sketched },
	{ "Kolmogorov-Smirnov distances by hand", ks_by_hand },
	{ "a fit finds the generator again", fit_finds_what_was_generated },
	{ "written traces read back", written_traces_read_back },
	CU_TEST_INFO_NULL,
};
