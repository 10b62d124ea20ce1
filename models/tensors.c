#include "models/tensors.h"

#include <stddef.h>

struct visitor {
	tensor_visit *visit;
	void *ctx;
};

/* A matrix of which tensor parallelism gives each rank some of `units`; 0 units: replicated. */
static void matrix(const struct visitor *v, const char *label, enum tensor_class class, int64_t rows, int64_t cols,
		   int64_t units)
{
	struct tensor t = { .label = label,
			    .class = class,
			    .rows = (double)rows,
			    .cols = (double)cols,
			    .copies = 1,
			    .active = 1,
			    .units = units,
			    .matrix = true };

	if (rows > 0 && cols > 0)
		v->visit(&t, v->ctx);
}

static void vector(const struct visitor *v, const char *label, enum tensor_class class, int64_t length, int64_t units)
{
	struct tensor t = { .label = label,
			    .class = class,
			    .rows = 1,
			    .cols = (double)length,
			    .copies = 1,
			    .active = 1,
			    .units = units };

	if (length > 0)
		v->visit(&t, v->ctx);
}

/* Weights of one normalisation over `width` channels. */
static int64_t norm_length(const struct model *m, int64_t width)
{
	return m->shape.norm == NORM_LAYER ? 2 * width : width;
}

static void indexer_tensors(const struct model *m, const struct visitor *v)
{
	const struct model_attention *a = &m->attention;
	int64_t from = a->q_lora_rank > 0 ? a->q_lora_rank : m->shape.hidden;

	matrix(v, "index_q_proj", TENSOR_ATTENTION, from, a->index_heads * a->index_dim, 0);
	matrix(v, "index_k_proj", TENSOR_ATTENTION, m->shape.hidden, a->index_dim, 0);
	matrix(v, "index_weight_proj", TENSOR_ATTENTION, m->shape.hidden, a->index_heads, 0);
	vector(v, "index_norm", TENSOR_NORM, 2 * a->index_dim, 0);
}

static void attention_tensors(const struct model *m, const struct layer *l, const struct visitor *v)
{
	const struct model_attention *a = &m->attention;
	int64_t h = m->shape.hidden;
	int64_t q = l->heads * l->head_dim * (a->output_gate ? 2 : 1), kv = l->kv_heads * l->head_dim;

	matrix(v, "q_proj", TENSOR_ATTENTION, h, q, l->heads);
	matrix(v, "k_proj", TENSOR_ATTENTION, h, kv, l->kv_heads);
	if (!l->k_is_v)
		matrix(v, "v_proj", TENSOR_ATTENTION, h, kv, l->kv_heads);
	matrix(v, "o_proj", TENSOR_ATTENTION, l->heads * l->head_dim, h, l->heads);
	if (a->bias != BIAS_NONE) {
		vector(v, "q_bias", TENSOR_ATTENTION, q, l->heads);
		vector(v, "kv_bias", TENSOR_ATTENTION, 2 * kv, l->kv_heads);
	}
	if (a->bias == BIAS_QKVO)
		vector(v, "o_bias", TENSOR_ATTENTION, h, 0);
	if (a->qk_norm == QK_NORM_HEAD)
		vector(v, "qk_norm", TENSOR_NORM, 2 * l->head_dim, 0);
	if (a->qk_norm == QK_NORM_FULL)
		vector(v, "qk_norm", TENSOR_NORM, (l->heads + l->kv_heads) * l->head_dim, 0);
	if (a->sinks)
		vector(v, "sinks", TENSOR_ATTENTION, l->heads, l->heads);
	if (a->sub_norm)
		vector(v, "attention_sub_norm", TENSOR_NORM, norm_length(m, l->heads * l->head_dim), 0);
}

/* DeepSeek-V2 (arXiv 2405.04434), section 2.1: low-rank queries, one latent and one rotary key for all heads. */
static void mla_tensors(const struct model *m, const struct layer *l, const struct visitor *v)
{
	const struct model_attention *a = &m->attention;
	int64_t h = m->shape.hidden, q = l->heads * l->head_dim;

	if (a->q_lora_rank > 0) {
		matrix(v, "q_a_proj", TENSOR_ATTENTION, h, a->q_lora_rank, 0);
		vector(v, "q_a_norm", TENSOR_NORM, a->q_lora_rank, 0);
		matrix(v, "q_b_proj", TENSOR_ATTENTION, a->q_lora_rank, q, l->heads);
	} else {
		matrix(v, "q_proj", TENSOR_ATTENTION, h, q, l->heads);
	}
	matrix(v, "kv_a_proj", TENSOR_ATTENTION, h, a->kv_lora_rank + a->rope_dim, 0);
	vector(v, "kv_a_norm", TENSOR_NORM, a->kv_lora_rank, 0);
	matrix(v, "kv_b_proj", TENSOR_ATTENTION, a->kv_lora_rank, l->heads * (a->nope_dim + l->v_head_dim), l->heads);
	matrix(v, "o_proj", TENSOR_ATTENTION, l->heads * l->v_head_dim, h, l->heads);
}

static void mamba_tensors(const struct model *m, const struct visitor *v)
{
	const struct model_recurrent *r = &m->recurrent;
	int64_t h = m->shape.hidden, inner = r->inner;
	bool second = r->kind == RECURRENT_MAMBA2;
	int64_t bc = 2 * r->groups * r->state;
	int64_t channels = second ? inner + bc : inner;

	if (second) {
		matrix(v, "in_proj", TENSOR_RECURRENT, h, 2 * inner + r->heads, r->heads);
		matrix(v, "in_proj_bc", TENSOR_RECURRENT, h, bc, r->groups);
		vector(v, "dt_a_d", TENSOR_RECURRENT, 3 * r->heads, r->heads);
		vector(v, "gated_norm", TENSOR_NORM, inner, r->heads);
	} else {
		matrix(v, "in_proj", TENSOR_RECURRENT, h, 2 * inner, inner);
		matrix(v, "x_proj", TENSOR_RECURRENT, inner, r->dt_rank + 2 * r->state, inner);
		matrix(v, "dt_proj", TENSOR_RECURRENT, r->dt_rank, inner, inner);
		vector(v, "dt_bias_a_d", TENSOR_RECURRENT, inner * (r->state + 2), inner);
		if (r->inner_norms)
			vector(v, "dt_b_c_norms", TENSOR_NORM, r->dt_rank + 2 * r->state, 0);
	}
	vector(v, "conv", TENSOR_RECURRENT, channels * (r->conv + (r->conv_bias ? 1 : 0)), second ? r->heads : inner);
	matrix(v, "out_proj", TENSOR_RECURRENT, inner, h, second ? r->heads : inner);
}

static void gdn_tensors(const struct model *m, const struct visitor *v)
{
	const struct model_recurrent *r = &m->recurrent;
	int64_t h = m->shape.hidden, keys = r->key_heads * r->key_dim, values = r->heads * r->head_dim;

	matrix(v, "in_proj_qk", TENSOR_RECURRENT, h, 2 * keys, r->key_heads);
	matrix(v, "in_proj_vz", TENSOR_RECURRENT, h, 2 * values, r->heads);
	matrix(v, "in_proj_ba", TENSOR_RECURRENT, h, 2 * r->heads, r->heads);
	vector(v, "conv", TENSOR_RECURRENT, (2 * keys + values) * r->conv, r->heads);
	vector(v, "dt_a", TENSOR_RECURRENT, 2 * r->heads, r->heads);
	vector(v, "gated_norm", TENSOR_NORM, r->head_dim, 0);
	matrix(v, "out_proj", TENSOR_RECURRENT, values, h, r->heads);
}

/* RWKV-6 "Finch" (arXiv 2404.05892) and RWKV-7 "Goose" (arXiv 2503.14456): the time-mix half of a block. The first
 * block of RWKV-7 has no value residual; it is counted all the same (at most 0.03 % of the model). */
static void rwkv_tensors(const struct model *m, const struct visitor *v)
{
	const struct model_recurrent *r = &m->recurrent;
	int64_t h = m->shape.hidden;
	bool sixth = r->kind == RECURRENT_RWKV6;

	matrix(v, "rkv_proj", TENSOR_RECURRENT, h, 3 * h, r->heads);
	if (sixth) {
		matrix(v, "g_proj", TENSOR_RECURRENT, h, h, r->heads);
		matrix(v, "mix_a", TENSOR_RECURRENT, h, 5 * r->mix_rank, 0);
		matrix(v, "mix_b", TENSOR_RECURRENT, 5 * r->mix_rank, h, 0);
	} else {
		matrix(v, "rate_a", TENSOR_RECURRENT, h, r->rate_rank, 0);
		matrix(v, "rate_b", TENSOR_RECURRENT, r->rate_rank, h, r->heads);
		matrix(v, "value_a", TENSOR_RECURRENT, h, r->value_rank, 0);
		matrix(v, "value_b", TENSOR_RECURRENT, r->value_rank, h, r->heads);
		matrix(v, "gate_a", TENSOR_RECURRENT, h, r->gate_rank, 0);
		matrix(v, "gate_b", TENSOR_RECURRENT, r->gate_rank, h, r->heads);
	}
	matrix(v, "decay_a", TENSOR_RECURRENT, h, r->decay_rank, 0);
	matrix(v, "decay_b", TENSOR_RECURRENT, r->decay_rank, h, r->heads);
	/* mixes, decay and bonus (6th: 6 + 2 of them; 7th: 6 mixes, w0 a0 v0, k_k, k_a, r_k), head norm */
	vector(v, "mixes", TENSOR_RECURRENT, (sixth ? 8 : 12) * h, 0);
	vector(v, "head_norm", TENSOR_NORM, 2 * h, r->heads);
	matrix(v, "out_proj", TENSOR_RECURRENT, h, h, r->heads);
}

/* xLSTM-7B (arXiv 2503.13427): keys and queries key_dim wide, values head_dim wide, an output gate, two scalar gates. */
static void mlstm_tensors(const struct model *m, const struct visitor *v)
{
	const struct model_recurrent *r = &m->recurrent;
	int64_t h = m->shape.hidden, keys = r->heads * r->key_dim, values = r->heads * r->head_dim;

	matrix(v, "in_proj", TENSOR_RECURRENT, h, 2 * keys + 2 * values + 2 * r->heads, r->heads);
	vector(v, "gate_bias", TENSOR_RECURRENT, 2 * r->heads, r->heads);
	vector(v, "head_norm", TENSOR_NORM, values, r->heads);
	matrix(v, "out_proj", TENSOR_RECURRENT, values, h, r->heads);
}

static void mlp_tensors(const struct model *m, const struct layer *l, const struct visitor *v)
{
	int64_t h = m->shape.hidden, width = l->intermediate, up = m->mlp.gated ? 2 : 1;

	matrix(v, m->mlp.gated ? "gate_up_proj" : "up_proj", TENSOR_MLP, h, up * width, width);
	matrix(v, "down_proj", TENSOR_MLP, width, h, width);
	if (m->mlp.bias) {
		vector(v, "up_bias", TENSOR_MLP, up * width, width);
		vector(v, "down_bias", TENSOR_MLP, h, 0);
	}
	if (m->mlp.sub_norm)
		vector(v, "mlp_sub_norm", TENSOR_NORM, norm_length(m, width), 0);
	if (m->recurrent.kind == RECURRENT_RWKV6)
		matrix(v, "receptance_proj", TENSOR_MLP, h, h, h);
	if (m->recurrent.kind == RECURRENT_RWKV6 || m->recurrent.kind == RECURRENT_RWKV7)
		vector(v, "channel_mixes", TENSOR_MLP, (m->recurrent.kind == RECURRENT_RWKV6 ? 2 : 1) * h, 0);
}

static void moe_tensors(const struct model *m, const struct visitor *v)
{
	const struct model_moe *e = &m->moe;
	int64_t h = m->shape.hidden, width = e->latent > 0 ? e->latent : h, inner = e->expert_intermediate;
	int64_t shared = e->shared_intermediate > 0 ? e->shared_intermediate : e->shared_experts * inner;
	int64_t up = m->mlp.gated ? 2 : 1;
	struct tensor t = { .class = TENSOR_EXPERTS,
			    .copies = (double)e->experts,
			    .active = (double)e->top_k,
			    .units = inner,
			    .matrix = true };

	matrix(v, "router", TENSOR_ROUTER, h, e->experts, 0);
	if (e->router_bias)
		vector(v, "router_bias", TENSOR_ROUTER, e->experts, 0);
	t.label = "expert_up", t.rows = (double)width, t.cols = (double)(up * inner);
	v->visit(&t, v->ctx);
	t.label = "expert_down", t.rows = (double)inner, t.cols = (double)width;
	v->visit(&t, v->ctx);
	if (e->bias) {
		t.label = "expert_bias", t.rows = 1, t.cols = (double)(up * inner + width), t.matrix = false;
		v->visit(&t, v->ctx);
	}
	if (e->latent > 0) {
		matrix(v, "latent_down", TENSOR_SHARED, h, e->latent, 0);
		matrix(v, "latent_up", TENSOR_SHARED, e->latent, h, 0);
	}
	matrix(v, "shared_up", TENSOR_SHARED, h, up * shared, shared);
	matrix(v, "shared_down", TENSOR_SHARED, shared, h, shared);
	if (e->shared_gate)
		matrix(v, "shared_gate", TENSOR_SHARED, h, 1, 0);
}

void layer_tensors(const struct model *m, const struct layer *l, tensor_visit *visit, void *ctx)
{
	struct visitor v = { visit, ctx };
	int64_t norms = m->shape.norms_per_layer;

	if (l->mixer == MIXER_NONE || l->ffn == FFN_NONE)
		norms = (norms + 1) / 2;
	vector(&v, "norms", TENSOR_NORM, norms * norm_length(m, m->shape.hidden), 0);
	if (l->mixer == MIXER_ATTENTION)
		attention_tensors(m, l, &v);
	if (l->mixer == MIXER_MLA)
		mla_tensors(m, l, &v);
	if (l->index == INDEX_OWN)
		indexer_tensors(m, &v);
	if (l->mixer == MIXER_RECURRENT) {
		switch ((enum recurrent_kind)m->recurrent.kind) {
		case RECURRENT_MAMBA1:
		case RECURRENT_MAMBA2:
			mamba_tensors(m, &v);
			break;
		case RECURRENT_GDN:
			gdn_tensors(m, &v);
			break;
		case RECURRENT_RWKV6:
		case RECURRENT_RWKV7:
			rwkv_tensors(m, &v);
			break;
		case RECURRENT_MLSTM:
			mlstm_tensors(m, &v);
			break;
		case RECURRENT_NONE:
			break;
		}
	}
	if (l->ffn == FFN_DENSE || (l->ffn == FFN_EXPERTS && m->moe.beside_dense))
		mlp_tensors(m, l, &v);
	if (l->ffn == FFN_EXPERTS)
		moe_tensors(m, &v);
}

void embedding_tensors(const struct model *m, tensor_visit *visit, void *ctx)
{
	struct visitor v = { visit, ctx };
	const struct model_shape *s = &m->shape;

	/* A tied matrix is multiplied (as the head), an untied one only looked up. */
	struct tensor t = { .label = "embedding",
			    .class = TENSOR_EMBEDDING,
			    .rows = (double)s->vocab,
			    .cols = (double)(s->embedding_dim > 0 ? s->embedding_dim : s->hidden),
			    .copies = 1,
			    .active = 1,
			    .units = s->vocab,
			    .matrix = s->tied };

	visit(&t, ctx);
	if (s->embedding_dim > 0) {
		matrix(&v, "project_in", TENSOR_EMBEDDING, s->embedding_dim, s->hidden, 0);
		matrix(&v, "project_out", TENSOR_EMBEDDING, s->hidden, s->embedding_dim, 0);
	}
	if (s->position == POSITION_LEARNED)
		vector(&v, "positions", TENSOR_EMBEDDING, s->position_rows * s->hidden, 0);
	if (s->embedding_norm)
		vector(&v, "embedding_norm", TENSOR_NORM, norm_length(m, s->hidden), 0);
}

void head_tensors(const struct model *m, tensor_visit *visit, void *ctx)
{
	struct visitor v = { visit, ctx };
	const struct model_shape *s = &m->shape;

	if (s->final_norm)
		vector(&v, "final_norm", TENSOR_NORM, norm_length(m, s->hidden), 0);
	if (!s->tied)
		matrix(&v, "lm_head", TENSOR_HEAD, s->embedding_dim > 0 ? s->embedding_dim : s->hidden, s->vocab,
		       s->vocab);
	if (s->head_bias)
		vector(&v, "lm_head_bias", TENSOR_HEAD, s->vocab, s->vocab);
}

void recurrent_state(const struct model *m, double *state, double *tail)
{
	const struct model_recurrent *r = &m->recurrent;
	double taps = r->conv > 1 ? (double)(r->conv - 1) : 0;

	*state = *tail = 0;
	switch ((enum recurrent_kind)r->kind) {
	case RECURRENT_MAMBA1:
		*state = (double)(r->inner * r->state);
		*tail = (double)r->inner * taps;
		break;
	case RECURRENT_MAMBA2:
		*state = (double)(r->inner * r->state);
		*tail = (double)(r->inner + 2 * r->groups * r->state) * taps;
		break;
	case RECURRENT_GDN:
		*state = (double)(r->heads * r->head_dim * r->key_dim);
		*tail = (double)(2 * r->key_heads * r->key_dim + r->heads * r->head_dim) * taps;
		break;
	case RECURRENT_RWKV6:
	case RECURRENT_RWKV7:
		*state = (double)(r->heads * r->head_dim * r->head_dim);
		*tail = (double)(2 * m->shape.hidden);
		break;
	case RECURRENT_MLSTM:
		*state = (double)(r->heads * (r->key_dim * r->head_dim + r->key_dim + 1));
		break;
	case RECURRENT_NONE:
		break;
	}
}
