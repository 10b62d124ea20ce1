#include "validation/operators_report.h"

#include <math.h>
#include <stdio.h>

#include "base/json.h"

/* Median and P90 in one cell: four estimates beside a whole name fit 100 columns. */
static void add_error(struct table *t, int style, const struct error_summary *e)
{
	if (e->count == 0)
		table_cell(t, STYLE_FAINT, "-");
	else
		table_cellf(t, style, "%.1f%s/%.0f", 100 * e->median, e->held_out ? "" : "*", 100 * e->p90);
}

/* A bar counts where sites could be left out at all: a table of one site has no such answer. */
static bool has_bar(const struct operator_group *g)
{
	return !isnan(g->median_bar) && g->error[PROVIDER_MEASURED].count > 0;
}

static void group_row(struct table *t, const struct operator_group *g, bool forest)
{
	bool met = operators_bar_met(g);

	table_cell(t, STYLE_PLAIN, g->name);
	table_cellf(t, STYLE_PLAIN, "%zu", g->count);
	add_error(t, met ? STYLE_PLAIN : STYLE_WARN, &g->error[PROVIDER_MEASURED]);
	add_error(t, STYLE_PLAIN, &g->error[PROVIDER_FITTED]);
	add_error(t, STYLE_PLAIN, &g->error[ESTIMATE_SISTER]);
	add_error(t, STYLE_PLAIN, &g->error[PROVIDER_ANALYTIC]);
	if (forest)
		add_error(t, STYLE_PLAIN, &g->error[ESTIMATE_FOREST]);
	if (has_bar(g))
		table_cellf(t, met ? STYLE_GOOD : STYLE_WARN, "%s %.0f/%.0f", met ? "in" : "over", 100 * g->median_bar, 100 * g->p90_bar);
	else
		table_cell(t, STYLE_FAINT, "");
}

enum { COLUMNS_MOST = 8 };

/* Columns of both tables; forests have one only where they were trained, groups alone have bars. */
static size_t columns_of(const char *first, bool forest, bool bar, struct table_column *out)
{
	static const char *const titles[] = { "points", "measured", "fitted", "sister", "analytic" };
	size_t n = 0;

	out[n++] = (struct table_column){ first, false };
	for (size_t i = 0; i < COUNT_OF(titles); i++)
		out[n++] = (struct table_column){ titles[i], true };
	if (forest)
		out[n++] = (struct table_column){ "forest", true };
	if (bar)
		out[n++] = (struct table_column){ "bar", false };
	return n;
}

/* How many groups are inside their bars, and each that is not with its error. */
static void add_bars(const struct operators_study *s, struct str *out)
{
	const struct operator_group *g;
	size_t n, barred = 0, met = 0;

	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++) {
		barred += has_bar(&g[i]);
		met += has_bar(&g[i]) && operators_bar_met(&g[i]);
	}
	str_addf(out, "\n%zu of %zu groups with a bar (median/P90) are inside it%s\n", met, barred, met < barred ? "; outside:" : "");
	for (size_t i = 0; i < n; i++) {
		const struct error_summary *e = &g[i].error[PROVIDER_MEASURED];

		if (has_bar(&g[i]) && !operators_bar_met(&g[i]))
			str_addf(out, "  %-40s %.1f/%.0f, bar %.0f/%.0f (%zu points)\n", g[i].name, 100 * e->median, 100 * e->p90,
				 100 * g[i].median_bar, 100 * g[i].p90_bar, e->count);
	}
}

static bool has_forest(const struct operators_study *s)
{
	const struct operator_group *g;
	size_t n;
	bool any = false;

	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++)
		any = any || g[i].error[ESTIMATE_FOREST].count > 0;
	return any;
}

static bool device_row(const struct operators_study *s, const char *device, bool forest, struct table *t, struct err *err)
{
	static const enum operators_estimate shown[] = { ESTIMATE_MEASURED, ESTIMATE_FITTED, ESTIMATE_SISTER, ESTIMATE_ANALYTIC,
							 ESTIMATE_FOREST };

	table_cell(t, STYLE_PLAIN, device ? device : "all");
	for (size_t p = 0; p < COUNT_OF(shown) - !forest; p++) {
		struct error_summary e = operators_summary(s, device, -1, shown[p], err);

		if (err->kind != ERR_NONE)
			return false;
		if (p == 0) {
			struct error_summary all = operators_summary(s, device, -1, ESTIMATE_ANALYTIC, err);

			table_cellf(t, STYLE_PLAIN, "%zu", all.count);
		}
		add_error(t, STYLE_PLAIN, &e);
	}
	return err->kind == ERR_NONE;
}

static bool device_table(const struct operators_study *s, const struct term *term, struct str *out, struct err *err)
{
	bool forest = has_forest(s), ok;
	struct table_column columns[COLUMNS_MOST];
	struct table *t = table_new(columns, columns_of("device", forest, false, columns));
	struct err own = { 0 };
	const struct operator_group *g;
	size_t n;

	ok = t != NULL;

	g = operators_groups(s, &n);
	for (size_t i = 0; ok && i < n; i++)
		if (i == 0 || g[i].device != g[i - 1].device)
			ok = device_row(s, g[i].device, forest, t, &own);
	ok = ok && device_row(s, NULL, forest, t, &own);
	ok = ok ? table_print(t, term, 0, out, err) : err_memory(err);
	table_free(t);
	return ok;
}

bool operators_text(const struct operators_study *s, const struct term *term, struct str *out, struct err *err)
{
	bool forest = has_forest(s), ok;
	struct table_column columns[COLUMNS_MOST];
	struct table *t = table_new(columns, columns_of("device/software/operator/format", forest, true, columns));
	const struct operator_group *g;
	size_t n, compared = 0, better = 0;

	if (!t)
		return err_memory(err);
	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++) {
		group_row(t, &g[i], forest);
		if (g[i].error[ESTIMATE_FOREST].count && g[i].error[PROVIDER_MEASURED].count) {
			compared++;
			better += g[i].error[PROVIDER_MEASURED].median < g[i].error[ESTIMATE_FOREST].median;
		}
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	str_add(out, "\n");
	ok = ok && device_table(s, term, out, err);
	add_bars(s, out);
	if (compared)
		str_addf(out, "%zu of %zu groups have a smaller median than the random forest trained on their points without those sites\n", better,
			 compared);
	str_add(out, "median/P90 of |predicted / measured - 1|, percent; -: no answer that was held out\n"
		     "measured: the shape site left out of its table; fitted: sites that no fit saw (*: all sites)\n"
		     "sister: the device left out, its sisters' tables and laws scaled by the data sheets, else its own sheet\n"
		     "analytic: nothing measured on the device\n");
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
