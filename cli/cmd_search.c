/* vibee-sim search: the best deployment within targets. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/now.h"
#include "cli/groups.h"
#include "cli/launch.h"
#include "cli/launcher.h"
#include "cli/progress.h"
#include "cli/run_outputs.h"
#include "cli/search_memory.h"
#include "cli/search_outputs.h"
#include "cli/study_outputs.h"
#include "cli/train_options.h"
#include "cli/train_search.h"
#include "cli/version.h"

static const struct option search_table[] = {
	{ .name = "vary", .word = "NAME=A,B,C", .help = "an axis of the space: device=, tp=, replicas=1..8, prefill_replicas=, dtype=, scheduler=, max_num_seqs=32..512*2, "
							  "with=none,ID ... (repeatable)" },
	{ .name = "objective", .word = "NAME", .fallback = "cost", .help = "cost, latency, tpot, ttft, throughput, energy, devices or capacity" },
	{ .name = "budget", .word = "USD", .kind = OPTION_NUMBER, .least = 1e-6, .most = 1e12, .help = "at most so much an hour" },
	{ .name = "max-devices", .word = "N", .kind = OPTION_INT, .least = 1, .most = 1e9, .help = "at most so many devices" },
	{ .name = "capacity", .kind = OPTION_FLAG, .help = "find the largest rate within the targets for each candidate, and judge it there" },
	{ .name = "tolerance", .word = "F", .kind = OPTION_NUMBER, .least = 1e-4, .most = 1, .fallback = "0.05", .help = "relative, of that rate" },
	{ .name = "best", .word = "N", .kind = OPTION_INT, .least = 1, .most = BEST_MOST, .fallback = "10", .help = "how many of the best to find" },
	{ .name = "best-only", .kind = OPTION_FLAG, .help = "prune by the objective alone: faster; fronts hold only what was simulated" },
	{ .name = "brute", .kind = OPTION_FLAG, .help = "simulate every candidate to its end: the same answer, slower" },
	{ .name = "job", .word = "NAME", .words = WORDS_FILE, .help = "the best layout of a training job of the catalog (or a file) instead; --objective step, cost or memory" },
	{ .name = "space", .word = "WHICH", .fallback = "layouts", .help = "of --job: layouts or executions, as 'train --best' has them" },
	{ .name = "launch", .word = "ENGINE", .help = "how to start the best: vllm, sglang, trtllm or k8s" },
};
static const struct option_group search_group = OPTION_GROUP("Search", search_table);

/* Set by the handler of SIGINT and SIGTERM alone. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static bool is_interrupted(void *ctx)
{
	(void)ctx;
	return interrupted != 0;
}

static void watch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	/* A second one ends the program at once. */
	action.sa_flags = (int)SA_RESETHAND;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Without --vary: how the model is cut and how often it is there. */
static bool usual_space(struct space *space, struct arena *arena, struct err *err)
{
	return space_add(space, "tp=1,2,4,8", "--vary", arena, err) && space_add(space, "replicas=1,2,4,8", "--vary", arena, err);
}

static bool read_space(const struct call *call, struct space *space, struct err *err)
{
	for (size_t i = 0; i < call->setting_count; i++) {
		const struct setting *s = &call->settings[i];

		if (strcmp(s->option->name, "vary") == 0 &&
		    !space_add(space, s->value, arena_printf(call->arena, "--vary %s", s->value), call->arena, err))
			return false;
	}
	return space->count > 0 || usual_space(space, call->arena, err);
}

static bool read_options(const struct call *call, const struct scenario *base, struct search_options *o, struct err *err)
{
	const char *objective = call_text(call, "objective");

	*o = (struct search_options){ .limits = { call_number(call, "budget", INFINITY), call_number(call, "max-devices", INFINITY) },
				      .threads = launcher_size() > 1 ? (int)call_int(call, "threads", 1) : study_threads(call),
				      .best = (size_t)call_int(call, "best", 10), .best_only = call_flag(call, "best-only"),
				      .brute = call_flag(call, "brute"), .capacity = call_flag(call, "capacity"),
				      .tolerance = call_number(call, "tolerance", 0.05), .version = vibee_version(), .stop = is_interrupted };
	o->objective = objective_find(objective ? objective : "cost", err);
	if (!o->objective)
		return false;
	if (o->capacity && !scenario_has_targets(base))
		return err_set(err, ERR_INPUT, "--capacity: the largest rate within which targets? expected --slo with it, for example --slo ttft_p99=1,tpot_p99=0.05");
	if (o->objective->figure == FIGURE_CAPACITY_QPS && !o->capacity)
		return err_set(err, ERR_INPUT, "--objective capacity: expected --capacity with it");
	return !call_text(call, "launch") || launch_check(call_text(call, "launch"), err);
}

static void on_progress(void *ctx, size_t done, size_t of, const char *what)
{
	char text[96];

	snprintf(text, sizeof(text), "%zu of %zu %s", done, of, what);
	progress_show(ctx, (double)done / (double)of, text);
}

static bool keep(const struct call *call, const struct search_view *v, const struct str *document, struct err *err)
{
	const struct search *s = v->s;
	struct study_row *rows = arena_alloc(call->arena, (s->simulated + 1) * sizeof(*rows));
	const char *database;
	char id[33] = "";
	size_t n = 0;

	if (!rows)
		return err_memory(err);
	for (size_t i = 0; i < s->count; i++) {
		const struct candidate *c = &s->candidates[i];
		struct str metrics = { 0 };
		struct json j;

		if (!c->outcome || c->outcome->status == OUTCOME_PENDING)
			continue;
		json_init(&j, &metrics, false);
		outcome_json(&j, NULL, c->outcome);
		rows[n++] = (struct study_row){ candidate_label(&s->space, c->index, call->arena), outcome_status_names[c->outcome->status],
						c->outcome->hash[0] ? c->outcome->hash : NULL, arena_strdup(call->arena, str_text(&metrics)) };
		str_release(&metrics);
	}
	if (!study_keep(call, "search", v->title, str_text(document), rows, n, id, &database, err))
		return false;
	if (database && !call_flag(call, "quiet") && !call_text(call, "json"))
		printf("\nstudy %.12s  kept in %s\n", id, database);
	return true;
}

static bool drawings(const struct call *call, const struct search_view *v, const char *path, struct err *err)
{
	for (int f = 0; f < FRONTS; f++) {
		struct str svg = { 0 };
		bool ok = search_front_svg(v, f, true, &svg, err);

		if (!study_write(study_file(call, path, f ? "throughput" : "cost"), &svg, ok, err))
			return false;
	}
	return true;
}

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

static bool outputs(const struct call *call, const struct search_view *v, struct err *err)
{
	const char *json = call_text(call, "json"), *csv = call_text(call, "csv"), *svg = call_text(call, "svg"), *html = call_text(call, "html");
	struct str document = { 0 }, text = { 0 };
	bool ok = search_json(v, &document, err);

	if (ok && json) {
		str_add_bytes(&text, str_text(&document), document.length);
		ok = study_write(json, &text, true, err);
	}
	if (ok && csv) {
		ok = search_csv(v, &text, err);
		ok = study_write(csv, &text, ok, err);
	}
	ok = ok && (!svg || drawings(call, v, svg, err));
	if (ok && html) {
		ok = search_html(v, &text, err);
		ok = study_write(html, &text, ok, err);
	}
	if (ok && !call_flag(call, "quiet") && !is_stdout(json) && !is_stdout(csv) && !is_stdout(html)) {
		ok = search_text(v, &text, err);
		ok = study_write("-", &text, ok, err);
	}
	ok = ok && keep(call, v, &document, err);
	str_release(&document);
	str_release(&text);
	if (ok && v->s->interrupted)
		return err_set(err, ERR_CHECK, "interrupted after %zu of %zu candidates; the same command goes on from there", v->s->simulated, v->s->count);
	return ok && (v->s->best_count > 0 || err_set(err, ERR_CHECK, "no candidate meets the targets"));
}

static bool search_here(const struct call *call, const struct scenario *base, const struct space *space, struct search_options *o, struct search *s,
			struct err *err)
{
	struct search_memory memory;
	struct store *store = NULL;
	struct progress progress;
	bool ok = true;

	/* One process writes: the first. */
	if (launcher_rank() == 0 && !call_flag(call, "no-store")) {
		const char *path = run_database(call, err);

		store = path ? store_open(path, err) : NULL;
		ok = store != NULL;
		search_memory_init(&memory, store);
		o->memory = &memory;
	}
	progress_start(&progress, call_flag(call, "quiet") || launcher_rank() > 0);
	o->progress = on_progress;
	o->progress_ctx = &progress;
	watch_signals();
	ok = ok && search_run(base, space, o, s, call->arena, err);
	progress_end(&progress);
	store_close(store);
	return ok;
}

static bool search_job(const struct call *call, struct err *err)
{
	static const char *const without[] = { "csv", "svg", "html", "launch", "budget", "max-devices", "capacity", NULL };
	struct job *job = call_text(call, "vary") ? NULL : job_of_study(call, without, err);

	if (call_text(call, "vary"))
		return err_set(err, ERR_INPUT, "--vary: not with --job, whose space is that of --space; 'whatif --job' varies a job");
	return job && train_search(call, job, err);
}

static bool search_scenario(const struct call *call, struct err *err)
{
	struct scenario *base = scenario_from_call(call, err);
	struct search *s = arena_alloc(call->arena, sizeof(*s));
	struct space *space = arena_alloc(call->arena, sizeof(*space));
	struct search_options o;
	struct search_view view = { .s = s, .options = &o, .launch = call_text(call, "launch"), .arena = call->arena };
	double start_s = now_s();

	if (!s || !space)
		return err_memory(err);
	if (!base || !read_space(call, space, err) || !read_options(call, base, &o, err) || !launcher_transport(&o.transport, err) ||
	    !search_here(call, base, space, &o, s, err))
		return false;
	if (launcher_rank() > 0)
		return true;
	view.total = s->count;
	view.wall_s = now_s() - start_s;
	view.title = arena_printf(call->arena, "%s: %s", base->model.name, o.objective->help);
	if (s->lost > 0)
		fprintf(stderr, "vibee-sim: %d process%s stopped answering; the others did the work\n", s->lost, s->lost > 1 ? "es" : "");
	return outputs(call, &view, err);
}

static bool search_command(const struct call *call, struct err *err)
{
	return call_text(call, "job") ? search_job(call, err) : search_scenario(call, err);
}

const struct command command_search = {
	.studies = true, .name = "search", .summary = "the cheapest or fastest deployment within targets; Pareto fronts; capacity", .arguments = "[SCENARIO.xml]",
	.arguments_most = 1, .words = WORDS_FILE,
	.details = "Tries every crossing of the axes under the same requests. Memory, prices and lower bounds of step times decide what needs no "
		   "simulation, simulations end as soon as a target is out of reach; the answer is that of --brute. Each outcome is kept as it comes: "
		   "an interrupted search goes on where it was, a repeated one takes what it knows. All processors work; across machines start it with "
		   "mpirun or srun: 'mpirun -n 64 vibee-sim search ...'. Results depend neither on threads nor on processes.",
	.groups = (const struct option_group *const[]){ &search_group, &model_options, &hardware_options, &deployment_options, &scheduler_options,
							&workload_options, &scenario_options, &study_output_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim search --model llama-3.1-70b --vary device=h100,b200 --vary tp=1..8*2 --qps 6 --slo ttft_p99=1",
		  "the cheapest deployment for 6 requests a second" },
		{ "vibee-sim search mine.xml --vary tp=2,4,8 --capacity --slo ttft_p99=0.5 --launch vllm", "each at its largest rate; how to start the best" },
		{ "vibee-sim search --job llama3-405b --space executions", "the fastest layout of a training job" },
		{ "mpirun -n 16 vibee-sim search mine.xml --vary device=h100,b200,mi300x --json best.json", "on several machines" },
		{ NULL, NULL } },
	.run = search_command,
};
