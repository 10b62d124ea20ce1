#include "validation/engine/weight_source.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/rng.h"
#include "base/str.h"
#include "validation/engine/tensor_file.h"

struct weight_source {
	struct engine_shape shape;
	uint64_t seed;
	struct tensor_file *file;              /* NULL: random */
};

/* Names with the layer and the expert as %1 and %2: Hugging Face (two ways to call experts), GGUF (experts together or apart). */
static const struct { const char *hf, *hf_moe, *gguf, *gguf_apart; } names[WEIGHT_ROLES] = {
	[WEIGHT_EMBEDDING] = { "model.embed_tokens.weight", NULL, "token_embd.weight", NULL },
	[WEIGHT_HEAD] = { "lm_head.weight", NULL, "output.weight", NULL },
	[WEIGHT_FINAL_NORM] = { "model.norm.weight", NULL, "output_norm.weight", NULL },
	[WEIGHT_ATTENTION_NORM] = { "model.layers.%1.input_layernorm.weight", NULL, "blk.%1.attn_norm.weight", NULL },
	[WEIGHT_Q] = { "model.layers.%1.self_attn.q_proj.weight", NULL, "blk.%1.attn_q.weight", NULL },
	[WEIGHT_K] = { "model.layers.%1.self_attn.k_proj.weight", NULL, "blk.%1.attn_k.weight", NULL },
	[WEIGHT_V] = { "model.layers.%1.self_attn.v_proj.weight", NULL, "blk.%1.attn_v.weight", NULL },
	[WEIGHT_Q_BIAS] = { "model.layers.%1.self_attn.q_proj.bias", NULL, "blk.%1.attn_q.bias", NULL },
	[WEIGHT_K_BIAS] = { "model.layers.%1.self_attn.k_proj.bias", NULL, "blk.%1.attn_k.bias", NULL },
	[WEIGHT_V_BIAS] = { "model.layers.%1.self_attn.v_proj.bias", NULL, "blk.%1.attn_v.bias", NULL },
	[WEIGHT_Q_NORM] = { "model.layers.%1.self_attn.q_norm.weight", NULL, "blk.%1.attn_q_norm.weight", NULL },
	[WEIGHT_K_NORM] = { "model.layers.%1.self_attn.k_norm.weight", NULL, "blk.%1.attn_k_norm.weight", NULL },
	[WEIGHT_O] = { "model.layers.%1.self_attn.o_proj.weight", NULL, "blk.%1.attn_output.weight", NULL },
	[WEIGHT_MLP_NORM] = { "model.layers.%1.post_attention_layernorm.weight", NULL, "blk.%1.ffn_norm.weight", NULL },
	[WEIGHT_GATE] = { "model.layers.%1.mlp.gate_proj.weight", NULL, "blk.%1.ffn_gate.weight", NULL },
	[WEIGHT_UP] = { "model.layers.%1.mlp.up_proj.weight", NULL, "blk.%1.ffn_up.weight", NULL },
	[WEIGHT_DOWN] = { "model.layers.%1.mlp.down_proj.weight", NULL, "blk.%1.ffn_down.weight", NULL },
	[WEIGHT_ROUTER] = { "model.layers.%1.block_sparse_moe.gate.weight", "model.layers.%1.mlp.gate.weight", "blk.%1.ffn_gate_inp.weight", NULL },
	[WEIGHT_EXPERT_GATE] = { "model.layers.%1.block_sparse_moe.experts.%2.w1.weight", "model.layers.%1.mlp.experts.%2.gate_proj.weight",
				 "blk.%1.ffn_gate_exps.weight", "blk.%1.ffn_gate.%2.weight" },
	[WEIGHT_EXPERT_UP] = { "model.layers.%1.block_sparse_moe.experts.%2.w3.weight", "model.layers.%1.mlp.experts.%2.up_proj.weight",
			       "blk.%1.ffn_up_exps.weight", "blk.%1.ffn_up.%2.weight" },
	[WEIGHT_EXPERT_DOWN] = { "model.layers.%1.block_sparse_moe.experts.%2.w2.weight", "model.layers.%1.mlp.experts.%2.down_proj.weight",
				 "blk.%1.ffn_down_exps.weight", "blk.%1.ffn_down.%2.weight" },
};

static void expand(char *out, size_t size, const char *pattern, int64_t layer, int64_t expert)
{
	size_t n = 0;

	for (const char *p = pattern; *p && n + 24 < size; p++)
		if (*p == '%') {
			n += (size_t)snprintf(out + n, size - n, "%" PRId64, p[1] == '1' ? layer : expert);
			p++;
		} else {
			out[n++] = *p;
		}
	out[n] = '\0';
}

/* ---- random ---- */

static bool is_vector(enum weight_role role)
{
	return role == WEIGHT_FINAL_NORM || role == WEIGHT_ATTENTION_NORM || role == WEIGHT_MLP_NORM || (role >= WEIGHT_Q_BIAS && role <= WEIGHT_K_NORM);
}

/* Two uniform values from each random number; their standard deviation is a third of the square root of three. */
static void fill(uint64_t seed, enum weight_role role, int64_t layer, int64_t expert, int64_t row, int64_t cols, float *out)
{
	bool vector = is_vector(role), bias = role >= WEIGHT_Q_BIAS && role <= WEIGHT_V_BIAS;
	float middle = vector && !bias ? 1 : 0, reach = vector ? 0.1f : role == WEIGHT_EMBEDDING ? 1.7320508f : 1.7320508f / sqrtf((float)cols);
	struct rng rng;
	char purpose[96];

	snprintf(purpose, sizeof(purpose), "weights %d %" PRId64 " %" PRId64 " %" PRId64, (int)role, layer, expert, row);
	rng_init(&rng, seed, purpose);
	for (int64_t i = 0; i < cols; i += 2) {
		uint64_t bits = rng_next(&rng);

		out[i] = middle + reach * ((float)(int32_t)(bits >> 32) * 0x1p-31f);
		if (i + 1 < cols)
			out[i + 1] = middle + reach * ((float)(int32_t)bits * 0x1p-31f);
	}
}

struct weight_source *weight_source_random(const struct engine_shape *shape, uint64_t seed, struct err *err)
{
	struct weight_source *s = mem_calloc(1, sizeof(*s));

	if (!s) {
		err_memory(err);
		return NULL;
	}
	s->shape = *shape;
	s->seed = seed;
	return s;
}

/* ---- files ---- */

static const struct file_tensor *find(const struct weight_source *s, enum weight_role role, int64_t layer, int64_t expert, int64_t *first_row)
{
	const char *const hf[] = { names[role].hf, names[role].hf_moe }, *const gguf[] = { names[role].gguf, names[role].gguf_apart };
	const char *const *patterns = tensor_file_is_gguf(s->file) ? gguf : hf;
	const struct file_tensor *t;
	char name[160];

	*first_row = 0;
	for (int i = 0; i < 2 && patterns[i]; i++) {
		expand(name, sizeof(name), patterns[i], layer, expert);
		t = tensor_file_find(s->file, name);
		if (t && t->dims == 3)         /* all experts in one tensor */
			*first_row = expert * t->shape[1];
		if (t)
			return t;
	}
	return NULL;
}

static bool complain(const struct weight_source *s, enum weight_role role, int64_t layer, int64_t expert, const struct file_tensor *t, int64_t rows,
		     int64_t cols, struct err *err)
{
	char name[160];

	expand(name, sizeof(name), tensor_file_is_gguf(s->file) ? names[role].gguf : names[role].hf, layer, expert);
	if (!t)
		return err_set(err, ERR_INPUT, "%s: no tensor '%s' (or not in F32, F16, BF16, Q8_0, Q4_0)", tensor_file_path(s->file), name);
	return err_set(err, ERR_INPUT, "%s: tensor '%s': its shape is not %" PRId64 " x %" PRId64, tensor_file_path(s->file), t->name, rows, cols);
}

bool weight_source_read(const struct weight_source *s, enum weight_role role, int64_t layer, int64_t expert, int64_t first, int64_t rows,
			int64_t cols, float *out, struct err *err)
{
	const struct file_tensor *t;
	int64_t base;

	if (!s->file) {
		for (int64_t r = 0; r < rows; r++)
			fill(s->seed, role, layer, expert, first + r, cols, out + r * cols);
		return true;
	}
	t = find(s, role, layer, expert, &base);
	if (!t || t->shape[t->dims - 1] != cols || (base + first + rows) * cols > t->elements)
		return complain(s, role, layer, expert, t, first + rows, cols, err);
	tensor_values(t, (base + first) * cols, rows * cols, out);
	return true;
}

static bool present(const struct weight_source *s, enum weight_role role, int64_t layer, int64_t expert, int64_t rows, int64_t cols, struct err *err)
{
	int64_t base;
	const struct file_tensor *t = find(s, role, layer, expert, &base);

	if (t && t->dims > 0 && t->shape[t->dims - 1] == cols && t->elements / cols >= base + rows &&
	    (t->dims == 3 || t->elements == rows * cols))
		return true;
	return complain(s, role, layer, expert, t, rows, cols, err);
}

static bool check_layer(const struct weight_source *s, int64_t l, struct err *err)
{
	const struct engine_shape *e = &s->shape;
	int64_t h = e->hidden, q = e->heads * e->head_dim, kv = e->kv_heads * e->head_dim, w = e->experts ? e->expert_width : e->intermediate;
	const struct { enum weight_role role; int64_t rows, cols; bool needed; } all[] = {
		{ WEIGHT_ATTENTION_NORM, 1, h, true }, { WEIGHT_Q, q, h, true }, { WEIGHT_K, kv, h, true }, { WEIGHT_V, kv, h, true },
		{ WEIGHT_Q_BIAS, 1, q, e->qkv_bias }, { WEIGHT_K_BIAS, 1, kv, e->qkv_bias }, { WEIGHT_V_BIAS, 1, kv, e->qkv_bias },
		{ WEIGHT_Q_NORM, 1, e->head_dim, e->qk_norm }, { WEIGHT_K_NORM, 1, e->head_dim, e->qk_norm },
		{ WEIGHT_O, h, q, true }, { WEIGHT_MLP_NORM, 1, h, true }, { WEIGHT_GATE, w, h, !e->experts }, { WEIGHT_UP, w, h, !e->experts },
		{ WEIGHT_DOWN, h, w, !e->experts }, { WEIGHT_ROUTER, e->experts, h, e->experts > 0 },
	};

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (all[i].needed && !present(s, all[i].role, l, 0, all[i].rows, all[i].cols, err))
			return false;
	for (int64_t x = 0; x < e->experts; x++)
		if (!present(s, WEIGHT_EXPERT_GATE, l, x, w, h, err) || !present(s, WEIGHT_EXPERT_UP, l, x, w, h, err) ||
		    !present(s, WEIGHT_EXPERT_DOWN, l, x, h, w, err))
			return false;
	return true;
}

static bool check(struct weight_source *s, struct err *err)
{
	int64_t base;

	if (!engine_shape_check(&s->shape, tensor_file_path(s->file), err) ||
	    !present(s, WEIGHT_EMBEDDING, 0, 0, s->shape.vocab, s->shape.hidden, err) || !present(s, WEIGHT_FINAL_NORM, 0, 0, 1, s->shape.hidden, err))
		return false;
	/* Files leave the head out when it is the embedding. */
	s->shape.tied = find(s, WEIGHT_HEAD, 0, 0, &base) == NULL;
	if (!s->shape.tied && !present(s, WEIGHT_HEAD, 0, 0, s->shape.vocab, s->shape.hidden, err))
		return false;
	for (int64_t l = 0; l < s->shape.layers; l++)
		if (!check_layer(s, l, err))
			return false;
	return true;
}

/* ---- what a GGUF says of its architecture ---- */

static double gguf_number(const struct weight_source *s, const char *architecture, const char *key, double fallback)
{
	char name[160];
	double v;

	snprintf(name, sizeof(name), "%.60s.%s", architecture, key);
	return tensor_file_number(s->file, name, &v) && v >= 0 && v < 1e15 ? v : fallback;
}

static bool gguf_shape(struct weight_source *s, struct err *err)
{
	static const struct { const char *name; bool interleaved, bias, qk_norm; } families[] = {
		{ "llama", true, false, false }, { "mistral", true, false, false }, { "qwen2", false, true, false }, { "qwen3", false, false, true },
		{ "qwen3moe", false, false, true },
	};
	const char *a = tensor_file_text(s->file, "general.architecture");
	struct engine_shape *e = &s->shape;
	int64_t base;
	const struct file_tensor *t = find(s, WEIGHT_EMBEDDING, 0, 0, &base);
	size_t f = 0;

	while (a && f < COUNT_OF(families) && strcmp(families[f].name, a) != 0)
		f++;
	if (!a || f == COUNT_OF(families))
		return err_set(err, ERR_INPUT, "%s: general.architecture=\"%.60s\": expected llama, mistral, qwen2, qwen3 or qwen3moe", tensor_file_path(s->file),
			       a ? a : "");
	e->layers = (int64_t)gguf_number(s, a, "block_count", 0);
	e->hidden = (int64_t)gguf_number(s, a, "embedding_length", 0);
	e->heads = (int64_t)gguf_number(s, a, "attention.head_count", 0);
	e->kv_heads = (int64_t)gguf_number(s, a, "attention.head_count_kv", (double)e->heads);
	e->head_dim = (int64_t)gguf_number(s, a, "attention.key_length", e->heads > 0 ? (double)(e->hidden / e->heads) : 0);
	e->intermediate = (int64_t)gguf_number(s, a, "feed_forward_length", 0);
	e->experts = (int64_t)gguf_number(s, a, "expert_count", 0);
	e->top_k = (int64_t)gguf_number(s, a, "expert_used_count", 0);
	e->expert_width = (int64_t)gguf_number(s, a, "expert_feed_forward_length", (double)e->intermediate);
	e->context = (int64_t)gguf_number(s, a, "context_length", 0);
	e->window = (int64_t)gguf_number(s, a, "attention.sliding_window", 0);
	e->rope_theta = gguf_number(s, a, "rope.freq_base", 10000);
	e->eps = gguf_number(s, a, "attention.layer_norm_rms_epsilon", 1e-5);
	e->vocab = t && t->dims == 2 ? t->shape[0] : 0;
	e->interleaved = families[f].interleaved;
	e->qkv_bias = families[f].bias;
	e->qk_norm = families[f].qk_norm;
	e->renormalise = true;
	return check(s, err);
}

/* ---- config.json beside safetensors ---- */

static double config_number(const json_t *root, const char *key, double fallback)
{
	const json_t *v = json_object_get(root, key);

	return json_is_number(v) ? json_number_value(v) : fallback;
}

static bool config_shape(struct weight_source *s, struct err *err)
{
	const char *path = tensor_file_path(s->file), *slash = strrchr(path, '/'), *config;
	struct arena *arena = arena_new();
	const struct model *m;
	json_error_t fault;
	json_t *root = NULL;
	char *text = NULL;
	bool ok = false;
	size_t length;

	config = arena ? arena_printf(arena, "%.*sconfig.json", slash ? (int)(slash - path + 1) : 0, path) : NULL;
	if (!config) {
		err_memory(err);
		goto out;
	}
	m = model_load(config, arena, err);
	if (!m || !engine_shape_of(m, &s->shape, err) || !(text = paths_read(config, 16 << 20, &length, err)))
		goto out;
	root = json_loads(text, 0, &fault);
	s->shape.rope_theta = config_number(root, "rope_theta", config_number(json_object_get(root, "rope_parameters"), "rope_theta", 10000));
	s->shape.eps = config_number(root, "rms_norm_eps", 1e-5);
	if (json_is_false(json_object_get(root, "norm_topk_prob")))
		s->shape.renormalise = false;
	if (json_is_object(json_object_get(root, "rope_scaling")))
		err_set(err, ERR_INPUT, "%s: rope_scaling: the engine has plain rotary positions only", config);
	ok = err->kind == ERR_NONE && check(s, err);
out:
	json_decref(root);
	mem_free(text);
	arena_free(arena);
	return ok;
}

struct weight_source *weight_source_file(const char *path, struct err *err)
{
	struct weight_source *s = mem_calloc(1, sizeof(*s));

	if (!s) {
		err_memory(err);
		return NULL;
	}
	s->file = tensor_file_open(path, err);
	if (s->file && (tensor_file_is_gguf(s->file) ? gguf_shape(s, err) : config_shape(s, err)))
		return s;
	weight_source_free(s);
	return NULL;
}

void weight_source_free(struct weight_source *s)
{
	if (!s)
		return;
	tensor_file_close(s->file);
	mem_free(s);
}

const struct engine_shape *weight_source_shape(const struct weight_source *s)
{
	return &s->shape;
}
