/* A table of figures filled once and shown anywhere: terminal, CSV, HTML. Cells keep the number beside the text a person
 * reads, so that CSV has full precision and a page can sort. */
#ifndef REPORTS_SHEET_H
#define REPORTS_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/table.h"

struct sheet;
/* Columns are borrowed; `names` (may be NULL: the titles) are what CSV calls them. NULL when memory ran out. */
MUST_USE struct sheet *sheet_new(const struct table_column *columns, const char *const *names, size_t count);
void sheet_free(struct sheet *s);                                     /* NULL is fine */
/* The next cell, row by row. */
void sheet_text(struct sheet *s, int style, const char *text);
void sheet_number(struct sheet *s, int style, double value, const char *text);         /* NAN: an empty cell of CSV */
/* A text that is more in HTML: a link, a box to tick. `markup` is put there as it is. */
void sheet_markup(struct sheet *s, int style, const char *text, const char *markup);
size_t sheet_rows(const struct sheet *s);

MUST_USE bool sheet_print(const struct sheet *s, const struct term *term, size_t indent, size_t most_rows, struct str *out,
			  struct err *err);                           /* most_rows 0: all */
MUST_USE bool sheet_csv(const struct sheet *s, struct str *out, struct err *err);
MUST_USE bool sheet_markdown(const struct sheet *s, struct str *out, struct err *err);
MUST_USE bool sheet_html(const struct sheet *s, struct str *out, struct err *err);

#endif
