/* vibee-sim train: simulates a training job, or finds its best layout. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/groups.h"
#include "cli/run_outputs.h"
#include "cli/train_options.h"
#include "cli/train_outputs.h"
#include "cli/train_search.h"
#include "cli/train_vary.h"
#include "reports/store.h"
#include "reports/train_report.h"
#include "sim/train/train.h"

static const struct option output_table[] = {
	{ .name = "best", .kind = OPTION_FLAG, .help = "find the best layout of --devices first: tp, pp, vp, cp, ep, micro-batch, ZeRO, recomputation" },
	{ .name = "objective", .word = "WHAT", .fallback = "step", .help = "of --best: step (time), cost or memory" },
	{ .name = "space", .word = "WHICH", .fallback = "layouts", .help = "of --best: layouts, or executions (as well: kinds and overlap of collectives, host memory, networks)" },
	{ .name = "vary", .word = "NAME=A,B,...", .help = "against variants: every crossing of the axes given (repeatable), the base first" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the result as JSON; - (or nothing): standard output" },
	{ .name = "report", .word = "FILE.html", .words = WORDS_FILE, .output = true, .help = "self-contained HTML report with the chart of a step" },
	{ .name = "chrome-trace", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "one step as a timeline for ui.perfetto.dev" },
	{ .name = "gantt", .word = "FILE.svg", .words = WORDS_FILE, .output = true, .help = "one step as a chart" },
	{ .name = "ignore-memory", .kind = OPTION_FLAG, .help = "also simulate what does not fit" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no report on standard output" },
};
static const struct option_group train_output_options = OPTION_GROUP("Output", output_table);

static bool keep(const struct call *call, const char *path, struct train_result *r, struct err *err)
{
	struct store *store = store_open(path, err);
	struct run_origin origin;
	struct result figures;
	bool ok;

	run_origin_here(call, &origin);
	origin.kind = "train";
	train_figures(r, &figures);
	ok = store && store_put_run(store, &origin, &figures, err);
	store_close(store);
	if (ok)
		memcpy(r->run_id, figures.run_id, sizeof(r->run_id));
	return ok;
}

static bool train_command(const struct call *call, struct err *err)
{
	struct train_wishes wishes = { .spans = call_text(call, "chrome-trace") || call_text(call, "gantt") || call_text(call, "report"),
				       .any_memory = call_flag(call, "ignore-memory") };
	struct job *job = job_from_call(call, err);
	const char *database = NULL;
	struct layout_search search;
	struct train_result r;
	bool kept;

	if (!job || (!call_flag(call, "no-store") && !(database = run_database(call, err))))
		return false;
	if (call_flag(call, "best") && !take_best(call, job, &search, err))
		return false;
	if (call_text(call, "vary"))
		return train_vary(call, job, err);
	if (!train_run(job, &wishes, &r, call->arena, err))
		return false;
	/* What cannot be kept is still worth showing. */
	kept = !database || keep(call, database, &r, err);
	return train_outputs(call, &r, kept ? database : NULL, err) && kept;
}

const struct command command_train = {
	.studies = true, .name = "train", .summary = "simulate a training or fine-tuning job", .arguments = "[JOB.xml]", .arguments_most = 1, .words = WORDS_FILE,
	.details = "Prices every operator of the forward and backward passes, runs the pipeline of one step event by event, adds up the memory of the fullest "
		   "device, and simulates checkpoints and failures over the whole job: step time, tokens a second, MFU, days, device-hours, cost, energy.",
	.groups = (const struct option_group *const[]){ &job_model_options, &job_layout_options, &job_batch_options, &job_run_options, &train_output_options, &store_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim train --model llama-3.1-8b --system dgx-h100 --devices 64 --tp 2 --micro-batch 1 --global-batch 512 --sequence 8192 --tokens 1e12", "8B on 64 H100" },
		{ "vibee-sim train --model llama-3.1-405b --system dgx-h100 --devices 16384 --tp 8 --pp 16 --vp 8 --global-batch 2048 --sequence 8192 --tokens 15.6e12", "Llama 3's largest" },
		{ "vibee-sim train --model gpt:layers=48,hidden=6144,heads=64,vocab=51200 --device a100 --stack megatron-2022 --tp 8 --micro-batch 4 --global-batch 4 --sequence 2048 --recompute full", "Megatron's 22B" },
		{ "vibee-sim train --model llama-3.1-405b --system dgx-h100 --devices 16384 --global-batch 2048 --sequence 8192 --best", "the fastest layout" },
		{ "vibee-sim train llama3-405b --vary tp=4,8 --vary recompute=none,full", "variants of a job of the catalog" },
		{ NULL, NULL } },
	.run = train_command,
};
