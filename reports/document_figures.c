#include <math.h>
#include <string.h>

#include <jansson.h>

#include "reports/document_figures.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "reports/chart.h"
#include "reports/chart_lines.h"
#include "reports/page.h"

enum { LINES_MOST = 8, ITEMS_MOST = 4000 };

void drawing_json(struct json *j, const char *title, const char *unit, const char *list, const char *at, const struct drawing_value *of, size_t count)
{
	json_begin_object(j, NULL);
	json_text(j, "title", title);
	json_text(j, "unit", unit);
	json_text(j, "list", list);
	json_text(j, "at", at);
	json_begin_array(j, "of");
	for (size_t i = 0; i < count; i++) {
		json_begin_object(j, NULL);
		json_text(j, "value", of[i].value);
		json_text(j, "label", of[i].label);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool date_of(const json_t *item, const char *at, double *out_s)
{
	const char *text = text_of(item, at);
	int64_t ns;

	if (!calendar_read(text, strlen(text), &ns))
		return false;
	*out_s = (double)ns / 1e9;
	return true;
}

static bool draw_lines(const json_t *drawing, const json_t *list, size_t n, size_t which, struct arena *arena, struct str *svg, struct err *err)
{
	const json_t *of = json_object_get(drawing, "of");
	struct chart_line lines[LINES_MOST] = { 0 };
	size_t count = json_array_size(of) < LINES_MOST ? json_array_size(of) : LINES_MOST;
	double *x = arena_alloc(arena, (n + 1) * sizeof(*x));

	if (!x)
		return err_memory(err);
	for (size_t i = 0; i < n; i++)
		if (!date_of(json_array_get(list, i), text_of(drawing, "at"), &x[i]))
			return err_set(err, ERR_INPUT, "a date is missing");
	/* The last step is as wide as the one before it. */
	x[n] = n > 1 ? 2 * x[n - 1] - x[n - 2] : x[n - 1] + 86400;
	for (size_t k = 0; k < count; k++) {
		const json_t *one = json_array_get(of, k);
		double *y = arena_alloc(arena, (n + 1) * sizeof(*y));

		if (!y)
			return err_memory(err);
		for (size_t i = 0; i < n; i++)
			y[i] = number_of(json_array_get(list, i), text_of(one, "value"));
		y[n] = y[n - 1];
		lines[k] = (struct chart_line){ text_of(one, "label"), x, y, n + 1, (int)k, .steps = true, .filled = k == 0 };
	}
	return chart_lines(&(struct chart_lines){ .name = arena_printf(arena, "drawing%zu", which), .title = text_of(drawing, "title"),
						  .y_axis = text_of(drawing, "unit"), .lines = lines, .count = count },
			   false, svg, err);
}

static bool draw_bars(const json_t *drawing, const json_t *list, size_t n, struct arena *arena, struct str *svg, struct err *err)
{
	const char *value = text_of(json_array_get(json_object_get(drawing, "of"), 0), "value");
	struct chart_bar *bars = arena_alloc(arena, n * sizeof(*bars));
	struct chart_bars chart = { .title = text_of(drawing, "title"), .axis = text_of(drawing, "unit"), .bars = bars, .line = NAN };

	if (!bars)
		return err_memory(err);
	for (size_t i = 0; i < n; i++) {
		double to = number_of(json_array_get(list, i), value);

		if (isfinite(to))
			bars[chart.count++] = (struct chart_bar){ text_of(json_array_get(list, i), text_of(drawing, "at")), 0, to, NAN, NAN, i ? 0 : -1 };
	}
	return chart.count ? chart_bars(&chart, false, svg, err) : err_set(err, ERR_INPUT, "nothing to draw");
}

static bool draw(const json_t *root, const json_t *drawing, size_t which, struct arena *arena, struct str *out, struct err *err)
{
	const json_t *list = json_object_get(root, text_of(drawing, "list"));
	size_t n = json_array_size(list) < ITEMS_MOST ? json_array_size(list) : ITEMS_MOST;
	struct str svg = { 0 };
	struct err own = { 0 };
	double first_s;
	bool ok;

	if (n == 0 || json_array_size(json_object_get(drawing, "of")) == 0)
		return true;
	ok = date_of(json_array_get(list, 0), text_of(drawing, "at"), &first_s) ? draw_lines(drawing, list, n, which, arena, &svg, &own) :
									   draw_bars(drawing, list, n, arena, &svg, &own);
	if (ok)
		page_figure(out, text_of(drawing, "title"), str_text(&svg));
	else if (own.kind == ERR_IO)
		page_text(out, own.text);
	str_release(&svg);
	return ok || own.kind == ERR_IO || own.kind == ERR_INPUT || err_set(err, own.kind, "%s", own.text);
}

bool document_figures(const json_t *root, struct str *out, struct err *err)
{
	const json_t *drawings = json_object_get(root, "drawings");
	struct arena *arena;
	bool ok = true;

	if (json_array_size(drawings) == 0)
		return true;
	arena = arena_new();
	if (!arena)
		return err_memory(err);
	page_section(out, "Drawings");
	for (size_t i = 0; ok && i < json_array_size(drawings); i++)
		ok = draw(root, json_array_get(drawings, i), i, arena, out, err);
	arena_free(arena);
	return ok;
}
