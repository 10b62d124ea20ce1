#include "validation/operators_regions.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/sketch.h"
#include "hardware/fit_law.h"

enum { POINTS_LEAST = 10 };
static const double M_MOST = 4096, KV_MOST = 32768, BYTES_MOST = 64 << 20;

static bool is_collective(enum op_kind kind)
{
	return kind >= OP_ALL_REDUCE && kind <= OP_BROADCAST;
}

static const char *limit_of(enum op_kind kind)
{
	switch (kind) {
	case OP_GEMM: case OP_MOE: return "m > 4096";
	case OP_ATTENTION_PREFILL: case OP_MLA_PREFILL: return "q_len > 4096";
	case OP_ATTENTION_DECODE: case OP_MLA_DECODE: return "kv_len > 32768";
	default: return is_collective(kind) ? "bytes > 64 MiB" : NULL;
	}
}

static bool beyond(const struct op *op)
{
	switch (op->kind) {
	case OP_GEMM: case OP_MOE: return (double)op->m > M_MOST;
	case OP_ATTENTION_PREFILL: case OP_MLA_PREFILL: return (double)op->q_len > M_MOST;
	case OP_ATTENTION_DECODE: case OP_MLA_DECODE: return op->kv_len > KV_MOST;
	default: return is_collective(op->kind) && op->bytes > BYTES_MOST;
	}
}

/* The operator at the limit. */
static struct op at_limit(const struct op *op)
{
	struct op edge = *op;

	switch (op->kind) {
	case OP_GEMM: case OP_MOE: edge.m = (int64_t)M_MOST; break;
	case OP_ATTENTION_PREFILL: case OP_MLA_PREFILL:
		edge.kv_len = fmax(op->kv_len - (double)op->q_len, 0) + M_MOST;
		edge.q_len = (int64_t)M_MOST;
		break;
	case OP_ATTENTION_DECODE: case OP_MLA_DECODE: edge.kv_len = KV_MOST; break;
	default: edge.bytes = BYTES_MOST; break;
	}
	return edge;
}

struct subject {
	const struct device *device;
	struct tables *tables;
	struct operators_regions *out;
	struct arena *arena;
};

static double seconds_by(const struct subject *s, const struct fit *law, const struct op *op)
{
	struct op_cost cost;

	if (!law)
		return is_collective(op->kind) ? op_bytes(op)
					       : fmax(op_flops(op) / device_peak(s->device, op->dtype, NULL), op_bytes(op) / device_bandwidth(s->device));
	fit_price(law, s->device, op, &cost);
	return cost.seconds;
}

/* The table up to the limit, then growth by the law of what lies below it (as tables_curve.c), or by the roofline. */
static double grown(const struct subject *s, size_t table, const struct fit *law, const struct tables_point *p)
{
	struct tables_point edge = *p;
	struct op_cost cost;

	edge.op = at_limit(&p->op);
	edge.site = SIZE_MAX;          /* nothing is left out: the part below the limit was measured */
	if (!tables_held_out(s->tables, table, &edge, &cost))
		return NAN;
	return cost.seconds * fmax(seconds_by(s, law, &p->op) / seconds_by(s, law, &edge.op), 1);
}

static struct error_summary summary(double *errors, size_t n)
{
	return (struct error_summary){ .count = n, .held_out = true, .median = n ? exact_quantile(errors, (int64_t)n, 0.5) : NAN,
				       .p90 = n ? exact_quantile(errors, (int64_t)n, 0.9) : NAN };
}

static bool add_region(struct subject *s, const struct tables_info *info, size_t table, const struct tables_point *points, size_t count,
		       struct err *err)
{
	struct operators_region r = { .limit = limit_of(points->op.kind) };
	enum dtype kv = points->op.kv_dtype;
	struct fit_law_report report = { .median = NAN };
	struct err few = { 0 };
	struct fit fit;
	double *errors;
	bool has_law;
	size_t n = 0;

	if (!r.limit)
		return true;
	errors = mem_alloc((count + 1) * sizeof(*errors));
	if (!errors)
		return err_memory(err);
	has_law = points->op.kind <= OP_MOE && fit_law(s->device, points, count, beyond, &fit, &report, &few);
	for (size_t i = 0; i < count; i++) {
		double t = beyond(&points[i].op) ? grown(s, table, has_law ? &fit : NULL, &points[i]) : NAN;

		if (!isnan(t))
			errors[n++] = fabs(t / points[i].seconds - 1);
	}
	r.error[0] = summary(errors, n);
	mem_free(errors);
	if (n < POINTS_LEAST)
		return true;
	if (has_law)
		r.error[1] = (struct error_summary){ report.tested, report.median, report.p90, true };
	r.name = arena_printf(s->arena, "%s/%s/%s%s%s%s%s", s->device->name, info->stack, info->op, is_collective(points->op.kind) ? "" : "/",
			      is_collective(points->op.kind) ? "" : dtype_names[points->op.dtype], kv ? "/" : "", kv ? dtype_names[kv] : "");
	if (!r.name || !mem_grow(&s->out->items, &s->out->capacity, s->out->count + 1, sizeof(r)))
		return err_memory(err);
	s->out->items[s->out->count++] = r;
	return true;
}

static bool add_table(struct subject *s, const struct operators_options *o, size_t table, struct err *err)
{
	struct tables_info info;
	struct tables_point *points;
	bool ok = true;

	tables_info(s->tables, table, &info);
	if (info.rows == 0 || (o->stack && !text_equal(o->stack, info.stack)) || (o->op && !text_equal(o->op, info.op)) ||
	    text_equal(info.stack, "vidur"))
		return true;
	points = mem_alloc(info.rows * sizeof(*points));
	if (!points)
		return err_memory(err);
	tables_points(s->tables, table, points);
	for (size_t low = 0, high; ok && low < info.rows; low = high) {
		for (high = low + 1; high < info.rows && points[low].op.dtype == points[high].op.dtype &&
				     points[low].op.kv_dtype == points[high].op.kv_dtype;)
			high++;
		ok = add_region(s, &info, table, &points[low], high - low, err);
	}
	mem_free(points);
	return ok;
}

static bool add_device(struct operators_regions *out, const struct operators_options *o, const char *name, struct err *err)
{
	struct subject s = { .out = out, .arena = out->arena, .device = device_load(name, out->arena, err) };
	struct tables_limits limits = { .bandwidth_bytes_s = s.device ? device_bandwidth(s.device) : 0 };
	bool ok = s.device != NULL;

	for (int t = 0; ok && t < DTYPE_COUNT; t++)
		limits.peak_flop_s[t] = device_peak(s.device, (enum dtype)t, NULL);
	s.tables = ok ? tables_load(s.device->name, NULL, &limits, err) : NULL;
	ok = s.tables || (ok && err->kind == ERR_NONE);
	for (size_t i = 0; ok && s.tables && i < tables_count(s.tables); i++)
		ok = add_table(&s, o, i, err);
	tables_free(s.tables);
	return ok;
}

bool operators_regions_run(const struct operators_options *o, struct operators_regions *out, struct err *err)
{
	const char *folder;
	const char *const *names;
	size_t count = 0;
	bool ok = true;

	*out = (struct operators_regions){ .arena = arena_new() };
	if (!out->arena)
		return err_memory(err);
	if (o->device)
		return add_device(out, o, o->device, err);
	folder = paths_data("hardware/tables", out->arena, err);
	names = folder ? paths_list(folder, "", &count, out->arena, err) : NULL;
	for (size_t i = 0; ok && names && i < count; i++) {
		const char *path = arena_printf(out->arena, "%s/%s", folder, names[i]);

		ok = path ? !paths_is_folder(path) || add_device(out, o, names[i], err) : err_memory(err);
	}
	return ok && names;
}

void operators_regions_release(struct operators_regions *r)
{
	mem_free(r->items);
	arena_free(r->arena);
	*r = (struct operators_regions){ 0 };
}

static void cells(struct table *t, const struct error_summary *e)
{
	if (e->count == 0) {
		table_cell(t, STYLE_FAINT, "");
		table_cell(t, STYLE_FAINT, "");
		return;
	}
	table_cellf(t, STYLE_PLAIN, "%.1f", 100 * e->median);
	table_cellf(t, STYLE_PLAIN, "%.1f", 100 * e->p90);
}

bool operators_regions_text(const struct operators_regions *r, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = {
		{ "beyond the sizes known", false }, { "region", false }, { "points", true }, { "measured %", true }, { "P90", true },
		{ "fitted %", true }, { "P90", true },
	};
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < r->count; i++) {
		table_cell(t, STYLE_PLAIN, r->items[i].name);
		table_cell(t, STYLE_PLAIN, r->items[i].limit);
		table_cellf(t, STYLE_PLAIN, "%zu", r->items[i].error[0].count);
		cells(t, &r->items[i].error[0]);
		cells(t, &r->items[i].error[1]);
	}
	str_add(out, "\n");
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	str_add(out, "measured: the table ends at the limit and goes on as the law of the points below it does; fitted: that law alone\n");
	return ok;
}

const struct validation_error *operators_regions_errors(const struct operators_regions *r, struct arena *arena, size_t *count, struct err *err)
{
	static const char *const who[] = { "measured", "fitted" };
	struct validation_error *rows = arena_alloc(arena, (2 * r->count + 1) * sizeof(*rows));

	*count = 2 * r->count;
	for (size_t i = 0; rows && i < *count; i++) {
		const struct error_summary *e = &r->items[i / 2].error[i % 2];
		const char *name = arena_printf(arena, "beyond/%s/%s", r->items[i / 2].name, who[i % 2]);

		if (!name) {
			err_memory(err);
			return NULL;
		}
		rows[i] = (struct validation_error){ name, true, e->count, e->median, e->p90 };
	}
	if (!rows)
		err_memory(err);
	return rows;
}
