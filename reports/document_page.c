#include "reports/document_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/json.h"
#include "reports/document_figures.h"
#include "reports/format.h"
#include "reports/page.h"
#include "reports/sheet.h"

enum { COLUMNS_MOST = 40, ROWS_MOST = 2000 };

/* A table of the document and the columns it borrows. */
struct part {
	struct arena *arena;
	struct table_column columns[COLUMNS_MOST];
	const char *keys[COLUMNS_MOST];
	size_t count;
	struct sheet *sheet;
};

static bool is_single(const json_t *v)
{
	return json_is_string(v) || json_is_number(v) || json_is_boolean(v);
}

/* "usd_per_hour" reads as "usd per hour". */
static const char *title_of(struct arena *arena, const char *key)
{
	char *title = arena_strdup(arena, key);

	for (char *p = title; p && *p; p++)
		if (*p == '_')
			*p = ' ';
	return title ? title : "";
}

static void add_value(struct sheet *s, bool right, const json_t *v)
{
	char buf[FORMAT_ROOM];

	if (json_is_number(v)) {
		double value = json_number_value(v);

		sheet_number(s, STYLE_PLAIN, value, format_number(buf, value));
	} else if (right) {
		sheet_number(s, STYLE_PLAIN, NAN, "");
	} else if (json_is_boolean(v)) {
		sheet_text(s, STYLE_PLAIN, json_is_true(v) ? "yes" : "no");
	} else {
		sheet_text(s, STYLE_PLAIN, json_is_string(v) ? json_string_value(v) : "");
	}
}

/* A column for each single value that any row has, in the order in which they come; members of inner objects as "a b". */
static void add_columns(struct part *p, const char *before, const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		const char *path = *before ? arena_printf(p->arena, "%s.%s", before, key) : arena_strdup(p->arena, key);
		bool known = false;

		if (!path)
			return;
		if (json_is_object(value) && !*before) {
			add_columns(p, path, value);
			continue;
		}
		for (size_t i = 0; i < p->count; i++)
			known |= strcmp(p->keys[i], path) == 0;
		if (known || !is_single(value) || p->count == COLUMNS_MOST)
			continue;
		p->keys[p->count] = path;
		p->columns[p->count++] = (struct table_column){ title_of(p->arena, *before ? arena_printf(p->arena, "%s %s", before, key) : key),
								json_is_number(value) };
	}
}

static const json_t *member(const json_t *object, const char *path)
{
	const char *dot = strchr(path, '.');
	char first[128];

	if (!dot || json_object_get(object, path))
		return json_object_get(object, path);
	snprintf(first, sizeof(first), "%.*s", (int)(dot - path), path);
	return json_object_get(json_object_get(object, first), dot + 1);
}

static bool fill_rows(struct part *p, const json_t *array, struct err *err)
{
	size_t rows = json_array_size(array);

	for (size_t i = 0; i < rows && i < ROWS_MOST; i++)
		add_columns(p, "", json_array_get(array, i));
	p->sheet = p->count ? sheet_new(p->columns, p->keys, p->count) : NULL;
	if (!p->sheet)
		return p->count == 0 || err_memory(err);
	for (size_t i = 0; i < rows && i < ROWS_MOST; i++)
		for (size_t c = 0; c < p->count; c++)
			add_value(p->sheet, p->columns[c].kind == COLUMN_NUMBER, member(json_array_get(array, i), p->keys[c]));
	return true;
}

/* Single values of an object, also of objects in it, as a table of two columns. */
static bool fill_facts(struct part *p, const json_t *object, struct err *err)
{
	char buf[FORMAT_ROOM];

	add_columns(p, "", object);
	if (p->count == 0)
		return true;
	p->columns[COLUMNS_MOST - 2] = (struct table_column){ "", false };
	p->columns[COLUMNS_MOST - 1] = (struct table_column){ "", false };
	p->sheet = sheet_new(p->columns + COLUMNS_MOST - 2, NULL, 2);
	if (!p->sheet)
		return err_memory(err);
	for (size_t i = 0; i < p->count && i < COLUMNS_MOST - 2; i++) {
		const json_t *v = member(object, p->keys[i]);

		sheet_text(p->sheet, STYLE_FAINT, p->columns[i].title);
		if (json_is_number(v))
			sheet_text(p->sheet, STYLE_PLAIN, format_number(buf, json_number_value(v)));
		else
			add_value(p->sheet, false, v);
	}
	return true;
}

/* Where the parts go. */
struct writer {
	struct str *out;
	const struct term *term;       /* of text */
	bool markdown, html;
	struct arena *arena;
};

static bool heading(struct writer *w, const char *title)
{
	if (w->html)
		page_section(w->out, title);
	else if (w->markdown)
		str_addf(w->out, "\n## %s\n\n", title);
	else
		str_addf(w->out, "\n%s\n", title);
	return true;
}

static bool show(struct writer *w, struct part *p, struct err *err)
{
	bool ok = w->html ? sheet_html(p->sheet, w->out, err) : w->markdown ? sheet_markdown(p->sheet, w->out, err) :
		  sheet_print(p->sheet, w->term, 0, 0, w->out, err);

	sheet_free(p->sheet);
	return ok;
}

static bool write_array(struct writer *w, const char *key, const json_t *array, struct err *err)
{
	struct part p = { .arena = w->arena };
	size_t n = json_array_size(array);

	if (n == 0)
		return true;
	if (json_is_string(json_array_get(array, 0))) {
		struct str lines = { 0 };

		heading(w, title_of(w->arena, key));
		for (size_t i = 0; i < n; i++)
			str_addf(&lines, "%s%s\n", w->markdown ? "- " : "", json_string_value(json_array_get(array, i)) ? json_string_value(json_array_get(array, i)) : "");
		if (w->html)
			page_lines(w->out, str_text(&lines));
		else
			str_add(w->out, str_text(&lines));
		str_release(&lines);
		return true;
	}
	if (!fill_rows(&p, array, err))
		return false;
	return !p.sheet || (heading(w, title_of(w->arena, key)) && show(w, &p, err));
}

static bool write_parts(struct writer *w, const json_t *root, struct err *err)
{
	struct part facts = { .arena = w->arena };
	const char *key;
	json_t *value;

	if (!fill_facts(&facts, root, err))
		return false;
	if (facts.sheet && !(heading(w, "In short") && show(w, &facts, err)))
		return false;
	if (w->html && !document_figures(root, w->out, err))
		return false;
	json_object_foreach((json_t *)(uintptr_t)root, key, value)
		if (json_is_array(value) && strcmp(key, "drawings") != 0 && !write_array(w, key, value, err))
			return false;
	return true;
}

static bool write_document(struct writer *w, const char *document, struct err *err)
{
	json_t *root = json_loads(document, JSON_ALLOW_NUL, NULL);
	bool ok;

	w->arena = arena_new();
	if (!w->arena)
		ok = err_memory(err);
	else if (!json_is_object(root))
		ok = err_set(err, ERR_INPUT, "stored study: expected a JSON object");
	else
		ok = write_parts(w, root, err);
	json_decref(root);
	arena_free(w->arena);
	return ok && (!w->out->failed || err_memory(err));
}

bool document_text(const char *document, const char *title, const struct term *term, struct str *out, struct err *err)
{
	struct writer w = { .out = out, .term = term };

	str_addf(out, "%s\n", title);
	return write_document(&w, document, err);
}

bool document_markdown(const char *document, const char *title, struct str *out, struct err *err)
{
	struct writer w = { .out = out, .markdown = true };

	str_addf(out, "# %s\n", title);
	return write_document(&w, document, err);
}

bool document_html(const char *document, const char *kicker, const char *title, struct str *out, struct err *err)
{
	struct writer w = { .out = out, .html = true };

	return page_begin(out, kicker, title, "", err) && write_document(&w, document, err) && page_end(out, err);
}
