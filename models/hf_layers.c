/* Which layers attend to what, and the architectures that differ from Llama in attention and width alone. */
#include <string.h>

#include "hardware/operator.h"
#include "models/hf_parts.h"

/* clang-format off */
static const struct { const char *type; char letter; } layer_words[] = {
	{ "full_attention", 'A' }, { "attention", 'A' }, { "sliding_attention", 'W' }, { "chunked_attention", 'W' },
	{ "sliding_window", 'W' }, { "local", 'W' }, { "global", 'A' },
};
/* clang-format on */

/* layer_types spelled out in letters. */
static bool layers_by_type(struct hf *h, json_t *list)
{
	int64_t layers = h->m->shape.layers;
	char *letters = arena_alloc(h->arena, (size_t)layers + 1);

	if (!letters)
		return err_memory(h->err);
	if ((int64_t)json_array_size(list) < layers)
		return hf_refuse(h, "field layer_types: %zu entries: expected %lld", json_array_size(list),
				 (long long)layers);
	for (int64_t i = 0; i < layers; i++) {
		const char *type = json_string_value(json_array_get(list, (size_t)i));

		for (size_t k = 0; type && k < COUNT_OF(layer_words); k++)
			if (strcmp(layer_words[k].type, type) == 0)
				letters[i] = layer_words[k].letter;
		if (!letters[i])
			return hf_refuse(h, "field layer_types: '%s': expected full_attention or sliding_attention",
					 type ? type : "?");
	}
	h->m->shape.mixers = hf_pattern(h, letters, layers);
	return true;
}

/* Every how many layers one is global when the file does not say: Gemma 2 second, Gemma 3 sixth, Command R7B and
 * OLMo 3 fourth; 0 = never. */
static int64_t default_period(const struct model *m)
{
	if (strcmp(m->family, "gemma") == 0)
		return m->attention.qk_norm == QK_NORM_NONE ? 2 : 6;
	return strcmp(m->family, "cohere") == 0 || strcmp(m->family, "olmo") == 0 ? 4 : 0;
}

bool hf_window(struct hf *h)
{
	struct model *m = h->m;
	json_t *types = hf_get(h, "layer_types");
	int64_t window = hf_int(h, "sliding_window|sliding_window_size|attention_window_size", 0);
	bool use = hf_flag(h, "use_sliding_window", true);
	int64_t period = hf_int(h, "sliding_window_pattern|global_attn_every_n_layers", default_period(m));
	int64_t first = hf_int(h, "max_window_layers", 0);

	if (m->shape.layers < 1)
		return hf_refuse(h, "field num_hidden_layers: expected a positive whole number");
	/* A window as wide as the context is none. */
	if (!use || window < 1 || (m->shape.max_context > 0 && window >= m->shape.max_context))
		return true;
	m->attention.window = window;
	if (json_is_array(types))
		return layers_by_type(h, types);
	if (strcmp(m->family, "qwen") == 0 && first > 0 && first < m->shape.layers)
		m->shape.mixers = arena_printf(h->arena, "%lldA(W)", (long long)first);
	else if (period == 2)
		m->shape.mixers = "(WA)";
	else if (period > 2)
		m->shape.mixers = arena_printf(h->arena, "(%lldWA)", (long long)period - 1);
	else
		m->shape.mixers = "(W)";
	return m->shape.mixers || err_memory(h->err);
}

/* Local chunks of attention_chunk_size tokens without global reach in three of four layers; the local ones have no
 * rotary position but that changes no cost. A token sees half a chunk on average, a window sees all: counted as the
 * window, which is what decode reads at the end of a chunk. */
bool hf_llama4(struct hf *h)
{
	struct model *m = h->m;
	int64_t chunk = hf_int(h, "attention_chunk_size", 8192);
	json_t *no_rope = hf_get(h, "no_rope_layers");

	(void)no_rope;
	hf_flag(h, "use_qk_norm", false);
	m->attention.qk_norm = QK_NORM_NONE; /* an L2 norm without weights */
	m->mlp.intermediate = hf_int(h, "intermediate_size_mlp", m->mlp.intermediate);
	m->moe.shared_experts = 1;
	if (chunk > 0 && (m->shape.max_context == 0 || chunk < m->shape.max_context)) {
		m->attention.window = chunk;
		m->shape.mixers = "(3WA)";
	}
	return true;
}

bool hf_gemma4(struct hf *h)
{
	struct model *m = h->m;

	m->attention.global_head_dim = hf_int(h, "global_head_dim", 0);
	m->attention.global_kv_heads = hf_int(h, "num_global_key_value_heads", 0);
	m->attention.global_k_is_v = hf_flag(h, "attention_k_eq_v", false);
	if (hf_int(h, "hidden_size_per_layer_input", 0) > 0)
		return hf_refuse(h, "field hidden_size_per_layer_input: per-layer embeddings are not modelled");
	if (hf_int(h, "num_kv_shared_layers", 0) > 0)
		return hf_refuse(h, "field num_kv_shared_layers: layers that share a cache are not modelled");
	if (!hf_flag(h, "enable_moe_block", false))
		return true;
	m->moe.beside_dense = true;
	return hf_experts(h);
}

static bool all_ones(json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_integer_value(json_array_get(list, i)) != 1)
			return false;
	return true;
}

/* intermediate_size is the width of one expert; there is no dense MLP. */
bool hf_minimax_m2(struct hf *h)
{
	struct model *m = h->m;

	if (!all_ones(hf_get(h, "attn_type_list")))
		return hf_refuse(h, "field attn_type_list: linear (lightning) attention layers are not modelled");
	if (strcmp(hf_string(h, "qk_norm_type", "per_layer"), "per_layer") == 0 && m->attention.qk_norm != QK_NORM_NONE)
		m->attention.qk_norm = QK_NORM_FULL;
	m->moe.expert_intermediate = m->mlp.intermediate;
	m->mlp.intermediate = 0;
	m->format.router = DTYPE_FP32; /* engines keep its weights so */
	return true;
}

/* Block-sparse attention: an indexer picks blocks of the context; the rest is as in M2. */
bool hf_minimax_m3(struct hf *h)
{
	struct model *m = h->m;
	json_t *s = hf_get(h, "sparse_attention_config"), *frequency = json_object_get(s, "sparse_attention_freq");
	int64_t layers = m->shape.layers;
	char *letters;

	hf_get(h, "qk_norm_type|attention_output_gate");
	m->attention.output_gate = json_is_true(json_object_get(h->text, "attention_output_gate"));
	m->moe.expert_intermediate = m->mlp.intermediate;
	m->mlp.intermediate = hf_int(h, "dense_intermediate_size", m->mlp.intermediate);
	if (!json_is_true(json_object_get(s, "use_sparse_attention")) || layers < 1 || layers > 4096)
		return true;
	m->attention.index_heads = json_integer_value(json_object_get(s, "sparse_num_index_heads"));
	m->attention.index_dim = json_integer_value(json_object_get(s, "sparse_index_dim"));
	m->attention.index_top_k = json_integer_value(json_object_get(s, "sparse_topk_blocks")) *
				   json_integer_value(json_object_get(s, "sparse_block_size"));
	letters = arena_alloc(h->arena, (size_t)layers + 1);
	if (!letters)
		return err_memory(h->err);
	for (int64_t i = 0; i < layers; i++)
		letters[i] = json_integer_value(json_array_get(frequency, (size_t)i)) ? 'S' : 'A';
	m->shape.mixers = hf_pattern(h, letters, layers);
	hf_note(h,
		"sparse_attention_config: %lld tokens attended in sparse layers; the indexer is counted as hidden x "
		"(heads + 1) x dim, "
		"an assumption",
		(long long)m->attention.index_top_k);
	return true;
}

bool hf_chatglm(struct hf *h)
{
	struct model *m = h->m;

	m->shape.vocab = hf_need(h, "padded_vocab_size|vocab_size");
	if (hf_flag(h, "multi_query_attention", false))
		m->attention.kv_heads = hf_int(h, "multi_query_group_num", m->attention.kv_heads);
	if (!hf_flag(h, "rmsnorm", true))
		m->shape.norm = NORM_LAYER;
	if (hf_flag(h, "add_bias_linear", false))
		m->attention.bias = BIAS_QKVO, m->mlp.bias = true;
	else
		m->attention.bias = hf_flag(h, "add_qkv_bias", true) ? BIAS_QKV : BIAS_NONE;
	hf_get(h, "post_layer_norm|original_rope|apply_query_key_layer_scaling|fp32_residual_connection|quantization_"
		  "bit|pre_seq_len");
	return true;
}

/* 7B: one kv head, one norm; 40B and 180B ("new decoder"): kv groups, a norm each for attention and MLP. */
bool hf_falcon(struct hf *h)
{
	struct model *m = h->m;
	bool grouped = hf_flag(h, "new_decoder_architecture", m->attention.kv_heads > 1);
	bool multi_query = hf_flag(h, "multi_query", !grouped);

	if (!grouped)
		m->attention.kv_heads = multi_query ? 1 : m->attention.heads;
	m->shape.parallel = hf_flag(h, "parallel_attn", true);
	m->shape.norms_per_layer = grouped ? hf_int(h, "num_ln_in_parallel_attn", 2) : m->shape.parallel ? 1 : 2;
	if (hf_flag(h, "alibi", false))
		m->shape.position = POSITION_ALIBI;
	if (m->attention.bias != BIAS_NONE)
		m->mlp.bias = true;
	return true;
}

bool hf_gpt_bigcode(struct hf *h)
{
	if (hf_flag(h, "multi_query", true))
		h->m->attention.kv_heads = 1;
	return true;
}

/* Positions are stored with an offset of two; the 350M model norms after the sums and embeds in fewer dimensions. */
bool hf_opt(struct hf *h)
{
	struct model *m = h->m;
	int64_t embedding = hf_int(h, "word_embed_proj_dim", m->shape.hidden);

	m->shape.position_rows = m->shape.max_context + 2;
	if (embedding != m->shape.hidden)
		m->shape.embedding_dim = embedding;
	m->shape.final_norm =
		hf_flag(h, "do_layer_norm_before", true) && !hf_flag(h, "_remove_final_layer_norm", false);
	if (!hf_flag(h, "enable_bias", true))
		m->attention.bias = BIAS_NONE, m->mlp.bias = false;
	hf_get(h, "layerdrop");
	return true;
}

/* The file counts gate and up together. */
bool hf_qwen1(struct hf *h)
{
	struct model *m = h->m;

	m->mlp.intermediate /= 2;
	m->attention.bias = BIAS_QKV;
	m->mlp.bias = !hf_flag(h, "no_bias", true);
	hf_get(h, "use_dynamic_ntk|use_logn_attn|use_flash_attn|fp16|bf16|fp32|use_cache_quantization|use_cache_kernel|"
		  "onnx_safe");
	return true;
}
