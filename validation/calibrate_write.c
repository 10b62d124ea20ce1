/* From measured points to files: NAME.xml, NAME/vibee/OP.csv, NAME/fits.xml, NAME/measured.csv. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/paths.h"
#include "hardware/device.h"
#include "hardware/fitted.h"
#include "hardware/profile_import.h"
#include "kernels/core/weights.h"
#include "validation/calibrate_layouts.h"
#include "validation/calibrate_private.h"
#include "validation/calibrate_tiles.h"

static const char columns[] = "op,dtype,kv_dtype,m,n,k,batch,heads,kv_heads,head_dim,q_len,kv_len,window,experts,experts_total,top_k,gated,"
			      "bytes,devices,seconds,fastest_s,low_s,high_s,samples,outliers,kernel,variant\n";

static void add_row(struct str *out, const struct point *p)
{
	const struct op *op = &p->op;
	const struct estimate *e = &p->estimate;
	char number[32];

	str_addf(out, "%s,%s,%s,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,", op_kind_names[op->kind], dtype_names[op->dtype],
		 dtype_names[op->kv_dtype == DTYPE_NONE ? op->dtype : op->kv_dtype], (long long)op->m, (long long)op->n, (long long)op->k,
		 (long long)(op->batch > 0 ? op->batch : 1), (long long)op->heads, (long long)op->kv_heads, (long long)op->head_dim,
		 (long long)(op->q_len > 0 ? op->q_len : 1));
	str_addf(out, "%.0f,%lld,%lld,%lld,%lld,%d,%.0f,%d,", op->kv_len > 0 ? op->kv_len : 1, (long long)op->window, (long long)op->experts,
		 (long long)op->experts_total, (long long)op->top_k, op->gated, op->bytes, op->devices);
	str_addf(out, "%s,", number_text(number, p->seconds));
	str_addf(out, "%.6g,%.6g,%.6g,%d,%d,%s,%s\n", e->fastest, e->low, e->high, e->used, e->outliers, p->visit->family->name,
		 p->visit->kernel->variant);
}

/* Another kernel of the same operator (layer norm beside RMS norm) has no place in the tables: the operator is priced as the first. */
static bool in_tables(const struct target *t, const struct point *p)
{
	return p->has_op && t->keep(t, p) && !strcmp(p->visit->family->name, p->visit->family->op);
}

enum { CURVE_MOST = 64 };

/* A matrix whose points begin at `first`, the most rows first, as visits are planned: rows between them, by tiles. Nobody sampled those,
 * and they say so (samples 0). */
static void add_between(struct str *out, const struct target *t, size_t first)
{
	int64_t rows[CURVE_MOST];
	double seconds[CURVE_MOST];
	struct point p = t->points->at[first];
	struct tile_curve c = { .tile = tile_rows_of(p.visit->kernel->variant) };
	size_t at = CURVE_MOST;

	for (size_t i = first; i < t->points->count && at > 0 && t->points->at[i].visit == p.visit; i++) {
		if (!t->keep(t, &t->points->at[i]))
			continue;
		rows[--at] = t->points->at[i].op.m;
		seconds[at] = t->points->at[i].seconds;
	}
	c.rows = rows + at;
	c.seconds = seconds + at;
	c.count = CURVE_MOST - at;
	if (c.tile == 0 || c.count < 2)
		return;
	for (int64_t m = c.tile + 1; m < c.rows[c.count - 1]; m++) {
		bool measured = m <= c.rows[0];

		for (size_t i = 0; i < c.count; i++)
			measured = measured || c.rows[i] == m;
		if (measured || !tile_curve_bends(&c, m))
			continue;
		p.op.m = m;
		p.estimate = (struct estimate){ .used = 0 };
		p.seconds = tile_curve_at(&c, m);
		add_row(out, &p);
	}
}

static bool is_attention(const struct point *p)
{
	return p->op.kind == OP_ATTENTION_PREFILL || p->op.kind == OP_ATTENTION_DECODE;
}

static bool same_attention(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && a->head_dim == b->head_dim && a->kv_dtype == b->kv_dtype && a->window == b->window;
}

static bool is_layout(const struct op *op, int64_t heads, int64_t kv_heads)
{
	return op->heads == heads && op->kv_heads == kv_heads;
}

/* Every length that was measured, in a layout that was not. */
static void add_layout(struct str *out, const struct layout_points *points, const struct point *like, int64_t heads, int64_t kv_heads)
{
	const struct op *first = &points->at[0].op;
	struct point p = *like;

	for (size_t i = 0; i < points->count; i++)
		if (is_layout(&points->at[i].op, heads, kv_heads))
			return;
	for (size_t i = 0; i < points->count; i++) {
		if (!is_layout(&points->at[i].op, first->heads, first->kv_heads))
			continue;
		p.op = points->at[i].op;
		p.op.heads = heads;
		p.op.kv_heads = kv_heads;
		p.estimate = (struct estimate){ .used = 0 };
		p.seconds = layout_seconds(points, &p.op);
		if (isfinite(p.seconds) && p.seconds > 0)
			add_row(out, &p);
	}
}

/* Head layouts of small models (calibrate_layouts.h). Nobody sampled those, and they say so (samples 0). */
static bool add_layouts(struct str *out, const struct target *t, const struct point *first, int threads, struct err *err)
{
	static const int64_t kv_heads[] = { 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16 };
	enum { QUERIES_MOST = 8, HEADS_MOST = 64 };
	struct layout_point *at = mem_calloc(t->points->count, sizeof(*at));
	struct layout_points points = { .at = at, .threads = threads };

	if (!at)
		return err_memory(err);
	for (size_t i = 0; i < t->points->count; i++) {
		const struct point *p = &t->points->at[i];

		if (in_tables(t, p) && same_attention(&p->op, &first->op))
			at[points.count++] = (struct layout_point){ p->op, p->seconds };
	}
	layout_fit(&points);
	for (size_t k = 0; k < COUNT_OF(kv_heads); k++)
		for (int64_t queries = 1; queries <= QUERIES_MOST && queries * kv_heads[k] <= HEADS_MOST; queries++)
			add_layout(out, &points, first, queries * kv_heads[k], kv_heads[k]);
	mem_free(at);
	return true;
}

/* Once for each kind of attention: when its first point is met. */
static bool is_first_attention(const struct target *t, size_t i)
{
	if (!is_attention(&t->points->at[i]))
		return false;
	for (size_t k = 0; k < i; k++)
		if (in_tables(t, &t->points->at[k]) && same_attention(&t->points->at[k].op, &t->points->at[i].op))
			return false;
	return true;
}

/* Peaks are the best that the kernels reached, bandwidth the best of those that stream. */
static void rates(const struct target *t, struct device *d, struct calibrate_report *r)
{
	double bandwidth = 0, flop_s[DTYPE_COUNT] = { 0 };

	for (size_t i = 0; i < t->points->count; i++) {
		const struct point *p = &t->points->at[i];
		double s = p->seconds;

		if (!t->keep(t, p))
			continue;
		if (p->has_op && p->op.kind == OP_GEMM)
			flop_s[p->op.dtype] = fmax(flop_s[p->op.dtype], p->visit->family->flops(p->shape) / s);
		/* Packed weights are multiplied by kernels of their own, which the units bound and not the plain product. */
		if (!strcmp(p->visit->family->name, "fma") && p->shape->format == KERNEL_INT8)
			flop_s[DTYPE_INT8] = fmax(flop_s[DTYPE_INT8], p->visit->family->flops(p->shape) / s);
		/* But for its weights a norm reads what is near. */
		if (p->streams && !(p->has_op && p->op.kind == OP_NORM) && p->visit->family->bytes(p->shape) > 4e6)
			bandwidth = fmax(bandwidth, p->visit->family->bytes(p->shape) / s);
	}
	for (int f = 0; f < DTYPE_COUNT; f++)
		d->peak.flop_s[f] = flop_s[f] > 0 ? flop_s[f] : NAN;
	d->peak.flop_s[DTYPE_INT4] = NAN;      /* weight-only: computes in 16 bits */
	d->memory.bytes_s = bandwidth > 0 ? bandwidth : NAN;
	if (t->where == FROM_MEMORY && !t->variant) {
		r->bandwidth_bytes_s = bandwidth;
		for (int f = 0; f < KERNEL_FORMAT_COUNT; f++)
			r->peak_flop_s[f] = flop_s[dtype_parse(kernel_format_names[f])];
	}
}

static bool describe(const struct target *t, const struct calibrate_report *r, struct device *d, struct arena *arena, struct err *err)
{
	const struct machine *m = &r->machine;
	char today[32] = "";
	time_t now = time(NULL);
	struct tm utc;

	if (!schema_defaults(&device_element, d, arena, err))
		return false;
	if (gmtime_r(&now, &utc))
		strftime(today, sizeof(today), "%Y-%m-%d", &utc);
	d->name = t->name;
	d->title = arena_printf(arena, "%s, %d of %d cores (%s)", m->cpu, r->threads, m->cores, t->title);
	d->vendor = m->vendor;
	d->kind = DEVICE_CPU;
	d->source = arena_printf(arena, "vibee-sim calibrate on %s, %d threads, %s; %s; %s", today, r->threads, m->instructions, r->clock, r->counters);
	d->peak.source = "best measured matrix product of each format; int8: products of bytes in registers";
	d->memory.type = "DRAM";
	d->memory.bytes = m->memory_bytes;
	d->memory.source = "capacity: hwloc; rate: best measured stream";
	d->sram.bytes = m->l3_bytes > 0 ? m->l3_bytes : m->l2_bytes;
	d->sram.source = "last-level cache, hwloc";
	d->units.name = "core";
	d->units.count = r->threads;
	d->units.tile_n = PANEL;
	d->units.clock_hz = m->clock_hz;
	d->units.source = "hwloc; clock as the system tells it";
	return (d->title && d->source) || err_memory(err);
}

static bool write_text(const char *path, const struct str *text, struct err *err)
{
	return paths_write_str(path, text, err);
}

static bool write_tables(const struct target *t, const struct calibrate_options *o, const struct device *d, struct arena *arena,
			 struct err *err)
{
	const char *path = arena_printf(arena, "%s/%s/measured.csv", o->folder, t->name);
	struct profile_import_options import = { .path = path, .format = PROFILE_VIBEE, .device = t->name, .stack = "vibee",
						 .out_folder = o->folder, .source = d->source, .licence = "your own", .tolerance = 1e-6, .tiles = true };
	struct profile_import_report *report = arena_alloc(arena, sizeof(*report));
	struct str rows = { 0 };
	bool ok = (path && report) || err_memory(err);

	str_add(&rows, columns);
	for (size_t i = 0; i < t->points->count; i++) {
		const struct point *p = &t->points->at[i];

		if (!in_tables(t, p))
			continue;
		add_row(&rows, p);
		if (p->op.kind == OP_GEMM && (i == 0 || p[-1].visit != p->visit || p[-1].where != p->where))
			add_between(&rows, t, i);
		if (ok && is_first_attention(t, i))
			ok = add_layouts(&rows, t, p, (int)d->units.count, err);
	}
	ok = ok && write_text(path, &rows, err) && profile_import(&import, report, err);
	str_release(&rows);
	return ok;
}

bool target_write(const struct target *t, const struct calibrate_options *o, struct calibrate_report *r, struct arena *arena,
		  struct err *err)
{
	struct device *d = arena_alloc(arena, sizeof(*d));
	struct fits *fits = arena_alloc(arena, sizeof(*fits));
	const char *folder = arena_printf(arena, "%s/%s", o->folder, t->name), *file = arena_printf(arena, "%s.xml", folder);
	const char *fits_file = arena_printf(arena, "%s/fits.xml", folder);
	struct str text = { 0 };
	bool ok;

	if (!d || !fits || !folder || !file || !fits_file)
		return err_memory(err);
	(void)mkdir(folder, 0777);             /* what fails here fails below, with the reason */
	ok = describe(t, r, d, arena, err);
	if (ok)
		rates(t, d, r);
	ok = ok && write_tables(t, o, d, arena, err) && fits_make(t, d, fits, arena, err);
	if (ok) {
		schema_write_xml(&fits_element, fits, &text);
		ok = write_text(fits_file, &text, err);
		str_clear(&text);
	}
	if (ok) {                              /* last: the device is there when all of it is */
		schema_write_xml(&device_element, d, &text);
		ok = write_text(file, &text, err);
	}
	str_release(&text);
	return ok;
}
