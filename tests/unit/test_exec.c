/* hardware/exec: each execution model against arithmetic worked out by hand on a device with round figures. */
#include <math.h>
#include <stdio.h>

#include <CUnit/CUnit.h>

#include "base/str.h"
#include "hardware/catalog.h"
#include "hardware/exec.h"

static int kind_named(const char *name)
{
	for (int i = 0; exec_kind_names[i]; i++)
		if (text_equal(exec_kind_names[i], name))
			return i;
	return -1;
}

/* 100 TFLOP/s, 1 TB/s, every share 0.5, launches of 2 us. */
static struct device plain(const char *kind)
{
	static struct device_efficiency half = { .dtype = DTYPE_NONE, .gemm = 0.5, .attention_prefill = 0.5, .attention_decode = 0.5,
						 .memory = 0.5, .launch_s = 2e-6 };
	struct device d = { .name = "made-up", .kind = DEVICE_MTIA, .simulatable = true };

	for (int t = 0; t < DTYPE_COUNT; t++)
		d.peak.flop_s[t] = NAN;
	d.peak.flop_s[DTYPE_BF16] = d.peak.flop_s[DTYPE_FP16] = 100e12;
	d.peak.flop_s[DTYPE_FP32] = 10e12;
	d.memory.bytes = 64e9;
	d.memory.bytes_s = 1e12;
	d.memory2.bytes = 1e12;
	d.memory2.bytes_s = 0.1e12;
	d.efficiencies = &half;
	d.efficiency_count = 1;
	d.execution.kind = kind_named(kind);
	CU_ASSERT_TRUE(d.execution.kind > 0);
	return d;
}

static struct op gemm(int64_t m, int64_t n, int64_t k)
{
	return (struct op){ .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = m, .n = n, .k = k };
}

static double seconds_of(const struct device *d, const struct op *op)
{
	struct op_cost c = { 0 };

	CU_ASSERT_TRUE(exec_price(d, op, &c));
	CU_ASSERT_TRUE(c.seconds >= exec_floor_s(d, op) * (1 - 1e-12));
	CU_ASSERT_EQUAL(c.provider, PROVIDER_ANALYTIC);
	return c.seconds;
}

#define NEAR(a, b) CU_ASSERT_DOUBLE_EQUAL((a) / (b), 1, 1e-9)

static void traffic_adds_up(void)
{
	for (int kind = 0; kind < OP_KIND_COUNT; kind++) {
		struct op op = { .kind = (enum op_kind)kind, .dtype = DTYPE_BF16, .m = 7, .n = 300, .k = 200, .batch = 3, .heads = 8,
				 .kv_heads = 2, .head_dim = 64, .q_len = kind == OP_ATTENTION_PREFILL ? 5 : 1, .kv_len = 90, .experts = 4,
				 .experts_total = 8, .top_k = 2, .gated = true, .bytes = 1000, .devices = 4 };
		struct op_traffic t;

		op_traffic(&op, &t);
		CU_ASSERT_DOUBLE_EQUAL(t.weights + t.cache + t.activations, op_bytes(&op), 1e-6);
		CU_ASSERT_TRUE(t.weights >= 0 && t.cache >= 0 && t.activations >= 0);
	}
}

static void systolic_pads_to_the_array(void)
{
	struct device d = plain("systolic");
	struct op op = gemm(5, 300, 100), decode = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .batch = 2, .heads = 8, .kv_heads = 2,
						    .head_dim = 64, .q_len = 1, .kv_len = 100 };

	d.units.tile_m = 8, d.units.tile_n = 256, d.units.tile_k = 128;
	CU_ASSERT_EQUAL(exec_padded_flops(&d, &op), 2.0 * 8 * 512 * 128);
	d.execution.load_rows = 64;            /* a tile of weights takes 64 rows to load */
	CU_ASSERT_EQUAL(exec_padded_flops(&d, &op), 2.0 * 64 * 512 * 128);
	d.execution.load_rows = 0;
	/* Four queries share a cached head: 8 rows x (64 -> 128) x (100 -> 256), then 8 x (100 -> 128) x (64 -> 256). */
	CU_ASSERT_EQUAL(exec_padded_flops(&d, &decode), 2 * 2 * (2.0 * 8 * 128 * 256 + 2.0 * 8 * 128 * 256));
	op = gemm(4096, 4096, 4096);
	NEAR(seconds_of(&d, &op), 2e-6 + 2 * pow(4096, 3) / 50e12);
	op = gemm(8, 8192, 8192);
	NEAR(seconds_of(&d, &op), 2e-6 + (2.0 * 8192 * 8192 + 2 * 2 * 8 * 8192) / 0.5e12);
}

static void shapes_are_compiled(void)
{
	struct execution e = { .bucket_tokens = 16, .bucket_context = 128 };
	struct op op = gemm(17, 1, 1), decode = { .kind = OP_ATTENTION_DECODE, .kv_len = 129 },
		  prefill = { .kind = OP_ATTENTION_PREFILL, .q_len = 100, .kv_len = 150 };

	CU_ASSERT_EQUAL(exec_bucketed(&e, &op).m, 32);
	op.m = 3;
	CU_ASSERT_EQUAL(exec_bucketed(&e, &op).m, 16);
	CU_ASSERT_EQUAL(exec_bucketed(&e, &decode).kv_len, 256);
	CU_ASSERT_EQUAL(exec_bucketed(&e, &prefill).q_len, 128);
	CU_ASSERT_EQUAL(exec_bucketed(&e, &prefill).kv_len, 178);
	/* Blocks of a cache: multiples, and of what attention reads alone. */
	e = (struct execution){ .block_context = 128 };
	decode.kv_len = 2049;
	CU_ASSERT_EQUAL(exec_bucketed(&e, &decode).kv_len, 2176);
	decode.kv_len = 2176;
	CU_ASSERT_EQUAL(exec_bucketed(&e, &decode).kv_len, 2176);
	CU_ASSERT_EQUAL(exec_bucketed(&e, &prefill).kv_len, 150);
	CU_ASSERT_EQUAL(exec_bucketed(&e, &op).m, 3);
	e = (struct execution){ 0 };
	CU_ASSERT_EQUAL(exec_bucketed(&e, &op).m, 3);
}

/* A layer is one kernel that its mixer opens; activations stay inside; overflowing weights come from the next tier. */
static void dataflow_fuses_layers(void)
{
	struct device d = plain("dataflow");
	struct op op = gemm(64, 4096, 4096), norm = { .kind = OP_NORM, .dtype = DTYPE_BF16, .m = 64, .n = 4096 };
	struct op decode = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .batch = 4, .heads = 8, .kv_heads = 8, .head_dim = 128,
			     .q_len = 1, .kv_len = 1000 };
	struct op_cost c = { 0 };

	d.execution.fusion = FUSION_LAYER;
	NEAR(seconds_of(&d, &op), 2.0 * 4096 * 4096 / 0.5e12);
	CU_ASSERT_TRUE(exec_price(&d, &norm, &c));
	CU_ASSERT_EQUAL(c.bytes, 0);
	NEAR(c.seconds, 4.0 * 64 * 4096 / 10e12);
	NEAR(seconds_of(&d, &decode), 2e-6 + 4 * 1000 * 8 * 256 * 2.0 / 0.5e12);
	op.far = 0.25;                         /* a quarter over the tenth of the rate takes longest */
	NEAR(seconds_of(&d, &op), 0.25 * 2 * 4096 * 4096 / 0.085e12);
	op.far_ways = 4;                       /* four devices fetch at once: no longer the bound */
	NEAR(seconds_of(&d, &op), 0.75 * 2.0 * 4096 * 4096 / 0.5e12);
	op.far_ways = 0;
	d.execution.fusion = FUSION_NONE;
	op.far = 0;
	NEAR(seconds_of(&d, &op), 2e-6 + (2.0 * 4096 * 4096 + 4.0 * 64 * 4096) / 0.5e12);
}

/* Weights enter the planes at a fifth of the memory's rate: a batch of one is paced by that. */
static void lpu_is_paced_by_loading(void)
{
	struct device d = plain("sram-pipeline");
	struct op op = gemm(1, 4096, 4096);

	d.execution.fusion = FUSION_CHIP;
	d.execution.load_bytes_s = 0.1e12;
	d.execution.depth_s = 1e-6;
	NEAR(seconds_of(&d, &op), 1e-6 + 2.0 * 4096 * 4096 / 0.1e12);
	op.region = 0.5;                       /* half of the device works on it */
	NEAR(seconds_of(&d, &op), 1e-6 + 2.0 * 4096 * 4096 / 0.05e12);
}

/* 10,000 cores, a quarter of them for a layer: a side of 50. Spread and add: 2 x 50 hops, 2 x sqrt(50) additions. */
static void wafer_counts_hops(void)
{
	struct device d = plain("wafer");
	struct op op = gemm(1, 64, 64), norm = { .kind = OP_NORM, .dtype = DTYPE_BF16, .m = 1, .n = 64 };

	d.units.count = 10000;
	d.memory.bytes_s = 1e18;
	d.peak.flop_s[DTYPE_BF16] = d.peak.flop_s[DTYPE_FP16] = d.peak.flop_s[DTYPE_FP32] = 1e21;
	d.execution.fusion = FUSION_CHIP;
	d.execution.hop_s = 1e-9;
	d.execution.add_s = 10e-9;
	op.region = norm.region = 0.25;
	CU_ASSERT_DOUBLE_EQUAL(seconds_of(&d, &op), 100e-9 + 2 * sqrt(50) * 10e-9, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(seconds_of(&d, &norm), 100e-9 + 2 * sqrt(50) * 10e-9, 1e-12);
}

/* Compute, two barriers and the exchange follow each other; tiles left over make a wave of their own. */
static void bsp_adds_its_phases(void)
{
	struct device d = plain("bsp");
	struct op op = gemm(1, 150, 1);
	double whole;

	d.execution.fusion = FUSION_CHIP;
	d.execution.sync_s = 1e-6;
	d.units.count = 100;
	whole = seconds_of(&d, &op);
	NEAR(whole, 2e-6 + fmax(2.0 * 150 / 50e12 * (200.0 / 150), 150.0 * 2 / 0.5e12));
	d.execution.noc_bytes_s = 100e9;       /* 1 GB/s a tile; the grid is 100 x 1: operand 2 bytes, sums 600 / 100 bytes */
	NEAR(seconds_of(&d, &op), whole + (2 + 600.0 / 100) / 1e9);
}

static void tensix_deals_tiles(void)
{
	struct device d = plain("tensix");
	struct op even = gemm(32, 32 * 64, 8192), over = gemm(32, 32 * 65, 8192);

	d.memory.bytes_s = 1e18;
	d.units.count = 64;
	d.units.tile_m = d.units.tile_n = d.units.tile_k = 32;
	NEAR(seconds_of(&d, &even), 2e-6 + 2.0 * 32 * 2048 * 8192 / 50e12);
	NEAR(seconds_of(&d, &over), 2e-6 + 2 * (2.0 * 32 * 2048 * 8192 / 50e12));      /* two waves for 65 tiles */
}

/* One tile of rows: the cores beside the banks multiply what they read, and hold up the memory when they are too few. */
static void tensix_banks_multiply(void)
{
	struct device d = plain("tensix");
	struct op op = gemm(32, 4096, 4096);
	double flops = 2.0 * 32 * 4096 * 4096, weights = 2.0 * 4096 * 4096;

	d.execution.activations_on_chip = true;
	d.units.count = 64;
	d.units.tile_m = d.units.tile_n = d.units.tile_k = 32;
	d.execution.bank_cores = 32;
	NEAR(seconds_of(&d, &op), 2e-6 + weights / 0.5e12);                            /* memory: 67 us; arithmetic: 23 us */
	d.execution.bank_cores = 8;
	d.execution.interleaved = 0.25;
	NEAR(seconds_of(&d, &op), 2e-6 + flops / (100e12 * 8 / 64 * 0.93));
	d.execution.interleaved = 0.4;         /* dealt over all cores it is faster then: 84 us against 92 */
	NEAR(seconds_of(&d, &op), 2e-6 + weights / 0.4e12);
	op.m = 33;                             /* two tiles of rows have no other way */
	d.execution.bank_cores = 32;
	NEAR(seconds_of(&d, &op), 2e-6 + weights / 0.4e12);
}

/* Block floating point of 8 bits: 17 bytes for 16 values, of weights and of the cache. */
static void blocks_share_exponents(void)
{
	struct device d = plain("tensix");
	struct op op = gemm(1, 4096, 4096), decode = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .kv_dtype = DTYPE_FP8, .batch = 1, .heads = 8,
						       .kv_heads = 8, .head_dim = 128, .q_len = 1, .kv_len = 100000 };
	double plain_s, cache_s;

	d.peak.flop_s[DTYPE_FP8] = 200e12;
	d.execution.activations_on_chip = true;
	op.dtype = DTYPE_FP8;
	plain_s = seconds_of(&d, &op), cache_s = seconds_of(&d, &decode);
	d.execution.shared_exponent = 16;
	NEAR(seconds_of(&d, &op) - 2e-6, (plain_s - 2e-6) * 17 / 16);
	NEAR(seconds_of(&d, &decode) - 2e-6, (cache_s - 2e-6) * 17 / 16);
}

static void cpu_waits_at_barriers(void)
{
	struct device d = plain("cpu");
	struct op op = gemm(1, 4096, 4096);

	d.execution.sync_s = 3e-6;
	d.sram.bytes = 1e9;
	d.sram.bytes_s = 4e12;
	d.execution.activations_on_chip = true;
	NEAR(seconds_of(&d, &op), 5e-6 + 2.0 * 4096 * 4096 / 0.5e12);
	op.near = 1;                           /* weights from the caches */
	NEAR(seconds_of(&d, &op), 5e-6 + (2.0 * 4096 * 4096 + 4 * 4096) / 4e12);
}

/* Cores that take a tensor rank each read a cached head that they share once each. */
static void shared_heads_are_read_by_each_core(void)
{
	struct device d = plain("systolic");
	struct op decode = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .batch = 64, .heads = 4, .kv_heads = 1, .head_dim = 128,
			     .q_len = 1, .kv_len = 10000 };
	double one = seconds_of(&d, &decode), two;

	d.execution.ranks = 2;
	two = seconds_of(&d, &decode);
	CU_ASSERT_TRUE(two > 1.9 * one && two < 2 * one);
}

static void catalog_devices_have_models(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count, with = 0;
	const char *const *names = catalog_names("hardware/devices", &count, a, &err);

	for (size_t i = 0; names && i < count; i++) {
		const struct device *d = device_load(names[i], a, &err);

		CU_ASSERT_PTR_NOT_NULL_FATAL(d);
		with += d->execution.kind > 0;
		/* Whatever is not a GPU says how it works. */
		CU_ASSERT_TRUE(d->kind == DEVICE_GPU || d->execution.kind > 0);
		CU_ASSERT_TRUE(d->execution.kind < EXEC_KIND_COUNT);
		if (d->execution.kind)
			CU_ASSERT_STRING_EQUAL(exec_kinds[d->execution.kind]->name, exec_kind_names[d->execution.kind]);
	}
	CU_ASSERT_TRUE(with >= 25);
	arena_free(a);
}

CU_TestInfo suite_exec[] = {
	{ "traffic by kind adds up to all bytes", traffic_adds_up },
	{ "systolic arrays pad", systolic_pads_to_the_array },
	{ "compiled shapes", shapes_are_compiled },
	{ "dataflow fuses layers", dataflow_fuses_layers },
	{ "an LPU is paced by loading weights", lpu_is_paced_by_loading },
	{ "a wafer counts hops", wafer_counts_hops },
	{ "BSP adds its phases", bsp_adds_its_phases },
	{ "Tensix deals tiles", tensix_deals_tiles },
	{ "cores beside the banks multiply", tensix_banks_multiply },
	{ "blocks share exponents", blocks_share_exponents },
	{ "a CPU waits at barriers", cpu_waits_at_barriers },
	{ "shared heads are read by each core", shared_heads_are_read_by_each_core },
	{ "every device that is not a GPU has a model", catalog_devices_have_models },
	CU_TEST_INFO_NULL
};
