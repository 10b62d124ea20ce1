#include "workloads/readers/scan.h"

#include <string.h>

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

/* Past the closing quote of the string that begins at s->p; false when there is none. */
static bool skip_string(struct scan *s)
{
	for (s->p++; s->p < s->end; s->p++) {
		if (*s->p == '\\')
			s->p++;
		else if (*s->p == '"') {
			s->p++;
			return true;
		}
	}
	return false;
}

static bool skip_nested(struct scan *s)
{
	int depth = 0;

	while (s->p < s->end) {
		char c = *s->p;

		if (c == '"') {
			if (!skip_string(s))
				return false;
			continue;
		}
		s->p++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return true;
	}
	return false;
}

static bool read_value(struct scan *s, struct scan_value *v)
{
	skip_blanks(s);
	if (s->p >= s->end)
		return false;
	v->text = s->p;
	switch (*s->p) {
	case '"':
		v->type = SCAN_STRING;
		if (!skip_string(s))
			return false;
		v->text++;
		v->length = (size_t)(s->p - v->text) - 1;
		return true;
	case '[':
	case '{':
		v->type = *s->p == '[' ? SCAN_ARRAY : SCAN_OBJECT;
		if (!skip_nested(s))
			return false;
		v->length = (size_t)(s->p - v->text);
		return true;
	default:
		while (s->p < s->end && *s->p != ',' && *s->p != '}' && *s->p != ']' && (unsigned char)*s->p > ' ')
			s->p++;
		v->length = (size_t)(s->p - v->text);
		v->type = strchr("tfnNI", *v->text) || (*v->text == '-' && v->length > 1 && v->text[1] == 'I')
				  ? SCAN_LITERAL
				  : SCAN_NUMBER;
		return v->length > 0;
	}
}

bool scan_begin(struct scan *s, const char *text, size_t length, char open)
{
	*s = (struct scan){ .p = text, .end = text + length, .first = true };
	skip_blanks(s);
	if (s->p >= s->end || *s->p != open)
		return false;
	s->p++;
	return true;
}

/* Before the next item: its comma, or the closing bracket. */
static enum scan_result step(struct scan *s, char close)
{
	skip_blanks(s);
	if (s->p >= s->end)
		return SCAN_BAD;
	if (*s->p == close) {
		s->p++;
		return SCAN_END;
	}
	if (!s->first) {
		if (*s->p != ',')
			return SCAN_BAD;
		s->p++;
	}
	s->first = false;
	return SCAN_GOT;
}

enum scan_result scan_member(struct scan *s, struct scan_value *key, struct scan_value *value)
{
	enum scan_result r = step(s, '}');

	if (r != SCAN_GOT)
		return r;
	if (!read_value(s, key) || key->type != SCAN_STRING)
		return SCAN_BAD;
	skip_blanks(s);
	if (s->p >= s->end || *s->p != ':')
		return SCAN_BAD;
	s->p++;
	return read_value(s, value) ? SCAN_GOT : SCAN_BAD;
}

enum scan_result scan_element(struct scan *s, struct scan_value *value)
{
	enum scan_result r = step(s, ']');

	return r != SCAN_GOT ? r : read_value(s, value) ? SCAN_GOT : SCAN_BAD;
}

bool scan_is(const struct scan_value *v, const char *text)
{
	/* A name may hold a zero byte, at which strncmp would stop, and look beyond `text`. */
	return strlen(text) == v->length && memcmp(v->text, text, v->length) == 0;
}
