/* hardware/tables_layouts and tables_written: prefill of head layouts that were not measured. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "base/mem.h"
#include "hardware/tables_layouts.h"
#include "hardware/tables_written.h"

extern CU_TestInfo suite_tables_layouts[];

/* Seconds of a made-up kernel that packs the queries of a KV head into blocks of 128 rows. */
static double kernel(double heads, double kv, double queries, double batch)
{
	return 8e-6 + batch * heads * 128 * queries * queries / 2 / 1e14 + batch * kv * ceil(queries * heads / kv / 128) * 2e-8 + queries * 128 / 5e10;
}

static struct table *made_up(void)
{
	static const int layouts[][2] = { { 1, 1 }, { 2, 1 }, { 4, 1 }, { 4, 4 }, { 8, 1 }, { 16, 2 }, { 16, 16 }, { 32, 4 }, { 64, 8 } };
	enum { SIZE = 1 << 17 };
	char *text = mem_calloc(1, SIZE);
	struct err err = { 0 };
	struct table *t;
	size_t at;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	at = (size_t)snprintf(text, SIZE, "dtype,kv_dtype,window,head_dim,heads,kv_heads,kv_len,q_len,batch,seconds\n");
	for (size_t l = 0; l < COUNT_OF(layouts); l++)
		for (int q = 16; q <= 4096; q *= 2)
			for (int b = 1; b <= 64; b *= 4)
				at += (size_t)snprintf(text + at, SIZE - at, "bf16,bf16,0,128,%d,%d,%d,%d,%d,%.6e\n", layouts[l][0], layouts[l][1], q, q, b,
						       kernel(layouts[l][0], layouts[l][1], q, b));
	t = table_read_text("made-up", text, at, "vllm", OP_ATTENTION_PREFILL, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	mem_free(text);
	return t;
}

static void unknown_layouts_follow_the_law(void)
{
	static const int asked[][2] = { { 8, 2 }, { 24, 2 }, { 12, 12 }, { 128, 8 } };
	struct tables_limits limits = { .bandwidth_bytes_s = 4e12 };
	struct table *t = made_up();

	limits.peak_flop_s[DTYPE_BF16] = 1e15;
	for (size_t a = 0; a < COUNT_OF(asked); a++)
		for (int64_t q = 16; q <= 4096; q *= 4)
			for (int64_t b = 1; b <= 16; b *= 4) {
				struct op op = { .kind = OP_ATTENTION_PREFILL, .dtype = DTYPE_BF16, .heads = asked[a][0], .kv_heads = asked[a][1],
						 .head_dim = 128, .q_len = q, .kv_len = (double)q, .batch = b };
				struct question question = { .table = t, .limits = &limits, .op = &op, .except = -1 };
				double expected = kernel((double)op.heads, (double)op.kv_heads, (double)q, (double)b), seconds;
				enum grade grade;

				CU_ASSERT_TRUE_FATAL(table_answer(&question, &seconds, &grade));
				CU_ASSERT_DOUBLE_EQUAL(seconds / expected, 1, 0.12);
				CU_ASSERT_TRUE(grade >= GRADE_SITE);
			}
	table_release(t);
}

/* Heads of 64 where those of 128 were measured: half the work, also of a single sequence. */
static void narrower_heads(void)
{
	struct tables_limits limits = { .bandwidth_bytes_s = 4e12 };
	struct table *t = made_up();

	limits.peak_flop_s[DTYPE_BF16] = 1e15;
	for (int64_t q = 512; q <= 4096; q *= 2)
		for (int64_t b = 1; b <= 16; b *= 2) {
			struct op op = { .kind = OP_ATTENTION_PREFILL, .dtype = DTYPE_BF16, .heads = 8, .kv_heads = 8, .head_dim = 64, .q_len = q, .kv_len = (double)q, .batch = b };
			struct question question = { .table = t, .limits = &limits, .op = &op, .except = -1 };
			enum grade grade;
			double seconds;

			CU_ASSERT_TRUE_FATAL(table_answer(&question, &seconds, &grade));
			CU_ASSERT_DOUBLE_EQUAL(seconds / kernel(4, 4, (double)q, (double)b), 1, 0.12);
		}
	table_release(t);
}

/* What falls where work grows is raised; what rises is kept. */
static double wavy(const void *context, const double *x, enum grade *grade)
{
	(void)context;
	if (grade && x[2] > 16)
		*grade = GRADE_OUTSIDE;
	return x[1] < 1000 ? x[1] * x[2] : x[1] * x[2] / 4;
}

static void written_sites_never_fall(void)
{
	static const size_t sites[] = { 0, 8 };
	struct table *from = made_up(), *t;
	struct tables_limits limits = { .bandwidth_bytes_s = 4e12 };
	struct op op = { .kind = OP_ATTENTION_PREFILL, .dtype = DTYPE_BF16 };
	struct question q = { .table = from, .limits = &limits, .op = &op, .except = -1 };
	double before = 0;

	t = site_write(&q, from->sites[0].key, sites, 2, wavy, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (double queries = 16; queries <= 4096; queries *= 2)
		for (double batch = 1; batch <= 64; batch *= 4) {
			double x[AXIS_MOST] = { 0, queries, batch }, seconds;
			enum grade grade = GRADE_EXACT;

			seconds = site_read(&q, t, x, &grade);
			CU_ASSERT_EQUAL(grade, batch > 16 ? GRADE_OUTSIDE : GRADE_EXACT);
			CU_ASSERT_EQUAL(seconds, fmax(wavy(NULL, x, NULL), queries >= 1000 ? 512 * batch : 0));
			if (batch == 1) {
				CU_ASSERT_TRUE(seconds >= before);
				before = seconds;
			}
		}
	table_release(t);
	table_release(from);
}

static void out_of_memory_leaves_the_neighbours(void)
{
	static const size_t sites[] = { 0 };
	struct table *from = made_up();
	struct tables_limits limits = { .bandwidth_bytes_s = 4e12 };
	struct op op = { .kind = OP_ATTENTION_PREFILL, .dtype = DTYPE_BF16 };
	struct question q = { .table = from, .limits = &limits, .op = &op, .except = -1 };

	for (int n = 1; n <= 8; n++) {
		mem_fail_after(n);
		CU_ASSERT_PTR_NULL(site_write(&q, from->sites[0].key, sites, 1, wavy, NULL));
		mem_fail_after(0);
	}
	table_release(from);
}

/* Seconds of a made-up decode kernel over a latent cache: blocks of 16 heads walk it one by one up to 32 heads (`blocked`), or all heads at once. */
static double walk(int heads, int batch, int kv_len, bool blocked)
{
	int walks = blocked && heads <= 32 ? (heads + 15) / 16 : 1;

	return 8e-6 + 2e-10 * batch * kv_len * (walks + 1) / 2;
}

static struct table *latent(bool blocked)
{
	static const int heads[] = { 1, 8, 32, 128 };
	enum { SIZE = 1 << 15 };
	char *text = mem_calloc(1, SIZE);
	struct err err = { 0 };
	struct table *t;
	size_t at;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	at = (size_t)snprintf(text, SIZE, "dtype,kv_dtype,k,heads,batch,kv_len,seconds\n");
	for (int kv = 0; kv < 2; kv++)
		for (size_t h = 0; h < COUNT_OF(heads); h++)
			for (int b = 1; b <= 256; b *= 4)
				for (int n = 256; n <= 16384; n *= 4)
					at += (size_t)snprintf(text + at, SIZE - at, "bf16,%s,576,%d,%d,%d,%.6e\n", kv ? "fp8" : "bf16", heads[h], b, n,
							       walk(heads[h], b, n, blocked));
	t = table_read_text("made-up", text, at, "trtllm", OP_MLA_DECODE, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	mem_free(text);
	return t;
}

/* Heads that walk the cache as often are asked, whichever were measured: 16 are like 8, 64 like 128; 24 (or 32, left out) walk twice, which
 * lies between once and twice the batch. Where more heads never take less, it is a line along the heads as ever. */
static void latent_heads_walk_by_blocks(void)
{
	static const struct { int heads; bool left_out; double least, most; } cases[] = {
		{ 16, false, 0, 0 }, { 64, false, 0, 0 }, { 24, false, 0, 0 }, { 32, true, -0.12, 0.12 }, { 128, true, 0, 0.4 }, { 8, true, 0, 0 },
	};

	for (int blocked = 0; blocked < 2; blocked++) {
		struct table *t = latent(blocked != 0);
		struct tables_limits limits = { .bandwidth_bytes_s = 8e12 };

		for (size_t c = 0; c < COUNT_OF(cases); c++)
			for (int batch = 4; batch <= 256; batch *= 8)
				for (int n = 1024; n <= 16384; n *= 4) {
					struct op op = { .kind = OP_MLA_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_BF16, .k = 576, .heads = cases[c].heads,
							 .batch = batch, .q_len = 1, .kv_len = n };
					int64_t key[KEY_MOST] = { DTYPE_BF16, DTYPE_BF16, 576, cases[c].heads };
					struct question q = { .table = t, .limits = &limits, .op = &op,
							      .except = cases[c].left_out ? site_find(t, key) : -1 };
					enum grade grade;
					double seconds, off;

					CU_ASSERT_TRUE_FATAL(table_answer(&q, &seconds, &grade));
					CU_ASSERT_TRUE(grade >= GRADE_SITE);
					off = seconds / walk(cases[c].heads, batch, n, blocked != 0) - 1;
					if (blocked && !(off >= cases[c].least - 1e-3 && off <= cases[c].most + 1e-3))
						fprintf(stderr, "%d heads, %d x %d: %g off\n", cases[c].heads, batch, n, off);
					CU_ASSERT_TRUE(!blocked || (off >= cases[c].least - 1e-3 && off <= cases[c].most + 1e-3));
					CU_ASSERT_TRUE(blocked || cases[c].heads == 128 || fabs(off) < 1e-3);
				}
		table_release(t);
	}
}

CU_TestInfo suite_tables_layouts[] = {
	{ "narrower heads", narrower_heads },
	{ "heads over a latent cache walk it by blocks", latent_heads_walk_by_blocks },
	{ "prefill of layouts that were not measured follows the law of others", unknown_layouts_follow_the_law },
	{ "sites that are written out never fall", written_sites_never_fall },
	{ "out of memory no site is written out", out_of_memory_leaves_the_neighbours },
	CU_TEST_INFO_NULL,
};
