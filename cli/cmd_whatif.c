/* vibee-sim whatif: one scenario against variants of it. */
#include <stdio.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "cli/study_outputs.h"
#include "cli/whatif_outputs.h"

static const struct option vary_table[] = {
	{ .name = "vary", .word = "NAME=A,B,C", .help = "what to change: any attribute of a scenario by its path or last word, with=..., "
							  "model=..., workload=...; 1..8 counts, 1..64*2 doubles (repeatable)" },
	{ .name = "list", .kind = OPTION_FLAG, .help = "one change at a time, not all combinations" },
	{ .name = "paired", .kind = OPTION_FLAG, .help = "first values together, second values together ..." },
	{ .name = "metric", .word = "NAME", .fallback = "output_throughput", .help = "figure of verdicts, waterfall and sensitivity: ttft_p99, tpot_p50, usd_per_1m_output_tokens ..." },
	{ .name = "columns", .word = "NAME,...", .help = "figures of the table" },
	{ .name = "waterfall", .kind = OPTION_FLAG, .help = "what each change (to its last value) contributes: alone, removed, Shapley share; 2 to 8 changes" },
	{ .name = "sensitivity", .kind = OPTION_FLAG, .help = "parameters of the base at -20 % and +20 %, and the model's own errors" },
	{ .name = "no-confidence", .kind = OPTION_FLAG, .help = "leave out how sure the differences are (fewer simulations)" },
};
static const struct option_group vary_options = OPTION_GROUP("Variants", vary_table);

static bool read_space(const struct call *call, struct space *space, struct err *err)
{
	for (size_t i = 0; i < call->setting_count; i++) {
		const struct setting *s = &call->settings[i];

		if (strcmp(s->option->name, "vary") == 0 &&
		    !space_add(space, s->value, arena_printf(call->arena, "--vary %s", s->value), call->arena, err))
			return false;
	}
	if (space->count == 0 && !call_flag(call, "sensitivity"))
		return err_set(err, ERR_INPUT, "whatif: nothing to vary; expected --vary NAME=A,B,..., for example --vary tp=1,2,4");
	return true;
}

static bool read_options(const struct call *call, struct whatif_options *o, struct err *err)
{
	const char *metric = call_text(call, "metric");
	bool list = call_flag(call, "list"), paired = call_flag(call, "paired");

	if (list && paired)
		return err_set(err, ERR_INPUT, "--list and --paired: expected at most one of them");
	*o = (struct whatif_options){ .mode = list ? WHATIF_LIST : paired ? WHATIF_PAIRED : WHATIF_GRID, .threads = study_threads(call),
				      .figure = FIGURE_OUTPUT_THROUGHPUT, .confidence = !call_flag(call, "no-confidence"),
				      .waterfall = call_flag(call, "waterfall"), .sensitivity = call_flag(call, "sensitivity") };
	if (metric)
		o->figure = figure_find(metric, "--metric", err);
	return o->figure >= 0;
}

static bool read_columns(const struct call *call, struct whatif_view *view, struct err *err)
{
	static const int usual[] = { FIGURE_OUTPUT_THROUGHPUT, FIGURE_TTFT_P99, FIGURE_TPOT_P50, FIGURE_E2E_P99, FIGURE_USD_PER_1M_OUTPUT,
				     FIGURE_JOULES_PER_OUTPUT };
	const char *text = call_text(call, "columns");
	char *copy = text ? arena_strdup(call->arena, text) : NULL, *save = NULL;
	int figure = view->w->options.figure;
	bool there = false;

	for (size_t i = 0; !text && i < COUNT_OF(usual); i++)
		view->columns[view->column_count++] = usual[i];
	for (char *name = copy ? strtok_r(copy, ",", &save) : NULL; name; name = strtok_r(NULL, ",", &save)) {
		int f = figure_find(name, "--columns", err);

		if (f < 0)
			return false;
		if (view->column_count == TABLE_FIGURES_MOST)
			return err_set(err, ERR_INPUT, "--columns: expected at most %d figures", TABLE_FIGURES_MOST);
		view->columns[view->column_count++] = f;
	}
	for (size_t i = 0; i < view->column_count; i++)
		there |= view->columns[i] == figure;
	if (!there && view->column_count < TABLE_FIGURES_MOST)
		view->columns[view->column_count++] = figure;
	return true;
}

static void on_progress(void *ctx, size_t done, size_t of)
{
	char what[64];

	snprintf(what, sizeof(what), "%zu of %zu simulations", done, of);
	progress_show(ctx, (double)done / (double)of, what);
}

static bool keep(const struct call *call, const struct whatif_view *view, const struct str *document, struct err *err)
{
	const struct whatif *w = view->w;
	struct study_row *rows = arena_alloc(call->arena, w->variant_count * sizeof(*rows));
	const char *database;
	char id[33] = "";

	if (!rows)
		return err_memory(err);
	for (size_t i = 0; i < w->variant_count; i++) {
		const struct variant *v = &w->variants[i];
		struct str metrics = { 0 };
		struct json j;

		json_init(&j, &metrics, false);
		outcome_json(&j, NULL, &v->outcome);
		rows[i] = (struct study_row){ v->label, outcome_status_names[v->outcome.status], v->outcome.hash[0] ? v->outcome.hash : NULL,
					      arena_strdup(call->arena, str_text(&metrics)) };
		str_release(&metrics);
	}
	if (!study_keep(call, "whatif", view->title, str_text(document), rows, w->variant_count, id, &database, err))
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

static bool whatif_command(const struct call *call, struct err *err)
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
	if (!base || !read_space(call, space, err) || !read_options(call, &options, err))
		return false;
	w->options = options;
	if (!read_columns(call, &view, err))
		return false;
	progress_start(&progress, call_flag(call, "quiet"));
	ok = whatif_run(base, space, &options, on_progress, &progress, w, call->arena, err);
	progress_end(&progress);
	view.title = arena_printf(call->arena, "%s on %s, %s", base->model.name, base->hardware.system ? base->hardware.system :
				  base->hardware.device ? base->hardware.device : "h100", base->scheduler.name);
	return ok && outputs(call, &view, err);
}

const struct command command_whatif = {
	.name = "whatif", .summary = "one scenario against variants: deltas, contributions, sensitivities, how sure", .arguments = "[SCENARIO.xml]",
	.arguments_most = 1, .words = WORDS_FILE,
	.details = "Simulates the scenario and its variants under the same requests and shows what changes, the base first. Each difference is judged by "
		   "the expected errors of the operators under it: an error that both sides share (the same kernels on the same device) moves both "
		   "and does not count, one that only one side has does. Certain means 99 % or more, likely 80 % or more.",
	.groups = (const struct option_group *const[]){ &vary_options, &model_options, &hardware_options, &deployment_options, &scheduler_options,
							&workload_options, &scenario_options, &study_output_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim whatif --model llama-3.1-70b --tp 4 --vary tp=2,4,8 --vary kv_dtype=bf16,fp8 --metric tpot_p50", "a grid" },
		{ "vibee-sim whatif mine.xml --vary device=h200 --vary tp=8 --vary dtype=fp8 --waterfall --svg out.svg", "which change brings how much" },
		{ "vibee-sim whatif --sensitivity --metric ttft_p99", "what the answer depends on" },
		{ NULL, NULL } },
	.run = whatif_command,
};
