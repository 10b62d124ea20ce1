/* vibee-sim train: simulates a training job, or finds its best layout. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/str.h"
#include "cli/groups.h"
#include "cli/train_options.h"
#include "reports/train_report.h"
#include "sim/train/layout.h"
#include "sim/train/train.h"

static const struct option output_table[] = {
	{ .name = "best", .kind = OPTION_FLAG, .help = "find the best layout of --devices first: tp, pp, vp, cp, ep, micro-batch, ZeRO, recomputation" },
	{ .name = "objective", .word = "WHAT", .fallback = "step", .help = "of --best: step (time), cost or memory" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the result as JSON; - (or nothing): standard output" },
	{ .name = "chrome-trace", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "one step as a timeline for ui.perfetto.dev" },
	{ .name = "gantt", .word = "FILE.svg", .words = WORDS_FILE, .output = true, .help = "one step as a chart" },
	{ .name = "ignore-memory", .kind = OPTION_FLAG, .help = "also simulate what does not fit" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no report on standard output" },
};
static const struct option_group train_output_options = OPTION_GROUP("Output", output_table);

static bool write_json(const struct train_result *r, const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok;

	train_json(r, &out);
	ok = out.failed ? err_memory(err) : paths_write(path, str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

static bool write_gantt(const struct train_result *r, const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok = train_gantt_svg(r, true, &out, err) && paths_write(path, str_text(&out), out.length, err);

	str_release(&out);
	return ok;
}

static bool write_text(const struct train_result *r, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	bool ok = train_text(r, &term, &out, err) && paths_write("-", str_text(&out), out.length, err);

	str_release(&out);
	return ok;
}

static bool choose_objective(const char *text, enum layout_objective *out, struct err *err)
{
	for (int i = 0; layout_objective_names[i]; i++)
		if (!text || strcmp(layout_objective_names[i], text) == 0) {
			*out = (enum layout_objective)i;
			return true;
		}
	return err_set(err, ERR_INPUT, "--objective %s: expected step, cost or memory", text);
}

/* Replaces the job's layout by the best one, and says what was searched. */
static bool take_best(const struct call *call, struct job *job, struct err *err)
{
	struct layout_search search = { 0 };
	struct train_parts parts;
	char a[32], b[32];
	bool ok = choose_objective(call_text(call, "objective"), &search.objective, err) && train_parts_load(job, &parts, call->arena, err);

	if (!ok)
		return false;
	ok = layout_best(job, &parts, &search, call->arena, err);
	train_parts_release(&parts);
	if (!ok)
		return false;
	*job = search.best;
	fprintf(stderr, "best of %s layouts, %s of them fit, in %.2f s\n", human_count(a, (double)search.candidates), human_count(b, (double)search.fitting),
		search.wall_s);
	return true;
}

static bool train_command(const struct call *call, struct err *err)
{
	const char *json = call_text(call, "json"), *trace = call_text(call, "chrome-trace"), *gantt = call_text(call, "gantt");
	struct train_wishes wishes = { .spans = trace || gantt, .any_memory = call_flag(call, "ignore-memory") };
	struct job *job = job_from_call(call, err);
	struct train_result r;

	if (job && call_flag(call, "best") && !take_best(call, job, err))
		return false;
	if (!job || !train_run(job, &wishes, &r, call->arena, err))
		return false;
	if (json && !write_json(&r, json, err))
		return false;
	if (trace && !train_trace_write(&r, trace, err))
		return false;
	if (gantt && !write_gantt(&r, gantt, err))
		return false;
	return (json && json[0] == '-') || call_flag(call, "quiet") || write_text(&r, err);
}

const struct command command_train = {
	.name = "train", .summary = "simulate a training or fine-tuning job", .arguments = "[JOB.xml]", .arguments_most = 1, .words = WORDS_FILE,
	.details = "Prices every operator of the forward and backward passes, runs the pipeline of one step event by event, adds up the memory of the fullest "
		   "device, and simulates checkpoints and failures over the whole job: step time, tokens a second, MFU, days, device-hours, cost, energy.",
	.groups = (const struct option_group *const[]){ &job_model_options, &job_layout_options, &job_batch_options, &job_run_options, &train_output_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim train --model llama-3.1-8b --system dgx-h100 --devices 64 --tp 2 --micro-batch 1 --global-batch 512 --sequence 8192 --tokens 1e12", "8B on 64 H100" },
		{ "vibee-sim train --model llama-3.1-405b --system dgx-h100 --devices 16384 --tp 8 --pp 16 --vp 8 --global-batch 2048 --sequence 8192 --tokens 15.6e12", "Llama 3's largest" },
		{ "vibee-sim train --model gpt:layers=48,hidden=6144,heads=64,vocab=51200 --device a100 --stack megatron-2022 --tp 8 --micro-batch 4 --global-batch 4 --sequence 2048 --recompute full", "Megatron's 22B" },
		{ "vibee-sim train --model llama-3.1-405b --system dgx-h100 --devices 16384 --global-batch 2048 --sequence 8192 --best", "the fastest layout" },
		{ NULL, NULL } },
	.run = train_command,
};
