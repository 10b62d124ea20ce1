#include <string.h>

#include <CUnit/CUnit.h>

#include "base/str.h"
#include "models/technique.h"

static void finds_names(void)
{
	static const struct { const char *name, *id; } cases[] = {
		{ "nvlink_5_v1786", "nvlink_5_v1786" }, { "nvlink_5", "nvlink_5_v1786" }, { "NVLink-5", "nvlink_5_v1786" },
		{ "hbm4", "hbm4_optimization_v1789" }, { "groq-lpu", "groq_lpu_v1781" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		const struct technique *t = technique_load(cases[i].name, a, &err);

		CU_ASSERT_PTR_NOT_NULL(t);
		if (t)
			CU_ASSERT_STRING_EQUAL(t->id, cases[i].id);
		arena_free(a);
	}
}

static void refuses(void)
{
	static const struct { const char *names[2], *params, *says; } cases[] = {
		{ { "nvlik_5" }, NULL, "unknown technique 'nvlik_5': did you mean 'nvlink_5_v1786'?" },
		{ { "nvlink_5" }, "linkz=3", "no parameter 'linkz': did you mean 'links'?" },
		{ { "nvlink_5" }, "links=300", "links=300: expected 1 to 64" },
		{ { "nvlink_5" }, "links=x", "links=x: expected 1 to 64" },
		{ { "nvlink_5" }, "links=2,links=3", "links is given twice" },
		{ { "nvlink_5" }, "links", "'links': expected name=value" },
		{ { "nvlink_5" }, "in_switch_reduce=maybe", "expected one of yes no" },
		{ { "nvlink_5", "nvlink_5" }, NULL, "is given twice" },
		{ { "groq_lpu", "b200_optimization" }, NULL, "both are a device" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct technique_set set = { 0 };
		struct err err = { 0 };
		bool ok = technique_set_add(&set, cases[i].names[0], cases[i].params, a, &err) &&
			  (!cases[i].names[1] || technique_set_add(&set, cases[i].names[1], NULL, a, &err)) && technique_set_finish(&set, &err);

		CU_ASSERT(!ok && err.kind == ERR_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].says));
		if (!strstr(err.text, cases[i].says))
			printf("\n  case %zu says: %s\n", i, err.text);
		arena_free(a);
	}
}

/* Every entry loads, is bound to a family and lies in its area's folder under its own id. */
static void entries_are_sound(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names = technique_names(&count, a, &err);

	CU_ASSERT(names && count >= 14);
	for (size_t i = 0; names && i < count; i++) {
		const struct technique *t = technique_load(names[i], a, &err);
		const char *end;

		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		end = arena_printf(a, "models/techniques/%s/%s.xml", technique_area_names[t->area], t->id);
		CU_ASSERT(text_ends(t->path, end) && text_equal(t->id, names[i]));
		CU_ASSERT(t->paper_count > 0);
	}
	arena_free(a);
}

/* The order in which techniques are given does not matter: the set is sorted. */
static void order_does_not_matter(void)
{
	static const char *const names[] = { "cxl_3", "hbm4", "nvlink_5", "ucie", "tpu_v6_optimization" };
	struct technique_set sets[2] = { 0 };
	struct arena *a = arena_new();
	struct err err = { 0 };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		CU_ASSERT(technique_set_add(&sets[0], names[i], NULL, a, &err));
		CU_ASSERT(technique_set_add(&sets[1], names[COUNT_OF(names) - 1 - i], NULL, a, &err));
	}
	CU_ASSERT(technique_set_finish(&sets[0], &err) && technique_set_finish(&sets[1], &err));
	for (size_t i = 0; i < sets[0].count; i++)
		CU_ASSERT_STRING_EQUAL(sets[0].uses[i].technique->id, sets[1].uses[i].technique->id);
	CU_ASSERT_STRING_EQUAL(sets[0].uses[0].technique->id, "tpu_v6_optimization_v1778");
	arena_free(a);
}

static void windows_stay_sorted(void)
{
	struct node nodes[2] = { { .label = "attn_decode", .scale = PER_DECODE_CONTEXT, .window_class = 1, .op.window = 4096 } };
	struct graph g = { .nodes = nodes, .count = 1, .windows = { 0, 4096 }, .window_count = 2 };
	struct graph_change change = { .graph = &g, .capacity = 2 };
	struct err err = { 0 };

	CU_ASSERT_EQUAL(graph_change_window(&change, 4096, &err), 1);
	CU_ASSERT_EQUAL(graph_change_window(&change, 512, &err), 1);
	CU_ASSERT_EQUAL(nodes[0].window_class, 2);
	CU_ASSERT(g.windows[1] == 512 && g.windows[2] == 4096);
}

/* A model's own module of multi-token prediction drafts as its last layer works: the first of three passes over the four tokens that are
 * verified, the others over one each; in 16 bits though the model is in 4; its cache is one more latent row. */
static void modules_draft_as_layers(void)
{
	struct arena *a = arena_new();
	struct technique_set set = { 0 };
	struct placement p = { .tp = 8, .weights = DTYPE_FP4, .experts = DTYPE_FP4 }, resolved;
	struct memory_terms terms = { 0 };
	struct err err = { 0 };
	const struct model *m = model_load("deepseek-v3", a, &err);
	struct graph g;
	double first = 0, rest = 0, prompts = 0, heads = 0, context = 0;

	CU_ASSERT_FATAL(m && technique_set_add(&set, "eagle3_v1861", "draft=module,depth=3", a, &err) && technique_set_finish(&set, &err));
	CU_ASSERT_FATAL(technique_graph(&set, m, &p, NULL, NULL, 0, &g, a, &err));
	for (size_t i = 0; i < g.count; i++) {
		const struct node *n = &g.nodes[i];

		if (strcmp(n->label, "draft_moe") == 0) {
			CU_ASSERT_EQUAL(n->op.dtype, DTYPE_BF16);
			first += n->scale == PER_DECODES && n->per_unit == 4 ? n->count : 0;
			rest += n->scale == PER_DECODES && n->per_unit == 1 ? n->count : 0;
			prompts += n->scale == PER_PREFILL_TOKENS ? n->count : 0;
		}
		heads += strcmp(n->label, "draft_lm_head") == 0 ? n->count : 0;
		context += strcmp(n->label, "draft_attn_decode") == 0 ? n->count * (double)n->op.q_len : 0;
		CU_ASSERT(strcmp(n->label, "draft_sampling") != 0 && strcmp(n->label, "draft_embedding") != 0);
	}
	CU_ASSERT(first == 1 && rest == 2 && prompts == 1 && heads == 3 && context == 4 + 2);
	placement_resolve(m, &p, &resolved);
	CU_ASSERT_FATAL(technique_memory(&set, &(struct memory_change){ .model = m, .place = &resolved, .terms = &terms }, &err));
	CU_ASSERT_DOUBLE_EQUAL(terms.token_bytes, 576 * 2, 1e-6);
	CU_ASSERT(terms.weight_bytes > 2.8e9 && terms.weight_bytes < 3e9);    /* 11.6 billion parameters over eight */
	arena_free(a);
}

CU_TestInfo suite_technique[] = {
	{ "finds ids, stems and aliases", finds_names }, { "refuses bad names, values and pairs", refuses },
	{ "every entry is sound", entries_are_sound }, { "order does not matter", order_does_not_matter },
	{ "windows stay sorted", windows_stay_sorted },
	{ "a module of multi-token prediction drafts as a layer", modules_draft_as_layers }, CU_TEST_INFO_NULL
};
