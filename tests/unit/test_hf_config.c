#include <string.h>

#include <CUnit/CUnit.h>

#include "hardware/operator.h"
#include "models/hf_config.h"
#include "tests/unit/scratch.h"

#define FOLDER "tests/data/hf/"

static const struct model *load(const char *path, struct arena *a)
{
	struct err err = { 0 };
	const struct model *m = model_load(path, a, &err);

	TRUE_FOR(err.text, m != NULL);
	return m;
}

/* One configuration of each kind. Totals: Llama-2-7B, DeepSeek-V3, gpt-oss-20b, Nemotron-H-56B, Mamba-2.8B, Gemma-2-2B,
 * Qwen3-1.7B as the catalog and their authors have them. */
static void imports_every_kind(void)
{
	static const struct {
		const char *path;
		double total;
		const char *mixers, *ffns;
	} cases[] = {
		{ FOLDER "acme--Plain-7B_config.json", 6738415616, "(A)", "(D)" },
		{ FOLDER "latent_config.json", 671026419200, "(A)", "3D(E)" },
		{ FOLDER "sparse_config.json", 79289856, "(S2T)", "D(E)" },
		{ FOLDER "delta_config.json", 79674391296, "(3RA)", "(E)" },
		{ FOLDER "experts_config.json", 20914757184, "(WA)", "(E)" },
		{ FOLDER "infinity_config.json", 2768345600, "(R)", "(.)" },
		{ FOLDER "vision_config.json", 1720574976, "(A)", "(D)" },
		{ FOLDER "Tiny-Folder", 2614341888, "(WA)", "(D)" },
		{ FOLDER "blocks_config.json", 56324350464, NULL, NULL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		const struct model *m = load(cases[i].path, a);
		struct model_counts c = { 0 };

		if (m) {
			model_parameters(m, &c);
			TRUE_FOR(cases[i].path, c.total == cases[i].total);
			if (cases[i].mixers) {
				SAME_TEXT(m->shape.mixers, cases[i].mixers);
				SAME_TEXT(m->shape.ffns, cases[i].ffns);
			}
		}
		arena_free(a);
	}
}

static void names_come_from_the_file(void)
{
	struct arena *a = arena_new();
	const struct model *m = load(FOLDER "acme--Plain-7B_config.json", a);

	if (m) {
		SAME_TEXT(m->name, "plain-7b");
		SAME_TEXT(m->aliases, "acme/Plain-7B");
		SAME_TEXT(m->title, "Plain-7B");
		CU_ASSERT_EQUAL(m->format.weights, DTYPE_FP16);
	}
	arena_free(a);
}

static bool has_note(const struct model *m, const char *text)
{
	for (size_t i = 0; i < m->note_count; i++)
		if (strstr(m->notes[i], text))
			return true;
	return false;
}

/* What an import leaves out is said; what costs nothing is not. */
static void reports_what_it_does_not_use(void)
{
	struct arena *a = arena_new();
	const struct model *m = load(FOLDER "vision_config.json", a);

	if (m) {
		CU_ASSERT(has_note(m, "field text_config.strange_feature=3 not used"));
		CU_ASSERT(has_note(m, "vision tower is not modelled"));
		CU_ASSERT_EQUAL(m->note_count, 2);
	}
	m = load(FOLDER "latent_config.json", a);
	if (m)
		CU_ASSERT(has_note(m, "1 multi-token-prediction layers") && m->note_count == 1);
	m = load(FOLDER "acme--Plain-7B_config.json", a);
	if (m)
		CU_ASSERT_EQUAL(m->note_count, 0);
	arena_free(a);
}

static void reads_number_formats(void)
{
	static const struct {
		const char *path;
		int weights, experts, attention, kv;
	} cases[] = {
		{ FOLDER "latent_config.json", DTYPE_FP8_BLOCK, DTYPE_NONE, DTYPE_NONE, DTYPE_NONE },
		{ FOLDER "experts_config.json", DTYPE_BF16, DTYPE_MXFP4, DTYPE_NONE, DTYPE_NONE },
		{ FOLDER "mixed_config.json", DTYPE_FP4, DTYPE_NONE, DTYPE_BF16, DTYPE_FP8 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		const struct model *m = load(cases[i].path, a);

		if (m) {
			TRUE_FOR(cases[i].path, m->format.weights == cases[i].weights);
			TRUE_FOR(cases[i].path, m->format.experts == cases[i].experts);
			TRUE_FOR(cases[i].path, m->format.attention == cases[i].attention ||
							(cases[i].attention == DTYPE_NONE &&
							 m->format.attention == m->format.weights));
			TRUE_FOR(cases[i].path, m->format.kv == cases[i].kv);
		}
		arena_free(a);
	}
}

static void refuses_with_the_reason(void)
{
	static const struct {
		const char *path, *says;
	} cases[] = {
		{ FOLDER "refused_config.json",
		  "refused_config.json: architecture DeepseekV4ForCausalLM: its compressed attention" },
		{ FOLDER "unknown_config.json", "LlamaForCausalLMs is not supported (nearest: LlamaForCausalLM); "
						"expected one of the families llama" },
		{ FOLDER "missing_config.json", "field hidden_size: expected a positive whole number" },
		{ FOLDER "wrong_config.json", "field hidden_size: expected a whole number" },
		{ FOLDER "huge_config.json", "layers=\"100000000000\": expected a whole number, 1 to 4096" },
		{ FOLDER "broken_config.json", "broken_config.json:2: not JSON" },
		{ FOLDER "mixed_hf_quant_config.json", "no architectures and no model_type" },
		{ FOLDER "absent_config.json", "absent_config.json: not a readable file" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };

		TRUE_FOR(cases[i].path, model_load(cases[i].path, a, &err) == NULL);
		TRUE_FOR(err.text, strstr(err.text, cases[i].says) != NULL);
		TRUE_FOR(err.text, err.kind == ERR_INPUT);
		arena_free(a);
	}
}

CU_TestInfo suite_hf_config[] = { { "imports every kind of architecture", imports_every_kind },
				  { "names come from the file", names_come_from_the_file },
				  { "reports what it does not use", reports_what_it_does_not_use },
				  { "reads number formats", reads_number_formats },
				  { "refuses with the reason", refuses_with_the_reason },
				  CU_TEST_INFO_NULL };
