#include "hardware/fit_law.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/sketch.h"
#include "base/str.h"

enum { COEFFICIENTS = 7, POINTS_MOST = 1000, POINTS_LEAST = 20, STEPS_COARSE = 160, STEPS_FINE = 500 };
static const double LEAST = 0.02;      /* of a share */
static const double HALF_K_MOST = 4096, TILE_MOST_S = 1e-3;

/* What the simplex moves freely through, and the coefficients it stands for. */
enum { LAUNCH, COMPUTE, MEMORY, OVERLAP, QUANTUM, HALF_K, TILE };

static double share_of(double free)
{
	return LEAST + (1 - LEAST) / (1 + exp(-free));
}

static double free_of(double share)
{
	double s = fmin(fmax((share - LEAST) / (1 - LEAST), 1e-3), 1 - 1e-3);

	return log(s / (1 - s));
}

static void set_fit(struct fit *f, const gsl_vector *at)
{
	f->launch_s = exp(gsl_vector_get(at, LAUNCH));
	f->compute = share_of(gsl_vector_get(at, COMPUTE));
	f->memory = share_of(gsl_vector_get(at, MEMORY));
	f->overlap = 1 / (1 + exp(-gsl_vector_get(at, OVERLAP)));
	f->quantum = f->tile_m > 0 ? 1 / (1 + exp(-gsl_vector_get(at, QUANTUM))) : 0;
	f->half_k = fmin(10 * fmax(exp(gsl_vector_get(at, HALF_K)) - 1, 0), HALF_K_MOST);
	/* Pieces of work are counted for attention and experts only. */
	f->tile_s = f->op == OP_GEMM ? 0 : fmin(1e-7 * fmax(exp(gsl_vector_get(at, TILE)) - 1, 0), TILE_MOST_S);
}

struct problem {
	const struct device *device;
	const struct tables_point **points;
	size_t count;
	struct fit fit;
};

static double distance(const struct problem *p, const struct fit *f)
{
	double sum = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct op_cost cost;

		fit_price(f, p->device, &p->points[i]->op, &cost);
		sum += fabs(log(cost.seconds / p->points[i]->seconds));
	}
	return isfinite(sum) ? sum / (double)p->count : 1e6;
}

static double objective(const gsl_vector *at, void *context)
{
	struct problem *p = context;

	set_fit(&p->fit, at);
	return distance(p, &p->fit);
}

static double least_seconds(const struct problem *p)
{
	double least = INFINITY;

	for (size_t i = 0; i < p->count; i++)
		least = fmin(least, p->points[i]->seconds);
	return least;
}

static void start(const struct problem *p, gsl_vector *at)
{
	gsl_vector_set(at, LAUNCH, log(least_seconds(p)));
	gsl_vector_set(at, COMPUTE, free_of(0.7));
	gsl_vector_set(at, MEMORY, free_of(0.8));
	gsl_vector_set(at, OVERLAP, 1);
	gsl_vector_set(at, QUANTUM, 0);
	gsl_vector_set(at, HALF_K, log(5));
	gsl_vector_set(at, TILE, log(6));
}

/* Moves `at` to the least distance found; returns that. */
static double descend(struct problem *p, gsl_vector *at, gsl_multimin_fminimizer *m, gsl_vector *step, int steps)
{
	gsl_multimin_function f = { .f = objective, .n = COEFFICIENTS, .params = p };

	gsl_vector_set_all(step, 0.6);
	if (gsl_multimin_fminimizer_set(m, &f, at, step) != GSL_SUCCESS)
		return INFINITY;
	for (int i = 0; i < steps; i++) {
		if (gsl_multimin_fminimizer_iterate(m) != GSL_SUCCESS)
			break;
		if (gsl_multimin_test_size(gsl_multimin_fminimizer_size(m), 1e-3) == GSL_SUCCESS)
			break;
	}
	gsl_vector_memcpy(at, gsl_multimin_fminimizer_x(m));
	return gsl_multimin_fminimizer_minimum(m);
}

struct tiling {
	int64_t m, n;
};
static const struct tiling gemm_tilings[] = { { 0, 0 }, { 64, 64 }, { 64, 128 }, { 128, 128 }, { 128, 256 } };
static const struct tiling prefill_tilings[] = { { 0, 0 }, { 32, 0 }, { 64, 0 }, { 128, 0 } };
static const struct tiling decode_tilings[] = { { 0, 0 }, { 16, 0 }, { 64, 0 } };
static const struct tiling no_tilings[] = { { 0, 0 } };

static const struct tiling *tilings(enum op_kind kind, size_t *count)
{
	switch (kind) {
	case OP_GEMM: *count = COUNT_OF(gemm_tilings); return gemm_tilings;
	case OP_ATTENTION_PREFILL: case OP_MLA_PREFILL: *count = COUNT_OF(prefill_tilings); return prefill_tilings;
	case OP_ATTENTION_DECODE: case OP_MLA_DECODE: *count = COUNT_OF(decode_tilings); return decode_tilings;
	default: *count = COUNT_OF(no_tilings); return no_tilings;
	}
}

/* Every tiling a little way, the best of them all the way. */
static bool solve(struct problem *p, struct err *err)
{
	gsl_multimin_fminimizer *m = gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, COEFFICIENTS);
	gsl_vector *at = gsl_vector_alloc(COEFFICIENTS), *step = gsl_vector_alloc(COEFFICIENTS), *best = gsl_vector_alloc(COEFFICIENTS);
	double least = INFINITY;
	struct tiling chosen = { 0, 0 };
	bool ok = m && at && step && best;
	size_t n;
	const struct tiling *t = tilings((enum op_kind)p->fit.op, &n);

	for (size_t i = 0; ok && i < n; i++) {
		double d;

		p->fit.tile_m = t[i].m;
		p->fit.tile_n = t[i].n;
		start(p, at);
		d = descend(p, at, m, step, STEPS_COARSE);
		if (d < least) {
			least = d;
			chosen = t[i];
			gsl_vector_memcpy(best, at);
		}
	}
	if (ok) {
		p->fit.tile_m = chosen.m;
		p->fit.tile_n = chosen.n;
		(void)descend(p, best, m, step, STEPS_FINE);
		set_fit(&p->fit, best);
	}
	if (m)
		gsl_multimin_fminimizer_free(m);
	gsl_vector_free(at);
	gsl_vector_free(step);
	gsl_vector_free(best);
	return ok || err_memory(err);
}

/* Three digits, as they are written and as nobody knows them better. */
static double rounded(double x)
{
	char text[32];
	double out = x;

	snprintf(text, sizeof(text), "%.3g", x);
	return text_to_double(text, &out) ? out : x;
}

static void round_fit(struct fit *f)
{
	f->launch_s = rounded(f->launch_s * 1e6) * 1e-6;
	f->compute = fmin(rounded(f->compute), 1);
	f->memory = fmin(rounded(f->memory), 1);
	f->overlap = fmin(rounded(f->overlap), 1);
	f->quantum = fmin(rounded(f->quantum), 1);
	f->half_k = rounded(f->half_k);
	f->tile_s = rounded(f->tile_s * 1e6) * 1e-6;
	if (f->quantum < 0.01)
		f->quantum = 0, f->tile_m = f->tile_n = 0;
}

static bool test(const struct device *d, const struct tables_point *points, size_t count, bool (*held_out)(const struct op *op),
		 const struct fit *f, struct fit_law_report *report, struct err *err)
{
	double *errors = mem_alloc((count + 1) * sizeof(*errors));
	size_t n = 0;

	if (!errors)
		return err_memory(err);
	for (size_t i = 0; i < count; i++) {
		struct op_cost cost;

		if (!held_out(&points[i].op))
			continue;
		fit_price(f, d, &points[i].op, &cost);
		errors[n++] = fabs(cost.seconds / points[i].seconds - 1);
	}
	report->tested = n;
	report->median = n ? exact_quantile(errors, (int64_t)n, 0.5) : NAN;
	report->p90 = n ? exact_quantile(errors, (int64_t)n, 0.9) : NAN;
	mem_free(errors);
	return true;
}

/* The points to fit, and of those at most POINTS_MOST. */
static size_t choose(const struct tables_point *points, size_t count, bool (*held_out)(const struct op *op),
		     const struct tables_point **out, size_t *all)
{
	size_t n = 0, kept;

	for (size_t i = 0; i < count; i++)
		if (!held_out(&points[i].op))
			out[n++] = &points[i];
	*all = n;
	kept = n < POINTS_MOST ? n : POINTS_MOST;
	for (size_t i = 0; i < kept; i++)
		out[i] = out[i * n / kept];
	return kept;
}

bool fit_law(const struct device *d, const struct tables_point *points, size_t count, bool (*held_out)(const struct op *op),
	     struct fit *out, struct fit_law_report *report, struct err *err)
{
	struct problem p = { .device = d, .points = mem_alloc((count + 1) * sizeof(*p.points)) };
	bool ok;

	*report = (struct fit_law_report){ 0 };
	if (!p.points)
		return err_memory(err);
	p.fit.op = (int)points->op.kind;
	p.fit.dtype = points->op.dtype;
	p.fit.kv_dtype = points->op.kv_dtype;
	p.count = choose(points, count, held_out, p.points, &report->fitted);
	ok = p.count >= POINTS_LEAST || err_set(err, ERR_INPUT, "%zu points to fit a law to: expected at least %d", p.count, POINTS_LEAST);
	if (ok)
		ok = solve(&p, err);
	if (ok) {
		round_fit(&p.fit);
		ok = test(d, points, count, held_out, &p.fit, report, err);
		p.fit.rel_error = rounded(report->tested ? report->median : distance(&p, &p.fit));
		p.fit.rel_error_p90 = rounded(report->tested ? report->p90 : NAN);
		*out = p.fit;
	}
	mem_free(p.points);
	return ok;
}

static bool same_format(const struct tables_point *a, const struct tables_point *b)
{
	return a->op.dtype == b->op.dtype && a->op.kv_dtype == b->op.kv_dtype;
}

struct fitting {
	const struct device *device;
	struct arena *arena;
	struct fits *fits;
	size_t capacity;
	struct fit *items;
};

static bool add_fit(struct fitting *f, const struct tables_info *info, const struct tables_point *points, size_t count, struct err *err)
{
	struct fit_law_report report;
	struct err few = { 0 };
	struct fit fit = { 0 };

	if (!fit_law(f->device, points, count, fit_held_out, &fit, &report, &few))
		return few.kind == ERR_INPUT || err_set(err, few.kind, "%s", few.text);
	if (report.tested < POINTS_LEAST)
		return true;           /* its error would be anybody's guess */
	fit.stack = arena_strdup(f->arena, info->stack);
	fit.source = arena_printf(f->arena, "hardware/tables/%s/%s/%s.csv (%s; %s); %zu points of half of the sites fitted, errors on %zu of the others",
				  f->device->name, info->stack, info->op, info->source, info->licence, report.fitted, report.tested);
	if (!fit.stack || !fit.source || !mem_grow(&f->items, &f->capacity, f->fits->count + 1, sizeof(*f->items)))
		return err_memory(err);
	f->items[f->fits->count++] = fit;
	return true;
}

static bool add_table(struct fitting *f, const struct tables *tables, size_t table, struct err *err)
{
	struct tables_info info;
	struct tables_point *points;
	bool ok = true;

	tables_info(tables, table, &info);
	points = mem_alloc((info.rows + 1) * sizeof(*points));
	if (!points)
		return err_memory(err);
	tables_points(tables, table, points);
	/* Vidur's kernels are those of one old PyTorch: tables, but no law for others. */
	if (info.rows && points->op.kind <= OP_MOE && !text_equal(info.stack, "vidur"))
		for (size_t low = 0, high; ok && low < info.rows; low = high) {
			for (high = low + 1; high < info.rows && same_format(&points[low], &points[high]);)
				high++;
			ok = add_fit(f, &info, &points[low], high - low, err);
		}
	mem_free(points);
	return ok;
}

const struct fits *fit_device(const struct device *d, struct arena *arena, struct err *err)
{
	struct tables_limits limits = { .bandwidth_bytes_s = device_bandwidth(d) };
	struct fitting f = { .device = d, .arena = arena, .fits = arena_alloc(arena, sizeof(*f.fits)) };
	struct tables *tables;
	bool ok = f.fits != NULL;

	if (!ok) {
		err_memory(err);
		return NULL;
	}
	*f.fits = (struct fits){ .device = d->name, .note = "law and coefficients: hardware/fitted.h; made by vibee-sim catalog fit" };
	for (int t = 0; t < DTYPE_COUNT; t++)
		limits.peak_flop_s[t] = device_peak(d, (enum dtype)t, NULL);
	tables = tables_load(d->name, NULL, &limits, err);
	ok = tables != NULL || err->kind == ERR_NONE;
	for (size_t i = 0; ok && tables && i < tables_count(tables); i++)
		ok = add_table(&f, tables, i, err);
	if (ok && f.fits->count) {
		f.fits->items = arena_alloc(arena, f.fits->count * sizeof(*f.items));
		ok = f.fits->items != NULL || err_memory(err);
		if (ok)
			memcpy(f.fits->items, f.items, f.fits->count * sizeof(*f.items));
	}
	tables_free(tables);
	mem_free(f.items);
	return ok ? f.fits : NULL;
}
