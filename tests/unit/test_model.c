#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "models/model.h"
#include "tests/unit/scratch.h"

static const struct model *load(const char *name, struct arena *a)
{
	struct err err = { 0 };
	const struct model *m = model_load(name, a, &err);

	TRUE_FOR(err.text, m != NULL);
	return m;
}

static bool near(double a, double b, double tolerance)
{
	return fabs(a - b) <= tolerance * fabs(b);
}

/* Every catalog entry: the recomputed total is the published one within 1 %, or the entry says why not. */
static void totals_agree_or_are_explained(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count = 0;
	const char *const *names = model_names(&count, a, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	CU_ASSERT(count >= 103);
	for (size_t i = 0; i < count; i++) {
		const struct model *m = load(names[i], a);
		struct model_counts c;

		if (!m)
			continue;
		model_parameters(m, &c);
		TRUE_FOR(names[i], strcmp(m->name, names[i]) == 0);
		TRUE_FOR(names[i], m->source && m->shape.source && m->published.source);
		TRUE_FOR(names[i], m->published.total > 0);
		TRUE_FOR(names[i], near(c.total, m->published.total, 0.01) || m->published.total_reason != NULL);
		TRUE_FOR(names[i], m->published.active == 0 || near(c.active, m->published.active, 0.01) ||
					   near(c.multiplied, m->published.active, 0.01) ||
					   m->published.active_reason != NULL);
		TRUE_FOR(names[i], c.active <= c.total && c.multiplied <= c.active);
		TRUE_FOR(names[i], near(c.embedding + c.head + c.attention + c.mlp + c.router + c.experts + c.shared +
						c.norms + c.recurrent,
					c.total, 1e-12));
	}
	arena_free(a);
}

/* Counts known to the last parameter, and cache sizes: elements a token in full and in windowed layers, state. */
static void known_models_count_exactly(void)
{
	static const struct {
		const char *name;
		double total, kv_full, kv_window;
	} cases[] = {
		{ "gpt2-124m", 124439808, 18432, 0 },
		{ "llama-2-7b", 6738415616, 262144, 0 },
		{ "llama-3.1-405b", 405853388800, 258048, 0 },
		{ "gemma-3-1b", 999885952, 2048, 11264 },
		{ "xlstm-7b", 6865424896, 0, 0 },
		{ "opt-350m", 331196416, 49152, 0 },
		{ "deepseek-v3", 671026419200, 35136, 0 },
		{ "gpt-oss-120b", 116829156672, 18432, 18432 },
		{ "jamba-v0.1", 51570323328, 8192, 0 },
		{ "mamba-2.8b", 2768345600, 0, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		const struct model *m = load(cases[i].name, a);
		struct model_counts c = { 0 };

		if (m)
			model_parameters(m, &c);
		TRUE_FOR(cases[i].name, c.total == cases[i].total);
		TRUE_FOR(cases[i].name, c.kv_full == cases[i].kv_full);
		TRUE_FOR(cases[i].name, c.kv_window == cases[i].kv_window);
		arena_free(a);
	}
}

static void finds_models_by_any_name(void)
{
	static const struct {
		const char *asked, *name;
	} cases[] = {
		{ "llama-2-7b", "llama-2-7b" },
		{ "meta-llama/Llama-2-7b-hf", "llama-2-7b" },
		{ "META-LLAMA/llama-2-7B-HF", "llama-2-7b" },
		{ "Llama_2_7B", "llama-2-7b" },
		{ "Llama-2-7b-hf", "llama-2-7b" },
		{ "Qwen3-30B-A3B-Instruct-2507", "qwen3-30b-a3b" },
		{ "models/llm/phi-2.xml", "phi-2" },
		{ "tests/data/hf/Tiny-Folder", "tiny-folder" },
		{ "tests/data/hf/acme--Plain-7B_config.json", "plain-7b" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		const struct model *m = load(cases[i].asked, a);

		SAME_TEXT(m ? m->name : "nothing", cases[i].name);
		arena_free(a);
	}
}

/* No alias names two models. */
static void aliases_are_unique(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count = 0, aliases = 0;
	const char *const *names = model_names(&count, a, &err);
	const char *list[2048], *owner[2048];

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	for (size_t i = 0; i < count; i++) {
		const struct model *m = load(names[i], a);
		char *copy = m && m->aliases ? arena_strdup(a, m->aliases) : NULL, *save = NULL;

		for (char *p = copy ? strtok_r(copy, " ", &save) : NULL; p && aliases < COUNT_OF(list);
		     p = strtok_r(NULL, " ", &save)) {
			for (size_t k = 0; k < aliases; k++)
				TRUE_FOR(p, strcmp(list[k], p) != 0 || strcmp(owner[k], names[i]) == 0);
			list[aliases] = p, owner[aliases++] = names[i];
		}
	}
	CU_ASSERT(aliases > 150);
	arena_free(a);
}

static void refuses_with_one_line(void)
{
	static const struct {
		const char *asked, *says;
	} cases[] = {
		{ "llama-2-7bb", "model 'llama-2-7bb' is not in the catalog" },
		{ "lama-2-7b", "did you mean 'llama-2-7b'?" },
		{ "models/llm/absent.xml", "models/llm/absent.xml" },
		{ "absent/config.json", "absent/config.json: not a readable file" },
		{ "gpt:layers=2,hiden=4,heads=2", "no key 'hiden'" },
		{ "gpt:layers=2,hiden=4,heads=2", "did you mean 'hidden'?" },
		{ "gpt:layers=2", "hidden is missing" },
		{ "gpt:layers=2,hidden=100,heads=3", "hidden=100 is no multiple of heads=3" },
		{ "gpt:layers=0,hidden=4,heads=2", "expected a whole number, 1 to 4096" },
		{ "llama:layers=2,hidden=64,heads=4,kv_heads=3", "expected a divisor of heads" },
		{ "llama:layers", "expected key=value" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };

		TRUE_FOR(cases[i].asked, model_load(cases[i].asked, a, &err) == NULL);
		TRUE_FOR(err.text, strstr(err.text, cases[i].says) != NULL);
		TRUE_FOR(err.text, err.kind != ERR_NONE && strchr(err.text, '\n') == NULL);
		arena_free(a);
	}
}

/* gpt: 12 l h^2 (1 + 13/12h) + (V + s) h and the final norm: 12*24*1024^2 + 13*24*1024 + (50257+2048)*1024 + 2*1024. */
static void reads_models_in_place(void)
{
	struct arena *a = arena_new();
	const struct model *m = load("gpt:layers=24,hidden=1024,heads=16", a);
	struct model_counts c = { 0 };

	if (m)
		model_parameters(m, &c);
	CU_ASSERT_EQUAL(c.total, 12.0 * 24 * 1024 * 1024 + 13.0 * 24 * 1024 + (50257.0 + 2048) * 1024 + 2 * 1024);
	m = load("llama:layers=32,hidden=4096,heads=32,intermediate=14336,kv_heads=8,vocab=128256", a);
	if (m)
		model_parameters(m, &c);
	CU_ASSERT_EQUAL(c.total, 8030261248);
	m = load("llama:layers=32,hidden=4096,heads=32,kv_heads=8,experts=8,top_k=2,expert_intermediate=14336", a);
	if (m)
		model_parameters(m, &c);
	CU_ASSERT_EQUAL(c.total, 46702792704);
	CU_ASSERT_EQUAL(c.active, 12879925248);
	arena_free(a);
}

/* Writing a model and reading it back changes nothing. */
static void xml_survives_a_round_trip(void)
{
	static const char *const names[] = { "deepseek-v3", "gemma-2-9b", "jamba-1.5-large",
					     "xlstm-7b",    "opt-350m",   "kimi-k2" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct arena *a = arena_new();
		const struct model *m = load(names[i], a), *again;
		struct str first = { 0 }, second = { 0 };
		char path[SCRATCH_PATH];

		if (m) {
			model_write_xml(m, &first);
			again = load(scratch_text(path, "model.xml", str_text(&first)), a);
			if (again)
				model_write_xml(again, &second);
			SAME_TEXT(str_text(&second), str_text(&first));
			unlink(path);
		}
		str_release(&first);
		str_release(&second);
		arena_free(a);
	}
}

static void spells_out_patterns(void)
{
	static const struct {
		const char *mixers, *ffns, *says;
	} cases[] = {
		{ "(5WA)", "(D)", "WWWWWAWWWWWAWWWW/DDDDDDDDDDDDDDDD" },
		{ "2A(R)", "3D(E)", "AARRRRRRRRRRRRRR/DDDEEEEEEEEEEEEE" },
		{ "R.R.", "(.D)", "R.R.R.R.R.R.R.R./.D.D.D.D.D.D.D.D" },
		{ "X", "(D)", "expected letters of A W S T R ." },
		{ "17A", "(D)", "expected letters of A W S T R ." },
		{ "(A", "(D)", "expected letters of A W S T R ." },
		{ "A", "()", "expected letters of D E ." },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct model m;
		char got[600];

		CU_ASSERT(schema_defaults(&model_element, &m, a, &err));
		m.name = "pattern";
		m.shape.layers = 16, m.shape.hidden = 64, m.shape.vocab = 10, m.mlp.intermediate = 64;
		m.attention.heads = 4, m.attention.window = 8;
		m.recurrent.kind = RECURRENT_MAMBA1, m.recurrent.inner = 64, m.recurrent.state = 4;
		m.moe = (struct model_moe){ .experts = 4, .top_k = 1, .expert_intermediate = 8 };
		m.shape.mixers = cases[i].mixers, m.shape.ffns = cases[i].ffns;
		if (model_finish(&m, "here", a, &err))
			snprintf(got, sizeof(got), "%s/%s", m.mixer_of, m.ffn_of);
		else
			snprintf(got, sizeof(got), "%s", err.text);
		TRUE_FOR(got, strstr(got, cases[i].says) != NULL);
		arena_free(a);
	}
}

/* Layers with sizes of their own: two of three layers narrower, one with other kv heads. */
static void overrides_change_single_layers(void)
{
	static const char xml[] =
		"<model name='o' source='test'><shape layers='3' hidden='8' vocab='10' source='test'/>"
		"<attention heads='4' kv_heads='4' source='test'/><mlp intermediate='32' source='test'/>"
		"<override layers='0,2' intermediate='16' source='test'/>"
		"<override layers='1' kv_heads='2' source='test'/></model>";
	char path[SCRATCH_PATH];
	struct arena *a = arena_new();
	const struct model *m = load(scratch_text(path, "override.xml", xml), a);
	struct layer l;

	if (m) {
		model_layer(m, 0, &l);
		CU_ASSERT(l.intermediate == 16 && l.kv_heads == 4);
		model_layer(m, 1, &l);
		CU_ASSERT(l.intermediate == 32 && l.kv_heads == 2);
		model_layer(m, 2, &l);
		CU_ASSERT(l.intermediate == 16 && l.kv_heads == 4);
	}
	unlink(path);
	arena_free(a);
}

CU_TestInfo suite_model[] = { { "totals agree with what is published or are explained", totals_agree_or_are_explained },
			      { "known models count exactly", known_models_count_exactly },
			      { "finds models by any name", finds_models_by_any_name },
			      { "no alias names two models", aliases_are_unique },
			      { "refuses with one line", refuses_with_one_line },
			      { "reads models in place", reads_models_in_place },
			      { "XML survives a round trip", xml_survives_a_round_trip },
			      { "spells out layer patterns", spells_out_patterns },
			      { "overrides change single layers", overrides_change_single_layers },
			      CU_TEST_INFO_NULL };
