#include "reports/markup.h"

#include <stdarg.h>
#include <string.h>

#include "reports/utf8.h"

void markup_add(struct str *out, const char *text)
{
	struct str clean = { 0 };

	utf8_add(&clean, text);
	for (const char *p = str_text(&clean); *p; p++) {
		switch (*p) {
		case '&':
			str_add(out, "&amp;");
			break;
		case '<':
			str_add(out, "&lt;");
			break;
		case '>':
			str_add(out, "&gt;");
			break;
		case '"':
			str_add(out, "&quot;");
			break;
		case '\'':
			str_add(out, "&#39;");
			break;
		default:
			str_add_bytes(out, p, 1);
		}
	}
	if (clean.failed)
		out->failed = true;
	str_release(&clean);
}

void markup_add_lines(struct str *out, const char *text)
{
	struct str line = { 0 };

	str_add(out, "<pre>");
	while (*text) {
		size_t n = strcspn(text, "\n");

		str_clear(&line);
		str_add_bytes(&line, text, n);
		markup_add(out, str_text(&line));
		text += n;
		if (*text) {
			str_add(out, "\n");
			text++;
		}
	}
	if (line.failed)
		out->failed = true;
	str_add(out, "</pre>\n");
	str_release(&line);
}

void markup_addf(struct str *out, const char *fmt, ...)
{
	struct str text = { 0 };
	va_list args;

	va_start(args, fmt);
	str_vaddf(&text, fmt, args);
	va_end(args);
	if (text.failed)
		out->failed = true;
	markup_add(out, str_text(&text));
	str_release(&text);
}
