/* Techniques gain where physics says they do, and nowhere else: on every entry of the tree where that makes sense. */
#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/str.h"
#include "models/technique.h"
#include "sim/step.h"

static const char plain_model[] = "llama-2-7b";

/* A step of this batch with techniques (blank-separated, NULL: none). False when it cannot be had. */
static bool price_on(const char *model, const char *device, const char *with, const struct step_shape *shape, struct step_result *out,
		     struct arena *arena, struct err *err)
{
	struct scenario *sc = scenario_new(arena, err);
	char *list = arena_strdup(arena, with ? with : ""), *save = NULL;

	if (!sc || !list || !schema_set(&scenario_element, sc, "model.name", model, "test", arena, err) ||
	    !schema_set(&scenario_element, sc, "hardware.device", device, "test", arena, err))
		return false;
	for (char *word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (!scenario_with(sc, word, arena, err))
			return false;
	return step_price(sc, shape, out, arena, err);
}

static bool price(const char *with, const struct step_shape *shape, struct step_result *out, struct arena *arena)
{
	struct err err = { 0 };
	bool ok = price_on(plain_model, "a100", with, shape, out, arena, &err);

	if (!ok)
		printf("\n  %s: %s\n", with ? with : "plain", err.text);
	CU_ASSERT_TRUE(ok);
	return ok;
}

static const struct step_shape decode_16 = { .decodes = 16, .context = 2048 };
static const struct step_shape prefill_1 = { .prefills = 1, .prompt = 2048, .context = 1 };

static double flops_of(const struct step_result *r, const char *prefix)
{
	double sum = 0;

	for (size_t i = 0; i < r->row_count; i++)
		if (text_starts(r->rows[i].label, prefix))
			sum += r->rows[i].count * r->rows[i].cost.flops;
	return sum;
}

static double seconds_of(const struct step_result *r, const char *label)
{
	double sum = 0;

	for (size_t i = 0; i < r->row_count; i++)
		if (text_equal(r->rows[i].label, label))
			sum += r->rows[i].seconds;
	return sum;
}

static void order_does_not_matter(void)
{
	static const char *const orders[] = {
		"kivi_v1821 h2o_v1825 eagle3_v1861 bitnet_b158_v1796 nvlink_5_v1786", "nvlink_5_v1786 bitnet_b158_v1796 eagle3_v1861 h2o_v1825 kivi_v1821",
		"h2o_v1825 nvlink_5_v1786 kivi_v1821 bitnet_b158_v1796 eagle3_v1861",
	};
	struct arena *a = arena_new();
	struct step_result first, r;

	CU_ASSERT_FATAL(price(orders[0], &decode_16, &first, a));
	for (size_t i = 1; i < COUNT_OF(orders); i++) {
		CU_ASSERT_FATAL(price(orders[i], &decode_16, &r, a));
		CU_ASSERT_EQUAL(r.seconds, first.seconds);
		CU_ASSERT_EQUAL(r.memory.kv_blocks, first.memory.kv_blocks);
		CU_ASSERT_EQUAL(r.row_count, first.row_count);
	}
	arena_free(a);
}

/* Prefill attends in full precision over the whole prompt, whatever becomes of the cache afterwards. */
static void compression_leaves_prefill(void)
{
	struct arena *a = arena_new();
	struct step_result plain, packed;

	CU_ASSERT_FATAL(price(NULL, &prefill_1, &plain, a) && price("kivi_v1821", &prefill_1, &packed, a));
	CU_ASSERT_EQUAL(flops_of(&plain, "attn_prefill"), flops_of(&packed, "attn_prefill"));
	CU_ASSERT_EQUAL(seconds_of(&plain, "attn_prefill"), seconds_of(&packed, "attn_prefill"));
	CU_ASSERT(packed.seconds >= plain.seconds);
	arena_free(a);
}

/* The longer the context, the more of the step is cache, the more packing it brings. */
static void compression_grows_with_context(void)
{
	double before = 0;

	for (int64_t context = 512; context <= 32768; context *= 4) {
		struct arena *a = arena_new();
		struct step_shape s = { .decodes = 16, .context = context };
		struct step_result plain, packed;

		CU_ASSERT_FATAL(price(NULL, &s, &plain, a) && price("kivi_v1821", &s, &packed, a));
		CU_ASSERT(plain.seconds / packed.seconds > before - 0.02);
		before = plain.seconds / packed.seconds;
		CU_ASSERT(before < 16 / 3.0 + 1e-9);
		arena_free(a);
	}
	CU_ASSERT(before > 1.5);
}

/* Packed weights save bytes: nothing is left of that where arithmetic decides. On the 8-bit units the bound is their rate. */
static void ternary_weights_are_bytes(void)
{
	struct step_shape large = { .prefills = 1, .prompt = 16384, .context = 1 }, small = { .decodes = 1, .context = 16 };
	struct arena *a = arena_new();
	struct step_result plain, ternary;

	CU_ASSERT_FATAL(price(NULL, &large, &plain, a) && price("ternary_llm_v1797", &large, &ternary, a));
	CU_ASSERT(ternary.seconds > 0.97 * plain.seconds);
	CU_ASSERT_FATAL(price(NULL, &small, &plain, a) && price("ternary_llm_v1797", &small, &ternary, a));
	CU_ASSERT(ternary.seconds < 0.6 * plain.seconds);
	arena_free(a);
}

/* Every second block at an eighth of the tokens: 9/16 of the layers' products. */
static void routing_saves_its_share(void)
{
	struct step_shape s = { .prefills = 1, .prompt = 4096, .context = 1 };
	struct arena *a = arena_new();
	struct step_result plain, routed;

	CU_ASSERT_FATAL(price(NULL, &s, &plain, a) && price("mixture_of_depths_v1799", &s, &routed, a));
	CU_ASSERT_DOUBLE_EQUAL(flops_of(&routed, "gate_up_proj") / flops_of(&plain, "gate_up_proj"), 0.5625, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(flops_of(&routed, "attn_prefill") / flops_of(&plain, "attn_prefill"), 0.5 + 0.5 / 64, 1e-9);
	CU_ASSERT_EQUAL(flops_of(&routed, "lm_head"), flops_of(&plain, "lm_head"));
	CU_ASSERT_FATAL(price("mixture_of_depths_v1799:capacity=1", &s, &routed, a));
	CU_ASSERT_EQUAL(routed.seconds, plain.seconds);
	arena_free(a);
}

static void speculation_loses_at_large_batches(void)
{
	double gains[4] = { 0 };
	static const int64_t batches[] = { 1, 16, 128, 512 };

	for (size_t i = 0; i < COUNT_OF(batches); i++) {
		struct arena *a = arena_new();
		struct step_shape s = { .decodes = batches[i], .context = 256 };
		struct step_result plain, drafted;

		CU_ASSERT_FATAL(price(NULL, &s, &plain, a) && price("eagle3_v1861", &s, &drafted, a));
		gains[i] = plain.seconds / drafted.seconds * drafted.tokens_per_pass;
		CU_ASSERT(drafted.seconds > plain.seconds);
		CU_ASSERT(i == 0 || gains[i] < gains[i - 1] + 0.02);
		arena_free(a);
	}
	CU_ASSERT(gains[0] > 1.3 && gains[3] < 1);
}

/* A recurrent state is as large at any context; a cache is not. */
static void recurrence_ignores_context(void)
{
	struct step_shape near = { .decodes = 16, .context = 64 }, far = { .decodes = 16, .context = 32768 };
	struct arena *a = arena_new();
	struct step_result x, y;

	CU_ASSERT_FATAL(price("xlstm_v1791", &near, &x, a) && price("xlstm_v1791", &far, &y, a));
	CU_ASSERT_EQUAL(x.seconds, y.seconds);
	CU_ASSERT_FATAL(price("ttt_v1790", &near, &x, a) && price("ttt_v1790", &far, &y, a));
	CU_ASSERT_EQUAL(x.seconds, y.seconds);
	arena_free(a);
}

/* Whatever a module does, no operator beats the device: FLOPs over peak, bytes over bandwidth. */
static void nothing_beats_the_device(void)
{
	static const struct step_shape shapes[] = { { .decodes = 64, .context = 4096 }, { .prefills = 1, .prompt = 1024, .context = 1 } };
	struct arena *list = arena_new();
	struct err err = { 0 };
	size_t count, priced = 0;
	const char *const *names = technique_names(&count, list, &err);

	for (size_t i = 0; names && i < count; i++)
		for (size_t k = 0; k < COUNT_OF(shapes); k++) {
			struct arena *a = arena_new();
			struct step_result r;
			struct err refused = { 0 };

			if (price_on("llama-3.1-8b", "h100", names[i], &shapes[k], &r, a, &refused) && !r.device->execution.kind) {
				priced++;
				for (size_t n = 0; n < r.row_count; n++) {
					const struct step_row *row = &r.rows[n];
					bool packed = row->op.stored_bytes > 0 || row->op.law || row->op.q_len > 1;

					if (!packed || row->cost.bound == BOUND_NETWORK)
						continue;
					CU_ASSERT(row->cost.seconds >= 0.999 * row->cost.bytes / device_bandwidth(r.device));
					CU_ASSERT(row->cost.seconds >= 0.999 * row->cost.flops / device_peak(r.device, row->op.dtype, NULL));
				}
			}
			arena_free(a);
		}
	CU_ASSERT(priced > 40);
	arena_free(list);
}

CU_TestInfo suite_ablations[] = {
	{ "order of techniques does not matter", order_does_not_matter }, { "a packed cache leaves prefill as it is", compression_leaves_prefill },
	{ "a packed cache gains with the context", compression_grows_with_context }, { "ternary weights save bytes, not arithmetic", ternary_weights_are_bytes },
	{ "routing saves its share exactly", routing_saves_its_share }, { "speculation loses at large batches", speculation_loses_at_large_batches },
	{ "recurrence ignores the context", recurrence_ignores_context }, { "nothing beats the device", nothing_beats_the_device }, CU_TEST_INFO_NULL
};
