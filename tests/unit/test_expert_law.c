#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "base/mem.h"
#include "hardware/expert_load.h"
#include "hardware/linear.h"
#include "hardware/tables_data.h"

extern CU_TestInfo suite_expert_law[];

/* The rule of expert_load.h token by token, for choices that divide the experts. */
static void count_balanced(int total, int top_k, int here, int tokens, double *touched, double *pairs)
{
	int stride = total / top_k;
	bool seen[64] = { false };

	*touched = *pairs = 0;
	for (int i = 0; i < tokens; i++)
		for (int j = 0; j < top_k; j++) {
			int e = ((tokens >= stride ? i : i * stride / tokens) + j * stride) % total;

			*pairs += e < here;
			*touched += e < here && !seen[e];
			seen[e] = true;
		}
}

static void balanced_tokens_are_counted(void)
{
	static const struct { int total, top_k; } layers[] = { { 8, 2 }, { 16, 1 }, { 32, 4 }, { 64, 8 } };

	for (size_t l = 0; l < COUNT_OF(layers); l++)
		for (int here = 1; here <= layers[l].total; here *= 2)
			for (int tokens = 1; tokens < 100; tokens++) {
				double touched, pairs, t, p;
				struct expert_spread s;

				expert_spread(layers[l].total, layers[l].top_k, tokens, false, &s);
				expert_load(&s, here, &touched, &pairs);
				count_balanced(layers[l].total, layers[l].top_k, here, tokens, &t, &p);
				CU_ASSERT_EQUAL_FATAL(touched, t);
				CU_ASSERT_EQUAL_FATAL(pairs, p);
			}
}

static void skewed_tokens_add_up(void)
{
	static const struct { int64_t total, top_k; } layers[] = { { 8, 2 }, { 128, 1 }, { 256, 8 }, { 512, 10 }, { 2048, 4 } };

	for (size_t l = 0; l < COUNT_OF(layers); l++)
		for (int64_t tokens = 1; tokens < 40000; tokens = tokens * 3 + 1) {
			double all = (double)(tokens * layers[l].top_k), touched, pairs, before = 0;
			struct expert_spread s;

			expert_spread(layers[l].total, layers[l].top_k, tokens, true, &s);
			CU_ASSERT_TRUE(s.most <= (double)tokens && s.most >= s.mean);
			for (int64_t here = 1; here <= layers[l].total; here *= 2) {
				expert_load(&s, here, &touched, &pairs);
				/* The fullest group: no less than its share, and more the more experts there are. */
				CU_ASSERT_TRUE(pairs * (1 + 1e-12) >= all * (double)here / (double)layers[l].total);
				CU_ASSERT_TRUE(pairs <= all * (1 + 1e-12) && pairs >= before);
				CU_ASSERT_TRUE(touched <= (double)here && touched <= pairs * (1 + 1e-12));
				before = pairs;
			}
			CU_ASSERT_DOUBLE_EQUAL(pairs, all, 1e-9 * all);
			/* One token reaches as many experts as it picks. */
			if (tokens == 1 && layers[l].total <= 1024)
				CU_ASSERT_EQUAL(touched, (double)layers[l].top_k);
		}
}

/* Sums of two terms come back; where the best sum had a negative term, the rest is the best without it. */
static void coefficients_stay_positive(void)
{
	struct linear_normal s = { .b = { 0 } };
	double x[3];

	for (int i = 0; i < 20; i++) {
		double terms[] = { 1, i, 0 };

		linear_add(&s, terms, 3 + 2 * i, 1, 3);
	}
	linear_nonnegative(&s, x, 3);
	CU_ASSERT_DOUBLE_EQUAL(x[0], 3, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(x[1], 2, 1e-6);
	CU_ASSERT_EQUAL(x[2], 0);
	s = (struct linear_normal){ .b = { 0 } };
	for (int i = 0; i < 20; i++) {
		double terms[] = { 1, i };

		linear_add(&s, terms, 100 - 2 * i, 1, 2);
	}
	linear_nonnegative(&s, x, 2);
	CU_ASSERT_EQUAL(x[1], 0);
	CU_ASSERT_DOUBLE_EQUAL(x[0], 81, 1e-6);        /* the mean */
}

/* Terms that are multiples of each other share what there is. */
static void alike_terms_are_told_apart_somehow(void)
{
	struct linear_normal s = { .b = { 0 } };
	double x[LINEAR_MOST];

	for (int i = 1; i <= 9; i++) {
		double terms[LINEAR_MOST];

		for (int k = 0; k < LINEAR_MOST; k++)
			terms[k] = i * (k + 1);
		linear_add(&s, terms, 5 * i, 1, LINEAR_MOST);
	}
	linear_nonnegative(&s, x, LINEAR_MOST);
	CU_ASSERT_DOUBLE_EQUAL(linear_value(x, (const double[LINEAR_MOST]){ 1, 2, 3, 4, 5, 6, 7, 8 }, LINEAR_MOST), 5, 1e-6);
}

/* Seconds of a made-up kernel that keeps to the law. */
static double kernel(const int64_t *key, int64_t tokens)
{
	struct expert_spread s;
	double touched, pairs, weights = 3 * (double)key[5] * (double)key[6];

	expert_spread(key[4], key[3], tokens, key[2] > 0, &s);
	expert_load(&s, key[7], &touched, &pairs);
	return 2e-5 + 2 * pairs * weights / 4e14 + touched * weights / 1e12 + (double)(tokens * key[3] * key[5]) / 5e11;
}

static size_t write_site(char *text, size_t size, int64_t skew, int64_t top_k, int64_t total, int64_t k, int64_t n, int64_t experts)
{
	int64_t key[KEY_MOST] = { DTYPE_BF16, 1, skew, top_k, total, k, n, experts };
	size_t at = 0;

	for (int64_t m = 1; m <= 4096; m *= 2)
		at += (size_t)snprintf(text + at, size - at, "bf16,1,%s,%d,%d,%d,%d,%d,%d,%.6e\n", skew ? "1.2" : "0", (int)top_k, (int)total,
				       (int)k, (int)n, (int)experts, (int)m, kernel(key, m));
	return at;
}

enum { TABLE_BYTES = 1 << 16 };

/* A device that experts are bounded by, and room for the text of their table. */
static char *text_of_table(struct tables_limits *limits)
{
	char *text = mem_calloc(1, TABLE_BYTES);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	*limits = (struct tables_limits){ .bandwidth_bytes_s = 4e12 };
	limits->peak_flop_s[DTYPE_BF16] = 1e15;
	return text;
}

/* Models that were not measured, split as none was, by what three others took. */
static void unknown_models_follow_the_law(void)
{
	static const struct { int64_t top_k, total, k, n, experts; } sites[] = {
		{ 2, 8, 4096, 14336, 8 }, { 8, 128, 2048, 768, 128 }, { 8, 256, 7168, 2048, 32 }, { 8, 256, 7168, 2048, 256 }
	};
	struct tables_limits limits;
	char *text = text_of_table(&limits);
	struct err err = { 0 };
	struct table *t;
	size_t at;

	at = (size_t)snprintf(text, TABLE_BYTES, "dtype,gated,skew,top_k,experts_total,k,n,experts,m,seconds\n");
	for (int skew = 0; skew < 2; skew++)
		for (size_t i = 0; i < COUNT_OF(sites); i++)
			at += write_site(text + at, TABLE_BYTES - at, skew * 1200, sites[i].top_k, sites[i].total, sites[i].k, sites[i].n,
					 sites[i].experts);
	t = table_read_text("made-up", text, at, "vllm", OP_MOE, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (int skew = 0; skew < 2; skew++)
		for (int64_t m = 1; m <= 4096; m *= 4) {
			struct op op = { .kind = OP_MOE, .dtype = DTYPE_BF16, .m = m, .n = 1536, .k = 4096, .experts = 16, .experts_total = 160,
					 .top_k = 6, .gated = true, .skew = skew * 1.2 };
			int64_t key[KEY_MOST] = { DTYPE_BF16, 1, skew * 1200, 6, 160, 4096, 1536, 16 };
			struct question q = { .table = t, .limits = &limits, .op = &op, .except = -1 };
			enum grade grade;
			double seconds;

			CU_ASSERT_TRUE_FATAL(table_answer(&q, &seconds, &grade));
			CU_ASSERT_DOUBLE_EQUAL(seconds / kernel(key, m), 1, 0.01);
			CU_ASSERT_EQUAL(grade, GRADE_SITE);
		}
	table_release(t);
	mem_free(text);
}

/*
 * Tokens that choose for themselves touch E (1 - (1 - top_k/E)^m) experts when all are alike: more than the benchmark's skewed ones at
 * 32 tokens (163 of 256, not 117), as many at one. Here an expert takes a microsecond. Steps between the numbers of
 * tokens that were timed do not jump as what the benchmark deals out does from 32 tokens to 33.
 */
static void traffic_chooses_by_chance(void)
{
	enum { SIZE = 1 << 16 };
	struct tables_limits limits = { .bandwidth_bytes_s = 4e12 };
	char *text = mem_calloc(1, SIZE);
	struct err err = { 0 };
	double before = 0;
	struct table *t;
	size_t at;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	limits.peak_flop_s[DTYPE_BF16] = 1e15;
	at = (size_t)snprintf(text, SIZE, "dtype,gated,skew,top_k,experts_total,k,n,experts,m,seconds\n");
	for (int64_t experts = 64; experts <= 256; experts *= 2)
		for (int64_t m = 1; m <= 1024; m = m % 3 == 0 ? m / 3 * 4 : m < 32 ? m * 2 : m / 2 * 3) {
			struct expert_spread s;
			double touched, pairs;

			expert_spread(256, 8, m, true, &s);
			expert_load(&s, experts, &touched, &pairs);
			at += (size_t)snprintf(text + at, SIZE - at, "bf16,1,1.2,8,256,3072,768,%d,%d,%.6e\n", (int)experts, (int)m, touched * 1e-6);
		}
	t = table_read_text("made-up", text, at, "vllm", OP_MOE, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (int64_t m = 1; m <= 512; m++) {
		struct op op = { .kind = OP_MOE, .dtype = DTYPE_BF16, .m = m, .n = 768, .k = 3072, .experts = 256, .experts_total = 256, .top_k = 8,
				 .gated = true, .chance = true };
		struct question q = { .table = t, .limits = &limits, .op = &op, .except = -1 };
		double seconds, alike = 256e-6 * (1 - pow(1 - 8.0 / 256, (double)m));
		enum grade grade;

		CU_ASSERT_TRUE_FATAL(table_answer(&q, &seconds, &grade));
		CU_ASSERT_TRUE(seconds >= before && (m == 1 || seconds <= before * 2));
		if ((m & (m - 1)) == 0)
			CU_ASSERT_DOUBLE_EQUAL(seconds / alike, 1, 0.02);
		before = seconds;
	}
	table_release(t);
	mem_free(text);
}

/* Whole tiles, expert by expert: balanced ones all lack as much, skewed ones what the header of expert_load.h spreads. */
static void tiles_fill_up(void)
{
	for (int64_t tokens = 1; tokens < 40000; tokens = tokens * 3 + 1)
		for (int skewed = 0; skewed < 2; skewed++) {
			double touched, pairs, before = 0;
			struct expert_spread s;

			expert_spread(64, 4, tokens, skewed, &s);
			expert_load(&s, 64, &touched, &pairs);
			for (double tile = 8; tile <= 128; tile *= 2) {
				double rows = expert_padded(&s, touched, pairs, tile);

				CU_ASSERT_TRUE(rows >= pairs * (1 - 1e-12) && rows >= before);
				CU_ASSERT_TRUE(rows >= touched * tile * (skewed ? 0.95 : 1 - 1e-12));
				CU_ASSERT_TRUE(rows <= pairs + touched * (tile - 1) * (1 + 1e-12));
				if (!skewed)
					CU_ASSERT_EQUAL(fmod(rows, tile), 0)
				before = rows;
			}
		}
}

/* Experts that are tuned for run at twice the rate. Left out with all their model, both kinds follow their own rate; without the header's list
 * they would be some mean of the two. */
static void tuned_experts_keep_their_rate(void)
{
	static const char header[] = "# tuned/bf16: 8x14336 8x7168 32x2048 16x1536\n";
	static const struct { int64_t top_k, total, k, n, experts; bool tuned; } sites[] = {
		{ 2, 8, 4096, 7168, 8, true }, { 2, 8, 4096, 14336, 8, true }, { 8, 128, 2048, 768, 128, false }, { 8, 256, 7168, 1024, 256, false },
		{ 8, 256, 7168, 2048, 32, true }, { 8, 256, 7168, 2048, 256, false },
	};
	struct tables_limits limits;
	char *text = text_of_table(&limits);
	struct err err = { 0 };
	struct table *t;
	size_t at;

	at = (size_t)snprintf(text, TABLE_BYTES, "%sdtype,gated,skew,top_k,experts_total,k,n,experts,m,seconds\n", header);
	for (size_t i = 0; i < COUNT_OF(sites); i++)
		for (int64_t m = 1024; m <= 65536; m *= 2) {
			double flops = 2.0 * 3 * (double)(m * sites[i].top_k * sites[i].experts / sites[i].total * sites[i].k * sites[i].n);

			at += (size_t)snprintf(text + at, TABLE_BYTES - at, "bf16,1,0,%d,%d,%d,%d,%d,%d,%.6e\n", (int)sites[i].top_k, (int)sites[i].total,
					       (int)sites[i].k, (int)sites[i].n, (int)sites[i].experts, (int)m,
					       flops / (sites[i].tuned ? 4e14 : 2e14));
		}
	t = table_read_text("made-up", text, at, "vllm", OP_MOE, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (int tuned = 0; tuned < 2; tuned++) {
		int64_t n = tuned ? 1536 : 1280;
		struct op op = { .kind = OP_MOE, .dtype = DTYPE_BF16, .m = 16384, .n = n, .k = 4096, .experts = 16, .experts_total = 16, .top_k = 2,
				 .gated = true };
		struct question q = { .table = t, .limits = &limits, .op = &op, .except = -1 };
		enum grade grade;
		double seconds;

		CU_ASSERT_TRUE_FATAL(table_answer(&q, &seconds, &grade));
		CU_ASSERT_DOUBLE_EQUAL(seconds / (2.0 * 3 * 16384 * 2 * 4096 * (double)n / (tuned ? 4e14 : 2e14)), 1, 0.05);
	}
	table_release(t);
	mem_free(text);
}

static void a_list_of_tuned_experts_is_read_strictly(void)
{
	static const char *const bad[] = { "8", "8x", "x14336", "8x14336,8x7168", "0x5", "8x14336 eight" };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char text[300];
		int length = snprintf(text, sizeof(text), "# tuned/bf16: %s\ndtype,gated,skew,top_k,experts_total,k,n,experts,m,seconds\n"
				      "bf16,1,0,2,8,4096,14336,8,1,1e-5\n", bad[i]);
		struct err err = { 0 };

		CU_ASSERT_PTR_NULL(table_read_text("made-up", text, (size_t)length, "vllm", OP_MOE, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "made-up:1"));
	}
}

CU_TestInfo suite_expert_law[] = {
	{ "balanced tokens over experts, counted one by one", balanced_tokens_are_counted },
	{ "skewed tokens over experts add up", skewed_tokens_add_up },
	{ "least squares without negative coefficients", coefficients_stay_positive },
	{ "terms that are alike share what there is", alike_terms_are_told_apart_somehow },
	{ "experts of models that were not measured follow the law of others", unknown_models_follow_the_law },
	{ "tokens of traffic choose their experts by chance", traffic_chooses_by_chance },
	{ "experts in whole tiles of rows", tiles_fill_up },
	{ "experts that the software is tuned for keep their rate", tuned_experts_keep_their_rate },
	{ "a list of tuned experts that is none is refused", a_list_of_tuned_experts_is_read_strictly },
	CU_TEST_INFO_NULL,
};
