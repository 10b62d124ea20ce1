#include "cli/train_outputs.h"

#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/str.h"
#include "cli/run_outputs.h"
#include "reports/outfile.h"
#include "reports/train_report.h"
#include "sim/train/train.h"

static bool gantt(const struct train_result *r, struct str *out, struct err *err)
{
	return train_gantt_svg(r, true, out, err);
}

static bool json(const struct train_result *r, struct str *out, struct err *err)
{
	train_json(r, out);
	return out->failed ? err_memory(err) : true;
}

static bool write_with(bool (*fill)(const struct train_result *r, struct str *out, struct err *err), const struct train_result *r, const char *path,
		       struct err *err)
{
	struct str out = { 0 };
	bool ok = fill(r, &out, err) && outfile_write(path, str_text(&out), out.length, err);

	str_release(&out);
	return ok;
}

static bool write_text(const struct train_result *r, const char *database, const char *html, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	bool ok = train_text(r, &term, &out, err);

	if (database)
		str_addf(&out, "\nrun %.12s  kept in %s ('vibee-sim report %.8s' shows it again)\n", r->run_id, database, r->run_id);
	if (html)
		str_addf(&out, "%sreport %s\n", database ? "" : "\n", html);
	ok = ok && paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

bool train_show(const struct train_result *r, struct err *err)
{
	return write_text(r, NULL, NULL, err);
}

static const char *asked(const struct call *call, const char *name)
{
	return option_find(call->command, name) ? call_text(call, name) : NULL;
}

bool train_outputs(const struct call *call, const struct train_result *r, const char *database, struct err *err)
{
	const char *to_json = asked(call, "json"), *html = asked(call, "report") ? asked(call, "report") : asked(call, "html");
	const char *trace = asked(call, "chrome-trace"), *chart = asked(call, "gantt");
	bool quiet = option_find(call->command, "quiet") && call_flag(call, "quiet");

	if (to_json && !write_with(json, r, to_json, err))
		return false;
	if (html && !write_with(train_html, r, html, err))
		return false;
	if (trace && !train_trace_write(r, trace, err))
		return false;
	if (chart && !write_with(gantt, r, chart, err))
		return false;
	return quiet || (to_json && strcmp(to_json, "-") == 0) || (html && strcmp(html, "-") == 0) || write_text(r, database, html, err);
}

static bool simulate_again(const struct result *stored, bool spans, struct train_result *r, struct arena *arena, struct err *err)
{
	struct train_wishes wishes = { .spans = spans, .any_memory = true };
	struct job *job = job_new(arena, err);

	for (size_t i = 0; job && i < stored->scenario_count; i++)
		if (!schema_set(&job_element, job, stored->scenario[i].key, stored->scenario[i].value, "stored run", arena, err))
			return false;
	if (!job || !train_run(job, &wishes, r, arena, err))
		return false;
	memcpy(r->run_id, stored->run_id, sizeof(r->run_id));
	return true;
}

bool train_again(const struct call *call, const struct result *stored, struct err *err)
{
	struct train_result r;

	return simulate_again(stored, asked(call, "html") != NULL, &r, call->arena, err) && train_outputs(call, &r, NULL, err);
}

bool train_again_html(const struct result *stored, struct arena *arena, struct str *out, struct err *err)
{
	struct train_result r;

	return simulate_again(stored, true, &r, arena, err) && train_html(&r, out, err);
}
