/* vibee-sim validate engine: a real inference engine on this host beside its own simulation, or alone. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/str.h"
#include "cli/groups.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "cli/validation_keep.h"
#include "reports/outfile.h"
#include "kernels/harness/machine.h"
#include "models/technique.h"
#include "validation/engine/engine_study.h"
#include "validation/gains.h"

extern const struct command validate_engine;

/* What runs on any laptop in seconds when nothing is said. */
static const char default_model[] = "llama:layers=8,hidden=512,heads=8,kv_heads=4,intermediate=1408,vocab=8192";

struct watch {
	struct progress progress;
	double most;
};

static void on_progress(void *ctx, size_t done)
{
	struct watch *w = ctx;

	if (progress_due(&w->progress))
		progress_show(&w->progress, w->most > 0 ? (double)done / w->most : NAN, "requests on the engine");
}

/* The scenario of the command line; its defaults are those of a CPU, not of a data centre. */
static struct scenario *engine_scenario(const struct call *call, struct err *err)
{
	struct scenario *sc = scenario_from_call(call, err);
	static const char *const loads[] = { "workload", "trace" };
	bool own_load = call_argument(call, 0) != NULL;

	if (!sc)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(loads); i++)
		own_load = own_load || call_text(call, loads[i]);
	if (!call_argument(call, 0) && !call_text(call, "model"))
		sc->model.name = default_model;
	/* Whose defaults of batching limits hold: a server's CPUs. */
	if (!call_argument(call, 0) && !call_text(call, "device") && !call_text(call, "system"))
		sc->hardware.device = "xeon-6980p-2s";
	if (!own_load) {
		struct workload *w = &sc->workload;
		double qps = call_text(call, "qps") ? w->qps : NAN;
		int64_t requests = w->requests, concurrency = w->concurrency;

		if (!scenario_workload(sc, NULL, call->arena, err))
			return NULL;
		w->prompt = (struct spread){ .kind = SPREAD_LOGNORMAL, .mu = 4.6, .sigma = 0.7, .least = 8, .most = 1024 };
		w->output = (struct spread){ .kind = SPREAD_LOGNORMAL, .mu = 3.2, .sigma = 0.6, .least = 2, .most = 256 };
		w->requests = call_text(call, "requests") ? requests : 64;
		w->concurrency = call_text(call, "concurrency") ? concurrency : 0;
		w->qps = qps;
		if (isnan(qps))
			w->arrivals.kind = ARRIVAL_ALL_AT_ONCE;
	}
	return sc;
}

static bool show(const struct call *call, const struct engine_outcome *o, struct err *err)
{
	const char *json = call_text(call, "json"), *requests = call_text(call, "requests-csv"), *iterations = call_text(call, "iterations-csv");
	bool to_stdout = (json && strcmp(json, "-") == 0) || (requests && strcmp(requests, "-") == 0) || (iterations && strcmp(iterations, "-") == 0);
	struct term term = term_detect(STDOUT_FILENO);
	struct measured_run run;
	struct str out = { 0 };
	bool ok = engine_measured(o, &run, call->arena, err);

	if (ok && !to_stdout && !call_flag(call, "quiet"))
		ok = engine_text(o, &run, &term, &out, err) && outfile_write("-", str_text(&out), out.length, err);
	str_clear(&out);
	ok = ok && (!json || (engine_json(o, &run, &out, err) && outfile_write(json, str_text(&out), out.length, err)));
	ok = ok && (!requests || engine_log_write_requests(&o->log, requests, err)) && (!iterations || engine_log_write_iterations(&o->log, iterations, err));
	str_release(&out);
	return ok;
}

/* "1,15,27" into ids; their number, or -1. */
static int64_t parse_ids(const char *text, int32_t *out, int64_t most, struct err *err)
{
	int64_t n = 0;

	for (const char *p = text; *p;) {
		char *end;
		long v = strtol(p, &end, 10);

		if (end == p || (*end && *end != ',') || v < 0 || v > INT32_MAX || n == most) {
			err_set(err, ERR_INPUT, "--prompt %.60s: expected token numbers such as 1,15,27, at most %lld", text, (long long)most);
			return -1;
		}
		out[n++] = (int32_t)v;
		p = *end ? end + 1 : end;
	}
	return n > 0 ? n : err_set(err, ERR_INPUT, "--prompt: expected token numbers such as 1,15,27") - 1;
}

/* What the model says after a prompt, as token numbers: a tokenizer is another program's work. */
static bool generate(const struct call *call, const struct scenario *sc, const struct engine_run_options *o, struct err *err)
{
	enum { PROMPT_MOST = 4096 };
	int64_t count = call_int(call, "tokens", 16), length;
	int32_t *prompt = arena_alloc(call->arena, PROMPT_MOST * sizeof(*prompt)), *out = arena_alloc(call->arena, (size_t)count * sizeof(*out));
	struct str text = { 0 };
	bool ok;

	if (!prompt || !out)
		return err_memory(err);
	length = parse_ids(call_text(call, "prompt"), prompt, PROMPT_MOST, err);
	if (length < 0 || !engine_generate(sc, o, prompt, length, count, out, err))
		return false;
	for (int64_t i = 0; i < count; i++)
		str_addf(&text, "%s%d", i ? "," : "", (int)out[i]);
	str_add(&text, "\n");
	ok = text.failed ? err_memory(err) : outfile_write("-", str_text(&text), text.length, err);
	str_release(&text);
	return ok;
}

static bool engine_alone(const struct call *call, struct err *err)
{
	struct scenario *sc = engine_scenario(call, err);
	struct watch watch = { .most = sc ? (double)sc->workload.requests : 0 };
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct engine_run_options o = { .weights = call_text(call, "weights"), .threads = (int)call_int(call, "threads", processors > 0 ? processors : 1),
					.pace = call_flag(call, "real-time") ? PACE_REAL_TIME : PACE_SKIP_IDLE, .progress = on_progress, .ctx = &watch };
	struct engine_outcome outcome;
	const char *clock = call_text(call, "clock");
	bool ok;

	if (!sc)
		return false;
	if (clock && strcmp(clock, "wall") != 0 && strcmp(clock, "cpu") != 0)
		return err_set(err, ERR_INPUT, "--clock %s: expected wall or cpu", clock);
	if (clock && strcmp(clock, "cpu") == 0)
		o.clock = CLOCK_OF_PROCESSOR;
	if (o.clock == CLOCK_OF_PROCESSOR && o.pace == PACE_REAL_TIME)
		return err_set(err, ERR_INPUT, "--clock cpu and --real-time: processor time does not pass while waiting; expected one of them");
	if (call_text(call, "prompt"))
		return generate(call, sc, &o, err);
	progress_start(&watch.progress, call_flag(call, "quiet"));
	ok = engine_run(sc, &o, &outcome, err);
	progress_end(&watch.progress);
	ok = ok && show(call, &outcome, err);
	engine_outcome_release(&outcome);
	return ok;
}

/* ---- the engine beside its simulation ---- */

static void on_study(void *ctx, double share, const char *what)
{
	struct watch *w = ctx;

	progress_show(&w->progress, share, what);
}

static bool keep(const struct call *call, const struct engine_study *s, struct err *err)
{
	size_t count;
	const struct validation_error *rows = engine_study_errors(s, &count, call->arena, err);

	return rows && validation_keep(call, "engine", rows, count, err);
}

static bool plot_all(const struct engine_study *s, const char *folder, struct arena *arena, struct err *err)
{
	struct str out = { 0 };
	bool ok = true;

	if (mkdir(folder, 0777) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "%s: cannot be made: %s", folder, strerror(errno));
	for (size_t i = 0; ok && i < s->count; i++) {
		const char *path = arena_printf(arena, "%s/%s.svg", folder, s->cases[i].name);

		str_clear(&out);
		ok = (path != NULL || err_memory(err)) && engine_study_plot(s, i, &out, err) && outfile_write(path, str_text(&out), out.length, err);
	}
	str_release(&out);
	return ok;
}

static bool show_study(const struct call *call, const struct engine_study *s, struct err *err)
{
	const char *json = call_text(call, "json"), *plots = call_text(call, "plots");
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	bool ok = true;

	if (!(json && strcmp(json, "-") == 0) && !call_flag(call, "quiet"))
		ok = (!call_flag(call, "operators") || engine_study_operators(s, &term, &out, err)) && engine_study_text(s, &term, &out, call->arena, err) && outfile_write("-", str_text(&out), out.length, err);
	str_clear(&out);
	ok = ok && (!json || (engine_study_json(s, &out, call->arena, err) && outfile_write(json, str_text(&out), out.length, err)));
	str_release(&out);
	return ok && (!plots || plot_all(s, plots, call->arena, err));
}

/* Tokens a second with the module over those without. */
static bool show_gain(const struct call *call, const struct engine_study *s, const char *module, struct err *err)
{
	struct engine_gain g = engine_study_gain(s, module);
	const char *json = call_text(call, "json");
	struct str out = { 0 };
	bool ok;

	if ((json && strcmp(json, "-") == 0) || call_flag(call, "quiet"))
		return true;
	str_addf(&out, "\n%s: output tokens a second, with over without: %.3g x predicted, %.3g x measured (%+.1f %%)\n", module, g.predicted, g.measured,
		 100 * (g.predicted / g.measured - 1));
	ok = out.failed ? err_memory(err) : outfile_write("-", str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

/* Modules without a comparison of kernels (validation/gains_cases.c) have this one in the tree. */
static bool keep_gain(const struct call *call, const struct engine_study *s, const char *module, struct err *err)
{
	struct engine_gain g = engine_study_gain(s, module);
	const struct technique *t = technique_load(arena_printf(call->arena, "%.*s", (int)strcspn(module, ":"), module), call->arena, err);
	const char *path = run_database(call, err), *key = t ? arena_printf(call->arena, "gain/%s", t->id) : NULL;
	struct str text = { 0 };
	struct machine machine;
	struct store *store;
	time_t now = time(NULL);
	struct tm utc;
	char at[24] = "";
	bool ok;

	for (const struct gain_case *c = gain_cases; t && c->module; c++)
		if (strcmp(c->module, t->id) == 0)
			return true;
	if (!path || !key || !machine_read(&machine, err))
		return false;
	if (gmtime_r(&now, &utc))
		strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &utc);
	store = store_open(path, err);
	ok = store && gain_record_write(&(struct gain_record){ .module = t->id, .kernel = "engine", .device = machine.cpu, .at = at, .predicted = g.predicted,
								.measured = g.measured }, &text, err) &&
	     store_put_outcome(store, key, "", str_text(&text), err);
	store_close(store);
	str_release(&text);
	return ok;
}

static bool engine_beside_simulation(const struct call *call, struct err *err)
{
	const char *clock = call_text(call, "clock");
	struct watch watch = { .most = NAN };
	struct engine_devices devices = { .folder = call_text(call, "calibration"), .quick = !call_flag(call, "full-calibration"), .fresh = call_flag(call, "calibrate"),
					  .age_s = 3600, .rounds = (int)call_int(call, "rounds", 0), .progress = on_study, .ctx = &watch };
	struct engine_study_options o = { .device = call_text(call, "device"), .devices = &devices, .only = call_text(call, "case"), .repeats = (int)call_int(call, "repeats", 3),
					  .clock = clock && strcmp(clock, "cpu") == 0 ? CLOCK_OF_PROCESSOR : CLOCK_OF_WALL, .scale = call_number(call, "scale", 1),
					  .with = call_text(call, "with"), .progress = on_study, .ctx = &watch };
	struct engine_study study;
	bool ok;

	if (clock && strcmp(clock, "cpu") != 0 && strcmp(clock, "wall") != 0)
		return err_set(err, ERR_INPUT, "--clock %s: expected wall or cpu", clock);
	progress_start(&watch.progress, call_flag(call, "quiet"));
	ok = engine_study_run(&o, &study, call->arena, err);
	progress_end(&watch.progress);
	return ok && show_study(call, &study, err) && (!o.with || show_gain(call, &study, o.with, err)) && (call_flag(call, "no-store") || (keep(call, &study, err) && (!o.with || keep_gain(call, &study, o.with, err))));
}

static bool engine_cmd(const struct call *call, struct err *err)
{
	return call_flag(call, "engine-only") ? engine_alone(call, err) : engine_beside_simulation(call, err);
}

static const struct option engine_table[] = {
	{ .name = "engine-only", .kind = OPTION_FLAG, .help = "run the engine, simulate nothing" },
	{ .name = "case", .word = "TEXT", .fallback = "all", .help = "only cases whose name holds this" },
	{ .name = "repeats", .word = "N", .kind = OPTION_INT, .least = 1, .most = 32, .fallback = "3", .help = "runs of each case; medians count" },
	{ .name = "scale", .word = "F", .kind = OPTION_NUMBER, .least = 0.05, .most = 100, .fallback = "1", .help = "factor on the number of requests of each case" },
	{ .name = "calibration", .word = "FOLDER", .words = WORDS_FILE, .fallback = "the user's devices", .help = "calibrations of this host, one a number of threads, lie there or are made there" },
	{ .name = "calibrate", .kind = OPTION_FLAG, .help = "calibrate anew; without it only when there is none or it is older than an hour" },
	{ .name = "full-calibration", .kind = OPTION_FLAG, .help = "calibrate on the fine grid (minutes), not the coarse one" },
	{ .name = "rounds", .word = "N", .kind = OPTION_INT, .least = 1, .most = 20, .fallback = "that of calibrate", .help = "rounds of a calibration made here" },
	{ .name = "operators", .kind = OPTION_FLAG, .help = "also seconds and calls of every operator of every case, measured and simulated" },
	{ .name = "plots", .word = "FOLDER", .help = "one figure a case: latencies and the batch over time, measured and simulated" },
	{ .name = "weights", .word = "FILE", .words = WORDS_FILE, .fallback = "random ones of --model", .help = "a model that runs: safetensors (config.json beside it) or GGUF" },
	{ .name = "prompt", .word = "N,N,...", .help = "with --engine-only: answer this prompt of token numbers, print the answer's" },
	{ .name = "tokens", .word = "N", .kind = OPTION_INT, .least = 1, .most = 100000, .fallback = "16", .help = "length of that answer" },
	{ .name = "real-time", .kind = OPTION_FLAG, .help = "wait for arrivals; otherwise the clock skips idle time" },
	{ .name = "clock", .word = "wall|cpu", .fallback = "wall", .help = "cpu: time of the engine's one thread, which other programs do not lengthen" },
	{ .name = "requests-csv", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "one CSV line a request, as measured" },
	{ .name = "iterations-csv", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "one CSV line an iteration: batch, tokens, cache blocks, time" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON; - (or nothing): standard output" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no report on standard output, no progress" },
};
static const struct option_group engine_options_group = OPTION_GROUP("Engine", engine_table);

const struct command validate_engine = {
	.name = "engine", .summary = "a real inference engine on this host beside its simulation", .arguments = "[SCENARIO.xml]", .arguments_most = 1, .words = WORDS_FILE,
	.details = "A continuous-batching engine over this program's kernels: Llama-style models, dense or with experts, random or loaded weights, paged "
		   "cache, chunked prefill, prefix cache, and the simulator's own scheduler code.\n"
		   "Without --engine-only: eleven cases (10 million to 1 billion parameters, dense and experts, fp32, bf16 and int8, several loads and limits) "
		   "are executed and simulated. The simulation knows the model, the load, operator times of kernels alone (vibee-sim calibrate; made here when "
		   "there are none of the last hour) and host time from a tiny model: nothing of it was measured on these models. Errors are those of each "
		   "request's latency, of percentiles, rates, batches and cache use; spread and pace say how steady the machine was.",
	.groups = (const struct option_group *const[]){ &engine_options_group, &model_options, &hardware_options, &scheduler_options, &workload_options, &scenario_options,
							&store_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim validate engine --plots figures --json engine.json", "all cases; some minutes on a machine of one's own" },
		{ "vibee-sim validate engine --with bitnet_b158_v1796", "a module of the tree: the engine with and without it, simulated and run" },
		{ "vibee-sim validate engine --case moe --repeats 5", "cases with experts, five runs each" },
		{ "vibee-sim validate engine --engine-only", "a small model under a small load" },
		{ "vibee-sim validate engine --engine-only --weights model.gguf --prompt 1,15,27 --tokens 32", "what a loaded model says" },
		{ "vibee-sim validate engine --engine-only --weights model.gguf --trace requests.csv --requests-csv out.csv", "a model of your own, a trace replayed" },
		{ NULL, NULL } },
	.run = engine_cmd,
};
