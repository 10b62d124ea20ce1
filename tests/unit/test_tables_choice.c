/* hardware/tables_choice: what is remembered about sites that were not measured is what would be found out anew. */
#include <pthread.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/rng.h"
#include "hardware/tables_choice.h"

static struct tables_limits some_limits(void)
{
	struct tables_limits l = { .bandwidth_bytes_s = 3.35e12 };

	for (int i = 0; i < DTYPE_COUNT; i++)
		l.peak_flop_s[i] = 989e12;
	return l;
}

/* One of a few shapes, most of which no table holds, at one of many sizes. */
static struct op random_op(struct rng *r, enum op_kind kind)
{
	struct op op = { .kind = kind, .dtype = DTYPE_BF16, .m = 1 + (int64_t)rng_below(r, 20000) };

	switch (kind) {
	case OP_GEMM:
		op.n = 100 + 777 * (int64_t)rng_below(r, 9);
		op.k = 64 + 1000 * (int64_t)rng_below(r, 9);
		break;
	case OP_MOE:
		op.n = 1000 + 500 * (int64_t)rng_below(r, 3);
		op.k = 4096;
		op.experts = op.experts_total = rng_below(r, 2) ? 8 : 24;
		op.top_k = 2;
		op.gated = true;
		break;
	default:
		op.kv_heads = 1 + (int64_t)rng_below(r, 5);
		op.heads = op.kv_heads * (1 + (int64_t)rng_below(r, 3));
		op.head_dim = 64 + 32 * (int64_t)rng_below(r, 4);
		op.batch = 1 + (int64_t)rng_below(r, 300);
		op.kv_len = 1 + (double)rng_below(r, 100000);
		op.q_len = kind == OP_ATTENTION_DECODE ? 1 : (int64_t)op.kv_len;
		break;
	}
	return op;
}

struct asker {
	const struct table *remembers, *forgets;
	const struct tables_limits *limits;
	uint64_t seed;
	int answered, wrong;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	struct rng r;

	rng_init(&r, a->seed, "choices");
	for (int i = 0; i < 2000; i++) {
		struct op op = random_op(&r, a->remembers->shape->kind);
		struct question q = { a->remembers, a->limits, &op, -1, NULL }, plain = { a->forgets, a->limits, &op, -1, NULL };
		double got = 0, expected = 0;
		enum grade grade, grade_expected;
		bool can = table_answer(&q, &got, &grade);

		a->wrong += can != table_answer(&plain, &expected, &grade_expected);
		if (can)
			a->wrong += memcmp(&got, &expected, sizeof(got)) != 0 || grade != grade_expected;
		a->answered += can;
	}
	return NULL;
}

/* Four threads that ask for the same sites at once, of a table that remembers and of one that does not. */
static void remembered_is_found_anew(void)
{
	static const enum op_kind kinds[] = { OP_GEMM, OP_ATTENTION_PREFILL, OP_ATTENTION_DECODE, OP_MOE };
	struct tables_limits limits = some_limits();

	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		char path[128];
		struct err err = { 0 };
		struct table *t, forgets;
		struct asker askers[4];
		pthread_t threads[4];

		snprintf(path, sizeof(path), "hardware/tables/h100/vllm/%s.csv", op_kind_names[kinds[k]]);
		t = table_read(path, "vllm", kinds[k], &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		forgets = *t;
		forgets.choices = NULL;
		for (int i = 0; i < 4; i++) {
			askers[i] = (struct asker){ t, &forgets, &limits, (uint64_t)i / 2, 0, 0 };
			CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
		}
		for (int i = 0; i < 4; i++) {
			pthread_join(threads[i], NULL);
			CU_ASSERT_EQUAL(askers[i].wrong, 0);
			CU_ASSERT(askers[i].answered > 500);
		}
		table_release(t);
	}
}

static int chosen;

static void count_choices(const struct question *q, const int64_t *key, struct choice *out)
{
	(void)q;
	chosen++;
	out->first.count = (int)key[2];
}

/* Chosen once for all sizes; once more for another device's limits and for a site left out; again when memory is out. */
static void chosen_once(void)
{
	struct tables_limits limits = some_limits(), other = limits;
	struct table t = { .shape = table_shape(OP_GEMM), .choices = choices_new() };
	struct op op = { .kind = OP_GEMM, .m = 1 };
	struct question q = { &t, &limits, &op, -1, NULL };
	int64_t key[KEY_MOST] = { 0, 1, 77, 5 };
	struct choice own;

	CU_ASSERT_PTR_NOT_NULL_FATAL(t.choices);
	chosen = 0;
	mem_fail_after(1);
	CU_ASSERT_EQUAL(choice_of(&q, key, count_choices, &own)->first.count, 77);
	mem_fail_after(0);
	CU_ASSERT_EQUAL(chosen, 1);
	for (op.m = 1; op.m < 10; op.m++)
		CU_ASSERT_EQUAL(choice_of(&q, key, count_choices, &own)->first.count, 77);
	CU_ASSERT_EQUAL(chosen, 2);
	q.limits = &other;
	CU_ASSERT_EQUAL(choice_of(&q, key, count_choices, &own)->first.count, 77);
	CU_ASSERT_EQUAL(chosen, 3);
	q.except = 3;
	for (int i = 0; i < 2; i++)
		CU_ASSERT_PTR_NOT_EQUAL(choice_of(&q, key, count_choices, &own), &own);
	CU_ASSERT_EQUAL(chosen, 4);
	q.except = -1;
	/* More sites than there is room for are all answered, and rightly. */
	for (key[2] = 1000; key[2] < 3000; key[2]++)
		CU_ASSERT_EQUAL(choice_of(&q, key, count_choices, &own)->first.count, (int)key[2]);
	for (key[2] = 1000; key[2] < 3000; key[2]++)
		CU_ASSERT_EQUAL(choice_of(&q, key, count_choices, &own)->first.count, (int)key[2]);
	choices_free(t.choices);
}

CU_TestInfo suite_tables_choice[] = {
	{ "remembered is found anew", remembered_is_found_anew }, { "chosen once", chosen_once }, CU_TEST_INFO_NULL
};
