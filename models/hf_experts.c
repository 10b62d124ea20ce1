/* Experts, and latent attention. */
#include <string.h>

#include "hardware/operator.h"
#include "models/hf_parts.h"

/* Is layer i one of the numbers in `list`? */
static bool in_list(json_t *list, int64_t i)
{
	for (size_t k = 0; k < json_array_size(list); k++)
		if (json_integer_value(json_array_get(list, k)) == i)
			return true;
	return false;
}

struct placing {
	json_t *types, *per_layer, *only_dense, *only_experts;
	int64_t first_dense, step, period, offset;
	bool from_one; /* layers 0 .. step - 2 are dense: (i + 1) % step == 0 */
};

static void read_placing(struct hf *h, struct placing *p)
{
	json_t *frequency = hf_get(h, "moe_layer_freq|moe_layer_frequency");

	memset(p, 0, sizeof(*p));
	p->types = hf_get(h, "mlp_layer_types");
	p->only_dense = hf_get(h, "mlp_only_layers");
	p->only_experts = hf_get(h, "moe_layers");
	p->first_dense = hf_int(h, "first_k_dense_replace|first_k_dense", 0);
	p->step = 1;
	if (json_is_array(frequency))
		p->per_layer = frequency;
	else if (json_is_integer(frequency))
		p->step = json_integer_value(frequency);
	else
		p->from_one = true,
		p->step = hf_int(h, "decoder_sparse_step|interleave_moe_layer_step|moe_every_n_layers", 1);
	p->period = hf_int(h, "expert_layer_period", 0);
	p->offset = hf_int(h, "expert_layer_offset", 0);
}

static bool has_experts(const struct placing *p, int64_t i)
{
	const char *type = json_string_value(json_array_get(p->types, (size_t)i));

	if (type)
		return strcmp(type, "dense") != 0;
	if (p->per_layer)
		return json_integer_value(json_array_get(p->per_layer, (size_t)i)) != 0;
	if (p->only_experts)
		return in_list(p->only_experts, i);
	if (i < p->first_dense || in_list(p->only_dense, i))
		return false;
	if (p->period > 0)
		return i % p->period == p->offset;
	return p->step < 2 || (p->from_one ? (i + 1) % p->step == 0 : i % p->step == 0);
}

bool hf_experts(struct hf *h)
{
	struct model *m = h->m;
	struct model_moe *e = &m->moe;
	bool gpt_oss = strcmp(m->family, "gpt-oss") == 0, dense = false;
	int64_t layers = m->shape.layers;
	struct placing p;
	char *letters;

	read_placing(h, &p);
	e->experts = hf_int(h, "n_routed_experts|num_local_experts|num_experts|moe_num_experts", 0);
	if (e->experts == 0 || layers < 1 || layers > 4096)
		return true;
	e->top_k = hf_int(
		h, "num_experts_per_tok|num_experts_per_token|experts_per_token|top_k_experts|moe_top_k|moe_topk|moe_k",
		0);
	e->expert_intermediate =
		hf_int(h, "moe_intermediate_size|expert_intermediate_size",
		       e->expert_intermediate > 0 ? e->expert_intermediate : hf_int(h, "intermediate_size", 0));
	e->shared_experts = hf_int(h, "n_shared_experts|num_shared_experts|moe_num_shared_experts", e->shared_experts);
	e->shared_intermediate = hf_int(
		h, "shared_expert_intermediate_size|moe_shared_expert_intermediate_size|shared_intermediate_size", 0);
	if (e->shared_intermediate > 0 && e->shared_experts == 0)
		e->shared_experts = 1;
	e->shared_gate = strcmp(m->family, "qwen") == 0 && e->shared_experts > 0;
	e->latent = hf_int(h, "moe_latent_size", 0);
	e->bias = gpt_oss;
	if (strcmp(hf_string(h, "model_type", ""), "glm4_moe") == 0)
		m->format.router = DTYPE_FP32; /* engines keep its weights so */
	e->router_bias = gpt_oss || strcmp(hf_string(h, "topk_method", ""), "noaux_tc") == 0 ||
			 hf_flag(h, "use_routing_bias", false) || strcmp(m->family, "glm") == 0;
	if (m->shape.ffns)
		return true; /* the blocks said it already */
	letters = arena_alloc(h->arena, (size_t)layers + 1);
	if (!letters)
		return err_memory(h->err);
	for (int64_t i = 0; i < layers; i++) {
		letters[i] = has_experts(&p, i) ? 'E' : 'D';
		dense |= letters[i] == 'D';
	}
	m->shape.ffns = hf_pattern(h, letters, layers);
	if (!dense && !e->beside_dense)
		m->mlp.intermediate = 0; /* given in the file, used in no layer */
	return true;
}

/* DeepSeek-V3.2 and GLM-5: an indexer of its own in "full" layers; "shared" layers take the selection of the last one. */
static bool read_indexer(struct hf *h)
{
	struct model *m = h->m;
	json_t *types = hf_get(h, "indexer_types");
	char *letters;

	m->attention.index_heads = hf_int(h, "index_n_heads", 0);
	m->attention.index_dim = hf_int(h, "index_head_dim", 0);
	m->attention.index_top_k = hf_int(h, "index_topk", 0);
	if (m->attention.index_top_k < 1 || m->shape.layers < 1 || m->shape.layers > 4096)
		return true;
	letters = arena_alloc(h->arena, (size_t)m->shape.layers + 1);
	if (!letters)
		return err_memory(h->err);
	for (int64_t i = 0; i < m->shape.layers; i++) {
		const char *type = json_string_value(json_array_get(types, (size_t)i));

		letters[i] = type && strcmp(type, "shared") == 0 ? 'T' : 'S';
	}
	m->shape.mixers = hf_pattern(h, letters, m->shape.layers);
	return true;
}

bool hf_mla(struct hf *h)
{
	struct model_attention *a = &h->m->attention;

	a->kv_lora_rank = hf_int(h, "kv_lora_rank", 0);
	if (a->kv_lora_rank == 0)
		return hf_refuse(h, "field kv_lora_rank: expected the width of the latent cache of this architecture");
	a->q_lora_rank = hf_int(h, "q_lora_rank", 0);
	a->nope_dim = hf_need(h, "qk_nope_head_dim");
	a->rope_dim = hf_need(h, "qk_rope_head_dim");
	a->v_head_dim = hf_need(h, "v_head_dim");
	a->kv_heads = a->heads;
	a->head_dim = 0;
	hf_get(h, "qk_head_dim|layer_types");
	return read_indexer(h);
}
