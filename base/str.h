/* Growing text buffer, and the small text helpers that everything shares. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* A text that grows. Zero-initialise; `failed` latches when memory ran out (then text may be cut). */
struct str {
	char *text;          /* NUL-terminated once anything was added, else NULL */
	size_t length, capacity;
	bool failed;
};
void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const char *bytes, size_t count);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_vaddf(struct str *s, const char *fmt, va_list args);
void str_clear(struct str *s);                                        /* keeps the memory */
void str_release(struct str *s);
const char *str_text(const struct str *s);                            /* "" when empty */

bool text_equal(const char *a, const char *b);                        /* both may be NULL (equal to NULL only) */
bool text_equal_fold(const char *a, const char *b);                   /* ASCII case-insensitive */
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
bool text_has_word(const char *list, const char *word);                /* one of the words between blanks; a NULL list has none */
char *text_trim(char *text);                                          /* in place; returns the first non-blank */

/* Bytes of the UTF-8 character that text begins with (1 to 4); 0 at the end and where it is not valid UTF-8. */
size_t text_utf8(const char *text);

/* Strict number parsing: the whole text must be one finite number; no locale, no leading blanks. */
bool text_to_double(const char *text, double *out);
bool text_to_int64(const char *text, int64_t *out);                   /* also accepts 1e6, 64k, 2M when exact */

/* The candidate nearest to `word` (edit distance, prefix and substring count as near), or NULL when none is near.
 * `candidates` holds `count` names. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* Writes a human form into buf (returned): 1.23 ms, 14.2 GB, 3.1 k, 99.1 TFLOP/s ... buf holds at least 32 bytes. */
char *human_seconds(char *buf, double seconds);
char *human_bytes(char *buf, double bytes);                           /* decimal units: kB, MB, GB, TB */
char *human_count(char *buf, double count);                           /* 12.3 k, 4.56 M */
char *human_rate(char *buf, double per_s, const char *unit);          /* e.g. unit "FLOP/s" */

#endif
