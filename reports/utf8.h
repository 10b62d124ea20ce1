/* Text from outside, made safe to show: valid UTF-8, no control characters, known width on a terminal. */
#ifndef REPORTS_UTF8_H
#define REPORTS_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Reads one character; *length receives its bytes (1 when it is not valid UTF-8, and then U+FFFD is returned). */
uint32_t utf8_next(const char *text, size_t *length);
/* Adds text with invalid bytes replaced by U+FFFD and control characters by a space. NULL adds nothing. */
void utf8_add(struct str *out, const char *text);
/* Columns the text takes on a terminal (East Asian wide characters two, combining marks none). */
size_t utf8_width(const char *text);
size_t utf8_width_of(const char *text, size_t bytes);                 /* of its first bytes */
/* Bytes of the longest start of text that takes at most `columns`. */
size_t utf8_fit(const char *text, size_t columns);

#endif
