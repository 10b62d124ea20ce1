#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static bool reserve(struct str *s, size_t more)
{
	if (s->failed || !mem_grow(&s->text, &s->capacity, s->length + more + 1, 1)) {
		s->failed = true;
		return false;
	}
	return true;
}

void str_add_bytes(struct str *s, const char *bytes, size_t count)
{
	if (!reserve(s, count))
		return;
	memcpy(s->text + s->length, bytes, count);
	s->length += count;
	s->text[s->length] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_add_bytes(s, text, strlen(text));
}

void str_vaddf(struct str *s, const char *fmt, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		s->failed = true;
	if (n < 0 || !reserve(s, (size_t)n))
		return;
	vsnprintf(s->text + s->length, (size_t)n + 1, fmt, args);
	s->length += (size_t)n;
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	str_vaddf(s, fmt, args);
	va_end(args);
}

void str_clear(struct str *s)
{
	s->length = 0;
	s->failed = false;
	if (s->text)
		s->text[0] = '\0';
}

void str_release(struct str *s)
{
	mem_free(s->text);
	*s = (struct str){ 0 };
}

const char *str_text(const struct str *s)
{
	return s->text ? s->text : "";
}

bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_equal_fold(const char *a, const char *b)
{
	return a == b || (a && b && strcasecmp(a, b) == 0);
}

bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && strcmp(text + n - m, suffix) == 0;
}

bool text_has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = list; p && *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == length && strncmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

char *text_trim(char *text)
{
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	n = strlen(text);
	while (n && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
	return text;
}

bool text_to_double(const char *text, double *out)
{
	char *end;
	double v;

	/* strtod also takes blanks, hexadecimal, inf and nan: none of them is a number in our files. */
	if (!isdigit((unsigned char)*text) && !strchr("+-.", *text))
		return false;
	if (*text == '\0' || strpbrk(text, "xXnN"))
		return false;
	v = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(v))
		return false;
	*out = v;
	return true;
}

bool text_to_int64(const char *text, int64_t *out)
{
	static const struct { char suffix; double factor; } units[] = { { 'k', 1e3 }, { 'K', 1024 }, { 'M', 1e6 }, { 'G', 1e9 } };
	char *end;
	long long whole;
	double v, factor = 1;
	char copy[64];
	size_t n = strlen(text);

	if (n == 0 || n >= sizeof(copy))
		return false;
	errno = 0;
	whole = strtoll(text, &end, 10);
	if (*end == '\0' && errno == 0 && !isspace((unsigned char)*text)) {
		*out = whole;
		return true;
	}
	memcpy(copy, text, n + 1);
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (copy[n - 1] == units[i].suffix) {
			factor = units[i].factor;
			copy[n - 1] = '\0';
			break;
		}
	if (!text_to_double(copy, &v))
		return false;
	v *= factor;
	if (v != floor(v) || fabs(v) > 9007199254740992.0)      /* 2^53: exact as a double */
		return false;
	*out = (int64_t)v;
	return true;
}

size_t text_utf8(const char *text)
{
	/* Unicode 15, chapter 3, table 3-7: surrogates, overlong forms and values past U+10FFFF are not valid. */
	static const struct { unsigned char first, last, second_least, second_most; size_t length; } forms[] = {
		{ 0x01, 0x7f, 0, 0, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 }
	};
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last)
			continue;
		if (forms[i].length > 1 && (p[1] < forms[i].second_least || p[1] > forms[i].second_most))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

enum { NEAR_LENGTH = 64, FAR = 1 << 20 };

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edits from a to b, letter case aside: insert, drop, change, or swap two neighbours (optimal string alignment). Long
 * texts count as far apart. */
static int distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	int rows[3][NEAR_LENGTH + 1], *before = rows[0], *above = rows[1], *row = rows[2];

	if (n > NEAR_LENGTH || m > NEAR_LENGTH)
		return FAR;
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int *oldest = before;

		before = above;
		above = row;
		row = oldest;
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int best = above[j - 1] + !same_letter(a[i - 1], b[j - 1]);

			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]) && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
	const char *best = NULL;
	double best_score = 1e9;
	size_t n = word ? strlen(word) : 0;

	if (n == 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t m = strlen(candidates[i]);
		double d = distance(word, candidates[i]), longer = (double)(n > m ? n : m);
		bool near = d < 0.6 * longer && (d < 2.5 || d <= 0.4 * longer);

		if (n >= 3 && m >= 3 && (strstr(candidates[i], word) || strstr(word, candidates[i]))) {
			d = d < 2.5 ? d : 2.5;         /* a part of the right name is near, however much is missing */
			near = true;
		}
		if (near && d < best_score) {
			best_score = d;
			best = candidates[i];
		}
	}
	return best;
}

static char *scaled(char *buf, double v, double base, const char *const *units, int count, const char *tail)
{
	int i = 0;
	double a = fabs(v);

	while (i + 1 < count && a >= 999.5 * (base / 1000)) {
		a /= base;
		v /= base;
		i++;
	}
	snprintf(buf, 32, a >= 999999.5 ? "%.3g %s%s" : a >= 99.95 ? "%.0f %s%s" : a >= 9.995 ? "%.1f %s%s" : "%.2f %s%s", v, units[i], tail);
	return buf;
}

char *human_seconds(char *buf, double s)
{
	double a = fabs(s);

	if (!isfinite(s))
		snprintf(buf, 32, "-");
	else if (a == 0)
		snprintf(buf, 32, "0 s");
	else if (a < 1)
		scaled(buf, s * 1e9, 1000, (const char *const[]){ "ns", "us", "ms", "s" }, 4, "");
	else if (a < 600)
		snprintf(buf, 32, a < 9.995 ? "%.2f s" : "%.1f s", s);
	else if (a < 2 * 86400.0)
		snprintf(buf, 32, a < 7200 ? "%.1f min" : "%.1f h", a < 7200 ? s / 60 : s / 3600);
	else
		snprintf(buf, 32, "%.1f days", s / 86400);
	return buf;
}

char *human_bytes(char *buf, double bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };

	if (!isfinite(bytes))
		return strcpy(buf, "-");
	if (fabs(bytes) < 1000) {
		snprintf(buf, 32, "%.0f B", bytes);
		return buf;
	}
	return scaled(buf, bytes, 1000, units, 7, "");
}

char *human_count(char *buf, double count)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };

	if (!isfinite(count))
		return strcpy(buf, "-");
	if (fabs(count) < 10000 && count == floor(count)) {
		snprintf(buf, 32, "%.0f", count);
		return buf;
	}
	scaled(buf, count, 1000, units, 5, "");
	return text_trim(buf);
}

char *human_rate(char *buf, double per_s, const char *unit)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };

	if (!isfinite(per_s))
		return strcpy(buf, "-");
	return scaled(buf, per_s, 1000, units, 7, unit);
}
