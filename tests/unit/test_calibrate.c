#include "validation/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/attr.h"
#include "hardware/cost.h"
#include "tests/unit/scratch.h"
#include "validation/calibrate_layouts.h"
#include "validation/calibrate_points.h"
#include "validation/calibrate_tiles.h"
#include "validation/kernel_ops.h"
#include "validation/pulse.h"
#include "validation/run_means.h"
#include "validation/sample_store.h"

/* Every shape of every grid has an operator whose count is finite, visits begin with their largest shape, and no drawn shape is on the
 * grid. */
static void grids(void)
{
	struct err err = { 0 };
	struct visits v;
	struct rng r;

	for (int quick = 0; quick < 2; quick++) {
		CU_ASSERT_TRUE_FATAL(visits_plan(&v, NULL, quick, false, 1, &err));
		CU_ASSERT(v.count > 100);
		for (size_t i = 0; i < v.count; i++)
			for (int s = 0; s < v.at[i].count; s++) {
				CU_ASSERT(v.at[i].family->bytes(&v.at[i].shapes[s]) >= 0);
				CU_ASSERT(s == 0 || v.at[i].shapes[s].m < v.at[i].shapes[0].m);
				CU_ASSERT_TRUE(kernel_usable(v.at[i].kernel, &v.at[i].shapes[s]));
			}
		rng_init(&r, 5, "grids");
		for (int k = 0; kernel_families[k]; k++) {
			struct shape drawn;

			for (int n = 0; n < 200 && unseen_shape(kernel_families[k], &r, 1, &drawn); n++)
				for (size_t i = 0; i < v.count; i++)
					for (int s = 0; v.at[i].family == kernel_families[k] && s < v.at[i].count; s++)
						TRUE_FOR(kernel_families[k]->name, memcmp(&drawn, &v.at[i].shapes[s], sizeof(drawn)) != 0);
		}
		visits_release(&v);
	}
	CU_ASSERT_FALSE(visits_plan(&v, "no-such", true, false, 1, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	visits_release(&v);
}

static void put(struct sample_store *s, int round, size_t visit, double seconds)
{
	struct samples one = { .seconds = { seconds, 2 * seconds }, .pace = { 1, 1.5 }, .count = 2 };
	struct err err = { 0 };

	CU_ASSERT_TRUE(sample_store_begin(s, &err));
	CU_ASSERT_TRUE(sample_store_put(s, round, visit, 0, "label", "ref", &one, &err));
	CU_ASSERT_TRUE(sample_store_commit(s, &err));
}

/* What an interrupted calibration left is there for the same settings, and gone for others and after the end. */
static void samples_are_kept(void)
{
	char path[SCRATCH_PATH];
	struct err err = { 0 };
	struct samples got = { 0 };
	struct sample_store *s;

	unlink(scratch_path(path, "samples.db"));
	s = sample_store_open(path, "this host", false, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	put(s, 0, 7, 3);
	put(s, 1, 7, 4);
	sample_store_close(s);
	s = sample_store_open(path, "this host", false, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(sample_store_has(s, 1, 7));
	CU_ASSERT_FALSE(sample_store_has(s, 2, 7));
	CU_ASSERT_TRUE(sample_store_get(s, 7, 0, &got, &err));
	CU_ASSERT_EQUAL(got.count, 4);
	CU_ASSERT_EQUAL(got.seconds[2], 4);
	CU_ASSERT_EQUAL(got.pace[3], 1.5);
	sample_store_close(s);
	s = sample_store_open(path, "another host", false, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_FALSE(sample_store_has(s, 1, 7));
	put(s, 0, 7, 3);
	CU_ASSERT_TRUE(sample_store_finish(s, &err));
	sample_store_close(s);
	s = sample_store_open(path, "another host", false, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_FALSE(sample_store_has(s, 0, 7));
	sample_store_close(s);
	unlink(path);
	CU_ASSERT_PTR_NULL(sample_store_open("/nonexistent/samples.db", "x", false, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_IO);
}

static void remove_folder(const char *path)
{
	char command[SCRATCH_PATH + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* From kernels to prices: a device is written whose tables answer for what was measured, with the measured time. */
static void a_device_of_this_host(void)
{
	char folder[SCRATCH_PATH], file[SCRATCH_PATH + 16];
	struct err err = { 0 };
	struct arena *a = arena_new();
	struct calibrate_report r;
	const struct calibrate_options o = { .folder = scratch_path(folder, "devices"), .name = "here", .op = "router", .quick = true,
					     .no_cached = true, .threads = 1, .rounds = 1 };
	const struct op gemm = { .kind = OP_GEMM, .dtype = DTYPE_FP32, .m = 256, .n = 1024, .k = 1024 };
	const struct device *d;
	struct op_cost cost;

	CU_ASSERT_TRUE_FATAL(calibrate(&o, &r, a, &err));
	CU_ASSERT(r.points >= 4 && r.samples >= r.points);      /* one each is enough where another program makes a run long */
	CU_ASSERT(r.bandwidth_bytes_s > 0 && r.peak_flop_s[KERNEL_FP32] > 0);
	SAME_TEXT(r.devices, "here");
	snprintf(file, sizeof(file), "%s/here.xml", folder);
	d = device_load_usable(file, a, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	CU_ASSERT_PTR_NOT_NULL(d->home);
	CU_ASSERT_EQUAL(d->kind, DEVICE_CPU);
	struct cost_model *cm = cost_model_new(&(struct cost_options){ .device = d }, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
	cost_op(cm, &gemm, &cost);
	CU_ASSERT_EQUAL(cost.provider, PROVIDER_MEASURED);
	CU_ASSERT_DOUBLE_EQUAL(cost.seconds, op_flops(&gemm) / r.peak_flop_s[KERNEL_FP32], 1e-3 * cost.seconds);
	struct op part = gemm, whole = gemm;
	struct op_cost more;

	part.n = 500;                          /* of sixteen panels the last is computed as a whole */
	whole.n = 512;
	cost_op(cm, &part, &cost);
	cost_op(cm, &whole, &more);
	CU_ASSERT_DOUBLE_EQUAL(cost.seconds, more.seconds, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(cost.flops, op_flops(&part), 1);
	cost_op(cm, &(struct op){ .kind = OP_ROUTER, .dtype = DTYPE_FP32, .m = 64, .n = 8, .top_k = 2 }, &cost);
	CU_ASSERT_EQUAL(cost.provider, PROVIDER_FITTED);
	cost_model_free(cm);
	arena_free(a);
	remove_folder(folder);
}

/* A matrix whose tiles of 12 rows cost 10 + 2 a row, of which the first alone waits 30 for its weights. */
static double of_rows(int64_t m)
{
	int64_t tiles = (m + 11) / 12;

	return 30 + 10 * (double)tiles + 2 * (double)m;
}

/* Measured at few rows, answered at all: what was measured comes back, time jumps where a tile begins, and the straight lines between bends
 * that tables draw are the curve. */
static void rows_between_follow_tiles(void)
{
	static const int64_t rows[] = { 1, 2, 4, 6, 8, 10, 12, 13, 24, 48, 128, 512 };
	double seconds[COUNT_OF(rows)], before = 0;
	struct tile_curve c = { rows, seconds, COUNT_OF(rows), 12 };
	int64_t bend = 13;

	for (size_t i = 0; i < c.count; i++)
		seconds[i] = of_rows(rows[i]);
	for (size_t i = 0; i < c.count; i++)
		CU_ASSERT_DOUBLE_EQUAL(tile_curve_at(&c, rows[i]), seconds[i], 1e-9);
	for (int64_t m = 14; m < 512; m++)
		TRUE_FOR("within 4 %", fabs(tile_curve_at(&c, m) / of_rows(m) - 1) < 0.04);
	CU_ASSERT(tile_curve_at(&c, 37) - tile_curve_at(&c, 36) > 5);
	before = tile_curve_at(&c, bend);
	for (int64_t m = 14; m <= 48; m++) {
		if (!tile_curve_bends(&c, m))
			continue;
		for (int64_t x = bend + 1; x < m; x++)
			TRUE_FOR("lines", fabs((before + (tile_curve_at(&c, m) - before) * (double)(x - bend) / (double)(m - bend)) / tile_curve_at(&c, x) - 1) < 0.01);
		bend = m;
		before = tile_curve_at(&c, m);
	}
	CU_ASSERT_EQUAL(tile_rows_of("avx512"), 12);
	CU_ASSERT_EQUAL(tile_rows_of("openblas"), 0);
}

/* Half of the rounds, then the others: the second call finds the first one's samples and adds its own; a third begins anew. */
static void rounds_go_on(void)
{
	char folder[SCRATCH_PATH];
	struct err err = { 0 };
	struct arena *a = arena_new();
	struct calibrate_report r;
	struct calibrate_options o = { .folder = scratch_path(folder, "halves"), .name = "here", .op = "router", .quick = true, .no_cached = true,
				       .fresh = true, .threads = 1, .rounds = 2, .rounds_now = 1 };
	size_t samples, visits;

	CU_ASSERT_TRUE_FATAL(calibrate(&o, &r, a, &err));
	samples = r.samples;
	CU_ASSERT_EQUAL(r.resumed, 0);
	o.fresh = false;
	o.rounds_now = 0;
	CU_ASSERT_TRUE_FATAL(calibrate(&o, &r, a, &err));
	visits = r.resumed;
	CU_ASSERT(visits > 0 && r.samples > samples);
	CU_ASSERT_TRUE_FATAL(calibrate(&o, &r, a, &err));
	CU_ASSERT_EQUAL(r.resumed, 0);
	arena_free(a);
	remove_folder(folder);
}

/* Kept beside a device and read again; compared as time now over time then. */
static void a_pulse_is_kept(void)
{
	const struct pulse then = { 2e-3, 4e-3 }, now = { 2.5e-3, 3e-3 };
	char folder[SCRATCH_PATH], command[SCRATCH_PATH + 16];
	struct pulse back = { 0 };
	struct str text = { 0 };
	struct err err = { 0 };

	snprintf(command, sizeof(command), "mkdir -p '%s'", scratch_path(folder, "pulse"));
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	CU_ASSERT_FALSE(pulse_read(folder, &back));
	CU_ASSERT_TRUE(pulse_write(folder, &then, &err));
	CU_ASSERT_TRUE(pulse_read(folder, &back));
	CU_ASSERT_DOUBLE_EQUAL(back.stream_s, then.stream_s, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(back.product_s, then.product_s, 1e-12);
	pulse_text(&now, &back, &text);
	SAME_TEXT(str_text(&text), "memory stream +25 %, product -25 % of the calibration's time");
	str_release(&text);
	pulse_mean(&then, &now, &back);
	CU_ASSERT_DOUBLE_EQUAL(back.stream_s, 2.25e-3, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(back.product_s, 3.5e-3, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(pulse_drift(&(struct pulse){ 2.1e-3, 3.2e-3 }, &then), 0.2, 1e-12);
	remove_folder(folder);
	CU_ASSERT_FALSE(pulse_write(folder, &then, &err));
}

/* How far means lie above medians comes from runs of the same kernel and place, about as long; the medians are each point's own. */
static void runs_take_their_mean(void)
{
	const struct kernel_family *f = kernel_family_find("add"), *other = kernel_family_find("norm");
	struct run_mean at[120];
	struct err err = { 0 };

	/* Of 100 points the short half varies by 2 %, the long one by 10 %, one of them by half. */
	for (int i = 0; i < 100; i++)
		at[i] = (struct run_mean){ .family = f, .where = FROM_MEMORY, .estimate = { .median = 1 + i, .mean = (1 + i) * (i < 50 ? 1.02 : i == 90 ? 1.5 : 1.1) } };
	for (int i = 100; i < 120; i++)
		at[i] = (struct run_mean){ .family = i < 110 ? other : f, .where = FROM_LAST_CACHE, .estimate = { .median = i, .mean = i * (i < 110 ? 1.3 : 1.4) } };
	CU_ASSERT_TRUE_FATAL(run_means_settle(at, 120, &err));
	CU_ASSERT_DOUBLE_EQUAL(at[3].seconds, 4 * 1.02, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(at[60].seconds, 61 * (1.1 * 35 + 1.02 * 14) / 49, 1e-9);
	CU_ASSERT(at[90].seconds < 91 * 1.12 && at[90].seconds > 91 * 1.1);
	CU_ASSERT_DOUBLE_EQUAL(at[105].seconds, 105 * 1.3, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(at[115].seconds, 115 * 1.4, 1e-9);
}

static struct op attention(enum op_kind kind, int64_t heads, int64_t kv_heads, int64_t batch, int64_t q_len, double kv_len)
{
	return (struct op){ .kind = kind, .dtype = DTYPE_FP32, .kv_dtype = DTYPE_FP32, .batch = batch, .heads = heads, .kv_heads = kv_heads, .head_dim = 64,
			    .q_len = q_len, .kv_len = kv_len };
}

/* Tasks of 96 rows over steps of 64 keys, by hand: 8 heads with a cached one each, 200 queries after 100 tokens: runs of 8, 96 and 96 queries see 300, 292 and
 * 196 tokens. Three queries a cached head take slots of four in decode. */
static void layouts_are_counted(void)
{
	const struct op one = attention(OP_ATTENTION_PREFILL, 8, 8, 1, 200, 300), decode = attention(OP_ATTENTION_DECODE, 9, 3, 2, 1, 100);
	const struct op odd = attention(OP_ATTENTION_PREFILL, 3, 3, 1, 96, 96);
	double t[LAYOUT_TERMS];

	layout_terms(&one, 1, t);
	CU_ASSERT_DOUBLE_EQUAL(t[1], 8 * 200, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(t[2], 8 * (5 + 5 + 4), 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(t[3], 8 * (5 * 8 + 5 * 96 + 4 * 96), 1e-9);
	layout_terms(&odd, 2, t);      /* three tasks alike: one thread has two of them */
	CU_ASSERT_DOUBLE_EQUAL(t[1], 2 * 96, 1e-9);
	layout_terms(&decode, 2, t);
	CU_ASSERT_DOUBLE_EQUAL(t[1], 2 * 3 * 4 / 2, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(t[2], 2 * 3 * 2 / 2, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(t[3], 2 * 3 * 100 / 2, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(t[4], 2 * 3 * 100 * 4 / 2, 1e-9);
}

/* Points that follow a law of these counts, one layout always a tenth slower: layouts between and beyond follow the law, and near the slow
 * one they are slower, too. */
static void layouts_between_follow_the_law(void)
{
	static const int64_t layouts[][2] = { { 8, 8 }, { 8, 2 }, { 16, 2 }, { 16, 16 } };
	static const double law[LAYOUT_TERMS] = { 2e-6, 1e-8, 4e-7, 5e-8, 0 };
	struct layout_point at[4 * 9];
	struct layout_points points = { .at = at, .threads = 2 };
	struct op asked;
	double t[LAYOUT_TERMS], truth;

	for (int l = 0; l < 4; l++)
		for (int i = 0; i < 9; i++) {
			struct op op = attention(OP_ATTENTION_PREFILL, layouts[l][0], layouts[l][1], 1, 32 << i % 3, (double)((32 << i % 3) + 100 * (i / 3)));

			layout_terms(&op, 2, t);
			at[points.count] = (struct layout_point){ op, 0 };
			for (int k = 0; k < LAYOUT_TERMS; k++)
				at[points.count].seconds += law[k] * t[k];
			points.count++;
		}
	layout_fit(&points);
	asked = attention(OP_ATTENTION_PREFILL, 9, 3, 1, 64, 164);
	layout_terms(&asked, 2, t);
	truth = law[0] + law[1] * t[1] + law[2] * t[2] + law[3] * t[3];
	CU_ASSERT_DOUBLE_EQUAL(layout_seconds(&points, &asked) / truth, 1, 1e-3);
	asked.kv_len = 165;            /* nobody measured that */
	CU_ASSERT_TRUE(isnan(layout_seconds(&points, &asked)));
	for (int i = 0; i < 9; i++)
		at[9 + i].seconds *= 1.1;
	layout_fit(&points);
	asked = attention(OP_ATTENTION_PREFILL, 20, 5, 1, 64, 164);
	layout_terms(&asked, 2, t);
	truth = law[0] + law[1] * t[1] + law[2] * t[2] + law[3] * t[3];
	CU_ASSERT(layout_seconds(&points, &asked) / truth > 1.03 && layout_seconds(&points, &asked) / truth < 1.15);
}

static int runs_done;

/* Slow the first three times, as what has yet to find its place is. */
static void slow_at_first(const struct kernel_run *r)
{
	clock_t begin = clock();

	(void)r;
	while (runs_done < 3 && clock() - begin < CLOCKS_PER_SEC / 50)
		;
	runs_done++;
}

/* Of a fresh case the first turns are no samples; of one that has been visited the next turn is. */
static void fresh_cases_warm_up(void)
{
	const struct kernel_family *f = kernel_family_find("add");
	const struct kernel slow = { "ref", NULL, NULL, slow_at_first, NULL };
	const struct shape shape = { .m = 1, .n = 64, .threads = 1 };
	struct err err = { 0 };
	struct timing *t = timing_new(&err);
	struct kernel_case *c = kernel_case_new(f, &shape, 1, &err);
	struct samples samples = { 0 };

	CU_ASSERT_FATAL(t && c);
	runs_done = 0;
	take_samples(t, c, &slow, FROM_MEMORY, true, 2, &samples);
	CU_ASSERT_FATAL(samples.count > 0);
	CU_ASSERT(samples.seconds[0] < 0.01 && samples.seconds[samples.count - 1] < 0.01);
	runs_done = 0;
	samples = (struct samples){ 0 };
	take_samples(t, c, &slow, FROM_MEMORY, false, 2, &samples);
	CU_ASSERT(samples.seconds[0] > 0.01);
	kernel_case_free(c);
	timing_free(t);
}

CU_TestInfo suite_calibrate[] = { { "grids and unseen shapes", grids },
				  { "samples are kept", samples_are_kept },
				  { "a device of this host", a_device_of_this_host },
				  { "rows between follow tiles", rows_between_follow_tiles },
				  { "rounds go on", rounds_go_on },
				  { "fresh cases warm up", fresh_cases_warm_up },
				  { "a pulse is kept", a_pulse_is_kept },
				  { "runs take their mean", runs_take_their_mean },
				  { "layouts are counted", layouts_are_counted },
				  { "layouts between follow the law", layouts_between_follow_the_law },
				  CU_TEST_INFO_NULL };
