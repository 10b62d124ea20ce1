/* Models with recurrent layers, and Nemotron's block lists. */
#include <string.h>

#include "base/str.h"
#include "hardware/operator.h"
#include "models/hf_parts.h"

static void read_state_dtype(struct hf *h)
{
	const char *text = hf_string(h, "mamba_ssm_cache_dtype|mamba_ssm_dtype|ssm_dtype", NULL);
	int t = text ? dtype_parse(text) : -1;

	if (t > 0)
		h->m->recurrent.state_bytes = dtype_bytes((enum dtype)t);
}

/* "auto" = hidden / 16 rounded up, as Mamba defines it. */
static int64_t read_dt_rank(struct hf *h, const char *key)
{
	json_t *v = hf_get(h, key);

	return json_is_integer(v) && json_integer_value(v) > 0 ? json_integer_value(v) : (h->m->shape.hidden + 15) / 16;
}

bool hf_gdn(struct hf *h)
{
	struct model *m = h->m;
	struct model_recurrent *r = &m->recurrent;
	int64_t interval = hf_int(h, "full_attention_interval", 4), layers = m->shape.layers;
	json_t *types = hf_get(h, "layer_types");
	char *letters;

	if (layers < 1 || layers > 4096)
		return hf_refuse(h, "field num_hidden_layers: expected 1 to 4096");
	letters = arena_alloc(h->arena, (size_t)layers + 1);
	if (!letters)
		return err_memory(h->err);
	r->kind = RECURRENT_GDN;
	r->key_heads = hf_need(h, "linear_num_key_heads");
	r->key_dim = hf_need(h, "linear_key_head_dim");
	r->heads = hf_need(h, "linear_num_value_heads");
	r->head_dim = hf_need(h, "linear_value_head_dim");
	r->conv = hf_int(h, "linear_conv_kernel_dim", 4);
	r->conv_bias = false;
	read_state_dtype(h);
	m->attention.output_gate = hf_flag(h, "attn_output_gate", true);
	for (int64_t i = 0; i < layers; i++) {
		const char *type = json_string_value(json_array_get(types, (size_t)i));
		bool full = type ? strcmp(type, "full_attention") == 0 : interval > 0 && (i + 1) % interval == 0;

		letters[i] = full ? 'A' : 'R';
	}
	m->shape.mixers = hf_pattern(h, letters, layers);
	return true;
}

bool hf_mamba(struct hf *h)
{
	struct model *m = h->m;
	struct model_recurrent *r = &m->recurrent;
	const char *type = hf_string(h, "model_type", "mamba");
	int64_t inner = m->mlp.intermediate;

	r->kind = strcmp(type, "mamba2") == 0 ? RECURRENT_MAMBA2 : RECURRENT_MAMBA1;
	r->inner = hf_int(h, "expand", 2) * m->shape.hidden;
	if (inner > 0)
		r->inner = inner;
	r->state = hf_need(h, "state_size|ssm_state_size|d_state");
	r->conv = hf_int(h, "conv_kernel|d_conv", 4);
	r->conv_bias = hf_flag(h, "use_conv_bias|conv_bias", true);
	if (r->kind == RECURRENT_MAMBA2) {
		r->head_dim = hf_int(h, "head_dim|headdim", 64);
		r->heads = r->inner / (r->head_dim > 0 ? r->head_dim : 64);
		r->groups = hf_int(h, "n_groups|ngroups", 1);
		r->chunk = hf_int(h, "chunk_size", 256);
	} else {
		r->dt_rank = read_dt_rank(h, "time_step_rank|dt_rank");
	}
	memset(&m->attention, 0, sizeof(m->attention));
	m->mlp.intermediate = 0;
	m->mlp.bias = false;
	return true;
}

bool hf_jamba(struct hf *h)
{
	struct model *m = h->m;
	struct model_recurrent *r = &m->recurrent;
	int64_t period = hf_int(h, "attn_layer_period", 8), offset = hf_int(h, "attn_layer_offset", 4);
	char *letters;

	if (m->shape.layers < 1 || m->shape.layers > 4096 || period < 1)
		return hf_refuse(h, "field num_hidden_layers or attn_layer_period: expected positive whole numbers");
	r->kind = RECURRENT_MAMBA1;
	r->inner = hf_int(h, "mamba_expand", 2) * m->shape.hidden;
	r->state = hf_int(h, "mamba_d_state", 16);
	r->conv = hf_int(h, "mamba_d_conv", 4);
	r->dt_rank = read_dt_rank(h, "mamba_dt_rank");
	r->conv_bias = hf_flag(h, "mamba_conv_bias", true);
	r->inner_norms = hf_flag(h, "mamba_inner_layernorms", true);
	hf_flag(h, "mamba_proj_bias", false);
	letters = arena_alloc(h->arena, (size_t)m->shape.layers + 1);
	if (!letters)
		return err_memory(h->err);
	for (int64_t i = 0; i < m->shape.layers; i++)
		letters[i] = i % period == offset ? 'A' : 'R';
	m->shape.mixers = hf_pattern(h, letters, m->shape.layers);
	return true;
}

static char block_letter(const char *word)
{
	return strcmp(word, "mamba") == 0       ? 'M'
	       : strcmp(word, "attention") == 0 ? '*'
	       : strcmp(word, "moe") == 0       ? 'E'
	       : strcmp(word, "mlp") == 0       ? '-'
						: '?';
}

/* One block a layer: M mamba, * attention, - MLP, E experts. */
static bool read_blocks(struct hf *h)
{
	struct model *m = h->m;
	const char *pattern = hf_string(h, "hybrid_override_pattern", NULL);
	json_t *list = hf_get(h, "layers_block_type");
	int64_t layers = pattern ? (int64_t)strlen(pattern) : (int64_t)json_array_size(list);
	char *mixers, *ffns;

	if (layers < 1 || layers > 4096 || (m->shape.layers > 0 && m->shape.layers != layers))
		return hf_refuse(h,
				 "field hybrid_override_pattern or layers_block_type: %lld blocks: expected "
				 "num_hidden_layers=%lld",
				 (long long)layers, (long long)m->shape.layers);
	mixers = arena_alloc(h->arena, (size_t)layers + 1);
	ffns = arena_alloc(h->arena, (size_t)layers + 1);
	if (!mixers || !ffns)
		return err_memory(h->err);
	for (int64_t i = 0; i < layers; i++) {
		const char *word = json_string_value(json_array_get(list, (size_t)i));
		char c = pattern ? pattern[i] : word ? block_letter(word) : '?';

		if (!strchr("M*-E", c))
			return hf_refuse(
				h, "block %lld is '%c': expected M (mamba), * (attention), - (MLP) or E (experts)",
				(long long)i, c);
		mixers[i] = c == 'M' ? 'R' : c == '*' ? 'A' : '.';
		ffns[i] = c == '-' ? 'D' : c == 'E' ? 'E' : '.';
	}
	m->shape.layers = layers;
	m->shape.mixers = hf_pattern(h, mixers, layers);
	m->shape.ffns = hf_pattern(h, ffns, layers);
	return true;
}

bool hf_nemotron_h(struct hf *h)
{
	struct model *m = h->m;
	struct model_recurrent *r = &m->recurrent;

	if (!read_blocks(h))
		return false;
	r->kind = RECURRENT_MAMBA2;
	r->heads = hf_need(h, "mamba_num_heads");
	r->head_dim = hf_need(h, "mamba_head_dim");
	r->groups = hf_int(h, "n_groups|mamba_n_groups", 1);
	r->state = hf_need(h, "ssm_state_size");
	r->conv = hf_int(h, "conv_kernel", 4);
	r->conv_bias = hf_flag(h, "use_conv_bias", true);
	r->chunk = hf_int(h, "chunk_size", 128);
	/* With mamba_num_heads given, expand says nothing more; attention has no rank-reduced step size. */
	hf_get(h, "expand|time_step_rank|mamba_proj_bias");
	read_state_dtype(h);
	if (!hf_experts(h))
		return false;
	m->moe.router_bias = m->moe.experts > 0;
	if (!strchr(m->shape.ffns, 'D'))
		m->mlp.intermediate = 0;
	return true;
}

/* Puts layer i into the override that has `intermediate` (or `kv_heads`), making it when there is none. */
static bool add_override(struct hf *h, int64_t i, int64_t intermediate, int64_t kv_heads)
{
	struct model *m = h->m;
	size_t k = 0;

	while (k < m->override_count &&
	       (m->overrides[k].intermediate != intermediate || m->overrides[k].kv_heads != kv_heads))
		k++;
	if (k == 64)
		return hf_refuse(h, "block_configs: more than 64 different layers");
	if (k == m->override_count) {
		m->overrides[k] = (struct model_override){ .intermediate = intermediate,
							   .kv_heads = kv_heads,
							   .source = m->source };
		m->override_count++;
	}
	m->overrides[k].layers = m->overrides[k].layers
					 ? arena_printf(h->arena, "%s,%lld", m->overrides[k].layers, (long long)i)
					 : arena_printf(h->arena, "%lld", (long long)i);
	return m->overrides[k].layers || err_memory(h->err);
}

/* Width of a block's MLP: two thirds of ffn_mult * hidden twice, up to a multiple of 256 (the checkpoint's own rule). */
static int64_t block_width(const struct model *m, json_t *ffn)
{
	double width = 2 * json_number_value(json_object_get(ffn, "ffn_mult")) * (double)m->shape.hidden / 3;

	return ((int64_t)width + 255) / 256 * 256;
}

/* A part that is there, gone, or cannot be modelled. */
static bool block_part(struct hf *h, json_t *part, int64_t i, const char *what, bool *present)
{
	*present = !json_is_true(json_object_get(part, "no_op"));
	if (*present && json_is_true(json_object_get(part, "replace_with_linear")))
		return hf_refuse(
			h, "block_configs: layer %lld has its %s replaced by one linear layer, which is not modelled",
			(long long)i, what);
	return true;
}

bool hf_nemotron_nas(struct hf *h)
{
	struct model *m = h->m;
	json_t *blocks = hf_get(h, "block_configs");
	int64_t layers = m->shape.layers;
	char *mixers, *ffns;

	if (!blocks || layers < 1 || layers > 4096 || (int64_t)json_array_size(blocks) != layers)
		return hf_refuse(h, "field block_configs: %zu entries: expected num_hidden_layers=%lld",
				 json_array_size(blocks), (long long)layers);
	mixers = arena_alloc(h->arena, (size_t)layers + 1);
	ffns = arena_alloc(h->arena, (size_t)layers + 1);
	m->overrides = arena_alloc(h->arena, 64 * sizeof(*m->overrides));
	if (!mixers || !ffns || !m->overrides)
		return err_memory(h->err);
	for (int64_t i = 0; i < layers; i++) {
		json_t *block = json_array_get(blocks, (size_t)i), *attention = json_object_get(block, "attention"),
		       *ffn = json_object_get(block, "ffn");
		int64_t group = json_integer_value(json_object_get(attention, "n_heads_in_group"));
		int64_t width = block_width(m, ffn), kv = group > 0 ? m->attention.heads / group : 0;
		bool has_attention, has_ffn;

		if (!block_part(h, attention, i, "attention", &has_attention) ||
		    !block_part(h, ffn, i, "MLP", &has_ffn))
			return false;
		mixers[i] = has_attention ? 'A' : '.';
		ffns[i] = has_ffn ? 'D' : '.';
		if (has_attention && m->attention.kv_heads == 0)
			m->attention.kv_heads = kv;
		if (has_ffn && m->mlp.intermediate == 0)
			m->mlp.intermediate = width;
		if (has_ffn && width != m->mlp.intermediate && !add_override(h, i, width, 0))
			return false;
		if (has_attention && kv != m->attention.kv_heads && !add_override(h, i, 0, kv))
			return false;
	}
	m->shape.mixers = hf_pattern(h, mixers, layers);
	m->shape.ffns = hf_pattern(h, ffns, layers);
	return true;
}
