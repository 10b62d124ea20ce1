/* hardware/operator: names, sizes and the work of each kind, against figures computed by hand. */
#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "hardware/operator.h"

#define NEAR(a, b) CU_ASSERT_DOUBLE_EQUAL((a) / (b), 1, 1e-12)

static void names_round_trip(void)
{
	static const struct { const char *text; int is;
	} cases[] = {
		{ "bf16", DTYPE_BF16 },
		{ "BFLOAT16", DTYPE_BF16 },
		{ "half", DTYPE_FP16 },
		{ "e4m3", DTYPE_FP8 },
		{ "nvfp4", DTYPE_FP4 },
		{ "w4a16", DTYPE_INT4_WO },
		{ "fp8_block", DTYPE_FP8_BLOCK },
		{ "fp7", -1 },
		{ "", -1 },
	};

	for (int i = 0; i < DTYPE_COUNT; i++)
		CU_ASSERT_EQUAL(dtype_parse(dtype_names[i]), i);
	CU_ASSERT_PTR_NULL(dtype_names[DTYPE_COUNT]);
	for (int i = 0; i < OP_KIND_COUNT; i++)
		CU_ASSERT_EQUAL(op_kind_parse(op_kind_names[i]), i);
	CU_ASSERT_PTR_NULL(op_kind_names[OP_KIND_COUNT]);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		CU_ASSERT_EQUAL(dtype_parse(cases[i].text), cases[i].is);
	CU_ASSERT_EQUAL(op_kind_parse("gem"), -1);
}

static void stored_sizes(void)
{
	CU_ASSERT_EQUAL(dtype_bytes(DTYPE_BF16), 2);
	CU_ASSERT_EQUAL(dtype_bytes(DTYPE_FP4), 0.5625);        /* 4 bits and a byte per 16 */
	CU_ASSERT_EQUAL(dtype_bytes(DTYPE_MXFP4), 0.53125);     /* 4 bits and a byte per 32 */
	CU_ASSERT_EQUAL(dtype_bytes(DTYPE_FP8_BLOCK), 1 + 4.0 / 16384);
	for (int i = 0; i < DTYPE_COUNT; i++)
		CU_ASSERT_TRUE(dtype_bytes((enum dtype)i) > 0);
}

static void gemm_by_hand(void)
{
	struct op op = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 8, .n = 4096, .k = 1024 };

	NEAR(op_flops(&op), 2.0 * 8 * 4096 * 1024);
	NEAR(op_bytes(&op), 2.0 * (4096 * 1024 + 8 * 1024 + 8 * 4096));
	op.dtype = DTYPE_FP8;                  /* operands of one byte, result of two */
	NEAR(op_bytes(&op), 4096.0 * 1024 + 8 * 1024 + 2 * 8 * 4096);
	op.dtype = DTYPE_INT8_WO;              /* activations stay in 16 bits */
	NEAR(op_bytes(&op), 4096.0 * 1024 + 2 * 8 * 1024 + 2 * 8 * 4096);
	op.batch = 3;
	NEAR(op_flops(&op), 3 * 2.0 * 8 * 4096 * 1024);
}

/* Sum over queries of the keys each sees, one by one. */
static double pairs_one_by_one(int q, int kv, int window)
{
	double sum = 0;

	for (int i = 1; i <= q; i++) {
		int sees = kv - q + i;

		sum += window > 0 && sees > window ? window : sees;
	}
	return sum;
}

static void causal_attention_by_hand(void)
{
	static const struct { int q, kv, window; } cases[] = {
		{ 1, 1, 0 }, { 128, 128, 0 }, { 128, 1000, 0 }, { 1, 1000, 0 }, { 512, 512, 128 }, { 512, 2000, 128 },
		{ 512, 600, 128 }, { 10, 1000, 4096 }, { 300, 400, 250 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct op op = { .kind = OP_ATTENTION_PREFILL,
				 .dtype = DTYPE_BF16,
				 .batch = 2,
				 .heads = 8,
				 .kv_heads = 2,
				 .head_dim = 64,
				 .v_head_dim = 32,
				 .q_len = cases[i].q,
				 .kv_len = cases[i].kv,
				 .window = cases[i].window };

		NEAR(op_flops(&op),
		     2.0 * 2 * 8 * (64 + 32) * pairs_one_by_one(cases[i].q, cases[i].kv, cases[i].window));
	}
}

static void decode_attention_by_hand(void)
{
	struct op op = { .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .batch = 4, .heads = 32, .kv_heads = 8,
			 .head_dim = 128, .q_len = 1, .kv_len = 1000 };
	double queries = 4.0 * 32 * 128 * (2 + 2);

	NEAR(op_flops(&op), 2.0 * 4 * 32 * 256 * 1000);
	NEAR(op_bytes(&op), 4.0 * 1000 * 8 * 256 * 2 + queries);
	op.kv_dtype = DTYPE_FP8;
	NEAR(op_bytes(&op), 4.0 * 1000 * 8 * 256 + queries);
	op.window = 100;
	NEAR(op_flops(&op), 2.0 * 4 * 32 * 256 * 100);
	NEAR(op_bytes(&op), 4.0 * 100 * 8 * 256 + queries);
}

/* DeepSeek: latent 512 + 64 rope. Absorbed scores run over 576 elements and values over 512. */
static void latent_attention_by_hand(void)
{
	struct op op = { .kind = OP_MLA_DECODE,
			 .dtype = DTYPE_BF16,
			 .batch = 2,
			 .heads = 128,
			 .head_dim = 576,
			 .v_head_dim = 512,
			 .k = 576,
			 .kv_len = 4096 };
	double flops = 2.0 * 2 * 128 * (576 + 512) * 4096;

	NEAR(op_flops(&op), flops);
	NEAR(op_bytes(&op), 2.0 * 4096 * 576 * 2 + 2.0 * 128 * (576 * 2 + 512 * 2));
	op.head_dim = 192;                     /* the expanded sizes say the same: rope = 192 - 128 */
	op.v_head_dim = 128;
	NEAR(op_flops(&op), flops);
}

/* One token of top-8 touches 8 of 256 experts; very many tokens touch them all; a device with a quarter of the experts
 * does a quarter of the work. */
static void experts_by_hand(void)
{
	struct op op = { .kind = OP_MOE,
			 .dtype = DTYPE_FP8,
			 .m = 1,
			 .n = 2048,
			 .k = 7168,
			 .experts = 256,
			 .experts_total = 256,
			 .top_k = 8,
			 .gated = true };
	double expert = 3.0 * 2048 * 7168;

	NEAR(op_flops(&op), 2 * 8 * expert);
	NEAR(op_bytes(&op), 8 * expert + 7168.0 * 3);
	op.m = 100000;
	NEAR(op_bytes(&op), 256 * expert + 100000 * 7168.0 * 3);
	op.experts = 64;
	NEAR(op_flops(&op), 2 * 100000.0 * 8 / 4 * expert);
	op.imbalance = 1.5;
	NEAR(op_flops(&op), 1.5 * 2 * 100000.0 * 8 / 4 * expert);
}

static void collectives_by_hand(void)
{
	struct op op = { .kind = OP_ALL_REDUCE, .bytes = 1e6, .devices = 8 };

	NEAR(op_bytes(&op), 2 * 7.0 / 8 * 1e6);
	op.kind = OP_ALL_GATHER;
	NEAR(op_bytes(&op), 7.0 / 8 * 1e6);
	op.kind = OP_SEND_RECV;
	NEAR(op_bytes(&op), 1e6);
	op.kind = OP_ALL_REDUCE;
	op.devices = 1;
	CU_ASSERT_EQUAL(op_bytes(&op), 0);
	CU_ASSERT_EQUAL(op_flops(&op), 0);
}

static void small_operators_by_hand(void)
{
	struct op op = { .kind = OP_NORM, .dtype = DTYPE_BF16, .m = 10, .n = 4096 };

	NEAR(op_bytes(&op), 2.0 * (2 * 10 * 4096 + 4096));
	op.kind = OP_ADD;
	NEAR(op_bytes(&op), 2.0 * 3 * 10 * 4096);
	op.kind = OP_ACTIVATION;
	op.gated = true;                       /* two inputs, one result */
	NEAR(op_bytes(&op), 2.0 * 3 * 10 * 4096);
	op = (struct op){ .kind = OP_SCAN, .dtype = DTYPE_BF16, .m = 5, .batch = 5, .bytes = 1e6, .n = 1000, .k = 100 };
	NEAR(op_flops(&op), 5000);
	NEAR(op_bytes(&op), 5 * 2e6 + 5 * 100 * 2.0);
	op = (struct op){ .kind = OP_HOST, .bytes = 0.001 };
	CU_ASSERT_EQUAL(op_bytes(&op), 0);
}

/* The sum over every rank, which op_experts_touched stands for with fewer points. */
static double touched_one_by_one(int64_t total, int64_t top_k, double skew, int64_t m)
{
	double sum = 0, hit = 0;

	for (int64_t i = 1; i <= total; i++)
		sum += pow((double)i, -skew);
	for (int64_t i = 1; i <= total; i++)
		hit += 1 - pow(1 - fmin((double)top_k * pow((double)i, -skew) / sum, 1), (double)m);
	return hit;
}

static void skewed_experts_equal_the_sum(void)
{
	static const int64_t totals[] = { 8, 16, 17, 60, 128, 256, 384, 4096 }, chosen[] = { 1, 4, 8 }, tokens[] = { 1, 2, 7, 64, 4096 };
	static const double skews[] = { 0.5, 1.2, 2 };

	for (size_t t = 0; t < COUNT_OF(totals); t++)
		for (size_t c = 0; c < COUNT_OF(chosen); c++)
			for (size_t s = 0; s < COUNT_OF(skews); s++)
				for (size_t m = 0; m < COUNT_OF(tokens); m++) {
					struct op op = { .kind = OP_MOE, .m = tokens[m], .experts = totals[t], .experts_total = totals[t],
							 .top_k = chosen[c], .skew = skews[s] };
					double expected = totals[t] == chosen[c] ? (double)totals[t] :
						touched_one_by_one(totals[t], chosen[c], skews[s], tokens[m]);

					CU_ASSERT_DOUBLE_EQUAL(op_experts_touched(&op) / expected, 1, 1e-4);
				}
}

CU_TestInfo suite_operator[] = {
	{ "names round-trip, aliases are known", names_round_trip },
	{ "bytes of a stored element", stored_sizes },
	{ "gemm by hand", gemm_by_hand },
	{ "causal attention equals the sum over queries", causal_attention_by_hand },
	{ "decode attention by hand", decode_attention_by_hand },
	{ "latent attention by hand", latent_attention_by_hand },
	{ "experts by hand", experts_by_hand },
	{ "skewed experts equal the sum over ranks", skewed_experts_equal_the_sum },
	{ "collective bytes by hand", collectives_by_hand },
	{ "small operators by hand", small_operators_by_hand },
	CU_TEST_INFO_NULL
};
