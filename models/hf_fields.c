#include "models/hf_fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static void mark(struct hf *h, const char *key, size_t length)
{
	char *copy = arena_printf(h->arena, "%.*s", (int)length, key);

	if (copy && h->used_count < HF_MOST_USED)
		h->used[h->used_count++] = copy;
}

json_t *hf_get(struct hf *h, const char *keys)
{
	json_t *found = NULL;

	while (*keys) {
		size_t n = strcspn(keys, "|");
		char key[96];

		snprintf(key, sizeof(key), "%.*s", (int)n, keys);
		mark(h, keys, n);
		if (!found) {
			found = json_object_get(h->text, key);
			if ((!found || json_is_null(found)) && h->root != h->text)
				found = json_object_get(h->root, key);
			if (json_is_null(found))
				found = NULL;
		}
		keys += n + (keys[n] == '|');
	}
	return found;
}

static void wrong(struct hf *h, const char *keys, const char *expected)
{
	err_set(h->err, ERR_INPUT, "%s: field %.*s: expected %s", h->path, (int)strcspn(keys, "|"), keys, expected);
}

int64_t hf_int(struct hf *h, const char *keys, int64_t fallback)
{
	json_t *v = hf_get(h, keys);

	if (!v)
		return fallback;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT64_C(1) << 40) {
		wrong(h, keys, "a whole number that is not negative");
		return fallback;
	}
	return json_integer_value(v);
}

int64_t hf_need(struct hf *h, const char *keys)
{
	int64_t v = hf_int(h, keys, 0);

	if (v < 1)
		wrong(h, keys, "a positive whole number");
	return v;
}

double hf_number(struct hf *h, const char *keys, double fallback)
{
	json_t *v = hf_get(h, keys);

	if (v && !json_is_number(v))
		wrong(h, keys, "a number");
	return json_is_number(v) ? json_number_value(v) : fallback;
}

bool hf_flag(struct hf *h, const char *keys, bool fallback)
{
	json_t *v = hf_get(h, keys);

	if (v && !json_is_boolean(v))
		wrong(h, keys, "true or false");
	return json_is_boolean(v) ? json_is_true(v) : fallback;
}

const char *hf_string(struct hf *h, const char *keys, const char *fallback)
{
	json_t *v = hf_get(h, keys);
	char *copy = json_is_string(v) ? arena_strdup(h->arena, json_string_value(v)) : NULL;

	if (v && !json_is_string(v))
		wrong(h, keys, "text");
	return copy ? copy : fallback;
}

void hf_note(struct hf *h, const char *format, ...)
{
	struct str s = { 0 };
	va_list args;
	char *copy;

	va_start(args, format);
	str_vaddf(&s, format, args);
	va_end(args);
	copy = arena_strdup(h->arena, str_text(&s));
	str_release(&s);
	if (copy && h->note_count < HF_MOST_NOTES)
		h->notes[h->note_count++] = copy;
}

bool hf_refuse(struct hf *h, const char *format, ...)
{
	struct str s = { 0 };
	va_list args;

	va_start(args, format);
	str_vaddf(&s, format, args);
	va_end(args);
	err_set(h->err, ERR_INPUT, "%s: %s", h->path, str_text(&s));
	str_release(&s);
	return false;
}

/* Fields that change neither sizes nor work: generation settings, training, token numbers, rotary constants, scoring
 * of routers, code locations. A trailing * stands for any rest. */
/* clang-format off */
static const char *const free_fields[] = {
	"_name_or_path", "architectures", "model_type", "transformers_version", "torch_dtype", "dtype", "auto_map",
	"use_cache", "*_token_id", "*_token_ids", "*_token_index", "attention_dropout", "hidden_dropout", "*_dropout",
	"*_pdrop", "*dropout_prob", "initializer_range", "initializer_factor", "*_init", "init_*", "*_norm_eps",
	"norm_eps", "layer_norm_epsilon", "*_eps", "rope_theta", "rope_scaling", "rope_parameters", "rope_interleave",
	"rope_*", "partial_rotary_factor", "rotary_dim", "rotary_pct", "rotary_emb_base", "rotary_*",
	"original_max_position_embeddings", "initial_context_length", "use_mrope", "indexer_rope_interleave",
	"pretraining_tp", "aux_loss_alpha", "seq_aux", "*aux_loss*", "router_jitter_noise", "output_router_logits",
	"norm_topk_prob", "scoring_func", "topk_method", "topk_group", "n_group", "routed_scaling_factor",
	"moe_router_dtype", "swiglu_limit", "swiglu_alpha", "use_routing_bias", "ep_size",
	"moe_shared_expert_overlap", "residual_in_fp32", "rescale_prenorm_residual", "num_logits_to_keep",
	"time_step_*", "use_mamba_kernels", "mamba_hidden_act", "mamba_ssm_dtype", "output_gate_type",
	"chunk_size_feed_forward", "hidden_act", "final_logit_softcapping", "attn_logit_softcapping",
	"query_pre_attn_scalar", "cross_attention_hidden_size", "is_decoder", "is_encoder_decoder",
	"add_cross_attention", "decoder_start_token_id", "bad_words_ids", "begin_suppress_tokens", "suppress_tokens",
	"do_sample", "early_stopping", "diversity_penalty", "length_penalty", "repetition_penalty",
	"encoder_no_repeat_ngram_size", "no_repeat_ngram_size", "exponential_decay_length_penalty", "forced_*",
	"finetuning_task", "id2label", "label2id", "max_length", "min_length", "num_beams", "num_beam_groups",
	"num_return_sequences", "output_*", "return_dict*", "prefix", "problem_type", "pruned_heads",
	"remove_invalid_values", "task_specific_params", "temperature", "tf_legacy_loss", "tie_encoder_decoder",
	"tokenizer_class", "top_k", "top_p", "torchscript", "typical_p", "use_bfloat16", "summary_*",
	"gradient_checkpointing", "logits_scaling", "logit_scale", "embedding_multiplier", "attention_multiplier",
	"residual_multiplier", "use_gemma_norm", "use_bidirectional_attention", "index_share_for_mtp_iteration",
	"index_skip_topk_offset", "index_topk_freq", "index_topk_pattern", "clip_qkv", "num_reward_heads",
	"video_placeholder", "slow_but_exact", "apply_residual_connection_post_layernorm", "max_window_layers",
	"router_*", "language_model_only", "use_unified_vision_chunk", "process_image_mode", "projector_hidden_act",
	"projector_hidden_size", "image_*", "img_token_compression_config", "multimodal_projector_bias",
	"vision_feature_*", "vision_soft_tokens_per_image", "vocab_size_per_layer_input",
	"layer_norm_elementwise_affine", "scale_attn_*", "reorder_*", "model_max_length", "attn_implementation",
	"is_llama_config", "use_parallel_residual", "n_ctx", "ignore_index", "calc_logits_for_entire_prompt",
	"attention_softmax_in_fp32", "unk_token_id", "*_type_ids",
};
/* clang-format on */

/* '*' at either end of the pattern stands for any text. */
static bool matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (n > 2 && pattern[0] == '*' && pattern[n - 1] == '*') {
		char inner[64];

		snprintf(inner, sizeof(inner), "%.*s", (int)(n - 2), pattern + 1);
		return strstr(name, inner) != NULL;
	}
	if (pattern[0] == '*')
		return text_ends(name, pattern + 1);
	if (pattern[n - 1] == '*')
		return strncmp(pattern, name, n - 1) == 0;
	return strcmp(pattern, name) == 0;
}

static bool costs_nothing(const struct hf *h, const char *key)
{
	for (int i = 0; i < h->used_count; i++)
		if (strcmp(h->used[i], key) == 0)
			return true;
	for (size_t i = 0; i < COUNT_OF(free_fields); i++)
		if (matches(free_fields[i], key))
			return true;
	return false;
}

/* Text that jansson allocated goes back to jansson's allocator. */
static void json_text_free(char *text)
{
	json_free_t release;

	json_get_alloc_funcs(NULL, &release);
	if (text)
		release(text);
}

void hf_note_unused(struct hf *h, json_t *object, const char *prefix)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		/* Absent, off, zero and empty mean that the feature is not there. */
		bool off = json_is_null(value) || json_is_false(value) ||
			   (json_is_number(value) && json_number_value(value) == 0) ||
			   (json_is_array(value) && json_array_size(value) == 0) ||
			   (json_is_object(value) && json_object_size(value) == 0);
		char *text;

		if (off || costs_nothing(h, key))
			continue;
		if (json_is_object(value)) {
			hf_note(h, "field %s%s={...} not used", prefix, key);
			continue;
		}
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		hf_note(h, "field %s%s=%.60s%s not used", prefix, key, text ? text : "?",
			text && strlen(text) > 60 ? "..." : "");
		json_text_free(text);
	}
}

/* Letters with run lengths: "AAAB" -> "3AB". */
static void add_runs(struct str *s, const char *letters, int64_t n)
{
	for (int64_t i = 0; i < n;) {
		int64_t run = 1;

		while (i + run < n && letters[i + run] == letters[i])
			run++;
		if (run > 1)
			str_addf(s, "%lld", (long long)run);
		str_addf(s, "%c", letters[i]);
		i += run;
	}
}

static bool has_period(const char *letters, int64_t n, int64_t from, int64_t period)
{
	for (int64_t i = from + period; i < n; i++)
		if (letters[i] != letters[i - period])
			return false;
	return true;
}

const char *hf_pattern(struct hf *h, const char *letters, int64_t layers)
{
	int64_t best_from = 0, best_period = layers;
	struct str s = { 0 };
	const char *out;

	for (int64_t from = 0; from < layers && from <= 16; from++)
		for (int64_t period = 1; from + period < best_from + best_period; period++)
			if (from + 2 * period <= layers && has_period(letters, layers, from, period))
				best_from = from, best_period = period;
	add_runs(&s, letters, best_from);
	if (best_from + best_period < layers) {
		str_add(&s, "(");
		add_runs(&s, letters + best_from, best_period);
		str_add(&s, ")");
	} else {
		add_runs(&s, letters + best_from, best_period);
	}
	out = arena_strdup(h->arena, str_text(&s));
	str_release(&s);
	if (!out)
		err_memory(h->err);
	return out ? out : "";
}
