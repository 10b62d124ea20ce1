#include "reports/sheet.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "reports/markup.h"

struct cell {
	char *text;
	char *markup;                          /* HTML around or instead of the text; NULL: the text */
	double value;                          /* NAN: text */
	int style;
};

struct sheet {
	const struct table_column *columns;
	const char *const *names;
	size_t column_count;
	struct cell *cells;
	size_t count, capacity;
	bool failed;
};

struct sheet *sheet_new(const struct table_column *columns, const char *const *names, size_t count)
{
	struct sheet *s = mem_calloc(1, sizeof(*s));

	if (s) {
		s->columns = columns;
		s->names = names;
		s->column_count = count;
	}
	return s;
}

void sheet_free(struct sheet *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		mem_free(s->cells[i].text);
		mem_free(s->cells[i].markup);
	}
	mem_free(s->cells);
	mem_free(s);
}

static void add(struct sheet *s, int style, double value, const char *text)
{
	char *copy = mem_strdup(text ? text : "");

	if (!copy || !mem_grow(&s->cells, &s->capacity, s->count + 1, sizeof(*s->cells))) {
		mem_free(copy);
		s->failed = true;
		return;
	}
	s->cells[s->count++] = (struct cell){ copy, NULL, value, style };
}

void sheet_text(struct sheet *s, int style, const char *text)
{
	add(s, style, NAN, text);
}

void sheet_number(struct sheet *s, int style, double value, const char *text)
{
	add(s, style, value, text);
}

void sheet_markup(struct sheet *s, int style, const char *text, const char *markup)
{
	size_t before = s->count;

	add(s, style, NAN, text);
	if (s->count == before)
		return;
	s->cells[before].markup = mem_strdup(markup);
	s->failed |= !s->cells[before].markup;
}

size_t sheet_rows(const struct sheet *s)
{
	return s->count / s->column_count;
}

bool sheet_print(const struct sheet *s, const struct term *term, size_t indent, size_t most_rows, struct str *out, struct err *err)
{
	struct table *t = s->failed ? NULL : table_new(s->columns, s->column_count);
	size_t count = most_rows > 0 && most_rows < sheet_rows(s) ? most_rows * s->column_count : s->count;
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < count; i++)
		table_cell(t, s->cells[i].style, s->cells[i].text);
	ok = table_print(t, term, indent, out, err);
	table_free(t);
	if (count < s->count)
		str_addf(out, "%*s... %zu more\n", (int)indent, "", sheet_rows(s) - most_rows);
	return ok;
}

static void csv_field(struct str *out, const char *text)
{
	if (!strpbrk(text, ",\"\n\r")) {
		str_add(out, text);
		return;
	}
	str_add(out, "\"");
	for (; *text; text++)
		str_add_bytes(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
	str_add(out, "\"");
}

bool sheet_csv(const struct sheet *s, struct str *out, struct err *err)
{
	char buf[32];

	if (s->failed)
		return err_memory(err);
	for (size_t c = 0; c < s->column_count; c++) {
		str_add(out, c ? "," : "");
		csv_field(out, s->names ? s->names[c] : s->columns[c].title);
	}
	for (size_t i = 0; i < s->count; i++) {
		str_add(out, i % s->column_count ? "," : "\n");
		if (s->columns[i % s->column_count].kind != COLUMN_NUMBER)
			csv_field(out, s->cells[i].text);
		else if (isfinite(s->cells[i].value))
			str_add(out, number_text(buf, s->cells[i].value));
	}
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

static void markdown_cell(struct str *out, const char *text)
{
	str_add(out, " ");
	for (; *text; text++)
		if (strchr("|\\`*_<>[]", *text))
			str_addf(out, "\\%c", *text);
		else
			str_add_bytes(out, *text == '\n' ? " " : text, 1);
	str_add(out, " |");
}

bool sheet_markdown(const struct sheet *s, struct str *out, struct err *err)
{
	if (s->failed)
		return err_memory(err);
	str_add(out, "|");
	for (size_t c = 0; c < s->column_count; c++)
		markdown_cell(out, s->columns[c].title);
	str_add(out, "\n|");
	for (size_t c = 0; c < s->column_count; c++)
		str_add(out, s->columns[c].kind == COLUMN_NUMBER ? " ---: |" : " --- |");
	for (size_t i = 0; i < s->count; i++) {
		str_add(out, i % s->column_count ? "" : "\n|");
		markdown_cell(out, s->cells[i].text);
	}
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

bool sheet_html(const struct sheet *s, struct str *out, struct err *err)
{
	static const char *const classes[] = { [STYLE_PLAIN] = "", [STYLE_STRONG] = "", [STYLE_FAINT] = " faint", [STYLE_GOOD] = " good",
					       [STYLE_WARN] = " warn", [STYLE_BAD] = " bad" };
	char buf[32];

	if (s->failed)
		return err_memory(err);
	str_add(out, "<div class=\"scroll\"><table class=\"sortable\"><thead><tr>");
	for (size_t c = 0; c < s->column_count; c++) {
		str_addf(out, "<th%s>", s->columns[c].kind == COLUMN_NUMBER ? " class=\"n\"" : "");
		markup_add(out, s->columns[c].title);
		str_add(out, "</th>");
	}
	str_add(out, "</tr></thead><tbody>");
	for (size_t i = 0; i < s->count; i++) {
		const struct cell *cell = &s->cells[i];
		size_t c = i % s->column_count;
		bool strong = cell->style == STYLE_STRONG;

		str_add(out, c ? "" : i ? "</tr>\n<tr>" : "\n<tr>");
		str_addf(out, "<td class=\"%s%s\"", s->columns[c].kind == COLUMN_NUMBER ? "n" : "",
			 cell->style >= 0 && (size_t)cell->style < COUNT_OF(classes) ? classes[cell->style] : "");
		if (s->columns[c].kind == COLUMN_NUMBER)
			str_addf(out, " data-v=\"%s\"", isfinite(cell->value) ? number_text(buf, cell->value) : "");
		str_add(out, strong ? "><b>" : ">");
		if (cell->markup)
			str_add(out, cell->markup);
		else
			markup_add(out, cell->text);
		str_add(out, strong ? "</b></td>" : "</td>");
	}
	str_add(out, s->count ? "</tr></tbody></table></div>\n" : "</tbody></table></div>\n");
	return !out->failed || err_memory(err);
}
