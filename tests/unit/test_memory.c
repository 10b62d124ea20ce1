#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "models/memory.h"
#include "tests/unit/scratch.h"

static const struct memory_limits limits = {
	.capacity_bytes = 640e9, .utilization = 0.9, .max_batch_tokens = 8192, .max_seqs = 256, .block_tokens = 16
};

static const struct model *load(const char *name, struct arena *a)
{
	struct err err = { 0 };
	const struct model *m = model_load(name, a, &err);

	TRUE_FOR(err.text, m != NULL);
	return m;
}

static bool plan(const char *name, const struct placement *p, const struct memory_limits *l, struct memory_plan *out)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct model *m = load(name, a);
	bool ok = m && memory_plan(m, p, l, out, &err);

	TRUE_FOR(err.text, ok);
	arena_free(a);
	return ok;
}

/* Bytes of cache a token: Llama-3-70B 2 * 80 * 8 * 128 * 2 = 320 KiB; DeepSeek-V3 61 * 576 * 2; halves with fp8; one kv head
 * a rank of eight and of sixteen alike; MLA whole on every rank. */
static void cache_bytes_per_token(void)
{
	static const struct {
		const char *name;
		struct placement p;
		double full, windowed;
	} cases[] = {
		{ "llama-3-70b", { .tp = 1 }, 320 * 1024, 0 },
		{ "llama-3-70b", { .tp = 8 }, 40 * 1024, 0 },
		{ "llama-3-70b", { .tp = 16 }, 40 * 1024, 0 },
		{ "llama-3-70b", { .tp = 8, .kv = DTYPE_FP8 }, 20 * 1024, 0 },
		{ "llama-3-70b", { .tp = 2, .pp = 4 }, 40 * 1024, 0 },
		{ "llama-3-70b", { .tp = 8, .cp = 2 }, 20 * 1024, 0 },
		{ "deepseek-v3", { .tp = 8 }, 70272, 0 },
		{ "deepseek-v3", { .dp_attention = 8, .ep = 8 }, 70272, 0 },
		{ "gpt-oss-120b", { .tp = 1 }, 36864, 36864 },
		{ "mistral-7b-v0.1", { .tp = 1 }, 131072, 0 },
		{ "mamba2-2.7b", { .tp = 1 }, 0, 0 },
		{ "jamba-v0.1", { .tp = 2 }, 8192, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct memory_plan m;

		if (!plan(cases[i].name, &cases[i].p, &limits, &m))
			continue;
		TRUE_FOR(cases[i].name, m.kv_bytes_per_token == cases[i].full);
		TRUE_FOR(cases[i].name, m.window_bytes_per_token == cases[i].windowed);
	}
}

/* Weights: 16 bit = 2 bytes a parameter; tensor ranks share all but the norms; formats of a checkpoint are used. */
static void weights_by_format(void)
{
	struct placement one = { 0 }, eight = { .tp = 8 }, fp8 = { .weights = DTYPE_FP8 };
	struct memory_plan m, part;

	if (plan("llama-3-70b", &one, &limits, &m) && plan("llama-3-70b", &eight, &limits, &part)) {
		double norms = 161 * 8192;

		CU_ASSERT_EQUAL(m.weights_bytes, 2 * 70553706496.0);
		CU_ASSERT_EQUAL(part.weights_bytes, 2 * ((70553706496.0 - norms) / 8 + norms));
	}
	/* Embedding and head stay 16 bit: 2 * 2 * 128256 * 8192, norms, too. */
	if (plan("llama-3-70b", &fp8, &limits, &m))
		CU_ASSERT_EQUAL(m.weights_bytes, 70553706496.0 + 2.0 * 128256 * 8192 + 161 * 8192);
	if (plan("gpt-oss-120b", &one, &limits, &m)) /* 114.7e9 of 116.8e9 parameters in 4.25 bits */
		CU_ASSERT(m.weights_bytes > 64e9 && m.weights_bytes < 66e9);
	if (plan("deepseek-v3", &eight, &limits,
		 &m)) /* 671e9 bytes of fp8, 1.85e9 parameters of embedding and head in 16 bit */
		CU_ASSERT(fabs(m.weights_bytes - 85.8e9) < 0.01 * 85.8e9);
}

/* Whole experts a rank, or slices of all of them: the same share either way. */
static void experts_are_shared_out(void)
{
	struct placement whole = { .tp = 8, .ep = 8 }, slices = { .tp = 8 }, ranks = { .dp_attention = 8, .ep = 8 };
	struct memory_plan a, b, c;

	if (plan("qwen3-235b-a22b", &whole, &limits, &a) && plan("qwen3-235b-a22b", &slices, &limits, &b) &&
	    plan("qwen3-235b-a22b", &ranks, &limits, &c)) {
		CU_ASSERT(fabs(a.weights_bytes - b.weights_bytes) < 1);
		CU_ASSERT(c.weights_bytes > a.weights_bytes); /* attention whole on every rank */
	}
}

/* (capacity * utilization - weights - activations - reserved) / (16 tokens * 512 KiB). */
static void blocks_fill_what_is_left(void)
{
	struct memory_limits l = limits;
	struct placement p = { 0 }, dp = { .dp_attention = 4 };
	struct memory_plan m, four;

	l.capacity_bytes = 80e9;
	l.reserved_bytes = 1e9;
	if (plan("llama-2-7b", &p, &l, &m)) {
		double room = 72e9 - m.weights_bytes - m.activation_bytes - 1e9;

		CU_ASSERT_EQUAL(m.block_bytes, 16 * 524288.0);
		CU_ASSERT_EQUAL(m.kv_blocks, (int64_t)(room / m.block_bytes));
		/* residual and input, gate, up and product: 8192 * (2 * 4096 + 3 * 11008) * 2 bytes */
		CU_ASSERT_EQUAL(m.activation_bytes, 8192.0 * (2 * 4096 + 3 * 11008) * 2);
		CU_ASSERT(m.kv_bytes + m.weights_bytes + m.activation_bytes + m.reserved_bytes <= 72e9);
		CU_ASSERT_EQUAL(memory_seq_blocks(&m, 17), 2);
		if (plan("llama-2-7b", &dp, &l, &four))
			CU_ASSERT(four.kv_blocks > 4 * m.kv_blocks && four.kv_blocks % 4 == 0);
		/* A share of what is left, instead of all the memory's. */
		l.utilization = 1;
		l.cache_share = 0.9;
		if (plan("llama-2-7b", &p, &l, &four))
			CU_ASSERT_EQUAL(four.kv_blocks, (int64_t)(0.9 * (room + 8e9) / m.block_bytes));
	}
}

/* gpt-oss-20b: 12 full layers and 12 windowed ones with equal rows: a window of 128 tokens is 8 blocks. Jamba: the state of
 * 28 layers. Mamba: one block is one sequence. */
static void sequences_hold_fixed_blocks(void)
{
	struct placement p = { 0 };
	struct memory_plan m;

	if (plan("gpt-oss-20b", &p, &limits, &m)) {
		CU_ASSERT(m.window_tokens == 128 && m.seq_fixed_blocks == 8);
		CU_ASSERT_EQUAL(memory_seq_blocks(&m, 64), 4 + 4);
		CU_ASSERT_EQUAL(memory_seq_blocks(&m, 1024), 64 + 8);
	}
	if (plan("jamba-v0.1", &p, &limits, &m)) {
		CU_ASSERT_EQUAL(m.state_bytes_per_seq, 28 * (8192.0 * 16 * 4 + 8192.0 * 3 * 2));
		CU_ASSERT_EQUAL(m.seq_fixed_blocks, (int64_t)ceil(m.state_bytes_per_seq / (16 * 16384)));
	}
	if (plan("mamba2-2.7b", &p, &limits, &m)) {
		CU_ASSERT(m.seq_fixed_blocks == 1 && m.block_bytes == m.state_bytes_per_seq);
		CU_ASSERT_EQUAL(memory_seq_blocks(&m, 100000), 1);
	}
}

/* The stage with the head has the least room and decides. */
static void worst_stage_decides(void)
{
	struct memory_limits l = limits;
	struct placement p = { .pp = 2 };
	struct memory_plan m;

	l.capacity_bytes = 80e9;
	if (plan("qwen2.5-32b", &p, &l, &m))
		CU_ASSERT(m.weights_bytes > 32763876352.0 && m.kv_bytes_per_token == 131072);
}

static void says_what_does_not_fit(void)
{
	static const struct {
		const char *name;
		struct memory_limits l;
		const char *says;
	} cases[] = {
		{ "llama-3-70b",
		  { .capacity_bytes = 80e9,
		    .utilization = 0.9,
		    .max_batch_tokens = 8192,
		    .max_seqs = 256,
		    .block_tokens = 16 },
		  "llama-3-70b does not fit: 69107412992 bytes (69.1 GB) too many on a device, because of the "
		  "weights" },
		{ "llama-2-7b",
		  { .capacity_bytes = 16e9,
		    .utilization = 0.9,
		    .max_batch_tokens = 262144,
		    .max_seqs = 256,
		    .block_tokens = 16 },
		  "because of the activations" },
		{ "llama-2-7b",
		  { .capacity_bytes = 16e9,
		    .utilization = 0.9,
		    .max_batch_tokens = 16,
		    .max_seqs = 1,
		    .reserved_bytes = 9e8,
		    .block_tokens = 65536 },
		  "because of the KV cache" },
		{ "llama-2-7b",
		  { .capacity_bytes = 16e9,
		    .utilization = 0.9,
		    .max_batch_tokens = 16,
		    .max_seqs = 1,
		    .reserved_bytes = 3e9,
		    .block_tokens = 16 },
		  "because of the reserved memory" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		const struct model *m = load(cases[i].name, a);
		struct placement p = { 0 };
		struct memory_plan out;
		struct err err = { 0 };

		CU_ASSERT(m && !memory_plan(m, &p, &cases[i].l, &out, &err));
		TRUE_FOR(err.text, strstr(err.text, cases[i].says) != NULL && err.kind == ERR_INPUT);
		arena_free(a);
	}
}

CU_TestInfo suite_memory[] = { { "cache bytes a token", cache_bytes_per_token },
			       { "weights by format", weights_by_format },
			       { "experts are shared out", experts_are_shared_out },
			       { "blocks fill what is left", blocks_fill_what_is_left },
			       { "sequences hold fixed blocks", sequences_hold_fixed_blocks },
			       { "the worst stage decides", worst_stage_decides },
			       { "says what does not fit", says_what_does_not_fit },
			       CU_TEST_INFO_NULL };
