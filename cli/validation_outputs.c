#include "cli/validation_outputs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "reports/chart.h"
#include "reports/format.h"
#include "reports/page.h"
#include "reports/run_json.h"
#include "reports/sheet.h"

enum { BARS_SHOWN = 24 };

static const struct table_column columns[] = { { "group", false }, { "held out", false }, { "points", true }, { "median error", true }, { "P90", true } };

static void error_cell(struct sheet *s, double error)
{
	char buf[FORMAT_ROOM];

	sheet_number(s, STYLE_PLAIN, error, format_share(buf, error));
}

static struct sheet *make_sheet(const struct validation_view *v, struct err *err)
{
	struct sheet *s = sheet_new(columns, NULL, COUNT_OF(columns));
	char buf[FORMAT_ROOM];

	if (!s)
		err_memory(err);
	for (size_t i = 0; s && i < v->count; i++) {
		const struct validation_error *e = &v->rows[i];

		if (e->count == 0)     /* the provider had no answer there */
			continue;
		sheet_text(s, STYLE_PLAIN, e->name);
		sheet_text(s, STYLE_FAINT, e->held_out ? "yes" : "no");
		sheet_number(s, STYLE_PLAIN, (double)e->count, format_number(buf, (double)e->count));
		error_cell(s, e->median);
		error_cell(s, e->p90);
	}
	return s;
}

static void summary(const struct validation_view *v, char *buf, size_t room)
{
	size_t points = 0, groups = 0;

	for (size_t i = 0; i < v->count; i++) {
		points += v->rows[i].count;
		groups += v->rows[i].count > 0;
	}
	snprintf(buf, room, "%zu group%s, %zu points; relative errors, predicted against measured", groups, groups == 1 ? "" : "s", points);
}

bool validation_text(const struct validation_view *v, struct str *out, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	struct sheet *s = make_sheet(v, err);
	char line[160];
	bool ok;

	summary(v, line, sizeof(line));
	str_addf(out, "validate %s, %s\n%s\n\n", v->study->title, v->study->created_at, line);
	ok = s && sheet_print(s, &term, 0, 0, out, err);
	sheet_free(s);
	return ok;
}

bool validation_markdown(const struct validation_view *v, struct str *out, struct err *err)
{
	struct sheet *s = make_sheet(v, err);
	char line[160];
	bool ok;

	summary(v, line, sizeof(line));
	str_addf(out, "# Validation: %s\n\n%s, %s\n\n", v->study->title, v->study->created_at, line);
	ok = s && sheet_markdown(s, out, err);
	sheet_free(s);
	return ok;
}

bool validation_json(const struct validation_view *v, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_clean(&j, "kind", v->study->title);
	json_begin_array(&j, "summary");
	for (size_t i = 0; i < v->count; i++) {
		json_object(&j, NULL);
		json_clean(&j, "group", v->rows[i].name);
		json_bool(&j, "held_out", v->rows[i].held_out);
		json_int(&j, "count", (int64_t)v->rows[i].count);
		json_number(&j, "median_abs_rel_error", v->rows[i].median);
		json_number(&j, "p90_abs_rel_error", v->rows[i].p90);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

static int by_points(const void *a, const void *b)
{
	const struct validation_error *const *x = a, *const *y = b;

	return (*x)->count < (*y)->count ? 1 : (*x)->count > (*y)->count ? -1 : *x < *y ? -1 : 1;
}

/* Median and P90 of the groups with the most points. Without gnuplot the table says it all. */
static bool add_figure(const struct validation_view *v, struct str *out, struct err *err)
{
	const struct validation_error **order = mem_calloc(v->count + 1, sizeof(*order));
	struct chart_bar bars[BARS_SHOWN];
	struct chart_bars chart = { .title = "Errors", .axis = "relative error, %", .bars = bars, .line = NAN };
	struct str svg = { 0 };
	struct err own = { 0 };
	bool ok = order != NULL;

	for (size_t i = 0; ok && i < v->count; i++)
		order[i] = &v->rows[i];
	if (ok)
		qsort(order, v->count, sizeof(*order), by_points);
	for (size_t i = 0; ok && i < v->count && chart.count < BARS_SHOWN; i++)
		if (isfinite(order[i]->median) && isfinite(order[i]->p90))
			bars[chart.count++] = (struct chart_bar){ order[i]->name, 0, 100 * order[i]->median, 100 * order[i]->median, 100 * order[i]->p90, 0 };
	if (ok && chart.count > 0) {
		ok = chart_bars(&chart, false, &svg, &own);
		if (ok)
			page_figure(out, "Left: median; on to P90. The groups with the most points", str_text(&svg));
		else if (own.kind == ERR_IO)
			page_text(out, own.text);
		ok = ok || own.kind == ERR_IO || err_set(err, own.kind, "%s", own.text);
	} else if (!ok) {
		err_memory(err);
	}
	str_release(&svg);
	mem_free(order);
	return ok;
}

bool validation_html(const struct validation_view *v, struct str *out, struct err *err)
{
	struct sheet *s = make_sheet(v, err);
	char line[160], title[160];
	bool ok;

	summary(v, line, sizeof(line));
	snprintf(title, sizeof(title), "Validation: %.120s", v->study->title);
	ok = s && page_begin(out, "vibee-sim validate", title, line, err);
	if (ok) {
		page_section(out, "Errors by group");
		ok = add_figure(v, out, err) && sheet_html(s, out, err);
	}
	sheet_free(s);
	return ok && page_end(out, err);
}
