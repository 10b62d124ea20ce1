/* hardware/price_book and what cost models make of it: prices are the same whether they were written down or not. */
#include <pthread.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/rng.h"
#include "hardware/price_book.h"

/* Every figure of an operator alone makes another one. */
static void each_figure_counts(void)
{
	struct err err = { 0 };
	struct price_book *book = price_book_new(&err);
	struct op ops[] = {
		{ .kind = OP_GEMM }, { .dtype = 1 }, { .kv_dtype = 1 }, { .m = 1 }, { .n = 1 }, { .k = 1 }, { .batch = 1 }, { .heads = 1 }, { .kv_heads = 1 },
		{ .head_dim = 1 }, { .v_head_dim = 1 }, { .q_len = 1 }, { .kv_len = 1 }, { .window = 1 }, { .experts = 1 }, { .experts_total = 1 },
		{ .top_k = 1 }, { .gated = true }, { .imbalance = 1 }, { .skew = 1 }, { .bytes = 1 }, { .stored_bytes = 1 }, { .unpack_ops = 1 },
		{ .devices = 1 }, { .devices_per_node = 1 }, { .near = 1 }, { .far = 1 }, { .far_ways = 1 }, { .region = 1 }, { .gated = true, .far_ways = 1 },
	};
	struct op_cost got;

	CU_ASSERT_PTR_NOT_NULL_FATAL(book);
	for (size_t i = 0; i < COUNT_OF(ops); i++) {
		CU_ASSERT_FALSE(price_book_find(book, &ops[i], &got));
		price_book_put(book, &ops[i], &(struct op_cost){ .seconds = (double)i + 1 });
	}
	for (size_t i = 0; i < COUNT_OF(ops); i++) {
		CU_ASSERT_TRUE(price_book_find(book, &ops[i], &got));
		CU_ASSERT_EQUAL(got.seconds, (double)i + 1);
	}
	price_book_free(book);
}

/* A full book forgets nothing and takes no more; so does one without memory. */
static void a_full_book_stays_right(void)
{
	enum { MANY = 400000 };
	struct err err = { 0 };
	struct price_book *book = price_book_new(&err);
	struct op_cost got;
	int known = 0, wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(book);
	for (size_t fails = 1; fails <= 2; fails++) {          /* of the slots, of the entries */
		mem_fail_after(fails);
		price_book_put(book, &(struct op){ .m = 7 }, &(struct op_cost){ .seconds = 7 });
		mem_fail_after(0);
		CU_ASSERT_FALSE(price_book_find(book, &(struct op){ .m = 7 }, &got));
	}
	for (int i = 1; i <= MANY; i++)
		price_book_put(book, &(struct op){ .m = i }, &(struct op_cost){ .seconds = i });
	for (int i = 1; i <= MANY; i++)
		if (price_book_find(book, &(struct op){ .m = i }, &got)) {
			known++;
			wrong += got.seconds != i;
		}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(known > MANY / 4 && known < MANY);
	price_book_free(book);
}

struct asker {
	struct cost_model *plain, *remembering;
	int wrong;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	struct rng r;

	rng_init(&r, 9, "operators"); /* all threads ask the same ones */
	for (int i = 0; i < 3000; i++) {
		struct op op = { .kind = OP_GEMM, .dtype = DTYPE_BF16, .m = 1 + (int64_t)rng_below(&r, 200), .n = 4096, .k = 4096 };
		struct op_cost x, y;

		if (i % 3 == 0)
			op = (struct op){ .kind = OP_ATTENTION_DECODE, .dtype = DTYPE_BF16, .batch = 1 + (int64_t)rng_below(&r, 40), .heads = 32,
					  .kv_heads = 8, .head_dim = 128, .q_len = 1, .kv_len = 700 };
		if (i % 7 == 0)
			op = (struct op){ .kind = OP_HOST, .bytes = 1e-6 * i };
		cost_op(a->plain, &op, &x);
		cost_op(a->remembering, &op, &y);
		a->wrong += memcmp(&x.seconds, &y.seconds, sizeof(x.seconds)) != 0 || x.bound != y.bound || x.provider != y.provider;
	}
	return NULL;
}

static void remembered_prices_are_the_prices(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	const struct device *device = device_load("h100", arena, &err);
	struct cost_model *models[2], *scaled[2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(device);
	for (int i = 0; i < 2; i++) {
		models[i] = cost_model_new(&(struct cost_options){ .device = device, .power_cap_w = 450 }, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(models[i]);
	}
	CU_ASSERT_TRUE(cost_model_remember(models[1], &err) && cost_model_remember(models[1], &err));
	scaled[0] = cost_model_new(&(struct cost_options){ .device = device, .power_cap_w = 450, .time_scale = 1.25 }, &err);
	scaled[1] = cost_model_scaled(models[1], 1.25, &err);
	CU_ASSERT_FATAL(scaled[0] && scaled[1]);
	for (int pass = 0; pass < 2; pass++) {
		struct asker askers[4];
		pthread_t threads[4];

		for (int i = 0; i < 4; i++) {
			askers[i] = i % 2 ? (struct asker){ scaled[0], scaled[1], 0 } : (struct asker){ models[0], models[1], 0 };
			CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
		}
		for (int i = 0; i < 4; i++) {
			pthread_join(threads[i], NULL);
			CU_ASSERT_EQUAL(askers[i].wrong, 0);
		}
	}
	cost_model_free(scaled[1]);
	cost_model_free(scaled[0]);
	cost_model_free(models[1]);
	cost_model_free(models[0]);
	arena_free(arena);
}

enum { SAME_OPS = 100000 };
struct reader {
	struct price_book *book;
	size_t wrong;
};

/* Looks every operator up and writes down what is not there; a price that is found is the one written. */
static void *look_up(void *arg)
{
	struct reader *r = arg;

	for (int i = 1; i <= SAME_OPS; i++) {
		struct op op = { .kind = OP_GEMM, .m = i };
		struct op_cost cost = { .seconds = -1 };

		if (price_book_find(r->book, &op, &cost)) {
			r->wrong += cost.seconds != i;
			continue;
		}
		cost.seconds = i;
		price_book_put(r->book, &op, &cost);
	}
	return NULL;
}

/* All threads want the same operators at the same time: one finds a slot free that another fills. */
static void threads_race_for_a_price(void)
{
	for (int round = 0; round < 4; round++) {
		struct price_book *book = price_book_new(NULL);
		struct reader readers[4];
		pthread_t threads[4];

		CU_ASSERT_PTR_NOT_NULL_FATAL(book);
		for (int i = 0; i < 4; i++) {
			readers[i] = (struct reader){ book, 0 };
			CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, look_up, &readers[i]), 0);
		}
		for (int i = 0; i < 4; i++) {
			pthread_join(threads[i], NULL);
			CU_ASSERT_EQUAL(readers[i].wrong, 0);
		}
		price_book_free(book);
	}
}

CU_TestInfo suite_price_book[] = {
	{ "each figure counts", each_figure_counts },
	{ "a full book stays right", a_full_book_stays_right },
	{ "remembered prices are the prices", remembered_prices_are_the_prices },
	{ "threads race for a price", threads_race_for_a_price },
	CU_TEST_INFO_NULL
};
