#include "cli/run_outputs.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/paths.h"
#include "cli/progress.h"
#include "cli/version.h"
#include "reports/html.h"
#include "reports/markdown.h"
#include "reports/report_junit.h"
#include "reports/run_json.h"
#include "reports/run_text.h"

static const char *text_if_known(const struct call *call, const char *name)
{
	return option_find(call->command, name) ? call_text(call, name) : NULL;
}

bool run_files_choose(const struct call *call, struct run_files *out, struct err *err)
{
	static const char *const files[] = { "json", "html", "report", "markdown", "junit", "requests-csv", "chrome-trace" };
	const char *first = NULL;

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		const char *file = text_if_known(call, files[i]);

		if (!file || strcmp(file, "-") != 0)
			continue;
		if (first)
			return err_set(err, ERR_INPUT, "--%s and --%s: both to standard output; expected at most one there", first, files[i]);
		first = files[i];
	}
	out->json = text_if_known(call, "json");
	out->html = text_if_known(call, "report");
	if (!out->html)
		out->html = text_if_known(call, "html");
	out->markdown = text_if_known(call, "markdown");
	out->junit = text_if_known(call, "junit");
	out->text = !first && !(option_find(call->command, "quiet") && call_flag(call, "quiet"));
	return true;
}

void run_origin_here(const struct call *call, struct run_origin *out)
{
	struct utsname host;

	*out = (struct run_origin){ .kind = "run", .tool_version = vibee_version(), .command = call_line(call) };
	if (uname(&host) == 0)
		out->host = arena_printf(call->arena, "%s (%s %s, %ld CPUs)", host.nodename, host.sysname, host.machine,
					 sysconf(_SC_NPROCESSORS_ONLN));
}

bool run_settle(const struct scenario *sc, double wall_s, struct result *r, struct err *err)
{
	r->wall_s = wall_s;
	r->requests_per_s = r->completed / wall_s;
	r->peak_rss_bytes = peak_rss_bytes();
	return r->scenario_hash[0] || scenario_hash(sc, vibee_version(), r->scenario_hash, err);
}

bool run_is_quick(const struct result *r)
{
	static const double most_s = 1;

	return r->wall_s <= most_s;
}

const char *run_database(const struct call *call, struct err *err)
{
	const char *asked = call_text(call, "db"), *copy;
	struct str usual = { 0 };

	if (asked)
		return asked;
	store_default_path(&usual);
	copy = usual.failed ? NULL : arena_strdup(call->arena, str_text(&usual));
	str_release(&usual);
	if (!copy)
		err_memory(err);
	return copy;
}

/* Keeps the first error of several. */
static bool note(bool ok, struct err *inner, struct err *err)
{
	if (!ok)
		err_set(err, inner->kind, "%s", inner->text);
	*inner = (struct err){ 0 };
	return ok;
}

static bool write_json(const struct result *r, const char *path, struct err *err)
{
	struct run_json_options options = { .pretty = true, .series = true };
	struct str out = { 0 };
	bool ok = run_json(r, &options, &out, err);

	ok = ok && paths_write_str(path, &out, err);
	str_release(&out);
	return ok;
}

static bool write_markdown(const struct result *r, const struct run_origin *origin, const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok = markdown_report(r, origin, &out, err) && paths_write_str(path, &out, err);

	str_release(&out);
	return ok;
}

static bool write_junit(const struct result *r, const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok = run_junit(r, &out, err) && paths_write_str(path, &out, err);

	str_release(&out);
	return ok;
}

static bool write_html(const struct result *r, const struct run_origin *origin, const char *path, struct err *err)
{
	struct html_options options = { .origin = origin };
	struct str out = { 0 };
	bool ok = html_report(r, &options, &out, err) && paths_write_str(path, &out, err);

	str_release(&out);
	return ok;
}

static bool write_text(const struct result *r, const struct run_files *files, const char *database, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	bool ok = run_text(r, &term, &out, err);

	if (database)
		str_addf(&out, "\nrun %.12s  kept in %s ('vibee-sim report %.8s' shows it again)\n", r->run_id, database, r->run_id);
	if (files->html)
		str_addf(&out, "%sreport %s\n", database ? "" : "\n", files->html);
	ok = ok && paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

bool run_outputs(const struct result *r, const struct run_files *files, const struct run_origin *origin, const char *database,
		 struct err *err)
{
	struct err inner = { 0 };
	bool ok = true;

	if (files->json)
		ok = note(write_json(r, files->json, &inner), &inner, err) && ok;
	if (files->html)
		ok = note(write_html(r, origin, files->html, &inner), &inner, err) && ok;
	if (files->markdown)
		ok = note(write_markdown(r, origin, files->markdown, &inner), &inner, err) && ok;
	if (files->junit)
		ok = note(write_junit(r, files->junit, &inner), &inner, err) && ok;
	if (files->text)
		ok = note(write_text(r, files, database, &inner), &inner, err) && ok;
	return ok;
}
