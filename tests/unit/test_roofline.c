/* hardware/roofline, fitted and cost: hard bounds and monotonicity over every device and operator kind, hand figures. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/arena.h"
#include "hardware/casts.h"
#include "hardware/catalog.h"
#include "hardware/cost.h"
#include "hardware/exec.h"
#include "hardware/fitted.h"
#include "hardware/roofline.h"
#include "hardware/submission.h"

static const enum dtype dtypes[] = { DTYPE_BF16,    DTYPE_FP16,    DTYPE_FP8, DTYPE_FP8_BLOCK, DTYPE_INT8,
				     DTYPE_INT8_WO, DTYPE_INT4_WO, DTYPE_FP4, DTYPE_MXFP4 };

/* The operator of a kind at size `step` of a growing series. */
static struct op sized(enum op_kind kind, enum dtype t, int step)
{
	struct op op = { .kind = kind, .dtype = t, .kv_dtype = t == DTYPE_FP8 ? DTYPE_FP8 : DTYPE_BF16 };
	int64_t m = (int64_t)1 << step;

	switch (kind) {
	case OP_GEMM: op.m = m * 3; op.n = 5120; op.k = 4096; break;
	case OP_ATTENTION_PREFILL:
		op.batch = 2;
		op.heads = 32;
		op.kv_heads = 8;
		op.head_dim = 128;
		op.q_len = m * 5;
		break;
	case OP_ATTENTION_DECODE:
		op.batch = 16;
		op.heads = 32;
		op.kv_heads = 8;
		op.head_dim = 128;
		op.q_len = 1;
		op.kv_len = (double)m * 5;
		break;
	case OP_MLA_PREFILL:
		op.batch = 1;
		op.heads = 128;
		op.head_dim = 192;
		op.v_head_dim = 128;
		op.k = 576;
		op.q_len = m * 5;
		break;
	case OP_MLA_DECODE:
		op.batch = 16;
		op.heads = 128;
		op.head_dim = 576;
		op.v_head_dim = 512;
		op.k = 576;
		op.kv_len = (double)m * 5;
		break;
	case OP_MOE:
		op.m = m * 3;
		op.n = 2048;
		op.k = 4096;
		op.experts = 64;
		op.experts_total = 64;
		op.top_k = 6;
		op.gated = true;
		break;
	case OP_SCAN: op.m = m; op.batch = 1; op.n = 100000; op.k = 8192; op.bytes = 1e6; break;
	case OP_CONV: op.m = m; op.n = 4096; op.k = 4; break;
	case OP_HOST_TRANSFER: op.bytes = (double)m * 1e4; break;
	case OP_HOST: op.bytes = (double)m * 1e-6; break;
	default:
		op.m = m;
		op.n = 4096;
		op.k = 1;
		op.bytes = (double)m * 1e4;
		op.devices = 8;
		op.devices_per_node = 8;
		break;
	}
	return op;
}

static bool is_collective(enum op_kind kind)
{
	return kind >= OP_ALL_REDUCE && kind <= OP_BROADCAST;
}

/* Devices with an execution model of their own may keep activations on the chip; weights and cache never. */
static double bytes_floor_s(const struct device *d, const struct op *op)
{
	return d->execution.kind ? exec_floor_s(d, op) : op_bytes(op) / device_bandwidth(d);
}

/* Never faster than the roofline, finite, and never faster for a larger operator. */
static void check_series(const struct cost_model *cm, enum op_kind kind, enum dtype t)
{
	const struct device *d = cost_model_device(cm);
	double last = 0;

	for (int step = 0; step < 16; step++) {
		struct op op = sized(kind, t, step);
		struct op_cost c;
		bool ok;

		cost_op(cm, &op, &c);
		ok = isfinite(c.seconds) && c.seconds > 0 && c.seconds >= last * (1 - 1e-12) && c.rel_error > 0 &&
		     c.provider != PROVIDER_MEASURED;
		if (!is_collective(kind) && kind != OP_HOST && kind != OP_HOST_TRANSFER)
			ok = ok && c.seconds >= op_flops(&op) / device_peak(d, t, NULL) && c.seconds >= bytes_floor_s(d, &op);
		if (!ok)
			printf("%s %s %s step %d: %g s after %g s (%s)\n", d->name, op_kind_names[kind], dtype_names[t],
			       step, c.seconds, last, provider_names[c.provider]);
		CU_ASSERT_TRUE(ok);
		last = c.seconds;
	}
}

static void check_provider(enum provider best)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names = catalog_names("hardware/devices", &count, a, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	for (size_t i = 0; i < count; i++) {
		const struct device *d = device_load(names[i], a, &err);
		struct cost_options options = { .device = d, .best_provider = best };
		struct cost_model *cm;

		CU_ASSERT_PTR_NOT_NULL_FATAL(d);
		if (!d->simulatable)
			continue;
		cm = cost_model_new(&options, &err);
		if (!cm)
			printf("%s\n", err.text);
		CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
		for (int kind = 0; kind < OP_KIND_COUNT; kind++)
			for (size_t t = 0; t < COUNT_OF(dtypes); t++)
				if (kind != OP_HOST)
					check_series(cm, (enum op_kind)kind, dtypes[t]);
		cost_model_free(cm);
	}
	arena_free(a);
}

static void analytic_keeps_the_bounds(void)
{
	check_provider(PROVIDER_ANALYTIC);
}

static void fitted_keeps_the_bounds(void)
{
	check_provider(PROVIDER_FITTED);
}

/* Every m from 1 to 4096: tiles and waves must not make a larger product faster. */
static void gemm_is_monotone_in_every_m(void)
{
	static const char *const devices[] = { "h100", "b200", "a100", "rtx-pro-6000", "tpu-v6e" };
	struct arena *a = arena_new();
	struct err err = { 0 };

	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		struct cost_options options = { .device = device_load(devices[i], a, &err),
						.best_provider = PROVIDER_FITTED };
		struct cost_model *cm = cost_model_new(&options, &err);

		CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
		for (size_t t = 0; t < COUNT_OF(dtypes); t++) {
			struct op op = { .kind = OP_GEMM, .dtype = dtypes[t], .n = 6144, .k = 5120 };
			double last = 0;
			struct op_cost c;

			for (op.m = 1; op.m <= 4096; op.m++) {
				cost_op(cm, &op, &c);
				CU_ASSERT_TRUE(c.seconds >= last);
				last = c.seconds;
			}
		}
		cost_model_free(cm);
	}
	arena_free(a);
}

/* Every chunk length, with and without a window and a cached prefix. */
static void prefill_is_monotone_in_every_length(void)
{
	static const char *const devices[] = { "h100", "b200", "gb300", "l4", "tpu-v6e" };
	static const struct { int64_t window, prior; } cases[] = { { 0, 0 }, { 0, 5000 }, { 300, 0 }, { 128, 77 }, { 4096, 3000 } };
	struct arena *a = arena_new();
	struct err err = { 0 };

	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		struct cost_options options = { .device = device_load(devices[i], a, &err), .best_provider = PROVIDER_FITTED };
		struct cost_model *cm = cost_model_new(&options, &err);

		CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
		for (size_t k = 0; k < COUNT_OF(cases); k++) {
			struct op op = { .kind = OP_ATTENTION_PREFILL, .dtype = DTYPE_BF16, .batch = 1, .heads = 20, .kv_heads = 5,
					 .head_dim = 128, .window = cases[k].window };
			double last = 0;
			struct op_cost c;

			for (op.q_len = 1; op.q_len <= 3000; op.q_len++) {
				op.kv_len = (double)(op.q_len + cases[k].prior);
				cost_op(cm, &op, &c);
				if (c.seconds < last)
					printf("%s window %d prior %d q %d: %g after %g\n", devices[i], (int)op.window,
					       (int)cases[k].prior, (int)op.q_len, c.seconds, last);
				CU_ASSERT_TRUE_FATAL(c.seconds >= last);
				last = c.seconds;
			}
		}
		cost_model_free(cm);
	}
	arena_free(a);
}

/* 4 us + max(2 * 512 * 1000 * 1000 FLOP / (0.5 * 100 TFLOP/s), 4.048 MB / (0.8 * 1 TB/s)) */
static void analytic_by_hand(void)
{
	static const char text[] = "<device name=\"x\" kind=\"cpu\"><peak bf16_tflops=\"100\" source=\"test\"/>"
				   "<memory gib=\"80\" gb_s=\"1000\" source=\"test\"/>"
				   "<efficiency gemm=\"0.5\" memory=\"0.8\" launch_us=\"4\" source=\"test\"/></device>";
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct device d;
	struct op op = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 512, .n = 1000, .k = 1000 };
	struct op_cost c;

	CU_ASSERT_TRUE_FATAL(schema_load_text("test", text, sizeof(text) - 1, &device_element, &d, a, &err));
	roofline_op(&d, &op, &c);
	CU_ASSERT_DOUBLE_EQUAL(c.seconds, 4e-6 + 1.024e9 / 50e12, 1e-12);
	CU_ASSERT_EQUAL(c.bound, BOUND_COMPUTE);
	op.m = 1;
	roofline_op(&d, &op, &c);
	CU_ASSERT_DOUBLE_EQUAL(c.seconds, 4e-6 + 2.0 * (1e6 + 2000) / 0.8e12, 1e-12);
	CU_ASSERT_EQUAL(c.bound, BOUND_LATENCY);
	arena_free(a);
}

/* On GPUs, where nothing was measured: medians over seven fitted devices say what to expect; here only that quantised
 * products carry their quantisation and that attention starts slower than a product. */
static void gpu_habits(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("l4", a, &err);
	struct op product = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 1, .n = 64, .k = 64 }, quantised = product;
	struct op decode = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .heads = 1, .kv_heads = 1, .head_dim = 64, .kv_len = 1 };
	struct op_cost plain, c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	quantised.dtype = DTYPE_FP8;
	roofline_op(d, &product, &plain);
	roofline_op(d, &quantised, &c);
	CU_ASSERT_DOUBLE_EQUAL(c.seconds / plain.seconds, 5.3, 0.08);
	roofline_op(d, &decode, &c);
	CU_ASSERT_TRUE(c.seconds > 3 * plain.seconds);
	CU_ASSERT_EQUAL(c.provider, PROVIDER_ANALYTIC);
	arena_free(a);
}

static void tiles_and_waves_by_hand(void)
{
	struct op op = { .kind = OP_GEMM, .m = 130, .n = 1000, .k = 500 };

	/* 2 x 8 tiles of 128 x 128, fewer than 132 units: split along k, only padding counts. */
	CU_ASSERT_DOUBLE_EQUAL(roofline_padded_flops(&op, 128, 128, 0, 132), 2.0 * 256 * 1024 * 500, 1);
	/* 16 tiles on 10 units: two waves, 20 tiles' time. */
	CU_ASSERT_DOUBLE_EQUAL(roofline_padded_flops(&op, 128, 128, 0, 10), 2.0 * 256 * 1024 * 500 * 20 / 16, 1);
	/* A systolic array pads the depth, too. */
	CU_ASSERT_DOUBLE_EQUAL(roofline_padded_flops(&op, 8, 256, 256, 0), 2.0 * 136 * 1024 * 512, 1);
	CU_ASSERT_DOUBLE_EQUAL(roofline_padded_flops(&op, 0, 0, 0, 0), op_flops(&op), 0);
}

static void the_fitted_law_by_hand(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("h100", a, &err);
	struct fit fit = { .op = OP_GEMM,
			   .dtype = DTYPE_BF16,
			   .launch_s = 3e-6,
			   .compute = 0.8,
			   .memory = 0.9,
			   .overlap = 0.75,
			   .half_k = 100,
			   .rel_error = 0.05 };
	struct op op = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 4096, .n = 4096, .k = 1000 };
	struct op_cost c;
	double compute, memory;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	compute = 2.0 * 4096 * 4096 * 1000 * 1.1 / (0.8 * 989e12);
	memory = 2.0 * (4096 * 1000.0 * 2 + 4096.0 * 4096) / (0.9 * 3350e9);
	fit_price(&fit, d, &op, &c);
	CU_ASSERT_DOUBLE_EQUAL(c.seconds, 3e-6 + compute + 0.25 * memory, 1e-12);
	CU_ASSERT_EQUAL(c.provider, PROVIDER_FITTED);
	CU_ASSERT_EQUAL(c.rel_error, 0.05);
	arena_free(a);
}

static void fits_are_found_by_stack_and_format(void)
{
	static struct fit items[] = {
		{ .op = OP_GEMM, .dtype = DTYPE_BF16, .stack = "trtllm" }, { .op = OP_GEMM, .dtype = DTYPE_BF16, .stack = "vllm" },
		{ .op = OP_GEMM, .dtype = DTYPE_FP8, .stack = "trtllm" },
		{ .op = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_BF16 },
		{ .op = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_FP8 },
	};
	struct fits fits = { .items = items, .count = COUNT_OF(items) };
	struct op op = { .kind = OP_GEMM, .dtype = DTYPE_FP16 };

	CU_ASSERT_PTR_EQUAL(fits_find(&fits, &op, "vllm trtllm"), &items[1]);
	CU_ASSERT_PTR_EQUAL(fits_find(&fits, &op, "sglang"), &items[0]);
	CU_ASSERT_PTR_EQUAL(fits_find(&fits, &op, NULL), &items[0]);
	op.dtype = DTYPE_FP8;
	CU_ASSERT_PTR_EQUAL(fits_find(&fits, &op, "vllm trtllm"), &items[2]);
	op.dtype = DTYPE_INT4_WO;
	CU_ASSERT_PTR_NULL(fits_find(&fits, &op, "vllm"));
	op = (struct op){ .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_FP8 };
	CU_ASSERT_PTR_EQUAL(fits_find(&fits, &op, NULL), &items[4]);
	op.dtype = DTYPE_FP8;
	CU_ASSERT_PTR_EQUAL(fits_find(&fits, &op, NULL), &items[4]);
	op.kv_dtype = DTYPE_INT8;
	CU_ASSERT_PTR_NULL(fits_find(&fits, &op, NULL));
}

/* Points of the public tables that the fits were made from, to catch a change of units or law: within 30 %. */
static void fits_land_near_measurements(void)
{
	static const struct { const char *device; enum dtype t; int64_t m, n, k; double us; } points[] = {
		{ "a100", DTYPE_BF16, 1, 8192, 8192, 88.0 }, { "a100", DTYPE_BF16, 4096, 8192, 8192, 2116 },
		{ "h100", DTYPE_BF16, 1, 8192, 8192, 49.2 }, { "h100", DTYPE_BF16, 1024, 8192, 8192, 191 },
		{ "h100", DTYPE_FP8, 4096, 8192, 8192, 447 }, { "h200", DTYPE_BF16, 64, 8192, 8192, 38.7 },
		{ "b200", DTYPE_BF16, 4096, 8192, 8192, 322 }, { "b200", DTYPE_FP8_BLOCK, 64, 8192, 8192, 20.0 },
		{ "b200", DTYPE_FP4, 16384, 8192, 8192, 681 }, { "gb300", DTYPE_BF16, 256, 8192, 8192, 30.7 },
	};
	struct arena *a = arena_new();
	struct err err = { 0 };

	for (size_t i = 0; i < COUNT_OF(points); i++) {
		struct cost_options options = { .device = device_load(points[i].device, a, &err),
						.best_provider = PROVIDER_FITTED };
		struct cost_model *cm = cost_model_new(&options, &err);
		struct op op = {
			.kind = OP_GEMM, .dtype = points[i].t, .m = points[i].m, .n = points[i].n, .k = points[i].k
		};
		struct op_cost c;

		CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
		cost_op(cm, &op, &c);
		if (fabs(c.seconds * 1e6 / points[i].us - 1) > 0.3)
			printf("%s %s m=%d: %.1f us, measured %.1f\n", points[i].device, dtype_names[points[i].t],
			       (int)op.m, c.seconds * 1e6, points[i].us);
		CU_ASSERT_TRUE(fabs(c.seconds * 1e6 / points[i].us - 1) < 0.3);
		CU_ASSERT_EQUAL(c.provider, PROVIDER_FITTED);
		cost_model_free(cm);
	}
	arena_free(a);
}

/* A device whose memory was made faster must not be answered by tables of the old one. */
static void a_changed_device_is_not_the_measured_one(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("h100", a, &err);
	struct op op = { .kind = OP_ATTENTION_DECODE,
			 .dtype = DTYPE_BF16,
			 .batch = 64,
			 .heads = 32,
			 .kv_heads = 8,
			 .head_dim = 128,
			 .q_len = 1,
			 .kv_len = 4096 };
	struct op_cost before, after;
	struct device faster;
	struct cost_model *cm;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	faster = *d;
	faster.memory.bytes_s *= 2;
	cm = cost_model_new(&(struct cost_options){ .device = d }, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
	cost_op(cm, &op, &before);
	cost_model_free(cm);
	cm = cost_model_new(&(struct cost_options){ .device = &faster }, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
	cost_op(cm, &op, &after);
	cost_model_free(cm);
	CU_ASSERT_TRUE(after.provider != PROVIDER_MEASURED);
	CU_ASSERT_TRUE(after.seconds < 0.75 * before.seconds);
	arena_free(a);
}

static void host_operators(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct cost_model *cm = cost_model_new(&(struct cost_options){ .device = device_load("h100", a, &err) }, &err);
	struct op op = { .kind = OP_HOST, .bytes = 0.002 };
	struct op_cost c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
	cost_op(cm, &op, &c);
	CU_ASSERT_EQUAL(c.seconds, 0.002);
	CU_ASSERT_EQUAL(c.bound, BOUND_HOST);
	op = (struct op){ .kind = OP_HOST_TRANSFER, .bytes = 63e9 };
	cost_op(cm, &op, &c);
	CU_ASSERT_TRUE(c.seconds > 1 && c.seconds < 1.5);
	cost_model_free(cm);
	CU_ASSERT_PTR_NULL(cost_model_new(&(struct cost_options){ .device = device_load("mi430x", a, &err) }, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "device 'mi430x' cannot be simulated"));
	arena_free(a);
}

/* One constant, fitted to Hopper and the larger Blackwells, foretells what these were seen to reach. */
static void the_power_limit_tells_the_share_of_peak(void)
{
	static const struct { const char *device; enum dtype dtype; double seen; } cases[] = {
		{ "a100", DTYPE_BF16, 0.84 }, { "rtx-pro-6000", DTYPE_BF16, 0.84 }, { "rtx-pro-6000", DTYPE_FP8, 0.75 },
		{ "rtx-pro-6000", DTYPE_FP4, 0.62 }, { "b60", DTYPE_BF16, 0.94 },
	};
	struct arena *a = arena_new();
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct device *d = device_load(cases[i].device, a, &err);

		CU_ASSERT_PTR_NOT_NULL_FATAL(d);
		CU_ASSERT_TRUE(fabs(roofline_power_share(d, cases[i].dtype) / cases[i].seen - 1) < 0.08);
	}
	CU_ASSERT_TRUE(isnan(roofline_power_share(device_load("tpu-v6e", a, &err), DTYPE_BF16)));
	arena_free(a);
}

/* Without captured graphs an operator takes the host's time for its kernels or the device's for its work, the longer one. */
static void kernels_are_submitted_one_by_one(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("b60", a, &err), *graphs = device_load("l4", a, &err);
	struct op product = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 1, .n = 64, .k = 64 };
	struct op decode = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_BF16, .batch = 1, .heads = 8, .kv_heads = 8,
			     .head_dim = 128, .q_len = 1, .kv_len = 100 };
	struct device sheet, free_host;
	struct op_cost with, without;

	CU_ASSERT_FATAL(d && graphs);
	sheet = *d;
	sheet.efficiency_count = 0;
	free_host = sheet;
	free_host.submission.kernel_s = 0;
	CU_ASSERT_DOUBLE_EQUAL(submission_s(d, &product), d->submission.kernel_s, 1e-12);
	CU_ASSERT_EQUAL(submission_s(graphs, &product), 0);
	roofline_op(&sheet, &decode, &with);
	CU_ASSERT_DOUBLE_EQUAL(with.seconds, 3 * d->submission.kernel_s, 1e-12);
	CU_ASSERT_EQUAL(with.bound, BOUND_LATENCY);
	product.m = product.n = product.k = 8192;      /* much work hides the host */
	roofline_op(&sheet, &product, &with);
	roofline_op(&free_host, &product, &without);
	CU_ASSERT_EQUAL(with.seconds, without.seconds);
	arena_free(a);
}

/* B60's matrix units take no 8-bit floats: 16,384 tokens of 32 heads over 4 cached ones are widened for every 16 queries,
 * 2 x 32 x 1024 groups x 128 x (16384 - 16368 / 2) values of 6.5 instructions at half of 12.3 TFLOP/s. */
static void narrow_caches_are_widened(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("b60", a, &err), *h100 = device_load("h100", a, &err);
	struct op op = { .kind = OP_ATTENTION_PREFILL, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_FP8, .batch = 1, .heads = 32, .kv_heads = 4,
			 .head_dim = 128, .q_len = 16384, .kv_len = 16384 };
	struct op_cost wide, narrow;
	double last = 0;

	CU_ASSERT_FATAL(d && h100);
	CU_ASSERT_TRUE(casts_fp8(d) && !casts_fp8(h100) && casts_fp8(device_load("a100", a, &err)));
	CU_ASSERT_DOUBLE_EQUAL(cast_seconds(d, &op) / (2.0 * 32 * 1024 * 128 * (16384 - 16368 / 2) * 6.5 / 6.15e12), 1, 1e-9);
	CU_ASSERT_EQUAL(cast_seconds(h100, &op), 0);
	roofline_op(d, &op, &narrow);
	op.kv_dtype = DTYPE_BF16;
	CU_ASSERT_EQUAL(cast_seconds(d, &op), 0);
	roofline_op(d, &op, &wide);
	CU_ASSERT_TRUE(narrow.seconds > 2.5 * wide.seconds && narrow.seconds < 5 * wide.seconds);
	op.kv_dtype = DTYPE_FP8;
	op.window = 300;
	for (op.q_len = 1; op.q_len < 2000; op.q_len++) {
		op.kv_len = (double)op.q_len + 77;
		CU_ASSERT_TRUE(cast_seconds(d, &op) >= last);
		last = cast_seconds(d, &op);
	}
	arena_free(a);
}

/* Prefill loses more to exponentials where matrix units grew faster than they: B200 more than H100 more than A100. */
static void exponentials_beside_faster_products(void)
{
	static const char *const devices[] = { "a100", "h100", "b200" };
	struct op op = { .kind = OP_ATTENTION_PREFILL, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_BF16, .batch = 8, .heads = 32, .kv_heads = 8,
			 .head_dim = 64, .q_len = 16384, .kv_len = 16384 };
	struct arena *a = arena_new();
	struct err err = { 0 };
	double last = 1;

	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		const struct device *d = device_load(devices[i], a, &err);
		struct device sheet;
		struct op_cost c;

		CU_ASSERT_PTR_NOT_NULL_FATAL(d);
		sheet = *d;
		sheet.efficiency_count = 0;
		roofline_op(&sheet, &op, &c);
		CU_ASSERT_TRUE(op_flops(&op) / c.seconds / roofline_peak(d, &op) < 0.95 * last);
		last = op_flops(&op) / c.seconds / roofline_peak(d, &op);
	}
	arena_free(a);
}

/* Blocks of decode that a unit holds at once wait together: many short sequences take that much less, long ones the time of their cache. */
static void blocks_of_decode_wait_together(void)
{
	struct op many = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_BF16, .batch = 2048, .heads = 32, .kv_heads = 8,
			   .head_dim = 128, .q_len = 1, .kv_len = 16 }, far = many;
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("h100", a, &err);
	struct device eight;
	struct op_cost one, all;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	eight = *d;
	eight.units.decode_blocks = 8;
	roofline_op(d, &many, &one);
	roofline_op(&eight, &many, &all);
	CU_ASSERT_TRUE(all.seconds < one.seconds / 3 && all.seconds >= op_bytes(&many) / device_bandwidth(d));
	far.batch = 8;
	far.kv_len = 65536;
	roofline_op(d, &far, &one);
	roofline_op(&eight, &far, &all);
	CU_ASSERT_TRUE(all.seconds <= one.seconds && all.seconds > 0.99 * one.seconds);
	arena_free(a);
}

/* What a stack says of its kernels: norms at another share of the stream, caches of 8 bits as fast as those of 16, products that quantise
 * nothing: what they save is the traffic of doing so, on narrow formats alone. */
static void kernels_of_a_stack(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct stack fast = { .tables = "trtllm vllm", .norm_share = 1, .narrow_streams = true, .narrow_operands = true, .expert_share = 0.5 }, usual = { .tables = "trtllm vllm" };
	struct op norm = { .kind = OP_NORM, .dtype = DTYPE_BF16, .m = 65536, .n = 8192 };
	struct op decode = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_FP8, .batch = 64, .heads = 64, .kv_heads = 8,
			     .head_dim = 128, .q_len = 1, .kv_len = 2048 };
	struct op half = decode, experts = { .kind = OP_MOE, .dtype = DTYPE_FP4, .m = 512, .n = 768, .k = 2048, .experts = 128, .experts_total = 128, .top_k = 8, .gated = true };
	struct op product = { .kind = OP_GEMM, .dtype = DTYPE_FP8, .m = 4096, .n = 8192, .k = 28672 };
	const char *const devices[] = { "h200", "b200" };

	half.kv_dtype = DTYPE_BF16;
	half.kv_len = 1024;
	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		const struct device *d = device_load(devices[i], a, &err);
		struct cost_model *with = cost_model_new(&(struct cost_options){ .device = d, .stack = &fast }, &err);
		struct cost_model *without = cost_model_new(&(struct cost_options){ .device = d, .stack = &usual }, &err);
		struct op_cost w, wo, h;

		CU_ASSERT_PTR_NOT_NULL_FATAL(with);
		CU_ASSERT_PTR_NOT_NULL_FATAL(without);
		cost_op(with, &norm, &w);
		cost_op(without, &norm, &wo);
		CU_ASSERT_DOUBLE_EQUAL(w.seconds / wo.seconds, 0.5, 0.02);
		product.dtype = DTYPE_FP8;
		cost_op(with, &product, &w);
		cost_op(without, &product, &wo);
		CU_ASSERT_TRUE(wo.seconds - w.seconds > 7.5 * 4096 * 28672 / device_bandwidth(d));
		CU_ASSERT_TRUE(wo.seconds - w.seconds < 10.5 * 4096 * 28672 / device_bandwidth(d) + 20e-6);
		product.dtype = DTYPE_BF16;
		cost_op(with, &product, &w);
		cost_op(without, &product, &wo);
		CU_ASSERT_DOUBLE_EQUAL(w.seconds, wo.seconds, 1e-12);
		cost_op(with, &decode, &w);
		cost_op(without, &decode, &wo);
		cost_op(without, &half, &h);
		if (i == 0) {                  /* tables of vLLM alone */
			CU_ASSERT_DOUBLE_EQUAL(w.seconds / h.seconds, 1, 0.01);       /* twice the arithmetic draws more power */
			CU_ASSERT_TRUE(w.seconds < 0.8 * wo.seconds);
			CU_ASSERT_TRUE(w.rel_error > h.rel_error);
		} else {                       /* its own */
			CU_ASSERT_DOUBLE_EQUAL(w.seconds, wo.seconds, 1e-12);
			cost_op(with, &experts, &w);
			cost_op(without, &experts, &wo);
			CU_ASSERT_DOUBLE_EQUAL(w.seconds / wo.seconds, 2, 0.01);
			experts.dtype = DTYPE_FP8;     /* only 4-bit ones */
			cost_op(with, &experts, &w);
			cost_op(without, &experts, &wo);
			CU_ASSERT_DOUBLE_EQUAL(w.seconds, wo.seconds, 1e-12);
		}
		cost_model_free(with);
		cost_model_free(without);
	}
	arena_free(a);
}

/* Routers in 32 bits: seconds as measured on GB200 (roofline.c), less some 2 us for the cast; and no product in 32 bits takes less
 * than its 16-bit table says. */
static void wide_products(void)
{
	static const struct { enum dtype dtype; int64_t m; double low_s, high_s; } measured[] = {
		{ DTYPE_FP32, 8, 14e-6, 20e-6 }, { DTYPE_FP32, 16, 16e-6, 22e-6 }, { DTYPE_FP32, 32, 54e-6, 63e-6 }, { DTYPE_FP32, 128, 54e-6, 69e-6 },
		{ DTYPE_TF32, 8, 10e-6, 13e-6 }, { DTYPE_TF32, 16, 10e-6, 13e-6 }, { DTYPE_TF32, 32, 17e-6, 20e-6 }, { DTYPE_TF32, 128, 17e-6, 20e-6 },
	};
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = device_load("gb200", a, &err);
	struct stack vllm = { .tables = "vllm trtllm" };
	struct cost_model *cm = cost_model_new(&(struct cost_options){ .device = d, .stack = &vllm }, &err);
	struct op_cost wide, narrow;

	CU_ASSERT_PTR_NOT_NULL_FATAL(cm);
	for (size_t i = 0; i < COUNT_OF(measured); i++) {
		struct op op = { .kind = OP_GEMM, .dtype = measured[i].dtype, .m = measured[i].m, .n = 256, .k = 6144 };

		cost_op(cm, &op, &wide);
		op.dtype = DTYPE_BF16;
		cost_op(cm, &op, &narrow);
		CU_ASSERT(wide.seconds >= measured[i].low_s && wide.seconds <= measured[i].high_s);
		CU_ASSERT(wide.seconds >= narrow.seconds);
	}
	cost_model_free(cm);
	arena_free(a);
}

CU_TestInfo suite_roofline[] = {
	{ "wide products", wide_products },
	{ "what a stack says of its kernels", kernels_of_a_stack },
	{ "kernels are submitted one by one", kernels_are_submitted_one_by_one },
	{ "narrow caches are widened", narrow_caches_are_widened },
	{ "exponentials beside faster products", exponentials_beside_faster_products },
	{ "blocks of decode wait together", blocks_of_decode_wait_together },
	{ "the power limit tells the share of peak", the_power_limit_tells_the_share_of_peak },
	{ "analytic: bounds and monotone over all devices and kinds", analytic_keeps_the_bounds },
	{ "fitted: bounds and monotone over all devices and kinds", fitted_keeps_the_bounds },
	{ "gemm is monotone in every m", gemm_is_monotone_in_every_m },
	{ "prefill is monotone in every length", prefill_is_monotone_in_every_length },
	{ "the analytic law by hand", analytic_by_hand },
	{ "habits of GPU kernels", gpu_habits },
	{ "tiles and waves by hand", tiles_and_waves_by_hand },
	{ "the fitted law by hand", the_fitted_law_by_hand },
	{ "fits are found by stack and format", fits_are_found_by_stack_and_format },
	{ "fits land near measurements", fits_land_near_measurements },
	{ "a changed device is not the measured one", a_changed_device_is_not_the_measured_one },
	{ "host operators", host_operators },
	CU_TEST_INFO_NULL
};
