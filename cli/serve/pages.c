/* The pages that browse what is stored: runs, studies. Each works without script. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/paths.h"
#include "cli/serve/comparing.h"
#include "cli/serve/dress.h"
#include "cli/serve/filter.h"
#include "cli/serve/form.h"
#include "cli/serve/server.h"
#include "cli/stored_study.h"
#include "cli/train_outputs.h"
#include "reports/format.h"
#include "reports/html.h"
#include "reports/markup.h"
#include "reports/page.h"
#include "reports/sheet.h"

enum { ROWS_A_PAGE = 50 };

static const struct table_column run_columns[] = {
	{ "", false }, { "run", false }, { "at (UTC)", false }, { "kind", false }, { "title", false }, { "requests", true }, { "tokens/s", true },
	{ "TTFT P99", true }, { "TPOT P99", true }, { "USD/1M out", true }, { "SLOs", false },
};

static void link_cell(struct sheet *t, const char *folder, const char *id, const char *text)
{
	struct str link = { 0 };

	str_addf(&link, "<a href=\"/%s/%s\">", folder, id);
	markup_add(&link, text);
	str_add(&link, "</a>");
	sheet_markup(t, STYLE_STRONG, text, str_text(&link));
	str_release(&link);
}

/* Runs that serve no requests have no such figures. */
static void number_cell(struct sheet *t, char *(*write)(char *buf, double value), char *buf, double value, const struct stored_run *r)
{
	bool there = isfinite(value) && r->completed > 0;

	sheet_number(t, STYLE_PLAIN, there ? value : NAN, there ? write(buf, value) : "");
}

static void run_row(struct sheet *t, const struct stored_run *r)
{
	char buf[FORMAT_ROOM], id[16];
	struct str box = { 0 };

	snprintf(id, sizeof(id), "%.10s", r->id);
	str_addf(&box, "<input type=\"checkbox\" name=\"run\" value=\"%.12s\" aria-label=\"compare run %s\">", r->id, id);
	sheet_markup(t, STYLE_PLAIN, "", str_text(&box));
	str_release(&box);
	link_cell(t, "runs", r->id, id);
	sheet_text(t, STYLE_FAINT, r->created_at);
	sheet_text(t, STYLE_PLAIN, r->kind);
	sheet_text(t, STYLE_PLAIN, r->title);
	number_cell(t, human_count, buf, r->completed, r);
	number_cell(t, human_count, buf, r->output_throughput, r);
	number_cell(t, human_seconds, buf, r->ttft_p99_s, r);
	number_cell(t, human_seconds, buf, r->tpot_p99_s, r);
	number_cell(t, format_usd, buf, r->usd_per_1m_output_tokens, r);
	sheet_text(t, r->slos_met == 0 ? STYLE_BAD : STYLE_GOOD, r->slos_met < 0 ? "" : r->slos_met ? "met" : "missed");
}

static void input(struct str *out, const char *label, const char *name, const char *value, const char *hint)
{
	str_addf(out, "<label>%s <input name=\"%s\" value=\"", label, name);
	markup_add(out, value ? value : "");
	str_add(out, "\" placeholder=\"");
	markup_add(out, hint);
	str_add(out, "\"></label>\n");
}

static void filter_form(struct str *out, const struct request *r, const struct store_filter *f)
{
	str_add(out, "<form class=\"fields\" method=\"get\" action=\"/\">\n");
	input(out, "Title has", "title", f->title, "llama");
	input(out, "Kind", "kind", f->kind, "run, train");
	input(out, "Where", "where", request_param(r, "where"), "deployment.tp=4");
	input(out, "Since (UTC)", "since", f->since, "2026-03-01");
	str_add(out, "<label>Order <select name=\"order\">\n");
	for (size_t i = 0; store_orders[i]; i++)
		str_addf(out, "<option%s>%s</option>", text_equal(f->order, store_orders[i]) ? " selected" : "", store_orders[i]);
	str_addf(out, "</select></label>\n<label class=\"tick\"><input type=\"checkbox\" name=\"ascending\" value=\"1\"%s> ascending</label>\n"
		      "<button>Show</button>\n</form>\n", f->ascending ? " checked" : "");
}

/* A link to the same query at another offset. */
static void page_link(struct str *out, const struct request *r, int64_t offset, const char *text)
{
	str_add(out, "<a href=\"/?");
	for (size_t i = 0; i < r->param_count; i++) {
		if (strcmp(r->params[i].name, "offset") == 0)
			continue;
		request_encode(out, r->params[i].name);
		str_add(out, "=");
		request_encode(out, r->params[i].value);
		str_add(out, "&amp;");
	}
	str_addf(out, "offset=%" PRId64 "\">%s</a> ", offset, text);
}

static bool runs_table(const struct stored_run *rows, size_t count, struct str *out, struct err *err)
{
	struct sheet *t = sheet_new(run_columns, NULL, COUNT_OF(run_columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < count; i++)
		run_row(t, &rows[i]);
	ok = sheet_html(t, out, err);
	sheet_free(t);
	return ok;
}

static bool fill_runs(const struct server *s, const struct request *r, struct reply *reply, struct err *err)
{
	const struct stored_run *rows = NULL;
	struct store_filter filter;
	struct store *store = NULL;
	struct str *out = &reply->body;
	int64_t total = 0, after;
	size_t count = 0;
	bool ok = filter_from_request(r, ROWS_A_PAGE, &filter, err);
	char summary[160];

	if (ok && paths_is_file(s->database))
		ok = (store = server_store(s, err)) && store_count(store, &filter, &total, err) && store_list(store, &filter, r->arena, &rows, &count, err);
	store_close(store);
	after = filter.offset + (int64_t)count;
	snprintf(summary, sizeof(summary), "%" PRId64 " run%s%s", total, total == 1 ? "" : "s", s->token ? "" : "; nothing is written: started without a token");
	if (!ok || !dress_begin(reply, "/", "Runs", summary, err))
		return false;
	filter_form(out, r, &filter);
	if (count == 0)
		page_text(out, paths_is_file(s->database) ? "No run fits." : "Nothing is stored yet: `vibee-sim run` keeps what it simulates.");
	str_add(out, "<form method=\"get\" action=\"/compare\">\n");
	if (count > 0 && !runs_table(rows, count, out, err))
		return false;
	if (count > 1)
		str_add(out, "<p><button>Compare the two ticked</button></p>\n");
	str_add(out, "</form>\n<p>");
	if (filter.offset > 0)
		page_link(out, r, filter.offset > filter.limit ? filter.offset - filter.limit : 0, "Before");
	if (after < total)
		page_link(out, r, after, "More");
	str_add(out, "</p>\n");
	return page_end(out, err);
}

static void runs_page(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct err err = { 0 };

	(void)word;
	if (!fill_runs(s, r, reply, &err))
		dress_failure(reply, &err);
}

/* The report; *about says which run it is. */
static bool run_report(const struct server *s, const struct request *r, const char *name, struct stored_run *about, struct str *out, struct err *err)
{
	struct store *store = server_store(s, err);
	struct result *result = arena_alloc(r->arena, sizeof(*result));
	struct run_origin origin;
	bool ok = store && (result || err_memory(err)) && store_get_run(store, name, r->arena, result, about, err);

	store_close(store);
	if (!ok)
		return false;
	origin = (struct run_origin){ .kind = about->kind, .tool_version = about->tool_version, .host = about->host, .command = about->command,
				      .created_at = about->created_at };
	if (strcmp(about->kind, "train") == 0)
		return train_again_html(result, r->arena, out, err);
	return html_report(result, &(struct html_options){ .origin = &origin }, out, err);
}

static void run_page(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct str report = { 0 }, more = { 0 };
	struct stored_run about = { 0 };
	struct err err = { 0 };

	if (run_report(s, r, word, &about, &report, &err)) {
		if (strcmp(about.kind, "run") == 0)
			str_addf(&more, "<p class=\"doings\"><a href=\"/whatif?run=%s\">Change it and simulate</a> <a href=\"/compare?run=%s&amp;run=last\">"
					"Compare with the newest</a> <a href=\"/api/runs/%s\">JSON</a></p>\n", about.id, about.id, about.id);
		dress_report(reply, "/", str_text(&more), &report);
	} else {
		if (err.kind == ERR_INPUT)
			reply->status = HTTP_NOT_FOUND;
		dress_failure(reply, &err);
	}
	str_release(&more);
	str_release(&report);
}

static bool fill_studies(const struct server *s, const struct request *r, struct reply *reply, struct err *err)
{
	static const struct table_column columns[] = { { "study", false }, { "at (UTC)", false }, { "kind", false }, { "title", false }, { "rows", true } };
	const struct stored_study *rows = NULL;
	struct store *store = NULL;
	struct sheet *t;
	char text[40];
	size_t count = 0;
	bool ok = true;

	if (paths_is_file(s->database))
		ok = (store = server_store(s, err)) && store_list_studies(store, request_param(r, "kind"), ROWS_MOST, r->arena, &rows, &count, err);
	store_close(store);
	if (!ok || !dress_begin(reply, "/studies", "Studies", "What-ifs, searches and validations", err))
		return false;
	if (count == 0) {
		page_text(&reply->body, "No study is stored yet: `vibee-sim whatif`, `search` and `validate` keep theirs.");
		return page_end(&reply->body, err);
	}
	t = sheet_new(columns, NULL, COUNT_OF(columns));
	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%.10s", rows[i].id);
		link_cell(t, "studies", rows[i].id, text);
		sheet_text(t, STYLE_FAINT, rows[i].created_at);
		sheet_text(t, STYLE_PLAIN, rows[i].kind);
		sheet_text(t, STYLE_PLAIN, rows[i].title);
		snprintf(text, sizeof(text), "%" PRId64, rows[i].rows);
		sheet_number(t, STYLE_PLAIN, (double)rows[i].rows, text);
	}
	ok = sheet_html(t, &reply->body, err) && page_end(&reply->body, err);
	sheet_free(t);
	return ok;
}

static void studies_page(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct err err = { 0 };

	(void)word;
	if (!fill_studies(s, r, reply, &err))
		dress_failure(reply, &err);
}

static void study_page(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct str report = { 0 }, more = { 0 };
	struct err err = { 0 };
	struct store *store = server_store(s, &err);
	struct stored_study study;

	if (store && store_get_study(store, NULL, word, r->arena, &study, &err)) {
		str_addf(&more, "<p class=\"doings\"><a href=\"/api/studies/%s\">JSON</a></p>\n", study.id);
		if (study_show(store, NULL, study.id, STUDY_HTML, r->arena, &report, &err))
			dress_report(reply, "/studies", str_text(&more), &report);
		else
			dress_failure(reply, &err);
	} else {
		if (err.kind == ERR_INPUT)
			reply->status = HTTP_NOT_FOUND;
		dress_failure(reply, &err);
	}
	store_close(store);
	str_release(&more);
	str_release(&report);
}

/* Browsers ask for it unasked. */
static void no_icon(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	(void)s;
	(void)r;
	(void)word;
	reply->status = HTTP_NOTHING;
}

const struct route page_routes[] = {
	{ "GET", "/", runs_page, NULL },
	{ "GET", "/runs/:", run_page, NULL },
	{ "GET", "/studies", studies_page, NULL },
	{ "GET", "/studies/:", study_page, NULL },
	{ "GET", "/compare", compare_page, NULL },
	{ "GET", "/whatif", form_page, NULL },
	{ "GET", "/favicon.ico", no_icon, NULL },
	{ NULL, NULL, NULL, NULL },
};
