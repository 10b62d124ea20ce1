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

/* What the arrivals and answers of this very run ask of theory: a sample's load and second moment differ from what was asked
 * for by sqrt(1/n), which a queue near saturation multiplies. With the sample's own figures that noise goes and the mean is
 * tight. Pollaczek and Khinchine: W = rate E[S^2] / (2 (1 - rate E[S])); fixed answers are M/D/1, geometric ones M/M/1 as
 * their mean grows. */
static double pollaczek_khinchine(const struct records *k, double step_s)
{
	double n = (double)k->count, rate = (n - 1) / (k->at[k->count - 1].arrival_s - k->at[0].arrival_s), mean = 0, square = 0;

	for (size_t i = 0; i < k->count; i++) {
		double s = step_s * (double)k->at[i].output_tokens;

		mean += s / n;
		square += s * s / n;
	}
	return rate * square / (2 * (1 - rate * mean));
}

/* First come, first served on one server, request by request (Lindley 1952): W' = max(0, W + S - gap). Exact but for what the
 * device adds to a step, which a busy period sums up. Returns the mean; *worst: the largest difference over any W. */
static double lindley(const struct records *k, double step_s, double *worst)
{
	double w = 0, sum = 0;

	*worst = 0;
	for (size_t i = 0; i < k->count; i++) {
		if (i > 0)
			w = fmax(0, w + step_s * (double)k->at[i - 1].output_tokens - (k->at[i].arrival_s - k->at[i - 1].arrival_s));
		*worst = fmax(*worst, fabs(k->at[i].queue_s - w) / (w + step_s));
		sum += w;
	}
	return sum / (double)k->count;
}

static void single_server_queues(void)
{
	static const struct { const char *kind; double mean, load; } cases[] = {
		{ "fixed", 1, 0.5 }, { "fixed", 1, 0.8 }, { "fixed", 20, 0.7 }, { "geometric", 50, 0.6 }, { "geometric", 50, 0.8 },
	};
	enum { REQUESTS = 400000 };
	const double requests = seed_count(10) >= 10 ? REQUESTS : REQUESTS / 10, margin = 0.02 * sqrt(REQUESTS / requests);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		double n = cases[i].mean, theory, exact, worst, wait = 0, step_s = 0;
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct records k = { 0 };
		struct result r = { 0 };
		struct draw d;

		one_second_steps(&d, a, &err, "fcfs", 1);
		put_text(&d, "workload.output_tokens.kind", cases[i].kind);
		put(&d, cases[i].kind[0] == 'f' ? "workload.output_tokens.value" : "workload.output_tokens.mean", n);
		put(&d, "workload.requests", requests);
		put(&d, "workload.qps", cases[i].load / n);
		if (!d.ok || !run_scenario(d.sc, &k, &r, a, &err))
			printf("  %s\n", err.text);
		CU_ASSERT_EQUAL_FATAL(k.count, (size_t)requests);
		for (size_t j = 0; j < k.count; j++) {
			wait += k.at[j].queue_s / requests;
			step_s += (k.at[j].e2e_s - k.at[j].queue_s) / (double)k.at[j].output_tokens / requests;
		}
		theory = pollaczek_khinchine(&k, step_s);
		exact = lindley(&k, step_s, &worst);
		if (!close_to(wait, theory, margin) || !close_to(wait, exact, 1e-3))
			printf("  %s, mean %g, load %g: waits %g s, theory %g s, request by request %g s (worst %g)\n", cases[i].kind, n,
			       cases[i].load, wait, theory, exact, worst);
		CU_ASSERT(close_to(step_s, 1, 1e-3));
		CU_ASSERT(close_to(wait, exact, 1e-3) && worst < 2e-2);
		CU_ASSERT(close_to(wait, theory, margin));
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
	{ "M/D/1 and M/M/1: the mean within 2 %, Lindley request by request", single_server_queues },
	{ "closed loop: N = X (R + Z)", interactive_response_time },
	CU_TEST_INFO_NULL,
};
