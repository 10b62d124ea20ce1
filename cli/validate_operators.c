/* vibee-sim validate operators: the three cost providers against every measured operator in the tree. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/str.h"
#include "cli/options.h"
#include "cli/run_outputs.h"
#include "cli/validation_keep.h"
#include "reports/outfile.h"
#include "reports/store.h"
#include "validation/operators_elsewhere.h"
#include "validation/operators_modules.h"
#include "validation/operators_regions.h"
#include "validation/operators_report.h"

extern const struct command validate_operators;

static bool keep(const struct call *call, const struct operators_study *s, struct err *err)
{
	size_t count;
	const struct validation_error *rows = operators_errors(s, call->arena, &count, err);

	return rows && validation_keep(call, "operators", rows, count, err);
}

typedef bool fill_fn(const struct operators_study *s, const struct call *call, struct str *out, struct err *err);

static bool show(const struct call *call, const struct operators_study *s, fill_fn *fill, const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok = fill(s, call, &out, err) && outfile_write(path, str_text(&out), out.length, err);

	str_release(&out);
	return ok;
}

static struct operators_options options_of(const struct call *call)
{
	return (struct operators_options){ .device = call_text(call, "device"), .stack = call_text(call, "stack"), .op = call_text(call, "op"),
					   .most = (size_t)call_int(call, "points", 0), .incumbent = call_flag(call, "incumbent") };
}

/* In a file or a pipe names stay whole: rows are looked for by them. */
static bool fill_text(const struct operators_study *s, const struct call *call, struct str *out, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);

	(void)call;
	if (!isatty(STDOUT_FILENO))
		term.width = 160;
	return operators_text(s, &term, out, err);
}

static bool fill_json(const struct operators_study *s, const struct call *call, struct str *out, struct err *err)
{
	return operators_json(s, (size_t)call_int(call, "rows", 200), out, err);
}

static bool fill_html(const struct operators_study *s, const struct call *call, struct str *out, struct err *err)
{
	struct operators_options o = options_of(call);

	return operators_html(s, &o, out, err);
}

static bool plots(const char *folder, const struct operators_study *s, bool tell, struct err *err)
{
	size_t written;

	if (mkdir(folder, 0777) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "--plot %s: %s", folder, strerror(errno));
	if (!operators_plots(s, folder, &written, err))
		return false;
	if (tell)
		printf("%zu plots in %s\n", written, folder);
	return true;
}

static bool elsewhere(const struct operators_options *o, struct err *err)
{
	struct operators_elsewhere e;
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	bool ok = operators_elsewhere_run(o, &e, err) && operators_elsewhere_text(&e, &term, &out, err) &&
		  (out.length == 0 || outfile_write("-", str_text(&out), out.length, err));

	operators_elsewhere_release(&e);
	str_release(&out);
	return ok;
}

/* Latent attention as a whole module: shown beside the tables of operators, kept under names of its own. */
static bool modules(const struct call *call, const struct operators_options *o, bool print, struct err *err)
{
	struct operators_modules m;
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	const struct validation_error *rows;
	size_t count;
	bool ok = operators_modules_run(o, &m, err);

	if (ok && print && m.count)
		ok = operators_modules_text(&m, &term, &out, err) && outfile_write("-", str_text(&out), out.length, err);
	if (ok && m.count && !call_flag(call, "no-store")) {
		rows = operators_modules_errors(&m, call->arena, &count, err);
		ok = rows && validation_keep(call, "latent attention measured whole", rows, count, err);
	}
	operators_modules_release(&m);
	str_release(&out);
	return ok;
}

static bool keep_regions(const struct call *call, const struct operators_regions *r, struct err *err)
{
	size_t count;
	const struct validation_error *rows = operators_regions_errors(r, call->arena, &count, err);

	return rows && validation_keep(call, "operators beyond the sizes known", rows, count, err);
}

static bool regions(const struct call *call, const struct operators_options *o, bool print, struct err *err)
{
	struct operators_regions r;
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	bool ok = operators_regions_run(o, &r, err);

	if (ok && print)
		ok = operators_regions_text(&r, &term, &out, err) && outfile_write("-", str_text(&out), out.length, err);
	ok = ok && (call_flag(call, "no-store") || keep_regions(call, &r, err));
	operators_regions_release(&r);
	str_release(&out);
	return ok;
}

static bool operators_run(const struct call *call, struct err *err)
{
	const char *json = call_text(call, "json"), *html = call_text(call, "report"), *folder = call_text(call, "plot");
	struct operators_options o = options_of(call);
	bool to_stdout = (json && strcmp(json, "-") == 0) || (html && strcmp(html, "-") == 0), ok;
	struct operators_study *s;

	if (json && html && strcmp(json, "-") == 0 && strcmp(html, "-") == 0)
		return err_set(err, ERR_INPUT, "--json and --report: both to standard output; expected at most one there");
	s = operators_validate(&o, err);
	ok = s && (to_stdout || (show(call, s, fill_text, "-", err) && (o.stack || elsewhere(&o, err)))) && (!json || show(call, s, fill_json, json, err)) &&
	     (!html || show(call, s, fill_html, html, err)) && (!folder || plots(folder, s, !to_stdout, err)) &&
	     (call_flag(call, "no-store") || keep(call, s, err)) &&
	     (o.op || modules(call, &o, !to_stdout, err)) &&
	     (!call_flag(call, "regions") || regions(call, &o, !to_stdout, err));
	operators_study_free(s);
	return ok;
}

static const struct option operators_table[] = {
	{ .name = "device", .word = "NAME", .words = WORDS_DEVICES, .fallback = "all with tables", .help = "only this device" },
	{ .name = "stack", .word = "NAME", .fallback = "all", .help = "only this software: vllm, trtllm, sglang, nccl, oneccl, vidur, llmservingsim" },
	{ .name = "op", .word = "NAME", .words = WORDS_OPERATORS, .fallback = "all", .help = "only this operator" },
	{ .name = "points", .word = "N", .kind = OPTION_INT, .least = 0, .most = 1e9, .fallback = "0, all", .help = "at most so many points a group, taken evenly" },
	{ .name = "incumbent", .kind = OPTION_FLAG, .help = "trains random forests on the same points, without the sites they are asked for" },
	{ .name = "regions", .kind = OPTION_FLAG, .help = "also beyond the sizes known: m > 4096, kv_len > 32768 ... left out" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON (vibee.validate/1); - (or nothing): standard output" },
	{ .name = "rows", .word = "N", .kind = OPTION_INT, .least = 0, .most = 1e9, .fallback = "200", .help = "rows a group and provider in the JSON, taken evenly; its summary counts all" },
	{ .name = "plot", .word = "FOLDER", .words = WORDS_FILE, .help = "writes predicted against measured as DEVICE-OP.svg there" },
	{ .name = "report", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "tables and plots as one HTML page" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" },
	{ .name = "no-store", .kind = OPTION_FLAG, .help = "do not keep the errors in the database" },
};
static const struct option_group operators_options_group = OPTION_GROUP("Options", operators_table);

const struct command validate_operators = {
	.name = "operators", .summary = "measured, fitted and analytic operator times against the measured tables",
	.details = "Every point of hardware/tables is asked for again. The measured provider answers without the point's whole shape site "
		   "(the n,k of a GEMM, a head layout, an expert layout, a collective's ranks), the fitted one only where no fit saw the site, "
		   "the analytic one from the data sheet, without anything measured on that device; sister: the same, by the tables and laws of "
		   "its sisters (fits_of), scaled by the data sheets, else its own data sheet. Bars: 5/15 % (median/P90) for 16-bit products and attention, else 10/25 %.",
	.groups = (const struct option_group *const[]){ &operators_options_group, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim validate operators", "all devices, in a few seconds" },
		{ "vibee-sim validate operators --device h100 --op gemm --plot plots", "one device and operator, with scatter plots" },
		{ "vibee-sim validate operators --incumbent --regions", "beside random forests, and beyond the sizes known: a minute" },
		{ "vibee-sim validate operators --json - --rows 0 | jq .summary", "the errors for a program" },
		{ NULL, NULL } },
	.run = operators_run,
};
