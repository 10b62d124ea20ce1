#include "validation/operators_elsewhere.h"

#include <math.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/sketch.h"
#include "validation/operators_sheets.h"

enum { ERRORS_MOST = 512 };            /* rows of one group */

struct reading {
	const struct operators_options *options;
	struct operators_elsewhere *out;
	struct cost_model *model;              /* of the group's device */
	double errors[ERRORS_MOST];
	size_t count;
};

static bool same(const struct operators_elsewhere_group *g, const char *source, const char *device, const char *op, int64_t ranks)
{
	return text_equal(g->source, source) && text_equal(g->device, device) && text_equal(g->op, op) && g->ranks == ranks;
}

static void finish(struct reading *r)
{
	struct operators_elsewhere *e = r->out;

	if (e->count && r->count)
		e->items[e->count - 1].error = (struct error_summary){ r->count, exact_quantile(r->errors, (int64_t)r->count, 0.5),
								       exact_quantile(r->errors, (int64_t)r->count, 0.9), true };
	r->count = 0;
}

static bool begin(struct reading *r, const char *source, const char *device, const char *op, int64_t ranks, struct err *err)
{
	struct operators_elsewhere *e = r->out;
	struct operators_elsewhere_group g = { .ranks = ranks };
	const struct device *d;

	if (!e->count || !text_equal(e->items[e->count - 1].device, device) || !r->model) {
		static const struct stack library = { .name = "nccl", .tables = "nccl" };   /* no engine's own all-reduce */
		struct cost_options options = { .stack = &library };

		cost_model_free(r->model);
		r->model = NULL;
		options.device = d = device_load(device, e->arena, err);
		if (!d || !(r->model = cost_model_new(&options, err)))
			return false;
	}
	g.source = arena_strdup(e->arena, source);
	g.device = arena_strdup(e->arena, device);
	g.op = arena_strdup(e->arena, op);
	if (!g.source || !g.device || !g.op || !mem_grow(&e->items, &e->capacity, e->count + 1, sizeof(g)))
		return err_memory(err);
	e->items[e->count++] = g;
	return true;
}

static bool take(struct reading *r, const struct csv *c, const int *column, struct err *err)
{
	const char *source = csv_text(c, column[0]), *device = csv_text(c, column[1]), *name = csv_text(c, column[2]);
	struct operators_elsewhere *e = r->out;
	struct op op = { .kind = (enum op_kind)op_kind_parse(name) };
	struct op_cost cost;
	int64_t ranks;
	double us;

	if ((int)op.kind < 0)
		return err_set(err, ERR_INPUT, "%s:%lld: unknown operator '%s'", csv_path(c), (long long)csv_line(c), name);
	if (!csv_int(c, column[3], &ranks, err) || !csv_number(c, column[4], &op.bytes, err) || !csv_number(c, column[5], &us, err))
		return false;
	if ((r->options->device && !text_equal(r->options->device, device)) || (r->options->op && !text_equal(r->options->op, name)))
		return true;
	if (!e->count || !same(&e->items[e->count - 1], source, device, name, ranks)) {
		finish(r);
		if (!begin(r, source, device, name, ranks, err))
			return false;
	}
	op.devices = (int)ranks;
	cost_op(r->model, &op, &cost);
	e->items[e->count - 1].provider = provider_names[cost.provider];
	if (us > 0 && r->count < ERRORS_MOST)
		r->errors[r->count++] = fabs(cost.seconds / (us * 1e-6) - 1);
	return true;
}

bool operators_elsewhere_run(const struct operators_options *options, struct operators_elsewhere *out, struct err *err)
{
	static const char *const names[] = { "source", "device", "op", "devices", "bytes", "time_us" };
	struct reading r = { .options = options, .out = out };
	int column[COUNT_OF(names)];
	const char *path;
	struct csv *c = NULL;
	bool ok;

	*out = (struct operators_elsewhere){ .arena = arena_new() };
	if (!out->arena)
		return err_memory(err);
	path = paths_data("validation/collectives/elsewhere.csv", out->arena, err);
	c = path ? csv_open(path, err) : NULL;
	ok = c != NULL;
	for (size_t i = 0; ok && i < COUNT_OF(names); i++)
		ok = csv_require(c, names[i], &column[i], err);
	while (ok && csv_next(c, err))
		ok = take(&r, c, column, err);
	finish(&r);
	ok = ok && err->kind == ERR_NONE;
	cost_model_free(r.model);
	csv_close(c);
	return ok;
}

void operators_elsewhere_release(struct operators_elsewhere *e)
{
	mem_free(e->items);
	arena_free(e->arena);
	*e = (struct operators_elsewhere){ 0 };
}

const char operators_elsewhere_note[] = "what a run would be told; nothing was fitted to these rows";

struct sheet *operators_elsewhere_sheet(const struct operators_elsewhere *e, struct err *err)
{
	static const struct table_column columns[] = { { "collectives measured by others", false }, { "ranks", true }, { "points", true },
						       { "error %", true }, { "P90", true }, { "priced from", false } };
	struct sheet *t = sheet_new(columns, NULL, COUNT_OF(columns));

	if (!t) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < e->count; i++) {
		const struct operators_elsewhere_group *g = &e->items[i];
		char text[128];

		snprintf(text, sizeof(text), "%s/%s/%s", g->device, g->source, g->op);
		sheet_text(t, STYLE_PLAIN, text);
		snprintf(text, sizeof(text), "%lld", (long long)g->ranks);
		sheet_number(t, STYLE_PLAIN, (double)g->ranks, text);
		operators_sheet_errors(t, &g->error);
		sheet_text(t, STYLE_PLAIN, g->provider);
	}
	return t;
}

bool operators_elsewhere_text(const struct operators_elsewhere *e, const struct term *term, struct str *out, struct err *err)
{
	return e->count == 0 || operators_sheet_text(operators_elsewhere_sheet(e, err), operators_elsewhere_note, term, out, err);
}
