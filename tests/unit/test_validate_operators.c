#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <CUnit/CUnit.h>
#include <jansson.h>

#include "base/mem.h"
#include "hardware/fitted.h"
#include "hardware/tables.h"
#include "reports/store.h"
#include "tests/unit/scratch.h"
#include "validation/operators_modules.h"
#include "validation/operators_report.h"

static struct operators_study *study(const char *device, const char *op)
{
	struct operators_options o = { .device = device, .op = op };
	struct err err = { 0 };
	struct operators_study *s = operators_validate(&o, &err);

	if (!s)
		puts(err.text);
	return s;
}

/* Three sites whose time is affine in n: 1 us + n ns at every m. */
static void a_left_out_site_is_answered_by_the_others(void)
{
	static const char text[] = "dtype,batch,k,n,m,seconds\n"
				   "bf16,1,512,1000,1,2e-6\nbf16,1,512,1000,64,2e-6\n"
				   "bf16,1,512,2000,1,9e-6\nbf16,1,512,2000,64,9e-6\n"
				   "bf16,1,512,3000,1,4e-6\nbf16,1,512,3000,64,4e-6\n";
	struct tables_limits limits = { .bandwidth_bytes_s = 1e18 };
	char folder[SCRATCH_PATH], inside[SCRATCH_PATH * 2], path[SCRATCH_PATH * 3];
	struct tables_point points[6];
	struct err err = { 0 };
	struct op_cost cost;
	struct tables *t;
	FILE *file;

	scratch_path(folder, "held_out");
	mkdir(folder, 0777);
	snprintf(inside, sizeof(inside), "%s/vllm", folder);
	mkdir(inside, 0777);
	snprintf(path, sizeof(path), "%s/gemm.csv", inside);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
	t = tables_load_folder(folder, "vllm", &limits, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	tables_points(t, 0, points);
	CU_ASSERT_EQUAL(points[2].op.n, 2000);
	CU_ASSERT_EQUAL(points[3].op.m, 64);
	CU_ASSERT_EQUAL(points[2].site, points[3].site);
	CU_ASSERT_TRUE(tables_op(t, &points[2].op, &cost));
	CU_ASSERT_DOUBLE_EQUAL(cost.seconds, 9e-6, 1e-12);            /* as measured */
	CU_ASSERT_TRUE(tables_held_out(t, 0, &points[2], &cost));
	CU_ASSERT_DOUBLE_EQUAL(cost.seconds, 3e-6, 1e-12);            /* halfway between 2 and 4 us */
	tables_free(t);
	remove(path);
	rmdir(inside);
	rmdir(folder);
}

static void gemm_of_the_h100_is_inside_its_bars(void)
{
	struct operators_study *s = study("h100", "gemm");
	const struct operator_group *g;
	size_t n, plain = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_STRING_EQUAL(g[i].device, "h100");
		CU_ASSERT_TRUE(operators_bar_met(&g[i]));
		CU_ASSERT_EQUAL(g[i].error[PROVIDER_ANALYTIC].count, g[i].count);
		if (strcmp(g[i].name, "h100/vllm/gemm/bf16") != 0)
			continue;
		plain++;
		CU_ASSERT_TRUE(g[i].error[PROVIDER_MEASURED].median < 0.05 && g[i].error[PROVIDER_MEASURED].p90 < 0.15);
		/* Only sites that no fit saw: about half. */
		CU_ASSERT_TRUE(g[i].error[PROVIDER_FITTED].count > g[i].count / 3);
		CU_ASSERT_TRUE(g[i].error[PROVIDER_FITTED].count < g[i].count * 2 / 3);
		CU_ASSERT_TRUE(g[i].error[PROVIDER_ANALYTIC].median < 0.20);
	}
	CU_ASSERT_EQUAL(plain, 1);
	operators_study_free(s);
}

/* Attention on the devices that serve most: the median bar holds in every 16-bit group. */
static void attention_medians_are_inside_their_bars(void)
{
	static const char *const devices[] = { "a100", "h100", "h200", "b200" };
	static const char *const ops[] = { "attention_prefill", "attention_decode" };

	for (size_t d = 0; d < COUNT_OF(devices); d++)
		for (size_t o = 0; o < COUNT_OF(ops); o++) {
			struct operators_study *s = study(devices[d], ops[o]);
			const struct operator_group *g;
			size_t n;

			CU_ASSERT_PTR_NOT_NULL_FATAL(s);
			g = operators_groups(s, &n);
			for (size_t i = 0; i < n; i++)
				CU_ASSERT_TRUE(isnan(g[i].median_bar) || g[i].error[PROVIDER_MEASURED].median <= g[i].median_bar);
			operators_study_free(s);
		}
}

static void refuses_what_is_not_there(void)
{
	static const struct { struct operators_options o; const char *says; } cases[] = {
		{ { .op = "gem" }, "unknown operator 'gem'; did you mean 'gemm'?" },
		{ { .device = "l4" }, "device 'l4' has no measured tables" },
		{ { .device = "h10" }, "h100" },
		{ { .device = "a30", .stack = "vllm" }, "no measured table of a30, software vllm" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };

		CU_ASSERT_PTR_NULL(operators_validate(&cases[i].o, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].says));
	}
}

static void the_json_follows_the_contract(void)
{
	struct operators_options o = { .device = "a30", .op = "gemm", .most = 100 };
	struct err err = { 0 };
	struct operators_study *s = operators_validate(&o, &err);
	struct str out = { 0 };
	json_t *doc, *rows, *summary, *row;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(operators_json(s, 7, &out, &err));
	doc = json_loads(str_text(&out), 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(doc, "schema")), "vibee.validate/1");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(doc, "kind")), "operators");
	rows = json_object_get(doc, "rows");
	summary = json_object_get(doc, "summary");
	CU_ASSERT_EQUAL(json_array_size(rows), 21);                   /* measured, analytic, sister; Vidur's has no fit */
	CU_ASSERT_EQUAL(json_array_size(summary), ESTIMATE_COUNT);
	row = json_array_get(rows, 3);
	CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(row, "rel_error")),
			       json_number_value(json_object_get(row, "predicted")) /
						       json_number_value(json_object_get(row, "measured")) -
					       1,
			       1e-12);
	CU_ASSERT_TRUE(json_is_true(json_object_get(row, "held_out")));
	row = json_array_get(summary, 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(row, "count")), 100);
	CU_ASSERT_TRUE(json_integer_value(json_object_get(row, "points_measured")) > 100);
	json_decref(doc);
	str_release(&out);
	operators_study_free(s);
}

static void errors_are_kept_in_the_database(void)
{
	struct operators_study *s = study("a30", "norm");
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct validation_error *rows;
	struct store *store;
	char path[SCRATCH_PATH], id[33] = "";
	size_t count = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	scratch_path(path, "validate.db");
	store = store_open(path, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(store);
	rows = operators_errors(s, a, &count, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rows);
	CU_ASSERT_EQUAL(count, ESTIMATE_COUNT);
	CU_ASSERT_TRUE(store_put_validation(store, NULL, "operators", rows, count, id, &err));
	CU_ASSERT_EQUAL(strlen(id), 32);
	CU_ASSERT_TRUE(store_check(store, &err));
	store_close(store);
	remove(path);
	operators_study_free(s);
	arena_free(a);
}

static void text_and_plots_show_every_group(void)
{
	struct operators_study *s = study("a30", "gemm");
	struct term term = term_plain(160);
	struct str text = { 0 }, svg = { 0 };
	struct err err = { 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(operators_text(s, &term, &text, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&text), "a30/vidur/gemm/fp16"));
	if (operators_plot(s, "a30", OP_GEMM, true, &svg, &err))
		CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&svg), "<svg"))
	else
		CU_ASSERT_EQUAL(err.kind, ERR_IO);                    /* no gnuplot here */
	str_release(&text);
	str_release(&svg);
	operators_study_free(s);
}

/* Which groups miss their bars is said by name below the tables, at any width. */
static void groups_outside_their_bars_are_named(void)
{
	struct operators_study *s = study("a100", "moe");
	struct term term = term_plain(60);
	struct str text = { 0 };
	struct err err = { 0 };
	const struct operator_group *g;
	const char *says;
	size_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	g = operators_groups(s, &n);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_TRUE(operators_text(s, &term, &text, &err));
	says = operators_bar_met(g) ? "1 of 1 groups with a bar (median/P90) are inside it\n"
				    : "0 of 1 groups with a bar (median/P90) are inside it; outside:\n  a100/vllm/moe/bf16 ";
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&text), says));
	str_release(&text);
	operators_study_free(s);
}

/* The page has the tables and a plot of each device and operator. */
static void the_page_has_a_line_a_group(void)
{
	struct operators_study *s = study("a30", "gemm");
	struct str page = { 0 };
	struct err err = { 0 };
	struct operators_options o = { .device = "a30", .op = "gemm" };

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(operators_html(s, &o, &page, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&page), ">a30/vidur/gemm/fp16<"));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&page), "<figcaption>a30, gemm"));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&page), "By device<"));
	str_release(&page);
	operators_study_free(s);
}

/* H100 attention that LLMServingSim timed is of a kernel without split-KV: it must not stand for Vidur's on another device. */
static void software_is_kept_apart(void)
{
	struct operators_study *s = study("a100", "attention_decode");
	const struct operator_group *g;
	size_t n, found = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(g[i].stack, "vidur") == 0) {
			found++;
			CU_ASSERT_TRUE(g[i].error[ESTIMATE_SISTER].median < 0.2);
		}
	CU_ASSERT_EQUAL(found, 1);
	operators_study_free(s);
}

/* The choice of the fitted half is fixed: fits and their errors were made with it. */
static void the_fitted_half_is_fixed(void)
{
	struct op gemm = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 8 }, fp8 = gemm;
	int held = 0;

	for (int n = 1; n <= 64; n++) {
		gemm.n = n * 128;
		gemm.k = 4096;
		fp8 = gemm;
		fp8.dtype = DTYPE_FP8;
		fp8.m = 4096;
		held += fit_held_out(&gemm);
		CU_ASSERT_EQUAL(fit_held_out(&gemm), fit_held_out(&fp8));
	}
	CU_ASSERT_TRUE(held > 16 && held < 48);
}

/* TensorRT-LLM's latent attention of DeepSeek-V3 on H100, measured whole: the operators that a run prices for it add up to it. */
static void modules_are_the_sum_of_their_operators(void)
{
	static const struct operators_options only = { .device = "h100", .stack = "trtllm" }, none = { .device = "h100", .stack = "sglang" };
	struct operators_modules m;
	struct arena *a = arena_new();
	struct str text = { 0 };
	struct term plain = term_plain(120);
	struct err err = { 0 };
	const struct validation_error *rows;
	size_t count;

	TRUE_FOR(err.text, operators_modules_run(&only, &m, &err));
	CU_ASSERT_EQUAL(m.count, 8);           /* prefill and decode, two formats of projections, two of the cache */
	for (size_t i = 0; i < m.count; i++) {
		TRUE_FOR(m.items[i].name, m.items[i].error.count >= 90);
		TRUE_FOR(m.items[i].name, m.items[i].error.median < 0.08 && m.items[i].error.p90 < 0.2);
		TRUE_FOR(m.items[i].name, fabs(m.items[i].bias) <= m.items[i].error.median);
	}
	TRUE_FOR(err.text, operators_modules_text(&m, &plain, &text, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&text), "h100/trtllm/prefill/fp8_block/fp8"));
	rows = operators_modules_errors(&m, a, &count, &err);
	CU_ASSERT_TRUE(rows && count == 8 && strcmp(rows[0].name, "mla/h100/trtllm/decode/bf16/bf16") == 0);
	operators_modules_release(&m);
	TRUE_FOR(err.text, operators_modules_run(&none, &m, &err) && m.count == 0);
	operators_modules_release(&m);
	str_release(&text);
	arena_free(a);
}

CU_TestInfo suite_validate_operators[] = {
	{ "latent attention is the sum of its operators", modules_are_the_sum_of_their_operators },
	{ "groups outside their bars are named", groups_outside_their_bars_are_named },
	{ "the page has a line a group", the_page_has_a_line_a_group },
	{ "software is kept apart", software_is_kept_apart },
	{ "a left-out site is answered by the others", a_left_out_site_is_answered_by_the_others },
	{ "GEMM of the H100 is inside its bars", gemm_of_the_h100_is_inside_its_bars },
	{ "attention medians are inside their bars", attention_medians_are_inside_their_bars },
	{ "refuses what is not there", refuses_what_is_not_there },
	{ "the JSON follows the contract", the_json_follows_the_contract },
	{ "errors are kept in the database", errors_are_kept_in_the_database },
	{ "text and plots show every group", text_and_plots_show_every_group },
	{ "the fitted half is fixed", the_fitted_half_is_fixed },
	CU_TEST_INFO_NULL
};
