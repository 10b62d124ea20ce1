/* Laws that hold for every scenario at every batch: conservation of requests, tokens and cache blocks, limits kept, time
 * that never goes back, first come first served where a policy says so. */
#include <CUnit/CUnit.h>
#include <string.h>

#include "base/str.h"
#include "sim/serve/fleet.h"
#include "tests/prop/random_scenario.h"
#include "tests/prop/runs.h"

enum { REPLICAS_MOST = 16 };

/* What is looked at while a simulation runs. */
struct watch {
	struct records records;
	struct sim *sim;
	double last_s, ended_s[REPLICAS_MOST];
	int64_t batches;
	const char *broken;                    /* the first law that was */
};

static void expect(struct watch *w, bool holds, const char *law)
{
	if (!holds && !w->broken)
		w->broken = law;
}

static int64_t blocks_of(const struct batcher *b, int64_t tokens)
{
	return (tokens + b->limits.block_tokens - 1) / b->limits.block_tokens;
}

/* Blocks that a sequence holds for itself. What a decoding one has grown since it joined is worked out here from its own
 * tokens, not by the residues of its group. */
static int64_t held(const struct batcher *b, const struct seq *s)
{
	if (s->state != SEQ_DECODE || b->limits.reserve != RESERVE_AS_NEEDED)
		return s->blocks;
	return s->blocks + blocks_of(b, decode_group_cached(&b->lanes[s->lane].decoding, s)) - blocks_of(b, s->computed);
}

/* Every block is free, in the prefix cache, held by a sequence or taken for a step that runs. */
static bool blocks_add_up(const struct sim *sim, int32_t replica)
{
	const struct batcher *b = &sim->replicas[replica].batcher;
	int64_t sum = b->free_blocks + (b->prefix ? prefix_cache_resident(b->prefix) * b->key_blocks : 0);
	bool *unused = calloc(sim->seqs.capacity, sizeof(*unused));

	for (int32_t i = sim->seqs.free_head; i != NO_SEQ; i = sim->seqs.at[i].next)
		unused[i] = true;
	for (size_t i = 0; i < sim->seqs.capacity; i++)
		if (!unused[i] && sim->seqs.at[i].replica == replica)
			sum += held(b, &sim->seqs.at[i]);
	free(unused);
	for (int l = 0; l < b->limits.lanes; l++)
		sum += b->lanes[l].reserved;
	return b->free_blocks >= 0 && sum == b->limits.kv_blocks;
}

/* Policies without a token budget, and those that let decodes run beside it or apart from it. */
static bool within_budget(const struct batcher *b, int64_t decodes, int64_t prefills, int64_t tokens)
{
	if (decodes + prefills > b->limits.max_seqs)
		return false;
	bool by_requests = text_equal(b->ops->name, "orca") || text_equal(b->ops->name, "static");

	if (prefills == 0 || by_requests || tokens <= b->limits.max_tokens)
		return true;
	return !b->limits.chunked && prefills == 1;    /* a preempted sequence that has outgrown the budget */
}

static void on_batch(void *ctx, int replica, double start_s, double end_s, int64_t steps, int64_t decodes, int64_t prefills, int64_t tokens)
{
	struct watch *w = ctx;
	const struct batcher *b = &w->sim->replicas[replica].batcher;

	expect(w, end_s > start_s && steps >= 1 && decodes + prefills >= 1 && tokens >= decodes + prefills, "a batch does something");
	expect(w, start_s >= w->ended_s[replica] * (1 - 1e-12) || b->limits.lanes > 1, "one batch at a time");
	expect(w, w->sim->now_s >= w->last_s * (1 - 1e-12), "time never goes back");
	expect(w, within_budget(b, decodes, prefills, tokens), "tokens and seats of a batch");
	expect(w, b->running.count <= b->limits.max_seqs, "running sequences");
	if (w->batches++ % 8 == 0)
		expect(w, blocks_add_up(w->sim, replica), "blocks at a batch");
	w->ended_s[replica] = end_s;
	w->last_s = w->sim->now_s;
}

static void on_request(void *ctx, const struct request_record *record)
{
	struct watch *w = ctx;

	keep_record(&w->records, record);
}

static bool all_back(const struct sim *sim)
{
	for (int32_t i = 0; i < sim->replica_count; i++) {
		const struct batcher *b = &sim->replicas[i].batcher;

		if (batcher_room(b) != b->limits.kv_blocks || batcher_outstanding(b) != 0 || !blocks_add_up(sim, i))
			return false;
	}
	return sim->seqs.live == 0 && sim->events.count == 0;
}

static void check_result(struct watch *w, const struct result *r, int64_t chunk)
{
	const struct records *k = &w->records;
	double tokens = 0, times = 0;
	struct metrics *m = &w->sim->metrics;

	for (size_t i = 0; i < k->count; i++) {
		const struct request_record *a = &k->at[i];

		expect(w, i == 0 || k->at[i - 1].id != a->id, "a request finishes once");
		expect(w, a->ttft_s > 0 && a->queue_s >= 0 && a->ttft_s > a->queue_s && a->e2e_s >= a->ttft_s, "order of a request's times");
		expect(w, a->output_tokens == 1 ? isnan(a->tpot_s) : a->output_tokens <= chunk ? a->tpot_s == 0 : a->tpot_s > 0,
		       "time per token, none when all come in one chunk");
		expect(w, a->cached_tokens >= 0 && a->cached_tokens < a->prompt_tokens, "at least one token is computed");
		tokens += (double)a->output_tokens;
		times += a->e2e_s;
	}
	expect(w, r->completed + r->rejected == r->requests && (double)k->count == r->completed, "all requests end");
	expect(w, tokens == r->output_tokens, "tokens");
	expect(w, !k->backwards, "order of completion");
	expect(w, close_to(block_sum_get(&m->in_system_area), times, 1e-9), "Little's law");
	expect(w, close_to(block_sum_get(&m->in_system_area), block_sum_get(&m->e2e_area), 1e-9), "Little's law, own sums");
	expect(w, r->kv_utilization_peak <= 1 + 1e-12 && r->kv_utilization_peak >= 0, "cache within its size");
	expect(w, all_back(w->sim), "all blocks and slots come back");
}

static int by_arrival(const void *x, const void *y)
{
	const struct request_record *a = x, *b = y;

	return (a->arrival_s > b->arrival_s) - (a->arrival_s < b->arrival_s);
}

/* Nobody overtakes on a replica of a policy that is first come, first served, as long as nobody is thrown out. Who comes
 * first is who reaches the engine first: behind the tokeniser, which takes longer for a long prompt, and at the latest when
 * all who arrived before are through it. */
static bool served_in_order(const struct sim *sim, const struct scenario *sc, struct records *k, const struct result *r)
{
	bool reorders = text_equal(sc->scheduler.name, "priority") || sc->scheduler.order > ORDER_FCFS, in_order = true;
	double *latest, through = 0;

	if (reorders || r->preemptions > 0 || sc->deployment.prefill_replicas > 0 || sc->offload.host_bytes > 0 || k->count == 0)
		return true;
	latest = malloc(k->count * sizeof(*latest));
	qsort(k->at, k->count, sizeof(*k->at), by_arrival);
	for (size_t i = 0; i < k->count; i++)
		latest[i] = through = fmax(through, k->at[i].arrival_s + sim->prompt_token_s * (double)k->at[i].prompt_tokens);
	for (size_t i = 0; i < k->count; i++)
		for (size_t j = 0; j < k->count; j++) {
			const struct request_record *a = &k->at[i], *b = &k->at[j];

			if (a->replica == b->replica && latest[i] < b->arrival_s + sim->prompt_token_s * (double)b->prompt_tokens &&
			    a->arrival_s + a->queue_s > (b->arrival_s + b->queue_s) * (1 + 1e-12))
				in_order = false;
		}
	free(latest);
	return in_order;
}

/* What the random scenarios reached at least once: a law nobody tests holds, too. */
struct seen {
	double preemptions, rejected, cached, cut, fetched, transferred;
};

static void look(struct seen *seen, const struct sim *sim, const struct result *r)
{
	seen->preemptions += r->preemptions;
	seen->rejected += r->rejected;
	seen->cached += r->cached_prompt_tokens;
	seen->transferred += sim->pool_count > 1 ? r->completed : 0;
	for (int32_t i = 0; i < sim->replica_count; i++)
		seen->fetched += sim->pool_count == 1 && sim->replicas[i].link_free_s > 0;
}

static void laws_hold(void)
{
	struct seen seen = { 0 };
	int wrong = 0, seeds = seed_count(400);

	for (int seed = 1; seed <= seeds; seed++) {
		struct arena *a = arena_new();
		struct watch w = { 0 };
		struct serve_sink sink = { .ctx = &w, .request = on_request, .batch = on_batch };
		struct err err = { 0 };
		struct result r = { 0 };
		struct scenario *sc = random_scenario((uint64_t)seed, a, &err);
		bool ok;

		w.sim = sc ? sim_new(sc, &sink, &err) : NULL;
		ok = w.sim && sim_run(w.sim, INFINITY, &err) && sim_result(w.sim, a, &r, &err);
		if (ok) {
			sort_records(&w.records);
			check_result(&w, &r, sc->scheduler.stream_interval);
			look(&seen, w.sim, &r);
			expect(&w, served_in_order(w.sim, sc, &w.records, &r), "first come, first served");
		}
		if (!ok || w.broken) {
			describe(seed, w.broken ? w.broken : "does not run", sc, &err);
			wrong++;
		}
		sim_free(w.sim);
		free(w.records.at);
		arena_free(a);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	if (seeds >= 200)
		CU_ASSERT(seen.preemptions > 0 && seen.rejected > 0 && seen.cached > 0 && seen.fetched > 0 && seen.transferred > 0);
}

/* Three times the price costs three times as much and changes nothing else. */
static void cost_is_linear_in_price(void)
{
	for (int seed = 1; seed <= seed_count(20); seed++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct scenario *sc = random_scenario((uint64_t)seed, a, &err);
		struct result one = { 0 }, three = { 0 };
		struct records k = { 0 }, l = { 0 };

		CU_ASSERT_FATAL(sc != NULL);
		sc->price.usd_per_device_hour = 1.5;
		CU_ASSERT(run_scenario(sc, &k, &one, a, &err));
		sc->price.usd_per_device_hour = 4.5;
		CU_ASSERT(run_scenario(sc, &l, &three, a, &err));
		CU_ASSERT(close_to(3 * one.usd, three.usd, 1e-12) && (one.usd > 0 || one.completed == 0));
		CU_ASSERT(close_to(3 * one.usd_per_1m_output_tokens, three.usd_per_1m_output_tokens, 1e-12));
		CU_ASSERT(close_to(one.usd, 1.5 / 3600 * one.duration_s * (double)one.devices, 1e-12));
		CU_ASSERT(one.e2e_s.mean == three.e2e_s.mean && one.joules == three.joules);
		free(k.at);
		free(l.at);
		arena_free(a);
	}
}

/* A closed loop whose answers end one by one, with one setting changed. */
static void loop_with(const char *path, const char *value, const char *scheduler, int64_t ranks, struct result *out, struct arena *a)
{
	static const char *const settings[][2] = {
		{ "hardware.host_overhead", "none" }, { "workload.requests", "96" }, { "workload.concurrency", "16" },
		{ "workload.prompt_tokens.kind", "fixed" }, { "workload.prompt_tokens.value", "32" }, { "workload.output_tokens.kind", "uniform" },
		{ "workload.output_tokens.least", "1000" }, { "workload.output_tokens.most", "2000" },
	};
	struct err err = { 0 };
	struct scenario *sc = scenario_new(a, &err);
	struct records k = { 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(sc);
	for (size_t s = 0; s < COUNT_OF(settings); s++)
		CU_ASSERT_TRUE_FATAL(schema_set(&scenario_element, sc, settings[s][0], settings[s][1], "test", a, &err));
	sc->scheduler.name = scheduler;
	sc->deployment.dp_attention = ranks;
	if (path)
		CU_ASSERT_TRUE_FATAL(schema_set(&scenario_element, sc, path, value, "test", a, &err));
	memset(out, 0, sizeof(*out));
	CU_ASSERT_TRUE_FATAL(run_scenario(sc, &k, out, a, &err));
	free(k.at);
}

/* Looked for every 40 steps, requests wait 0 to 40 of them, 20 in the mean, but for the first, who find nobody decoding; sent
 * 40 tokens at a time, the first is seen 39 gaps later and the last when it was. */
static void waits_for_looks_and_chunks(void)
{
	struct result plain, looks, chunks;
	struct arena *a = arena_new();
	double step_s;

	loop_with(NULL, NULL, "sglang", 1, &plain, a);
	loop_with("scheduler.recv_interval", "40", "sglang", 1, &looks, a);
	loop_with("scheduler.stream_interval", "40", "sglang", 1, &chunks, a);
	step_s = plain.tpot_s.mean;
	CU_ASSERT_DOUBLE_EQUAL((looks.ttft_s.mean - plain.ttft_s.mean) / step_s, 20 * 80. / 96, 5);
	CU_ASSERT(looks.ttft_s.max - plain.ttft_s.mean < 43 * 1.1 * step_s);
	CU_ASSERT_DOUBLE_EQUAL((chunks.ttft_s.mean - plain.ttft_s.mean) / step_s, 39, 0.5);
	CU_ASSERT_DOUBLE_EQUAL(chunks.e2e_s.mean, plain.e2e_s.mean, 1e-12);
	/* vLLM V0 decides for so many passes, too. */
	loop_with(NULL, NULL, "vllm-v0", 1, &plain, a);
	loop_with("scheduler.recv_interval", "40", "vllm-v0", 1, &looks, a);
	CU_ASSERT_DOUBLE_EQUAL((looks.ttft_s.mean - plain.ttft_s.mean) / plain.tpot_s.mean, 20 * 80. / 96, 5);
	CU_ASSERT(looks.ttft_s.max - plain.ttft_s.mean < 43 * 1.1 * plain.tpot_s.mean);
	arena_free(a);
}

/* Attention ranks that balance: of 16 in flight for 1,500 steps one ends every 94, so that four ranks never have eight waiting
 * within 50: the first waits all 50 steps, others less. */
static void waits_for_other_ranks(void)
{
	struct result plain, balanced;
	struct arena *a = arena_new();
	double wait;

	loop_with(NULL, NULL, "trtllm", 4, &plain, a);
	loop_with("scheduler.balance_timeout", "50", "trtllm", 4, &balanced, a);
	wait = (balanced.ttft_s.mean - plain.ttft_s.mean) / plain.tpot_s.mean;
	CU_ASSERT(wait > 25 && wait < 50);
	CU_ASSERT((balanced.ttft_s.max - plain.ttft_s.mean) / plain.tpot_s.mean < 55);
	/* One rank has nobody to wait for. */
	loop_with(NULL, NULL, "trtllm", 1, &plain, a);
	loop_with("scheduler.balance_timeout", "50", "trtllm", 1, &balanced, a);
	CU_ASSERT(balanced.ttft_s.mean == plain.ttft_s.mean);
	arena_free(a);
}

CU_TestInfo suite_laws[] = {
	{ "requests, tokens, blocks, limits, time and order", laws_hold },
	{ "cost is linear in price", cost_is_linear_in_price },
	{ "requests wait for looks and clients for chunks", waits_for_looks_and_chunks },
	{ "prompts wait for the other attention ranks", waits_for_other_ranks },
	CU_TEST_INFO_NULL,
};
