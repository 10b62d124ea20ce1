#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "models/graph.h"
#include "models/tensors.h"
#include "tests/unit/scratch.h"

static const struct model *load(const char *name, struct arena *a)
{
	struct err err = { 0 };
	const struct model *m = model_load(name, a, &err);

	TRUE_FOR(err.text, m != NULL);
	return m;
}

enum part { PART_WEIGHTS, PART_ATTENTION, PART_ALL };

static bool counts(enum op_kind kind, enum part part)
{
	bool weights = kind == OP_GEMM || kind == OP_MOE;
	bool attention = kind == OP_ATTENTION_PREFILL || kind == OP_ATTENTION_DECODE || kind == OP_MLA_PREFILL ||
			 kind == OP_MLA_DECODE;

	return part == PART_ALL || (part == PART_WEIGHTS && weights) || (part == PART_ATTENTION && attention);
}

/* FLOPs of an iteration on one rank, over all stages. */
static double flops(const struct model *m, const struct placement *p, const struct extent *x, enum part part,
		    struct arena *a)
{
	double sum = 0;

	for (int stage = 0; stage < (p->pp > 1 ? p->pp : 1); stage++) {
		struct err err = { 0 };
		struct graph g;

		TRUE_FOR(err.text, graph_build(m, p, NULL, stage, &g, a, &err));
		for (size_t i = 0; err.kind == ERR_NONE && i < g.count; i++) {
			struct op op;

			if (counts(g.nodes[i].op.kind, part) && graph_op(&g.nodes[i], x, &op))
				sum += g.nodes[i].count * op_flops(&op);
		}
	}
	return sum;
}

static bool same(double a, double b)
{
	if (fabs(a - b) > 1e-9 * fabs(b))
		fprintf(stderr, "got %.12g, expected %.12g\n", a, b);
	return fabs(a - b) <= 1e-9 * fabs(b);
}

/* Llama-2-7B, 64 sequences of 1,000 cached tokens decode and one prompt of 512 after 256 cached is read, all 576 tokens'
 * weights: 2 * 576 * (32 * (4 * 4096^2 + 3 * 4096 * 11008)), the head for 65 tokens: 2 * 65 * 32000 * 4096, attention:
 * 4 * 32 * 128 * 32 heads-widths-layers times (64 * 1000 + 512 * 256 + 512 * 513 / 2) pairs. */
static void llama_2_7b_by_hand(void)
{
	struct arena *a = arena_new();
	const struct model *m = load("llama-2-7b", a);
	const struct extent x = { .tokens = 576,
				  .prefill_tokens = 512,
				  .decodes = 64,
				  .logits = 65,
				  .context = 64000,
				  .chunk = 512,
				  .prior = 256 };
	struct placement p = { 0 };
	double weights = 2.0 * 576 * 32 * (4.0 * 4096 * 4096 + 3.0 * 4096 * 11008) + 2.0 * 65 * 32000 * 4096;
	double attention = 4.0 * 32 * 128 * 32 * (64000.0 + 512.0 * 256 + 512.0 * 513 / 2);

	if (m) {
		CU_ASSERT(same(flops(m, &p, &x, PART_WEIGHTS, a), weights));
		CU_ASSERT(same(flops(m, &p, &x, PART_ATTENTION, a), attention));
	}
	arena_free(a);
}

struct matrices {
	double elements;
};

static void add_matrix(const struct tensor *t, void *ctx)
{
	struct matrices *s = ctx;

	if (t->matrix)
		s->elements += t->rows * t->cols * t->active;
}

/* For every model of the catalog: GEMM and expert FLOPs of T decoded tokens are twice T times the weights that a token
 * meets, read off the tensor list. Nothing is forgotten, nothing counted twice. */
static void every_weight_is_multiplied_once(void)
{
	struct arena *names_arena = arena_new();
	struct err err = { 0 };
	size_t count = 0;
	const char *const *names = model_names(&count, names_arena, &err);
	const double tokens = 48;
	const struct extent x = { .tokens = tokens, .decodes = tokens, .logits = tokens, .context = 100 * tokens };
	struct placement p = { 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	for (size_t i = 0; i < count; i++) {
		struct arena *a = arena_new();
		const struct model *m = load(names[i], a);
		struct matrices s = { 0 };

		if (m) {
			embedding_tensors(m, add_matrix, &s);
			head_tensors(m, add_matrix, &s);
			for (int64_t k = 0; k < m->shape.layers; k++) {
				struct layer l;

				model_layer(m, k, &l);
				layer_tensors(m, &l, add_matrix, &s);
			}
			TRUE_FOR(names[i], same(flops(m, &p, &x, PART_WEIGHTS, a), 2 * tokens * s.elements));
		}
		arena_free(a);
	}
	arena_free(names_arena);
}

/* Pipeline stages share the layers: their work adds up to that of one stage, for even and uneven splits. */
static void stages_add_up(void)
{
	static const char *const names[] = { "llama-2-7b",  "deepseek-v3", "gemma-3-27b", "jamba-v0.1", "gpt-oss-20b",
					     "mamba2-2.7b", "rwkv7-1.5b",  "opt-350m",    "falcon-7b" };
	const struct extent x = { .tokens = 300,
				  .prefill_tokens = 256,
				  .decodes = 44,
				  .logits = 45,
				  .context = 44000,
				  .chunk = 256,
				  .prior = 512 };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct arena *a = arena_new();
		const struct model *m = load(names[i], a);

		for (int64_t pp = 2; m && pp <= 7; pp++) {
			struct placement one = { 0 }, many = { .pp = pp };

			TRUE_FOR(names[i], same(flops(m, &many, &x, PART_ALL, a), flops(m, &one, &x, PART_ALL, a)));
		}
		arena_free(a);
	}
}

/* Tensor ranks that divide everything: `tp` times one rank's GEMMs and attention is the whole. */
static void tensor_ranks_add_up(void)
{
	static const char *const names[] = { "llama-2-7b", "llama-3-70b", "qwen3-32b", "gpt3-175b", "gemma-2-27b" };
	const struct extent x = {
		.tokens = 300, .prefill_tokens = 256, .decodes = 44, .context = 44000, .chunk = 256, .prior = 512
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct arena *a = arena_new();
		const struct model *m = load(names[i], a);

		for (int64_t tp = 2; m && tp <= 8; tp *= 2) {
			struct placement one = { 0 }, many = { .tp = tp };

			for (int part = PART_WEIGHTS; part <= PART_ATTENTION; part++)
				TRUE_FOR(names[i], same((double)tp * flops(m, &many, &x, (enum part)part, a),
							flops(m, &one, &x, (enum part)part, a)));
		}
		arena_free(a);
	}
}

/* Context ranks, attention ranks and expert ranks take equal shares of what they share. */
static void other_ranks_add_up(void)
{
	struct arena *a = arena_new();
	const struct model *llama = load("llama-3-70b", a), *deepseek = load("deepseek-v3", a),
			   *qwen = load("qwen3-30b-a3b", a);
	const struct extent x = { .tokens = 512,
				  .prefill_tokens = 448,
				  .decodes = 64,
				  .logits = 64,
				  .context = 64000,
				  .chunk = 448,
				  .prior = 1024 };
	struct placement one = { 0 };

	if (!llama || !deepseek || !qwen) {
		arena_free(a);
		return;
	}
	for (int64_t n = 2; n <= 4; n *= 2) {
		struct placement cp = { .cp = n }, dp = { .dp_attention = n, .ep = n }, slices = { .dp_attention = n },
				 ep = { .tp = n, .ep = n };
		double r = (double)n;

		CU_ASSERT(same(r * flops(llama, &cp, &x, PART_WEIGHTS, a), flops(llama, &one, &x, PART_WEIGHTS, a)));
		CU_ASSERT(
			same(r * flops(llama, &cp, &x, PART_ATTENTION, a), flops(llama, &one, &x, PART_ATTENTION, a)));
		CU_ASSERT(same(r * flops(deepseek, &dp, &x, PART_WEIGHTS, a),
			       flops(deepseek, &one, &x, PART_WEIGHTS, a)));
		CU_ASSERT(same(r * flops(deepseek, &dp, &x, PART_ATTENTION, a),
			       flops(deepseek, &one, &x, PART_ATTENTION, a)));
		CU_ASSERT(same(r * flops(qwen, &slices, &x, PART_WEIGHTS, a), flops(qwen, &one, &x, PART_WEIGHTS, a)));
		/* With tp every rank runs the whole router: 48 layers, 2 T hidden experts. */
		CU_ASSERT(same(r * flops(qwen, &ep, &x, PART_WEIGHTS, a),
			       flops(qwen, &one, &x, PART_WEIGHTS, a) + (r - 1) * 48 * 2 * 512 * 2048.0 * 128));
	}
	arena_free(a);
}

static const struct node *node_named(const struct graph *g, const char *label)
{
	for (size_t i = 0; i < g->count; i++)
		if (strcmp(g->nodes[i].label, label) == 0)
			return &g->nodes[i];
	return NULL;
}

static bool build(const char *name, const struct placement *p, const struct stack *stack, int stage, struct graph *g,
		  struct arena *a)
{
	struct err err = { 0 };
	const struct model *m = load(name, a);
	bool ok = m && graph_build(m, p, stack, stage, g, a, &err);

	TRUE_FOR(err.text, ok);
	return ok;
}

/* Shapes on one of eight ranks of Llama-3-70B: 8 of 64 heads and 1 of 8 kv heads of 128, 3584 of 28672 columns. */
static void shapes_of_a_tensor_rank(void)
{
	struct arena *a = arena_new();
	struct placement p = { .tp = 8, .devices_per_node = 8 };
	struct graph g;
	struct op op;
	const struct extent x = { .tokens = 100, .decodes = 100, .logits = 100, .context = 50000 };

	if (build("llama-3-70b", &p, NULL, 0, &g, a)) {
		const struct node *qkv = node_named(&g, "qkv_proj"), *up = node_named(&g, "gate_up_proj"),
				  *sum = node_named(&g, "all_reduce");
		const struct node *decode = node_named(&g, "attn_decode"), *head = node_named(&g, "lm_head");

		CU_ASSERT_FATAL(qkv && up && sum && decode && head);
		CU_ASSERT(qkv->op.n == 1280 && qkv->op.k == 8192 && qkv->count == 80);
		CU_ASSERT(up->op.n == 7168);
		CU_ASSERT(sum->count == 160 && sum->op.devices == 8 && sum->per_unit == 16384);
		CU_ASSERT(graph_op(sum, &x, &op) && op.bytes == 100 * 16384);
		CU_ASSERT(graph_op(decode, &x, &op) && op.heads == 8 && op.kv_heads == 1 && op.batch == 100 &&
			  op.kv_len == 500);
		CU_ASSERT(head->op.n == 16032 && head->scale == PER_LOGITS);
		CU_ASSERT(!graph_op(node_named(&g, "attn_prefill"), &x, &op));
	}
	p.tp = 16;
	if (build("llama-3-70b", &p, NULL, 0, &g, a)) { /* kv heads repeated, ranks over two nodes */
		CU_ASSERT_EQUAL(node_named(&g, "attn_decode")->op.kv_heads, 1);
		CU_ASSERT_EQUAL(node_named(&g, "qkv_proj")->op.n, 4 * 128 + 2 * 128);
		CU_ASSERT_EQUAL(node_named(&g, "all_reduce")->op.devices_per_node, 8);
	}
	arena_free(a);
}

/* DeepSeek-V3 absorbs for decode (576 to score, 512 to read) and expands for prefill (192 and 128). */
static void latent_attention_has_two_forms(void)
{
	struct arena *a = arena_new();
	struct placement p = { .tp = 8 };
	struct graph g;

	if (build("deepseek-v3", &p, NULL, 0, &g, a)) {
		const struct op *decode = &node_named(&g, "attn_decode")->op,
				*prefill = &node_named(&g, "attn_prefill")->op;

		CU_ASSERT(decode->kind == OP_MLA_DECODE && decode->head_dim == 576 && decode->v_head_dim == 512 &&
			  decode->heads == 16);
		CU_ASSERT(prefill->kind == OP_MLA_PREFILL && prefill->head_dim == 192 && prefill->v_head_dim == 128 &&
			  prefill->k == 576);
		CU_ASSERT_EQUAL(node_named(&g, "kv_b_proj")->op.n, 16 * 256);
		CU_ASSERT_EQUAL(node_named(&g, "qkv_a_proj")->op.n, 1536 + 576);
		CU_ASSERT_EQUAL(node_named(&g, "moe")->count, 58);
		CU_ASSERT_EQUAL(node_named(&g, "gate_up_proj")->count, 3);
		CU_ASSERT_EQUAL(node_named(&g, "moe")->op.dtype, DTYPE_FP8_BLOCK);
		CU_ASSERT_PTR_NULL(node_named(&g, "moe_dispatch"));
	}
	arena_free(a);
}

/* Sliding windows are classes of their own; sparse layers score everything and attend to index_top_k. */
static void windows_are_classes(void)
{
	struct arena *a = arena_new();
	struct placement p = { 0 };
	struct graph g;

	if (build("gemma-3-27b", &p, NULL, 0, &g, a)) {
		double windowed = 0, full = 0;

		CU_ASSERT(g.window_count == 2 && g.windows[0] == 0 && g.windows[1] == 1024);
		for (size_t i = 0; i < g.count; i++)
			if (g.nodes[i].scale == PER_DECODE_CONTEXT)
				*(g.nodes[i].window_class ? &windowed : &full) += g.nodes[i].count;
		CU_ASSERT(windowed == 52 && full == 10);
	}
	if (build("tests/data/hf/sparse_config.json", &p, NULL, 0, &g, a)) {
		CU_ASSERT_EQUAL(node_named(&g, "index_decode")->count, 2);
		CU_ASSERT_EQUAL(node_named(&g, "index_decode")->window_class, 0);
		CU_ASSERT_EQUAL(node_named(&g, "attn_decode")->count, 6);
		CU_ASSERT_EQUAL(g.windows[node_named(&g, "attn_decode")->window_class], 512);
		CU_ASSERT_EQUAL(node_named(&g, "attn_prefill")->op.head_dim, 160);
	}
	arena_free(a);
}

/* How tokens reach the experts: added up in place, exchanged, or gathered. */
static void experts_communicate(void)
{
	struct arena *a = arena_new();
	struct placement tp = { .tp = 8, .ep = 8 }, exchange = { .dp_attention = 8, .ep = 8 },
			 gather = { .dp_attention = 8 };
	struct graph g;

	if (build("deepseek-v3", &tp, NULL, 0, &g, a)) {
		CU_ASSERT_EQUAL(node_named(&g, "all_reduce")->count, 122);
		CU_ASSERT_EQUAL(node_named(&g, "moe")->op.experts, 32);
		CU_ASSERT_EQUAL(node_named(&g, "moe")->per_unit, 1);
	}
	if (build("deepseek-v3", &exchange, NULL, 0, &g, a)) {
		double copies = 8 * (1 - pow(7.0 / 8, 8));

		CU_ASSERT(same(node_named(&g, "moe_dispatch")->per_unit, copies * 7168 / 8));
		CU_ASSERT(same(node_named(&g, "moe_combine")->per_unit, copies * 7168 * 2 / 8));
		CU_ASSERT_PTR_NULL(node_named(&g, "all_reduce"));
		CU_ASSERT(same(node_named(&g, "o_proj")->per_unit, 0.125));
	}
	if (build("deepseek-v3", &gather, NULL, 0, &g, a)) {
		CU_ASSERT_EQUAL(node_named(&g, "moe_all_gather")->per_unit, 7168 * 2);
		CU_ASSERT_EQUAL(node_named(&g, "moe")->op.n, 256);
	}
	arena_free(a);
}

/* A norm over all heads: one pass on one device; squares, their sum over the ranks and the norm on several. */
static void norm_over_ranks(void)
{
	struct arena *a = arena_new();
	struct placement one = { .tp = 1 }, two = { .tp = 2 };
	struct graph g;

	if (build("minimax-m2.5", &one, NULL, 0, &g, a)) {
		CU_ASSERT_PTR_NULL(node_named(&g, "qk_norm_squares"));
		CU_ASSERT_EQUAL(node_named(&g, "qk_norm")->count, 62);
	}
	if (build("minimax-m2.5", &two, NULL, 0, &g, a)) {
		CU_ASSERT_EQUAL(node_named(&g, "qk_norm_squares")->count, 62);
		CU_ASSERT_EQUAL(node_named(&g, "qk_norm_all_reduce")->per_unit, 8);
	}
	if (build("qwen3-32b", &two, NULL, 0, &g, a))
		CU_ASSERT_PTR_NULL(node_named(&g, "qk_norm_squares"));
	arena_free(a);
}

/* Engines keep the router of some models in fp32; a scenario may say otherwise. */
static void routers_have_a_format(void)
{
	struct arena *a = arena_new();
	struct placement one = { .tp = 1 }, asked = { .tp = 1, .router = DTYPE_TF32 };
	struct graph g;

	if (build("minimax-m2.5", &one, NULL, 0, &g, a))
		CU_ASSERT_EQUAL(node_named(&g, "router")->op.dtype, DTYPE_FP32);
	if (build("minimax-m2.5", &asked, NULL, 0, &g, a))
		CU_ASSERT_EQUAL(node_named(&g, "router")->op.dtype, DTYPE_TF32);
	if (build("deepseek-v3", &one, NULL, 0, &g, a))
		CU_ASSERT_EQUAL(node_named(&g, "router")->op.dtype, DTYPE_BF16);
	arena_free(a);
}

/* Gate and up projections may be narrower than the rest. */
static void gate_and_up_have_a_format(void)
{
	struct arena *a = arena_new();
	struct placement asked = { .tp = 1, .weights = DTYPE_FP8, .gate_up = DTYPE_FP4 };
	struct graph g;

	if (build("llama-3.1-8b", &asked, NULL, 0, &g, a)) {
		CU_ASSERT_EQUAL(node_named(&g, "gate_up_proj")->op.dtype, DTYPE_FP4);
		CU_ASSERT_EQUAL(node_named(&g, "down_proj")->op.dtype, DTYPE_FP8);
	}
	asked.gate_up = DTYPE_NONE;
	if (build("llama-3.1-8b", &asked, NULL, 0, &g, a))
		CU_ASSERT_EQUAL(node_named(&g, "gate_up_proj")->op.dtype, DTYPE_FP8);
	arena_free(a);
}

/* What a stack runs on a second stream, or inside an all-reduce, costs its work alone; an all-reduce waits for the last rank. */
static void beside_other_kernels(void)
{
	struct arena *a = arena_new();
	struct placement p = { .tp = 8 }, alone = { .tp = 1 };
	struct stack s = { .name = "x", .beside = "shared_experts reduce_norm", .beside_tokens = 256, .rank_wait_s = 3e-6 };
	struct err err = { 0 };
	const struct device *d = device_load("b200", a, &err);
	struct op_cost slow = { .seconds = 1e-3, .flops = 1e9, .bytes = 8e6 };        /* 1 us of B200's 8 TB/s */
	struct op few = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 256 }, many = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 257 };
	struct graph g;

	if (build("deepseek-v3", &p, &s, 0, &g, a)) {
		const struct node *shared = node_named(&g, "shared_up_proj");

		CU_ASSERT_EQUAL(shared->beside, 256);
		CU_ASSERT_EQUAL(node_named(&g, "add_norm")->beside, 256);
		CU_ASSERT_EQUAL(node_named(&g, "kv_a_norm")->beside, 0);
		CU_ASSERT_EQUAL(node_named(&g, "moe")->beside, 0);
		CU_ASSERT_DOUBLE_EQUAL(graph_seconds(shared, &few, &slow, d), 1e-6, 1e-12);
		CU_ASSERT_EQUAL(graph_seconds(shared, &many, &slow, d), 1e-3);
		CU_ASSERT_DOUBLE_EQUAL(graph_seconds(node_named(&g, "all_reduce"), &few, &slow, d), 1.003e-3, 1e-12);
		CU_ASSERT_EQUAL(graph_seconds(node_named(&g, "moe"), &few, &slow, d), 1e-3);
	}
	CU_ASSERT_PTR_NULL(node_named(&g, "shared_add"));
	s.extra = "shared_add";
	if (build("deepseek-v3", &p, &s, 0, &g, a))
		CU_ASSERT_EQUAL(node_named(&g, "shared_add")->count, 58);
	p.experts = DTYPE_FP4;         /* their sum is inside the all-reduce */
	if (build("deepseek-v3", &p, &s, 0, &g, a))
		CU_ASSERT_PTR_NULL(node_named(&g, "shared_add"));
	if (build("deepseek-v3", &alone, &s, 0, &g, a))        /* no all-reduce that a norm could be part of */
		CU_ASSERT_EQUAL(node_named(&g, "add_norm")->beside, 0);
	arena_free(a);
}

/* More ranks than a token has experts: tokens are sent, and the kernel has the pairs that come to 8 experts of the 256. */
static void sent_tokens_only(void)
{
	struct arena *a = arena_new();
	struct placement wide = { .dp_attention = 32, .ep = 32 }, skewed = { .dp_attention = 32, .ep = 32, .expert_imbalance = 1.5 };
	struct extent x = { .tokens = 4096 };
	struct graph g;
	struct op op;

	if (build("deepseek-v3", &wide, NULL, 0, &g, a)) {
		CU_ASSERT_EQUAL(node_named(&g, "moe")->op.experts, 8);
		CU_ASSERT_EQUAL(node_named(&g, "moe")->op.experts_total, 8);
		CU_ASSERT_EQUAL(node_named(&g, "moe")->op.top_k, 1);
		/* 4096 tokens x 8 experts over 32 ranks. */
		CU_ASSERT_TRUE(graph_op(node_named(&g, "moe"), &x, &op));
		CU_ASSERT_EQUAL(op.m, 1024);
	}
	if (build("deepseek-v3", &skewed, NULL, 0, &g, a)) {
		CU_ASSERT_TRUE(graph_op(node_named(&g, "moe"), &x, &op));
		CU_ASSERT_EQUAL(op.m, 1536);
	}
	arena_free(a);
}

static void routing_skew_makes_hot_ranks(void)
{
	double even = routing_imbalance(256, 8, 8, 0), mild = routing_imbalance(256, 8, 8, 0.6),
	       strong = routing_imbalance(256, 8, 8, 1.2);

	CU_ASSERT_EQUAL(even, 1);
	CU_ASSERT(mild > 1.05 && strong > mild && strong < 8);
	CU_ASSERT_EQUAL(strong, routing_imbalance(256, 8, 8, 1.2));
	CU_ASSERT_EQUAL(routing_imbalance(256, 8, 1, 1.2), 1);
	/* One expert that every token picks, one rank each: its rank has 2 of the 2 / 4 picks a token and rank. */
	CU_ASSERT(routing_imbalance(4, 2, 4, 50) > 1.9);
}

/* Additions are inside the norms, except where a stack profiles them apart. */
static void additions_fuse_into_norms(void)
{
	struct arena *a = arena_new();
	struct placement p = { 0 };
	struct stack vidur = { .name = "vidur", .separate_add = true };
	struct graph g;

	if (build("llama-2-7b", &p, NULL, 0, &g, a)) {
		CU_ASSERT(node_named(&g, "add_norm")->count == 65 && node_named(&g, "add_norm")->op.n == 8192);
		CU_ASSERT_PTR_NULL(node_named(&g, "residual_add"));
	}
	if (build("llama-2-7b", &p, &vidur, 0, &g, a)) {
		CU_ASSERT(node_named(&g, "input_norm")->count == 32 && node_named(&g, "post_norm")->count == 32);
		CU_ASSERT(node_named(&g, "residual_add")->count == 65 && node_named(&g, "input_norm")->op.n == 4096);
	}
	if (build("falcon-7b", &p, NULL, 0, &g, a)) /* one norm for both halves, two additions */
		CU_ASSERT(node_named(&g, "add_norm")->count == 33 && node_named(&g, "parallel_add")->count == 32);
	arena_free(a);
}

static void refuses_impossible_placements(void)
{
	static const struct {
		const char *model;
		struct placement p;
		const char *says;
	} cases[] = {
		{ "llama-2-7b", { .pp = 33 }, "pp=33: llama-2-7b has 32 layers" },
		{ "llama-2-7b", { .tp = 64 }, "tp=64: llama-2-7b has 32 heads" },
		{ "llama-2-7b", { .tp = 2, .ep = 2 }, "ep=2: llama-2-7b has no experts" },
		{ "mixtral-8x7b", { .tp = 4, .ep = 3 }, "ep=3: expected a divisor of tp * dp_attention = 4" },
		{ "mixtral-8x7b", { .tp = 16, .ep = 16 }, "ep=16: mixtral-8x7b has 8 experts" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		const struct model *m = load(cases[i].model, a);
		struct err err = { 0 };
		struct graph g;

		CU_ASSERT(m && !graph_build(m, &cases[i].p, NULL, 0, &g, a, &err));
		TRUE_FOR(err.text, strstr(err.text, cases[i].says) != NULL && err.kind == ERR_INPUT);
		arena_free(a);
	}
}

CU_TestInfo suite_graph[] = { { "routers have a format", routers_have_a_format },
	{ "gate and up projections have a format", gate_and_up_have_a_format },
			      { "beside other kernels", beside_other_kernels },
			      { "Llama-2-7B by hand", llama_2_7b_by_hand },
			      { "every weight of every model is multiplied once", every_weight_is_multiplied_once },
			      { "pipeline stages add up", stages_add_up },
			      { "tensor ranks add up", tensor_ranks_add_up },
			      { "context, attention and expert ranks add up", other_ranks_add_up },
			      { "shapes of a tensor rank", shapes_of_a_tensor_rank },
			      { "latent attention has two forms", latent_attention_has_two_forms },
			      { "windows are classes", windows_are_classes },
			      { "experts communicate", experts_communicate },
			      { "a norm over the heads of all ranks", norm_over_ranks },
			      { "experts see the tokens that are sent to them", sent_tokens_only },
			      { "routing skew makes hot ranks", routing_skew_makes_hot_ranks },
			      { "additions fuse into norms", additions_fuse_into_norms },
			      { "refuses impossible placements", refuses_impossible_placements },
			      CU_TEST_INFO_NULL };
