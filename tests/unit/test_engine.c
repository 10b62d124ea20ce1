/* validation/engine: whatever batches, chunks, blocks and prefixes do, the logits are those of the plain forward pass. */
#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/rng.h"
#include "sim/serve/scheduler.h"
#include "tests/unit/engine_fixture.h"
#include "validation/engine/reference_pass.h"

static const struct engine_shape dense = { .layers = 2, .hidden = 48, .heads = 6, .kv_heads = 2, .head_dim = 16, .intermediate = 80, .vocab = 211, .context = 512,
					   .rope_theta = 10000, .eps = 1e-5 };
static const struct engine_shape moe = { .layers = 2, .hidden = 48, .heads = 4, .kv_heads = 4, .head_dim = 8, .experts = 5, .top_k = 2, .expert_width = 40,
					 .renormalise = true, .vocab = 97, .context = 512, .rope_theta = 1e6, .eps = 1e-6 };
static const struct engine_shape family = { .layers = 2, .hidden = 32, .heads = 4, .kv_heads = 1, .head_dim = 12, .intermediate = 64, .vocab = 64, .context = 512, .tied = true,
					    .qkv_bias = true, .qk_norm = true, .interleaved = true, .window = 19, .rope_theta = 500, .eps = 1e-5 };

/* Every step's logits against the reference on all tokens so far, with any cutting of the prompt. Returns the largest error. */
static double step_by_step(const struct engine_model *m, int64_t max_tokens, int64_t block, enum kernel_format kv)
{
	enum { PROMPT = 41, OUTPUT = 5 };
	struct engine_options o = options_of(max_tokens, 1, block, 64, false);
	float *expected = mem_alloc((size_t)((PROMPT + OUTPUT) * m->shape.vocab) * sizeof(float));
	int32_t ids[PROMPT + OUTPUT];
	struct request r = { .id = 0, .prompt_tokens = PROMPT, .output_tokens = OUTPUT };
	struct engine_step step;
	struct err err = { 0 };
	struct engine *e;
	int64_t known = PROMPT;
	double worst = 0;
	bool refused;

	o.kv_format = kv;
	e = engine_of(m, &o);
	for (int i = 0; i < PROMPT; i++)
		ids[i] = (int32_t)((i * 37 + 5) % m->shape.vocab);
	CU_ASSERT_TRUE_FATAL(engine_add(e, &r, ids, &refused, &err) && !refused);
	for (int64_t done = 0; engine_outstanding(e) > 0;) {
		CU_ASSERT_TRUE_FATAL(engine_step(e, 0, NULL, NULL, &step, &err) && step.ran);
		done += step.iteration.prefill_tokens + step.iteration.decodes;
		if (done < PROMPT)
			continue;
		CU_ASSERT_TRUE_FATAL(reference_pass(m, ids, known, expected, &err));
		worst = fmax(worst, row_error(forward_logits(engine_forward(e)), expected + (known - 1) * m->shape.vocab, m->shape.vocab));
		if (known < PROMPT + OUTPUT)
			ids[known++] = forward_tokens(engine_forward(e))[0];
	}
	CU_ASSERT_EQUAL(known, PROMPT + OUTPUT);
	mem_free(expected);
	engine_free(e);
	return worst;
}

static void logits_are_those_of_the_reference(void)
{
	static const struct { const struct engine_shape *shape; const char *name; } shapes[] = { { &dense, "dense" }, { &moe, "moe" }, { &family, "family" } };
	static const int64_t cuts[][2] = { { 64, 16 }, { 16, 16 }, { 8, 4 }, { 5, 3 } };       /* tokens a batch, tokens a block */

	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		struct engine_model *m = model_of(shapes[i].shape, KERNEL_FP32);

		for (size_t k = 0; k < COUNT_OF(cuts); k++) {
			double error = step_by_step(m, cuts[k][0], cuts[k][1], KERNEL_FP32);

			if (!(error < 2e-5))
				fprintf(stderr, "%s, %lld tokens a batch: logits are off by %g\n", shapes[i].name, (long long)cuts[k][0], error);
			CU_ASSERT(error < 2e-5);
		}
		engine_model_free(m);
	}
}

/* Rounding of weights is in both; that of activations and of the cache is the engine's alone: 8 bits a value in int8. */
static void narrower_formats_stay_near(void)
{
	static const struct { enum kernel_format weights, kv; double within; } cases[] = {
		{ KERNEL_BF16, KERNEL_FP32, 0.03 }, { KERNEL_BF16, KERNEL_BF16, 0.03 }, { KERNEL_INT8, KERNEL_BF16, 0.06 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct engine_model *m = model_of(&dense, cases[i].weights);
		double error = step_by_step(m, 16, 8, cases[i].kv);

		if (!(error < cases[i].within))
			fprintf(stderr, "%s with a cache in %s: logits are off by %g\n", kernel_format_names[cases[i].weights], kernel_format_names[cases[i].kv], error);
		CU_ASSERT(error < cases[i].within);
		engine_model_free(m);
	}
}

enum { MANY = 14 };

/* Requests that share starts (keys), of lengths that do not fit blocks. */
static void add_many(struct engine *e, struct rng *rng, uint64_t keys[MANY][16])
{
	for (int i = 0; i < MANY; i++) {
		struct request r = { .id = i, .prompt_tokens = 9 + (int64_t)rng_below(rng, 50), .output_tokens = 1 + (int64_t)rng_below(rng, 14), .block_tokens = 8 };
		struct err err = { 0 };
		bool refused;

		for (int k = 0; k < 16; k++)
			keys[i][k] = k < 3 ? (uint64_t)(100 + i % 3 * 10 + k) : (uint64_t)(1000 + i * 100 + k);
		r.blocks = keys[i];
		r.block_count = (uint32_t)((r.prompt_tokens + (i % 2 ? r.output_tokens : 0)) / 8);
		CU_ASSERT_TRUE_FATAL(engine_add(e, &r, NULL, &refused, &err) && !refused);
	}
}

static void answers_of(const struct engine_model *m, const struct engine_options *o, struct answer *answers, int64_t *preemptions, int64_t *cached)
{
	struct engine *e = engine_of(m, o);
	uint64_t keys[MANY][16];
	struct rng rng;

	rng_init(&rng, 5, "requests");
	engine_on_done(e, keep_answer, answers);
	add_many(e, &rng, keys);
	run_all(e);
	*preemptions = engine_batcher(e)->preemptions;
	*cached = batcher_used_blocks(engine_batcher(e));
	engine_free(e);
}

/* One request after the other without a prefix cache; then together, in small chunks, with prefixes shared, with so few blocks
 * that sequences are thrown out and come back, under every policy: the same tokens. */
static void any_schedule_gives_the_same_tokens(void)
{
	static const struct engine_shape *const shapes[] = { &dense, &moe };

	for (size_t s = 0; s < COUNT_OF(shapes); s++) {
		struct engine_model *m = model_of(shapes[s], KERNEL_FP32);
		struct engine_options alone = options_of(128, 1, 8, 400, true), o;
		struct answer expected[MANY] = { 0 };
		int64_t preemptions, used, thrown_out = 0;

		/* The keys decide the prompts; without caching they would not be read. One at a time with a cache of its own each. */
		answers_of(m, &alone, expected, &preemptions, &used);
		for (size_t p = 0; schedulers[p]; p++)
			for (int64_t blocks = 10; blocks <= 200; blocks += 190) {
				struct answer got[MANY] = { 0 };

				o = options_of(24, 6, 4, blocks * 2, true);
				o.scheduler = schedulers[p];
				o.limits.reserve = schedulers[p]->reserve;
				o.limits.order = schedulers[p]->order;
				o.limits.max_waiting_iters = 4;
				if (schedulers[p]->chunking == CHUNKING_NEVER || schedulers[p]->whole_prompts) {
					o.limits.chunked = schedulers[p]->chunking != CHUNKING_NEVER;
					o.limits.max_tokens = 96;
				}
				answers_of(m, &o, got, &preemptions, &used);
				thrown_out += preemptions;
				CU_ASSERT_EQUAL(used, 0);
				for (int i = 0; i < MANY; i++) {
					bool same = got[i].count == expected[i].count && memcmp(got[i].tokens, expected[i].tokens, sizeof(got[i].tokens)) == 0;

					if (!same)
						fprintf(stderr, "%s, %lld blocks: request %d has other tokens\n", schedulers[p]->name, (long long)blocks, i);
					CU_ASSERT(same);
				}
			}
		CU_ASSERT(thrown_out > 0);
		engine_model_free(m);
	}
}

static void refuses(void)
{
	struct engine_model *m = model_of(&dense, KERNEL_FP32);
	struct engine_options o = options_of(32, 2, 8, 8, false);
	struct engine *e = engine_of(m, &o);
	struct request r = { .id = 0, .prompt_tokens = 60, .output_tokens = 10 };
	static const int32_t outside[3] = { 1, 211, 2 };
	struct err err = { 0 };
	bool refused;

	CU_ASSERT_TRUE(engine_add(e, &r, NULL, &refused, &err) && refused);            /* 9 blocks of 8 */
	r.prompt_tokens = 3;
	CU_ASSERT_FALSE(engine_add(e, &r, outside, &refused, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "engine: token 211 of request 0: expected 0 to 210");
	engine_free(e);
	o.limits.swap = true;
	err = (struct err){ 0 };
	CU_ASSERT_PTR_NULL(engine_new(m, &o, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	engine_model_free(m);
}

CU_TestInfo suite_engine[] = {
	{ "logits are those of the reference", logits_are_those_of_the_reference },
	{ "narrower formats stay near", narrower_formats_stay_near },
	{ "any schedule gives the same tokens", any_schedule_gives_the_same_tokens },
	{ "refuses", refuses },
	CU_TEST_INFO_NULL
};
