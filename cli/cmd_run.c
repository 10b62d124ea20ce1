/* vibee-sim run: simulates serving a workload, says what came out, keeps it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/now.h"
#include "cli/batch_trace.h"
#include "cli/groups.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "reports/run_csv.h"
#include "reports/store.h"
#include "sim/catalog_cache.h"
#include "sim/interval.h"
#include "sim/serve.h"

/* Where the events of a run go while it lasts. */
struct listeners {
	struct run_csv *csv;
	struct batch_trace *trace;
	struct progress progress;
};

static void on_request(void *ctx, const struct request_record *record)
{
	struct listeners *l = ctx;

	if (l->csv)
		run_csv_row(l->csv, record);
	if (l->trace)
		batch_trace_request(l->trace, record);
}

static void on_batch(void *ctx, int replica, double start_s, double end_s, int64_t steps, int64_t decodes, int64_t prefills, int64_t tokens)
{
	struct listeners *l = ctx;

	batch_trace_batch(l->trace, replica, start_s, end_s, steps, decodes, prefills, tokens);
}

static void on_progress(void *ctx, double share, double now_s)
{
	struct listeners *l = ctx;
	char what[64], human[32];

	if (!progress_due(&l->progress))
		return;
	snprintf(what, sizeof(what), "%s simulated", human_seconds(human, now_s));
	progress_show(&l->progress, share, what);
}

static bool open_listeners(const struct call *call, struct listeners *l, struct err *err)
{
	const char *csv = call_text(call, "requests-csv"), *trace = call_text(call, "chrome-trace");

	if (csv && !(l->csv = run_csv_open(csv, err)))
		return false;
	return !trace || (l->trace = batch_trace_open(trace, err));
}

static bool close_listeners(struct listeners *l, bool keep, struct err *err)
{
	bool ok = keep;

	progress_end(&l->progress);
	if (l->csv && keep)
		ok = run_csv_close(l->csv, err) && ok;
	else
		run_csv_abandon(l->csv);
	if (l->trace && keep)
		ok = batch_trace_close(l->trace, err) && ok;
	else
		batch_trace_abandon(l->trace);
	return ok;
}

/* Simulates sc and fills *r, which lives in the call's arena. */
static bool simulate(const struct call *call, const struct scenario *sc, struct catalog_cache *cache, struct result *r, struct err *err)
{
	struct listeners l = { 0 };
	struct serve_sink sink = { .ctx = &l, .progress = on_progress };
	struct sim *sim = NULL;
	double start_s = now_s();
	bool ok;

	progress_start(&l.progress, call_flag(call, "quiet"));
	if (call_text(call, "requests-csv") || call_text(call, "chrome-trace"))
		sink.request = on_request;
	if (call_text(call, "chrome-trace"))
		sink.batch = on_batch;
	ok = (sim = sim_new_cached(sc, &sink, cache, err)) && open_listeners(call, &l, err) && sim_run(sim, INFINITY, err) &&
	     sim_result(sim, call->arena, r, err);
	ok = close_listeners(&l, ok, err) && ok;
	sim_free(sim);
	return ok && run_settle(sc, now_s() - start_s, r, err);
}

static bool add_interval(const struct call *call, const struct scenario *sc, struct catalog_cache *cache, struct result *r, struct err *err)
{
	if (call_flag(call, "no-interval") || (!run_is_quick(r) && !call_flag(call, "interval")))
		return true;
	return interval_run(sc, cache, r, call->arena, err);
}

/* All simulations of a run share what the first one read of the catalogs, and its prices; one alone has no use for them. */
static bool simulate_all(const struct call *call, const struct scenario *sc, struct result *r, struct err *err)
{
	bool alone = call_flag(call, "no-interval");
	struct catalog_cache *cache = alone ? NULL : catalog_cache_new(err);
	bool ok = (alone || cache) && simulate(call, sc, cache, r, err) && add_interval(call, sc, cache, r, err);

	catalog_cache_free(cache);
	return ok;
}

/* Keeps the run in the database at `path`. */
static bool keep(const char *path, const struct run_origin *origin, struct result *r, struct err *err)
{
	struct store *store = store_open(path, err);
	bool ok = store && store_put_run(store, origin, r, err);

	store_close(store);
	return ok;
}

/* "2 SLOs missed: ttft_p99 0.61 s > 0.5 s, ..." as a failed check. */
static bool check_slos(const struct result *r, struct err *err)
{
	struct str missed = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < r->slo_count; i++) {
		const struct slo_row *slo = &r->slos[i];

		if (slo->met)
			continue;
		str_addf(&missed, "%s%s %.4g s > %.4g s", n ? ", " : "", slo->name, slo->value_s, slo->target_s);
		n++;
	}
	if (n)
		err_set(err, ERR_CHECK, "%zu SLO%s missed: %s", n, n > 1 ? "s" : "", str_text(&missed));
	str_release(&missed);
	return n == 0;
}

static bool run_run(const struct call *call, struct err *err)
{
	struct scenario *sc = scenario_from_call(call, err);
	struct run_files files = { 0 };
	struct result *r = arena_alloc(call->arena, sizeof(*r));
	const char *database = NULL;
	struct run_origin origin;
	bool kept, shown;

	if (!sc)
		return false;
	if (!r)
		return err_memory(err);
	if (!call_flag(call, "no-store") && !(database = run_database(call, err)))
		return false;
	if (!run_files_choose(call, &files, err) || !simulate_all(call, sc, r, err))
		return false;
	run_origin_here(call, &origin);
	/* A run that cannot be kept is still worth showing: later steps go on, the first error is the one reported. */
	kept = !database || keep(database, &origin, r, err);
	shown = run_outputs(r, &files, &origin, kept ? database : NULL, err);
	return kept && shown && check_slos(r, err);
}

static const struct option interval_table[] = {
	{ .name = "interval", .kind = OPTION_FLAG, .help = "the interval also of runs that take over a second (three times as long)" },
	{ .name = "no-interval", .kind = OPTION_FLAG, .help = "do not simulate twice more for the 80 % interval" },
};
static const struct option_group interval_options = OPTION_GROUP("Confidence", interval_table);

const struct command command_run = {
	.name = "run", .summary = "simulate serving a workload", .arguments = "[SCENARIO.xml]", .arguments_most = 1,
	.words = WORDS_FILE,
	.details = "Simulates the scenario of a file -- the default one without a file -- changed by the options, from left to right: "
		   "which requests join which batch, what every batch costs, when every token comes. Prints latency, throughput, "
		   "memory, cost, energy, where the time goes and how far to trust it, and keeps the run in a database.",
	.groups = (const struct option_group *const[]){ &model_options, &hardware_options, &deployment_options, &scheduler_options,
							&workload_options, &scenario_options, &interval_options, &output_options, &store_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim run", "the default: llama-3.1-8b on one H100 under recorded chat traffic" },
		{ "vibee-sim run --model llama-2-70b --device a100 --tp 4 --workload chat --qps 1.5 --report run.html",
		  "another model, device and traffic, with an HTML report" },
		{ "vibee-sim run mine.xml --slo ttft_p99=0.5,tpot_p99=0.05 --json - | jq .metrics.goodput_rps",
		  "a scenario of your own against targets; exit status 1 when one is missed" },
		{ "vibee-sim run --trace requests.csv.gz --scheduler sglang --requests-csv out.csv --chrome-trace out.json.gz",
		  "replay a trace; every request and every batch to files" },
		{ NULL, NULL } },
	.run = run_run,
};
