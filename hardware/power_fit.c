#include "hardware/power_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>

#include "base/csv.h"
#include "base/hash.h"
#include "base/mem.h"
#include "hardware/energy.h"

enum { CELLS = 24, CELL_COUNT = CELLS * CELLS, LEAST_IN_CELL = 5, LEAST_CELLS = 8, ROUNDS = 4 };
static const double CELL = 0.05, TOP_SHARE = 0.97, LEAST_US = 20;

struct cell {
	double compute, memory, watts, weight;
};

/* --- reading ------------------------------------------------------------------------------------------------------- */

struct columns {
	int compute, memory, watts, dtype, m, n, k, us;
};

static bool push(struct power_point **points, size_t *count, const struct power_point *p, struct err *err)
{
	if ((*count & (*count - 1)) == 0) {            /* grows at powers of two */
		size_t wanted = *count ? 2 * *count : 64;
		struct power_point *grown = mem_realloc(*points, wanted, sizeof(*grown));

		if (!grown)
			return err_memory(err);
		*points = grown;
	}
	(*points)[(*count)++] = *p;
	return true;
}

static bool read_plain(const struct csv *csv, const struct columns *c, struct power_point *out, struct err *err)
{
	*out = (struct power_point){ 0 };
	return csv_number(csv, c->compute, &out->compute, err) && csv_number(csv, c->memory, &out->memory, err) &&
	       csv_number(csv, c->watts, &out->watts, err);
}

static bool read_gemm(const struct csv *csv, const struct columns *c, const struct device *d, struct power_point *out, struct err *err)
{
	struct op op = { .kind = OP_GEMM };
	int dtype = dtype_parse(csv_text(csv, c->dtype));
	double us;

	*out = (struct power_point){ 0 };
	if (csv_text(csv, c->watts)[0] == '\0' || dtype < 0)
		return true;
	if (!csv_int(csv, c->m, &op.m, err) || !csv_int(csv, c->n, &op.n, err) || !csv_int(csv, c->k, &op.k, err) ||
	    !csv_number(csv, c->us, &us, err) || !csv_number(csv, c->watts, &out->watts, err))
		return false;
	op.dtype = (enum dtype)dtype;
	if (us < LEAST_US || op.m <= 0 || op.n <= 0 || op.k <= 0) {
		out->watts = 0;
		return true;
	}
	out->compute = op_flops(&op) / (us * 1e-6 * device_peak(d, op.dtype, NULL));
	out->memory = op_bytes(&op) / (us * 1e-6 * device_bandwidth(d));
	out->site = hash_mix((uint64_t)op.n, (uint64_t)op.k);
	return true;
}

bool power_read(const char *path, const struct device *d, struct power_point **points, size_t *count, struct err *err)
{
	struct csv *csv = csv_open(path, err);
	struct columns c;
	bool plain, ok;

	if (!csv)
		return false;
	c = (struct columns){ .compute = csv_find(csv, "compute"), .memory = csv_find(csv, "memory"), .watts = csv_find(csv, "watts") };
	plain = c.compute >= 0 && c.memory >= 0 && c.watts >= 0;
	ok = plain || (csv_require(csv, "gemm_dtype", &c.dtype, err) && csv_require(csv, "m", &c.m, err) && csv_require(csv, "n", &c.n, err) &&
		       csv_require(csv, "k", &c.k, err) && csv_require(csv, "latency_us", &c.us, err) &&
		       csv_require(csv, "power_w", &c.watts, err));
	while (ok && csv_next(csv, err)) {
		struct power_point p;

		ok = plain ? read_plain(csv, &c, &p, err) : read_gemm(csv, &c, d, &p, err);
		if (plain)
			p.site = (uint64_t)csv_line(csv);
		if (ok && p.watts > 0 && p.compute >= 0 && p.memory >= 0)
			ok = push(points, count, &p, err);
	}
	ok = ok && err->kind == ERR_NONE;
	csv_close(csv);
	return ok;
}

/* --- cells --------------------------------------------------------------------------------------------------------- */

static int by_cell_and_watts(const void *a, const void *b)
{
	const struct power_point *x = a, *y = b;
	long cx = (long)(x->compute / CELL) * 1000 + (long)(x->memory / CELL), cy = (long)(y->compute / CELL) * 1000 + (long)(y->memory / CELL);

	if (cx != cy)
		return cx < cy ? -1 : 1;
	return x->watts < y->watts ? -1 : x->watts > y->watts;
}

/* The half that is fitted, or the other. Cells hold at least LEAST_IN_CELL points, unless there are few points in all. */
static size_t gather(const struct power_point *points, size_t count, bool fitted_half, struct cell *cells, struct power_point *scratch)
{
	size_t used = 0, n = 0, least = count > 400 ? LEAST_IN_CELL : 1;

	for (size_t i = 0; i < count; i++)
		if (((hash_mix(points[i].site, 91) >> 20) % 2 == 0) == fitted_half && points[i].compute < CELLS * CELL &&
		    points[i].memory < CELLS * CELL)
			scratch[used++] = points[i];
	qsort(scratch, used, sizeof(*scratch), by_cell_and_watts);
	for (size_t i = 0, end; i < used && n < CELL_COUNT; i = end) {
		double c = 0, m = 0;

		for (end = i; end < used && (long)(scratch[end].compute / CELL) == (long)(scratch[i].compute / CELL) &&
			      (long)(scratch[end].memory / CELL) == (long)(scratch[i].memory / CELL);
		     end++) {
			c += scratch[end].compute;
			m += scratch[end].memory;
		}
		if (end - i < least)
			continue;
		cells[n++] = (struct cell){ .compute = c / (double)(end - i), .memory = m / (double)(end - i),
					    .watts = scratch[i + (3 * (end - i)) / 4].watts, .weight = 1 };
	}
	return n;
}

/* --- the law ------------------------------------------------------------------------------------------------------- */

struct problem {
	const struct cell *cells;
	size_t count;
	double top_w, busy_w;          /* busy_w > 0: given */
};

static double law(const double *p, double busy_w, double top_w, const struct cell *c)
{
	double busy = busy_w > 0 ? busy_w : exp(p[2]);

	return fmin(top_w, busy + exp(p[0]) * fmin(c->memory, 1) + exp(p[1]) * sqrt(fmin(c->compute, 1)));
}

static int residuals(const gsl_vector *x, void *data, gsl_vector *f)
{
	const struct problem *p = data;
	double at[3] = { gsl_vector_get(x, 0), gsl_vector_get(x, 1), x->size > 2 ? gsl_vector_get(x, 2) : 0 };

	for (size_t i = 0; i < p->count; i++) {
		const struct cell *c = &p->cells[i];

		gsl_vector_set(f, i, sqrt(c->weight) * (law(at, p->busy_w, p->top_w, c) / c->watts - 1));
	}
	return GSL_SUCCESS;
}

static bool solve(struct problem *p, double *at, size_t parameters)
{
	gsl_multifit_nlinear_parameters options = gsl_multifit_nlinear_default_parameters();
	gsl_multifit_nlinear_fdf fdf = { .f = residuals, .n = p->count, .p = parameters, .params = p };
	gsl_multifit_nlinear_workspace *w = gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &options, p->count, parameters);
	gsl_vector_view x = gsl_vector_view_array(at, parameters);
	bool ok = false;
	int info;

	if (!w)
		return false;
	if (gsl_multifit_nlinear_init(&x.vector, &fdf, w) == GSL_SUCCESS) {
		gsl_multifit_nlinear_driver(200, 1e-8, 1e-8, 1e-8, NULL, NULL, &info, w);
		ok = true;
		for (size_t i = 0; i < parameters; i++) {
			at[i] = gsl_vector_get(w->x, i);
			ok = ok && isfinite(at[i]);
		}
	}
	gsl_multifit_nlinear_free(w);
	return ok;
}

static void reweigh(struct cell *cells, const struct problem *p, const double *at)
{
	static const double huber = 0.05;

	for (size_t i = 0; i < p->count; i++) {
		double off = fabs(law(at, p->busy_w, p->top_w, &cells[i]) / cells[i].watts - 1);

		cells[i].weight = off > huber ? huber / off : 1;
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void spread(double *off, size_t n, double *median, double *p90)
{
	qsort(off, n, sizeof(off[0]), ascending);
	*median = n ? off[n / 2] : NAN;
	*p90 = n ? off[(size_t)(0.9 * (double)(n - 1))] : NAN;
}

static void judge(const struct device *d, const struct problem *p, const double *at, const struct cell *cells, size_t n, struct power_fit *out)
{
	double off[CELL_COUNT];

	for (size_t i = 0; i < n; i++)
		off[i] = fabs(law(at, p->busy_w, p->top_w, &cells[i]) / cells[i].watts - 1);
	spread(off, n, &out->median, &out->p90);
	for (size_t i = 0; i < n; i++)
		off[i] = fabs(energy_busy_w(d, cells[i].compute, cells[i].memory) / cells[i].watts - 1);
	spread(off, n, &out->present_median, &out->present_p90);
	out->cells_left_out = n;
}

bool power_fit(const struct device *d, const struct power_point *points, size_t count, double busy_w, struct power_fit *out, struct err *err)
{
	struct power_point *scratch = mem_calloc(count ? count : 1, sizeof(*scratch));
	struct cell *cells = mem_calloc(2 * CELL_COUNT, sizeof(*cells));
	double top = TOP_SHARE * energy_limit_w(d, NULL), at[3] = { log(0.4 * top), log(0.6 * top), log(0.25 * top) };
	struct problem p = { .cells = cells, .top_w = top, .busy_w = busy_w };
	gsl_error_handler_t *old = NULL;
	bool ok = false;
	size_t left;

	*out = (struct power_fit){ .points = count };
	if (!scratch || !cells) {
		err_memory(err);
		goto out;
	}
	p.count = gather(points, count, true, cells, scratch);
	left = gather(points, count, false, cells + CELL_COUNT, scratch);
	if (p.count < LEAST_CELLS || left < 1) {
		err_set(err, ERR_INPUT, "%zu points fill %zu cells of 5 %% by 5 %% of peak: expected at least %d, and others to judge by", count,
			p.count, LEAST_CELLS);
		goto out;
	}
	old = gsl_set_error_handler_off();
	for (int round = 0; round < ROUNDS; round++) {
		ok = solve(&p, at, busy_w > 0 ? 2 : 3);
		if (!ok)
			break;
		reweigh(cells, &p, at);
	}
	gsl_set_error_handler(old);
	if (!ok) {
		err_set(err, ERR_INPUT, "the power law found no fit to %zu cells", p.count);
		goto out;
	}
	out->memory_w = exp(at[0]), out->compute_w = exp(at[1]);
	out->busy_w = busy_w > 0 ? busy_w : exp(at[2]);
	out->top_w = top;
	out->cells = p.count;
	judge(d, &p, at, cells + CELL_COUNT, left, out);
out:
	mem_free(scratch);
	mem_free(cells);
	return ok;
}
