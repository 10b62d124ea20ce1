#include "validation/operators_report.h"

#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "validation/operators_sheets.h"

bool operators_text(const struct operators_study *s, const struct term *term, struct str *out, struct err *err)
{
	struct sheet *groups = operators_group_sheet(s, err), *devices = groups ? operators_device_sheet(s, err) : NULL;
	bool ok = devices && sheet_print(groups, term, 0, 0, out, err);

	str_add(out, "\n");
	ok = ok && sheet_print(devices, term, 0, 0, out, err);
	str_add(out, "\n");
	operators_bars(s, out);
	operators_legend(out);
	sheet_free(groups);
	sheet_free(devices);
	return ok;
}

static void json_summary(struct json *j, const struct operator_group *g, enum operators_estimate p, const char *name)
{
	const struct error_summary *e = &g->error[p];

	json_object(j, NULL);
	json_text(j, "group", name);
	json_text(j, "device", g->device);
	json_text(j, "stack", g->stack);
	json_text(j, "op", g->op);
	json_text(j, "dtype", g->dtype);
	json_text(j, "kv_dtype", g->kv_dtype);
	json_text(j, "provider", estimate_names[p]);
	json_bool(j, "held_out", e->held_out);
	json_int(j, "count", (int64_t)e->count);
	json_int(j, "points_measured", (int64_t)g->measured);
	json_number(j, "median_abs_rel_error", e->median);
	json_number(j, "p90_abs_rel_error", e->p90);
	if (p == ESTIMATE_MEASURED && !isnan(g->median_bar)) {
		json_number(j, "median_bar", g->median_bar);
		json_number(j, "p90_bar", g->p90_bar);
		json_bool(j, "met", operators_bar_met(g));
	}
	json_end(j);
}

static void json_rows(struct json *j, const struct operator_group *g, const struct operator_point *points, enum operators_estimate p,
		      const char *name, size_t most)
{
	size_t taken = g->count < most ? g->count : most;

	for (size_t i = 0; i < taken; i++) {
		size_t at = i * g->count / taken;
		double predicted = points[g->first + at].predicted_s[p], measured = points[g->first + at].measured_s;
		char id[256];

		if (isnan(predicted))
			continue;
		snprintf(id, sizeof(id), "%s#%zu", g->name, at);
		json_object(j, NULL);
		json_text(j, "id", id);
		json_text(j, "group", name);
		json_number(j, "predicted", predicted);
		json_number(j, "measured", measured);
		json_number(j, "rel_error", predicted / measured - 1);
		json_bool(j, "held_out", g->error[p].held_out);
		json_end(j);
	}
}

bool operators_json(const struct operators_study *s, size_t rows, struct str *out, struct err *err)
{
	const struct operator_group *g;
	struct json j;
	size_t n;

	g = operators_groups(s, &n);
	json_init(&j, out, false);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_text(&j, "kind", "operators");
	json_text(&j, "unit", "s");
	json_int(&j, "rows_per_group", (int64_t)rows);
	for (int part = 0; part < 2; part++) {
		json_array(&j, part ? "summary" : "rows");
		for (size_t i = 0; i < n; i++) {
			for (int p = 0; p < ESTIMATE_COUNT; p++) {
				char name[256];

				snprintf(name, sizeof(name), "%s/%s", g[i].name, estimate_names[p]);
				if (part)
					json_summary(&j, &g[i], (enum operators_estimate)p, name);
				else
					json_rows(&j, &g[i], operators_points(s), (enum operators_estimate)p, name, rows);
			}
		}
		json_end(&j);
	}
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

const struct validation_error *operators_errors(const struct operators_study *s, struct arena *arena, size_t *count,
						struct err *err)
{
	const struct operator_group *g;
	struct validation_error *rows;
	size_t n;

	g = operators_groups(s, &n);
	*count = n * ESTIMATE_COUNT;
	rows = arena_alloc(arena, *count * sizeof(*rows) + 1);
	for (size_t i = 0; rows && i < *count; i++) {
		const struct error_summary *e = &g[i / ESTIMATE_COUNT].error[i % ESTIMATE_COUNT];
		const char *name = arena_printf(arena, "%s/%s", g[i / ESTIMATE_COUNT].name, estimate_names[i % ESTIMATE_COUNT]);

		if (!name) {
			err_memory(err);
			return NULL;
		}
		rows[i] = (struct validation_error){ name, e->held_out, e->count, e->median, e->p90 };
	}
	if (!rows)
		err_memory(err);
	return rows;
}
