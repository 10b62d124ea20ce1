#include "cli/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <papi.h>

#include "base/arena.h"
#include "base/now.h"
#include "base/str.h"
#include "cli/progress.h"
#include "hardware/catalog.h"
#include "reports/run_csv.h"
#include "reports/store.h"
#include "sim/scenario.h"
#include "sim/serve.h"

const char *const bench_unit_names[] = { "requests/s", "ns/request", "bytes", "s", "1/s", "x" };

#define SETTINGS(...) (const char *const[]){ __VA_ARGS__, NULL }
/* What a request costs when only its answer gets longer: at each length a rate that one H100 keeps up with and whose batches
 * its cache holds, lengths that differ by a quarter either way so that requests come and go one by one. */
#define OUTPUT_OF(n, least, most, qps) \
	{ .name = "output-" #n, .what = "512 + " #least " to " #most " tokens, " #qps " a second", .unit = BENCH_NS_PER_REQUEST, \
	  .requests = 200000, .samples = 3, \
	  .settings = SETTINGS("workload.name=constant", "workload.prompt_tokens.value=512", "workload.output_tokens.kind=uniform", \
			       "workload.output_tokens.least=" #least, "workload.output_tokens.most=" #most, "workload.qps=" #qps) }

/* One module of the technology tree over the scenario of "one-replica": what a mechanism costs the simulator. */
#define WITH(id, what_) \
	{ .name = "with-" id, .what = what_, .unit = BENCH_REQUESTS_PER_S, .requests = 200000, .samples = 3, \
	  .settings = SETTINGS("workload.qps=14", "with=" id) }

const struct bench benches[] = {
	{ .name = "one-replica", .what = "azure-conv-2023 at load, vLLM V1 on one H100", .unit = BENCH_REQUESTS_PER_S, .requests = 1e6,
	  .samples = 5, .settings = SETTINGS("workload.qps=14") },
	{ .name = "one-replica-csv", .what = "the same with a CSV line a request", .unit = BENCH_REQUESTS_PER_S, .requests = 1e6,
	  .samples = 3, .csv = true, .settings = SETTINGS("workload.qps=14") },
	{ .name = "one-replica-store", .what = "the same, kept in a database", .unit = BENCH_REQUESTS_PER_S, .requests = 1e6, .samples = 3,
	  .store = true, .settings = SETTINGS("workload.qps=14") },
	{ .name = "fleet-64", .what = "64 replicas behind least-outstanding", .unit = BENCH_REQUESTS_PER_S, .requests = 1e6, .samples = 3,
	  .settings = SETTINGS("workload.qps=896", "deployment.replicas=64", "deployment.router=least-outstanding") },
	OUTPUT_OF(16, 12, 20, 40), OUTPUT_OF(64, 48, 80, 30), OUTPUT_OF(256, 192, 320, 12), OUTPUT_OF(1024, 768, 1280, 4),
	OUTPUT_OF(4096, 3072, 5120, 1),
	WITH("ttt_v1790", "recurrent layers"), WITH("xlstm_v1791", "recurrent layers"), WITH("bitnet_b158_v1796", "packed weights"),
	WITH("mixture_of_depths_v1799", "routed tokens"), WITH("thunderkittens_v1812", "kernels of its own"),
	WITH("diff_transformer_v1815", "two softmaxes"), WITH("kivi_v1821", "packed cache"), WITH("h2o_v1825", "evicting cache"),
	WITH("infini_attention_v1831", "compressive memory"), WITH("doremi_v2_v1837", "training data: serving as it is"),
	WITH("muon_optimizer_v1850", "optimizer: serving as it is"), WITH("eagle3_v1861", "speculation"), WITH("vllm_v2_v1871", "an engine's rules"),
	WITH("mooncake_v1881", "cache tiers, pools"), WITH("mora_v1892", "adapter"), WITH("lora_hub_v1899", "composed adapters"),
	{ .name = "start-up", .what = "the whole program for one request, from fork to exit", .unit = BENCH_SECONDS, .requests = 1,
	  .samples = 15, .exec = true },
	{ .name = "memory-10m", .what = "largest memory over 10,000,000 requests", .unit = BENCH_BYTES, .requests = 1e7, .samples = 1,
	  .settings = SETTINGS("workload.qps=14") },
	{ .name = "search-bound", .what = "candidates of a search that a bound decides, one thread", .unit = BENCH_PER_S, .samples = 3, .study = bench_search_bound },
	{ .name = "search-simulate", .what = "simulations of 10,000 requests in a search, all processors", .unit = BENCH_PER_S, .samples = 3,
	  .study = bench_search_simulate },
	{ .name = "search-threads", .what = "the same on two threads, times as fast as on one", .unit = BENCH_RATIO, .samples = 3,
	  .study = bench_search_threads },
	{ .name = NULL },
};

/* A counter that exists by name may still be out of reach (virtual machines, perf_event_paranoid): only starting it tells. */
static bool start_counter(int *set)
{
	*set = PAPI_NULL;
	return PAPI_create_eventset(set) == PAPI_OK && PAPI_add_event(*set, PAPI_TOT_INS) == PAPI_OK && PAPI_start(*set) == PAPI_OK;
}

void bench_clock_init(struct bench_clock *clock)
{
	long long count;
	int set;

	clock->papi = PAPI_library_init(PAPI_VER_CURRENT) == PAPI_VER_CURRENT;
	clock->counters = clock->papi && start_counter(&set) && PAPI_stop(set, &count) == PAPI_OK;
}

const char *bench_clock_name(const struct bench_clock *clock)
{
	if (!clock->papi)
		return "clock: clock_gettime; counters: none (PAPI does not start on this host)";
	return clock->counters ? "clock: PAPI_get_real_nsec; counters: PAPI_TOT_INS" : "clock: PAPI_get_real_nsec; counters: none on this host";
}

static double clock_now_s(const struct bench_clock *clock)
{
	return clock->papi ? 1e-9 * (double)PAPI_get_real_nsec() : now_s();
}

static struct scenario *bench_scenario(const struct bench *b, double requests, struct arena *arena, struct err *err)
{
	const char *path = catalog_find("sim/scenarios", "scenario", "default", arena, err);
	struct scenario *sc = path ? scenario_load(path, arena, err) : NULL;
	char count[40];

	for (const char *const *s = b->settings; sc && s && *s; s++) {
		const char *equals = strchr(*s, '=');
		char name[96];

		snprintf(name, sizeof(name), "%.*s", (int)(equals - *s), *s);
		if (strcmp(name, "with") == 0) {
			if (!scenario_with(sc, equals + 1, arena, err))
				return NULL;
			continue;
		}
		if (strcmp(name, "workload.name") == 0 ? !scenario_workload(sc, equals + 1, arena, err)
						       : !schema_set(&scenario_element, sc, name, equals + 1, b->name, arena, err))
			return NULL;
	}
	snprintf(count, sizeof(count), "%.0f", fmax(requests, 1));
	return sc && schema_set(&scenario_element, sc, "workload.requests", count, b->name, arena, err) ? sc : NULL;
}

static void on_request(void *ctx, const struct request_record *record)
{
	run_csv_row(ctx, record);
}

static bool put(const char *folder, struct result *r, struct err *err)
{
	char path[600];
	struct run_origin origin = { .kind = "run", .tool_version = "bench" };
	struct store *store;
	bool ok;

	snprintf(path, sizeof(path), "%s/runs.db", folder);
	store = store_open(path, err);
	ok = store && store_put_run(store, &origin, r, err);
	store_close(store);
	return ok;
}

/* The simulation itself, timed from the scenario's text to the result (and its files, where asked for). */
static bool simulate(const struct bench *b, double scale, const struct bench_clock *clock, const char *folder, struct sample *out,
		     struct err *err)
{
	struct arena *arena = arena_new();
	struct scenario *sc = arena ? bench_scenario(b, scale * b->requests, arena, err) : NULL;
	struct serve_sink sink = { 0 };
	struct result *r = sc ? arena_alloc(arena, sizeof(*r)) : NULL;
	struct sim *sim = NULL;
	char path[600];
	double start = clock_now_s(clock), wall;
	bool ok = r != NULL;

	snprintf(path, sizeof(path), "%s/requests.csv", folder);
	if (ok && b->csv) {
		sink.ctx = run_csv_open(path, err);
		sink.request = on_request;
		ok = sink.ctx != NULL;
	}
	ok = ok && (sim = sim_new(sc, &sink, err)) && sim_run(sim, INFINITY, err) && sim_result(sim, arena, r, err);
	if (sink.ctx)
		ok = run_csv_close(sink.ctx, err) && ok;
	if (ok && b->store)
		ok = put(folder, r, err);
	wall = clock_now_s(clock) - start;
	if (ok) {
		out->rss_bytes = peak_rss_bytes();
		out->value = b->unit == BENCH_REQUESTS_PER_S ? r->completed / wall : b->unit == BENCH_NS_PER_REQUEST ? 1e9 * wall / r->completed
													     : out->rss_bytes;
	}
	sim_free(sim);
	arena_free(arena);
	return ok;
}

struct message {
	bool ok;
	struct sample sample;
	struct err err;
};

/* In the child: counts instructions where the host can, simulates, reports. */
static void child(const struct bench *b, double scale, const struct bench_clock *clock, const char *folder, int fd)
{
	struct message m = { .sample = { .instructions = NAN } };
	int set = PAPI_NULL;
	long long count = 0;
	bool counting = clock->counters && start_counter(&set);

	m.ok = simulate(b, scale, clock, folder, &m.sample, &m.err);
	if (counting && PAPI_stop(set, &count) == PAPI_OK)
		m.sample.instructions = (double)count;
	if (write(fd, &m, sizeof(m)) != (ssize_t)sizeof(m))
		_exit(3);
	_exit(0);
}

/* A program of its own: what a shell loop over small scenarios pays each time. */
static bool exec_sample(const struct bench_clock *clock, struct sample *out, struct err *err)
{
	double start = clock_now_s(clock);
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return err_set(err, ERR_INTERNAL, "fork: %s", strerror(errno));
	if (pid == 0) {
		execl("/proc/self/exe", "vibee-sim", "run", "--requests", "1", "--no-store", "--quiet", (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ERR_INTERNAL, "start-up: the program ended with status %d", WEXITSTATUS(status));
	out->value = clock_now_s(clock) - start;
	return true;
}

static bool fork_sample(const struct bench *b, double scale, const struct bench_clock *clock, const char *folder, struct sample *out,
			struct err *err)
{
	struct message m;
	int fds[2];
	ssize_t n;
	pid_t pid;

	if (pipe(fds) != 0)
		return err_set(err, ERR_INTERNAL, "pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(b, scale, clock, folder, fds[1]);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return err_set(err, ERR_INTERNAL, "fork: %s", strerror(errno));
	}
	n = read(fds[0], &m, sizeof(m));
	close(fds[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(m))
		return err_set(err, ERR_INTERNAL, "%s: the sample's process ended early", b->name);
	if (!m.ok)
		return err_set(err, m.err.kind, "%s: %s", b->name, m.err.text);
	*out = m.sample;
	return true;
}

static void remove_folder(const char *folder)
{
	static const char *const names[] = { "requests.csv", "runs.db", "runs.db-wal", "runs.db-shm" };
	char path[600];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		remove(path);
	}
	rmdir(folder);
}

bool bench_sample(const struct bench *b, double scale, const struct bench_clock *clock, struct sample *out, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char folder[512];
	bool ok;

	*out = (struct sample){ .instructions = NAN };
	if (b->study)
		return b->study(scale, &out->value, err);
	if (b->exec)
		return exec_sample(clock, out, err);
	snprintf(folder, sizeof(folder), "%s/vibee-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		return err_set(err, ERR_IO, "%s: %s", folder, strerror(errno));
	ok = fork_sample(b, scale, clock, folder, out, err);
	remove_folder(folder);
	return ok;
}
