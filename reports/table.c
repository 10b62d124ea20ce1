#include "reports/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "reports/utf8.h"

enum { GAP = 2, NARROWEST = 8, INSET = 2 };    /* INSET: of the lines that go on */

struct cell {
	size_t offset;                 /* into texts */
	int style;
};

struct table {
	const struct table_column *columns;
	size_t count;
	struct cell *cells;
	size_t cell_count, cell_capacity;
	struct str texts;              /* every cell's text, NUL after each */
	bool failed;
};

struct term term_plain(size_t width)
{
	return (struct term){ .width = width };
}

static bool locale_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "utf-8") ||
			       strstr(value, "UTF8");
	}
	return false;
}

struct term term_detect(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *name = getenv("TERM");
	struct term term = term_plain(100);
	struct winsize size;

	if (!isatty(fd))
		return term;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
		term.width = size.ws_col;
	term.utf8 = locale_is_utf8();
	term.color = !(no_color && *no_color) && name && *name && strcmp(name, "dumb") != 0;
	return term;
}

/* The 16 basic colours follow the user's own palette, so they stay readable on light and dark terminals. */
static const char *style_code(int style)
{
	static const char *const codes[] = { "", "1", "2", "32", "33", "31" };
	static const char *const hues[] = { "34", "36", "35", "33", "32", "31", "94", "95" };

	return style >= STYLE_HUE ? hues[(style - STYLE_HUE) % 8] : codes[style];
}

void term_add(struct str *out, const struct term *term, int style, const char *text)
{
	bool colored = term->color && style != STYLE_PLAIN && text && *text;

	if (colored)
		str_addf(out, "\033[%sm", style_code(style));
	utf8_add(out, text);
	if (colored)
		str_add(out, "\033[0m");
}

void term_addf(struct str *out, const struct term *term, int style, const char *fmt, ...)
{
	struct str text = { 0 };
	va_list args;

	va_start(args, fmt);
	str_vaddf(&text, fmt, args);
	va_end(args);
	if (text.failed)
		out->failed = true;
	term_add(out, term, style, str_text(&text));
	str_release(&text);
}

void term_rule(struct str *out, const struct term *term, size_t columns)
{
	if (term->color)
		str_add(out, "\033[2m");
	for (size_t i = 0; i < columns; i++)
		str_add(out, term->utf8 ? "\xe2\x94\x80" : "-");
	if (term->color)
		str_add(out, "\033[0m");
}

void term_bar(struct str *out, const struct term *term, int style, double share, size_t columns)
{
	static const char *const eighths[] = { "",
					       "\xe2\x96\x8f",
					       "\xe2\x96\x8e",
					       "\xe2\x96\x8d",
					       "\xe2\x96\x8c",
					       "\xe2\x96\x8b",
					       "\xe2\x96\x8a",
					       "\xe2\x96\x89" };
	double length = share > 0 ? (share < 1 ? share : 1) * (double)columns : 0;
	size_t whole = (size_t)(length + (term->utf8 ? 0 : 0.5)),
	       part = term->utf8 ? (size_t)((length - (double)whole) * 8) : 0;
	struct str bar = { 0 };
	size_t used = whole + (part > 0);

	for (size_t i = 0; i < whole; i++)
		str_add(&bar, term->utf8 ? "\xe2\x96\x88" : "#");
	str_add(&bar, eighths[part]);
	if (bar.failed)
		out->failed = true;
	term_add(out, term, style, str_text(&bar));
	str_release(&bar);
	for (; used < columns; used++)
		str_add(out, " ");
}

struct table *table_new(const struct table_column *columns, size_t count)
{
	struct table *t = mem_calloc(1, sizeof(*t));

	if (t) {
		t->columns = columns;
		t->count = count;
	}
	return t;
}

void table_cell(struct table *t, int style, const char *text)
{
	if (!mem_grow(&t->cells, &t->cell_capacity, t->cell_count + 1, sizeof(*t->cells))) {
		t->failed = true;
		return;
	}
	t->cells[t->cell_count++] = (struct cell){ t->texts.length, style };
	utf8_add(&t->texts, text);
	str_add_bytes(&t->texts, "", 1);
}

void table_cellf(struct table *t, int style, const char *fmt, ...)
{
	struct str text = { 0 };
	va_list args;

	va_start(args, fmt);
	str_vaddf(&text, fmt, args);
	va_end(args);
	if (text.failed)
		t->failed = true;
	table_cell(t, style, str_text(&text));
	str_release(&text);
}

static const char *cell_text(const struct table *t, size_t i)
{
	return i < t->cell_count ? t->texts.text + t->cells[i].offset : "";
}

static void add_blanks(struct str *out, size_t count)
{
	while (count-- > 0)
		str_add_bytes(out, " ", 1);
}

/* One cell in its width; the last column of a line gets no blanks after it. */
static void add_cell(struct str *out, const struct term *term, int style, const char *text, size_t width, bool right,
		     bool last)
{
	const char *mark = term->utf8 ? "\xe2\x80\xa6" : "~";
	size_t own = utf8_width(text);
	struct str cut = { 0 };

	if (own > width) {
		str_add_bytes(&cut, text, utf8_fit(text, width - 1));
		str_add(&cut, mark);
		if (cut.failed)
			out->failed = true;
		text = str_text(&cut);
		own = utf8_width(text);
	}
	if (right)
		add_blanks(out, width - own);
	term_add(out, term, style, text);
	if (!right && !last)
		add_blanks(out, width - own);
	str_release(&cut);
}

/* Bytes of the first line of a text that is broken at blanks; all of it when it fits or has none in time. */
static size_t line_bytes(const char *text, size_t width)
{
	size_t fit = utf8_width(text) <= width ? strlen(text) : utf8_fit(text, width);

	if (!text[fit])
		return fit;
	for (size_t n = fit; n > 0; n--)
		if (text[n] == ' ')
			return n;
	return strlen(text);
}

/* What is left of a row's wrapped cells, line by line below it, set in a little. Takes the texts as add_row left them. */
static bool add_rest(const struct table *t, size_t first, const size_t *width, const char **rest, const struct term *term, size_t indent, struct str *out)
{
	bool more = false;
	size_t begins = indent, written = 0;

	for (size_t c = 0; c < t->count; begins += width[c++] + GAP) {
		size_t n = rest[c] ? line_bytes(rest[c], width[c] - INSET) : 0;

		if (n == 0)
			continue;
		add_blanks(out, begins + INSET - written);
		term_addf(out, term, t->cells[first + c].style, "%.*s", (int)n, rest[c]);
		written = begins + INSET + utf8_width_of(rest[c], n);
		rest[c] = rest[c][n] ? rest[c] + n + 1 : NULL;
		more |= rest[c] != NULL;
	}
	str_add(out, "\n");
	return more;
}

/* One row of cells; rest[c]: what of a wrapped cell is still to come, NULL for none. True when there is some. */
static bool add_row(const struct table *t, size_t first, const size_t *width, const char **rest, const struct term *term, size_t indent, struct str *out)
{
	size_t filled = t->count;
	bool more = false;

	while (filled > 1 && !*cell_text(t, first + filled - 1))
		filled--;              /* no blanks at the end of a line */
	add_blanks(out, indent);
	for (size_t c = 0; c < filled; c++) {
		const char *text = cell_text(t, first + c);
		size_t n = t->columns[c].kind == COLUMN_LABEL ? line_bytes(text, width[c]) : strlen(text);
		struct str line = { 0 };

		str_add_bytes(&line, text, n);
		add_blanks(out, c ? GAP : 0);
		add_cell(out, term, first + c < t->cell_count ? t->cells[first + c].style : STYLE_PLAIN, str_text(&line), width[c], t->columns[c].kind == COLUMN_NUMBER,
			 c + 1 == filled);
		if (line.failed)
			out->failed = true;
		str_release(&line);
		rest[c] = text[n] ? text + n + 1 : NULL;
		more |= rest[c] != NULL;
	}
	str_add(out, "\n");
	return more;
}

/* A column is not made narrower than this: where a label is broken, its words stay whole. */
static size_t least_width(const struct table *t, size_t c)
{
	size_t least = NARROWEST;

	if (t->columns[c].kind == COLUMN_NUMBER)
		return SIZE_MAX;       /* better too wide than wrong */
	for (size_t i = c; t->columns[c].kind == COLUMN_LABEL && i < t->cell_count; i += t->count)
		for (const char *word = cell_text(t, i); *word;) {
			size_t n = strcspn(word, " "), own = INSET + utf8_width_of(word, n);

			least = own > least ? own : least;
			word += n + (word[n] == ' ');
		}
	return least;
}

/* width: of each column, and room for as many more. */
static void column_widths(const struct table *t, size_t most, size_t *width)
{
	size_t total = 0, *least = width + t->count;

	for (size_t c = 0; c < t->count; c++) {
		width[c] = utf8_width(t->columns[c].title);
		least[c] = least_width(t, c);
		for (size_t i = c; i < t->cell_count; i += t->count) {
			size_t w = utf8_width(cell_text(t, i));

			width[c] = w > width[c] ? w : width[c];
		}
		total += width[c] + (c ? GAP : 0);
	}
	while (total > most) {
		size_t widest = t->count;

		for (size_t c = 0; c < t->count; c++)
			if (width[c] > least[c] && (widest == t->count || width[c] > width[widest]))
				widest = c;
		if (widest == t->count)
			break;
		width[widest]--;
		total--;
	}
}

bool table_print(const struct table *t, const struct term *term, size_t indent, struct str *out, struct err *err)
{
	size_t *width = mem_calloc(2 * t->count + 1, sizeof(*width)), total = 0;
	const char **rest = mem_calloc(t->count ? t->count : 1, sizeof(*rest));

	if (!width || !rest || t->failed || t->texts.failed) {
		mem_free(width);
		mem_free(rest);
		return err_memory(err);
	}
	column_widths(t, term->width > indent ? term->width - indent : 1, width);
	add_blanks(out, indent);
	for (size_t c = 0; c < t->count; c++) {
		add_blanks(out, c ? GAP : 0);
		add_cell(out, term, STYLE_STRONG, t->columns[c].title, width[c], t->columns[c].kind == COLUMN_NUMBER,
			 c + 1 == t->count);
		total += width[c] + (c ? GAP : 0);
	}
	str_add(out, "\n");
	add_blanks(out, indent);
	term_rule(out, term, total);
	str_add(out, "\n");
	for (size_t i = 0; i < t->cell_count; i += t->count) {
		memset(rest, 0, t->count * sizeof(*rest));
		for (bool more = add_row(t, i, width, rest, term, indent, out); more;)
			more = add_rest(t, i, width, rest, term, indent, out);
	}
	mem_free(width);
	mem_free(rest);
	return !out->failed || err_memory(err);
}

void table_free(struct table *t)
{
	if (!t)
		return;
	mem_free(t->cells);
	str_release(&t->texts);
	mem_free(t);
}
