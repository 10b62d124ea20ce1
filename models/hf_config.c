#include "models/hf_config.h"

#include <libgen.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "hardware/operator.h"
#include "models/hf_parts.h"

/* What an architecture means before its fields are read. */
enum trait {
	LAYER_NORM = 1 << 0,
	UNGATED = 1 << 1,
	TIED = 1 << 2,
	PARALLEL = 1 << 3,
	ONE_NORM = 1 << 4,
	FOUR_NORMS = 1 << 5,
	QKV_BIAS = 1 << 6,
	QKVO_BIAS = 1 << 7,
	MLP_BIAS = 1 << 8,
	QK_HEAD = 1 << 9,
	QK_FULL = 1 << 10,
	LEARNED = 1 << 11,
	ALIBI = 1 << 12,
	NO_POSITION = 1 << 13,
	HEAD_BIAS = 1 << 14,
	EMBEDDING_NORM = 1 << 15,
	NO_NORM_BIAS = 1 << 16,
	GATED_OUT = 1 << 17,
	NO_NORM_WEIGHTS = 1 << 18,
	SUB_NORM = 1 << 19,
	SINKS = 1 << 20,
	GPT_STYLE = LAYER_NORM | UNGATED | QKVO_BIAS | MLP_BIAS
};

struct architecture {
	const char *name, *model_type, *family;
	unsigned traits;
	bool (*parts[3])(struct hf *h); /* read in this order */
};

/* clang-format off */
static const struct architecture architectures[] = {
	{ "LlamaForCausalLM", "llama", "llama", 0, { hf_window } },
	{ "YiForCausalLM", "yi", "yi", 0, { hf_window } },
	{ "MistralForCausalLM", "mistral", "mistral", 0, { hf_window } },
	{ "Mistral3ForConditionalGeneration", "mistral3", "mistral", 0, { hf_window } },
	{ "MixtralForCausalLM", "mixtral", "mistral", 0, { hf_window, hf_experts } },
	{ "QWenLMHeadModel", "qwen", "qwen", QKV_BIAS, { hf_qwen1 } },
	{ "Qwen2ForCausalLM", "qwen2", "qwen", QKV_BIAS, { hf_window } },
	{ "Qwen2MoeForCausalLM", "qwen2_moe", "qwen", QKV_BIAS, { hf_window, hf_experts } },
	{ "Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", "qwen", QKV_BIAS, { hf_window } },
	{ "Qwen3ForCausalLM", "qwen3", "qwen", QK_HEAD, { hf_window } },
	{ "Qwen3MoeForCausalLM", "qwen3_moe", "qwen", QK_HEAD, { hf_window, hf_experts } },
	{ "Qwen3VLForConditionalGeneration", "qwen3_vl", "qwen", QK_HEAD | TIED, { hf_window } },
	{ "Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe", "qwen", QK_HEAD, { hf_window, hf_experts } },
	{ "Qwen3NextForCausalLM", "qwen3_next", "qwen", QK_HEAD | GATED_OUT, { hf_gdn, hf_experts } },
	{ "Qwen3_5ForCausalLM", "qwen3_5_text", "qwen", QK_HEAD | GATED_OUT, { hf_gdn } },
	{ "Qwen3_5ForConditionalGeneration", "qwen3_5", "qwen", QK_HEAD | GATED_OUT, { hf_gdn } },
	{ "Qwen3_5MoeForCausalLM", "qwen3_5_moe_text", "qwen", QK_HEAD | GATED_OUT, { hf_gdn, hf_experts } },
	{ "Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe", "qwen", QK_HEAD | GATED_OUT, { hf_gdn, hf_experts } },
	{ "MiMoForCausalLM", "mimo", "mimo", QKV_BIAS, { hf_window } },
	{ "DeepseekForCausalLM", "deepseek", "deepseek", 0, { hf_experts } },
	{ "DeepseekV2ForCausalLM", "deepseek_v2", "deepseek", 0, { hf_mla, hf_experts } },
	{ "DeepseekV3ForCausalLM", "deepseek_v3", "deepseek", 0, { hf_mla, hf_experts } },
	{ "DeepseekV32ForCausalLM", "deepseek_v32", "deepseek", 0, { hf_mla, hf_experts } },
	{ "KimiK25ForConditionalGeneration", "kimi_k25", "kimi", 0, { hf_mla, hf_experts } },
	{ "KimiK2ForCausalLM", "kimi_k2", "kimi", 0, { hf_mla, hf_experts } },
	{ "GlmMoeDsaForCausalLM", "glm_moe_dsa", "glm", 0, { hf_mla, hf_experts } },
	{ "Glm4MoeForCausalLM", "glm4_moe", "glm", 0, { hf_window, hf_experts } },
	{ "GlmForCausalLM", "glm", "glm", QKV_BIAS, { hf_window } },
	{ "Glm4ForCausalLM", "glm4", "glm", QKV_BIAS | FOUR_NORMS, { hf_window } },
	{ "ChatGLMModel", "chatglm", "glm", QKV_BIAS, { hf_chatglm } },
	{ "ChatGLMForConditionalGeneration", "chatglm", "glm", QKV_BIAS, { hf_chatglm } },
	{ "GemmaForCausalLM", "gemma", "gemma", TIED, { hf_window } },
	{ "Gemma2ForCausalLM", "gemma2", "gemma", TIED | FOUR_NORMS, { hf_window } },
	{ "Gemma3ForCausalLM", "gemma3_text", "gemma", TIED | FOUR_NORMS | QK_HEAD, { hf_window } },
	{ "Gemma3ForConditionalGeneration", "gemma3", "gemma", TIED | FOUR_NORMS | QK_HEAD, { hf_window } },
	{ "Gemma4ForCausalLM", "gemma4_text", "gemma", TIED | FOUR_NORMS | QK_HEAD, { hf_window, hf_gemma4 } },
	{ "Gemma4ForConditionalGeneration", "gemma4", "gemma", TIED | FOUR_NORMS | QK_HEAD, { hf_window, hf_gemma4 } },
	{ "PhiForCausalLM", "phi", "phi", GPT_STYLE | PARALLEL | ONE_NORM | HEAD_BIAS, { hf_window } },
	{ "Phi3ForCausalLM", "phi3", "phi", 0, { hf_window } },
	{ "Phi3SmallForCausalLM", "phi3small", "phi", LAYER_NORM | QKVO_BIAS | MLP_BIAS | TIED, { hf_window } },
	{ "PhiMoEForCausalLM", "phimoe", "phi", LAYER_NORM, { hf_experts } },
	{ "GPT2LMHeadModel", "gpt2", "gpt2", GPT_STYLE | LEARNED | TIED, { 0 } },
	{ "GPTBigCodeForCausalLM", "gpt_bigcode", "starcoder", GPT_STYLE | LEARNED | TIED, { hf_gpt_bigcode } },
	{ "GPTNeoXForCausalLM", "gpt_neox", "neox", GPT_STYLE | PARALLEL, { 0 } },
	{ "GPTJForCausalLM", "gptj", "gptj", LAYER_NORM | UNGATED | MLP_BIAS | PARALLEL | ONE_NORM | HEAD_BIAS, { 0 } },
	{ "OPTForCausalLM", "opt", "opt", GPT_STYLE | LEARNED | TIED, { hf_opt } },
	{ "BloomForCausalLM", "bloom", "bloom", GPT_STYLE | ALIBI | TIED | EMBEDDING_NORM, { 0 } },
	{ "FalconForCausalLM", "falcon", "falcon", LAYER_NORM | UNGATED | TIED, { hf_falcon } },
	{ "RWForCausalLM", "RefinedWeb", "falcon", LAYER_NORM | UNGATED | TIED, { hf_falcon } },
	{ "Starcoder2ForCausalLM", "starcoder2", "starcoder", GPT_STYLE | TIED, { hf_window } },
	{ "StableLmForCausalLM", "stablelm", "stablelm", LAYER_NORM, { hf_window } },
	{ "GptOssForCausalLM", "gpt_oss", "gpt-oss", SINKS, { hf_window, hf_experts } },
	{ "Llama4ForCausalLM", "llama4_text", "llama", 0, { hf_llama4, hf_experts } },
	{ "Llama4ForConditionalGeneration", "llama4", "llama", 0, { hf_llama4, hf_experts } },
	{ "MiniMaxM2ForCausalLM", "minimax_m2", "minimax", 0, { hf_minimax_m2, hf_experts } },
	{ "MiniMaxM3SparseForCausalLM", "minimax_m3", "minimax", 0, { hf_minimax_m3, hf_experts } },
	{ "MiniMaxM3SparseForConditionalGeneration", "minimax_m3_vl", "minimax", 0, { hf_minimax_m3, hf_experts } },
	{ "MambaForCausalLM", "mamba", "mamba", TIED | NO_POSITION, { hf_mamba } },
	{ "FalconMambaForCausalLM", "falcon_mamba", "mamba", NO_POSITION, { hf_mamba } },
	{ "Mamba2ForCausalLM", "mamba2", "mamba", NO_POSITION, { hf_mamba } },
	{ "JambaForCausalLM", "jamba", "jamba", NO_POSITION, { hf_jamba, hf_experts } },
	{ "NemotronForCausalLM", "nemotron", "nemotron", LAYER_NORM | UNGATED, { hf_window } },
	{ "NemotronHForCausalLM", "nemotron_h", "nemotron", UNGATED | NO_POSITION, { hf_nemotron_h } },
	{ "DeciLMForCausalLM", "nemotron-nas", "nemotron", 0, { hf_nemotron_nas } },
	{ "GraniteForCausalLM", "granite", "granite", TIED, { hf_window } },
	{ "GraniteMoeForCausalLM", "granitemoe", "granite", TIED, { hf_window, hf_experts } },
	{ "CohereForCausalLM", "cohere", "cohere", LAYER_NORM | NO_NORM_BIAS | PARALLEL | ONE_NORM | TIED, { hf_window } },
	{ "Cohere2ForCausalLM", "cohere2", "cohere", LAYER_NORM | NO_NORM_BIAS | PARALLEL | ONE_NORM | TIED, { hf_window } },
	{ "OlmoForCausalLM", "olmo", "olmo", NO_NORM_WEIGHTS, { hf_window } },
	{ "Olmo2ForCausalLM", "olmo2", "olmo", QK_FULL, { hf_window } },
	{ "Olmo3ForCausalLM", "olmo3", "olmo", QK_FULL, { hf_window } },
	{ "OlmoeForCausalLM", "olmoe", "olmo", QK_FULL, { hf_window, hf_experts } },
	{ "InternLMForCausalLM", "internlm", "internlm", 0, { hf_window } },
	{ "InternLM2ForCausalLM", "internlm2", "internlm", 0, { hf_window } },
	{ "InternLM3ForCausalLM", "internlm3", "internlm", 0, { hf_window } },
	{ "BaichuanForCausalLM", "baichuan", "baichuan", 0, { hf_window } },
	{ "SmolLM3ForCausalLM", "smollm3", "smollm", TIED, { hf_window } },
	{ "SeedOssForCausalLM", "seed_oss", "seed", 0, { hf_window } },
	{ "BitNetForCausalLM", "bitnet", "bitnet", SUB_NORM, { hf_window } },
};
/* clang-format on */

/* Known, and not to be modelled with what is here: said plainly instead of approximated. */
static const struct {
	const char *name, *why;
} refused[] = {
	{ "DeepseekV4ForCausalLM",
	  "its compressed attention (compress_ratios), grouped output projection (o_groups) and hyper-connections "
	  "(hc_mult) are not modelled; deepseek-v3 is the nearest model" },
	{ "MiniMaxText01ForCausalLM", "its lightning attention is not modelled; minimax-m2 configurations are" },
	{ "MiniMaxForCausalLM", "its lightning attention is not modelled; minimax-m2 configurations are" },
	{ "KimiLinearForCausalLM", "its delta attention is not modelled; Qwen3-Next configurations are" },
	{ "GraniteMoeHybridForCausalLM", "its mixed blocks are not modelled; NemotronH and Jamba configurations are" },
	{ "T5ForConditionalGeneration", "encoder-decoder models are not modelled" },
	{ "BartForConditionalGeneration", "encoder-decoder models are not modelled" },
	{ "WhisperForConditionalGeneration", "encoder-decoder models are not modelled" },
	{ "BertForMaskedLM", "encoders are not modelled: they do not generate" },
};

static const struct architecture *find(const char *name, const char *model_type)
{
	for (size_t i = 0; name && i < COUNT_OF(architectures); i++)
		if (strcmp(architectures[i].name, name) == 0)
			return &architectures[i];
	for (size_t i = 0; !name && model_type && i < COUNT_OF(architectures); i++)
		if (strcmp(architectures[i].model_type, model_type) == 0)
			return &architectures[i];
	return NULL;
}

static bool unsupported(struct hf *h, const char *name)
{
	const char *names[COUNT_OF(architectures)], *near;
	struct str families = { 0 };
	size_t first;

	for (size_t i = 0; i < COUNT_OF(refused); i++)
		if (strcmp(refused[i].name, name) == 0)
			return hf_refuse(h, "architecture %s: %s", name, refused[i].why);
	for (size_t i = 0; i < COUNT_OF(architectures); i++) {
		names[i] = architectures[i].name;
		for (first = 0; strcmp(architectures[first].family, architectures[i].family) != 0; first++)
			continue;
		if (first == i)
			str_addf(&families, " %s", architectures[i].family);
	}
	near = text_nearest(name, names, COUNT_OF(architectures));
	hf_refuse(h, "architecture %s is not supported%s%s%s; expected one of the families%s", name,
		  near ? " (nearest: " : "", near ? near : "", near ? ")" : "", str_text(&families));
	str_release(&families);
	return false;
}

static void set_traits(struct model *m, unsigned traits)
{
	m->shape.norm = !(traits & LAYER_NORM) ? NORM_RMS : traits & NO_NORM_BIAS ? NORM_LAYER_NO_BIAS : NORM_LAYER;
	m->shape.norms_per_layer = traits & ONE_NORM ? 1 : traits & FOUR_NORMS ? 4 : traits & NO_NORM_WEIGHTS ? 0 : 2;
	m->shape.final_norm = !(traits & NO_NORM_WEIGHTS);
	m->shape.parallel = traits & PARALLEL;
	m->shape.embedding_norm = traits & EMBEDDING_NORM;
	m->shape.head_bias = traits & HEAD_BIAS;
	m->shape.position = traits & LEARNED       ? POSITION_LEARNED
			    : traits & ALIBI       ? POSITION_ALIBI
			    : traits & NO_POSITION ? POSITION_NONE
						   : POSITION_ROPE;
	m->attention.bias = traits & QKVO_BIAS ? BIAS_QKVO : traits & QKV_BIAS ? BIAS_QKV : BIAS_NONE;
	m->attention.qk_norm = traits & QK_HEAD ? QK_NORM_HEAD : traits & QK_FULL ? QK_NORM_FULL : QK_NORM_NONE;
	m->attention.output_gate = traits & GATED_OUT;
	m->attention.sinks = traits & SINKS;
	m->attention.sub_norm = m->mlp.sub_norm = traits & SUB_NORM;
	m->mlp.gated = !(traits & UNGATED);
	m->mlp.bias = traits & MLP_BIAS;
}

/* A file may override the biases that its architecture has by default. Llama's attention_bias covers o_proj, that of
 * the Qwen, GLM and MiMo families does not. */
static void read_biases(struct hf *h, unsigned traits)
{
	struct model *m = h->m;
	bool narrow = strcmp(m->family, "glm") == 0 || strcmp(m->family, "qwen") == 0 || strcmp(m->family, "mimo") == 0;
	bool has = hf_flag(h, "attention_bias|qkv_bias|add_qkv_bias|add_bias_linear|use_qkv_bias",
			   m->attention.bias != BIAS_NONE);

	has = hf_flag(h, "bias|use_bias", has);
	if (!has)
		m->attention.bias = BIAS_NONE;
	else if (m->attention.bias == BIAS_NONE)
		m->attention.bias = narrow ? BIAS_QKV : BIAS_QKVO;
	m->mlp.bias = hf_flag(h, "mlp_bias", traits & MLP_BIAS);
	m->shape.head_bias = hf_flag(h, "lm_head_bias", m->shape.head_bias);
	if (hf_flag(h, "use_qk_norm|qk_layernorm|use_qk_layernorm", false) && m->attention.qk_norm == QK_NORM_NONE)
		m->attention.qk_norm = QK_NORM_HEAD;
}

static void read_common(struct hf *h, const struct architecture *a)
{
	struct model *m = h->m;

	set_traits(m, a->traits);
	m->family = a->family;
	m->shape.layers = hf_int(h, "num_hidden_layers|n_layer|n_layers|num_layers", 0);
	m->shape.hidden = hf_need(h, "hidden_size|n_embd|d_model|hidden_dim");
	m->shape.vocab = hf_need(h, "vocab_size|padded_vocab_size");
	m->shape.max_context = hf_int(
		h, "max_position_embeddings|n_positions|max_sequence_length|seq_length|model_max_length|max_seq_len",
		0);
	m->shape.tied = hf_flag(h, "tie_word_embeddings|tie_embeddings", a->traits & TIED);
	m->attention.heads = hf_int(h, "num_attention_heads|n_head|n_heads|num_heads", 0);
	m->attention.kv_heads = hf_int(h, "num_key_value_heads|num_kv_heads|n_head_kv", 0);
	m->attention.head_dim = hf_int(h, "head_dim|attention_head_dim|kv_channels", 0);
	m->mlp.intermediate = hf_int(h, "intermediate_size|n_inner|ffn_dim|ffn_hidden_size", 0);
	m->mlp.activation = hf_string(h, "hidden_act|hidden_activation|activation_function|mlp_hidden_act", NULL);
	if (m->mlp.intermediate == 0 && (a->traits & UNGATED))
		m->mlp.intermediate = 4 * m->shape.hidden;
	read_biases(h, a->traits);
}

static void read_dtype(struct hf *h)
{
	const char *text = hf_string(h, "torch_dtype|dtype", NULL);
	int t = text ? dtype_parse(text) : -1;

	if (text && t < 0)
		hf_note(h, "field torch_dtype=%s not used: no such number format here", text);
	if (t > 0 && t != DTYPE_BF16)
		h->m->format.weights = t;
	h->m->format.bits = t > 0 ? 8 * dtype_bytes((enum dtype)t) : 16;
}

/* Work that is there in the file and not in the model. */
static void note_missing_parts(struct hf *h)
{
	int64_t mtp = hf_int(h, "num_nextn_predict_layers|mtp_num_hidden_layers|num_mtp_modules|mtp_num_layers", 0);

	hf_get(h, "mtp_use_dedicated_embeddings|mtp_transformer_layers|use_mtp|mtp_hybrid_override_pattern|mtp_layers_"
		  "block_type");
	if (mtp > 0)
		hf_note(h,
			"%lld multi-token-prediction layers: not modelled as part of the model (speculation is a "
			"technique)",
			(long long)mtp);
	if (hf_get(h, "vision_config"))
		hf_note(h, "vision_config: the vision tower is not modelled, only the text model");
	if (hf_get(h, "audio_config"))
		hf_note(h, "audio_config: the audio tower is not modelled, only the text model");
}

/* "dir/ORG--NAME_config.json" or "dir/NAME/config.json" -> lower-case name, Hugging Face id as alias. */
static bool name_after_file(struct hf *h)
{
	char *path = arena_strdup(h->arena, h->path), *base, *cut, *lower;

	if (!path)
		return err_memory(h->err);
	base = arena_strdup(h->arena, basename(path));
	if (base && (strcmp(base, "config.json") == 0))
		base = arena_strdup(h->arena, basename(dirname(path)));
	if (!base)
		return err_memory(h->err);
	cut = strstr(base, "_config.json");
	if (!cut)
		cut = strstr(base, ".json");
	if (cut)
		*cut = '\0';
	cut = strstr(base, "--");
	if (cut)
		h->m->aliases = arena_printf(h->arena, "%.*s/%s", (int)(cut - base), base, cut + 2);
	lower = arena_strdup(h->arena, cut ? cut + 2 : base);
	if (!lower)
		return err_memory(h->err);
	for (char *p = lower; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 'a' - 'A') : *p == '_' || *p == ' ' ? '-' : *p;
	h->m->name = *lower ? lower : "model";
	h->m->title = cut ? cut + 2 : base;
	return true;
}

static json_t *read_json(const char *path, struct err *err)
{
	json_error_t e;
	size_t length = 0;
	char *text = paths_read(path, (size_t)64 << 20, &length, err);
	json_t *v = text ? json_loadb(text, length, JSON_REJECT_DUPLICATES, &e) : NULL;
	char *p = text;

	/* Python writes Infinity and NaN, which JSON does not have: put null in their place and try once more. */
	while (text && !v && (p = strstr(p, "Infinity"))) {
		if (p > text && p[-1] == '-')
			p[-1] = ' ';
		memcpy(p, "null    ", 8);
	}
	if (text && !v)
		v = json_loadb(text, length, JSON_REJECT_DUPLICATES, &e);
	if (text && !v)
		err_set(err, ERR_INPUT, "%s:%d: not JSON: %s", path, e.line, e.text);
	if (v && !json_is_object(v)) {
		err_set(err, ERR_INPUT, "%s: expected an object with the model's configuration", path);
		json_decref(v);
		v = NULL;
	}
	mem_free(text);
	return v;
}

/* "..._config.json" -> "..._hf_quant_config.json"; "config.json" -> "hf_quant_config.json"; absent is fine. */
static bool read_beside(struct hf *h, json_t **out)
{
	const char *cut = strstr(h->path, "config.json"), *path;

	*out = NULL;
	if (!cut)
		return true;
	path = arena_printf(h->arena, "%.*shf_quant_config.json", (int)(cut - h->path), h->path);
	if (!path)
		return err_memory(h->err);
	if (!paths_is_file(path))
		return true;
	*out = read_json(path, h->err);
	return *out != NULL;
}

static void set_sources(struct model *m, const char *source)
{
	m->source = m->shape.source = source;
	m->attention.source = m->mlp.source = m->moe.source = m->recurrent.source = m->format.source = source;
}

/* Groups that an architecture does not have are not written, not even their source. */
static void drop_empty_groups(struct model *m)
{
	if (m->attention.heads == 0)
		m->attention.source = NULL;
	if (m->mlp.intermediate == 0 && !m->mlp.activation && m->mlp.gated)
		m->mlp.source = NULL;
	if (m->moe.experts == 0)
		m->moe.source = NULL;
	if (m->recurrent.kind == RECURRENT_NONE)
		m->recurrent.source = NULL;
}

static bool read_model(struct hf *h)
{
	json_t *list = json_object_get(h->root, "architectures"), *beside = NULL;
	const char *name = json_string_value(json_array_get(list, 0));
	const char *type = json_string_value(json_object_get(h->root, "model_type"));
	const struct architecture *a = find(name, type);
	bool ok;

	if (!a && (name || type))
		return unsupported(h, name ? name : type);
	if (!a)
		return hf_refuse(h, "no architectures and no model_type: expected the config.json of a language model%s",
				 json_object_get(h->root, "quantization") ? " (number formats come from the hf_quant_config.json beside it by themselves)" : "");
	read_common(h, a);
	read_dtype(h);
	note_missing_parts(h);
	for (size_t i = 0; i < COUNT_OF(a->parts) && a->parts[i]; i++)
		if (h->err->kind || !a->parts[i](h))
			return false;
	if (h->err->kind || !read_beside(h, &beside))
		return false;
	ok = hf_quantisation(h, beside);
	json_decref(beside);
	drop_empty_groups(h->m);
	return ok;
}

/* Through XML and back: checks the ranges of every attribute, and that `catalog import` loses nothing. */
static struct model *checked(struct hf *h)
{
	struct model *m = arena_alloc(h->arena, sizeof(*m));
	struct str xml = { 0 };
	const char *origin;
	bool ok;

	if (!m) {
		err_memory(h->err);
		return NULL;
	}
	origin = arena_printf(h->arena, "%s (as imported)", h->path);
	model_write_xml(h->m, &xml);
	ok = xml.failed || !origin
		     ? err_memory(h->err)
		     : schema_load_text(origin, xml.text, xml.length, &model_element, m, h->arena, h->err) &&
			       model_finish(m, h->path, h->arena, h->err);
	str_release(&xml);
	if (!ok)
		return NULL;
	m->notes = h->notes;
	m->note_count = h->note_count;
	return m;
}

struct model *hf_config_read(const char *path, struct arena *arena, struct err *err)
{
	struct err own = { 0 };
	struct hf h = { .path = path, .arena = arena, .err = &own };
	struct model *m = NULL;
	json_t *text;

	h.m = arena_alloc(arena, sizeof(*h.m));
	h.notes = arena_alloc(arena, HF_MOST_NOTES * sizeof(*h.notes));
	if (!h.m || !h.notes) {
		err_memory(&own);
		goto out;
	}
	h.root = read_json(path, &own);
	if (!h.root || !schema_defaults(&model_element, h.m, arena, &own))
		goto out;
	text = json_object_get(h.root, "text_config");
	if (!text)
		text = json_object_get(h.root, "llm_config");
	h.text = json_is_object(text) ? text : h.root;
	set_sources(h.m, "imported from the model's config.json");
	if (!name_after_file(&h) || !read_model(&h))
		goto out;
	hf_note_unused(&h, h.text, h.text != h.root ? "text_config." : "");
	if (own.kind == ERR_NONE)
		m = checked(&h);
out:
	json_decref(h.root);
	if (own.kind != ERR_NONE)
		err_set(err, own.kind, "%s", own.text);
	return m;
}
