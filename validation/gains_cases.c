/* The comparisons: one a module. Shapes are those of one layer of a small model, batches where the module changes something; contexts
 * lie inside the range that a quick calibration covers (1,024 tokens), as for `validate kernels`. */
#include <math.h>

#include "validation/gains_parts.h"

#define LAYER "model=llama:layers=1,hidden=512,heads=8,kv_heads=8,intermediate=1408,vocab=1024 model.dtype=fp32 model.kv_dtype=fp32 "
#define WIDE_LAYER "model=llama:layers=1,hidden=1024,heads=16,kv_heads=16,intermediate=2816,vocab=1024 model.dtype=bf16 model.kv_dtype=fp32 "
#define FOUR_LAYERS "model=llama:layers=4,hidden=512,heads=8,kv_heads=8,intermediate=1408,vocab=1024 model.dtype=fp32 model.kv_dtype=fp32 "

/* ---- shapes of modules' own kernels, from the first operator that they do ---- */

static int64_t tokens_of(const struct op *op)
{
	return (int64_t)llround(op->kv_len);
}

/* The packed part: whole blocks of 64; the rest lies beside them in full precision, as the residual window does. */
static void kivi_shape(const struct op *op, struct shape *s)
{
	*s = (struct shape){ .batch = op->batch, .heads = op->heads, .kv_heads = op->kv_heads, .head_dim = op->head_dim, .kv_len = tokens_of(op) };
	s->extra[0] = s->kv_len % 64 + 64;             /* 64 to 127: the mean of a window that is flushed by groups */
}

static void h2o_shape(const struct op *op, struct shape *s)
{
	*s = (struct shape){ .batch = op->batch, .heads = op->heads, .head_dim = op->head_dim, .kv_len = tokens_of(op) };
	s->extra[0] = s->kv_len / 2;
}

static void diff_shape(const struct op *op, struct shape *s)
{
	*s = (struct shape){ .batch = op->batch, .heads = op->heads, .head_dim = op->head_dim, .kv_len = tokens_of(op), .extra = { 800 } };
}

/* Eight heads of 64, as LAYER has them. */
static void state_shape(const struct op *op, struct shape *s)
{
	*s = (struct shape){ .batch = op->m, .heads = 8, .k = 64, .head_dim = 64 };
}
static void half_keys_shape(const struct op *op, struct shape *s)
{
	*s = (struct shape){ .batch = op->m, .heads = 8, .k = 32, .head_dim = 64 };
}

/* The prefix that is there already is fetched: keys and values of 750 tokens in fp32. */
static bool fetched(enum gain_side side, struct gain_part *parts, size_t *count, struct err *err)
{
	struct gain_part *p;

	if (side == GAIN_PLAIN)
		return true;
	p = gain_part_add(parts, count, "cache_fetch", 1, err);
	if (!p)
		return false;
	p->priced = true;
	p->op = (struct op){ .kind = OP_COPY, .dtype = DTYPE_FP32, .bytes = 750.0 * 2 * 512 * 4 };
	return gain_kernel(&p->op, &p->family, &p->shape);
}

const struct gain_case gain_cases[] = {
	{ .module = "ttt_v1790", .area = "arch", .what = "64 sequences of 400 tokens decode: a state that learns instead of attention",
	  .scenario = LAYER "decodes=64 context=400", .own = "scan_decode", .kernel = "ttt_step", .shape = state_shape },
	{ .module = "xlstm_v1791", .area = "arch", .what = "64 sequences of 400 tokens decode: a matrix memory instead of attention",
	  .scenario = LAYER "decodes=64 context=400", .own = "scan_decode", .kernel = "mlstm_step", .shape = half_keys_shape },
	/* 128 weights take three shifts and four masks beside four pairs of a product and an addition, which are 2 operations a weight. With
	 * VNNI 256 take five inserts more, and four instructions are all of the products. */
	{ .module = "bitnet_b158_v1796", .area = "arch", .what = "one sequence decodes: ternary weights instead of 16-bit ones",
	  .scenario = WIDE_LAYER "decodes=1 context=100", .params = "unpack_ops=1.75", .wide_params = "unpack_ops=6" },
	{ .module = "mixture_of_depths_v1799", .area = "arch", .what = "prompt of 500 tokens, every second block on an eighth of them",
	  .scenario = LAYER "prefills=1 prompt=500" },
	/* The inner loop issues products alone (eight of them for two loads and four broadcasts): it reaches the peak but for the start and
	 * end of a stage, some 20 steps of 256. */
	{ .module = "thunderkittens_v1812", .area = "compiler", .what = "prompt of 300 tokens: products from staged tiles of 16 x 16",
	  .scenario = LAYER "prefills=1 prompt=300",
	  .params = "gemm_share=0.92,gemm_half_k=0,attention_share=0,tile_m=16,tile_n=16,wave_share=1,memory_share=0.85,overlap=1,launch_us=0" },
	{ .module = "diff_transformer_v1815", .area = "compiler", .what = "16 sequences of 1,000 tokens decode: two softmaxes, one pass over the values",
	  .scenario = LAYER "decodes=16 context=1000", .params = "variant=fused", .also = "attn_decode", .own = "attn_decode", .kernel = "diff_decode",
	  .shape = diff_shape },
	/* Unpacking two columns takes two ands, two ors and half of a shuffle and a shift (kivi_attention.inc); weights of the rows come on top.
	 * Its vectors are of 256 bits in every variant: where the device's peak is that of 512, products and unpacking take twice as many. */
	{ .module = "kivi_v1821", .area = "kv", .what = "16 sequences of 1,000 tokens decode over a cache of 2 bits", .scenario = LAYER "decodes=16 context=1000",
	  .params = "unpack_ops=4,residual=128", .wide_params = "unpack_ops=10,residual=128", .own = "attn_decode residual_decode kv_quantize", .kernel = "kivi_attention", .shape = kivi_shape },
	{ .module = "h2o_v1825", .area = "kv", .what = "16 sequences of 1,000 tokens decode over the fifth that is kept", .scenario = LAYER "decodes=16 context=1000",
	  .own = "attn_decode evict_scores", .kernel = "h2o_attention", .shape = h2o_shape },
	{ .module = "infini_attention_v1831", .area = "kv", .what = "16 sequences of 1,000 tokens decode: a segment and a compressive memory",
	  .scenario = LAYER "decodes=16 context=1000", .params = "segment=400", .own = "memory_decode", .kernel = "infini_step", .shape = state_shape },
	{ .module = "doremi_v2_v1837", .area = "data", .what = "a training step of the proxy: beside it a frozen reference and domain weights", .more = gain_doremi },
	{ .module = "muon_optimizer_v1850", .area = "optim", .what = "a training step of one matrix on 2,000 tokens: orthogonal update instead of AdamW's",
	  .more = gain_muon },
	{ .module = "eagle3_v1861", .area = "spec", .what = "4 sequences of 700 tokens: a draft layer, four tokens verified at once",
	  .scenario = FOUR_LAYERS "decodes=4 context=700", .params = "draft_vocab=1024" },
	{ .module = "mooncake_v1881", .area = "serving", .what = "prompt of 1,000 tokens of which the pool holds 750", .scenario = LAYER "prefills=1 prompt=250 prior=750",
	  .plain = LAYER "prefills=1 prompt=1000", .more = fetched },
	{ .module = "mora_v1892", .area = "lora", .what = "prompt of 200 tokens through all matrices with square adapters beside them",
	  .scenario = LAYER "prefills=1 prompt=200", .also = "qkv_proj o_proj gate_up_proj down_proj", .params = "merged=no,rank=32" },
	{ .module = "lora_hub_v1899", .area = "lora", .what = "prompt of 200 tokens, composed adapters beside the attention's matrices",
	  .scenario = LAYER "prefills=1 prompt=200", .also = "qkv_proj o_proj", .params = "merged=no,rank=16" },
	{ .module = NULL },
};
