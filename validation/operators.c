#include "validation/operators.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/sketch.h"
#include "base/str.h"
#include "hardware/collectives.h"
#include "hardware/fitted.h"
#include "hardware/roofline.h"
#include "hardware/sisters.h"
#include "hardware/tables.h"
#include "validation/operators_forest.h"

const char *const estimate_names[] = { "measured", "fitted", "analytic", "sister", "forest" };

struct operators_study {
	struct arena *arena;
	struct operator_group *groups;
	size_t group_count, group_capacity;
	struct operator_point *points;
	size_t point_count, point_capacity;
};

/* One device while its tables are gone through. */
struct subject {
	struct operators_study *study;
	const struct operators_options *options;
	struct device *device;         /* as the catalog has it */
	struct device sheet;           /* the same without what was measured on it */
	struct system fitted, bare;    /* its links with and without fitted figures */
	const struct fits *fits;
	struct tables *tables;
	struct sisters *sisters;       /* of the sheet: as if nothing had been measured on it; for one table at a time */
};

static bool is_collective(enum op_kind kind)
{
	return kind >= OP_ALL_REDUCE && kind <= OP_BROADCAST;
}

/* What is demanded of sites left out, on the devices that serve most (validation/README.md). */
static void set_bars(struct operator_group *g, enum dtype dtype, enum dtype kv)
{
	static const char *const devices[] = { "a100", "h100", "h200", "b200" };
	bool plain = dtype == DTYPE_BF16 || dtype == DTYPE_FP16, core = false;

	for (size_t i = 0; i < COUNT_OF(devices); i++)
		core = core || text_equal(g->device, devices[i]);
	plain = plain && (kv == DTYPE_NONE || kv == dtype || kv == DTYPE_BF16 || kv == DTYPE_FP16);
	g->median_bar = g->p90_bar = NAN;
	if (!core || g->kind > OP_BROADCAST || text_equal(g->stack, "vidur") || text_equal(g->stack, "llmservingsim"))
		return;
	if (plain && g->kind <= OP_MLA_DECODE) {
		g->median_bar = 0.05;
		g->p90_bar = 0.15;
	} else {
		g->median_bar = 0.10;
		g->p90_bar = 0.25;
	}
}

bool operators_bar_met(const struct operator_group *g)
{
	const struct error_summary *e = &g->error[PROVIDER_MEASURED];

	return isnan(g->median_bar) || e->count == 0 || (e->median <= g->median_bar && e->p90 <= g->p90_bar);
}

static double fitted_seconds(const struct subject *s, const char *stack, const struct op *op)
{
	const struct fit *fit;
	struct collective c;
	struct op_cost cost;

	if (is_collective(op->kind)) {
		collective_price(&s->fitted, op, text_equal(stack, "nccl") || text_equal(stack, "oneccl"), &c);
		return c.calibrated ? c.seconds : NAN;
	}
	fit = fits_find(s->fits, op, stack);
	if (!fit || !text_equal(fit->stack, stack) || !fit_held_out(op))
		return NAN;
	fit_price(fit, s->device, op, &cost);
	return cost.seconds;
}

static double analytic_seconds(const struct subject *s, const char *stack, const struct op *op)
{
	struct collective c;
	struct op_cost cost;

	if (is_collective(op->kind)) {
		collective_price(&s->bare, op, text_equal(stack, "nccl") || text_equal(stack, "oneccl"), &c);
		return c.seconds;
	}
	roofline_op(&s->sheet, op, &cost);
	return cost.seconds;
}

/* As a device is priced that nobody measured: sisters' tables, their laws, at last the data sheet. */
static double sister_seconds(const struct subject *s, const char *stack, const struct op *op)
{
	struct op_cost cost;

	if (sisters_op(s->sisters, op, &cost))
		return cost.seconds;
	if (!is_collective(op->kind) && sisters_law(s->sisters, op, stack, &cost))
		return cost.seconds;
	return analytic_seconds(s, stack, op);
}

/* What answers for one table of a device that was not measured: sisters under the same software, else under any. */
static bool load_sisters(struct subject *s, const char *stack, enum op_kind kind, struct err *err)
{
	struct sisters_options o = { .device = &s->sheet, .system = &s->bare, .stacks = stack, .own_links = true,
				     .only = 1 + (int)kind };

	s->sisters = sisters_load(&o, s->study->arena, err);
	if (!s->sisters || sisters_have(s->sisters, kind))
		return s->sisters;
	sisters_free(s->sisters);
	o.stacks = NULL;
	s->sisters = sisters_load(&o, s->study->arena, err);
	return s->sisters;
}

static struct operator_point ask(const struct subject *s, size_t table, const char *stack,
				 const struct tables_point *from)
{
	struct operator_point p = { .op = from->op, .measured_s = from->seconds };
	struct op_cost cost;
	bool answered = tables_held_out(s->tables, table, from, &cost);

	p.predicted_s[PROVIDER_MEASURED] = answered ? cost.seconds : NAN;
	p.outside = answered && cost.extrapolated;
	p.predicted_s[PROVIDER_FITTED] = fitted_seconds(s, stack, &from->op);
	p.predicted_s[PROVIDER_ANALYTIC] = analytic_seconds(s, stack, &from->op);
	p.predicted_s[ESTIMATE_SISTER] = sister_seconds(s, stack, &from->op);
	p.predicted_s[ESTIMATE_FOREST] = NAN;
	return p;
}

/* Median and P90 of points [first, first + count) in the scratch `errors`. */
static size_t collect(const struct operator_point *points, size_t count, enum operators_estimate who, double *errors)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!isnan(points[i].predicted_s[who]))
			errors[n++] = fabs(points[i].predicted_s[who] / points[i].measured_s - 1);
	return n;
}

static struct error_summary summarise(double *errors, size_t n)
{
	struct error_summary e = { .count = n, .median = NAN, .p90 = NAN, .held_out = true };

	if (n) {
		e.median = exact_quantile(errors, (int64_t)n, 0.5);
		e.p90 = exact_quantile(errors, (int64_t)n, 0.9);
	}
	return e;
}

static bool finish_group(struct operators_study *s, struct operator_group *g, struct err *err)
{
	double *errors = mem_alloc(g->count * sizeof(*errors));

	if (!errors)
		return err_memory(err);
	for (int p = 0; p < ESTIMATE_COUNT; p++)
		g->error[p] = summarise(errors, collect(&s->points[g->first], g->count, (enum operators_estimate)p, errors));
	g->error[PROVIDER_FITTED].held_out = !is_collective(g->kind);
	mem_free(errors);
	return true;
}

static bool same_group(const struct tables_point *a, const struct tables_point *b)
{
	return a->op.dtype == b->op.dtype && a->op.kv_dtype == b->op.kv_dtype;
}

static bool add_incumbent(struct operator_point *out, const struct tables_point *points, size_t count, size_t taken,
			  struct err *err)
{
	size_t *site = mem_alloc(taken * sizeof(*site) + 1);
	bool ok;

	if (!site)
		return err_memory(err);
	for (size_t i = 0; i < taken; i++)
		site[i] = points[i * count / taken].site;
	ok = operators_forest(out, site, taken, err);
	mem_free(site);
	return ok;
}

/* Points [first, first + count) of one table, all of one number format. */
static bool add_group(const struct subject *s, size_t table, const struct tables_info *info,
		      const struct tables_point *points, size_t count, struct err *err)
{
	struct operators_study *study = s->study;
	size_t most = s->options->most, taken = most && most < count ? most : count;
	struct operator_group g = { .device = s->device->name, .op = info->op, .kind = points->op.kind,
				    .first = study->point_count, .count = taken, .measured = count };
	enum dtype dtype = points->op.dtype, kv = points->op.kv_dtype;

	g.stack = arena_strdup(study->arena, info->stack);
	g.dtype = is_collective(g.kind) ? "" : dtype_names[dtype];
	g.kv_dtype = kv == DTYPE_NONE ? "" : dtype_names[kv];
	g.name = arena_printf(study->arena, "%s/%s/%s%s%s%s%s", g.device, g.stack, g.op, *g.dtype ? "/" : "", g.dtype,
			      *g.kv_dtype ? "/" : "", g.kv_dtype);
	if (!g.stack || !g.name ||
	    !mem_grow(&study->points, &study->point_capacity, study->point_count + taken, sizeof(*study->points)) ||
	    !mem_grow(&study->groups, &study->group_capacity, study->group_count + 1, sizeof(*study->groups)))
		return err_memory(err);
	set_bars(&g, dtype, kv);
	for (size_t i = 0; i < taken; i++)
		study->points[study->point_count++] = ask(s, table, g.stack, &points[i * count / taken]);
	if (s->options->incumbent && !add_incumbent(&study->points[g.first], points, count, taken, err))
		return false;
	study->groups[study->group_count] = g;
	return finish_group(study, &study->groups[study->group_count++], err);
}

static bool add_table(struct subject *s, size_t table, struct err *err)
{
	struct tables_info info;
	struct tables_point *points;
	bool ok = true;

	tables_info(s->tables, table, &info);
	if ((s->options->stack && !text_equal(s->options->stack, info.stack)) ||
	    (s->options->op && !text_equal(s->options->op, info.op)) || info.rows == 0)
		return true;
	points = mem_alloc(info.rows * sizeof(*points));
	if (!points)
		return err_memory(err);
	tables_points(s->tables, table, points);
	ok = load_sisters(s, info.stack, points->op.kind, err);
	for (size_t low = 0, high; ok && low < info.rows; low = high) {
		for (high = low + 1; high < info.rows && same_group(&points[low], &points[high]);)
			high++;
		ok = add_group(s, table, &info, &points[low], high - low, err);
	}
	sisters_free(s->sisters);
	mem_free(points);
	return ok;
}

static void forget_measured(struct subject *s)
{
	struct link *l = &s->bare.scale_up;

	s->sheet = *s->device;
	s->sheet.efficiency_count = 0;
	s->bare = s->fitted;
	l->base_s = l->hop_s = l->efficiency = l->reduce_efficiency = l->direct_base_s = l->direct_hop_s = NAN;
}

static bool load_subject(struct subject *s, const char *name, struct err *err)
{
	struct arena *arena = s->study->arena;
	const struct device *d = device_load(name, arena, err);
	const struct system *system = d ? system_for_device(d, arena, err) : NULL;
	struct tables_limits limits = { .bandwidth_bytes_s = d ? device_bandwidth(d) : 0 };
	struct err own = { 0 };

	if (!system || !(s->device = arena_alloc(arena, sizeof(*s->device))))
		return system ? err_memory(err) : false;
	*s->device = *d;
	s->fitted = *system;
	forget_measured(s);
	s->fits = fits_load(d->name, arena, err);
	if (!s->fits)
		return false;
	for (int t = 0; t < DTYPE_COUNT; t++)
		limits.peak_flop_s[t] = device_peak(d, (enum dtype)t, NULL);
	s->tables = tables_load(d->name, NULL, &limits, &own);
	return s->tables || own.kind == ERR_NONE || err_set(err, own.kind, "%s", own.text);
}

static bool add_device(struct operators_study *study, const struct operators_options *options, const char *name,
		       struct err *err)
{
	struct subject s = { .study = study, .options = options };
	bool ok = load_subject(&s, name, err);

	for (size_t i = 0; ok && s.tables && i < tables_count(s.tables); i++)
		ok = add_table(&s, i, err);
	tables_free(s.tables);
	return ok;
}

/* Devices with tables; `wanted` may be any spelling of one of them. */
static bool add_devices(struct operators_study *study, const struct operators_options *options, struct err *err)
{
	const char *folder = paths_data("hardware/tables", study->arena, err), *only = NULL;
	const char *const *names;
	size_t count, used = 0;

	if (folder && options->device) {
		const struct device *d = device_load(options->device, study->arena, err);

		if (!d)
			return false;
		only = d->name;
	}
	names = folder ? paths_list(folder, "", &count, study->arena, err) : NULL;
	if (!names)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(study->arena, "%s/%s", folder, names[i]);

		if (!path)
			return err_memory(err);
		if (!paths_is_folder(path) || (only && !text_equal(only, names[i])))
			continue;
		if (!add_device(study, options, names[i], err))
			return false;
		used++;
	}
	if (used == 0)
		return err_set(err, ERR_INPUT, "device '%s' has no measured tables (hardware/tables)", options->device);
	if (study->group_count == 0)
		return err_set(err, ERR_INPUT, "no measured table of %s%s%s%s%s; see hardware/tables",
			       options->device ? options->device : "any device", options->stack ? ", software " : "", options->stack ? options->stack : "",
			       options->op ? ", operator " : "", options->op ? options->op : "");
	return true;
}

static bool known_op(const char *op, struct err *err)
{
	const char *near;
	size_t n = 0;

	if (!op || op_kind_parse(op) >= 0)
		return true;
	while (op_kind_names[n])
		n++;
	near = text_nearest(op, op_kind_names, n);
	return err_set(err, ERR_INPUT, "unknown operator '%s'%s%s%s", op, near ? "; did you mean '" : "", near ? near : "",
		       near ? "'?" : "");
}

struct operators_study *operators_validate(const struct operators_options *options, struct err *err)
{
	struct operators_study *s = mem_calloc(1, sizeof(*s));
	bool ok = false;

	if (!s || !(s->arena = arena_new()))
		err_memory(err);
	else
		ok = known_op(options->op, err) && add_devices(s, options, err);
	if (!ok) {
		operators_study_free(s);
		return NULL;
	}
	return s;
}

void operators_study_free(struct operators_study *s)
{
	if (!s)
		return;
	arena_free(s->arena);
	mem_free(s->groups);
	mem_free(s->points);
	mem_free(s);
}

const struct operator_group *operators_groups(const struct operators_study *s, size_t *count)
{
	*count = s->group_count;
	return s->groups;
}

const struct operator_point *operators_points(const struct operators_study *s)
{
	return s->points;
}

struct error_summary operators_summary(const struct operators_study *s, const char *device, int kind,
				       enum operators_estimate who, struct err *err)
{
	struct error_summary e = { 0, NAN, NAN, true };
	double *errors = mem_alloc((s->point_count + 1) * sizeof(*errors));
	size_t n = 0;

	if (!errors) {
		err_memory(err);
		return e;
	}
	for (size_t i = 0; i < s->group_count; i++) {
		const struct operator_group *g = &s->groups[i];

		if ((!device || text_equal(device, g->device)) && (kind < 0 || kind == (int)g->kind))
			n += collect(&s->points[g->first], g->count, who, errors + n);
	}
	e = summarise(errors, n);
	mem_free(errors);
	return e;
}
