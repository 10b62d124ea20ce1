/* The law of hardware/fitted.h for each operator and format that was measured: for shapes that no table answers. */
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hardware/device.h"
#include "hardware/fitted.h"
#include "validation/calibrate_private.h"

struct problem {
	const struct device *device;
	const struct point **points;
	size_t count;
	struct fit fit;
};

static double share(double x)
{
	return 0.001 + 0.999 / (1 + exp(-x));
}

static void unpack(const gsl_vector *x, struct fit *fit)
{
	fit->launch_s = exp(gsl_vector_get(x, 0));
	fit->compute = share(gsl_vector_get(x, 1));
	fit->memory = share(gsl_vector_get(x, 2));
	fit->overlap = share(gsl_vector_get(x, 3));
}

/* Mean absolute logarithm of predicted over measured: robust, and even-handed between too fast and too slow. */
static double loss(const gsl_vector *x, void *ctx)
{
	struct problem *p = ctx;
	double sum = 0;

	unpack(x, &p->fit);
	for (size_t i = 0; i < p->count; i += 2) {
		struct op_cost cost;

		fit_price(&p->fit, p->device, &p->points[i]->op, &cost);
		sum += fabs(log(cost.seconds / p->points[i]->seconds));
	}
	return isfinite(sum) ? sum : 1e9;
}

static bool minimise(struct problem *p, struct err *err)
{
	gsl_multimin_fminimizer *m = gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, 4);
	gsl_vector *start = gsl_vector_alloc(4), *step = gsl_vector_alloc(4);
	gsl_multimin_function f = { .f = loss, .n = 4, .params = p };
	double least = INFINITY;

	if (!m || !start || !step) {
		gsl_multimin_fminimizer_free(m);
		gsl_vector_free(start);
		gsl_vector_free(step);
		return err_memory(err);
	}
	for (size_t i = 0; i < p->count; i++)
		least = fmin(least, p->points[i]->seconds);
	gsl_vector_set(start, 0, log(least / 2));
	gsl_vector_set(start, 1, 0);
	gsl_vector_set(start, 2, 0);
	gsl_vector_set(start, 3, 0);
	gsl_vector_set_all(step, 1);
	gsl_multimin_fminimizer_set(m, &f, start, step);
	for (int i = 0; i < 400 && gsl_multimin_fminimizer_iterate(m) == 0; i++)
		if (gsl_multimin_test_size(gsl_multimin_fminimizer_size(m), 1e-3) == 0)
			break;
	unpack(m->x, &p->fit);
	gsl_multimin_fminimizer_free(m);
	gsl_vector_free(start);
	gsl_vector_free(step);
	return true;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool judge(struct problem *p, struct err *err)
{
	double *errors = mem_calloc(p->count, sizeof(*errors));
	size_t n = 0;

	if (!errors)
		return err_memory(err);
	for (size_t i = p->count > 1; i < p->count; i += 2) {
		struct op_cost cost;

		fit_price(&p->fit, p->device, &p->points[i]->op, &cost);
		errors[n++] = fabs(cost.seconds / p->points[i]->seconds - 1);
	}
	qsort(errors, n, sizeof(*errors), ascending);
	p->fit.rel_error = fmin(errors[n / 2], 10);
	p->fit.rel_error_p90 = fmin(errors[n * 9 / 10], 100);
	mem_free(errors);
	return true;
}

static bool same(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && a->dtype == b->dtype && a->kv_dtype == b->kv_dtype;
}

static bool wanted(const struct target *t, const struct point *p)
{
	/* Pure copies and the like have no arithmetic to fit, and no harm is done: compute stays where it began. */
	return p->has_op && t->keep(t, p) && !strcmp(p->visit->family->name, p->visit->family->op);
}

bool fits_make(const struct target *t, const struct device *d, struct fits *out, struct arena *arena, struct err *err)
{
	const struct point **chosen = mem_calloc(t->points->count, sizeof(*chosen));
	bool *done = mem_calloc(t->points->count, sizeof(*done));
	bool ok = (chosen && done) || err_memory(err);

	*out = (struct fits){ .device = t->name, .note = "fitted to every other measured point, errors on the points between",
			      .items = arena_alloc(arena, 64 * sizeof(struct fit)) };
	ok = ok && (out->items || err_memory(err));
	for (size_t i = 0; ok && i < t->points->count && out->count < 64; i++) {
		const struct point *first = &t->points->at[i];
		struct problem p = { .device = d, .points = chosen };

		if (done[i] || !wanted(t, first))
			continue;
		for (size_t j = i; j < t->points->count; j++) {
			if (done[j] || !wanted(t, &t->points->at[j]) || !same(&first->op, &t->points->at[j].op))
				continue;
			done[j] = true;
			chosen[p.count++] = &t->points->at[j];
		}
		p.fit = (struct fit){ .op = (int)first->op.kind, .dtype = (int)first->op.dtype, .kv_dtype = (int)first->op.kv_dtype,
				      .compute = 1, .memory = 1, .overlap = 1, .source = d->source };
		ok = minimise(&p, err) && judge(&p, err);
		if (ok)
			out->items[out->count++] = p.fit;
	}
	mem_free(chosen);
	mem_free(done);
	return ok;
}
