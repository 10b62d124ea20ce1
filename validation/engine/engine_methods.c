#include "validation/engine/engine_methods.h"

#include <math.h>

#include "base/str.h"
#include "models/technique.h"
#include "validation/engine/engine_cache.h"

/* How the engine takes a family of techniques; `modules` is what a message names. */
struct hosted {
	const char *family, *modules;
	bool (*take)(const struct technique_use *use, struct engine_methods *m, struct err *err);
};

static bool take_policy(const struct technique_use *use, struct engine_methods *m, struct err *err)
{
	(void)use;
	(void)m;
	(void)err;
	return true;
}

static bool take_ternary(const struct technique_use *use, struct engine_methods *m, struct err *err)
{
	if (technique_number(use, "activation_bits") > 8 || technique_number(use, "bits") > 2)
		return err_set(err, ERR_INPUT, "--with %s: the engine has weights of 2 bits with activations of 8", use->technique->id);
	m->ternary = true;
	return true;
}

static bool take_cache(const struct technique_use *use, const struct cache_ops *cache, struct engine_methods *m, struct err *err)
{
	if (m->cache)
		return err_set(err, ERR_INPUT, "--with %s: the engine has one cache at a time, and %s is asked for, too", use->technique->id, m->cache->name);
	m->cache = cache;
	return true;
}

/* Keys by channel in groups of 32 tokens, values by token, 2 bits: the tiles of kernels/kv/kivi_tile.h. */
static bool take_quantised(const struct technique_use *use, struct engine_methods *m, struct err *err)
{
	double k = technique_number_or(use, "k_bits", 0), v = technique_number_or(use, "v_bits", 0), residual = technique_number(use, "residual");

	if (technique_number(use, "bits") != 2 || (k != 0 && k != 2) || (v != 0 && v != 2) || technique_number(use, "group") != 32 ||
	    technique_number(use, "scale_bits") != 32 || !text_equal(technique_word(use, "key_groups"), "channel"))
		return err_set(err, ERR_INPUT, "--with %s: the engine's kernel has 2 bits in groups of 32 with scales of 32 bits, keys by channel", use->technique->id);
	if (residual < 64 || fmod(residual, 64) != 0)
		return err_set(err, ERR_INPUT, "--with %s: residual=%g: the engine flushes 64 tokens at a time; expected a multiple of 64", use->technique->id, residual);
	m->cache_settings.residual = (int64_t)residual;
	return take_cache(use, &cache_kivi, m, err);
}

static bool take_eviction(const struct technique_use *use, struct engine_methods *m, struct err *err)
{
	if (!text_equal(technique_word(use, "scores"), "accumulated"))
		return err_set(err, ERR_INPUT, "--with %s: scores=%s: the engine evicts by accumulated scores", use->technique->id, technique_word(use, "scores"));
	m->cache_settings.heavy = technique_number(use, "heavy_ratio");
	m->cache_settings.recent = technique_number(use, "recent_ratio");
	m->cache_settings.budget = (int64_t)technique_number_or(use, "budget", 0);
	return take_cache(use, &cache_h2o, m, err);
}

static bool take_depth(const struct technique_use *use, struct engine_methods *m, struct err *err)
{
	(void)err;
	m->depth = (struct depth_settings){ .every = (int64_t)technique_number(use, "every"), .capacity = technique_number(use, "capacity") };
	return true;
}

/* What the simulator draws in expectation: the engine draws it guess by guess. */
static bool take_draft(const struct technique_use *use, struct engine_methods *m, struct err *err)
{
	struct acceptance a = { 0 };
	double before = 1;

	if (!text_equal(technique_word(use, "draft"), "layer") || technique_number(use, "tree_nodes") > 0)
		return err_set(err, ERR_INPUT, "--with %s: draft=%s, tree_nodes=%g: the engine drafts chains with one layer; expected draft=layer, tree_nodes=0",
			       use->technique->id, technique_word(use, "draft"), technique_number(use, "tree_nodes"));
	if (!use->ops->acceptance(use, &a, err))
		return false;
	m->draft = (struct draft_settings){ .depth = a.depth, .vocab = (int64_t)technique_number(use, "draft_vocab"), .drawn = true };
	m->draft.fused = (int64_t)technique_number(use, "fused_features");
	m->draft.fused = m->draft.fused < 1 ? 1 : m->draft.fused;
	for (int i = 0; i < a.depth; i++) {
		m->draft.right[i] = before > 0 ? a.survival[i] / before : 0;
		before = a.survival[i];
	}
	return true;
}

/* A cache keeps its place in a sequence for all layers, routed layers have one each; a rejected guess must leave no trace in either. */
static bool fits_together(const struct engine_methods *m, struct err *err)
{
	if (m->cache && m->depth.every > 0)
		return err_set(err, ERR_INPUT, "--with mixture_of_depths: the engine routes depth over its plain cache alone, not over %s", m->cache->name);
	if (m->draft.depth > 0 && (m->cache || m->depth.every > 0))
		return err_set(err, ERR_INPUT, "--with eagle3: the engine verifies guesses over its plain cache alone, not over %s",
			       m->cache ? m->cache->name : "mixture_of_depths");
	return true;
}

static const struct hosted hosted[] = {
	{ "weight-format", "bitnet_b158_v1796", take_ternary },
	{ "engine", "vllm_v2_v1871", take_policy },
	{ "token-routing", "mixture_of_depths_v1799", take_depth },
	{ "kv-quantize", "kivi_v1821", take_quantised },
	{ "kv-evict", "h2o_v1825", take_eviction },
	{ "draft", "eagle3_v1861", take_draft },
};

static bool take(const struct technique_use *use, struct engine_methods *m, struct err *err)
{
	struct str known = { 0 };

	for (size_t i = 0; i < COUNT_OF(hosted); i++) {
		if (text_equal(use->ops->name, hosted[i].family))
			return hosted[i].take(use, m, err);
		str_addf(&known, "%s%s", i == 0 ? "" : ", ", hosted[i].modules);
	}
	err_set(err, ERR_INPUT, "--with %s: the engine runs %s; it has no %s", use->technique->id, str_text(&known), use->ops->name);
	str_release(&known);
	return false;
}

bool engine_methods_of(const struct scenario *sc, struct engine_methods *out, struct arena *arena, struct err *err)
{
	struct technique_set set = { 0 };

	*out = (struct engine_methods){ 0 };
	for (size_t i = 0; i < sc->technique_count; i++)
		if (!technique_set_add(&set, sc->techniques[i].id, sc->techniques[i].params, arena, err))
			return false;
	if (!technique_set_finish(&set, err))
		return false;
	for (size_t i = 0; i < set.count; i++)
		if (!take(&set.uses[i], out, err))
			return false;
	return fits_together(out, err);
}
