/* A history as text, JSON, Markdown and HTML. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "reports/chart.h"
#include "reports/compare.h"
#include "reports/markdown.h"
#include "reports/page.h"
#include "reports/run_json.h"
#include "reports/sheet.h"
#include "reports/trend.h"

enum { SPARK = 40, CHARTS_MOST = 12, RUNS_SHOWN = 50 };

static const char method[] = "change point: Pettitt's test (1979), p from permutations of the runs";

static struct side_figure figure_with(const struct trend_series *s, double value)
{
	struct side_figure f = s->runs[s->count - 1]->figures[0];

	f.value = value;
	f.samples = NULL;
	return f;
}

static const char *value_text(char *buf, const struct trend_series *s, double value)
{
	struct side_figure f = figure_with(s, value);

	return compare_value(buf, &f);
}

/* "+3.1 %" from a to b, with its colour. */
static int change(char *buf, const struct trend_series *s, double a, double b)
{
	int better = s->runs[s->count - 1]->figures[0].better;
	struct compared c = { .change = a != 0 ? (b - a) / fabs(a) : NAN };

	compare_change(buf, &c);
	if (fabs(b - a) <= COMPARE_EXACT * fmax(fabs(a), fabs(b)))
		*buf = '\0';
	return !*buf ? STYLE_FAINT : better == 0 ? STYLE_PLAIN : (b > a) == (better > 0) ? STYLE_GOOD : STYLE_BAD;
}

static bool real_change(const struct trend_series *s)
{
	return s->change.at > 0 && s->change.p < TREND_SIGNIFICANCE;
}

/* "0.1.0 (3f9a0c2) of 2026-03-01 12:00:00: 91 ms -> 103 ms, p 0.002" or "none". */
static const char *change_text(char *buf, size_t room, const struct trend_series *s)
{
	const struct side_case *at = s->runs[s->change.at];
	char a[COMPARE_ROOM], b[COMPARE_ROOM];

	if (s->change.at == 0)
		snprintf(buf, room, "none: all equal");
	else if (!real_change(s))
		snprintf(buf, room, "none (p %.2g)", s->change.p);
	else
		snprintf(buf, room, "at %s of %s: %s -> %s, p %.2g", at->version ? at->version : "?", at->created_at ? at->created_at : "?",
			 value_text(a, s, s->before), value_text(b, s, s->after), s->change.p);
	return buf;
}

static bool overview(const struct trend *t, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "scenario", false }, { "runs", true }, { "history", false },    { "first", true },
						       { "last", true },      { "change", true }, { "change point", false } };
	struct table *table = table_new(columns, COUNT_OF(columns));
	struct str spark = { 0 };
	char buf[COMPARE_ROOM], line[240];
	bool ok;

	if (!table)
		return err_memory(err);
	for (size_t i = 0; i < t->count; i++) {
		const struct trend_series *s = &t->series[i];
		int style = change(buf, s, s->values[0], s->values[s->count - 1]);

		str_clear(&spark);
		trend_sparkline(&spark, s->values, s->count, SPARK, term->utf8);
		table_cell(table, STYLE_STRONG, s->name);
		table_cellf(table, STYLE_PLAIN, "%zu", s->count);
		table_cell(table, STYLE_PLAIN, str_text(&spark));
		table_cell(table, STYLE_PLAIN, value_text(line, s, s->values[0]));
		table_cell(table, STYLE_PLAIN, value_text(line, s, s->values[s->count - 1]));
		table_cell(table, style, buf);
		table_cell(table, real_change(s) ? STYLE_WARN : STYLE_FAINT, change_text(line, sizeof(line), s));
	}
	ok = table_print(table, term, 0, out, err);
	table_free(table);
	out->failed = out->failed || spark.failed;
	str_release(&spark);
	return ok;
}

static struct sheet *runs_sheet(const struct trend_series *s, size_t most)
{
	static const struct table_column columns[] = { { "at (UTC)", false }, { "version", false }, { "value", true }, { "change", true }, { "", false } };
	struct sheet *sheet = sheet_new(columns, NULL, COUNT_OF(columns));
	char buf[COMPARE_ROOM];

	for (size_t i = s->count > most ? s->count - most : 0; sheet && i < s->count; i++) {
		int style = STYLE_FAINT;

		sheet_text(sheet, STYLE_FAINT, s->runs[i]->created_at);
		sheet_text(sheet, STYLE_PLAIN, s->runs[i]->version);
		sheet_number(sheet, STYLE_PLAIN, s->values[i], value_text(buf, s, s->values[i]));
		*buf = '\0';
		if (i > 0)
			style = change(buf, s, s->values[i - 1], s->values[i]);
		sheet_number(sheet, style, i > 0 && s->values[i - 1] != 0 ? s->values[i] / s->values[i - 1] - 1 : NAN, buf);
		sheet_text(sheet, STYLE_WARN, real_change(s) && i == s->change.at ? "change point" : "");
	}
	return sheet;
}

static void left_off(const struct trend *t, struct str *out)
{
	if (t->left_off)
		str_addf(out, "%zu scenario%s with one run only %s left off\n", t->left_off, t->left_off == 1 ? "" : "s",
			 t->left_off == 1 ? "is" : "are");
}

bool trend_text(const struct trend *t, const struct term *term, struct str *out, struct err *err)
{
	bool ok;

	str_addf(out, "%s over the runs kept\n\n", t->figure);
	ok = overview(t, term, out, err);
	if (ok && t->count == 1) {
		struct sheet *sheet = runs_sheet(&t->series[0], RUNS_SHOWN);

		str_add(out, "\n");
		ok = sheet ? sheet_print(sheet, term, 0, 0, out, err) : err_memory(err);
		sheet_free(sheet);
	}
	str_addf(out, "\n%s\n", method);
	left_off(t, out);
	return ok && (!out->failed || err_memory(err));
}

bool trend_json(const struct trend *t, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.trend/1");
	json_clean(&j, "metric", t->figure);
	json_text(&j, "method", method);
	json_array(&j, "series");
	for (size_t i = 0; i < t->count; i++) {
		const struct trend_series *s = &t->series[i];

		json_object(&j, NULL);
		json_clean(&j, "scenario", s->name);
		json_clean(&j, "unit", s->runs[0]->figures[0].unit);
		json_object(&j, "change_point");
		json_int(&j, "index", (int64_t)s->change.at);
		json_number(&j, "p", s->change.p);
		json_number(&j, "before", s->before);
		json_number(&j, "after", s->after);
		json_bool(&j, "significant", real_change(s));
		json_end(&j);
		json_array(&j, "runs");
		for (size_t k = 0; k < s->count; k++) {
			json_object(&j, NULL);
			json_clean(&j, "created_at", s->runs[k]->created_at);
			json_clean(&j, "version", s->runs[k]->version);
			json_number(&j, "value", s->values[k]);
			json_end(&j);
		}
		json_end(&j);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

bool trend_markdown(const struct trend *t, struct str *out, struct err *err)
{
	char buf[COMPARE_ROOM], line[240];

	str_add(out, "### ");
	markdown_add(out, t->figure);
	str_add(out, "\n\n| scenario | runs | history | first | last | change | change point |\n|---|--:|---|--:|--:|--:|---|\n");
	for (size_t i = 0; i < t->count; i++) {
		const struct trend_series *s = &t->series[i];

		str_add(out, "| ");
		markdown_add(out, s->name);
		str_addf(out, " | %zu | ", s->count);
		trend_sparkline(out, s->values, s->count, SPARK, true);
		str_add(out, " | ");
		markdown_add(out, value_text(line, s, s->values[0]));
		str_add(out, " | ");
		markdown_add(out, value_text(line, s, s->values[s->count - 1]));
		change(buf, s, s->values[0], s->values[s->count - 1]);
		str_addf(out, " | %s | ", buf);
		markdown_add(out, change_text(line, sizeof(line), s));
		str_add(out, " |\n");
	}
	str_addf(out, "\n<sub>%s</sub>\n", method);
	return !out->failed || err_memory(err);
}

/* Runs before and after the change in two colours. */
static bool chart(const struct trend *t, const struct trend_series *s, struct arena *arena, struct str *out, struct err *err)
{
	const char *unit = s->runs[0]->figures[0].unit;
	struct chart_point *points = arena_alloc(arena, s->count * sizeof(*points));
	struct chart_points c = { .title = s->name, .x_axis = "run", .y_axis = arena_printf(arena, *unit ? "%s (%s)" : "%s%s", t->figure, unit),
				  .groups = real_change(s) ? (const char *const[]){ "before", "after" } : (const char *const[]){ "run" },
				  .group_count = real_change(s) ? 2 : 1, .points = points, .count = s->count, .free_y = true, .front = "history" };
	struct str svg = { 0 };
	struct err inner = { 0 };

	if (!points || !c.y_axis)
		return err_memory(err);
	for (size_t i = 0; i < s->count; i++)
		points[i] = (struct chart_point){ (double)i + 1, s->values[i], real_change(s) && i >= s->change.at, true, NULL };
	if (chart_points(&c, false, &svg, &inner))
		page_figure(out, t->figure, str_text(&svg));
	else
		page_text(out, inner.text);            /* without gnuplot: the table says the same */
	str_release(&svg);
	return true;
}

static bool section(const struct trend *t, const struct trend_series *s, struct arena *arena, struct str *out, struct err *err)
{
	struct sheet *sheet = runs_sheet(s, SIZE_MAX);
	struct str line = { 0 };
	char text[240];
	bool ok;

	page_section(out, s->name);
	trend_sparkline(&line, s->values, s->count, SPARK, true);
	str_addf(&line, "  change point: %s", change_text(text, sizeof(text), s));
	page_text(out, str_text(&line));
	str_release(&line);
	ok = chart(t, s, arena, out, err) && (sheet ? sheet_html(sheet, out, err) : err_memory(err));
	sheet_free(sheet);
	return ok;
}

bool trend_html(const struct trend *t, struct str *out, struct err *err)
{
	struct arena *arena = arena_new();
	struct str summary = { 0 };
	bool ok = arena || err_memory(err);

	str_addf(&summary, "%zu scenario%s; %s", t->count, t->count == 1 ? "" : "s", method);
	ok = ok && page_begin(out, "vibee-sim compare --trend", t->figure, str_text(&summary), err);
	for (size_t i = 0; ok && i < t->count && i < CHARTS_MOST; i++)
		ok = section(t, &t->series[i], arena, out, err);
	if (t->count > CHARTS_MOST)
		page_text(out, "More scenarios are left off; --scenario chooses one.");
	ok = ok && page_end(out, err);
	str_release(&summary);
	arena_free(arena);
	return ok;
}
