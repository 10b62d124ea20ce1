#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/calendar.h"
#include "base/mem.h"
#include "base/str.h"
#include "workloads/readers/reader.h"

bool cell_error(const struct reader *r, int64_t line, const char *column, const char *text, size_t length,
		const char *expected, struct err *err)
{
	return err_set(err, ERR_INPUT, "%s:%" PRId64 ": %s=\"%.*s\": expected %s", r->path, line, column,
		       (int)(length > 60 ? 60 : length), text, expected);
}

/* strtod's way, for what the fast path leaves (exponents, 20 digits and more). */
static bool number_slow(const char *text, size_t length, double *out)
{
	char copy[64];

	if (length == 0 || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return text_to_double(text_trim(copy), out);
}

/* Digits with a point, up to 2^53 before scaling by an exact power of ten: one correctly rounded division. */
bool cell_number(const char *text, size_t length, double *out)
{
	static const double power[] = { 1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	const char *p = text, *end = text + length;
	uint64_t digits = 0;
	int places = 0, seen = 0;
	bool negative = p < end && *p == '-';

	p += negative;
	for (; p < end && (unsigned)(*p - '0') < 10; p++, seen++)
		digits = 10 * digits + (unsigned)(*p - '0');
	if (p < end && *p == '.')
		for (p++; p < end && (unsigned)(*p - '0') < 10; p++, seen++, places++)
			digits = 10 * digits + (unsigned)(*p - '0');
	if (p != end || seen == 0 || seen > 15)
		return number_slow(text, length, out);
	*out = (double)digits / power[places];
	if (negative)
		*out = -*out;
	return true;
}

bool cell_tokens(const char *text, size_t length, int64_t *out)
{
	int64_t v = 0;
	double x;

	if (length > 0 && length <= 9) {
		size_t i = 0;

		while (i < length && (unsigned)(text[i] - '0') < 10)
			v = 10 * v + (text[i++] - '0');
		if (i == length) {
			*out = v;
			return true;
		}
	}
	if (!cell_number(text, length, &x) || !(x >= 0 && x <= TOKENS_MOST) || x != floor(x))
		return false;
	*out = (int64_t)x;
	return true;
}

bool cell_calendar(const char *text, size_t length, int64_t *out_ns)
{
	/* A date without a time is no arrival. */
	return length > 10 && calendar_read(text, length, out_ns);
}

enum read_status row_tokens(struct reader *r, struct trace_row *row)
{
	if (row->prompt_tokens > 0 && row->output_tokens > 0)
		return READ_ROW;
	r->drop = row->prompt_tokens == 0 ? "zero prompt tokens" : "zero output tokens";
	return READ_DROP;
}

int32_t name_index(struct name_list *l, const char *name, size_t length)
{
	char *copy;

	length = strnlen(name, length);        /* up to a zero byte, should it hold one */
	if (l->last && strlen(l->last) == length && memcmp(l->last, name, length) == 0)
		return l->last_index;
	for (size_t i = 0; i < l->count; i++)
		if (strlen(l->names[i]) == length && memcmp(l->names[i], name, length) == 0) {
			l->last = l->names[i];
			l->last_index = (int32_t)i;
			return l->last_index;
		}
	if (l->count == 4096)
		return 4095;
	copy = mem_alloc(length + 1);
	if (!copy || !mem_grow(&l->names, &l->capacity, l->count + 1, sizeof(*l->names))) {
		mem_free(copy);
		return -1;
	}
	memcpy(copy, name, length);
	copy[length] = '\0';
	l->names[l->count] = copy;
	l->last = copy;
	l->last_index = (int32_t)l->count++;
	return l->last_index;
}

bool head_has_column(const struct trace_head *h, const char *name)
{
	for (size_t i = 0; i < h->column_count; i++)
		if (text_equal_fold(h->columns[i], name))
			return true;
	return false;
}

bool head_has_key(const struct trace_head *h, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = h->text; (p = strstr(p, key)); p += n) {
		const char *q = p + n + 1;

		if (p == h->text || p[-1] != '"' || p[n] != '"')
			continue;
		while (*q == ' ' || *q == '\t')
			q++;
		if (*q == ':')
			return true;
	}
	return false;
}
