#include "base/schema_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static double factor(const struct field *f)
{
	return f->to_si == 0 ? 1 : f->to_si;
}

static bool bounded(const struct field *f)
{
	return f->least != 0 || f->most != 0;
}

/* "file:12: name="value": expected ..." or "--flag: name="value": expected ...". */
static bool refuse(const struct field *f, const char *text, const char *origin, int line, struct err *err, const char *expected)
{
	char at[32] = "";

	if (line > 0)
		snprintf(at, sizeof(at), ":%d", line);
	return err_set(err, ERR_INPUT, "%s%s: %s=\"%.80s\": expected %s", origin, at, f->name, text, expected);
}

enum { LIST_LONGEST = 160 };

static bool set_choice(const struct field *f, unsigned char *obj, const char *text, const char *origin, int line, struct err *err)
{
	struct str expected = { 0 };
	const char *near;
	int n = 0;

	for (; f->choices[n]; n++)
		if (text_equal_fold(f->choices[n], text)) {
			memcpy(obj + f->offset, &n, sizeof(n));
			return true;
		}
	near = text_nearest(text, f->choices, (size_t)n);
	str_add(&expected, "one of");
	for (int i = 0; i < n; i++) {
		if (expected.length > LIST_LONGEST) {
			str_add(&expected, " ...");    /* the nearest name must still fit in the error */
			break;
		}
		str_addf(&expected, " %s", f->choices[i]);
	}
	if (near)
		str_addf(&expected, "; did you mean '%s'?", near);
	refuse(f, text, origin, line, err, str_text(&expected));
	str_release(&expected);
	return false;
}

static bool set_number(const struct field *f, unsigned char *obj, const char *text, const char *origin, int line, struct err *err)
{
	char expected[96];
	double v = 0;
	int64_t whole = 0;
	bool is_int = f->type == FIELD_INT;
	bool ok = is_int ? text_to_int64(text, &whole) : text_to_double(text, &v);

	if (is_int)
		v = (double)whole;
	else if (ok && !isfinite(v * factor(f)))
		ok = false;
	if (!ok || (bounded(f) && (v < f->least || v > f->most))) {
		if (bounded(f))
			snprintf(expected, sizeof(expected), "%s%.12g to %.12g", is_int ? "a whole number, " : "", f->least, f->most);
		else
			snprintf(expected, sizeof(expected), is_int ? "a whole number" : "a number");
		return refuse(f, text, origin, line, err, expected);
	}
	if (is_int) {
		memcpy(obj + f->offset, &whole, sizeof(whole));
	} else {
		v *= factor(f);
		memcpy(obj + f->offset, &v, sizeof(v));
	}
	return true;
}

static bool set_flag(const struct field *f, unsigned char *obj, const char *text, const char *origin, int line, struct err *err)
{
	static const char *const yes[] = { "yes", "true", "1", "on" }, *const no[] = { "no", "false", "0", "off" };
	bool v = false, known = false;

	for (size_t i = 0; i < COUNT_OF(yes); i++) {
		if (text_equal_fold(text, yes[i]))
			v = known = true;
		if (text_equal_fold(text, no[i]))
			known = true;
	}
	if (!known)
		return refuse(f, text, origin, line, err, "yes or no");
	memcpy(obj + f->offset, &v, sizeof(v));
	return true;
}

/* What XML 1.0 can hold: text from --set must survive being written and read back. */
static bool is_xml_text(const char *text)
{
	while (*text) {
		size_t n = text_utf8(text);

		if (n == 0 || (n == 1 && (unsigned char)*text < ' ' && !strchr("\t\n\r", *text)))
			return false;
		if (n == 3 && (memcmp(text, "\xef\xbf\xbe", 3) == 0 || memcmp(text, "\xef\xbf\xbf", 3) == 0))
			return false;
		text += n;
	}
	return true;
}

bool schema_value_set(const struct field *f, unsigned char *obj, const char *text, const char *origin, int line,
		      struct arena *arena, struct err *err)
{
	const char *copy;

	switch (f->type) {
	case FIELD_NUMBER:
	case FIELD_INT:
		return set_number(f, obj, text, origin, line, err);
	case FIELD_FLAG:
		return set_flag(f, obj, text, origin, line, err);
	case FIELD_CHOICE:
		return set_choice(f, obj, text, origin, line, err);
	case FIELD_TEXT:
		break;
	}
	if (!is_xml_text(text))
		return refuse(f, text, origin, line, err, "text (UTF-8, no control characters)");
	copy = arena_strdup(arena, text);
	if (!copy)
		return err_memory(err);
	memcpy(obj + f->offset, &copy, sizeof(copy));
	return true;
}

bool schema_value_fallback(const struct field *f, unsigned char *obj, struct arena *arena, struct err *err)
{
	double absent = NAN;

	if (f->fallback)
		return schema_value_set(f, obj, f->fallback, "fallback", 0, arena, err);
	if (f->type == FIELD_NUMBER)
		memcpy(obj + f->offset, &absent, sizeof(absent));
	return true;
}

/* The attribute's shortest text that is read back as exactly the SI value v. v / factor may be off by a rounding, so its
 * neighbours are tried too; a value that no attribute stands for (computed, not read) gets the nearest one. */
static char *attribute_text(const struct field *f, char buf[32], double v)
{
	double middle = v / factor(f);

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, 32, "%.*g", digits, middle);
		if (strtod(buf, NULL) * factor(f) == v)
			return buf;
	}
	for (int side = -1; side <= 1; side += 2) {
		number_text(buf, nextafter(middle, side * INFINITY));
		if (strtod(buf, NULL) * factor(f) == v)
			return buf;
	}
	return number_text(buf, middle);
}

bool schema_value_text(const struct field *f, const unsigned char *obj, struct str *out)
{
	const void *at = obj + f->offset;
	const char *text;
	int64_t whole;
	double v;
	bool flag;
	int choice;
	char buf[32];

	switch (f->type) {
	case FIELD_TEXT:
		memcpy(&text, at, sizeof(text));
		if (!text)
			return false;
		str_add(out, text);
		break;
	case FIELD_NUMBER:
		memcpy(&v, at, sizeof(v));
		if (isnan(v))
			return false;
		str_add(out, attribute_text(f, buf, v));
		break;
	case FIELD_INT:
		memcpy(&whole, at, sizeof(whole));
		str_addf(out, "%" PRId64, whole);
		break;
	case FIELD_FLAG:
		memcpy(&flag, at, sizeof(flag));
		str_add(out, flag ? "yes" : "no");
		break;
	case FIELD_CHOICE:
		memcpy(&choice, at, sizeof(choice));
		str_add(out, f->choices[choice]);
		break;
	}
	return true;
}
