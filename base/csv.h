/* CSV by column name (RFC 4180 quoting, one record a line), streaming over base/lines.h. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct csv;
MUST_USE struct csv *csv_open(const char *path, struct err *err);     /* reads the header line; an empty file is an error */
MUST_USE struct csv *csv_open_headless(const char *path, struct err *err);   /* no header: columns by position */
size_t csv_columns(const struct csv *c);
const char *csv_column_name(const struct csv *c, size_t i);
int csv_find(const struct csv *c, const char *name);                  /* column index, or -1 (case-insensitive) */
/* Column index; when absent fills err: "file:1: no column 'x'; did you mean 'y'?" (or what the header is). */
MUST_USE bool csv_require(const struct csv *c, const char *name, int *index, struct err *err);
/* Next record (blank lines and those that begin with # are skipped; missing cells at the end are empty). False at the end or
 * on error: check err->kind. A record is one line: a quoted cell that is still open at its end is an error, as are NUL bytes,
 * more cells than the header has, and more than 512. */
bool csv_next(struct csv *c, struct err *err);
const char *csv_text(const struct csv *c, int column);                /* "" when absent or short record */
/* Values with errors that name file:line and column; blanks around them are dropped. An empty cell is an error. */
MUST_USE bool csv_number(const struct csv *c, int column, double *out, struct err *err);
MUST_USE bool csv_int(const struct csv *c, int column, int64_t *out, struct err *err);
int64_t csv_line(const struct csv *c);
const char *csv_path(const struct csv *c);
void csv_close(struct csv *c);

/* Splits one record in place (quotes removed); returns the number of fields found, at most `max` stored. */
size_t csv_split(char *line, char **fields, size_t max);
struct str;
void csv_quote(struct str *out, const char *text);                    /* adds text, quoted when it must be */

#endif
