/* vibee-sim validate published: serving results that others published, row by row beside their simulation. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "cli/validation_keep.h"
#include "reports/outfile.h"
#include "reports/store.h"
#include "validation/published_report.h"
#include "validation/technique_rows.h"
#include "validation/training.h"

extern const struct command validate_published;

static const char curated[] = "validation/published/serving.csv", stored[] = "validation/published/baseline.csv";

static void on_progress(void *ctx, double share)
{
	struct progress *p = ctx;

	if (progress_due(p))
		progress_show(p, share, "published rows");
}

static bool keep(const struct call *call, const struct published_study *s, struct err *err)
{
	size_t count;
	const struct validation_error *rows = published_errors(s, &count, err);

	return rows && validation_keep(call, "published", rows, count, err);
}

static bool show_text(const struct call *call, const struct published_study *s, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	bool ok = published_text(s, (size_t)call_int(call, "worst", 20), &term, &out, err) &&
		  outfile_write("-", str_text(&out), out.length, err);

	str_release(&out);
	return ok;
}

static bool write_with(bool (*fill)(const struct published_study *, struct str *, struct err *), const struct published_study *s,
		       const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok = fill(s, &out, err) && outfile_write(path, str_text(&out), out.length, err);

	str_release(&out);
	return ok;
}

static bool write_report(const struct call *call, const struct published_study *s, const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok = published_html(s, (size_t)call_int(call, "worst", 200), &out, err) && outfile_write(path, str_text(&out), out.length, err);

	str_release(&out);
	return ok;
}

/* Drift is judged on the shipped table as a whole only. */
static bool baseline(const struct call *call, const struct published_study *s, struct err *err)
{
	const char *path = call_text(call, "baseline");

	if (!path && (call_text(call, "rows") || call_text(call, "source") || call_text(call, "accelerator") || call_text(call, "model")))
		return call_flag(call, "update-baseline") ?
			       err_set(err, ERR_INPUT, "--update-baseline: with --rows and parts of the table it takes --baseline FILE") : true;
	if (!path && !(path = paths_data(stored, call->arena, err)))
		return false;
	return call_flag(call, "update-baseline") ? published_baseline_write(s, path, err) : published_baseline_check(s, path, err);
}

static bool training_cmd(const struct call *call, struct err *err);

/* Figures of the technology tree's modules. */
static bool area_cmd(const struct call *call, const char *area, struct err *err)
{
	const char *json = call_text(call, "json");
	struct technique_rows rows;
	struct str out = { 0 };
	bool ok = technique_rows_load(strcmp(area, "all") == 0 ? NULL : area, &rows, call->arena, err);

	if (ok && rows.count == 0)
		return err_set(err, ERR_INPUT, "--area %s: no published rows; expected all, arch, compiler, data, kv, lora, optim, serving or spec", area);
	ok = ok && technique_rows_run(&rows, call->arena, err);
	if (ok && !(json && strcmp(json, "-") == 0))
		ok = technique_rows_text(&rows, &out, err) && outfile_write("-", str_text(&out), out.length, err);
	str_clear(&out);
	if (ok && json)
		ok = technique_rows_json(&rows, &out, err) && outfile_write(json, str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

static bool published_cmd(const struct call *call, struct err *err)
{
	const char *json = call_text(call, "json"), *plot = call_text(call, "plot"), *html = call_text(call, "report");
	const char *const files[] = { json, plot, html };
	struct progress progress;
	struct published_options o = { .path = call_text(call, "rows"), .source = call_text(call, "source"),
				       .accelerator = call_text(call, "accelerator"), .model = call_text(call, "model"),
				       .intervals = (size_t)call_int(call, "intervals", 64), .threads = (int)call_int(call, "threads", 0), .progress = on_progress, .ctx = &progress };
	int to_stdout = 0;
	bool ok;
	struct published_study *s;

	if (call_text(call, "area"))
		return area_cmd(call, call_text(call, "area"), err);
	if (call_flag(call, "training"))
		return training_cmd(call, err);
	for (size_t i = 0; i < COUNT_OF(files); i++)
		to_stdout += files[i] && strcmp(files[i], "-") == 0;
	if (to_stdout > 1)
		return err_set(err, ERR_INPUT, "--json, --plot and --report: %d of them to standard output; expected at most one there", to_stdout);
	if (!o.path && !(o.path = paths_data(curated, call->arena, err)))
		return false;
	progress_start(&progress, call_flag(call, "quiet"));
	if (call_flag(call, "progress"))
		progress_lines(&progress);
	s = published_validate(&o, err);
	progress_end(&progress);
	ok = s && (to_stdout || show_text(call, s, err)) && (!json || write_with(published_json, s, json, err)) &&
	     (!plot || write_with(published_plot, s, plot, err)) && (!html || write_report(call, s, html, err)) && (call_flag(call, "no-store") || keep(call, s, err)) &&
	     baseline(call, s, err);
	published_study_free(s);
	return ok;
}

static bool keep_training(const struct call *call, const struct training_study *s, struct err *err)
{
	size_t count;
	const struct validation_error *rows = training_errors(s, &count, err);

	return rows && validation_keep(call, "published training rows", rows, count, err);
}

static bool training_cmd(const struct call *call, struct err *err)
{
	static const char shipped[] = "validation/published/training.csv";
	const char *json = call_text(call, "json");
	struct progress progress;
	struct training_filter f = { .path = call_text(call, "rows"), .source = call_text(call, "source"), .accelerator = call_text(call, "accelerator"),
				     .model = call_text(call, "model"), .fitted_rows = call_flag(call, "fitted-rows"), .progress = on_progress, .ctx = &progress };
	struct training_study *s;
	struct str out = { 0 };
	bool ok;

	if (!f.path && !(f.path = paths_data(shipped, call->arena, err)))
		return false;
	progress_start(&progress, call_flag(call, "quiet"));
	s = training_validate(&f, err);
	progress_end(&progress);
	ok = s != NULL;
	if (ok && !(json && strcmp(json, "-") == 0)) {
		struct term term = term_detect(STDOUT_FILENO);

		ok = training_text(s, (size_t)call_int(call, "worst", 20), &term, &out, err) && paths_write_str("-", &out, err);
		str_release(&out);
	}
	if (ok && json) {
		ok = training_json(s, &out, err) && outfile_write(json, str_text(&out), out.length, err);
		str_release(&out);
	}
	ok = ok && (call_flag(call, "no-store") || keep_training(call, s, err));
	training_study_free(s);
	return ok;
}

static const struct option published_table[] = {
	{ .name = "area", .word = "AREA", .help = "figures of the technology tree in this area; all: every area" },
	{ .name = "training", .kind = OPTION_FLAG, .help = "training rows (the shipped validation/published/training.csv)" },
	{ .name = "fitted-rows", .kind = OPTION_FLAG, .help = "training: the rows that coefficients may be fitted to, instead of those held out" },
	{ .name = "rows", .word = "FILE", .words = WORDS_FILE, .fallback = "the shipped validation/published/serving.csv", .help = "CSV of published rows" },
	{ .name = "source", .word = "TEXT", .fallback = "all", .help = "only rows whose source holds this" },
	{ .name = "accelerator", .word = "TEXT", .fallback = "all", .help = "only rows whose accelerator holds this" },
	{ .name = "model", .word = "TEXT", .fallback = "all", .help = "only rows whose model holds this" },
	{ .name = "worst", .word = "N", .kind = OPTION_INT, .least = 0, .most = 1e6, .fallback = "20; 200 in --report", .help = "list so many of the rows over 40 %" },
	{ .name = "intervals", .word = "N", .kind = OPTION_INT, .least = 0, .most = 1e6, .fallback = "64", .help = "so many of the simulations also at both ends of their 80 % interval, evenly spread" },
	{ .name = "threads", .word = "N", .kind = OPTION_INT, .least = 0, .most = 64, .fallback = "0, all processors", .help = "threads; results do not depend on it" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON (vibee.validate/1), each row with its scenario; - (or nothing): standard output" },
	{ .name = "plot", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "simulated against published TTFT and TPOT as SVG" },
	{ .name = "report", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "an HTML page: simulated against published, groups, the rows furthest off" },
	{ .name = "baseline", .word = "FILE", .words = WORDS_FILE, .fallback = "the shipped validation/published/baseline.csv", .help = "stored medians to check against (exit status 1 when worse by over 2 points)" },
	{ .name = "update-baseline", .kind = OPTION_FLAG, .help = "store the medians instead of checking them" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" },
	{ .name = "no-store", .kind = OPTION_FLAG, .help = "do not keep the errors in the database" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no progress bar" },
	{ .name = "progress", .kind = OPTION_FLAG, .help = "progress also where standard error is no terminal: a line every five seconds" },
};
static const struct option_group published_options_group = OPTION_GROUP("Options", published_table);

const struct command validate_published = {
	.name = "published", .summary = "published serving results beside their simulation",
	.details = "Turns each row (model, accelerator, precision, layout, lengths, load, metric) into a scenario, simulates it and reports the "
		   "errors by source, accelerator, model and metric; a row that cannot be simulated says why. Rows of one setting share a "
		   "simulation. For server results with latency limits the highest rate that keeps them is searched.",
	.groups = (const struct option_group *const[]){ &published_options_group, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim validate published", "the shipped table, in half a minute of processor time; exit status 1 when a group drifted" },
		{ "vibee-sim validate published --rows mine.csv --worst 50", "figures of your own" },
		{ "vibee-sim validate published --report published.html", "a page to read and to sort" },
		{ "vibee-sim validate published --json - | jq '.summary[]|select(.by==\"source\")'", "the errors for a program" },
		{ NULL, NULL } },
	.run = published_cmd,
};
