/* vibee-sim report: a kept run or study as text, HTML, Markdown, JUnit XML or JSON. */
#include <string.h>

#include "base/str.h"
#include "cli/options.h"
#include "cli/run_outputs.h"
#include "cli/stored_study.h"

static const struct option report_table[] = {
	{ .name = "kind", .word = "NAME", .help = "which 'last' counts: run (also training), study, whatif, search, plan or validate" },
	{ .name = "html", .word = "FILE.html", .words = WORDS_FILE, .output = true, .help = "one self-contained page" },
	{ .name = "markdown", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "for issues and notebooks" },
	{ .name = "junit", .word = "FILE.xml", .words = WORDS_FILE, .output = true,
	  .help = "JUnit XML: a test case for every SLO of a run, variant of a what-if, candidate of a search, group of a validation" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "schema vibee.run/1, of studies what they printed" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" },
};
static const struct option_group report_options = OPTION_GROUP("Options", report_table);

/* Whether a run or else a study has that name. Neither: the error is that of the run. */
static bool names_study(const struct call *call, const char *name, bool *is_study, struct err *err)
{
	const char *path = run_database(call, err);
	struct store *store = path ? store_open_existing(path, err) : NULL;
	struct err no_run = { 0 }, no_study = { 0 };
	struct stored_study study;
	char id[33];
	bool run = store && store_resolve(store, name, id, &no_run);

	*is_study = store && !run && no_run.kind == ERR_INPUT && store_get_study(store, NULL, name, call->arena, &study, &no_study);
	store_close(store);
	if (store && !run && !*is_study)
		return err_set(err, no_run.kind, "%s", no_run.text);
	return store != NULL;
}

static bool report_run(const struct call *call, struct err *err)
{
	static const char *const kinds[] = { "run", "study", "whatif", "search", "plan", "validate" };
	const char *kind = call_text(call, "kind"), *name = call_argument(call, 0), *near;
	bool is_study = false;
	size_t k = 0;

	while (kind && k < COUNT_OF(kinds) && strcmp(kinds[k], kind) != 0)
		k++;
	if (kind && k == COUNT_OF(kinds)) {
		near = text_nearest(kind, kinds, COUNT_OF(kinds));
		return err_set(err, ERR_INPUT, "--kind %.40s: expected run, study, whatif, search, plan or validate%s%s%s", kind, near ? "; did you mean '" : "",
			       near ? near : "", near ? "'?" : "");
	}
	if (kind && k > 0)
		return show_stored_study(call, k == 1 ? NULL : kind, name ? name : "last", err);
	if (!kind && name && !text_starts(name, "last") && !names_study(call, name, &is_study, err))
		return false;
	return is_study ? show_stored_study(call, NULL, name, err) : show_stored_run(call, err);
}

const struct command command_report = {
	.name = "report", .summary = "show a kept run or study as text, HTML, Markdown, JUnit XML or JSON", .arguments = "[RUN|STUDY]", .arguments_most = 1,
	.words = WORDS_RUNS,
	.details = "RUN is the beginning of an id ('vibee-sim db list' shows them), 'last' -- also without one --, or 'last~N' for the N-th "
		   "before it; STUDY is that of a what-if, search, plan or validation. Without options the text goes to standard output; a file left "
		   "out or - is standard output, too.",
	.groups = (const struct option_group *const[]){ &report_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim report", "the newest run" },
		{ "vibee-sim report 3f9a --html run.html --markdown run.md", "another one, to files" },
		{ "vibee-sim report --kind search --html search.html", "the newest search" },
		{ NULL, NULL } },
	.run = report_run,
};
