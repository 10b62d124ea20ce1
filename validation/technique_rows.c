#include "validation/technique_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/paths.h"
#include "models/technique.h"
#include "reports/table.h"
#include "sim/catalog_cache.h"

enum { ROWS_MOST = 4096 };

static const char *cell(const struct csv *c, const char *name, struct arena *arena)
{
	int column = csv_find(c, name);
	const char *text = column >= 0 ? csv_text(c, column) : "";

	return *text ? arena_strdup(arena, text) : NULL;
}

static bool load_file(const char *path, struct technique_rows *out, struct arena *arena, struct err *err)
{
	struct csv *c = csv_open(path, err);
	int published;
	bool ok = c && csv_require(c, "published", &published, err);

	while (ok && csv_next(c, err)) {
		struct technique_row *r = &out->at[out->count];

		if (out->count == ROWS_MOST) {
			ok = err_set(err, ERR_INPUT, "%s: more than %d rows", path, ROWS_MOST);
			break;
		}
		*r = (struct technique_row){ .id = cell(c, "id", arena), .module = cell(c, "module", arena), .figure = cell(c, "figure", arena),
					     .unit = cell(c, "unit", arena), .quantity = cell(c, "quantity", arena),
					     .scenario = cell(c, "scenario", arena), .baseline = cell(c, "baseline", arena),
					     .source = cell(c, "source", arena), .reason = cell(c, "reason", arena),
					     .held_out = cell(c, "held_out", arena), .simulated = NAN, .rel_error = NAN };
		ok = csv_number(c, published, &r->published, err);
		if (ok && (!r->id || !r->module || !r->figure || !r->source))
			ok = err_set(err, ERR_INPUT, "%s:%lld: expected id, module, figure and source", path, (long long)csv_line(c));
		if (ok && !r->scenario && !r->reason)
			ok = err_set(err, ERR_INPUT, "%s:%lld: expected a scenario, or a reason why there is none", path, (long long)csv_line(c));
		out->count += ok;
	}
	csv_close(c);
	return ok && err->kind == ERR_NONE;
}

bool technique_rows_load(const char *area, struct technique_rows *out, struct arena *arena, struct err *err)
{
	const char *root = paths_data("validation/published", arena, err);

	*out = (struct technique_rows){ .at = arena_alloc(arena, ROWS_MOST * sizeof(*out->at)) };
	if (!root)
		return false;
	if (!out->at)
		return err_memory(err);
	for (int i = 0; i < AREA_COUNT; i++) {
		const char *path = arena_printf(arena, "%s/technique_%s.csv", root, technique_area_names[i]);

		if (!path)
			return err_memory(err);
		if ((area && !text_equal(area, technique_area_names[i])) || !paths_is_file(path))
			continue;
		if (!load_file(path, out, arena, err))
			return false;
	}
	return true;
}

/* Each row in an arena of its own: a step's tables are large. */
static void run_row(struct technique_row *r, struct catalog_cache *cache, struct arena *texts)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	double value = NAN, base = 1;

	if (!arena)
		return;
	if (!r->scenario)
		r->error = r->reason;
	else if (!technique_quantity(r->quantity, r->scenario, cache, &value, arena, &err) ||
		 (r->baseline && !technique_quantity(r->quantity, r->baseline, cache, &base, arena, &err)))
		r->error = arena_strdup(texts, err.text);
	else {
		r->simulated = value / base;
		r->rel_error = r->simulated / r->published - 1;
	}
	arena_free(arena);
}

bool technique_rows_run(struct technique_rows *rows, struct arena *arena, struct err *err)
{
	struct catalog_cache *cache = catalog_cache_new(err);

	if (!cache)
		return false;
	for (size_t i = 0; i < rows->count; i++)
		run_row(&rows->at[i], cache, arena);
	catalog_cache_free(cache);
	return true;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static bool counts(const struct technique_row *r)
{
	return isfinite(r->rel_error) && !(r->held_out && text_equal(r->held_out, "no"));
}

void technique_rows_summary(const struct technique_rows *rows, struct technique_summary *out)
{
	double *errors = mem_calloc(rows->count + 1, sizeof(*errors));

	*out = (struct technique_summary){ .rows = rows->count, .median = NAN };
	for (size_t i = 0; errors && i < rows->count; i++) {
		const struct technique_row *r = &rows->at[i];

		if (!counts(r))
			continue;
		errors[out->simulated++] = fabs(r->rel_error);
		out->within_15 += fabs(r->rel_error) <= 0.15;
		out->beyond_2x += (r->rel_error > 1 || r->rel_error < -0.5) && !r->reason;
	}
	if (errors && out->simulated) {
		qsort(errors, out->simulated, sizeof(*errors), by_size);
		out->median = errors[out->simulated / 2];
	}
	mem_free(errors);
}

bool technique_rows_text(const struct technique_rows *rows, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "row", false }, { "module", false }, { "figure", false }, { "published", true },
						       { "simulated", true }, { "unit", false }, { "error", true }, { "remark", false } };
	struct term term = { .width = 200 };
	struct table *t = table_new(columns, COUNT_OF(columns));
	struct technique_summary s;
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < rows->count; i++) {
		const struct technique_row *r = &rows->at[i];

		table_cell(t, STYLE_PLAIN, r->id);
		table_cell(t, STYLE_PLAIN, r->module);
		table_cell(t, STYLE_PLAIN, r->figure);
		table_cellf(t, STYLE_PLAIN, "%.4g", r->published);
		table_cellf(t, STYLE_STRONG, isfinite(r->simulated) ? "%.4g" : "-", r->simulated);
		table_cell(t, STYLE_PLAIN, r->unit ? r->unit : "");
		table_cellf(t, STYLE_PLAIN, isfinite(r->rel_error) ? "%+.1f %%" : "-", 100 * r->rel_error);
		table_cell(t, STYLE_FAINT, r->error ? r->error : r->held_out && text_equal(r->held_out, "no") ? "parameters come from it" : r->reason ? r->reason : "");
	}
	ok = table_print(t, &term, 0, out, err);
	table_free(t);
	technique_rows_summary(rows, &s);
	str_addf(out, "\n%zu rows; of %zu simulated and held out %zu within 15 %%, median error %.1f %%, %zu beyond a factor of 2 without a reason\n",
		 s.rows, s.simulated, s.within_15, 100 * s.median, s.beyond_2x);
	return ok;
}

static void row_json(struct json *j, const struct technique_row *r)
{
	json_object(j, NULL);
	json_text(j, "id", r->id);
	json_text(j, "group", r->module);
	json_text(j, "figure", r->figure);
	json_text(j, "unit", r->unit);
	json_number(j, "predicted", r->simulated);
	json_number(j, "measured", r->published);
	json_number(j, "rel_error", r->rel_error);
	json_bool(j, "held_out", !(r->held_out && text_equal(r->held_out, "no")));
	json_text(j, "source", r->source);
	json_text(j, "reason", r->reason);
	json_text(j, "error", r->error);
	json_end(j);
}

bool technique_rows_json(const struct technique_rows *rows, struct str *out, struct err *err)
{
	struct technique_summary s;
	struct json j;

	(void)err;
	technique_rows_summary(rows, &s);
	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_text(&j, "kind", "techniques");
	json_array(&j, "rows");
	for (size_t i = 0; i < rows->count; i++)
		row_json(&j, &rows->at[i]);
	json_end(&j);
	json_array(&j, "summary");
	json_object(&j, NULL);
	json_text(&j, "group", "all");
	json_int(&j, "count", (int64_t)s.simulated);
	json_number(&j, "median_abs_rel_error", s.median);
	json_int(&j, "within_15_percent", (int64_t)s.within_15);
	json_end(&j);
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return !out->failed;
}
