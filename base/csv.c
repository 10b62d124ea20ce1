#include "base/csv.h"

#include <string.h>

#include "base/lines.h"
#include "base/mem.h"
#include "base/str.h"

enum { COLUMNS_MOST = 512 };

struct csv {
	struct lines *lines;
	char *header;                  /* own copy: names point into it */
	char *names[COLUMNS_MOST], *fields[COLUMNS_MOST];
	size_t columns, present;       /* in the header; in the current record */
	int64_t header_line;
};

static size_t split(char *line, char **fields, size_t max, bool *unclosed)
{
	size_t n = 0;
	char *p = line;

	*unclosed = false;
	for (;;) {
		char *field = p, *w;

		if (*p != '"') {
			p = p + strcspn(p, ",");
		} else {
			field = w = ++p;
			while (*p && !(*p == '"' && p[1] != '"')) {
				p += *p == '"';        /* a doubled quote stands for one */
				*w++ = *p++;
			}
			if (*p == '"')
				p++;
			else
				*unclosed = true;
			while (*p && *p != ',')
				*w++ = *p++;
			if (w < p)
				*w = '\0';
		}
		if (n < max)
			fields[n] = field;
		n++;
		if (*p == '\0')
			return n;
		*p++ = '\0';
	}
}

size_t csv_split(char *line, char **fields, size_t max)
{
	bool unclosed;

	return split(line, fields, max, &unclosed);
}

/* Splits a line as read, refusing what would otherwise be cut short in silence. */
static bool split_line(const struct csv *c, char *line, size_t length, char **fields, size_t *count, struct err *err)
{
	bool unclosed;

	if (strlen(line) != length)
		return err_set(err, ERR_INPUT, "%s:%lld: a NUL byte, expected text (UTF-8)", lines_path(c->lines), (long long)csv_line(c));
	*count = split(line, fields, COLUMNS_MOST, &unclosed);
	if (unclosed)
		return err_set(err, ERR_INPUT, "%s:%lld: a quoted cell is not closed on its line, expected one record a line",
			       lines_path(c->lines), (long long)csv_line(c));
	if (*count > COLUMNS_MOST)
		return err_set(err, ERR_INPUT, "%s:%lld: %zu cells, expected at most %d", lines_path(c->lines),
			       (long long)csv_line(c), *count, COLUMNS_MOST);
	return true;
}

void csv_quote(struct str *out, const char *text)
{
	if (*text != '#' && !strpbrk(text, ",\"\r\n")) {
		str_add(out, text);
		return;
	}
	str_add(out, "\"");
	for (const char *p = text; *p; p++)
		str_add_bytes(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
	str_add(out, "\"");
}

struct csv *csv_open_headless(const char *path, struct err *err)
{
	struct csv *c = mem_calloc(1, sizeof(*c));

	if (!c) {
		err_memory(err);
		return NULL;
	}
	c->lines = lines_open(path, err);
	if (!c->lines) {
		csv_close(c);
		return NULL;
	}
	return c;
}

struct csv *csv_open(const char *path, struct err *err)
{
	struct csv *c = csv_open_headless(path, err);
	char *line = NULL;
	size_t length = 0, columns;

	if (!c)
		return NULL;
	do {                           /* comment lines may stand before the header */
		line = lines_next(c->lines, &length, err);
	} while (line && (*line == '#' || length == 0));
	if (!line) {
		err_set(err, ERR_INPUT, "%s:1: empty file, expected a header line with column names", path);
		goto fail;
	}
	c->header_line = csv_line(c);
	c->header = mem_alloc(length + 1);
	if (!c->header) {
		err_memory(err);
		goto fail;
	}
	memcpy(c->header, line, length + 1);
	if (!split_line(c, c->header, length, c->names, &columns, err))
		goto fail;
	c->columns = columns;
	for (size_t i = 0; i < c->columns; i++)
		c->names[i] = text_trim(c->names[i]);
	return c;
fail:
	csv_close(c);
	return NULL;
}

size_t csv_columns(const struct csv *c)
{
	return c->columns;
}

const char *csv_column_name(const struct csv *c, size_t i)
{
	return i < c->columns ? c->names[i] : "";
}

int csv_find(const struct csv *c, const char *name)
{
	for (size_t i = 0; i < c->columns; i++)
		if (text_equal_fold(c->names[i], name))
			return (int)i;
	return -1;
}

bool csv_require(const struct csv *c, const char *name, int *index, struct err *err)
{
	struct str has = { 0 };
	const char *near;

	*index = csv_find(c, name);
	if (*index >= 0)
		return true;
	near = text_nearest(name, (const char *const *)c->names, c->columns);
	if (near)
		return err_set(err, ERR_INPUT, "%s:%lld: no column '%s'; did you mean '%s'?", lines_path(c->lines),
			       (long long)c->header_line, name, near);
	for (size_t i = 0; i < c->columns && has.length < 200; i++)
		str_addf(&has, "%s%.60s", i ? "," : "", c->names[i]);
	err_set(err, ERR_INPUT, "%s:%lld: no column '%s'; the header is '%.240s'", lines_path(c->lines), (long long)c->header_line,
		name, str_text(&has));
	str_release(&has);
	return false;
}

bool csv_next(struct csv *c, struct err *err)
{
	size_t length = 0, count;
	char *line;

	c->present = 0;                /* after the end or an error there is no record to read from */
	do {
		line = lines_next(c->lines, &length, err);
		if (!line)
			return false;
	} while (length == 0 || *line == '#');
	if (!split_line(c, line, length, c->fields, &count, err))
		return false;
	if (c->columns && count > c->columns)
		return err_set(err, ERR_INPUT, "%s:%lld: %zu cells, expected %zu as in the header", lines_path(c->lines),
			       (long long)csv_line(c), count, c->columns);
	c->present = count;
	return true;
}

const char *csv_text(const struct csv *c, int column)
{
	return column >= 0 && (size_t)column < c->present ? c->fields[column] : "";
}

static const char *column_title(const struct csv *c, int column)
{
	return column >= 0 && (size_t)column < c->columns ? c->names[column] : "value";
}

/* Blanks around a number mean nothing: people write "1, 2". */
static const char *cell(const struct csv *c, int column)
{
	return column >= 0 && (size_t)column < c->present ? text_trim(c->fields[column]) : "";
}

bool csv_number(const struct csv *c, int column, double *out, struct err *err)
{
	const char *text = cell(c, column);

	if (text_to_double(text, out))
		return true;
	return err_set(err, ERR_INPUT, "%s:%lld: %s=\"%.60s\": expected a number", lines_path(c->lines), (long long)csv_line(c),
		       column_title(c, column), text);
}

bool csv_int(const struct csv *c, int column, int64_t *out, struct err *err)
{
	const char *text = cell(c, column);

	if (text_to_int64(text, out))
		return true;
	return err_set(err, ERR_INPUT, "%s:%lld: %s=\"%.60s\": expected a whole number", lines_path(c->lines),
		       (long long)csv_line(c), column_title(c, column), text);
}

int64_t csv_line(const struct csv *c)
{
	return lines_number(c->lines);
}

const char *csv_path(const struct csv *c)
{
	return lines_path(c->lines);
}

void csv_close(struct csv *c)
{
	if (!c)
		return;
	lines_close(c->lines);
	mem_free(c->header);
	mem_free(c);
}
