/* Number formats of a checkpoint: which of attention, MLP and experts are quantised, and how. */
#include <fnmatch.h>
#include <regex.h>
#include <string.h>

#include "base/str.h"
#include "hardware/operator.h"
#include "models/hf_parts.h"

/* clang-format off */
static const struct { const char *name; enum dtype t; } algorithms[] = {
	{ "FP8", DTYPE_FP8 }, { "FP8_PER_CHANNEL_PER_TOKEN", DTYPE_FP8 }, { "FP8_PB_WO", DTYPE_FP8_BLOCK },
	{ "FP8_BLOCK_SCALES", DTYPE_FP8_BLOCK }, { "MXFP8", DTYPE_FP8 }, { "NVFP4", DTYPE_FP4 }, { "W4A16_NVFP4", DTYPE_FP4 },
	{ "MXFP4", DTYPE_MXFP4 }, { "W4A16", DTYPE_INT4_WO }, { "W4A16_AWQ", DTYPE_INT4_WO }, { "W4A8_AWQ", DTYPE_INT4_WO },
	{ "W8A16", DTYPE_INT8_WO }, { "W8A8_SQ_PER_CHANNEL", DTYPE_INT8 }, { "INT8", DTYPE_INT8 }, { "awq", DTYPE_INT4_WO },
	{ "gptq", DTYPE_INT4_WO }, { "mxfp4", DTYPE_MXFP4 },
};
/* clang-format on */

static enum dtype algorithm(struct hf *h, const char *name)
{
	if (name && strcmp(name, "W4A16_NVFP4") == 0 && !h->told_weight_only)
		hf_note(h, "quantisation W4A16_NVFP4: priced as fp4, whose activations are 4 bit, too"),
			h->told_weight_only = true;
	for (size_t i = 0; name && i < COUNT_OF(algorithms); i++)
		if (text_equal_fold(name, algorithms[i].name))
			return algorithms[i].t;
	if (name && strcmp(name, "MIXED_PRECISION") != 0)
		hf_note(h, "quantisation %s not used: no such number format here; weights stay 16 bit", name);
	return DTYPE_NONE;
}

/* Module names are compared from "layers." on, since files disagree about what stands before it. */
static const char *tail(const char *name)
{
	const char *p = strstr(name, "layers.");

	return p ? p : name;
}

static bool regex_matches(const char *pattern, const char *name)
{
	regex_t r;
	bool hit;

	if (regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	hit = regexec(&r, name, 0, NULL, 0) == 0;
	regfree(&r);
	return hit;
}

/* Does `pattern` (a name, a name with wildcards, "re:" and an expression) cover module `name` or something above it? */
static bool covers(const char *pattern, const char *name)
{
	size_t n;

	if (text_starts(pattern, "re:"))
		return regex_matches(pattern + 3, name);
	if (strchr(pattern, '*') && !strstr(pattern, "layers."))
		return fnmatch(pattern, name, 0) == 0;
	pattern = tail(pattern), name = tail(name);
	n = strlen(pattern);
	if (strchr(pattern, '*'))
		return fnmatch(pattern, name, 0) == 0;
	return strncmp(pattern, name, n) == 0 && (name[n] == '\0' || name[n] == '.');
}

/* The names that a part of layer i goes by. */
static const char *const attention_names[] = { "self_attn.o_proj", "self_attn.q_proj", "attn.o_proj",
					       "mixer.o_proj",     "mixer.out_proj",   NULL };
static const char *const recurrent_names[] = { "linear_attn.out_proj", "linear_attn.in_proj_qkv", "mixer.in_proj",
					       NULL };
static const char *const mlp_names[] = { "mlp.down_proj",
					 "mlp.gate_proj",
					 "ffn.w2",
					 "mlp.shared_experts.down_proj",
					 "mlp.shared_expert.down_proj",
					 "ffn.shared_experts.w2",
					 "mixer.down_proj",
					 NULL };
static const char *const expert_names[] = { "mlp.experts.0.down_proj",
					    "mlp.experts",
					    "block_sparse_moe.experts.0.w2",
					    "ffn.experts",
					    "mixer.experts.0.down_proj",
					    "experts.0.down_proj",
					    NULL };

/* Gemma 4 has its experts beside the MLP, the others inside it. */
static const char *const *names_of_experts(const struct hf *h)
{
	static const char *const beside[] = { "experts.0.down_proj", "moe.experts.0.down_proj", NULL };

	return h->m->moe.beside_dense ? beside : expert_names;
}

/* A middle layer with this part: the first and last ones are often kept in 16 bit. */
static int64_t typical_layer(const struct model *m, const char *letters)
{
	const char *pattern = strpbrk(letters, "DE") ? m->ffn_of : m->mixer_of;

	for (int64_t i = m->shape.layers / 2; i < m->shape.layers; i++)
		if (strchr(letters, pattern[i]))
			return i;
	for (int64_t i = m->shape.layers / 2; i-- > 0;)
		if (strchr(letters, pattern[i]))
			return i;
	return -1;
}

static bool module_excluded(json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *pattern = json_string_value(json_array_get(list, i));

		if (pattern && *pattern && covers(pattern, name))
			return true;
	}
	return false;
}

static bool excluded(struct hf *h, json_t *list, const char *letters, const char *const *names)
{
	int64_t layer = typical_layer(h->m, letters);

	for (size_t i = 0; layer >= 0 && names[i]; i++) {
		const char *name = arena_printf(h->arena, "model.layers.%lld.%s", (long long)layer, names[i]);

		if (name && module_excluded(list, name))
			return true;
	}
	return false;
}

/* MIXED_PRECISION: the format that `quantized_layers` gives to this part of a middle layer. */
static enum dtype layer_format(struct hf *h, json_t *layers, const char *letters, const char *const *names)
{
	int64_t at = typical_layer(h->m, letters);
	const char *key;
	json_t *value;

	json_object_foreach(layers, key, value) for (size_t i = 0; at >= 0 && names[i]; i++)
	{
		const char *name = arena_printf(h->arena, "layers.%lld.%s", (long long)at, names[i]);

		if (name && strcmp(tail(key), name) == 0)
			return algorithm(h, json_string_value(json_object_get(value, "quant_algo")));
	}
	return DTYPE_NONE;
}

/* compressed-tensors and modelopt describe a group by bits and type. */
static enum dtype group_format(json_t *groups)
{
	json_t *group = json_object_iter_value(json_object_iter(groups)), *weights = json_object_get(group, "weights");
	int64_t bits = json_integer_value(json_object_get(weights, "num_bits"));
	const char *type = json_string_value(json_object_get(weights, "type"));
	bool weight_only = !json_is_object(json_object_get(group, "input_activations"));

	if (bits == 8 && type && strcmp(type, "float") == 0)
		return DTYPE_FP8;
	if (bits == 8)
		return weight_only ? DTYPE_INT8_WO : DTYPE_INT8;
	if (bits == 4 && type && strcmp(type, "float") == 0)
		return DTYPE_FP4;
	return bits == 4 ? weight_only ? DTYPE_INT4_WO : DTYPE_INT4 : DTYPE_NONE;
}

static void read_kv(struct hf *h, json_t *q)
{
	json_t *algo = json_object_get(q, "kv_cache_quant_algo"), *scheme = json_object_get(q, "kv_cache_scheme");
	const char *name = json_string_value(algo);

	if (!name)
		name = json_string_value(scheme);
	if ((name && text_equal_fold(name, "FP8")) || json_integer_value(json_object_get(scheme, "num_bits")) == 8)
		h->m->format.kv = DTYPE_FP8;
	else if (name)
		hf_note(h, "KV cache format %s not used", name);
}

static enum dtype main_format(struct hf *h, json_t *q)
{
	const char *method = json_string_value(json_object_get(q, "quant_method")),
		   *algo = json_string_value(json_object_get(q, "quant_algo"));
	json_t *groups = json_object_get(q, "config_groups"), *bits = json_object_get(q, "bits");

	if (algo)
		return algorithm(h, algo);
	if (json_is_object(groups))
		return group_format(groups);
	if (method && (strcmp(method, "gptq") == 0 || strcmp(method, "awq") == 0))
		return json_integer_value(bits) == 8 ? DTYPE_INT8_WO : DTYPE_INT4_WO;
	if (method && strcmp(method, "bitsandbytes") == 0)
		return json_is_true(json_object_get(q, "load_in_8bit")) ? DTYPE_INT8_WO : DTYPE_INT4_WO;
	if (method && strcmp(method, "fp8") == 0)
		return json_is_array(json_object_get(q, "weight_block_size")) ? DTYPE_FP8_BLOCK : DTYPE_FP8;
	if (method && strcmp(method, "fbgemm_fp8") == 0)
		return DTYPE_FP8;
	return algorithm(h, method);
}

static enum dtype or_16_bit(enum dtype t)
{
	return t == DTYPE_NONE ? DTYPE_BF16 : t;
}

static void set_formats(struct hf *h, json_t *q)
{
	struct model_format *f = &h->m->format;
	json_t *layers = json_object_get(q, "quantized_layers"), *skip = json_object_get(q, "modules_to_not_convert");
	enum dtype main = main_format(h, q);

	if (!json_is_array(skip))
		skip = json_object_get(q, "exclude_modules");
	if (!json_is_array(skip))
		skip = json_object_get(q, "ignore");
	if (json_is_object(layers)) {
		f->weights = (int)or_16_bit(layer_format(h, layers, "D", mlp_names));
		if (f->weights == DTYPE_BF16 && h->m->moe.shared_experts > 0)
			f->weights = (int)or_16_bit(layer_format(h, layers, "E", mlp_names));
		f->attention = (int)or_16_bit(layer_format(h, layers, "AWST", attention_names));
		f->experts = (int)or_16_bit(layer_format(h, layers, "E", names_of_experts(h)));
		f->recurrent = (int)layer_format(h, layers, "R", recurrent_names);
		if (h->m->moe.experts == 0)
			f->experts = DTYPE_NONE;
		return;
	}
	if (main == DTYPE_NONE)
		return;
	f->weights = (int)main;
	if (h->m->moe.experts > 0) {
		/* Experts have the checkpoint's format unless they are excluded; the rest may have been left alone. */
		f->experts = excluded(h, skip, "E", names_of_experts(h)) ? DTYPE_BF16 : (int)main;
		if (main == DTYPE_MXFP4 || excluded(h, skip, "DE", mlp_names))
			f->weights = DTYPE_BF16;
	}
	if (excluded(h, skip, "AWST", attention_names))
		f->attention = DTYPE_BF16;
	if (h->m->recurrent.kind != RECURRENT_NONE && excluded(h, skip, "R", recurrent_names))
		f->recurrent = DTYPE_BF16;
	if (f->recurrent == f->weights)
		f->recurrent = DTYPE_NONE;
	if (f->experts == f->weights)
		f->experts = DTYPE_NONE;
	if (f->attention == f->weights)
		f->attention = DTYPE_NONE;
}

bool hf_quantisation(struct hf *h, json_t *beside)
{
	json_t *q = hf_get(h, "quantization_config|compression_config"),
	       *inner = json_object_get(beside, "quantization");
	struct model_format *f = &h->m->format;

	/* The file beside names the format of every module; the one inside may say less. */
	if (json_is_object(inner) && (!json_is_object(q) || json_object_get(inner, "quantized_layers")))
		q = inner;
	if (!json_is_object(q))
		return true;
	/* The patterns are needed to find a middle layer. */
	if (!model_finish(h->m, h->path, h->arena, h->err))
		return false;
	set_formats(h, q);
	read_kv(h, q);
	if (inner && h->m->format.kv == DTYPE_NONE)
		read_kv(h, inner);
	f->bits = 8 * dtype_bytes((enum dtype)(h->m->moe.experts > 0 && f->experts != DTYPE_NONE ? f->experts
												 : f->weights));
	f->source = "imported from the model's quantisation configuration";
	return true;
}
