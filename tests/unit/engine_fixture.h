/* Small engines for tests: models with random weights, limits, runs to the end. */
#ifndef TESTS_UNIT_ENGINE_FIXTURE_H
#define TESTS_UNIT_ENGINE_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "sim/serve/scheduler.h"
#include "validation/engine/engine.h"

static inline struct engine_model *model_of(const struct engine_shape *shape, enum kernel_format format)
{
	struct err err = { 0 };
	struct weight_source *source = weight_source_random(shape, 11, &err);
	struct engine_model *m = source ? engine_model_new(source, format, 1, &err) : NULL;

	weight_source_free(source);
	if (!m)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	return m;
}

static inline struct engine_options options_of(int64_t max_tokens, int64_t max_seqs, int64_t block, int64_t blocks, bool prefix)
{
	return (struct engine_options){ .scheduler = scheduler_find("vllm"), .kv_format = KERNEL_FP32, .threads = 1, .context = 512, .seed = 3,
					.limits = { .max_seqs = max_seqs, .max_tokens = max_tokens, .block_tokens = block, .kv_blocks = blocks, .chunked = true,
						    .prefix_caching = prefix, .lanes = 1, .wheel_bits = 8, .window_count = 1, .conservativeness = 1 } };
}

static inline struct engine *engine_of(const struct engine_model *m, const struct engine_options *o)
{
	struct err err = { 0 };
	struct engine *e = engine_new(m, o, &err);

	if (!e)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	return e;
}

/* Largest difference over the largest value of one row of logits. */
static inline double row_error(const float *got, const float *expected, int64_t n)
{
	double most = 0, size = 0;

	for (int64_t i = 0; i < n; i++) {
		most = fmax(most, fabs((double)got[i] - (double)expected[i]));
		size = fmax(size, fabs((double)expected[i]));
	}
	return most / size;
}

struct answer {
	int32_t tokens[64];
	int64_t count;
};

static inline bool keep_answer(void *ctx, const struct engine_request *r, const struct request *asked, const int32_t *tokens, struct err *err)
{
	struct answer *answers = ctx;

	(void)asked;
	(void)err;
	answers[r->id].count = r->output_tokens;
	memcpy(answers[r->id].tokens, tokens, (size_t)r->output_tokens * sizeof(*tokens));
	return true;
}

static inline void run_all(struct engine *e)
{
	struct engine_step step = { .ran = true };
	struct err err = { 0 };

	for (int n = 0; engine_outstanding(e) > 0 && n < 100000; n++)
		if (!engine_step(e, n, NULL, NULL, &step, &err)) {
			fprintf(stderr, "%s\n", err.text);
			CU_FAIL_FATAL("engine_step");
		}
	CU_ASSERT_EQUAL(engine_outstanding(e), 0);
}

#endif
