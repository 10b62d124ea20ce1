#include <CUnit/CUnit.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "hardware/cost.h"
#include "hardware/fit_law.h"
#include "hardware/kriging.h"
#include "hardware/sisters.h"

extern CU_TestInfo suite_sisters[];

/* Random shapes of what a model runs, each also with more work: along m, batch, kv_len and q_len. */
static struct op random_op(struct rng *r, enum op_kind kind)
{
	static const int64_t widths[] = { 1024, 2048, 3072, 5120, 8192, 13824 };
	struct op op = { .kind = kind, .dtype = rng_below(r, 2) ? DTYPE_BF16 : DTYPE_FP8, .batch = 1 };

	op.n = widths[rng_below(r, 6)];
	op.k = widths[rng_below(r, 6)];
	op.m = 1 + (int64_t)rng_below(r, 8192);
	if (kind == OP_MOE) {
		op.n = 256 << rng_below(r, 4);
		op.experts_total = 16 << rng_below(r, 4);
		op.experts = op.experts_total >> rng_below(r, 3);
		op.top_k = 1 + (int64_t)rng_below(r, 8);
		op.gated = true;
	}
	if (kind == OP_ATTENTION_PREFILL || kind == OP_ATTENTION_DECODE) {
		op.m = op.n = op.k = 0;
		op.dtype = DTYPE_BF16;
		op.kv_heads = 1 + (int64_t)rng_below(r, 8);
		op.heads = op.kv_heads * (1 + (int64_t)rng_below(r, 8));
		op.head_dim = 64 << rng_below(r, 2);
		op.batch = 1 + (int64_t)rng_below(r, 64);
		op.q_len = kind == OP_ATTENTION_PREFILL ? 1 + (int64_t)rng_below(r, 4096) : 1;
		op.kv_len = kind == OP_ATTENTION_PREFILL ? (double)op.q_len : 1 + (double)rng_below(r, 60000);
	}
	return op;
}

static struct op larger(const struct op *op, int axis)
{
	struct op out = *op;

	out.m += op->m / 3 * (axis == 0);
	if (op->heads && axis == 0)
		out.batch += (op->batch + 2) / 3;
	if (op->heads && axis == 1) {
		out.kv_len = ceil(op->kv_len * 1.4);
		if (op->kind == OP_ATTENTION_PREFILL)
			out.q_len = (int64_t)out.kv_len;
	}
	return out;
}

/* Devices that were not measured, and measured ones: never under the data sheet (restated tables), never less for more. */
static void more_work_never_takes_less(void)
{
	static const char *const devices[] = { "b300", "l40s", "h100", "b200", "h20", "rtx-4090", "mi300x" };
	static const enum op_kind kinds[] = { OP_GEMM, OP_ATTENTION_PREFILL, OP_ATTENTION_DECODE, OP_MOE };
	struct rng r;

	rng_init(&r, 11, "shapes");
	for (size_t d = 0; d < COUNT_OF(devices); d++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		const struct device *device = device_load(devices[d], a, &err);
		struct cost_model *cm = device ? cost_model_new(&(struct cost_options){ .device = device }, &err) : NULL;

		CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
		for (int i = 0; i < 1200; i++) {
			struct op op = random_op(&r, kinds[i % 4]);
			struct op_cost cost, more;

			cost_op(cm, &op, &cost);
			CU_ASSERT_TRUE(isfinite(cost.seconds) && cost.seconds > 0);
			if (cost.provider != PROVIDER_MEASURED)
				CU_ASSERT_TRUE(cost.seconds * (1 + 1e-9) >= op_bytes(&op) / device_bandwidth(device) &&
					       cost.seconds * (1 + 1e-9) >= op_flops(&op) / device_peak(device, op.dtype, NULL));
			for (int axis = 0; axis < 2; axis++) {
				struct op big = larger(&op, axis);

				cost_op(cm, &big, &more);
				if (!(more.seconds >= cost.seconds * (1 - 1e-9)))
					printf("%s %s m=%lld n=%lld k=%lld heads=%lld/%lld d=%lld batch=%lld q=%lld kv=%g experts=%lld/%lld top=%lld: %g s, then %g\n",
					       devices[d], op_kind_names[op.kind], (long long)op.m, (long long)op.n, (long long)op.k, (long long)op.heads,
					       (long long)op.kv_heads, (long long)op.head_dim, (long long)op.batch, (long long)op.q_len, op.kv_len,
					       (long long)op.experts, (long long)op.experts_total, (long long)op.top_k, cost.seconds, more.seconds);
				CU_ASSERT_TRUE(more.seconds >= cost.seconds * (1 - 1e-9));
			}
		}
		cost_model_free(cm);
		arena_free(a);
	}
}

/* B300 is a GB300 on another board: its times lie between the ratio of the slowest and of the fastest figure of the two. */
static void sisters_scale_by_the_data_sheet(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *b300 = device_load("b300", a, &err), *gb300 = device_load("gb300", a, &err);
	struct cost_model *here = cost_model_new(&(struct cost_options){ .device = b300 }, &err);
	struct cost_model *there = cost_model_new(&(struct cost_options){ .device = gb300 }, &err);
	struct op op = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .n = 8192, .k = 8192, .batch = 1 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(here);
	CU_ASSERT_PTR_NOT_NULL_FATAL(there);
	for (op.m = 1; op.m <= 8192; op.m *= 4) {
		struct op_cost b, gb;

		cost_op(here, &op, &b);
		cost_op(there, &op, &gb);
		CU_ASSERT_EQUAL(b.provider, PROVIDER_FITTED);
		CU_ASSERT_TRUE(b.rel_error > gb.rel_error);
		CU_ASSERT_TRUE(b.seconds / gb.seconds > 0.9 && b.seconds / gb.seconds < 1.35);
	}
	cost_model_free(here);
	cost_model_free(there);
	arena_free(a);
}

/* A value that was measured comes back but for its noise, two at one place share it, and far away there is the mean of 0. */
static void kriging_keeps_values_and_forgets(void)
{
	static const struct kriging k = { .dims = 2, .range = 4, .noise = 1e-6 };
	static const struct { double here[2], value; } cases[] = { { { 1, 1 }, 4 }, { { 0, 2 }, 2 }, { { 400, 0 }, 0 } };

	for (size_t c = 0; c < COUNT_OF(cases); c++) {
		struct kriging_place around[8];
		double w[8], value = 0;
		int n = 0;

		for (int i = 0; i < 10; i++) {
			struct kriging_place p = { .at = { i % 3, i % 9 / 3 }, .tag = i };     /* the first place twice */

			kriging_offer(&k, around, &n, 8, cases[c].here, &p);
		}
		CU_ASSERT_EQUAL(n, 8);
		CU_ASSERT_TRUE(around[0].distance <= around[7].distance);
		CU_ASSERT_TRUE_FATAL(kriging_weights(&k, around, n, w));
		for (int i = 0; i < n; i++)
			value += w[i] * (2 + 3 * around[i].at[0] - around[i].at[1] + (around[i].at[1] == 2 ? 2 : 0));
		CU_ASSERT_DOUBLE_EQUAL(value, cases[c].value, 1e-4);
		CU_ASSERT_FALSE(kriging_weights(&k, around, 0, w));
	}
}

static bool every_third(const struct op *op)
{
	return op->m % 3 == 0;
}

/* Points made by a law are fitted back to it. */
static void fitting_finds_the_law(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("h100", a, &err);
	struct fit law = { .op = OP_GEMM, .launch_s = 4e-6, .compute = 0.75, .memory = 0.85, .overlap = 0.9, .half_k = 60 }, found = { 0 };
	struct fit_law_report report;
	struct tables_point points[300];
	size_t n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	for (int64_t m = 1; m <= 20; m++)
		for (int64_t w = 1; w <= 15; w++) {
			struct tables_point *p = &points[n++];
			struct op_cost cost;

			*p = (struct tables_point){ .op = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = m * m * 20, .n = w * 768, .k = 512 * ((w * 7) % 15 + 1), .batch = 1 } };
			fit_price(&law, d, &p->op, &cost);
			p->seconds = cost.seconds;
		}
	CU_ASSERT_TRUE_FATAL(fit_law(d, points, n, every_third, &found, &report, &err));
	CU_ASSERT_TRUE(report.tested > 50 && report.fitted + report.tested == n);
	CU_ASSERT_TRUE(report.median < 0.03);
	CU_ASSERT_DOUBLE_EQUAL(found.launch_s, law.launch_s, 1e-6);
	CU_ASSERT_FALSE(fit_law(d, points, 5, every_third, &found, &report, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	arena_free(a);
}

/* A kernel that only waits takes as many cycles at any clock; another vendor's does not follow. */
static void starts_take_as_many_cycles(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *h100 = device_load("h100", a, &err);
	struct op tiny = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 1, .n = 64, .k = 64, .batch = 1 };
	const struct system *system = h100 ? system_for_device(h100, a, &err) : NULL;
	double seconds[3];

	CU_ASSERT_PTR_NOT_NULL_FATAL(system);
	for (int i = 0; i < 3; i++) {
		struct device own = *h100;
		struct sisters_options o = { .device = &own, .system = system, .names = "h200", .stacks = "vllm" };
		struct sisters *s;
		struct op_cost cost;

		own.units.clock_hz *= i > 0 ? 2 : 1;
		own.vendor = i > 1 ? "another" : own.vendor;
		s = sisters_load(&o, a, &err);
		CU_ASSERT_FATAL(s && sisters_law(s, &tiny, "vllm", &cost));
		seconds[i] = cost.seconds;
		sisters_free(s);
	}
	CU_ASSERT_DOUBLE_EQUAL(seconds[1] / seconds[0], 0.5, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(seconds[2] / seconds[0], 1, 0.01);
	arena_free(a);
}

/* Decode over an 8-bit cache by a sister that measured none: less than over a 16-bit one, never by more than the bytes. */
static void narrow_caches_are_cast(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("rtx-pro-6000", a, &err);
	struct sisters_options o = { .device = d, .system = d ? system_for_device(d, a, &err) : NULL, .names = "a100", .stacks = "vllm" };
	struct sisters *s;
	int less = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(o.system);
	s = sisters_load(&o, a, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (int64_t batch = 1; batch <= 256; batch *= 4)
		for (double kv = 64; kv < 40000; kv *= 6) {
			struct op wide = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_BF16, .batch = batch, .heads = 32,
					   .kv_heads = 8, .head_dim = 128, .q_len = 1, .kv_len = kv }, narrow = wide;
			struct op_cost w, n;

			narrow.kv_dtype = DTYPE_FP8;
			CU_ASSERT_FATAL(sisters_op(s, &wide, &w) && sisters_op(s, &narrow, &n));
			CU_ASSERT_TRUE(n.seconds <= w.seconds * (1 + 1e-9) && n.seconds >= 0.5 * w.seconds);
			CU_ASSERT_TRUE(n.seconds >= op_bytes(&narrow) / device_bandwidth(d));
			less += n.seconds < 0.7 * w.seconds;
		}
	CU_ASSERT_TRUE(less > 0);
	sisters_free(s);
	arena_free(a);
}

/* `KIND:none` leaves one kind to the data sheet, whoever else is named. */
static void none_answers_for_a_refused_kind(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("rtx-pro-6000", a, &err);
	struct sisters_options o = { .device = d, .system = d ? system_for_device(d, a, &err) : NULL,
				     .names = "attention_decode:none a100", .stacks = "vllm" };
	struct op decode = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_BF16, .batch = 4, .heads = 32, .kv_heads = 8,
			     .head_dim = 128, .q_len = 1, .kv_len = 1000 };
	struct sisters *s;
	struct op_cost c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(o.system);
	s = sisters_load(&o, a, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_FALSE(sisters_have(s, OP_ATTENTION_DECODE) || sisters_op(s, &decode, &c) || sisters_law(s, &decode, "vllm", &c));
	CU_ASSERT_TRUE(sisters_have(s, OP_ATTENTION_PREFILL));
	sisters_free(s);
	arena_free(a);
}

CU_TestInfo suite_sisters[] = {
	{ "none answers for a refused kind", none_answers_for_a_refused_kind },
	{ "decode over narrow caches that a sister did not measure", narrow_caches_are_cast },
	{ "starts of kernels take as many cycles on either device", starts_take_as_many_cycles },
	{ "more work never takes less", more_work_never_takes_less },
	{ "sisters scale by the data sheet", sisters_scale_by_the_data_sheet },
	{ "kriging keeps what was measured and forgets with distance", kriging_keeps_values_and_forgets },
	{ "fitting finds the law", fitting_finds_the_law },
	CU_TEST_INFO_NULL,
};
