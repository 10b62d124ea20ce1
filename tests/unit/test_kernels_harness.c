#include "kernels/harness/kernel.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "hardware/operator.h"
#include "kernels/harness/timing.h"
#include "kernels/harness/weight_copies.h"
#include "validation/kernel_ops.h"

static void each_case(const struct kernel_family *f, const struct shape *s)
{
	struct err err = { 0 };
	struct kernel_case *c = kernel_case_new(f, s, 7, &err);

	CU_ASSERT_PTR_NOT_NULL(c);
	for (const struct kernel *k = f->variants; c && k->run; k++) {
		double error = INFINITY;

		if (!kernel_usable(k, s) || (s->threads > 1 && !strcmp(k->variant, "opencl")))      /* its device has its own threads */
			continue;
		CU_ASSERT_TRUE(kernel_case_error(c, k, &error, &err));
		if (!(error <= f->tolerance[s->format]))
			fprintf(stderr, "%s %s: error %.3g, expected at most %.3g\n", f->name, k->variant, error, f->tolerance[s->format]);
		CU_ASSERT(error <= f->tolerance[s->format]);
		if (!(kernel_case_check(c, k) <= f->check_most))
			fprintf(stderr, "%s %s: check %.3g, expected at most %.3g\n", f->name, k->variant, kernel_case_check(c, k), f->check_most);
		CU_ASSERT(kernel_case_check(c, k) <= f->check_most);
	}
	kernel_case_free(c);
}

/* Whatever is registered is tested: every variant that runs here, every test shape, one thread and several. */
static void variants_equal_references(void)
{
	for (int i = 0; kernel_families[i]; i++) {
		CU_ASSERT(!shape_is_last(kernel_families[i]->tests));
		for (const struct shape *s = kernel_families[i]->tests; !shape_is_last(s); s++) {
			for (int threads = 1; threads <= 3; threads += 2) {
				struct shape with = *s;

				with.threads = threads;
				each_case(kernel_families[i], &with);
			}
		}
	}
}

/* A kernel counts the work that the model charges for its operator. */
static void counts_are_the_models(void)
{
	for (int i = 0; kernel_families[i]; i++) {
		const struct kernel_family *f = kernel_families[i];
		const struct shape *lists[] = { f->tests, f->benches };

		if (!f->op)
			continue;
		for (size_t l = 0; l < COUNT_OF(lists); l++) {
			for (const struct shape *s = lists[l]; !shape_is_last(s); s++) {
				struct op op;

				CU_ASSERT_TRUE_FATAL(kernel_op(f, s, &op));
				if (fabs(f->flops(s) - op_flops(&op)) > 1e-9 * op_flops(&op) ||
				    fabs(f->bytes(s) - op_bytes(&op)) > 1e-9 * op_bytes(&op))
					fprintf(stderr, "%s m %ld n %ld: %g FLOPs and %g bytes, the model charges %g and %g\n", f->name, (long)s->m,
						(long)s->n, f->flops(s), f->bytes(s), op_flops(&op), op_bytes(&op));
				CU_ASSERT_DOUBLE_EQUAL(f->flops(s), op_flops(&op), 1e-9 * op_flops(&op));
				CU_ASSERT_DOUBLE_EQUAL(f->bytes(s), op_bytes(&op), 1e-9 * op_bytes(&op));
			}
		}
	}
}

static void broken(const struct kernel_run *r)
{
	((float *)r->data[3])[0] += 1;
}

/* The comparison itself: a variant that is wrong in one element is caught. */
static void wrong_variants_are_caught(void)
{
	const struct kernel_family *f = kernel_family_find("norm");
	const struct kernel wrong = { .variant = "wrong", .run = broken };
	struct shape s = { .m = 4, .n = 32 };
	struct err err = { 0 };
	double error;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	struct kernel_case *c = kernel_case_new(f, &s, 1, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_TRUE(kernel_case_error(c, &wrong, &error, &err));
	CU_ASSERT(error > 0.1);
	kernel_case_free(c);
}

/* Four tokens that choose two of eight experts each touch 5.47 of them on average: five or six, and six in about 47 of 100 cases. */
static void routing_is_average(void)
{
	const struct kernel_family *f = kernel_family_find("moe");
	const struct shape s = { .m = 4, .experts = 8, .top_k = 2, .n = 32, .k = 32 };
	struct err err = { 0 };
	int more = 0;

	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct kernel_case *c = kernel_case_new(f, &s, seed, &err);
		double off;

		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		off = kernel_case_check(c, f->variants);
		CU_ASSERT(fabs(off - 0.53) < 0.01 || fabs(off - 0.47) < 0.01);
		more += off > 0.5;
		kernel_case_free(c);
	}
	CU_ASSERT(more > 30 && more < 64);
}

static void estimates(void)
{
	struct samples s = { 0 };
	struct estimate e;

	for (int i = 0; i < 12; i++)
		samples_add(&s, (struct sample_time){ 1 + 0.01 * (i % 4), i % 3 == 2 ? 2.0 : 1.01 });
	samples_add(&s, (struct sample_time){ 50, 4 });
	e = samples_estimate(&s);
	CU_ASSERT_EQUAL(e.outliers, 5);
	CU_ASSERT_EQUAL(e.used, 8);
	CU_ASSERT_DOUBLE_EQUAL(e.fastest, 1, 1e-12);                /* the two fastest of eight */
	CU_ASSERT_DOUBLE_EQUAL(e.median, 1.015, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(e.mean, 1.015, 1e-12);
	CU_ASSERT(e.low <= e.median && e.high >= e.median && e.high < 2);
	s = (struct samples){ 0 };
	CU_ASSERT_TRUE(isnan(samples_estimate(&s).median));
	for (int i = 0; i < 5; i++)
		samples_add(&s, (struct sample_time){ 2 + i, 3 + i });  /* never quiet: the three best-paced count */
	e = samples_estimate(&s);
	CU_ASSERT_EQUAL(e.used, 3);
	CU_ASSERT_DOUBLE_EQUAL(e.median, 3, 1e-12);
	for (int i = 0; i < 3 * SAMPLES_MOST; i++)
		samples_add(&s, (struct sample_time){ 1, 1 });
	CU_ASSERT_DOUBLE_EQUAL(samples_estimate(&s).median, 1, 1e-12);
	/* Two places count alike, however many samples each has; a disturbed one not at all. */
	s = (struct samples){ 0 };
	for (int i = 0; i < 8; i++)
		samples_add(&s, (struct sample_time){ 2, 1 });
	s.places++;
	for (int i = 0; i < 3; i++)
		samples_add(&s, (struct sample_time){ i < 2 ? 4 : 9, 1 });
	s.places++;
	samples_add(&s, (struct sample_time){ 50, 3 });
	e = samples_estimate(&s);
	CU_ASSERT_DOUBLE_EQUAL(e.median, 3, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(e.mean, (2 + 17.0 / 3) / 2, 1e-12);
	/* A run that took over four medians was interrupted, and is in no mean. */
	samples_add(&s, (struct sample_time){ 2, 1 });
	s.places = 0;
	samples_add(&s, (struct sample_time){ 9, 1 });
	CU_ASSERT_DOUBLE_EQUAL(samples_estimate(&s).mean, (2 + 17.0 / 3 + 2) / 3, 1e-12);
}

static void clocks(void)
{
	struct err err = { 0 };
	struct timing *t = timing_new(&err);
	struct counts c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	double a = timing_now_s(t), b = timing_now_s(t);

	CU_ASSERT(b >= a);
	CU_ASSERT(timing_pace_s(t) > 0);
	CU_ASSERT_EQUAL(strncmp(timing_counters_name(t), "counters:", 9), 0);
	timing_count_begin(t);
	timing_count_end(t, &c);
	if (!strcmp(timing_counters_name(t), "counters: none on this host"))
		CU_ASSERT_TRUE(isnan(c.cycles) && isnan(c.flops) && isnan(c.memory_bytes) && isnan(c.joules));
	timing_free(t);
}

/* Copies of a matrix are used in turn, all of them before one comes again, and say what it says. */
static void copies_take_turns(void)
{
	enum { N = 640, K = 512 };
	static float values[N * K];
	struct err err = { 0 };
	struct weights *w, *both[2];
	struct weight_copies *c;
	struct weights *const *first, *const *copy;
	int turns = 1;

	for (int i = 0; i < N * K; i++)
		values[i] = (float)(i % 101) - 50;
	w = weights_pack(KERNEL_INT8, values, K, N, K, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	both[0] = both[1] = w;
	c = weight_copies_new(both, 2, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	first = weight_copies_next(c);
	CU_ASSERT(first[0]->data != w->data && first[1]->data != first[0]->data);
	for (copy = weight_copies_next(c); copy != first; copy = weight_copies_next(c), turns++)
		for (int i = 0; i < 2; i++)
			if (weights_at(copy[i], 17, 400) != weights_at(w, 17, 400) || weights_at(copy[i], N - 1, K - 1) != weights_at(w, N - 1, K - 1))
				CU_FAIL("a copy differs");
	CU_ASSERT((double)turns * 2 * (double)weights_bytes(w) >= 64e6);
	weight_copies_free(c);
	weights_free(w);
}

/* A product over a copy is the product; libraries that read the matrix as it is have no copies. */
static void products_turn(void)
{
	const struct kernel blas = { .variant = "openblas" };
	const struct { const char *family; struct shape s; } cases[] = {
		{ "gemm", { .format = KERNEL_BF16, .m = 4, .n = 256, .k = 256, .threads = 1 } },
		{ "moe", { .format = KERNEL_BF16, .m = 4, .n = 64, .k = 128, .experts = 4, .top_k = 2, .threads = 1 } },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct kernel_family *f = kernel_family_find(cases[i].family);
		const struct kernel *k = kernel_default(f, &cases[i].s);
		struct err err = { 0 };
		struct kernel_case *c = kernel_case_new(f, &cases[i].s, 3, &err);
		double error = INFINITY;

		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		CU_ASSERT_EQUAL(kernel_case_turn(c, &blas), i > 0);
		CU_ASSERT_TRUE(kernel_case_turn(c, k));
		CU_ASSERT_TRUE(kernel_case_error(c, k, &error, &err));
		CU_ASSERT(error <= f->tolerance[KERNEL_BF16]);
		kernel_case_turn_back(c);
		CU_ASSERT_TRUE(kernel_case_error(c, k, &error, &err));
		CU_ASSERT(error <= f->tolerance[KERNEL_BF16]);
		kernel_case_free(c);
	}
}

CU_TestInfo suite_kernels_harness[] = { { "variants equal their references", variants_equal_references },
					{ "counts are the model's", counts_are_the_models },
					{ "a wrong variant is caught", wrong_variants_are_caught },
					{ "routing is average", routing_is_average },
					{ "estimates from samples", estimates },
					{ "copies take turns", copies_take_turns },
					{ "products turn", products_turn },
					{ "clock and counters", clocks },
					CU_TEST_INFO_NULL };
