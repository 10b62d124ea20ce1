#include "models/inplace.h"

#include <string.h>

#include "base/str.h"

/* Short keys and the attributes they set; any full path ("attention.window") is taken as well. */
/* clang-format off */
static const struct { const char *key, *path; } keys[] = {
	{ "layers", "shape.layers" }, { "hidden", "shape.hidden" }, { "vocab", "shape.vocab" },
	{ "context", "shape.max_context" }, { "tied", "shape.tied" }, { "heads", "attention.heads" },
	{ "kv_heads", "attention.kv_heads" }, { "head_dim", "attention.head_dim" }, { "window", "attention.window" },
	{ "intermediate", "mlp.intermediate" }, { "gated", "mlp.gated" }, { "experts", "moe.experts" },
	{ "top_k", "moe.top_k" }, { "expert_intermediate", "moe.expert_intermediate" },
	{ "shared_experts", "moe.shared_experts" }, { "mixers", "shape.mixers" }, { "ffns", "shape.ffns" },
};
/* clang-format on */

/* What the family means before the keys are read: GPT-3 (arXiv 2005.14165) and Llama 2 (arXiv 2307.09288). */
/* clang-format off */
static const struct { const char *path, *value; } gpt[] = {
	{ "shape.vocab", "50257" }, { "shape.max_context", "2048" }, { "shape.tied", "yes" }, { "shape.norm", "layernorm" },
	{ "shape.position", "learned" }, { "attention.bias", "qkvo" }, { "mlp.gated", "no" }, { "mlp.bias", "yes" },
	{ "mlp.activation", "gelu" },
}, llama[] = {
	{ "shape.vocab", "32000" }, { "shape.max_context", "4096" }, { "mlp.activation", "silu" },
};
/* clang-format on */

bool inplace_matches(const char *text)
{
	return text_starts(text, "gpt:") || text_starts(text, "llama:");
}

static const char *path_of(const char *key, const char *text, struct err *err)
{
	const char *names[COUNT_OF(keys)], *near;

	if (strchr(key, '.'))
		return key;
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].path;
		names[i] = keys[i].key;
	}
	near = text_nearest(key, names, COUNT_OF(keys));
	err_set(err, ERR_INPUT,
		"%s: no key '%s'; expected layers, hidden, heads, kv_heads, head_dim, intermediate, vocab, context, "
		"tied, gated, window, experts, top_k ...%s%s%s",
		text, key, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return NULL;
}

static bool set_pairs(struct model *m, const char *text, struct arena *arena, struct err *err)
{
	char *list = arena_strdup(arena, strchr(text, ':') + 1), *save = NULL;

	if (!list)
		return err_memory(err);
	for (char *pair = strtok_r(list, ",", &save); pair; pair = strtok_r(NULL, ",", &save)) {
		char *equals = strchr(pair, '=');
		const char *path;

		if (!equals)
			return err_set(err, ERR_INPUT, "%s: '%s': expected key=value", text, pair);
		*equals = '\0';
		path = path_of(text_trim(pair), text, err);
		if (!path || !schema_set(&model_element, m, path, text_trim(equals + 1), text, arena, err))
			return false;
	}
	return true;
}

/* GPT: 4 hidden. Llama: two thirds of that, up to a multiple of 256, as Llama 1 and 2 chose it. */
static void default_widths(struct model *m, bool is_gpt)
{
	int64_t h = m->shape.hidden;

	if (m->mlp.intermediate == 0)
		m->mlp.intermediate = is_gpt ? 4 * h : (8 * h / 3 + 255) / 256 * 256;
	if (m->moe.experts > 0 && m->moe.expert_intermediate == 0)
		m->moe.expert_intermediate = m->mlp.intermediate;
	if (m->moe.experts > 0 && m->moe.top_k == 0)
		m->moe.top_k = m->moe.experts < 2 ? m->moe.experts : 2;
}

static bool check(const struct model *m, const char *text, struct err *err)
{
	static const char example[] = "expected layers, hidden and heads, as in gpt:layers=24,hidden=1024,heads=16";

	if (m->shape.layers < 1 || m->shape.hidden < 1 || m->attention.heads < 1)
		return err_set(err, ERR_INPUT, "%s: %s is missing: %s", text,
			       m->shape.layers < 1   ? "layers"
			       : m->shape.hidden < 1 ? "hidden"
						     : "heads",
			       example);
	if (m->attention.head_dim == 0 && m->shape.hidden % m->attention.heads != 0)
		return err_set(err, ERR_INPUT,
			       "%s: hidden=%lld is no multiple of heads=%lld: expected one, or head_dim", text,
			       (long long)m->shape.hidden, (long long)m->attention.heads);
	return true;
}

struct model *inplace_read(const char *text, struct arena *arena, struct err *err)
{
	bool is_gpt = text_starts(text, "gpt:");
	struct model *m = arena_alloc(arena, sizeof(*m));

	if (!m) {
		err_memory(err);
		return NULL;
	}
	if (!schema_defaults(&model_element, m, arena, err))
		return NULL;
	for (size_t i = 0; i < (is_gpt ? COUNT_OF(gpt) : COUNT_OF(llama)); i++)
		if (!schema_set(&model_element, m, is_gpt ? gpt[i].path : llama[i].path,
				is_gpt ? gpt[i].value : llama[i].value, text, arena, err))
			return NULL;
	m->name = m->title = arena_strdup(arena, text);
	m->family = is_gpt ? "gpt" : "llama";
	m->source = "given in place";
	if (!m->name) {
		err_memory(err);
		return NULL;
	}
	if (!set_pairs(m, text, arena, err) || !check(m, text, err))
		return NULL;
	default_widths(m, is_gpt);
	return model_finish(m, text, arena, err) ? m : NULL;
}
