/* vibee-sim validate kernels: predicts shapes that calibration did not measure, then measures them. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "cli/validation_keep.h"
#include "reports/outfile.h"
#include "reports/store.h"
#include "validation/gains.h"
#include "validation/kernels_validate.h"
#include "validation/prefix_replay.h"

extern const struct command validate_kernels;

static bool keep(const struct call *call, const struct kernels_study *s, struct err *err)
{
	size_t count;
	const struct validation_error *rows = kernels_errors(s, call->arena, &count, err);

	return rows && validation_keep(call, "kernels", rows, count, err);
}

static void show(void *ctx, double share, const char *what)
{
	progress_show(ctx, share, what);
}

static bool outputs(const struct call *call, const struct kernels_study *s, struct err *err)
{
	const char *json = call_text(call, "json"), *plot = call_text(call, "plot");
	struct term term = term_detect(STDOUT_FILENO);
	struct str text = { 0 }, document = { 0 }, svg = { 0 };
	bool ok = true;

	if (!isatty(STDOUT_FILENO) && term.width < 130)
		term.width = 130;
	if (json) {
		kernels_json(s, &document);
		ok = document.failed ? err_memory(err) : outfile_write(json, str_text(&document), document.length, err);
	}
	if (ok && !(json && !strcmp(json, "-")))
		ok = kernels_text(s, &term, &text, err) && outfile_write("-", str_text(&text), text.length, err);
	if (ok && plot)
		ok = kernels_plot(s, &svg, err) && outfile_write(plot, str_text(&svg), svg.length, err);
	str_release(&text);
	str_release(&document);
	str_release(&svg);
	return ok;
}

/* The prefix index ran on drawn sessions alone. */
static bool say_no_trace(const struct gains_study *s, struct str *out)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->rows[i].gain->module, "mooncake_v1881"))
			str_add(out, "prefix_index: no recorded trace given; --trace FILE replays one\n");
	return true;
}

static bool show_gains(const struct call *call, const struct gains_study *s, struct err *err)
{
	const char *json = call_text(call, "json"), *csv = call_text(call, "csv");
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	bool ok = true;

	if (!isatty(STDOUT_FILENO) && term.width < 160)
		term.width = 160;
	if (json) {
		gains_json(s, &out);
		ok = out.failed ? err_memory(err) : outfile_write(json, str_text(&out), out.length, err);
	}
	str_clear(&out);
	if (ok && csv) {
		gains_csv(s, &out);
		ok = out.failed ? err_memory(err) : outfile_write(csv, str_text(&out), out.length, err);
	}
	str_clear(&out);
	if (ok && !(json && !strcmp(json, "-")) && !(csv && !strcmp(csv, "-")))
		ok = gains_text(s, call_flag(call, "parts"), &term, &out, err) && say_no_trace(s, &out) && outfile_write("-", str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

/* Errors for the history, and the newest comparison of each module for `tree`. */
static bool keep_gains(const struct call *call, const struct gains_study *s, struct err *err)
{
	const char *path = run_database(call, err);
	struct store *store = path ? store_open(path, err) : NULL;
	struct validation_error all = { .name = "gains", .held_out = true, .count = s->count, .median = s->median, .p90 = NAN };
	struct str text = { 0 };
	struct run_origin origin;
	bool ok = store != NULL;
	char id[33];

	run_origin_here(call, &origin);
	origin.kind = "validate";
	for (size_t i = 0; ok && i < s->count; i++) {
		const struct gain_row *r = &s->rows[i];
		const char *key = arena_printf(call->arena, "gain/%s", r->gain->module);

		str_clear(&text);
		if (isfinite(r->rel_error))
			ok = (key || err_memory(err)) && gain_record_text(r, s, &text, err) && store_put_outcome(store, key, origin.tool_version, str_text(&text), err);
	}
	ok = ok && store_put_validation(store, &origin, "gains", &all, 1, id, err);
	str_release(&text);
	store_close(store);
	return ok;
}

/* Modules of the tree: what each gains, predicted and measured. */
static bool gains_cmd(const struct call *call, struct err *err)
{
	struct progress progress;
	struct gains_study study;
	struct gains_options o = { .device = call_text(call, "device"), .area = call_text(call, "area"), .module = call_text(call, "module"),
				   .rounds = (int)call_int(call, "rounds", 5), .progress = show, .ctx = &progress };
	bool ok;

	progress_start(&progress, call_flag(call, "quiet"));
	ok = gains_run(&o, &study, call->arena, err);
	progress_end(&progress);
	return ok && show_gains(call, &study, err) && (call_flag(call, "no-store") || keep_gains(call, &study, err));
}

/* A recorded trace through the prefix index. */
static bool replay_cmd(const struct call *call, const char *path, struct err *err)
{
	const char *json = call_text(call, "json");
	struct prefix_replay r;
	struct str out = { 0 };
	bool ok;

	if (!prefix_replay_run(path, call_int(call, "pool-blocks", 0), &r, err))
		return false;
	if (json)
		prefix_replay_json(&r, &out);
	else
		prefix_replay_text(&r, &out);
	ok = out.failed ? err_memory(err) : outfile_write(json ? json : "-", str_text(&out), out.length, err);
	str_release(&out);
	if (ok && r.differing > 0)
		return err_set(err, ERR_CHECK, "--trace %s: the index and brute force differ in %lld requests", path, (long long)r.differing);
	return ok;
}

static bool is_core(const struct call *call)
{
	const char *area = call_text(call, "area");

	return !call_text(call, "module") && (!area || !strcmp(area, "core"));
}

static bool kernels_run(const struct call *call, struct err *err)
{
	struct progress progress;
	struct kernels_study study;
	struct kernels_options o = {
		.device = call_text(call, "device"), .area = call_text(call, "area"), .op = call_text(call, "op"),
		.seed = call_int(call, "seed", 1), .per_kernel = call_int(call, "shapes", 12), .rounds = (int)call_int(call, "rounds", 10),
		.threads = (int)call_int(call, "threads", 0), .progress = show, .ctx = &progress,
	};
	bool ok;

	if (call_text(call, "trace"))
		return replay_cmd(call, call_text(call, "trace"), err);
	if (!is_core(call))
		return gains_cmd(call, err);
	progress_start(&progress, call_flag(call, "quiet"));
	ok = kernels_validate(&o, &study, call->arena, err);
	progress_end(&progress);
	return ok && outputs(call, &study, err) && (call_flag(call, "no-store") || keep(call, &study, err));
}

static const struct option kernels_table[] = {
	{ .name = "device", .word = "NAME", .words = WORDS_DEVICES, .fallback = "here", .help = "the calibrated device that predicts" },
	{ .name = "area", .word = "NAME", .fallback = "core", .help = "core; or modules of the tree: arch compiler kv data optim spec serving lora, all" },
	{ .name = "module", .word = "ID", .fallback = "all", .words = WORDS_TECHNIQUES, .help = "of the tree: only that module's gain" },
	{ .name = "parts", .kind = OPTION_FLAG, .help = "with modules: every operator and kernel of both sides" },
	{ .name = "trace", .word = "FILE", .words = WORDS_FILE, .fallback = "none", .help = "replay its prompts through the prefix index (Mooncake) beside brute force, and nothing else" },
	{ .name = "pool-blocks", .word = "N", .kind = OPTION_INT, .least = 0, .most = 1e9, .fallback = "0: room for all", .help = "with --trace: blocks that the pool holds" },
	{ .name = "op", .word = "NAME", .fallback = "all", .help = "only kernels whose names begin so" },
	{ .name = "shapes", .word = "N", .kind = OPTION_INT, .least = 1, .most = 1000, .fallback = "12", .help = "shapes drawn a kernel" },
	{ .name = "rounds", .word = "N", .kind = OPTION_INT, .least = 1, .most = 16, .fallback = "10", .help = "visits of each, in random order" },
	{ .name = "threads", .word = "N", .kind = OPTION_INT, .least = 1, .most = 4096, .fallback = "as calibrated", .help = "threads that kernels use" },
	{ .name = "seed", .word = "N", .kind = OPTION_INT, .least = 0, .most = 1e15, .fallback = "1", .help = "other shapes" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON (vibee.validate/1); - (or nothing): standard output" },
	{ .name = "csv", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "with modules: one line each, as validation/gains.csv; - (or nothing): standard output" },
	{ .name = "plot", .word = "FILE", .words = WORDS_FILE, .help = "predicted against measured as SVG" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" },
	{ .name = "no-store", .kind = OPTION_FLAG, .help = "do not keep the errors in the database" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no progress" },
};
static const struct option_group kernels_options_group = OPTION_GROUP("Options", kernels_table);

const struct command validate_kernels = {
	.name = "kernels", .summary = "this host's kernels on shapes that calibration did not measure",
	.details = "Draws shapes inside the range of the calibration and not on its grid, asks the calibrated device for their times, then measures "
		   "them in rounds of random order. Samples taken while another program ran are set aside, as in calibration.",
	.groups = (const struct option_group *const[]){ &kernels_options_group, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim validate kernels", "all kernels against the device 'here'" },
		{ "vibee-sim validate kernels --area all", "every module's gain, predicted and measured" },
		{ "vibee-sim validate kernels --module kivi --parts", "one module, operator by operator" },
		{ "vibee-sim validate kernels --trace mooncake_trace.jsonl --pool-blocks 50000", "hits of a recorded trace, beside brute force" },
		{ "vibee-sim validate kernels --op gemm --shapes 40 --plot gemm.svg", "one kernel, with a plot" },
		{ NULL, NULL } },
	.run = kernels_run,
};
