/* How fast a search decides candidates by bounds and simulates them, and what a second thread brings. */
#include <math.h>

#include "base/now.h"
#include "cli/bench.h"
#include "cli/progress.h"
#include "sim/plan/search.h"
#include "sim/plan/workers.h"

/* Seconds of one search; *decided counts what it simulated, or all candidates where bounds decide. */
static bool timed(const char *const *axes, double requests, double target_s, int threads, double *seconds, double *decided, struct err *err)
{
	struct arena *arena = arena_new();
	struct scenario *sc = arena ? scenario_new(arena, err) : NULL;
	struct search_options o = { .objective = &objectives[0], .limits = { INFINITY, INFINITY }, .threads = threads, .best = 1, .brute = !(target_s > 0),
				    .version = "bench" };
	struct space space = { 0 };
	struct search *s = arena ? arena_alloc(arena, sizeof(*s)) : NULL;
	double start_s;
	bool ok = sc && s && scenario_workload(sc, "azure-conv-2023", arena, err);

	if (ok) {
		sc->model.name = "llama-3.1-70b";
		sc->workload.requests = (int64_t)requests;
		sc->workload.qps = 4;
		if (target_s > 0)
			sc->slo.tpot_p50 = target_s;
	}
	for (; ok && *axes; axes++)
		ok = space_add(&space, *axes, *axes, arena, err);
	start_s = now_s();
	ok = ok && search_run(sc, &space, &o, s, arena, err);
	*seconds = now_s() - start_s;
	/* The best one is simulated twice more, for its interval. */
	*decided = ok ? target_s > 0 ? (double)s->count : (double)(s->simulated + 2 * s->interval_count) : 0;
	arena_free(arena);
	return ok;
}

/* A target that no step can keep: every candidate falls to its bound. */
bool bench_search_bound(double scale, double *value, struct err *err)
{
	double seconds, decided;

	(void)scale;
	if (!timed((const char *const[]){ "device=h100,h200,b200", "tp=4,8", "max_num_seqs=1..2000", NULL }, 1000, 0.001, 1, &seconds, &decided, err))
		return false;
	*value = decided / seconds;
	return true;
}

static const char *const simulated[] = { "device=h100,h200", "tp=4,8", "replicas=1..8", NULL };

bool bench_search_simulate(double scale, double *value, struct err *err)
{
	double seconds, decided;

	if (!timed(simulated, 10000 * scale, 0, workers_processors(), &seconds, &decided, err))
		return false;
	*value = decided / seconds;
	return true;
}

bool bench_search_threads(double scale, double *value, struct err *err)
{
	static const char *const more[] = { "device=h100,h200", "tp=4,8", "replicas=1..32", NULL };     /* tables are read once, by one thread */
	double one, two, decided;

	if (!timed(more, 10000 * scale, 0, 1, &one, &decided, err) || !timed(more, 10000 * scale, 0, 2, &two, &decided, err))
		return false;
	*value = one / two;
	return true;
}
