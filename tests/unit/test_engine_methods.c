/* validation/engine: techniques in the engine against the plain one: exact where they leave nothing out, near where they round. */
#include "base/attr.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tests/unit/engine_fixture.h"
#include "validation/engine/engine_cache.h"

static const struct engine_shape shape = { .layers = 2, .hidden = 128, .heads = 4, .kv_heads = 2, .head_dim = 64, .intermediate = 96, .vocab = 173,
					   .context = 512, .rope_theta = 10000, .eps = 1e-5 };

enum { PROMPT = 150, OUTPUT = 60, ASKED = 3 };

static int32_t token_of(int64_t id, int64_t i)
{
	return (int32_t)((i * 37 + id * 11 + 5) % 173);
}

static void ask(struct engine *e, int64_t id, int64_t prompt)
{
	struct request r = { .id = id, .prompt_tokens = prompt, .output_tokens = OUTPUT };
	int32_t ids[PROMPT];
	struct err err = { 0 };
	bool refused;

	for (int64_t i = 0; i < prompt; i++)
		ids[i] = token_of(id, i);
	CU_ASSERT_TRUE_FATAL(engine_add(e, &r, ids, &refused, &err) && !refused);
}

/* One request alone; logits of each token of its answer. */
static float *logits_of(const struct engine_model *m, const struct engine_methods *methods, int64_t max_tokens)
{
	struct engine_options o = options_of(max_tokens, 1, 64, 40, false);
	float *out = mem_calloc((size_t)(OUTPUT * m->shape.vocab), sizeof(*out));
	struct engine_step step = { .ran = true };
	struct err err = { 0 };
	struct engine *e;

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	o.methods = methods;
	e = engine_of(m, &o);
	ask(e, 0, PROMPT);
	for (int64_t n = 0, done = 0; engine_outstanding(e) > 0;) {
		CU_ASSERT_TRUE_FATAL(engine_step(e, 0, NULL, NULL, &step, &err) && step.ran);
		done += step.iteration.prefill_tokens + step.iteration.decodes;
		if (done >= PROMPT)
			memcpy(out + n++ * m->shape.vocab, forward_logits(engine_forward(e)), (size_t)m->shape.vocab * sizeof(*out));
	}
	engine_free(e);
	return out;
}

/* The largest error of the first `rows` rows of logits. */
static double error_of(const struct engine_model *m, const struct engine_methods *methods, int64_t max_tokens, int64_t rows)
{
	float *plain = logits_of(m, NULL, 256), *with = logits_of(m, methods, max_tokens);
	double worst = 0;

	for (int64_t i = 0; i < rows; i++)
		worst = fmax(worst, row_error(with + i * m->shape.vocab, plain + i * m->shape.vocab, m->shape.vocab));
	mem_free(plain);
	mem_free(with);
	return worst;
}

/* Together, one after the other, with so few blocks that sequences are thrown out: answers of each. */
static void answers_with(const struct engine_model *m, const struct engine_methods *methods, int64_t seqs, int64_t blocks, struct answer *answers,
			 int64_t *preemptions)
{
	struct engine_options o = options_of(512, seqs, 64, blocks, false);
	struct engine *e;

	o.methods = methods;
	e = engine_of(m, &o);
	engine_on_done(e, keep_answer, answers);
	for (int64_t id = 0; id < ASKED; id++)
		ask(e, id, PROMPT - 30 * id);
	run_all(e);
	*preemptions = engine_batcher(e)->preemptions;
	engine_free(e);
}

static void same_answers_in_any_company(const struct engine_model *m, const struct engine_methods *methods)
{
	struct answer alone[ASKED] = { 0 }, together[ASKED] = { 0 };
	int64_t preemptions;

	answers_with(m, methods, 1, 40, alone, &preemptions);
	answers_with(m, methods, ASKED, 40, together, &preemptions);
	for (int i = 0; i < ASKED; i++)
		CU_ASSERT(together[i].count == OUTPUT && memcmp(alone[i].tokens, together[i].tokens, sizeof(alone[i].tokens)) == 0);
}

/* A window over the whole context: nothing is rounded. A smaller one: the first answer comes from a prompt in full precision, later ones
 * are off by what 2 bits leave out -- but are, or nothing was packed. */
static void kivi_is_exact_in_its_window(void)
{
	struct engine_methods all = { .cache = &cache_kivi, .cache_settings = { .residual = 256 } }, part = { .cache = &cache_kivi, .cache_settings = { .residual = 64 } };
	struct engine_model *m = model_of(&shape, KERNEL_FP32);
	double whole = error_of(m, &all, 256, OUTPUT), chunked = error_of(m, &all, 48, OUTPUT), first = error_of(m, &part, 256, 1), later = error_of(m, &part, 256, 4);

	if (!(whole < 2e-5 && chunked < 2e-5 && first < 2e-5 && later < 0.25 && later > 1e-4))
		fprintf(stderr, "kivi: off by %g with a window of all, %g in chunks; %g and %g with one of 64\n", whole, chunked, first, later);
	CU_ASSERT(whole < 2e-5);
	CU_ASSERT(chunked < 2e-5);
	CU_ASSERT(first < 2e-5);
	CU_ASSERT(later < 0.25);
	CU_ASSERT(later > 1e-4);
	same_answers_in_any_company(m, &part);
	engine_model_free(m);
}

/* Three requests together; steps that they took. */
static int64_t steps_of(const struct engine_model *m, const struct engine_methods *methods, int64_t blocks, struct answer *answers, int64_t *preemptions)
{
	struct engine_options o = options_of(512, ASKED, 16, blocks, false);
	struct engine_step step = { .ran = true };
	struct err err = { 0 };
	struct engine *e;
	bool refused;
	int64_t n = 0;

	o.methods = methods;
	e = engine_of(m, &o);
	engine_on_done(e, keep_answer, answers);
	for (int64_t id = 0; id < ASKED; id++) {
		struct request r = { .id = id, .prompt_tokens = 40 + 7 * id, .output_tokens = OUTPUT };

		CU_ASSERT_TRUE_FATAL(engine_add(e, &r, NULL, &refused, &err) && !refused);
	}
	for (; engine_outstanding(e) > 0; n++)
		CU_ASSERT_TRUE_FATAL(engine_step(e, 0, NULL, NULL, &step, &err) && step.ran);
	*preemptions = engine_batcher(e)->preemptions;
	engine_free(e);
	return n;
}

/* Guesses change when tokens come, never which: with two words even an untrained layer is right now and then. */
static void drafts_leave_the_answers(void)
{
	static const struct engine_methods ways[] = { { .draft = { .depth = 3, .fused = 3 } }, { .draft = { .depth = 7, .fused = 1, .vocab = 5 } } };
	struct answer plain[ASKED] = { 0 };
	struct engine_shape few = shape;
	struct engine_model *m;
	int64_t preemptions, steps;

	few.vocab = 2;
	m = model_of(&few, KERNEL_FP32);
	steps = steps_of(m, NULL, 40, plain, &preemptions);
	for (int k = 0; k < 4; k++) {
		struct answer with[ASKED] = { 0 };
		int64_t fewer = steps_of(m, &ways[k % 2], k < 2 ? 40 : 16, with, &preemptions);

		CU_ASSERT(k < 2 ? fewer < steps : preemptions > 0);
		for (int i = 0; i < ASKED; i++)
			CU_ASSERT(with[i].count == OUTPUT && memcmp(plain[i].tokens, with[i].tokens, sizeof(plain[i].tokens)) == 0);
	}
	engine_model_free(m);
}

/* Steps until one request of OUTPUT tokens is done; how many passes verified how many rows. */
static int64_t passes_of(const struct engine_model *m, const struct engine_methods *methods, int64_t *tokens)
{
	struct engine_options o = options_of(256, 1, 64, 40, false);
	struct engine_step step = { .ran = true };
	struct answer answers[1] = { 0 };
	struct err err = { 0 };
	struct engine *e;
	int64_t n = 0;

	o.methods = methods;
	e = engine_of(m, &o);
	engine_on_done(e, keep_answer, answers);
	ask(e, 0, PROMPT);
	for (; engine_outstanding(e) > 0; n++)
		CU_ASSERT_TRUE_FATAL(engine_step(e, 0, NULL, NULL, &step, &err) && step.ran);
	*tokens = answers[0].count;
	engine_free(e);
	return n;
}

/* Guesses that always hold: a pass gives depth + 1 tokens; that never hold: one; at half: between. */
static void passes_follow_what_is_drawn(void)
{
	struct engine_methods all = { .draft = { .depth = 3, .fused = 3, .drawn = true, .right = { 1, 1, 1 } } }, none = all, half = all;
	struct engine_model *m = model_of(&shape, KERNEL_FP32);
	int64_t tokens, passes;

	for (int i = 0; i < 3; i++) {
		none.draft.right[i] = 0;
		half.draft.right[i] = 0.5;
	}
	CU_ASSERT_EQUAL(passes_of(m, &all, &tokens), 1 + (OUTPUT - 1 + 3) / 4);
	CU_ASSERT_EQUAL(tokens, OUTPUT);
	CU_ASSERT_EQUAL(passes_of(m, &none, &tokens), OUTPUT);
	CU_ASSERT_EQUAL(tokens, OUTPUT);
	passes = passes_of(m, &half, &tokens);         /* 1.875 tokens a pass */
	CU_ASSERT(passes > 25 && passes < 42);
	CU_ASSERT_EQUAL(tokens, OUTPUT);
	engine_model_free(m);
}

/* Each where it leaves nothing out, so that answers are the plain engine's. */
static void sequences_thrown_out_come_back(void)
{
	static const struct engine_methods whole[] = {
		{ .cache = &cache_kivi, .cache_settings = { .residual = 256 } },
		{ .cache = &cache_h2o, .cache_settings = { .heavy = 0.5, .recent = 0.5 } },
		{ .depth = { .every = 2, .capacity = 1 } },
	};
	struct engine_shape wide = shape;
	struct answer plain[ASKED] = { 0 };
	struct engine_model *m;
	int64_t preemptions, thrown_out;

	wide.kv_heads = wide.heads;
	m = model_of(&wide, KERNEL_FP32);
	answers_with(m, NULL, ASKED, 40, plain, &preemptions);
	for (size_t k = 0; k < COUNT_OF(whole); k++) {
		struct answer with[ASKED] = { 0 };

		answers_with(m, &whole[k], ASKED, 7, with, &thrown_out);
		CU_ASSERT(thrown_out > 0);
		for (int i = 0; i < ASKED; i++)
			CU_ASSERT(with[i].count == OUTPUT && memcmp(plain[i].tokens, with[i].tokens, sizeof(plain[i].tokens)) == 0);
	}
	engine_model_free(m);
}

/* A budget that covers the context leaves nothing out. */
static void h2o_is_exact_in_its_budget(void)
{
	struct engine_methods all = { .cache = &cache_h2o, .cache_settings = { .heavy = 0.5, .recent = 0.5 } };
	struct engine_methods part = { .cache = &cache_h2o, .cache_settings = { .heavy = 0.1, .recent = 0.1 } };
	struct engine_shape wide = shape;
	struct engine_model *m;

	wide.kv_heads = wide.heads;
	m = model_of(&wide, KERNEL_FP32);
	CU_ASSERT(error_of(m, &all, 256, OUTPUT) < 2e-5);
	CU_ASSERT(error_of(m, &all, 48, OUTPUT) < 2e-5);
	CU_ASSERT(error_of(m, &part, 256, 1) < 2e-5);          /* the prompt is attended in full */
	CU_ASSERT(error_of(m, &part, 256, 4) > 1e-4);
	same_answers_in_any_company(m, &part);
	engine_model_free(m);
}

enum { H2O_HEADS = 2, H2O_DIM = 16, H2O_PROMPT = 37, H2O_STEPS = 90, H2O_MOST = H2O_PROMPT + H2O_STEPS };

/* A head as a list of tokens in order: keys, values and sums of all, which are still there. */
struct listed {
	float key[H2O_MOST][H2O_DIM], value[H2O_MOST][H2O_DIM];
	double sum[H2O_MOST];
	bool there[H2O_MOST];
	int64_t tokens;
};

static int64_t count_there(const struct listed *l)
{
	int64_t n = 0;

	for (int64_t t = 0; t < l->tokens; t++)
		n += l->there[t];
	return n;
}

/* Drops the least sum of those there but the `recent` last ones. */
static void drop_least(struct listed *l, int64_t recent)
{
	int64_t least = -1;

	for (int64_t t = 0, left = count_there(l) - recent; t < l->tokens && left > 0; t++) {
		if (!l->there[t])
			continue;
		left--;
		if (least < 0 || l->sum[t] < l->sum[least])
			least = t;
	}
	CU_ASSERT_FATAL(least >= 0);
	l->there[least] = false;
}

/* Appends the row's token, attends to those there, adds the weights to their sums. */
static void attend_list(struct listed *l, const float *row, int64_t head, float *out)
{
	double weight[H2O_MOST] = { 0 }, all = 0;
	int64_t t = l->tokens++;

	memcpy(l->key[t], row + (H2O_HEADS + head) * H2O_DIM, sizeof(l->key[t]));
	memcpy(l->value[t], row + (2 * H2O_HEADS + head) * H2O_DIM, sizeof(l->value[t]));
	l->there[t] = true;
	for (t = 0; t < l->tokens; t++) {
		double score = 0;

		for (int64_t i = 0; l->there[t] && i < H2O_DIM; i++)
			score += (double)row[head * H2O_DIM + i] * (double)l->key[t][i];
		all += weight[t] = l->there[t] ? exp(score / sqrt(H2O_DIM)) : 0;
	}
	memset(out, 0, H2O_DIM * sizeof(*out));
	for (t = 0; t < l->tokens; t++) {
		l->sum[t] += weight[t] / all;
		for (int64_t i = 0; i < H2O_DIM; i++)
			out[i] += (float)(weight[t] / all) * l->value[t][i];
	}
}

static void ignore_time(void *timer, enum forward_op op)
{
	(void)timer;
	(void)op;
}

/* Which tokens stay is what a list of all of them says: shares that grow with the sequence, a budget, no heavy ones at all. */
static void heavy_hitters_are_those_of_a_list(void)
{
	static const struct cache_settings cases[] = { { .heavy = 0.25, .recent = 0.25 }, { .heavy = 0.4, .recent = 0.1 }, { .heavy = 0.1, .recent = 0.1, .budget = 12 },
						       { .heavy = 0, .recent = 0.3 } };
	static const struct engine_shape one = { .layers = 1, .hidden = 32, .heads = H2O_HEADS, .kv_heads = H2O_HEADS, .head_dim = H2O_DIM };

	for (size_t k = 0; k < COUNT_OF(cases); k++) {
		struct engine_methods m = { .cache = &cache_h2o, .cache_settings = cases[k] };
		struct forward_limits limits = { .sequences = 1, .blocks = 20, .block_tokens = 8, .context = H2O_MOST, .kv_format = KERNEL_FP32, .threads = 1, .methods = &m };
		struct err err = { 0 };
		void *cache = cache_h2o.make(&one, &limits, &err);
		struct listed *lists = mem_calloc(H2O_HEADS, sizeof(*lists));
		static const int32_t table[20] = { 3, 1, 19, 4, 2, 7, 6, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 0 }, seat = 0, *const tables[1] = { table };
		static const int64_t chunk[2] = { 0, 1 };
		double worst = 0;
		struct rng rng;

		CU_ASSERT_FATAL(cache && lists);
		rng_init(&rng, 3, "rows");
		for (int64_t t = 0; t < H2O_MOST; t++) {
			float row[3 * H2O_HEADS * H2O_DIM], out[H2O_HEADS * H2O_DIM], expected[H2O_DIM];
			int64_t length = t + 1, kept, recent;
			bool decodes = t >= H2O_PROMPT;
			struct forward_batch b = { .rows = 1, .decodes = decodes, .chunks = !decodes, .lengths = &length, .first = chunk, .tables = tables, .seats = &seat };
			struct cache_pass pass = { .batch = &b, .qkv = row, .out = out, .spent = ignore_time };

			for (size_t i = 0; i < COUNT_OF(row); i++)
				row[i] = (float)rng_normal(&rng);
			cache_h2o.attend(cache, &pass);
			kept = cases[k].budget ? cases[k].budget : (int64_t)ceil((cases[k].heavy + cases[k].recent) * (double)length - 1e-9);
			recent = (int64_t)floor((double)kept * cases[k].recent / (cases[k].heavy + cases[k].recent) + 0.5);
			for (int64_t h = 0; h < H2O_HEADS; h++) {
				while (t == H2O_PROMPT && count_there(&lists[h]) > kept - 1)          /* the prompt's surplus goes first */
					drop_least(&lists[h], recent - 1);
				attend_list(&lists[h], row, h, expected);
				worst = fmax(worst, row_error(out + h * H2O_DIM, expected, H2O_DIM));
				if (decodes && count_there(&lists[h]) > kept)
					drop_least(&lists[h], recent);
			}
		}
		if (!(worst < 1e-4))
			fprintf(stderr, "h2o, settings %zu: off by %g from a list\n", k, worst);
		CU_ASSERT(worst < 1e-4);
		cache_h2o.release(cache);
		mem_free(lists);
	}
}

/* With room for all, the routed way is the plain one; an eighth of a chunk, rounded up, enters, and of decoding rows an eighth over the
 * steps. */
static void depth_is_routed(void)
{
	static const int64_t cuts[] = { 256, 48 };
	struct engine_methods all = { .depth = { .every = 2, .capacity = 1 } }, part = { .depth = { .every = 2, .capacity = 0.125 } };
	struct engine_model *m = model_of(&shape, KERNEL_FP32);
	struct engine_options o = options_of(256, 1, 64, 40, false);
	struct engine *e;

	for (size_t i = 0; i < COUNT_OF(cuts); i++)
		CU_ASSERT(error_of(m, &all, cuts[i], OUTPUT) < 2e-5);
	CU_ASSERT(error_of(m, &part, 256, 1) > 1e-3);
	o.methods = &part;
	e = engine_of(m, &o);
	ask(e, 0, PROMPT);
	run_all(e);
	CU_ASSERT_EQUAL(forward_routed_rows(engine_forward(e)), (PROMPT + 7) / 8 + (OUTPUT - 1) / 8);
	engine_free(e);
	engine_model_free(m);
}

static void caches_refuse(void)
{
	struct engine_methods kivi = { .cache = &cache_kivi, .cache_settings = { .residual = 128 } };
	struct engine_model *m = model_of(&shape, KERNEL_FP32);
	struct engine_options o = options_of(64, 2, 16, 40, false);
	struct err err = { 0 };

	o.methods = &kivi;
	CU_ASSERT_PTR_NULL(engine_new(m, &o, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "--with kivi: cache blocks of 16 tokens: the engine packs whole blocks; expected --block-size 64");
	engine_model_free(m);
}

CU_TestInfo suite_engine_methods[] = {
	{ "KIVI is exact in its window", kivi_is_exact_in_its_window },
	{ "sequences thrown out come back", sequences_thrown_out_come_back },
	{ "drafts leave the answers", drafts_leave_the_answers },
	{ "passes follow what is drawn", passes_follow_what_is_drawn },
	{ "H2O is exact in its budget", h2o_is_exact_in_its_budget },
	{ "heavy hitters are those of a list", heavy_hitters_are_those_of_a_list },
	{ "depth is routed", depth_is_routed },
	{ "caches refuse", caches_refuse },
	CU_TEST_INFO_NULL
};
