#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *number_text(char *buf, double value)
{
	/* 15 digits read well and suffice for most values; 17 always do. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, 32, "%.*g", digits, value);
		if (strtod(buf, NULL) == value)
			break;
	}
	return buf;
}

/* Text comes from files and flags: a byte that is not UTF-8 becomes U+FFFD, or no reader would take the document. */
static void quote(struct str *out, const char *text)
{
	str_add_bytes(out, "\"", 1);
	for (const char *p = text; *p;) {
		size_t n = text_utf8(p);

		if (*p == '"' || *p == '\\')
			str_addf(out, "\\%c", *p);
		else if (n == 1 && (*p < ' ' || *p == 127))
			str_addf(out, "\\u%04x", (unsigned)*p);
		else if (n == 0)
			str_add(out, "\xef\xbf\xbd");
		else
			str_add_bytes(out, p, n);
		p += n ? n : 1;
	}
	str_add_bytes(out, "\"", 1);
}

static void newline(struct json *j)
{
	if (!j->pretty)
		return;
	str_add_bytes(j->out, "\n", 1);
	for (int i = 0; i < j->depth; i++)
		str_add_bytes(j->out, "  ", 2);
}

static void begin(struct json *j, const char *key)
{
	if (j->depth > 0) {
		if (j->comma[j->depth])
			str_add_bytes(j->out, ",", 1);
		j->comma[j->depth] = true;
		newline(j);
	}
	if (key) {
		quote(j->out, key);
		str_add(j->out, j->pretty ? ": " : ":");
	}
}

static void open(struct json *j, const char *key, bool is_array)
{
	begin(j, key);
	str_add_bytes(j->out, is_array ? "[" : "{", 1);
	assert(j->depth + 1 < (int)(sizeof(j->comma) / sizeof(j->comma[0])));
	j->depth++;
	j->comma[j->depth] = false;
	if (is_array)
		j->arrays |= 1ull << j->depth;
	else
		j->arrays &= ~(1ull << j->depth);
}

void json_init(struct json *j, struct str *out, bool pretty)
{
	*j = (struct json){ .out = out, .pretty = pretty };
}

void json_begin_object(struct json *j, const char *key)
{
	open(j, key, false);
}

void json_begin_array(struct json *j, const char *key)
{
	open(j, key, true);
}

void json_end(struct json *j)
{
	bool is_array = j->arrays >> j->depth & 1, filled = j->comma[j->depth];

	assert(j->depth > 0);
	j->depth--;
	if (filled)
		newline(j);
	str_add_bytes(j->out, is_array ? "]" : "}", 1);
	if (j->depth == 0 && j->pretty)
		str_add_bytes(j->out, "\n", 1);
}

void json_text(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	if (value)
		quote(j->out, value);
	else
		str_add(j->out, "null");
}

void json_number(struct json *j, const char *key, double value)
{
	char buf[32];

	begin(j, key);
	str_add(j->out, isfinite(value) ? number_text(buf, value) : "null");
}

void json_int(struct json *j, const char *key, int64_t value)
{
	begin(j, key);
	str_addf(j->out, "%" PRId64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	str_add(j->out, value ? "true" : "false");
}

void json_raw(struct json *j, const char *key, const char *json_text_)
{
	begin(j, key);
	str_add(j->out, json_text_);
}
