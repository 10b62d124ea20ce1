#include "reports/utf8.h"

#include <stdbool.h>
#include <string.h>

/* Unicode 15, chapter 3, table 3-7: surrogates, overlong forms and values past U+10FFFF are not valid. */
uint32_t utf8_next(const char *text, size_t *length)
{
	const unsigned char *p = (const unsigned char *)text;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80                   ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : (p[0] & 0xf0) == 0xe0       ? 3
		   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						 : 0;
	uint32_t c;

	*length = 1;
	if (n == 1)
		return p[0];
	if (n == 0)
		return 0xfffd;
	c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0xfffd;
	*length = n;
	return c;
}

void utf8_add(struct str *out, const char *text)
{
	while (text && *text) {
		size_t n;
		uint32_t c = utf8_next(text, &n);

		/* C1 controls and the bidirectional overrides can repaint a terminal or a page just as C0 can. */
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
		    (c >= 0x2066 && c <= 0x2069))
			str_add_bytes(out, " ", 1);
		else if (c == 0xfffd)
			str_add(out, "\xef\xbf\xbd");
		else
			str_add_bytes(out, text, n);
		text += n;
	}
}

static size_t columns_of(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} wide[] = { { 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },  { 0xac00, 0xd7a3 },
		     { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },  { 0xffe0, 0xffe6 },
		     { 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd } };

	if (c == 0x200b || (c >= 0x300 && c < 0x370) || (c >= 0xfe00 && c <= 0xfe0f))
		return 0;
	for (size_t i = 0; i < COUNT_OF(wide); i++)
		if (c >= wide[i].first && c <= wide[i].last)
			return 2;
	return 1;
}

size_t utf8_width_of(const char *text, size_t bytes)
{
	const char *end = text + bytes;
	size_t columns = 0, n;

	for (; text < end && *text; text += n)
		columns += columns_of(utf8_next(text, &n));
	return columns;
}

size_t utf8_width(const char *text)
{
	return utf8_width_of(text, strlen(text));
}

size_t utf8_fit(const char *text, size_t columns)
{
	size_t bytes = 0, used = 0, n;

	while (text[bytes]) {
		used += columns_of(utf8_next(text + bytes, &n));
		if (used > columns)
			break;
		bytes += n;
	}
	return bytes;
}
