/* Generated requests: moments against theory, determinism, closed loops, sessions and what prompts share. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/scratch.h"
#include "workloads/sampler.h"
#include "workloads/stats.h"

static const struct spread none = {
	.value = NAN, .mean = NAN, .least = NAN, .most = NAN, .mu = NAN, .sigma = NAN, .theta = NAN
};

static struct spread fixed(double value)
{
	struct spread s = none;

	s.kind = SPREAD_FIXED;
	s.value = value;
	return s;
}

/* A workload of fixed lengths that a test then changes. */
static struct workload plain(struct arena *arena, double qps, int64_t requests)
{
	struct workload w;
	struct err err = { 0 };

	CU_ASSERT_TRUE_FATAL(workload_defaults(&w, arena, &err));
	w.qps = qps;
	w.requests = requests;
	w.prompt = fixed(100);
	w.output = fixed(10);
	return w;
}

static double mean_of(const struct spread *p, double *variance)
{
	enum { N = 400000 };
	struct sampler s;
	struct err err = { 0 };
	struct rng rng;
	double sum = 0, square = 0;

	CU_ASSERT_TRUE_FATAL(sampler_init(&s, p, "test", &err));
	rng_init(&rng, 11, "test");
	for (int i = 0; i < N; i++) {
		double x = sampler_draw(&s, &rng);

		sum += x;
		square += x * x;
	}
	CU_ASSERT_DOUBLE_EQUAL(sampler_mean(&s), sum / N, 0.02 * sum / N);
	sampler_release(&s);
	*variance = square / N - sum / N * (sum / N);
	return sum / N;
}

static void spreads_have_their_moments(void)
{
	struct spread p = none;
	double v, m, h1 = 0, h2 = 0, h3 = 0;

	p.kind = SPREAD_UNIFORM;
	p.least = 10;
	p.most = 30;
	CU_ASSERT_DOUBLE_EQUAL(mean_of(&p, &v), 20, 0.05);
	CU_ASSERT_DOUBLE_EQUAL(v, 400.0 / 12, 0.3);
	p = none;
	p.kind = SPREAD_LOGNORMAL;
	p.mu = 5;
	p.sigma = 0.8;
	m = exp(5 + 0.32);
	CU_ASSERT_DOUBLE_EQUAL(mean_of(&p, &v), m, 0.01 * m);
	CU_ASSERT_DOUBLE_EQUAL(v, (exp(0.64) - 1) * m * m, 0.05 * (exp(0.64) - 1) * m * m);
	p = none;
	p.kind = SPREAD_EXPONENTIAL;
	p.mean = 40;
	CU_ASSERT_DOUBLE_EQUAL(mean_of(&p, &v), 40, 0.3);
	CU_ASSERT_DOUBLE_EQUAL(v, 1600, 30);
	p.kind = SPREAD_GEOMETRIC;
	p.mean = 4;
	CU_ASSERT_DOUBLE_EQUAL(mean_of(&p, &v), 4, 0.03);
	CU_ASSERT_DOUBLE_EQUAL(v, 12, 0.3); /* (1 - p) / p^2 with p = 1/4 */
	p = none;
	p.kind = SPREAD_ZIPF;
	p.least = 1;
	p.most = 50;
	p.theta = 1.2;
	for (int k = 1; k <= 50; k++) {
		h1 += pow(k, -1.2);
		h2 += k * pow(k, -1.2);
		h3 += (double)k * k * pow(k, -1.2);
	}
	CU_ASSERT_DOUBLE_EQUAL(mean_of(&p, &v), h2 / h1, 0.06);
	CU_ASSERT_DOUBLE_EQUAL(v, h3 / h1 - h2 / h1 * (h2 / h1), 2);
	p = none;
	p.kind = SPREAD_EMPIRICAL;
	p.quantiles = "0:10 0.5:20 0.5:100 1:200"; /* half uniform 10..20, half uniform 100..200 */
	CU_ASSERT_DOUBLE_EQUAL(mean_of(&p, &v), 82.5, 0.5);
}

struct shape {
	double rate, gap_cv, window_cv;
};
static struct shape shape_of(struct workload *w)
{
	static struct workload_stats stats;
	struct err err = { 0 };
	struct source *s = source_open(w, 5, &err);

	SAME_TEXT(err.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(stats_of_source(s, 0, &stats, &err));
	source_close(s);
	return (struct shape){ stats.rate_qps, stats.gap_cv, stats.window_cv };
}

static void arrivals_have_their_moments(void)
{
	static const struct {
		int kind;
		double cv, gap_cv, tolerance;
	} cases[] = {
		{ ARRIVAL_POISSON, 1, 1, 0.02 },     { ARRIVAL_GAMMA, 2, 2, 0.05 },
		{ ARRIVAL_GAMMA, 0.5, 0.5, 0.01 },   { ARRIVAL_WEIBULL, 2.5, 2.5, 0.1 },
		{ ARRIVAL_WEIBULL, 0.4, 0.4, 0.01 }, { ARRIVAL_DETERMINISTIC, 1, 0, 1e-6 },
	};
	struct arena *arena = arena_new();
	struct workload w;
	struct shape s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w = plain(arena, 20, 100000);
		w.arrivals.kind = cases[i].kind;
		w.arrivals.cv = cases[i].cv;
		s = shape_of(&w);
		CU_ASSERT_DOUBLE_EQUAL(s.rate, 20, 0.4);
		CU_ASSERT_DOUBLE_EQUAL(s.gap_cv, cases[i].gap_cv, cases[i].tolerance);
	}
	/* Poisson counts in 10 s at 20/s: cv = 1 / sqrt(200) */
	w = plain(arena, 20, 100000);
	CU_ASSERT_DOUBLE_EQUAL(shape_of(&w).window_cv, 1 / sqrt(200), 0.01);
	/* Two states: Var N(t) = m t + 2 s^2 (t/k - (1 - e^-kt)/k^2), s^2 = p (1-p) (high-low)^2, 1/k relaxation */
	w.requests = 400000;
	w.arrivals.kind = ARRIVAL_MMPP;
	w.arrivals.burst_ratio = 5;
	w.arrivals.burst_share = 0.2;
	w.arrivals.burst_s = 20;
	s = shape_of(&w);
	CU_ASSERT_DOUBLE_EQUAL(s.rate, 20, 0.8);
	{
		double low = 20 / 1.8, spread = 0.16 * (4 * low) * (4 * low), k = 1 / 20.0 + 1 / 80.0, t = 10;
		double variance = 20 * t + 2 * spread * (t / k - (1 - exp(-k * t)) / (k * k));

		CU_ASSERT_DOUBLE_EQUAL(s.window_cv, sqrt(variance) / 200, 0.03);
	}
	arena_free(arena);
}

/* Rates over time: arrivals in each part of the cycle follow the shape, and qps is their mean. */
static void shapes_follow_their_rates(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload w = plain(arena, 50, 200000);
	struct source *s;
	struct request q;
	double high = 0, n = 0;

	w.arrivals.kind = ARRIVAL_DIURNAL;
	w.arrivals.period_s = 100;
	w.arrivals.amplitude = 0.8;
	s = source_open(&w, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (; source_next(s, &q, &err); n++)
		high += fmod(q.arrival_s, 100) < 50;
	CU_ASSERT_DOUBLE_EQUAL(high / n, 0.5 + 0.8 / 3.14159265358979,
			       0.005); /* mean of the sine's positive half: 2/pi */
	CU_ASSERT_DOUBLE_EQUAL(n / q.arrival_s, 50, 1);
	source_close(s);

	w.arrivals.kind = ARRIVAL_BURST;
	w.arrivals.burst_s = 10;
	w.arrivals.burst_ratio = 9;
	s = source_open(&w, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (n = high = 0; source_next(s, &q, &err); n++)
		high += fmod(q.arrival_s, 100) >= 90;
	CU_ASSERT_DOUBLE_EQUAL(high / n, 0.5, 0.01); /* 10 s at 9 against 90 s at 1 */
	source_close(s);

	w.qps = NAN;
	w.arrivals.kind = ARRIVAL_RAMP;
	w.arrivals.start_qps = 0;
	w.arrivals.end_qps = 100;
	w.arrivals.ramp_s = 200;
	w.requests = 0;
	w.duration_s = 200;
	s = source_open(&w, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (n = high = 0; source_next(s, &q, &err); n++)
		high += q.arrival_s < 100;
	CU_ASSERT_DOUBLE_EQUAL(n, 10000, 300);
	CU_ASSERT_DOUBLE_EQUAL(high / n, 0.25, 0.015);
	source_close(s);

	w.arrivals.kind = ARRIVAL_PROFILE;
	w.arrivals.profile = "10, 0 30";
	w.arrivals.window_s = 10;
	w.duration_s = 3000;
	s = source_open(&w, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (n = high = 0; source_next(s, &q, &err); n++) {
		double at = fmod(q.arrival_s, 30);

		CU_ASSERT(at < 10 || at >= 20);
		high += at >= 20;
	}
	CU_ASSERT_DOUBLE_EQUAL(n, 40000, 800);
	CU_ASSERT_DOUBLE_EQUAL(high / n, 0.75, 0.01);
	source_close(s);
	arena_free(arena);
}

/* vLLM's rescaling: the last of n gamma arrivals is exactly at n / rate. */
static void rescaled_arrivals_end_on_time(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload w = plain(arena, 4, 300);
	struct source *s;
	struct request q = { 0 };

	w.arrivals.kind = ARRIVAL_GAMMA;
	w.arrivals.cv = 1.5;
	w.arrivals.rescale = true;
	s = source_open(&w, 9, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	while (source_next(s, &q, &err))
		;
	CU_ASSERT_DOUBLE_EQUAL(q.arrival_s, 75, 1e-9);
	source_close(s);
	arena_free(arena);
}

static void lengths_correlate(void)
{
	static struct workload_stats stats;
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload w = plain(arena, 1, 50000);
	struct source *s;

	w.prompt.kind = w.output.kind = SPREAD_LOGNORMAL;
	w.prompt.mu = 6;
	w.output.mu = 5;
	w.prompt.sigma = w.output.sigma = 0.7;
	w.correlation = -0.6;
	s = source_open(&w, 2, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(stats_of_source(s, 0, &stats, &err));
	CU_ASSERT_DOUBLE_EQUAL(stats.rank_correlation, 6 / 3.14159265358979 * asin(-0.3), 0.01);
	source_close(s);
	arena_free(arena);
}

static uint64_t digest(const struct workload *w, uint64_t seed)
{
	struct err err = { 0 };
	struct source *s = source_open(w, seed, &err);
	struct request q;
	uint64_t h = 0;

	SAME_TEXT(err.text, "");
	while (s && source_next(s, &q, &err)) {
		uint64_t bits;

		memcpy(&bits, &q.arrival_s, sizeof(bits));
		h = (h ^ bits ^ (uint64_t)q.prompt_tokens << 20 ^ (uint64_t)q.output_tokens) * 0x100000001b3u;
		for (uint32_t i = 0; i < q.block_count; i++)
			h = (h ^ q.blocks[i]) * 0x100000001b3u;
	}
	source_close(s);
	return h;
}

static void same_seed_same_requests(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload *w = workload_load("workloads/catalog/mooncake-synthetic.xml", arena, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	w->requests = 2000;
	CU_ASSERT_EQUAL(digest(w, 1), digest(w, 1));
	CU_ASSERT_NOT_EQUAL(digest(w, 1), digest(w, 2));
	arena_free(arena);
}

/* Streams do not disturb each other: other arrivals, same lengths. */
static void streams_are_separate(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload *a = workload_load("workloads/catalog/azure-conv-2023.xml", arena, &err), b;
	struct source *s, *t;
	struct request q, r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	b = *a;
	b.concurrency = 1000;
	s = source_open(a, 3, &err);
	t = source_open(&b, 3, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	while (source_next(s, &q, &err)) {
		CU_ASSERT_TRUE(source_next(t, &r, &err));
		CU_ASSERT_EQUAL(r.prompt_tokens, q.prompt_tokens);
		CU_ASSERT_EQUAL(r.output_tokens, q.output_tokens);
		CU_ASSERT_EQUAL(r.arrival_s, 0);
	}
	source_close(s);
	source_close(t);
	arena_free(arena);
}

/* A server that answers one request at a time, at random; the loop never holds more than N, and each finishes once. */
static void closed_loop_never_exceeds_n(void)
{
	static const char *const names[] = { "constant", "chat", "mooncake-conversation" };

	for (size_t i = 0; i < 3; i++)
		for (int paced = 0; paced < 2; paced++) {
			enum { N = 7 };
			struct arena *arena = arena_new();
			struct err err = { 0 };
			struct workload *w =
				workload_load(arena_printf(arena, "workloads/catalog/%s.xml", names[i]), arena, &err);
			struct request running[N], next;
			struct source *s;
			struct rng rng;
			double now = 0;
			int count = 0;
			int64_t done = 0, issued = 0;

			CU_ASSERT_PTR_NOT_NULL_FATAL(w);
			w->concurrency = N;
			w->paced = paced;
			w->requests = 500;
			w->max_model_len = 20000;
			s = source_open(w, 4, &err);
			CU_ASSERT_PTR_NOT_NULL_FATAL(s);
			CU_ASSERT_TRUE(source_causes_followups(s));
			rng_init(&rng, 1, "server");
			while (source_next(s, &next, &err)) {
				CU_ASSERT_FATAL(count < N);
				running[count++] = next;
				issued++;
			}
			CU_ASSERT_EQUAL(count, N);
			while (count > 0) {
				int k = (int)rng_below(&rng, (uint64_t)count);

				now = fmax(now, running[k].arrival_s) + 0.01;
				done++;
				if (source_completed(s, &running[k], now, &next, &err)) {
					CU_ASSERT(next.arrival_s >= now);
					CU_ASSERT_EQUAL(next.id, issued);
					issued++;
					running[k] = next;
				} else {
					running[k] = running[--count];
				}
			}
			SAME_TEXT(err.text, "");
			CU_ASSERT_EQUAL(done, 500);
			CU_ASSERT_EQUAL(issued, 500);
			source_close(s);
			arena_free(arena);
		}
}

/* Turn k + 1 begins with all of turn k, answer included; conversations under one system prompt share only that. */

/* Users who wait: user i asks at arrivals i, i + users, ..., or when the answer before it came, if that is later. One answer
 * takes so long that a user falls behind by several arrivals; the others keep to theirs. */
static void users_wait_for_their_answers(void)
{
	enum { USERS = 3, EACH = 40 };
	struct arena *arena = arena_new();
	struct workload w = plain(arena, 2, 0);
	struct workload open;
	double times[USERS * EACH], ends[USERS] = { 0 };
	struct request pending[USERS], q, next;
	int64_t turn[USERS] = { 0 };
	uint64_t first_block[USERS] = { 0 };
	struct err err = { 0 };
	struct source *s;
	int taken = 0;

	w.requests = USERS * EACH;
	w.prompt.kind = SPREAD_UNIFORM, w.prompt.least = 64, w.prompt.most = 300;
	w.sessions.users = USERS;
	w.sessions.grows = false;
	open = w;
	s = source_open(&open, 5, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_FALSE(source_causes_followups(s));
	for (int i = 0; i < USERS * EACH; i++) {
		CU_ASSERT_TRUE_FATAL(source_next(s, &q, &err));
		times[i] = q.arrival_s;
	}
	source_close(s);

	w.sessions.waits = w.sessions.repeats = true;
	s = source_open(&w, 5, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(source_causes_followups(s));
	CU_ASSERT_TRUE(source_has_prefixes(s));
	for (int i = 0; i < USERS; i++) {
		CU_ASSERT_TRUE_FATAL(source_next(s, &pending[i], &err));
		CU_ASSERT_TRUE_FATAL(pending[i].block_count > 0);
		first_block[i] = pending[i].blocks[0];
	}
	CU_ASSERT_FALSE(source_next(s, &q, &err));
	while (taken < USERS * EACH) {
		int who = 0;

		/* Each request of user 0 takes 5 s, of the others none: in order of their ends. */
		for (int i = 0; i < USERS; i++)
			ends[i] = turn[i] < EACH ? pending[i].arrival_s + (i == 0 ? 5 : 0) : INFINITY;
		for (int i = 1; i < USERS; i++)
			who = ends[i] < ends[who] ? i : who;
		CU_ASSERT_EQUAL(pending[who].turn, turn[who]);
		if (turn[who] == 0 || who)
			CU_ASSERT_DOUBLE_EQUAL(pending[who].arrival_s, times[who + USERS * turn[who]], 1e-9);
		taken++;
		if (++turn[who] == EACH) {
			CU_ASSERT_FALSE(source_completed(s, &pending[who], ends[who], &next, &err));
			continue;
		}
		CU_ASSERT_TRUE_FATAL(source_completed(s, &pending[who], ends[who], &next, &err));
		CU_ASSERT_EQUAL(next.session, pending[who].session);
		CU_ASSERT_EQUAL(next.prompt_tokens, pending[who].prompt_tokens);
		CU_ASSERT_TRUE_FATAL(next.block_count > 0);
		CU_ASSERT_EQUAL(next.blocks[0], first_block[who]);
		CU_ASSERT_DOUBLE_EQUAL(next.arrival_s, fmax(ends[who], times[who + USERS * turn[who]]), 1e-9);
		pending[who] = next;
	}
	CU_ASSERT_FALSE(source_completed(s, &pending[0], 1e6, &next, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_NONE);
	source_close(s);
	arena_free(arena);
}

static void waiting_needs_users(void)
{
	struct arena *arena = arena_new();
	struct workload w = plain(arena, 2, 10);
	struct err err = { 0 };

	w.sessions.waits = true;
	CU_ASSERT_FALSE(workload_check(&w, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "expected users"));
	w.sessions.users = 2;
	w.sessions.repeats = true;
	err = (struct err){ 0 };
	CU_ASSERT_FALSE(workload_check(&w, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "grows=no"));
	arena_free(arena);
}

static void sessions_chain_their_prefixes(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload w = plain(arena, 1, 40);
	struct source *s;
	struct request q, next;
	uint64_t blocks[1000], other[2] = { 0 };
	int sessions = 0;

	w.sessions.turns = fixed(4);
	w.sessions.think_s = fixed(2.5);
	w.prefixes.shared_tokens = 40; /* two whole blocks of 16 */
	s = source_open(&w, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(source_has_prefixes(s));
	for (; source_next(s, &q, &err); sessions++) {
		int64_t history = 0;

		for (int turn = 0;; turn++) {
			CU_ASSERT_EQUAL(q.turn, turn);
			CU_ASSERT_EQUAL(q.prompt_tokens, 40 + history + 100);
			CU_ASSERT_EQUAL(q.block_tokens, 16);
			CU_ASSERT_EQUAL(q.block_count, (uint32_t)((q.prompt_tokens + (turn < 3 ? 10 : 0)) / 16));
			if (turn == 0 && sessions > 0) {
				CU_ASSERT_EQUAL(q.blocks[1], other[0]);
				CU_ASSERT_NOT_EQUAL(q.blocks[2], other[1]);
			}
			other[0] = q.blocks[1];
			other[1] = q.blocks[2];
			if (turn > 0)
				CU_ASSERT_EQUAL(memcmp(blocks, q.blocks,
						       (size_t)(q.prompt_tokens - 100) / 16 * sizeof(*blocks)),
						0);
			memcpy(blocks, q.blocks, q.block_count * sizeof(*blocks));
			history = q.prompt_tokens - 40 + 10;
			if (!source_completed(s, &q, q.arrival_s + 1, &next, &err))
				break;
			CU_ASSERT_DOUBLE_EQUAL(next.arrival_s, q.arrival_s + 1 + 2.5, 1e-12);
			CU_ASSERT_EQUAL(next.session, q.session);
			q = next;
		}
		CU_ASSERT_EQUAL(q.turn, 3);
	}
	CU_ASSERT_EQUAL(sessions, 10); /* 40 requests in sessions of 4 */
	SAME_TEXT(err.text, "");
	source_close(s);
	arena_free(arena);
}

static void trace_turns_wait_for_answers(void)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload w;
	struct source *s;
	struct request q, next;

	CU_ASSERT_TRUE_FATAL(workload_defaults(&w, arena, &err));
	w.trace = "tests/data/traces/mooncake_sessions.jsonl";
	s = source_open(&w, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(source_next(s, &q, &err));
	CU_ASSERT_TRUE(source_completed(s, &q, 10, &next, &err));
	CU_ASSERT_DOUBLE_EQUAL(next.arrival_s, 12, 1e-12);
	CU_ASSERT_EQUAL(next.prompt_tokens, 1024);
	CU_ASSERT_EQUAL(next.block_count, 2);
	CU_ASSERT_TRUE(source_next(s, &q, &err));
	CU_ASSERT_DOUBLE_EQUAL(q.arrival_s, 0.5, 1e-12);
	CU_ASSERT_FALSE(source_completed(s, &q, 11, &q, &err));
	CU_ASSERT_FALSE(source_next(s, &q, &err));
	q = next;
	CU_ASSERT_TRUE(source_completed(s, &q, 20, &next, &err));
	CU_ASSERT_DOUBLE_EQUAL(next.arrival_s, 21, 1e-12);
	CU_ASSERT_EQUAL(next.turn, 2);
	CU_ASSERT_FALSE(source_completed(s, &next, 30, &q, &err));
	source_close(s);

	w.trace = "tests/data/traces/llmservingsim_agents.jsonl";
	s = source_open(&w, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(source_next(s, &q, &err));
	CU_ASSERT_TRUE(source_completed(s, &q, 4, &next, &err));
	CU_ASSERT_DOUBLE_EQUAL(next.arrival_s, 4.5, 1e-12);
	CU_ASSERT_EQUAL(next.prompt_tokens, 200);
	source_close(s);
	arena_free(arena);
}

static void classes_have_their_shares(void)
{
	static const char xml[] = "<workload qps='10' requests='40000'><prompt_tokens kind='fixed' "
				  "value='7'/><output_tokens kind='fixed' value='3'/>"
				  "<class name='a' share='3' priority='1'/><class name='b' share='1' "
				  "cv='3'><prompt_tokens kind='fixed' value='9'/>"
				  "</class></workload>";
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct workload w;
	struct source *s;
	struct request q;
	double b = 0, last = 0;

	CU_ASSERT_TRUE_FATAL(schema_load_text("xml", xml, sizeof(xml) - 1, &workload_element, &w, arena, &err));
	s = source_open(&w, 1, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	while (source_next(s, &q, &err)) {
		CU_ASSERT_EQUAL(q.prompt_tokens, q.class_index ? 9 : 7);
		CU_ASSERT_EQUAL(q.priority, q.class_index ? 0 : 1);
		CU_ASSERT(q.arrival_s >= last);
		last = q.arrival_s;
		b += q.class_index;
	}
	CU_ASSERT_DOUBLE_EQUAL(b / 40000, 0.25, 0.02);
	SAME_TEXT(source_class_name(s, 1), "b");
	source_close(s);
	arena_free(arena);
}

static void survives_lack_of_memory(void)
{
	static const char *const names[] = { "agent", "mooncake-conversation", "servegen-m-small" };

	for (size_t i = 0; i < 3; i++) {
		struct arena *arena = arena_new();
		struct err load = { 0 };
		struct workload *w =
			workload_load(arena_printf(arena, "workloads/catalog/%s.xml", names[i]), arena, &load);

		CU_ASSERT_PTR_NOT_NULL_FATAL(w);
		w->requests = 20;
		for (size_t n = 1; n < 400; n++) {
			struct err err = { 0 };
			struct request q;
			struct source *s;

			mem_fail_after(n);
			s = source_open(w, 1, &err);
			while (s && source_next(s, &q, &err))
				;
			mem_fail_after(0);
			source_close(s);
			if (err.kind == ERR_NONE)
				break;
			CU_ASSERT_EQUAL(err.kind, ERR_INTERNAL);
			CU_ASSERT(n < 399);
		}
		arena_free(arena);
	}
}

CU_TestInfo suite_workload_source[] = {
	{ "spreads have the moments of theory", spreads_have_their_moments },
	{ "arrival processes have the moments of theory", arrivals_have_their_moments },
	{ "diurnal, burst, ramp and profile follow their rates", shapes_follow_their_rates },
	{ "rescaled arrivals end at requests / qps", rescaled_arrivals_end_on_time },
	{ "prompt and answer lengths correlate as asked", lengths_correlate },
	{ "same seed, same requests", same_seed_same_requests },
	{ "random streams are separate", streams_are_separate },
	{ "a closed loop never exceeds its concurrency", closed_loop_never_exceeds_n },
	{ "sessions chain their prefixes", sessions_chain_their_prefixes },
	{ "users wait for their answers", users_wait_for_their_answers },
	{ "waiting needs users", waiting_needs_users },
	{ "turns of a trace wait for answers", trace_turns_wait_for_answers },
	{ "classes have their shares and lengths", classes_have_their_shares },
	{ "survives lack of memory", survives_lack_of_memory },
	CU_TEST_INFO_NULL,
};
