#include "reports/page.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/paths.h"
#include "reports/markup.h"

enum { TEMPLATE_MOST = 1 << 20 };

bool page_template(struct str *out, const char *name, struct err *err)
{
	struct arena *arena = arena_new();
	const char *path = arena ? paths_data(arena_printf(arena, "reports/templates/%s", name), arena, err) : NULL;
	char *text = path ? paths_read(path, TEMPLATE_MOST, NULL, err) : NULL;

	if (text)
		str_add(out, text);
	else if (!arena)
		err_memory(err);
	mem_free(text);
	arena_free(arena);
	return text != NULL;
}

/* What a page may load beside itself: nothing, or what its own server answers. */
struct page_kind {
	const char *policy, *nav, *extra;
};

static bool begin(struct str *out, const struct page_kind *kind, const char *kicker, const char *title, const char *summary, struct err *err)
{
	str_add(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
		"script-src 'unsafe-inline'; img-src data:");
	str_add(out, kind->policy);
	str_add(out, "\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	markup_add(out, title);
	str_add(out, "</title>\n<style>\n");
	if (!page_template(out, "report.css", err) || (kind->extra && !page_template(out, kind->extra, err)))
		return false;
	str_add(out, "</style>\n</head>\n<body>\n");
	str_add(out, kind->nav);
	str_add(out, "<header>\n<p class=\"kicker\">");
	markup_add(out, kicker);
	str_add(out, "</p>\n<h1>");
	markup_add(out, title);
	str_add(out, "</h1>\n<p class=\"summary\">");
	markup_add(out, summary);
	str_add(out, "</p>\n</header>\n<main>\n<section>\n");
	return true;
}

bool page_begin(struct str *out, const char *kicker, const char *title, const char *summary, struct err *err)
{
	static const struct page_kind file = { "", "", NULL };

	return begin(out, &file, kicker, title, summary, err);
}

bool page_begin_served(struct str *out, const char *kicker, const char *title, const char *summary, const char *nav, const char *extra,
		       struct err *err)
{
	const struct page_kind kind = { "; connect-src 'self'; form-action 'self'", nav ? nav : "", extra };

	return begin(out, &kind, kicker, title, summary, err);
}

void page_section(struct str *out, const char *title)
{
	if (out->length < 10 || strcmp(out->text + out->length - 10, "<section>\n") != 0)
		str_add(out, "</section>\n<section>\n");
	str_add(out, "<h2>");
	markup_add(out, title);
	str_add(out, "</h2>\n");
}

void page_text(struct str *out, const char *text)
{
	str_add(out, "<p>");
	markup_add(out, text);
	str_add(out, "</p>\n");
}

void page_lines(struct str *out, const char *lines)
{
	str_add(out, "<ul class=\"lines\">\n");
	while (*lines) {
		size_t n = strcspn(lines, "\n");
		struct str line = { 0 };

		str_add_bytes(&line, lines, n);
		if (n > 0) {
			str_add(out, "<li>");
			markup_add(out, str_text(&line));
			str_add(out, "</li>\n");
		}
		out->failed |= line.failed;
		str_release(&line);
		lines += n + (lines[n] == '\n');
	}
	str_add(out, "</ul>\n");
}

void page_figure(struct str *out, const char *caption, const char *svg)
{
	str_add(out, "<figure><figcaption>");
	markup_add(out, caption);
	str_add(out, "</figcaption>\n");
	str_add(out, svg);
	str_add(out, "</figure>\n");
}

void page_figures_begin(struct str *out)
{
	str_add(out, "<div class=\"pair\">\n");
}

void page_figures_end(struct str *out)
{
	str_add(out, "</div>\n");
}

bool page_end(struct str *out, struct err *err)
{
	str_add(out, "</section>\n</main>\n<script>\n");
	if (!page_template(out, "report.js", err))
		return false;
	str_add(out, "</script>\n</body>\n</html>\n");
	return !out->failed || err_memory(err);
}
