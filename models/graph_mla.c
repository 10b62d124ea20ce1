/* Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1.2): one latent row a token is cached for all
 * heads. Decode absorbs the up-projection into queries and results and works on the latent itself: rank + rope wide to
 * score, rank to read. Prefill expands the keys and values of the chunk and of what is cached before it, then attends
 * with heads of nope + rope and v. Sparse layers (V3.2) absorb in both, as their kernels gather latent rows. */
#include "models/graph_build.h"

/* One product a head, for the queries or results of some of the tokens. */
static void per_head(struct build *b, const char *label, enum node_scale scale, int64_t heads, int64_t k, int64_t n)
{
	struct node *node = build_gemm(b, label, b->p.activations, k, n);

	if (!node)
		return;
	node->scale = scale;
	node->op.batch = heads;
}

/* The projections down are one GEMM (hidden -> q rank + latent + rope), whole on every rank. */
static void projections(struct build *b, const struct layer *l, int64_t heads)
{
	const struct model_attention *a = &b->m->attention;
	int64_t h = b->m->shape.hidden, latent = a->kv_lora_rank + a->rope_dim;
	struct node *n;

	if (a->q_lora_rank > 0) {
		build_gemm(b, "qkv_a_proj", b->p.attention, h, a->q_lora_rank + latent);
		build_rows(b, "q_a_norm", OP_NORM, a->q_lora_rank);
		build_gemm(b, "q_b_proj", b->p.attention, a->q_lora_rank, heads * l->head_dim);
	} else {
		build_gemm(b, "q_proj", b->p.attention, h, heads * l->head_dim);
		build_gemm(b, "kv_a_proj", b->p.attention, h, latent);
	}
	build_beside(b, build_rows(b, "kv_a_norm", OP_NORM, a->kv_lora_rank), "kv_a_norm");
	build_rows(b, "rope", OP_ROPE, (heads + 1) * a->rope_dim);
	n = build_rows(b, "kv_append", OP_KV_APPEND, latent);
	if (n)
		n->op.kv_dtype = b->p.kv;
}

/* Latent rows -> keys (nope) and values of this rank's heads, for all tokens that a chunk attends to. */
static void expansion(struct build *b, const struct layer *l, int64_t heads)
{
	const struct model_attention *a = &b->m->attention;
	struct node *n =
		build_gemm(b, "kv_b_proj", b->p.attention, a->kv_lora_rank, heads * (a->nope_dim + l->v_head_dim));

	if (!n)
		return;
	n->scale = PER_PREFILL_CHUNK;
	n->count /= (double)b->p.dp_attention;
	n->per_unit = 1 / (double)b->p.cp;
}

void build_mla(struct build *b, const struct layer *l)
{
	const struct model_attention *a = &b->m->attention;
	int64_t heads = build_local(b, l->heads), latent = a->kv_lora_rank + a->rope_dim;
	bool sparse = l->index != INDEX_NONE;
	enum node_scale absorbed = sparse ? PER_TOKENS : PER_DECODES;
	struct op shape = { .dtype = b->p.activations,
			    .kv_dtype = b->p.kv,
			    .heads = heads,
			    .kv_heads = 1,
			    .k = latent,
			    .head_dim = latent,
			    .v_head_dim = a->kv_lora_rank };
	struct attention_pair pair = { "attn_prefill", "attn_decode", shape, shape, l->window };

	pair.prefill.kind = OP_MLA_PREFILL, pair.decode.kind = OP_MLA_DECODE;
	projections(b, l, heads);
	if (l->index == INDEX_OWN)
		build_indexer(b, a->q_lora_rank > 0 ? a->q_lora_rank : b->m->shape.hidden);
	build_context_ring(b, latent);
	if (!sparse) {
		expansion(b, l, heads);
		pair.prefill.head_dim = l->head_dim, pair.prefill.v_head_dim = l->v_head_dim;
	}
	per_head(b, "q_absorb", absorbed, heads, a->nope_dim, a->kv_lora_rank);
	build_context_gather(b, heads * latent, heads * a->kv_lora_rank);
	build_attention_pair(b, &pair);
	per_head(b, "v_absorb", absorbed, heads, a->kv_lora_rank, l->v_head_dim);
	build_gemm(b, "o_proj", b->p.attention, heads * l->v_head_dim, b->m->shape.hidden);
}
