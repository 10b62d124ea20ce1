#include "reports/html.h"

#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "reports/html_parts.h"

enum { TEMPLATE_MOST = 1 << 20 };

struct templates {
	const char *folder;
	char *page, *style, *script;
};

static bool load(const char *folder, const char *name, char **text, struct err *err)
{
	struct str path = { 0 };

	str_addf(&path, "%s/%s", folder, name);
	if (path.failed)
		err_memory(err);
	else
		*text = paths_read(path.text, TEMPLATE_MOST, NULL, err);
	str_release(&path);
	return *text != NULL;
}

/* Fills a page's figures. A missing gnuplot is no reason to refuse a report; any other failure is. */
static bool draw(struct html_page *page, struct err *err)
{
	static const struct plot_style style = { 0 };

	for (int kind = 0; kind < PLOT_KINDS; kind++) {
		struct err own = { 0 };

		if (!plot_has_data(kind, page->r) || plot_svg(kind, page->r, &style, &page->figures[kind], &own))
			continue;
		if (own.kind != ERR_IO)
			return err_set(err, own.kind, "%s", own.text);
		page->no_plots = "The figures need gnuplot, which was not found when this report was written.";
		return true;
	}
	return true;
}

static int line_of(const char *text, const char *at)
{
	int line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

static const struct html_part *find_part(const char *name, size_t length)
{
	for (const struct html_part *part = html_parts; part->name; part++)
		if (strlen(part->name) == length && strncmp(part->name, name, length) == 0)
			return part;
	return NULL;
}

static bool unknown_part(const struct templates *t, const char *at, size_t length, struct err *err)
{
	const char *names[32], *near;
	char name[64];
	size_t n = 0;

	for (const struct html_part *part = html_parts; part->name && n < COUNT_OF(names); part++)
		names[n++] = part->name;
	length = length < sizeof(name) - 1 ? length : sizeof(name) - 1;
	memcpy(name, at, length);
	name[length] = '\0';
	near = text_nearest(name, names, n);
	return err_set(err, ERR_INPUT, "%s/report.html:%d: {{%s}} is not a part of the report, expected e.g. {{%s}}",
		       t->folder, line_of(t->page, at), name, near ? near : names[0]);
}

static bool fill(const struct templates *t, struct html_page *page, struct err *err)
{
	for (const char *at = t->page; *at;) {
		const char *open = strstr(at, "{{"), *close = open ? strstr(open, "}}") : NULL;
		const struct html_part *part;
		size_t length;

		if (!close) {
			str_add(page->out, at);
			break;
		}
		str_add_bytes(page->out, at, (size_t)(open - at));
		at = open + 2;
		length = (size_t)(close - at);
		if (length == 5 && strncmp(at, "style", 5) == 0)
			str_add(page->out, t->style);
		else if (length == 6 && strncmp(at, "script", 6) == 0)
			str_add(page->out, t->script);
		else if ((part = find_part(at, length)))
			part->write(page);
		else
			return unknown_part(t, at, length, err);
		at = close + 2;
	}
	return !page->out->failed || err_memory(err);
}

bool html_report(const struct result *r, const struct html_options *options, struct str *out, struct err *err)
{
	struct html_page page = { .r = r, .origin = options->origin, .out = out };
	struct templates t = { .folder = options->templates };
	struct arena *arena = arena_new();
	bool ok = arena || err_memory(err);

	if (ok && !t.folder)
		t.folder = paths_data("reports/templates", arena, err);
	ok = ok && t.folder && load(t.folder, "report.html", &t.page, err) &&
	     load(t.folder, "report.css", &t.style, err) && load(t.folder, "report.js", &t.script, err);
	if (options->no_plots)
		page.no_plots = "The figures were left out.";
	else
		ok = ok && draw(&page, err);
	ok = ok && fill(&t, &page, err);
	for (int kind = 0; kind < PLOT_KINDS; kind++)
		str_release(&page.figures[kind]);
	mem_free(t.page);
	mem_free(t.style);
	mem_free(t.script);
	arena_free(arena);
	return ok;
}
