/* Streaming JSON writer (numbers round-trip, NaN and infinity become null). Reading is jansson's job. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct json {
	struct str *out;
	int depth;
	bool pretty;
	uint64_t arrays;     /* bit d: the bracket at depth d is an array */
	bool comma[64];      /* by depth: something was written before */
};

/* Keys are NULL inside arrays and at the top level. */
void json_init(struct json *j, struct str *out, bool pretty);
void json_begin_object(struct json *j, const char *key);
void json_begin_array(struct json *j, const char *key);
void json_end(struct json *j);                                        /* closes the innermost object or array */
void json_text(struct json *j, const char *key, const char *value);   /* NULL becomes null */
void json_number(struct json *j, const char *key, double value);      /* shortest text that reads back equal */
void json_int(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_raw(struct json *j, const char *key, const char *json_text);

/* Short names, where jansson (which owns the symbols json_object and json_array) is not in sight. */
#ifndef JANSSON_H
#define json_object json_begin_object
#define json_array  json_begin_array
#endif

/* Shortest decimal form of a finite double that reads back to the same value; buf holds at least 32 bytes. */
char *number_text(char *buf, double value);

#endif
