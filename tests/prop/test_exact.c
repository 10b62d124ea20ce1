/* The closed form against step by step, and one result against another: every request of many random scenarios. */
#include <pthread.h>

#include <CUnit/CUnit.h>

#include "tests/prop/random_scenario.h"
#include "tests/prop/runs.h"

/* Compares two sets of records; the first difference is printed. */
static bool same(const struct records *x, const struct records *y, double relative)
{
	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++) {
		const struct request_record *a = &x->at[i], *b = &y->at[i];

		if (a->id != b->id || !close_to(a->ttft_s, b->ttft_s, relative) || !close_to(a->e2e_s, b->e2e_s, relative) ||
		    !close_to(a->tpot_s, b->tpot_s, relative) || fabs(a->queue_s - b->queue_s) > relative * fmax(a->e2e_s, 1e-3)) {
			printf("  request %lld: ttft %.17g / %.17g, e2e %.17g / %.17g, queue %.17g / %.17g\n", (long long)a->id, a->ttft_s,
			       b->ttft_s, a->e2e_s, b->e2e_s, a->queue_s, b->queue_s);
			return false;
		}
	}
	return true;
}

/* Runs sc both ways. */
static bool exact_too(struct scenario *sc, struct arena *a, struct err *err)
{
	struct records closed = { 0 }, exact = { 0 };
	struct result first = { 0 }, second = { 0 };
	bool ok;

	sc->exact_steps = false;
	ok = run_scenario(sc, &closed, &first, a, err);
	sc->exact_steps = true;
	ok = ok && run_scenario(sc, &exact, &second, a, err) && same(&closed, &exact, 1e-9);
	if (ok && (!close_to(first.itl_s.mean, second.itl_s.mean, 1e-9) || first.iterations != second.iterations ||
		   first.preemptions != second.preemptions || !close_to(first.joules, second.joules, 1e-9) ||
		   fabs(first.kv_utilization_mean - second.kv_utilization_mean) > 5e-3)) {   /* linear within a span of steps */
		printf("  itl %.17g / %.17g, iterations %g / %g, preemptions %g / %g, joules %.12g / %.12g, cache %.12g / %.12g\n",
		       first.itl_s.mean, second.itl_s.mean, first.iterations, second.iterations, first.preemptions, second.preemptions,
		       first.joules, second.joules, first.kv_utilization_mean, second.kv_utilization_mean);
		ok = false;
	}
	free(closed.at);
	free(exact.at);
	return ok;
}

static void closed_form_equals_exact_steps(void)
{
	int wrong = 0, seeds = seed_count(400);

	for (int seed = 1; seed <= seeds; seed++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct scenario *sc = random_scenario((uint64_t)seed, a, &err);

		if (!sc || !exact_too(sc, a, &err)) {
			describe(seed, "closed form and exact steps differ", sc, &err);
			wrong++;
		}
		arena_free(a);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Replicas that do the same work end their steps at the same instants, but for rounding; clients whose answers come from one
 * ask another at just such an instant. Who sees whom must not depend on the last bits of a sum. */
static void replicas_in_step(void)
{
	int wrong = 0;

	for (int s = 0; schedulers[s]; s++)
		for (int r = 0; routers[r]; r++) {
			struct arena *a = arena_new();
			struct err err = { 0 };
			struct draw d = { .sc = scenario_new(a, &err), .arena = a, .err = &err, .ok = true };

			CU_ASSERT_FATAL(d.sc && scenario_workload(d.sc, NULL, a, &err));
			put(&d, "workload.requests", 120);
			put(&d, "workload.concurrency", 4 + 5 * (s % 4));
			put_text(&d, "workload.prompt_tokens.kind", "fixed");
			put(&d, "workload.prompt_tokens.value", 889);
			put_text(&d, "workload.output_tokens.kind", "fixed");
			put(&d, "workload.output_tokens.value", 69);
			put(&d, "deployment.replicas", 2 + (s + r) % 7);
			put_text(&d, "deployment.router", routers[r]->name);
			put_text(&d, "scheduler.name", schedulers[s]->name);
			put(&d, "scheduler.kv_blocks", 4096);
			put(&d, "scheduler.block_size", 2);
			put_text(&d, "hardware.host_overhead", r % 2 ? "none" : "default");
			if (!d.ok || !exact_too(d.sc, a, &err)) {
				describe(0, "replicas in step", d.sc, &err);
				wrong++;
			}
			arena_free(a);
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void same_run_same_bytes(void)
{
	for (int seed = 1; seed <= seed_count(30); seed++) {
		struct arena *a = arena_new();
		struct records one = { 0 }, two = { 0 };
		struct result first, second;
		struct err err = { 0 };
		struct scenario *sc = random_scenario((uint64_t)seed, a, &err);

		CU_ASSERT(sc && run_scenario(sc, &one, &first, a, &err) && run_scenario(sc, &two, &second, a, &err));
		CU_ASSERT(same(&one, &two, 0));
		CU_ASSERT(memcmp(&first.ttft_s, &second.ttft_s, sizeof(first.ttft_s)) == 0);
		CU_ASSERT(memcmp(&first.itl_s, &second.itl_s, sizeof(first.itl_s)) == 0);
		CU_ASSERT(first.joules == second.joules && first.mfu == second.mfu);
		CU_ASSERT_STRING_EQUAL(first.scenario_hash, second.scenario_hash);
		free(one.at);
		free(two.at);
		arena_free(a);
	}
}

struct job {
	uint64_t seed;
	struct records records;
	bool ok;
};

static void *work(void *ctx)
{
	struct job *job = ctx;
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct result result;
	struct scenario *sc = random_scenario(job->seed, a, &err);

	job->ok = sc && run_scenario(sc, &job->records, &result, a, &err);
	arena_free(a);
	return NULL;
}

static void threads_change_nothing(void)
{
	enum { JOBS = 8 };
	struct job alone[JOBS] = { 0 }, together[JOBS] = { 0 };
	pthread_t threads[JOBS];

	for (int i = 0; i < JOBS; i++) {
		alone[i].seed = together[i].seed = (uint64_t)(i + 1);
		work(&alone[i]);
	}
	for (int i = 0; i < JOBS; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, work, &together[i]) == 0);
	for (int i = 0; i < JOBS; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT(alone[i].ok && together[i].ok && alone[i].records.count == together[i].records.count);
		CU_ASSERT(same(&alone[i].records, &together[i].records, 0));
		free(alone[i].records.at);
		free(together[i].records.at);
	}
}

CU_TestInfo suite_exact[] = {
	{ "closed form equals exact steps on every request", closed_form_equals_exact_steps },
	{ "and where replicas end their steps together", replicas_in_step },
	{ "the same scenario gives the same bytes", same_run_same_bytes },
	{ "threads change nothing", threads_change_nothing },
	CU_TEST_INFO_NULL,
};
