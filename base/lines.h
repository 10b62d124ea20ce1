/* Lines of a text file, plain or gzip (told by content), in constant memory. "-" reads standard input. */
#ifndef BASE_LINES_H
#define BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct lines;
MUST_USE struct lines *lines_open(const char *path, struct err *err);
/* Next line without its end (LF or CRLF), NUL-terminated, valid until the next call. NULL at the end or on error
 * (then err is filled). A line over 64 MiB is an error. A UTF-8 byte order mark is dropped. */
char *lines_next(struct lines *l, size_t *length, struct err *err);
int64_t lines_number(const struct lines *l);                          /* of the line last returned, from 1 */
const char *lines_path(const struct lines *l);
bool lines_rewind(struct lines *l, struct err *err);
void lines_close(struct lines *l);                                    /* NULL is fine */

#endif
