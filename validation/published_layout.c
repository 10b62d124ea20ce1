#include "validation/published_layout.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

static const struct published_degrees one = { 1, 1, 1, 1, 1, 1 };

static const struct {
	const char *word;
	size_t offset;
} words[] = {
	{ "tp", offsetof(struct published_degrees, tp) }, { "pp", offsetof(struct published_degrees, pp) },
	{ "ep", offsetof(struct published_degrees, ep) }, { "dp", offsetof(struct published_degrees, dp) },
	{ "attnDP", offsetof(struct published_degrees, attention_dp) },
};

/* One "tp8"; moves *text past it. */
static bool read_degree(const char **text, struct published_degrees *d)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		size_t n = strlen(words[i].word);
		char *end;
		long v;

		if (strncmp(*text, words[i].word, n) != 0)
			continue;
		v = strtol(*text + n, &end, 10);
		if (end == *text + n || v < 1 || v > 100000)
			return false;
		*(int64_t *)(void *)((char *)d + words[i].offset) = v;
		*text = end;
		return true;
	}
	return false;
}

/* Degrees up to `stop` (a closing bracket or the end). */
static bool read_degrees(const char **text, char stop, struct published_degrees *d)
{
	while (**text && **text != stop) {
		if (**text == ' ' || **text == ',') {
			++*text;
			continue;
		}
		if (!read_degree(text, d))
			return false;
	}
	return **text == stop;
}

/* "P 2x(tp4 ep4)". */
static bool read_pool(const char **text, char letter, struct published_degrees *d)
{
	char *end;
	long v;

	*d = one;
	*text += strspn(*text, " /");
	if (**text != letter)
		return false;
	v = strtol(*text + 1, &end, 10);
	if (end == *text + 1 || v < 1 || v > 100000 || strncmp(end, "x(", 2) != 0)
		return false;
	d->count = v;
	*text = end + 2;
	if (!read_degrees(text, ')', d))
		return false;
	++*text;
	return true;
}

bool published_layout_read(const char *text, struct published_layout *out)
{
	*out = (struct published_layout){ .stated = text[0] != '\0', .decode = one, .prefill = one };
	if (strncmp(text, "P ", 2) == 0) {
		out->split = true;
		return read_pool(&text, 'P', &out->prefill) && read_pool(&text, 'D', &out->decode) && *text == '\0';
	}
	return read_degrees(&text, '\0', &out->decode);
}

static const struct {
	const char *word;
	size_t offset;
} loose_words[] = {
	{ "tp", offsetof(struct published_degrees, tp) }, { "tensor", offsetof(struct published_degrees, tp) },
	{ "pp", offsetof(struct published_degrees, pp) }, { "pipeline", offsetof(struct published_degrees, pp) },
	{ "ep", offsetof(struct published_degrees, ep) }, { "expert", offsetof(struct published_degrees, ep) },
	{ "dp", offsetof(struct published_degrees, dp) }, { "data", offsetof(struct published_degrees, dp) },
	{ "attndp", offsetof(struct published_degrees, attention_dp) }, { "dpa", offsetof(struct published_degrees, attention_dp) },
};

/* The degree that a run of letters, or the words before "parallel", names; NULL. */
static int64_t *loose_degree(const char *text, size_t length, struct published_degrees *d)
{
	for (size_t i = 0; i < COUNT_OF(loose_words); i++) {
		size_t n = 0;

		while (n < length && loose_words[i].word[n] == tolower((unsigned char)text[n]))
			n++;
		if (n == length && loose_words[i].word[n] == '\0')
			return (int64_t *)(void *)((char *)d + loose_words[i].offset);
	}
	return NULL;
}

/* Words of letters name a degree, which stands until the next number; other words ("parallel", "size", "GPUs") say nothing. */
bool published_layout_read_loosely(const char *text, struct published_layout *out)
{
	int64_t *named = NULL;

	*out = (struct published_layout){ .decode = one, .prefill = one };
	while (*text) {
		char *end;
		size_t n = 0;

		if (isdigit((unsigned char)*text)) {
			long v = strtol(text, &end, 10);

			if (named && (v < 1 || v > 100000))
				return false;
			if (named) {
				*named = v;
				out->stated = true;
			}
			named = NULL;
			text = end;
			continue;
		}
		while (isalpha((unsigned char)text[n]))
			n++;
		if (n > 0) {
			int64_t *degree = loose_degree(text, n, &out->decode);

			named = degree ? degree : named;
		}
		text += n > 0 ? n : 1;
	}
	return out->stated;
}
