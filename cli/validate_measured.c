/* vibee-sim validate measured: a user's own results beside the simulation of the scenario that produced them. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/str.h"
#include "cli/groups.h"
#include "cli/run_outputs.h"
#include "cli/validation_keep.h"
#include "reports/outfile.h"
#include "validation/measured_report.h"

extern const struct command validate_measured;

/* The scenario of the second argument: scenario_from_call takes the first. */
static struct scenario *scenario_of(const struct call *call, struct err *err)
{
	struct call rest = *call;

	rest.arguments = call->arguments + 1;
	rest.argument_count = call->argument_count - 1;
	return scenario_from_call(&rest, err);
}

static bool gives_load(const struct call *call)
{
	return call_argument(call, 1) || call_text(call, "workload") || call_text(call, "trace");
}

/* --load file|scenario; without it the file's own load, unless the command line brings one. */
static bool choose_load(const struct call *call, bool *own, struct err *err)
{
	const char *load = call_text(call, "load");

	*own = !gives_load(call);
	if (!load)
		return true;
	if (strcmp(load, "file") != 0 && strcmp(load, "scenario") != 0)
		return err_set(err, ERR_INPUT, "--load %s: expected file or scenario", load);
	*own = strcmp(load, "file") == 0;
	return true;
}

static bool layouts(const struct call *call, struct measured_file *file, struct scenario *sc, struct err *err)
{
	bool model = !call_argument(call, 1) && !call_text(call, "model"), layout = !call_argument(call, 1);
	static const char *const given[] = { "device", "system", "tp", "pp", "ep", "dtype" };

	for (size_t i = 0; i < COUNT_OF(given); i++)
		layout = layout && !call_text(call, given[i]);
	/* Runs of one file share their deployment: the first names it. */
	return measured_layout(&file->runs[0], sc, model, layout, call->arena, err);
}

static bool keep(const struct call *call, const struct measured_study *s, struct err *err)
{
	size_t count;
	const struct validation_error *rows = measured_errors(s, &count, call->arena, err);

	return rows && validation_keep(call, arena_printf(call->arena, "measured: %s", s->file->path), rows, count, err);
}

static bool show(const struct call *call, const struct measured_study *s, const char *saved, struct err *err)
{
	const char *json = call_text(call, "json"), *plot = call_text(call, "plot");
	bool to_stdout = (json && strcmp(json, "-") == 0) || (plot && strcmp(plot, "-") == 0), ok = true;
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };

	if (!to_stdout && !call_flag(call, "quiet")) {
		ok = measured_text(s, &term, &out, call->arena, err);
		if (ok && saved)
			str_addf(&out, "kept in %s; 'vibee-sim run --correction %s ...' applies it\n", saved, s->correction->name);
		ok = ok && outfile_write("-", str_text(&out), out.length, err);
	}
	str_clear(&out);
	ok = ok && (!json || (measured_json(s, &out, call->arena, err) && outfile_write(json, str_text(&out), out.length, err)));
	str_clear(&out);
	ok = ok && (!plot || (measured_plot(s, &out, err) && outfile_write(plot, str_text(&out), out.length, err)));
	str_release(&out);
	return ok;
}

static bool measured_cmd(const struct call *call, struct err *err)
{
	const char *fit = call_text(call, "fit"), *saved = NULL, *json = call_text(call, "json"), *plot = call_text(call, "plot");
	struct measured_file file;
	struct measured_study study;
	struct scenario *sc;
	bool own;

	if (json && plot && strcmp(json, "-") == 0 && strcmp(plot, "-") == 0)
		return err_set(err, ERR_INPUT, "--json and --plot: both to standard output; expected at most one there");
	if (fit && !correction_check_name(fit, err))
		return false;
	if (!choose_load(call, &own, err) || !measured_read(call_argument(call, 0), &file, call->arena, err) || !(sc = scenario_of(call, err)) ||
	    !layouts(call, &file, sc, err))
		return false;
	if (fit ? !measured_fit(&file, sc, own, fit, &study, &saved, call->arena, err) : !measured_compare(&file, sc, own, &study, call->arena, err))
		return false;
	return show(call, &study, saved, err) && (call_flag(call, "no-store") || keep(call, &study, err));
}

static const struct option measured_table[] = {
	{ .name = "load", .word = "file|scenario", .fallback = "file, unless a SCENARIO.xml, --workload or --trace is given",
	  .help = "whose traffic is simulated: what the file says was sent, or the scenario's" },
	{ .name = "fit", .word = "NAME", .help = "fit a correction of the device to these runs and keep it under this name" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON (vibee.validate/1); - (or nothing): standard output" },
	{ .name = "plot", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "simulated against measured latencies as SVG" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no table on standard output" },
};
static const struct option_group measured_options_group = OPTION_GROUP("Results", measured_table);

const struct command validate_measured = {
	.name = "measured", .summary = "your own results beside their simulation", .arguments = "FILE [SCENARIO.xml]",
	.arguments_least = 1, .arguments_most = 2, .words = WORDS_FILE,
	.details = "Reads what a benchmark wrote -- vllm bench serve (--save-result, better with --save-detailed), sglang bench_serving, InferenceX, "
		   "BLIS TraceV2, or a CSV with one line a request (prompt_tokens, output_tokens and ttft_s or e2e_s; arrival_s to replay it) -- "
		   "told by its fields, simulates the scenario that you say produced it under the same load, and lists the errors of every metric "
		   "that both have. Nothing is adjusted unless asked: --fit NAME fits a factor on operator times, host time a request and, from "
		   "several runs, host time a step, and keeps them under NAME; --correction NAME applies them, here and in run.",
	.groups = (const struct option_group *const[]){ &measured_options_group, &model_options, &hardware_options, &deployment_options, &scheduler_options,
							&workload_options, &scenario_options, &store_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim validate measured vllm-4qps.json --model llama-3.1-8b --device h100", "a result file of vLLM's benchmark" },
		{ "vibee-sim validate measured bench.jsonl mine.xml --load file --json -", "SGLang's, on a scenario of your own" },
		{ "vibee-sim validate measured runs.json --model qwen3-8b --device l40s --fit our-l40s", "fit a correction to several runs" },
		{ "vibee-sim validate measured other.json --model qwen3-8b --device l40s --correction our-l40s", "and check it on others" },
		{ NULL, NULL } },
	.run = measured_cmd,
};
