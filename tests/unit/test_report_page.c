/* What people read: terminal, Markdown, HTML and figures. Foreign text stays text, whatever it holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/paths.h"
#include "reports/format.h"
#include "reports/gnuplot.h"
#include "reports/html.h"
#include "reports/markdown.h"
#include "reports/markup.h"
#include "reports/plot.h"
#include "reports/run_text.h"
#include "reports/utf8.h"
#include "tests/unit/fake_result.h"

#define EVIL "<script>alert(1)</script>\"'&\xff\x1b[31m\n|`rm -rf /`\\ \xe2\x80\xae\xc3\xa9 {{title}} EOD"

static const struct run_origin origin = { .tool_version = "0.1.0",
					  .host = EVIL,
					  .command = "vibee-sim run --title " EVIL };
static const struct html_options no_plots = { .templates = "reports/templates", .origin = &origin, .no_plots = true };
static const struct html_options with_plots = { .templates = "reports/templates" };

/* A result with the same hostile text everywhere. */
static void evil_result(struct result *r)
{
	static const struct key_value inputs[] = { { EVIL, EVIL }, { "model." EVIL, EVIL } };
	static const char *const lines[] = { EVIL, NULL };
	static const struct operator_row operators[] = { { EVIL, EVIL, EVIL, EVIL, 2, 1e12, 1e10, 1, .1, .7 },
							 { NULL, NULL, NULL, NULL, 1, 0, 0, 1, .1, .3 } };
	static const struct memory_row memory[] = { { EVIL, 3e10 }, { "x", 2e10 } };
	static const struct slo_row slos[] = { { EVIL, 1, 2, false } };
	static struct class_row classes[] = { { .name = EVIL }, { .name = EVIL } };
	static const struct replica_row replicas[] = { { .pool = EVIL }, { .pool = NULL } };

	fake_result(r);
	r->title = EVIL;
	r->price_kind = EVIL;
	r->scenario = inputs;
	r->scenario_count = COUNT_OF(inputs);
	r->notes = r->not_modelled = lines;
	r->note_count = r->not_modelled_count = 1;
	r->operators = operators;
	r->operator_count = COUNT_OF(operators);
	r->memory = memory;
	r->memory_count = COUNT_OF(memory);
	r->slos = slos;
	r->slo_count = 1;
	r->classes = classes;
	r->class_count = COUNT_OF(classes);
	r->replica_rows = replicas;
	r->replica_count = COUNT_OF(replicas);
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* Every line's width without colour, the widest of them; lines counts them. */
static size_t widest_line(const char *text, size_t *lines)
{
	size_t widest = 0;
	char line[1024];

	*lines = 0;
	while (*text) {
		size_t n = 0;

		while (*text && *text != '\n') {
			if (*text == '\033') {
				text += strcspn(text, "m") + 1;
				continue;
			}
			if (n + 1 < sizeof(line))
				line[n++] = *text;
			text++;
		}
		line[n] = '\0';
		text += *text == '\n';
		widest = utf8_width(line) > widest ? utf8_width(line) : widest;
		CU_ASSERT_TRUE(n == 0 || line[n - 1] != ' ');
		(*lines)++;
	}
	return widest;
}

static void fits_a_screen(void)
{
	static const struct term terms[] = {
		{ false, false, 100 }, { true, false, 100 }, { true, true, 220 }, { true, true, 80 }
	};
	struct result r;

	for (size_t i = 0; i < COUNT_OF(terms); i++) {
		struct str text = { 0 };
		struct err err = { 0 };
		size_t lines;

		fake_result(&r);
		CU_ASSERT_TRUE(run_text(&r, &terms[i], &text, &err));
		CU_ASSERT_TRUE(widest_line(text.text, &lines) <= (terms[i].width < 100 ? terms[i].width : 100));
		CU_ASSERT_TRUE(lines >= 35 && lines <= (terms[i].width < 100 ? 60u : 48u));
		CU_ASSERT_EQUAL(strchr(text.text, '\033') != NULL, terms[i].color);
		if (!terms[i].utf8)
			for (const char *p = text.text; *p; p++)
				CU_ASSERT_TRUE_FATAL((unsigned char)*p < 0x80);
		CU_ASSERT_PTR_NOT_NULL(strstr(text.text, "981 ms"));
		CU_ASSERT_PTR_NOT_NULL(strstr(text.text, "attention decode"));
		str_release(&text);
	}
}

static void text_is_clean(void)
{
	static const struct term term = { true, false, 100 };
	struct str text = { 0 };
	struct result r;

	evil_result(&r);
	CU_ASSERT_TRUE(run_text(&r, &term, &text, NULL));
	CU_ASSERT_PTR_NULL(strchr(text.text, '\033'));
	CU_ASSERT_PTR_NULL(strstr(text.text, "\xff"));
	CU_ASSERT_PTR_NULL(strstr(text.text, "\xe2\x80\xae"));
	str_clear(&text);
	r = (struct result){ 0 };
	CU_ASSERT_TRUE(run_text(&r, &term, &text, NULL));
	str_release(&text);
}

static void tables_align(void)
{
	static const struct table_column columns[] = { { "name", false }, { "n", true } };
	struct term term = term_plain(40);
	struct str text = { 0 };
	struct table *t = table_new(columns, 2);

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	table_cell(t, STYLE_PLAIN, "\xe6\xbc\xa2\xe5\xad\x97");
	table_cell(t, STYLE_PLAIN, "1");
	table_cell(t, STYLE_BAD, "a\tb\n");
	table_cellf(t, STYLE_PLAIN, "%d", 1234);
	table_cell(t, STYLE_PLAIN, "short row");
	CU_ASSERT_TRUE(table_print(t, &term, 2, &text, NULL));
	CU_ASSERT_STRING_EQUAL(text.text, "  name          n\n  ---------------\n  \xe6\xbc\xa2\xe5\xad\x97          "
					  "1\n  a b        1234\n  short row\n");
	str_clear(&text);
	term.width = 14;
	CU_ASSERT_TRUE(table_print(t, &term, 0, &text, NULL));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.text, "short r~\n"));
	table_free(t);
	str_release(&text);
}

/* What tells rows apart is never cut: it is broken at blanks, and its words stay whole. */
static void labels_go_on(void)
{
	static const struct table_column columns[] = { { "variant", COLUMN_LABEL }, { "n", COLUMN_NUMBER }, { "note", COLUMN_TEXT } };
	struct term term = term_plain(24);
	struct str text = { 0 };
	struct table *t = table_new(columns, 3);

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	table_cell(t, STYLE_PLAIN, "tp=4 with=none kv=fp8");
	table_cell(t, STYLE_PLAIN, "1");
	table_cell(t, STYLE_PLAIN, "good");
	table_cell(t, STYLE_PLAIN, "tp=8");
	CU_ASSERT_TRUE(table_print(t, &term, 1, &text, NULL));
	CU_ASSERT_STRING_EQUAL(text.text, " variant         n  note\n -----------------------\n tp=4 with=none  1  good\n   kv=fp8\n tp=8\n");
	str_clear(&text);
	term.width = 4;
	CU_ASSERT_TRUE(table_print(t, &term, 0, &text, NULL));
	CU_ASSERT_STRING_EQUAL(text.text, "variant      n  note\n--------------------\ntp=4         1  good\n  with=none\n  kv=fp8\ntp=8\n");
	table_free(t);
	str_release(&text);
}

static void figures_read_well(void)
{
	char buf[2 * FORMAT_ROOM];

	CU_ASSERT_STRING_EQUAL(format_number(buf, 1234567), "1,234,567");
	CU_ASSERT_STRING_EQUAL(format_number(buf, -1234.5), "-1,234");
	CU_ASSERT_STRING_EQUAL(format_number(buf, 999), "999");
	CU_ASSERT_STRING_EQUAL(format_number(buf, 3.996), "4.00");
	CU_ASSERT_STRING_EQUAL(format_number(buf, 0.25), "0.25");
	CU_ASSERT_STRING_EQUAL(format_number(buf, NAN), "-");
	CU_ASSERT_STRING_EQUAL(format_share(buf, 0.3141), "31.4 %");
	CU_ASSERT_STRING_EQUAL(format_share(buf, 1), "100 %");
	CU_ASSERT_STRING_EQUAL(format_usd(buf, 1234.5), "$1,234");
	CU_ASSERT_STRING_EQUAL(format_usd(buf, 0.00042), "$0.0004");
	CU_ASSERT_STRING_EQUAL(format_usd(buf, 3.609), "$3.61");
	CU_ASSERT_STRING_EQUAL(format_usd(buf, 9994999), "$9,994,999");
	CU_ASSERT_STRING_EQUAL(format_usd(buf, 67904257), "$67.9 M");
	CU_ASSERT_STRING_EQUAL(format_usd(buf, 999.6e6), "$1000 M");
	CU_ASSERT_STRING_EQUAL(format_usd(buf, -12.34e9), "$-12.3 B");
	CU_ASSERT_STRING_EQUAL(format_interval_s(buf, 1, 0.1), "900 ms to 1.10 s");
	CU_ASSERT_STRING_EQUAL(format_metric(buf, metric_find("memory.kv_bytes"), 48.9e9), "48.9 GB");
	CU_ASSERT_STRING_EQUAL(format_metric(buf, metric_find("output_throughput"), 923.07), "923.1 tokens/s");
	CU_ASSERT_STRING_EQUAL(format_metric(buf, metric_find("cost.usd_per_hour"), 11.99), "$11.99/h");
}

static void html_escapes(void)
{
	struct result r;
	struct str page = { 0 };
	struct err err = { 0 };
	size_t own;

	fake_result(&r);
	CU_ASSERT_TRUE(html_report(&r, &no_plots, &page, &err));
	own = count_of(str_text(&page), "<script>");
	CU_ASSERT_EQUAL(own, 1);
	str_clear(&page);
	evil_result(&r);
	CU_ASSERT_TRUE(html_report(&r, &no_plots, &page, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_EQUAL(count_of(str_text(&page), "<script>"), own);
	CU_ASSERT_TRUE(count_of(str_text(&page), "&lt;script&gt;alert(1)") > 10);
	CU_ASSERT_PTR_NULL(strchr(str_text(&page), '\033'));
	CU_ASSERT_PTR_NULL(strstr(str_text(&page), "\xff"));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&page), "\xc3\xa9"));
	/* What a run says is not read as a template. */
	CU_ASSERT_TRUE(count_of(str_text(&page), "{{title}}") > 5);
	/* Nothing is loaded from anywhere. */
	CU_ASSERT_PTR_NULL(strstr(str_text(&page), "http://"));
	CU_ASSERT_PTR_NULL(strstr(str_text(&page), "https://"));
	CU_ASSERT_PTR_NULL(strstr(str_text(&page), " src="));
	str_release(&page);
}

static void html_has_all_sections(void)
{
	static const char *const ids[] = { "latency", "throughput", "time",     "memory",
					   "cost",    "trust",      "scenario", "reproduce" };
	struct result r;
	struct str page = { 0 };
	struct err err = { 0 };

	fake_result(&r);
	CU_ASSERT_TRUE(html_report(&r, &with_plots, &page, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "");
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		char mark[64];

		snprintf(mark, sizeof(mark), "<section id=\"%s\">", ids[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&page), mark));
	}
	CU_ASSERT_PTR_NULL(strstr(str_text(&page), "{{"));
	CU_ASSERT_TRUE(count_of(str_text(&page), "<svg ") == PLOT_KINDS || strstr(str_text(&page), "gnuplot"));
	CU_ASSERT_EQUAL(count_of(str_text(&page), "gnuplot_canvas"), 0);        /* ids are unique in a page */
	str_clear(&page);
	r = (struct result){ 0 };
	CU_ASSERT_TRUE(html_report(&r, &with_plots, &page, &err));
	str_release(&page);
}

static void html_names_template_faults(void)
{
	char folder[] = "/tmp/vibee-html-XXXXXX", path[64], command[80];
	struct html_options options = { .templates = folder, .no_plots = true };
	struct str page = { 0 };
	struct result r;
	struct err err = { 0 };

	fake_result(&r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	CU_ASSERT_FALSE(html_report(&r, &options, &page, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "report.html"));
	snprintf(command, sizeof(command), "cp reports/templates/* %s", folder);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	CU_ASSERT_TRUE(paths_write(path, "one\ntwo {{latenzy}}", 19, NULL));
	err = (struct err){ 0 };
	CU_ASSERT_FALSE(html_report(&r, &options, &page, &err));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(err.text, "report.html:2: {{latenzy}} is not a part of the report, expected e.g. {{latency}}"));
	CU_ASSERT_TRUE(paths_write(path, "open {{title", 12, NULL));
	err = (struct err){ 0 };
	str_clear(&page);
	CU_ASSERT_TRUE(html_report(&r, &options, &page, &err));
	CU_ASSERT_STRING_EQUAL(str_text(&page), "open {{title");
	str_release(&page);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void markdown_escapes(void)
{
	struct result r;
	struct str text = { 0 };
	const char *line;

	evil_result(&r);
	CU_ASSERT_TRUE(markdown_report(&r, &origin, &text, NULL));
	CU_ASSERT_PTR_NULL(strstr(str_text(&text), "<script>"));
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&text), "\\|\\`rm"));
	/* Every table row has as many bars as its head, whatever the cells hold. */
	size_t want = 0;
	for (line = str_text(&text); *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')) {
		size_t bars = 0, n = strcspn(line, "\n");

		for (size_t i = 0; i < n; i++)
			bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
		CU_ASSERT_TRUE(want == 0 || bars == 0 || bars == want);
		want = bars;
	}
	str_release(&text);
}

static bool gnuplot_here(void)
{
	struct str svg = { 0 };
	struct err err = { 0 };
	bool ok = gnuplot_svg("set term svg\nplot 1\n", "x", "x", false, &svg, &err);

	str_release(&svg);
	if (!ok)
		printf("(no figures were drawn here: %s) ", err.text);
	return ok;
}

static void plots_draw(void)
{
	char folder[] = "/tmp/vibee-plot-XXXXXX", path[64];
	struct result r, empty = { 0 };

	if (!gnuplot_here())
		return;
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	for (int kind = 0; kind < PLOT_KINDS; kind++) {
		for (int evil = 0; evil < 2; evil++) {
			struct str svg = { 0 };
			struct err err = { 0 };

			if (evil)
				evil_result(&r);
			else
				fake_result(&r);
			CU_ASSERT_TRUE(plot_svg(kind, &r, &(struct plot_style){ .standalone = true }, &svg, &err));
			CU_ASSERT_STRING_EQUAL(err.text, "");
			CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&svg), "currentColor"));
			CU_ASSERT_PTR_NULL(strstr(str_text(&svg), "rgb("));
			CU_ASSERT_PTR_NULL(strstr(str_text(&svg), "<script>"));
			CU_ASSERT_PTR_NULL(strstr(str_text(&svg), "{{title}} EOD\n"));
			str_release(&svg);
		}
		CU_ASSERT_FALSE(plot_has_data(kind, &empty));
		snprintf(path, sizeof(path), "%s/p.svg", folder);
		CU_ASSERT_FALSE(plot_write(kind, &empty, path, NULL));
		CU_ASSERT_TRUE(plot_write(kind, &r, path, NULL));
		CU_ASSERT_TRUE(paths_is_file(path));
		remove(path);
	}
	rmdir(folder);
}

static void gnuplot_failures_are_errors(void)
{
	char *path = getenv("PATH") ? mem_strdup(getenv("PATH")) : NULL;
	struct result r;
	struct str out = { 0 };
	struct err err = { 0 };

	if (gnuplot_here()) {
		struct str script = { 0 };

		CU_ASSERT_FALSE(gnuplot_svg("no such command\n", "x", "x", false, &out, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INTERNAL);
		CU_ASSERT_PTR_NULL(strchr(err.text, '\n'));
		/* It stops reading long before the script ends: an error, not a broken pipe. */
		str_add(&script, "exit status 3\n");
		for (int i = 0; i < 100000; i++)
			str_add(&script, "# a line that nobody reads\n");
		err = (struct err){ 0 };
		CU_ASSERT_FALSE(gnuplot_svg(str_text(&script), "x", "x", false, &out, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INTERNAL);
		str_release(&script);
	}
	setenv("PATH", "/nowhere", 1);
	fake_result(&r);
	err = (struct err){ 0 };
	CU_ASSERT_FALSE(plot_svg(PLOT_CDF, &r, &(struct plot_style){ 0 }, &out, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_IO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "gnuplot is not installed"));
	str_clear(&out);
	err = (struct err){ 0 };
	CU_ASSERT_TRUE(html_report(&r, &with_plots, &out, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_PTR_NOT_NULL(strstr(str_text(&out), "figures need gnuplot"));
	if (path)
		setenv("PATH", path, 1);
	mem_free(path);
	str_release(&out);
}

static bool write_text(const struct result *r, struct str *out, struct err *err)
{
	static const struct term term = { true, true, 100 };

	return run_text(r, &term, out, err);
}

static bool write_html(const struct result *r, struct str *out, struct err *err)
{
	return html_report(r, &no_plots, out, err);
}

static bool write_markdown(const struct result *r, struct str *out, struct err *err)
{
	return markdown_report(r, &origin, out, err);
}

static bool write_scripts(const struct result *r, struct str *out, struct err *err)
{
	for (int kind = 0; kind < PLOT_KINDS; kind++)
		plot_script(kind, r, &(struct plot_style){ 0 }, out);
	return !out->failed || err_memory(err);
}

static void every_allocation_may_fail(void)
{
	static bool (*const writers[])(const struct result *, struct str *,
				       struct err *) = { write_text, write_html, write_markdown, write_scripts };
	struct result r;

	for (size_t w = 0; w < COUNT_OF(writers); w++) {
		bool done = false;

		fake_result(&r);
		for (size_t n = 1; !done && n < 4000; n += n < 200 ? 1 : 7) {
			struct str out = { 0 };
			struct err err = { 0 };

			mem_fail_after(n);
			done = writers[w](&r, &out, &err);
			mem_fail_after(0);
			if (!done)
				CU_ASSERT_EQUAL(err.kind, ERR_INTERNAL);
			str_release(&out);
		}
		CU_ASSERT_TRUE(done);
	}
}

CU_TestInfo suite_report_page[] = {
	{ "the run's text fits a screen", fits_a_screen },
	{ "terminal text is clean", text_is_clean },
	{ "tables align", tables_align }, { "labels go on in the next line", labels_go_on },
	{ "figures read well", figures_read_well },
	{ "HTML escapes hostile names", html_escapes },
	{ "HTML has all its sections", html_has_all_sections },
	{ "template faults are named", html_names_template_faults },
	{ "Markdown escapes hostile names", markdown_escapes },
	{ "plots draw, hostile names too", plots_draw },
	{ "gnuplot failures are errors", gnuplot_failures_are_errors },
	{ "every allocation may fail", every_allocation_may_fail },
	CU_TEST_INFO_NULL,
};
