/* What each operator must do at the least. A provider may charge more than these figures and never less. */
#include "hardware/operator.h"

#include <math.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

const char *const dtype_names[] = {
	"none", "fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "fp8_block", "int8", "int8_wo", "int4", "int4_wo", "fp6",
	"fp4", "mxfp4", NULL
};

const char *const op_kind_names[] = {
	"gemm", "attention_prefill", "attention_decode", "mla_prefill", "mla_decode", "moe", "all_reduce", "all_gather",
	"reduce_scatter", "all_to_all", "send_recv", "broadcast", "norm", "rope", "activation", "add", "embedding",
	"kv_append", "copy", "quantize", "softmax", "sampling", "router", "scan", "conv", "host", "host_transfer", NULL
};

static const struct { const char *alias; enum dtype t; } dtype_aliases[] = {
	{ "float64", DTYPE_FP64 }, { "double", DTYPE_FP64 }, { "float32", DTYPE_FP32 }, { "float", DTYPE_FP32 },
	{ "bfloat16", DTYPE_BF16 }, { "float16", DTYPE_FP16 }, { "half", DTYPE_FP16 }, { "float8", DTYPE_FP8 },
	{ "e4m3", DTYPE_FP8 }, { "fp8_e4m3", DTYPE_FP8 }, { "fp8_e5m2", DTYPE_FP8 }, { "float8_e4m3fn", DTYPE_FP8 },
	{ "w8a8_fp8", DTYPE_FP8 }, { "mxfp8", DTYPE_FP8 }, { "fp8-block", DTYPE_FP8_BLOCK }, { "w8a8", DTYPE_INT8 },
	{ "sq", DTYPE_INT8 }, { "smoothquant", DTYPE_INT8 }, { "w8a16", DTYPE_INT8_WO }, { "int8-wo", DTYPE_INT8_WO },
	{ "w4a4", DTYPE_FP4 }, { "nvfp4", DTYPE_FP4 }, { "e2m1", DTYPE_FP4 }, { "w4a16", DTYPE_INT4_WO },
	{ "awq", DTYPE_INT4_WO }, { "gptq", DTYPE_INT4_WO }, { "int4-wo", DTYPE_INT4_WO }, { "mxfp6", DTYPE_FP6 },
	{ "w4a16_mxfp4", DTYPE_MXFP4 },
};

/* Block formats store their scales beside the elements: fp8_block one float per 128 x 128 weights; int4 one 16-bit scale
 * and one 4-bit zero a group of 128; fp6 and mxfp4 one byte per 32 (OCP MX); fp4 (NVFP4) one byte per 16; int8 and fp8
 * one scale a row or tensor, too few to count. */
double dtype_bytes(enum dtype t)
{
	switch (t) {
	case DTYPE_FP64: return 8;
	case DTYPE_FP32: case DTYPE_TF32: return 4;
	case DTYPE_BF16: case DTYPE_FP16: case DTYPE_NONE: return 2;
	case DTYPE_FP8: case DTYPE_INT8: case DTYPE_INT8_WO: return 1;
	case DTYPE_FP8_BLOCK: return 1 + 4.0 / 16384;
	case DTYPE_INT4: case DTYPE_INT4_WO: return 0.5 + 2.5 / 128;
	case DTYPE_FP6: return 0.75 + 1.0 / 32;
	case DTYPE_FP4: return 0.5 + 1.0 / 16;
	case DTYPE_MXFP4: return 0.5 + 1.0 / 32;
	case DTYPE_COUNT: break;
	}
	return 2;
}

int dtype_parse(const char *text)
{
	for (int i = 0; dtype_names[i]; i++)
		if (text_equal_fold(text, dtype_names[i]))
			return i;
	for (size_t i = 0; i < COUNT_OF(dtype_aliases); i++)
		if (text_equal_fold(text, dtype_aliases[i].alias))
			return (int)dtype_aliases[i].t;
	return -1;
}

int op_kind_parse(const char *text)
{
	for (int i = 0; op_kind_names[i]; i++)
		if (text_equal_fold(text, op_kind_names[i]))
			return i;
	return -1;
}

static double at_least_one(int64_t v)
{
	return v > 0 ? (double)v : 1;
}

/* Bytes of one activation on its way in (formats that quantise weights only keep 16-bit activations) and out. */
static double in_bytes(enum dtype t)
{
	return t == DTYPE_INT8_WO || t == DTYPE_INT4_WO || t == DTYPE_MXFP4 ? 2 : dtype_bytes(t);
}

static double out_bytes(enum dtype t)
{
	return t == DTYPE_FP64 ? 8 : t == DTYPE_FP32 || t == DTYPE_TF32 ? 4 : 2;
}

static double kv_bytes(const struct op *op)
{
	if (op->stored_bytes > 0)
		return op->stored_bytes;
	return dtype_bytes(op->kv_dtype == DTYPE_NONE ? op->dtype : op->kv_dtype);
}

/* Widths of the two inner products of attention. MLA in its absorbed form (decode) scores against the whole latent row
 * (k = rank + rope) and reads back its rank: head_dim = k, v_head_dim = rank. When the expanded head sizes are given
 * instead (DeepSeek: 192 and 128), their difference is the rope part, since nope and value widths are equal. */
static void attention_widths(const struct op *op, double *qk, double *v)
{
	*qk = (double)op->head_dim;
	*v = (double)(op->v_head_dim > 0 ? op->v_head_dim : op->head_dim);
	if (op->kind != OP_MLA_DECODE && !(op->kind == OP_MLA_PREFILL && op->head_dim == 0))
		return;
	if (op->k > 0 && op->head_dim > 0 && op->head_dim < op->k) {
		*qk = (double)op->k;
		*v = (double)(op->k - (op->head_dim > op->v_head_dim && op->v_head_dim > 0
					       ? op->head_dim - op->v_head_dim
					       : 0));
	} else if (op->head_dim == 0) {
		*qk = (double)op->k;
		*v = (double)(op->v_head_dim > 0 ? op->v_head_dim : op->k);
	}
}

static double attended(const struct op *op)
{
	double kv = op->kv_len > 0 ? op->kv_len : (double)op->q_len;

	return kv;
}

/* (query, key) pairs of a causal chunk of q tokens that ends at position kv, each query seeing at most `window` keys:
 * the first x = window - prior queries see prior + 1, prior + 2, ... keys, the rest see `window`. Without a window
 * this is q (kv - q) + q (q + 1) / 2. */
static double causal_pairs(const struct op *op)
{
	double q = (double)op->q_len, kv = fmax(attended(op), q), prior = kv - q, x = q;

	if (op->window > 0)
		x = fmin(fmax((double)op->window - prior, 0), q);
	return x * prior + x * (x + 1) / 2 + (q - x) * (double)op->window;
}

/* prefill: 2 batch heads (d_qk + d_v) pairs; decode: the same with min(kv, window) pairs a sequence. */
static double attention_flops(const struct op *op)
{
	double qk, v, pairs;
	bool decode = op->kind == OP_ATTENTION_DECODE || op->kind == OP_MLA_DECODE;

	attention_widths(op, &qk, &v);
	if (decode) {
		pairs = op->window > 0 ? fmin(attended(op), (double)op->window) : attended(op);
		pairs *= at_least_one(op->q_len);
	} else {
		pairs = causal_pairs(op);
	}
	return 2 * at_least_one(op->batch) * (double)op->heads * (qk + v) * pairs;
}

/* Queries in, results out, and every cached row that any query sees, once: kv_heads (d_qk + d_v) elements a token, or
 * one latent row of k elements for MLA. */
static double attention_bytes(const struct op *op)
{
	double batch = at_least_one(op->batch), qk, v, rows = attended(op), row, q = at_least_one(op->q_len);
	bool mla = op->kind == OP_MLA_DECODE || op->kind == OP_MLA_PREFILL;
	bool decode = op->kind == OP_ATTENTION_DECODE || op->kind == OP_MLA_DECODE;

	attention_widths(op, &qk, &v);
	if (!decode)
		rows = fmax(rows, q);
	if (op->window > 0)
		rows = fmin(rows, (double)op->window + q - 1);
	if (mla)
		row = (double)(op->k > 0 ? op->k : op->head_dim);
	else
		row = at_least_one(op->kv_heads) * (qk + v);
	return batch * (rows * row * kv_bytes(op) +
			q * (double)op->heads * (qk * in_bytes(op->dtype) + v * out_bytes(op->dtype)));
}

/* (token, expert) pairs that this device computes. */
static double moe_pairs(const struct op *op)
{
	double experts = at_least_one(op->experts), total = op->experts_total > 0 ? (double)op->experts_total : experts;
	double share = fmin(experts / total * (op->imbalance > 0 ? op->imbalance : 1), 1);

	return (double)op->m * at_least_one(op->top_k) * share;
}

static double moe_flops(const struct op *op)
{
	return 2 * moe_pairs(op) * (double)op->n * (double)op->k * (op->gated ? 3 : 2);
}

/*
 * Sums over ranks 1 ... total of smooth functions of the rank: one by one up to 16, then at five Gauss-Legendre points in
 * every doubling, which the integral from low - 1/2 to high + 1/2 stands for. Long tables of experts price steps by the
 * thousand; the sums themselves took nine tenths of some runs. Within 1e-4 of them.
 */
enum { RANKS_EXACT = 16, RANK_POINTS = 5, RANKS_MOST = 4096, RANK_NODES = RANKS_EXACT + RANK_POINTS * 8 };

static const double gauss_at[RANK_POINTS] = { -0.906179845938664, -0.538469310105683, 0, 0.538469310105683, 0.906179845938664 };
static const double gauss_weight[RANK_POINTS] = { 0.236926885056189, 0.478628670499366, 0.568888888888889, 0.478628670499366,
						  0.236926885056189 };

struct rank_node {
	double rank, weight;
};

static int rank_nodes(double total, struct rank_node *nodes)
{
	double low = RANKS_EXACT;
	int n = 0;

	for (int i = 1; i <= RANKS_EXACT && i <= total; i++)
		nodes[n++] = (struct rank_node){ i, 1 };
	for (; low < total; low = fmin(2 * low, total)) {
		double begin = low + 0.5, half = (fmin(2 * low, total) - low) / 2;

		for (int k = 0; k < RANK_POINTS; k++)
			nodes[n++] = (struct rank_node){ begin + half * (1 + gauss_at[k]), half * gauss_weight[k] };
	}
	return n;
}

/* Share of the experts that m tokens touch when the expert of rank i is picked by a token with odds i^-skew (at most surely). */
static double touched_share(double total, double top_k, double skew, double m)
{
	struct rank_node nodes[RANK_NODES];
	int n = rank_nodes(total, nodes);
	double odds[RANK_NODES], sum = 0, hit = 0;

	for (int i = 0; i < n; i++) {
		odds[i] = pow(nodes[i].rank, -skew);
		sum += nodes[i].weight * odds[i];
	}
	for (int i = 0; i < n; i++)
		hit += nodes[i].weight * (1 - exp(m * log1p(-fmin(top_k * odds[i] / sum, 1))));
	return hit / total;
}

/* Weights of the experts that at least one token chose, under uniform choice without replacement within a token:
 * E (1 - (1 - top_k / E_total)^m), or a skewed one; then the tokens that have work here, in and out. */
double op_experts_touched(const struct op *op)
{
	double experts = at_least_one(op->experts), total = op->experts_total > 0 ? (double)op->experts_total : experts;
	double missed = fmax(1 - at_least_one(op->top_k) / total, 0);

	if (op->skew > 0 && missed > 0 && op->m > 0 && total <= RANKS_MOST)
		return experts * touched_share(total, at_least_one(op->top_k), op->skew, (double)op->m);
	return experts * (1 - pow(missed, (double)op->m));
}

static double moe_weights(const struct op *op, double touched)
{
	return touched * (op->gated ? 3 : 2) * (double)op->n * (double)op->k *
	       (op->stored_bytes > 0 ? op->stored_bytes : dtype_bytes(op->dtype));
}

double op_moe_bytes(const struct op *op, double touched)
{
	double tokens = fmin((double)op->m, moe_pairs(op));

	return moe_weights(op, touched) + tokens * (double)op->k * (in_bytes(op->dtype) + out_bytes(op->dtype));
}

/* GEMM: 2 m n k a product. Elementwise work counts the few operations an element needs; collectives and copies none
 * (an all-reduce's additions are lost in its transfers). scan: `n` FLOPs a token. */
double op_flops(const struct op *op)
{
	double m = (double)op->m, n = (double)op->n, k = (double)op->k;

	switch (op->kind) {
	case OP_GEMM: return 2 * at_least_one(op->batch) * m * n * k;
	case OP_ATTENTION_PREFILL: case OP_ATTENTION_DECODE: case OP_MLA_PREFILL: case OP_MLA_DECODE:
		return attention_flops(op);
	case OP_MOE: return moe_flops(op);
	case OP_NORM: return 4 * m * n;        /* square, add, scale, weight */
	case OP_ROPE: return 3 * m * n;        /* two products and an addition */
	case OP_ACTIVATION: return (op->gated ? 6 : 5) * m * n;
	case OP_ADD: return m * n;
	case OP_SOFTMAX: return 5 * m * n;     /* maximum, subtract, exp, sum, divide */
	case OP_SAMPLING: return 6 * m * n;    /* softmax and one selection pass */
	case OP_ROUTER: return 6 * m * n;
	case OP_QUANTIZE: return 3 * m * n;    /* absolute maximum, scale, round */
	case OP_CONV: return 2 * m * n * k;
	case OP_SCAN: return m * n;
	default: return 0;
	}
}

/* Collectives: what one rank sends, for a buffer of V = `bytes` on every rank (for all_gather and reduce_scatter the
 * whole gathered buffer): all_reduce 2 (n-1)/n V, all_gather, reduce_scatter and all_to_all (n-1)/n V, else V. */
static double collective_bytes(const struct op *op)
{
	double n = op->devices > 1 ? op->devices : 1, part = (n - 1) / n;

	if (n <= 1)
		return op->kind == OP_SEND_RECV ? op->bytes : 0;
	switch (op->kind) {
	case OP_ALL_REDUCE: return 2 * part * op->bytes;
	case OP_ALL_GATHER: case OP_REDUCE_SCATTER: case OP_ALL_TO_ALL: return part * op->bytes;
	default: return op->bytes;
	}
}

double op_bytes(const struct op *op)
{
	double m = (double)op->m, n = (double)op->n, k = (double)op->k, e = dtype_bytes(op->dtype);

	switch (op->kind) {
	case OP_GEMM: /* weights and operand once in, result once out (16 bits, or 32 for 32-bit math) */
		return at_least_one(op->batch) *
		       (n * k * (op->stored_bytes > 0 ? op->stored_bytes : e) + m * k * in_bytes(op->dtype) + m * n * out_bytes(op->dtype));
	case OP_ATTENTION_PREFILL: case OP_ATTENTION_DECODE: case OP_MLA_PREFILL: case OP_MLA_DECODE:
		return attention_bytes(op);
	case OP_MOE: return op_moe_bytes(op, op_experts_touched(op));
	case OP_ALL_REDUCE:
	case OP_ALL_GATHER:
	case OP_REDUCE_SCATTER:
	case OP_ALL_TO_ALL:
	case OP_SEND_RECV:
	case OP_BROADCAST: return collective_bytes(op);
	case OP_NORM: return (2 * m * n + n) * e;
	case OP_ROPE: case OP_SOFTMAX: return 2 * m * n * e;
	case OP_ACTIVATION: return (op->gated ? 3 : 2) * m * n * e;    /* n = width of the result */
	case OP_ADD: return 3 * m * n * e;
	case OP_EMBEDDING: return m * (2 * n * e + 8);                 /* row in, row out, 64-bit index */
	case OP_KV_APPEND: return m * n * (e + kv_bytes(op));
	case OP_COPY: return op->bytes > 0 ? 2 * op->bytes : 2 * m * n * e;
	case OP_QUANTIZE: return m * n * (2 + e);
	case OP_SAMPLING: return m * n * 4;                            /* logits in 32 bits, read once */
	case OP_ROUTER: return m * (n * 4 + at_least_one(op->top_k) * 8);
	case OP_SCAN:
		return at_least_one(op->batch) * 2 * op->bytes + m * k * e; /* state in and out; k elements a token */
	case OP_CONV: return (2 * m * n + n * k + 2 * at_least_one(op->batch) * n * fmax(k - 1, 0)) * e;
	case OP_HOST_TRANSFER: return op->bytes;
	default: return 0;
	}
}

void op_traffic(const struct op *op, struct op_traffic *out)
{
	double m = (double)op->m, all = op_bytes(op), qk, v, q;

	*out = (struct op_traffic){ 0 };
	switch (op->kind) {
	case OP_GEMM:
		out->weights = at_least_one(op->batch) * (double)op->n * (double)op->k *
			       (op->stored_bytes > 0 ? op->stored_bytes : dtype_bytes(op->dtype));
		break;
	case OP_MOE: out->weights = moe_weights(op, op_experts_touched(op)); break;
	case OP_EMBEDDING: out->weights = m * (double)op->n * dtype_bytes(op->dtype); break;
	case OP_ATTENTION_PREFILL: case OP_ATTENTION_DECODE: case OP_MLA_PREFILL: case OP_MLA_DECODE:
		attention_widths(op, &qk, &v);
		q = at_least_one(op->batch) * at_least_one(op->q_len) * (double)op->heads;
		out->cache = fmax(all - q * (qk * in_bytes(op->dtype) + v * out_bytes(op->dtype)), 0);
		break;
	case OP_KV_APPEND: out->cache = m * (double)op->n * kv_bytes(op); break;
	case OP_SCAN: out->cache = at_least_one(op->batch) * 2 * op->bytes; break;
	default: break;
	}
	out->activations = fmax(all - out->weights - out->cache, 0);
}
