/* Queues whose answer is known in closed form. An engine whose step takes one second of host time, and device time that is
 * nothing beside it, is a server: a prompt of one token with an answer of n tokens is a job of n seconds. */
#include <CUnit/CUnit.h>

#include "tests/prop/random_scenario.h"
#include "tests/prop/runs.h"

static void one_second_steps(struct draw *d, struct arena *a, struct err *err, const char *scheduler, int seqs)
{
	*d = (struct draw){ .sc = scenario_new(a, err), .arena = a, .err = err, .ok = true };
	CU_ASSERT_FATAL(d->sc && scenario_workload(d->sc, NULL, a, err));
	put_text(d, "hardware.device", "h100");
	put_text(d, "model.name", "opt-125m");
	put_text(d, "hardware.host_overhead", "1");
	put_text(d, "hardware.stack", "none");         /* no captured graphs: one batch costs nearly the same as another */
	put_text(d, "scheduler.name", scheduler);
	put_text(d, "scheduler.prefix_caching", "no");
	put(d, "scheduler.max_num_seqs", seqs);
	put_text(d, "workload.prompt_tokens.kind", "fixed");
	put(d, "workload.prompt_tokens.value", 1);
}

/* Mean and its standard error from the means of consecutive batches: waits of neighbours depend on each other. */
enum { BATCHES = 40 };
static double standard_error(const struct records *k, double mean)
{
	size_t n = k->count / BATCHES;
	double square = 0;

	for (size_t b = 0; b < BATCHES; b++) {
		double sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += k->at[b * n + i].queue_s;
		square += (sum / (double)n - mean) * (sum / (double)n - mean);
	}
	return sqrt(square / (BATCHES - 1) / BATCHES);
}

/* Pollaczek and Khinchine: W = rate E[S^2] / (2 (1 - rate E[S])). A fixed answer of n tokens has E[S^2] = n^2 (M/D/1:
 * W = rho n / (2 (1 - rho))); a geometric one of mean n has E[S^2] = 2 n^2 - n (M/M/1 as n grows: W = rho n / (1 - rho)).
 * Seconds are steps: what the device adds is below 0.1 % and inside the margin. */
static void single_server_queues(void)
{
	static const struct { const char *kind; double mean, load; } cases[] = {
		{ "fixed", 1, 0.5 }, { "fixed", 1, 0.8 }, { "fixed", 20, 0.7 }, { "geometric", 50, 0.6 }, { "geometric", 50, 0.8 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		double n = cases[i].mean, load = cases[i].load, square = cases[i].kind[0] == 'f' ? n * n : 2 * n * n - n;
		double theory = load / n * square / (2 * (1 - load)), wait = 0, error;
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct records k = { 0 };
		struct result r = { 0 };
		struct draw d;

		one_second_steps(&d, a, &err, "fcfs", 1);
		put_text(&d, "workload.output_tokens.kind", cases[i].kind);
		put(&d, cases[i].kind[0] == 'f' ? "workload.output_tokens.value" : "workload.output_tokens.mean", n);
		put(&d, "workload.requests", 200000);
		put(&d, "workload.qps", load / n);
		if (!d.ok || !run_scenario(d.sc, &k, &r, a, &err))
			printf("  %s\n", err.text);
		CU_ASSERT_EQUAL_FATAL(k.count, 200000);
		for (size_t j = 0; j < k.count; j++)
			wait += k.at[j].queue_s / (double)k.count;
		error = standard_error(&k, wait);
		if (fabs(wait - theory) > 3 * error + 2e-3 * theory)
			printf("  %s, mean %g, load %g: waits %g +- %g s, theory %g s\n", cases[i].kind, n, load, wait, error, theory);
		CU_ASSERT(fabs(wait - theory) <= 3 * error + 2e-3 * theory);
		CU_ASSERT(error < 0.03 * theory);
		/* And what the run reports is that mean. */
		CU_ASSERT(close_to(r.queue_s.mean, wait, 1e-9));
		free(k.at);
		arena_free(a);
	}
}

/* N clients, each thinking Z seconds between an answer and the next question: N = X (R + Z), up to the few requests at
 * both ends of the run. */
static void interactive_response_time(void)
{
	static const struct { int clients, seqs; double output, think_s; } cases[] = {
		{ 1, 4, 10, 0 }, { 8, 4, 10, 0 }, { 8, 4, 10, 30 }, { 32, 8, 25, 100 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		double n = cases[i].clients, requests = 20000, x, law;
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct records k = { 0 };
		struct result r = { 0 };
		struct draw d;

		one_second_steps(&d, a, &err, "vllm", cases[i].seqs);
		put_text(&d, "workload.output_tokens.kind", "fixed");
		put(&d, "workload.output_tokens.value", cases[i].output);
		put(&d, "workload.requests", requests);
		put(&d, "workload.concurrency", n);
		if (cases[i].think_s > 0) {
			put_text(&d, "workload.sessions.think_s.kind", "exponential");
			put(&d, "workload.sessions.think_s.mean", cases[i].think_s);
		}
		if (!d.ok || !run_scenario(d.sc, &k, &r, a, &err))
			printf("  %s\n", err.text);
		CU_ASSERT_EQUAL_FATAL(k.count, (size_t)requests);
		x = requests / r.duration_s;
		law = x * (r.e2e_s.mean + cases[i].think_s);
		if (!close_to(law, n, 0.01))
			printf("  %g clients, think %g s: X (R + Z) = %g\n", n, cases[i].think_s, law);
		CU_ASSERT(close_to(law, n, 0.01));
		/* One client alone: every answer takes its tokens' steps and nobody waits. */
		if (cases[i].clients == 1)
			CU_ASSERT(close_to(r.e2e_s.mean, cases[i].output, 1e-2) && r.queue_s.max < 1e-9);
		free(k.at);
		arena_free(a);
	}
}

CU_TestInfo suite_queues[] = {
	{ "M/D/1 and M/M/1", single_server_queues },
	{ "closed loop: N = X (R + Z)", interactive_response_time },
	CU_TEST_INFO_NULL,
};
