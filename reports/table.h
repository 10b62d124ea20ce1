/* Tables on a terminal: aligned columns under a thin rule, coloured only where a person will see it. */
#ifndef REPORTS_TABLE_H
#define REPORTS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct term {
	bool utf8, color;
	size_t width;                  /* columns */
};
struct term term_plain(size_t width);                                 /* ASCII without colour */
/* What file descriptor fd can show: UTF-8 on a terminal in such a locale, colour there unless NO_COLOR is set. */
struct term term_detect(int fd);

enum style {
	STYLE_PLAIN,
	STYLE_STRONG,
	STYLE_FAINT,
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_HUE
}; /* HUE + 0..7: a colour of its own */
/* Adds text in that style (cleaned: one line, valid UTF-8, no control characters). */
void term_add(struct str *out, const struct term *term, int style, const char *text);
void term_addf(struct str *out, const struct term *term, int style, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* A horizontal line of `columns`. */
void term_rule(struct str *out, const struct term *term, size_t columns);
/* A bar of `share` (0 to 1) of `columns`, padded to that width with blanks. */
void term_bar(struct str *out, const struct term *term, int style, double share, size_t columns);

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER,                 /* at the right, never cut */
	COLUMN_LABEL                   /* a text that tells rows apart: goes on in the next line instead of being cut */
};
struct table_column {
	const char *title;
	int kind;                      /* false and true do for the first two */
};
struct table;
/* Columns are borrowed. NULL when memory ran out. */
MUST_USE struct table *table_new(const struct table_column *columns, size_t count);
void table_cell(struct table *t, int style, const char *text);        /* the next cell, row by row; NULL is empty */
void table_cellf(struct table *t, int style, const char *fmt, ...) PRINTF_LIKE(3, 4);
/*
 * Adds the table, each line ending in \n and beginning with `indent` blanks. When it is wider than the terminal the
 * widest text column is cut, with a mark, or broken at blanks. False when memory ran out on the way.
 */
MUST_USE bool table_print(const struct table *t, const struct term *term, size_t indent, struct str *out,
			  struct err *err);
void table_free(struct table *t);                                     /* NULL is fine */

#endif
