#include "validation/operators_forest.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "validation/forest.h"

enum { FOLDS = 10, FEATURES = 18 };

static double number(double x)
{
	return log1p(fmax(x, 0));
}

static void features_of(const struct op *op, double *out)
{
	const double extents[FEATURES] = {
		(double)op->m, (double)op->n, (double)op->k, (double)op->batch, (double)op->heads, (double)op->kv_heads,
		(double)op->head_dim, (double)op->q_len, op->kv_len, (double)op->window, (double)op->experts,
		(double)op->experts_total, (double)op->top_k, op->gated, op->bytes, (double)op->devices, op_flops(op), op_bytes(op),
	};
	for (int i = 0; i < FEATURES; i++)
		out[i] = number(extents[i]);
}

/* Experts: all layouts of a model together, as the tables are asked. */
static size_t fold_of(const struct op *op, size_t site)
{
	uint64_t key = site;

	if (op->kind == OP_MOE)
		key = hash_mix(hash_mix((uint64_t)op->k, (uint64_t)op->experts_total), (uint64_t)op->top_k);
	return (hash_mix(key, 31) >> 20) % FOLDS;
}

/* One forest without the sites of a fold, asked about them. */
static bool run_fold(struct operator_point *points, const size_t *site, size_t count, size_t fold, const double *x, double *train,
		     double *y, struct err *err)
{
	static const struct forest_options options = { .trees = 10, .depth = 24, .leaf = 2, .seed = 1 };
	struct forest *f;
	size_t n = 0, asked = 0;

	for (size_t i = 0; i < count; i++) {
		if (fold_of(&points[i].op, site[i]) == fold) {
			asked++;
			continue;
		}
		for (int k = 0; k < FEATURES; k++)
			train[n * FEATURES + (size_t)k] = x[i * FEATURES + (size_t)k];
		y[n++] = log(points[i].measured_s);
	}
	if (asked == 0 || n < 10)
		return true;
	f = forest_train(train, y, n, FEATURES, &options, err);
	if (!f)
		return false;
	for (size_t i = 0; i < count; i++)
		if (fold_of(&points[i].op, site[i]) == fold)
			points[i].predicted_s[ESTIMATE_FOREST] = exp(forest_predict(f, &x[i * FEATURES]));
	forest_free(f);
	return true;
}

bool operators_forest(struct operator_point *points, const size_t *site, size_t count, struct err *err)
{
	double *x = mem_alloc(count * FEATURES * sizeof(*x)), *train = mem_alloc(count * FEATURES * sizeof(*x));
	double *y = mem_alloc(count * sizeof(*y));
	bool ok = x && train && y;

	if (!ok)
		err_memory(err);
	for (size_t i = 0; ok && i < count; i++)
		features_of(&points[i].op, &x[i * FEATURES]);
	for (size_t fold = 0; ok && fold < FOLDS; fold++)
		ok = run_fold(points, site, count, fold, x, train, y, err);
	mem_free(x);
	mem_free(train);
	mem_free(y);
	return ok;
}
