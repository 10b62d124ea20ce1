/* Laws that hold for every scenario, and queues whose answer is known in closed form. */
#include <CUnit/CUnit.h>

#include "sim/serve/fleet.h"
#include "tests/prop/random_scenario.h"

/* After the last request every block is free again, or idle in the prefix cache. */
static bool blocks_are_back(const struct sim *sim)
{
	for (int32_t i = 0; i < sim->replica_count; i++) {
		const struct batcher *b = &sim->replicas[i].batcher;

		if (batcher_room(b) != b->limits.kv_blocks || batcher_outstanding(b) != 0 || b->free_blocks < 0)
			return false;
	}
	return true;
}

static bool laws_hold(const struct sim *sim, const struct records *k, const struct result *r)
{
	double in_system = block_sum_get(&sim->metrics.in_system_area), times = block_sum_get(&sim->metrics.e2e_area), tokens = 0;
	bool ok = blocks_are_back(sim) && !k->backwards && r->completed + r->rejected == r->requests && (double)k->count == r->completed;

	for (size_t i = 0; i < k->count; i++) {
		const struct request_record *a = &k->at[i];

		tokens += (double)a->output_tokens;
		ok = ok && (i == 0 || k->at[i - 1].id != a->id) && a->ttft_s > 0 && a->queue_s >= 0 && a->e2e_s >= a->ttft_s &&
		     a->cached_tokens < a->prompt_tokens;
	}
	if (!ok)
		printf("  blocks back %d, time back %d, records %zu\n", blocks_are_back(sim), k->backwards, k->count);
	if (!close_to(in_system, times, 1e-9))
		printf("  Little: %.12g in the system, %.12g times\n", in_system, times);
	/* Little: the integral of requests in the system is the sum of their times there. */
	return ok && tokens == r->output_tokens && close_to(in_system, times, 1e-9) && r->kv_utilization_peak <= 1 + 1e-12;
}

static void conservation(void)
{
	int wrong = 0, seeds = seed_count(200);

	for (int seed = 1; seed <= seeds; seed++) {
		struct arena *a = arena_new();
		struct records k = { 0 };
		struct serve_sink sink = { .ctx = &k, .request = keep_record };
		struct err err = { 0 };
		struct result r = { 0 };
		struct scenario *sc = random_scenario((uint64_t)seed, a, &err);
		struct sim *sim = sc ? sim_new(sc, &sink, &err) : NULL;
		bool ok = sim && sim_run(sim, INFINITY, &err) && sim_result(sim, a, &r, &err);

		if (ok) {
			/* Times never go back in the order of completion; then in order of id for the rest. */
			if (k.count)
				qsort(k.at, k.count, sizeof(*k.at), by_id);
			ok = laws_hold(sim, &k, &r);
		}
		if (!ok) {
			printf("  seed %d (%s, %s): completed %g + rejected %g of %g, kv peak %g %s\n", seed, sc ? sc->model.name : "?",
			       sc ? sc->scheduler.name : "?", r.completed, r.rejected, r.requests, r.kv_utilization_peak, err.text);
			wrong++;
		}
		sim_free(sim);
		free(k.at);
		arena_free(a);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void cost_is_linear_in_price(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct scenario *sc = random_scenario(3, a, &err);
	struct result one = { 0 }, three = { 0 };
	struct records k = { 0 }, l = { 0 };

	CU_ASSERT_FATAL(sc != NULL);
	CU_ASSERT(set_text(sc, a, &err, "price.usd_per_device_hour", "1.5") && run_scenario(sc, &k, &one, a, &err));
	CU_ASSERT(set_text(sc, a, &err, "price.usd_per_device_hour", "4.5") && run_scenario(sc, &l, &three, a, &err));
	CU_ASSERT(close_to(3 * one.usd, three.usd, 1e-12) && one.usd > 0);
	free(k.at);
	free(l.at);
	arena_free(a);
}

/* One server, one request at a time: batches of one sequence, and an engine whose step takes a fixed second a request, so
 * that a prompt of one token with an answer of one token is a job of constant length. */
static double mean_wait(const char *output_kind, double output_mean, double load, double *service_s, double *service_square)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct scenario *sc = scenario_new(a, &err);
	struct records k = { 0 };
	struct result r = { 0 };
	double wait = 0, square = 0, service = 0;
	bool ok = sc && scenario_workload(sc, NULL, a, &err) && set_text(sc, a, &err, "hardware.device", "h100") &&
		  set_text(sc, a, &err, "hardware.host_overhead", "1") && set_text(sc, a, &err, "scheduler.max_num_seqs", "1") &&
		  set_text(sc, a, &err, "scheduler.name", "fcfs") && set_text(sc, a, &err, "workload.prompt_tokens.kind", "fixed") &&
		  set_text(sc, a, &err, "workload.prompt_tokens.value", "1") &&
		  set_text(sc, a, &err, "workload.output_tokens.kind", output_kind) &&
		  set(sc, a, &err, "workload.requests", "%.0f", 200000);

	ok = ok && (strcmp(output_kind, "fixed") == 0 ? set(sc, a, &err, "workload.output_tokens.value", "%.0f", output_mean)
						      : set(sc, a, &err, "workload.output_tokens.mean", "%.0f", output_mean));
	ok = ok && set(sc, a, &err, "workload.qps", "%.9g", load / output_mean);
	ok = ok && run_scenario(sc, &k, &r, a, &err);
	if (!ok)
		printf("  %s\n", err.text);
	CU_ASSERT(ok);
	for (size_t i = 0; i < k.count; i++) {
		double s = k.at[i].e2e_s - k.at[i].queue_s;

		wait += k.at[i].queue_s;
		service += s;
		square += s * s;
	}
	*service_s = service / (double)k.count;
	*service_square = square / (double)k.count;
	wait /= (double)k.count;
	free(k.at);
	arena_free(a);
	return wait;
}

/* Pollaczek and Khinchine: W = lambda E[S^2] / (2 (1 - rho)); M/D/1 and, with geometric service, nearly M/M/1. */
static void single_server_queues(void)
{
	static const struct { const char *kind; double mean, load; } cases[] = {
		{ "fixed", 1, 0.5 }, { "fixed", 1, 0.8 }, { "fixed", 20, 0.7 }, { "geometric", 50, 0.6 }, { "geometric", 50, 0.8 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		double s, s2, wait = mean_wait(cases[i].kind, cases[i].mean, cases[i].load, &s, &s2);
		double rate = cases[i].load / cases[i].mean, theory = rate * s2 / (2 * (1 - rate * s));

		if (!close_to(wait, theory, 0.06))
			printf("  %s, mean %g, load %g: waits %g s, theory %g s\n", cases[i].kind, cases[i].mean, cases[i].load, wait, theory);
		CU_ASSERT(close_to(wait, theory, 0.06));
		/* M/M/1: rho / (1 - rho) services, as far as a geometric number of tokens is an exponential time. */
		if (cases[i].mean >= 50)
			CU_ASSERT(close_to(wait, rate * s * s / (1 - rate * s), 0.08));
	}
}

CU_TestInfo suite_laws[] = {
	{ "tokens, blocks and Little's law are conserved", conservation },
	{ "cost is linear in price", cost_is_linear_in_price },
	{ "M/D/1 and M/M/1", single_server_queues },
	CU_TEST_INFO_NULL,
};
