#include "validation/operators_modules.h"

#include <math.h>
#include <stdio.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/sketch.h"
#include "models/graph.h"
#include "validation/operators_sheets.h"

enum { ERRORS_MOST = 1024 };           /* rows of one group */
enum { DEVICE, STACK, PHASE, FORMAT, CACHE, HEADS, BATCH, NEW, CACHED, TIME, COLUMNS };

/* What belongs to the module; the layer's norm before it and the all-reduce behind it do not. */
static const char *const parts[] = { "qkv_a_proj", "q_a_norm", "q_b_proj", "kv_a_norm", "rope", "kv_append", "kv_b_proj", "q_absorb",
				     "attn_prefill", "attn_decode", "v_absorb", "o_proj" };

struct reading {
	const struct operators_options *options;
	struct operators_modules *out;
	struct arena *arena;           /* of the group */
	const struct model *model;     /* of all */
	const struct stack *stack;
	struct cost_model *cost;       /* of the group */
	struct placement place;        /* of the graph */
	struct graph graph;
	double errors[ERRORS_MOST], signs[ERRORS_MOST];
	size_t count;
};

static void finish(struct reading *r)
{
	struct operators_modules_group *g = r->out->count ? &r->out->items[r->out->count - 1] : NULL;

	if (g && r->count) {
		g->error = (struct error_summary){ r->count, exact_quantile(r->errors, (int64_t)r->count, 0.5),
						   exact_quantile(r->errors, (int64_t)r->count, 0.9), true };
		g->bias = exact_quantile(r->signs, (int64_t)r->count, 0.5);
	}
	cost_model_free(r->cost);
	arena_free(r->arena);
	r->cost = NULL;
	r->arena = NULL;
	r->graph = (struct graph){ 0 };
	r->count = 0;
}

static bool begin(struct reading *r, const char *name, const char *device, const char *stack, struct err *err)
{
	struct operators_modules *m = r->out;
	struct operators_modules_group g = { .name = arena_strdup(m->arena, name) };
	struct cost_options options = { 0 };

	finish(r);
	r->arena = arena_new();
	if (!g.name || !r->arena || !mem_grow(&m->items, &m->capacity, m->count + 1, sizeof(g)))
		return err_memory(err);
	options.device = device_load(device, r->arena, err);
	options.stack = r->stack = options.device ? stack_load(stack, r->arena, err) : NULL;
	r->cost = options.stack ? cost_model_new(&options, err) : NULL;
	if (!r->cost)
		return false;
	m->items[m->count++] = g;
	return true;
}

/* The layer as it lies on `ranks` devices, each with its share of the heads. */
static bool build(struct reading *r, int64_t ranks, enum dtype format, enum dtype cache, struct err *err)
{
	struct placement p = { .tp = ranks, .attention = format, .kv = cache };

	if (r->graph.count && r->place.tp == ranks)
		return true;
	r->place = p;
	placement_resolve(r->model, &p, &p);
	return graph_build(r->model, &p, r->stack, 0, &r->graph, r->arena, err);
}

static bool is_part(const char *label)
{
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (text_equal(parts[i], label))
			return true;
	return false;
}

/* Seconds of the module. A batch of prompts is one call of each kernel, not one a prompt. */
static double seconds(const struct reading *r, double batch, double fresh, double cached, bool decode)
{
	struct extent x = { .tokens = batch * fresh };
	double sum = 0;

	if (decode)
		x.decodes = x.logits = batch, x.context = batch * (cached + 1);
	else
		x.prefill_tokens = x.tokens, x.chunk = fresh, x.prior = cached;
	for (size_t i = 0; i < r->graph.count; i++) {
		const struct node *n = &r->graph.nodes[i];
		struct op op;
		struct op_cost c;

		if (!is_part(n->label) || !graph_op(n, &x, &op))
			continue;
		if (op.kind == OP_MLA_PREFILL)
			op.batch = (int64_t)batch;
		else if (n->scale == PER_PREFILL_CHUNK)
			op.m *= (int64_t)batch;
		cost_op(r->cost, &op, &c);
		sum += c.seconds * graph_runs(n, &x) / r->graph.layers;
	}
	return sum;
}

static bool take(struct reading *r, const struct csv *c, const int *column, struct err *err)
{
	const char *device = csv_text(c, column[DEVICE]), *stack = csv_text(c, column[STACK]), *phase = csv_text(c, column[PHASE]);
	const char *format = csv_text(c, column[FORMAT]), *cache = csv_text(c, column[CACHE]);
	char name[160];
	int dtype = dtype_parse(format), kv = dtype_parse(cache);
	double heads, batch, fresh, cached, us, off;
	struct operators_modules *m = r->out;

	if ((r->options->device && !text_equal(r->options->device, device)) || (r->options->stack && !text_equal(r->options->stack, stack)))
		return true;
	if (!csv_number(c, column[HEADS], &heads, err) || !csv_number(c, column[BATCH], &batch, err) || !csv_number(c, column[NEW], &fresh, err) ||
	    !csv_number(c, column[CACHED], &cached, err) || !csv_number(c, column[TIME], &us, err))
		return false;
	if (dtype < 0 || kv < 0 || !(heads > 0) || !(us > 0))
		return err_set(err, ERR_INPUT, "%s:%lld: expected number formats, heads and a time", csv_path(c), (long long)csv_line(c));
	snprintf(name, sizeof(name), "%s/%s/%s/%s/%s", device, stack, phase, format, cache);
	if ((!m->count || !text_equal(m->items[m->count - 1].name, name)) && !begin(r, name, device, stack, err))
		return false;
	if (!build(r, llround((double)r->model->attention.heads / heads), (enum dtype)dtype, (enum dtype)kv, err))
		return false;
	off = seconds(r, batch, fresh, cached, text_equal(phase, "decode")) / (us * 1e-6) - 1;
	if (r->count < ERRORS_MOST) {
		r->errors[r->count] = fabs(off);
		r->signs[r->count++] = off;
	}
	return true;
}

bool operators_modules_run(const struct operators_options *options, struct operators_modules *out, struct err *err)
{
	static const char *const names[COLUMNS] = { "device", "stack", "phase", "dtype", "kv_dtype", "heads", "batch", "new", "cached", "time_us" };
	struct reading *r = mem_calloc(1, sizeof(*r));
	int column[COLUMNS];
	const char *path;
	struct csv *c = NULL;
	bool ok;

	*out = (struct operators_modules){ .arena = arena_new() };
	if (!r || !out->arena) {
		mem_free(r);
		return err_memory(err);
	}
	r->options = options;
	r->out = out;
	r->model = model_load("deepseek-v3", out->arena, err);
	path = r->model ? paths_data("validation/modules/mla.csv", out->arena, err) : NULL;
	c = path ? csv_open(path, err) : NULL;
	ok = c != NULL;
	for (size_t i = 0; ok && i < COLUMNS; i++)
		ok = csv_require(c, names[i], &column[i], err);
	while (ok && csv_next(c, err))
		ok = take(r, c, column, err);
	ok = ok && err->kind == ERR_NONE;
	finish(r);
	csv_close(c);
	mem_free(r);
	return ok;
}

void operators_modules_release(struct operators_modules *m)
{
	mem_free(m->items);
	arena_free(m->arena);
	*m = (struct operators_modules){ 0 };
}

const char operators_modules_note[] = "the sum of the operators that a run prices for the module; nothing was fitted to these rows";

struct sheet *operators_modules_sheet(const struct operators_modules *m, struct err *err)
{
	static const struct table_column columns[] = { { "latent attention measured whole", false }, { "points", true }, { "error %", true },
						       { "P90", true }, { "median off %", true } };
	struct sheet *t = sheet_new(columns, NULL, COUNT_OF(columns));

	if (!t) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < m->count; i++) {
		const struct operators_modules_group *g = &m->items[i];
		char text[128];

		sheet_text(t, STYLE_PLAIN, g->name);
		operators_sheet_errors(t, &g->error);
		snprintf(text, sizeof(text), "%+.1f", 100 * g->bias);
		sheet_number(t, STYLE_PLAIN, 100 * g->bias, text);
	}
	return t;
}

bool operators_modules_text(const struct operators_modules *m, const struct term *term, struct str *out, struct err *err)
{
	return m->count == 0 || operators_sheet_text(operators_modules_sheet(m, err), operators_modules_note, term, out, err);
}

const struct validation_error *operators_modules_errors(const struct operators_modules *m, struct arena *arena, size_t *count,
							struct err *err)
{
	struct validation_error *rows = arena_alloc(arena, (m->count + 1) * sizeof(*rows));

	*count = m->count;
	for (size_t i = 0; rows && i < m->count; i++) {
		const struct error_summary *e = &m->items[i].error;
		const char *name = arena_printf(arena, "mla/%s", m->items[i].name);

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
