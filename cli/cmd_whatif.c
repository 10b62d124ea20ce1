/* vibee-sim whatif: one scenario against variants of it. */
#include <stdio.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "cli/study_outputs.h"
#include "cli/train_options.h"
#include "cli/train_vary.h"
#include "cli/whatif_options.h"
#include "cli/whatif_outputs.h"

static void on_progress(void *ctx, size_t done, size_t of)
{
	char what[64];

	snprintf(what, sizeof(what), "%zu of %zu simulations", done, of);
	progress_show(ctx, (double)done / (double)of, what);
}

static bool keep(const struct call *call, const struct whatif_view *view, const struct str *document, struct err *err)
{
	const struct study_row *rows = whatif_study_rows(view, call->arena, err);
	const char *database;
	char id[33] = "";

	if (!rows || !study_keep(call, "whatif", view->title, str_text(document), rows, view->w->variant_count, id, &database, err))
		return false;
	if (database && !call_flag(call, "quiet") && !call_text(call, "json"))
		printf("\nstudy %.12s  kept in %s\n", id, database);
	return true;
}

static bool drawing(const struct call *call, const struct whatif_view *view, bool tornado, const char *path, struct err *err)
{
	struct str svg = { 0 };
	bool ok = tornado ? whatif_tornado_svg(view, true, &svg, err) : whatif_waterfall_svg(view, true, &svg, err);

	return study_write(study_file(call, path, tornado ? "tornado" : "waterfall"), &svg, ok, err);
}

static bool outputs(const struct call *call, const struct whatif_view *view, struct err *err)
{
	const char *json = call_text(call, "json"), *csv = call_text(call, "csv"), *svg = call_text(call, "svg"), *html = call_text(call, "html");
	struct str document = { 0 }, out = { 0 }, copy = { 0 };
	bool ok = whatif_json(view, &document, err);

	if (svg && !view->w->change_count && !view->w->bar_count)
		ok = err_set(err, ERR_INPUT, "--svg: nothing to draw; expected --waterfall or --sensitivity with it");
	if (ok && json) {
		str_add_bytes(&copy, str_text(&document), document.length);
		ok = study_write(json, &copy, true, err);
	}
	if (ok && csv) {
		ok = whatif_csv(view, &copy, err);
		ok = study_write(csv, &copy, ok, err);
	}
	if (ok && svg && view->w->change_count)
		ok = drawing(call, view, false, svg, err);
	if (ok && svg && view->w->bar_count)
		ok = drawing(call, view, true, svg, err);
	if (ok && html) {
		ok = whatif_html(view, &copy, err);
		ok = study_write(html, &copy, ok, err);
	}
	if (ok && !call_flag(call, "quiet") && !(json && strcmp(json, "-") == 0) && !(csv && strcmp(csv, "-") == 0)) {
		ok = whatif_text(view, &out, err);
		ok = study_write("-", &out, ok, err);
	}
	ok = ok && keep(call, view, &document, err);
	str_release(&document);
	str_release(&copy);
	return ok;
}

static bool whatif_job(const struct call *call, struct err *err)
{
	static const char *const without[] = { "list", "paired", "metric", "columns", "waterfall", "sensitivity", NULL };
	struct job *job = job_of_study(call, without, err);

	return job && train_vary(call, job, err);
}

static bool whatif_scenario(const struct call *call, struct err *err)
{
	struct scenario *base = scenario_from_call(call, err);
	struct whatif *w = arena_alloc(call->arena, sizeof(*w));
	struct space *space = arena_alloc(call->arena, sizeof(*space));
	struct whatif_view view = { .w = w };
	struct whatif_options options;
	struct progress progress;
	bool ok;

	if (!w || !space)
		return err_memory(err);
	if (!base || !whatif_space(call, space, err) || !whatif_options_read(call, &options, err))
		return false;
	w->options = options;
	if (!whatif_columns(call_text(call, "columns"), &view, call->arena, err))
		return false;
	progress_start(&progress, call_flag(call, "quiet"));
	ok = whatif_run(base, space, &options, on_progress, &progress, w, call->arena, err);
	progress_end(&progress);
	view.title = whatif_title(base, call->arena);
	return ok && outputs(call, &view, err);
}

static bool whatif_command(const struct call *call, struct err *err)
{
	return call_text(call, "job") ? whatif_job(call, err) : whatif_scenario(call, err);
}

const struct command command_whatif = {
	.studies = true, .name = "whatif", .summary = "one scenario against variants: deltas, contributions, sensitivities, how sure", .arguments = "[SCENARIO.xml]",
	.arguments_most = 1, .words = WORDS_FILE,
	.details = "Simulates the scenario and its variants under the same requests and shows what changes, the base first. Each difference is judged by "
		   "the expected errors of the operators under it: an error that both sides share (the same kernels on the same device) moves both "
		   "and does not count, one that only one side has does. Certain means 99 % or more, likely 80 % or more.",
	.groups = (const struct option_group *const[]){ &vary_options, &model_options, &hardware_options, &deployment_options, &scheduler_options,
							&workload_options, &scenario_options, &study_output_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim whatif --model llama-3.1-70b --tp 4 --vary tp=2,4,8 --vary kv_dtype=bf16,fp8 --metric tpot_p50", "a grid" },
		{ "vibee-sim whatif mine.xml --vary device=h200 --vary tp=8 --vary dtype=fp8 --waterfall --svg out.svg", "which change brings how much" },
		{ "vibee-sim whatif --job deepseek-v3 --vary pp=8,16 --vary recompute=none,full", "variants of a training job" },
		{ "vibee-sim whatif --sensitivity --metric ttft_p99", "what the answer depends on" },
		{ NULL, NULL } },
	.run = whatif_command,
};
