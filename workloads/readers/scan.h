/* JSON read in place, without building a tree: members of an object or elements of an array, one after the other.
 * Accepts what Python's json writes (NaN, Infinity). Strings stay as they stand in the text, escapes included. */
#ifndef WORKLOADS_READERS_SCAN_H
#define WORKLOADS_READERS_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum scan_type { SCAN_NUMBER, SCAN_STRING, SCAN_ARRAY, SCAN_OBJECT, SCAN_LITERAL };
struct scan_value {
	enum scan_type type;
	const char *text; /* strings: without the quotes; arrays, objects: with their brackets */
	size_t length;
};
struct scan {
	const char *p, *end;
	bool first;
};
enum scan_result { SCAN_END, SCAN_GOT, SCAN_BAD };

/* Begins an object or array that the text holds (blanks may stand before it). */
MUST_USE bool scan_begin(struct scan *s, const char *text, size_t length, char open);
enum scan_result scan_member(struct scan *s, struct scan_value *key, struct scan_value *value);
enum scan_result scan_element(struct scan *s, struct scan_value *value);
bool scan_is(const struct scan_value *v, const char *text);

/* Objects of a file, plain or gzip: JSON lines, an array of objects, or one object after the other, each to 256 MiB. */
struct objects;
MUST_USE struct objects *objects_open(const char *path, struct err *err);
/* Text of the next object, NUL-terminated, valid until the next call. NULL at the end or on error. */
const char *objects_next(struct objects *o, size_t *length, struct err *err);
int64_t objects_line(const struct objects *o); /* where the last object begins */
void objects_close(struct objects *o);         /* NULL is fine */

#endif
