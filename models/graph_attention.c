/* Multi-head, grouped-query and multi-query attention, full or in a window, and the indexer of sparse attention. */
#include "models/graph_build.h"

/* Prefill: chunks of different sequences go to different dp ranks, so that each runs 1/dp of them (count), whole; cp
 * ranks share every chunk. Decode: a rank has B/dp sequences; over cp ranks it sees the queries of all but 1/cp of the
 * context (kv_len holds that share). */
void build_attention_pair(struct build *b, const struct attention_pair *pair)
{
	struct node *n = build_node(b, pair->prefill_label, pair->prefill.kind, pair->prefill.dtype, PER_PREFILL_CHUNK);

	if (n) {
		n->op = pair->prefill;
		n->op.window = pair->window;
		n->count /= (double)b->p.dp_attention;
		n->per_unit = n->op.kv_len = 1 / (double)(b->p.cp * b->p.stages);
	}
	n = build_node(b, pair->decode_label, pair->decode.kind, pair->decode.dtype, PER_DECODE_CONTEXT);
	if (n) {
		n->op = pair->decode;
		n->op.window = pair->window;
		n->op.kv_len = 1 / (double)b->p.cp;
		n->per_unit = 1 / (double)(b->p.dp_attention * b->p.stages);
		n->window_class = build_window(b, pair->window);
	}
}

/* Ring attention: the keys and values of a chunk and of what precedes it pass around the ranks, each block while the
 * one before is being used; only the first exchange of cp is in the open. `row` elements a token. */
void build_context_ring(struct build *b, int64_t row)
{
	struct node *n;
	double cp = (double)b->p.cp;

	if (b->p.cp < 2)
		return;
	n = build_node(b, "ring_kv", OP_SEND_RECV, b->p.kv, PER_PREFILL_CHUNK);
	if (!n)
		return;
	n->op.devices = 2;
	n->count /= (double)b->p.dp_attention;
	n->per_unit = (double)row * dtype_bytes(b->p.kv) * (cp - 1) / cp;
	n->overlap = (cp - 1) / cp;
}

/* Decode over cp ranks: every rank gets all queries, and the partial results (with their softmax sums, one a head, lost
 * in the rounding) go back to the rank that owns the sequence. Elements a token: query and result widths. */
void build_context_gather(struct build *b, int64_t query, int64_t result)
{
	double per_dp = b->bytes / (double)b->p.dp_attention;
	size_t before = b->out->count;

	build_comm(b, "query_all_gather", OP_ALL_GATHER, b->p.cp, b->p.tp, (double)query * per_dp);
	build_comm(b, "result_reduce_scatter", OP_REDUCE_SCATTER, b->p.cp, b->p.tp, (double)result * per_dp);
	for (size_t i = before; i < b->out->count; i++)
		b->out->nodes[i].scale = PER_DECODES;
}

/* DeepSeek-V3.2's indexer (arXiv 2512.02556): queries from the compressed query (or the input), one key a token, a weight
 * a head; scores against every cached token in fp8; each rank does all of it. The value width of 1 stands for the scale
 * stored beside a key. The top-k selection itself is not charged. */
void build_indexer(struct build *b, int64_t from)
{
	const struct model_attention *a = &b->m->attention;
	int64_t width = a->index_heads * a->index_dim;
	struct op shape = { .dtype = DTYPE_FP8,
			    .kv_dtype = DTYPE_FP8,
			    .heads = a->index_heads,
			    .kv_heads = 1,
			    .head_dim = a->index_dim,
			    .v_head_dim = 1 };
	struct attention_pair pair = { "index_prefill", "index_decode", shape, shape, 0 };
	struct node *n;

	build_gemm(b, "index_q_proj", b->p.attention, from, width);
	build_gemm(b, "index_k_proj", b->p.activations, b->m->shape.hidden, a->index_dim);
	build_gemm(b, "index_weight_proj", b->p.activations, b->m->shape.hidden, a->index_heads);
	build_rows(b, "index_rope", OP_ROPE, width + a->index_dim);
	n = build_rows(b, "index_append", OP_KV_APPEND, a->index_dim);
	if (n)
		n->op.kv_dtype = DTYPE_FP8;
	pair.prefill.kind = OP_ATTENTION_PREFILL, pair.decode.kind = OP_ATTENTION_DECODE;
	build_attention_pair(b, &pair);
}

void build_attention(struct build *b, const struct layer *l)
{
	const struct model_attention *a = &b->m->attention;
	int64_t heads = build_local(b, l->heads), kv = build_local(b, l->kv_heads), d = l->head_dim;
	int64_t q_width = heads * d, kv_width = kv * d * (l->k_is_v ? 1 : 2);
	struct op shape = {
		.dtype = b->p.activations, .kv_dtype = b->p.kv, .heads = heads, .kv_heads = kv, .head_dim = d
	};
	struct attention_pair pair = { "attn_prefill", "attn_decode", shape, shape, l->window };
	struct node *n;

	/* One GEMM for queries (and their gate), keys and values: hidden -> heads d (1 + gate) + 2 kv_heads d. */
	build_gemm(b, "qkv_proj", b->p.attention, b->m->shape.hidden, q_width * (a->output_gate ? 2 : 1) + kv_width);
	if (a->qk_norm != QK_NORM_NONE)
		build_rows(b, "qk_norm", OP_NORM, q_width + kv * d);
	/* A norm over all heads needs the mean squares of queries and keys of every rank: two fp32 sums a token, added up between
	 * two passes over them (vLLM, MiniMaxText01RMSNormTP.forward_qk). */
	if (a->qk_norm == QK_NORM_FULL && b->p.tp > 1)
		build_rows(b, "qk_norm_squares", OP_NORM, q_width + kv * d);
	if (a->qk_norm == QK_NORM_FULL)
		build_comm(b, "qk_norm_all_reduce", OP_ALL_REDUCE, b->p.tp, 1, 8 * b->share);
	if (b->m->shape.position == POSITION_ROPE)
		build_rows(b, "rope", OP_ROPE, q_width + kv * d);
	n = build_rows(b, "kv_append", OP_KV_APPEND, 2 * kv * d);
	if (n)
		n->op.kv_dtype = b->p.kv;
	if (l->index == INDEX_OWN)
		build_indexer(b, b->m->shape.hidden);
	build_context_ring(b, 2 * kv * d);
	build_context_gather(b, q_width, q_width);
	pair.prefill.kind = OP_ATTENTION_PREFILL, pair.decode.kind = OP_ATTENTION_DECODE;
	build_attention_pair(b, &pair);
	if (a->output_gate) {
		n = build_rows(b, "attn_gate", OP_ACTIVATION, q_width);
		if (n)
			n->op.gated = true;
	}
	if (a->sub_norm)
		build_rows(b, "attn_sub_norm", OP_NORM, q_width);
	build_gemm(b, "o_proj", b->p.attention, q_width, b->m->shape.hidden);
}
