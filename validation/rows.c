#include "validation/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"

static const struct column {
	const char *name;
	size_t offset;                 /* of a text in struct published_row */
	bool required;
} columns[] = {
#define TEXT(column, member, needed) { column, offsetof(struct published_row, member), needed }
	TEXT("id", id, true), TEXT("model", model, true), TEXT("precision", precision, false),
	TEXT("accelerator", accelerator, true), TEXT("parallelism", parallelism, false), TEXT("scenario", scenario, false),
	TEXT("isl", isl, false), TEXT("osl", osl, false), TEXT("batch_or_concurrency", batch, false),
	TEXT("metric", metric, true), TEXT("unit", unit, true), TEXT("source", source, true),
	TEXT("confidence", confidence, false), TEXT("reason", reason, false),
#undef TEXT
};

struct layout {
	int text[COUNT_OF(columns)], value, devices;
};

static bool find_columns(const struct csv *csv, struct layout *l, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(columns); i++) {
		l->text[i] = csv_find(csv, columns[i].name);
		if (l->text[i] < 0 && columns[i].required && !csv_require(csv, columns[i].name, &l->text[i], err))
			return false;
	}
	l->devices = csv_find(csv, "n_accel");
	return csv_require(csv, "value", &l->value, err);
}

static bool known_column(const struct layout *l, int column)
{
	for (size_t i = 0; i < COUNT_OF(columns); i++)
		if (l->text[i] == column)
			return true;
	return column == l->value || column == l->devices;
}

static const char *extra_columns(const struct csv *csv, const struct layout *l, struct arena *arena)
{
	struct str s = { 0 };
	const char *text;

	for (size_t i = 0; i < csv_columns(csv); i++)
		if (!known_column(l, (int)i) && csv_text(csv, (int)i)[0])
			str_addf(&s, "%s%s=%s", s.length ? "; " : "", csv_column_name(csv, i), csv_text(csv, (int)i));
	text = s.failed ? NULL : arena_strdup(arena, str_text(&s));
	str_release(&s);
	return text;
}

static bool read_figures(const struct csv *csv, const struct layout *l, struct published_row *row, struct err *fault)
{
	if (l->devices >= 0 && csv_text(csv, l->devices)[0] && !csv_number(csv, l->devices, &row->devices, fault))
		return false;
	if (!csv_number(csv, l->value, &row->value, fault))
		return false;
	if (row->value <= 0)
		return err_set(fault, ERR_INPUT, "%s:%ld: value=\"%g\": expected a positive figure", csv_path(csv), row->line, row->value);
	return true;
}

static bool read_row(const struct csv *csv, const struct layout *l, struct published_row *row, struct arena *arena, struct err *err)
{
	struct err fault = { 0 };

	for (size_t i = 0; i < COUNT_OF(columns); i++) {
		char *text = arena_strdup(arena, l->text[i] < 0 ? "" : csv_text(csv, l->text[i]));

		if (!text)
			return err_memory(err);
		memcpy((char *)row + columns[i].offset, &text, sizeof(text));
	}
	row->line = (long)csv_line(csv);
	if (!row->id[0])
		return err_set(err, ERR_INPUT, "%s:%ld: id: empty, expected a name of the row's own", csv_path(csv), row->line);
	if (!(row->extra = extra_columns(csv, l, arena)))
		return err_memory(err);
	if (!read_figures(csv, l, row, &fault) && !(row->fault = arena_strdup(arena, fault.text)))
		return err_memory(err);
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct published_row *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

static bool check_ids(const struct published_rows *rows, struct arena *arena, struct err *err)
{
	const struct published_row **sorted = arena_alloc(arena, (rows->count + 1) * sizeof(const struct published_row *));

	if (!sorted)
		return err_memory(err);
	for (size_t i = 0; i < rows->count; i++)
		sorted[i] = &rows->at[i];
	qsort(sorted, rows->count, sizeof(sorted[0]), by_id);
	for (size_t i = 1; i < rows->count; i++)
		if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0)
			return err_set(err, ERR_INPUT, "%s:%ld: id \"%s\" stands on line %ld already; expected one row an id", rows->path,
				       sorted[i]->line, sorted[i]->id, sorted[i - 1]->line);
	return true;
}

static bool read_all(struct csv *csv, struct published_rows *out, struct arena *arena, struct err *err)
{
	struct published_row *rows = NULL;
	size_t capacity = 0, count = 0;
	struct layout layout;
	bool ok = find_columns(csv, &layout, err);

	while (ok && csv_next(csv, err)) {
		if (!mem_grow(&rows, &capacity, count + 1, sizeof(*rows))) {
			ok = err_memory(err);
			break;
		}
		memset(&rows[count], 0, sizeof(rows[count]));
		ok = read_row(csv, &layout, &rows[count], arena, err);
		count++;
	}
	ok = ok && err->kind == ERR_NONE;
	if (ok && !(out->at = arena_alloc(arena, (count + 1) * sizeof(*rows))))
		ok = err_memory(err);
	if (ok && count)
		memcpy(out->at, rows, count * sizeof(*rows));
	out->count = ok ? count : 0;
	mem_free(rows);
	return ok;
}

bool published_rows_load(const char *path, struct published_rows *out, struct arena *arena, struct err *err)
{
	struct csv *csv = csv_open(path, err);
	bool ok;

	*out = (struct published_rows){ .path = arena_strdup(arena, path) };
	if (!csv)
		return false;
	ok = (out->path || err_memory(err)) && read_all(csv, out, arena, err) && check_ids(out, arena, err);
	csv_close(csv);
	return ok;
}
