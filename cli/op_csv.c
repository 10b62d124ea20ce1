#include "cli/op_csv.h"

#include <stdio.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/paths.h"
#include "reports/outfile.h"

enum { MODELS_MOST = 16, COLUMNS_MOST = 512, FLUSH_BYTES = 1 << 16 };

struct op_pricer {
	struct cost_options options;
	struct arena *arena;
	char fallback[OP_STACK_ROOM];
	size_t count;
	char names[MODELS_MOST][OP_STACK_ROOM];
	struct cost_model *models[MODELS_MOST];
};

struct op_pricer *op_pricer_new(const struct cost_options *options, struct arena *arena)
{
	struct op_pricer *p = mem_calloc(1, sizeof(*p));

	if (p) {
		p->options = *options;
		p->arena = arena;
	}
	return p;
}

void op_pricer_fallback(struct op_pricer *p, const char *stack)
{
	snprintf(p->fallback, sizeof(p->fallback), "%s", stack);
}

void op_pricer_free(struct op_pricer *p)
{
	for (size_t i = 0; p && i < p->count; i++)
		cost_model_free(p->models[i]);
	mem_free(p);
}

/* A stack of the catalog; or nccl, which was measured alone: its tables and nothing else. */
static const struct stack *stack_named(const char *name, const char *origin, struct arena *arena, struct err *err)
{
	const struct stack *found;
	struct err inner = { 0 };
	struct stack *nccl;

	if (strcmp(name, "nccl") == 0) {
		nccl = arena_alloc(arena, sizeof(*nccl));
		if (!nccl) {
			err_memory(err);
			return NULL;
		}
		*nccl = (struct stack){ .name = "nccl", .title = "NCCL", .tables = "nccl" };
		return nccl;
	}
	found = stack_load(name, arena, &inner);
	if (!found)
		err_set(err, inner.kind, "%s: %s", origin, inner.text);
	return found;
}

const struct cost_model *op_pricer_model(struct op_pricer *p, const char *stack, const char *origin, struct err *err)
{
	struct cost_options options = p->options;
	struct cost_model *model;

	if (*stack == '\0')
		stack = p->fallback;
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->names[i], stack) == 0)
			return p->models[i];
	if (p->count == MODELS_MOST) {
		err_set(err, ERR_INPUT, "%s: stack=\"%s\": over %d different stacks", origin, stack, MODELS_MOST);
		return NULL;
	}
	if (*stack) {
		options.stack = stack_named(stack, origin, p->arena, err);
		if (!options.stack)
			return NULL;
	}
	model = cost_model_new(&options, err);
	if (!model)
		return NULL;
	snprintf(p->names[p->count], OP_STACK_ROOM, "%s", stack);
	p->models[p->count++] = model;
	return model;
}

/* The input and what each of its columns is. */
struct reading {
	struct csv *csv;
	const struct op_field *field[COLUMNS_MOST];    /* NULL: a column we only keep */
	bool dropped[COLUMNS_MOST];                    /* a result of an earlier run */
	size_t columns;
	struct op_pricer *pricer;
};

static bool reading_open(struct reading *r, const char *path, struct op_pricer *pricer, struct err *err)
{
	int op_column;

	memset(r, 0, sizeof(*r));
	r->pricer = pricer;
	r->csv = csv_open(path, err);
	if (!r->csv || !csv_require(r->csv, "op", &op_column, err))
		return false;
	r->columns = csv_columns(r->csv);
	if (r->columns > COLUMNS_MOST)
		return err_set(err, ERR_INPUT, "%s:1: %zu columns, expected at most %d", path, r->columns, COLUMNS_MOST);
	for (size_t i = 0; i < r->columns; i++) {
		const char *name = csv_column_name(r->csv, i);

		for (size_t k = 0; k < op_field_count; k++)
			if (text_equal_fold(name, op_fields[k].name))
				r->field[i] = &op_fields[k];
		for (size_t k = 0; k < OP_RESULTS; k++)
			r->dropped[i] |= text_equal_fold(name, op_result_names[k]);
		for (size_t k = 0; r->field[i] && k < i; k++)
			if (r->field[k] == r->field[i])
				return err_set(err, ERR_INPUT, "%s:1: column '%s' stands there twice", path, name);
	}
	return true;
}

/* The next row with its price. False at the end or on error. */
static bool reading_next(struct reading *r, struct op_row *row, struct op_cost *cost, struct err *err)
{
	const struct cost_model *model;
	char origin[512];

	if (!csv_next(r->csv, err))
		return false;
	snprintf(origin, sizeof(origin), "%.400s:%lld", csv_path(r->csv), (long long)csv_line(r->csv));
	op_row_init(row);
	for (size_t i = 0; i < r->columns; i++)
		if (r->field[i] && !op_row_set(row, r->field[i], csv_text(r->csv, (int)i), origin, err))
			return false;
	if (!op_row_finish(row, origin, err))
		return false;
	model = op_pricer_model(r->pricer, row->stack, origin, err);
	if (!model)
		return false;
	cost_op(model, &row->op, cost);
	return cost_model_sound(model, err);
}

/* Either a file written on the side, or text kept until all of it is good. */
struct sink {
	struct outfile *file;
	struct str text;
};

static void sink_flush(struct sink *s)
{
	if (s->file && s->text.length > FLUSH_BYTES) {
		outfile_add(s->file, s->text.text, s->text.length);
		str_clear(&s->text);
	}
}

static void header_line(const struct reading *r, struct str *out)
{
	bool first = true;

	for (size_t i = 0; i < r->columns; i++) {
		if (r->dropped[i])
			continue;
		str_add(out, first ? "" : ",");
		csv_quote(out, csv_column_name(r->csv, i));
		first = false;
	}
	for (size_t i = 0; i < OP_RESULTS; i++)
		str_addf(out, ",%s", op_result_names[i]);
	str_add(out, "\n");
}

static void row_line(const struct reading *r, const struct op_cost *cost, struct str *out)
{
	bool first = true;

	for (size_t i = 0; i < r->columns; i++) {
		if (r->dropped[i])
			continue;
		str_add(out, first ? "" : ",");
		csv_quote(out, csv_text(r->csv, (int)i));
		first = false;
	}
	op_cost_csv(cost, out);
	str_add(out, "\n");
}

bool op_csv(const char *in, const char *out, struct op_pricer *pricer, struct err *err)
{
	struct reading r = { 0 };
	struct sink sink = { 0 };
	struct op_row row;
	struct op_cost cost;
	bool ok = false;

	if (!reading_open(&r, in, pricer, err))
		goto out;
	if (strcmp(out, "-") != 0 && !(sink.file = outfile_open(out, err)))
		goto out;
	header_line(&r, &sink.text);
	while (reading_next(&r, &row, &cost, err)) {
		row_line(&r, &cost, &sink.text);
		sink_flush(&sink);
	}
	if (err->kind != ERR_NONE)
		goto out;
	if (sink.text.failed) {
		err_memory(err);
		goto out;
	}
	if (sink.file) {
		struct outfile *file = sink.file;

		outfile_add(file, str_text(&sink.text), sink.text.length);
		sink.file = NULL;
		ok = outfile_close(file, err);
	} else {
		ok = paths_write_str("-", &sink.text, err);
	}
out:
	outfile_abandon(sink.file);
	str_release(&sink.text);
	if (r.csv)
		csv_close(r.csv);
	return ok;
}

bool op_csv_json(const char *in, const char *out, struct op_pricer *pricer, struct err *err)
{
	const struct cost_model *model = op_pricer_model(pricer, "", in, err);
	struct reading r = { 0 };
	struct str text = { 0 };
	struct op_row row;
	struct op_cost cost;
	struct json j;
	bool ok = false;

	if (!model || !reading_open(&r, in, pricer, err))
		goto out;
	json_init(&j, &text, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.op/1");
	json_text(&j, "device", cost_model_device(model)->name);
	json_array(&j, "operators");
	while (reading_next(&r, &row, &cost, err)) {
		json_object(&j, NULL);
		op_row_json(&row, &cost, &j);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(&text, "\n");
	if (text.failed)
		err_memory(err);
	ok = err->kind == ERR_NONE && paths_write_str(out, &text, err);
out:
	str_release(&text);
	if (r.csv)
		csv_close(r.csv);
	return ok;
}
