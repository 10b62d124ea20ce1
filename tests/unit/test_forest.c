#include <CUnit/CUnit.h>
#include <math.h>

#include "validation/forest.h"

extern CU_TestInfo suite_forest[];

enum { COUNT = 400 };

/* y = 3 for x0 < 0.5, else 10 + x1: a tree finds the step, and the slope within its leaves. */
static void learns_steps_and_slopes(void)
{
	static const struct forest_options options = { .trees = 20, .depth = 12, .leaf = 2, .seed = 7 };
	double x[COUNT][2], y[COUNT], worst = 0;
	struct err err = { 0 };
	struct forest *f;

	for (int i = 0; i < COUNT; i++) {
		x[i][0] = (double)(i % 20) / 20;
		x[i][1] = (double)(i / 20) / 20;
		y[i] = x[i][0] < 0.5 ? 3 : 10 + x[i][1];
	}
	f = forest_train(&x[0][0], y, COUNT, 2, &options, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; i < COUNT; i++)
		worst = fmax(worst, fabs(forest_predict(f, x[i]) - y[i]));
	CU_ASSERT_TRUE(worst < 1.5);
	CU_ASSERT_DOUBLE_EQUAL(forest_predict(f, (double[]){ 0.1, 0.4 }), 3, 0.2);
	CU_ASSERT_DOUBLE_EQUAL(forest_predict(f, (double[]){ 0.9, 0.95 }), 10.95, 0.3);
	/* Trees know no more than what they saw: a constant beyond it. */
	CU_ASSERT_EQUAL(forest_predict(f, (double[]){ 0.95, 0.95 }), forest_predict(f, (double[]){ 50, 40 }));
	forest_free(f);
}

static void same_seed_same_forest(void)
{
	static const struct forest_options options = { .trees = 5, .depth = 6, .leaf = 1, .seed = 3 };
	double x[COUNT], y[COUNT];
	struct err err = { 0 };
	struct forest *a, *b;

	for (int i = 0; i < COUNT; i++) {
		x[i] = i;
		y[i] = sin(i * 0.1);
	}
	a = forest_train(x, y, COUNT, 1, &options, &err);
	b = forest_train(x, y, COUNT, 1, &options, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	for (int i = 0; i < COUNT; i++)
		CU_ASSERT_EQUAL(forest_predict(a, &x[i]), forest_predict(b, &x[i]));
	forest_free(a);
	forest_free(b);
}

CU_TestInfo suite_forest[] = {
	{ "learns steps and slopes", learns_steps_and_slopes },
	{ "the same seed gives the same forest", same_seed_same_forest },
	CU_TEST_INFO_NULL,
};
