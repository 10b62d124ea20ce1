#include "sim/serve.h"

#include <math.h>

#include "base/mem.h"
#include "base/now.h"
#include "base/str.h"
#include "sim/serve/fleet.h"

static bool init_pool(struct sim *sim, int p, int32_t first, int32_t count, struct err *err)
{
	struct pool *pool = &sim->pools[p];

	if (!compile_pool(sim->sc, &sim->compiled, p == POOL_PREFILL, &sim->plans[p], err))
		return false;
	*pool = (struct pool){ .limits = sim->plans[p].limits, .scheduler = sim->compiled.scheduler, .devices = sim->plans[p].devices,
			       .first = first, .count = count, .exact_steps = sim->sc->exact_steps };
	/* Clients hear from decode replicas alone. A batch job's answers are sent whole: hardly any messages. */
	if (text_equal(sim->sc->hardware.host_overhead, "default") && p == POOL_MAIN && sim->sc->workload.arrivals.kind != ARRIVAL_ALL_AT_ONCE) {
		pool->message_s = sim->compiled.stack->message_s;
		pool->intake_s = sim->compiled.stack->request_s;
	}
	pool->chunk = (double)sim->sc->scheduler.stream_interval;
	pool->name = p == POOL_PREFILL ? "prefill" : sim->pool_count > 1 ? "decode" : "mixed";
	pool->iteration = compile_iteration(sim->sc, &sim->compiled, &sim->plans[p], err);
	if (!pool->iteration)
		return false;
	/* A fleet keeps smaller wheels, to stay in the cache: the same results, a little more work for long answers. */
	if (sim->replica_count > 8)
		pool->limits.wheel_bits = sim->replica_count > 4096 ? 7 : 8;
	{
		const struct graph *g = iteration_graph(pool->iteration, 0);

		pool->limits.window_count = g->window_count;
		for (int w = 0; w < g->window_count; w++)
			pool->limits.windows[w] = g->windows[w];
	}
	sim->routers[p] = router_new(router_require(sim->sc->deployment.router, err), count, err);
	if (!sim->routers[p])
		return false;
	for (int32_t i = first; i < first + count; i++)
		if (!replica_init(&sim->replicas[i], pool, &sim->seqs, i, err))
			return false;
	return true;
}

static bool init_pools(struct sim *sim, struct err *err)
{
	const struct scenario_deployment *d = &sim->sc->deployment;

	if (!router_require(d->router, err))
		return false;
	sim->pool_count = d->prefill_replicas > 0 ? 2 : 1;
	sim->replica_count = (int32_t)(d->replicas + d->prefill_replicas);
	sim->replicas = mem_calloc((size_t)sim->replica_count, sizeof(*sim->replicas));
	if (!sim->replicas || !winner_init(&sim->clock, sim->replica_count))
		return err_memory(err);
	return init_pool(sim, POOL_MAIN, 0, (int32_t)d->replicas, err) &&
	       (sim->pool_count == 1 || init_pool(sim, POOL_PREFILL, (int32_t)d->replicas, (int32_t)d->prefill_replicas, err));
}

static void init_rates(struct sim *sim)
{
	const struct scenario_deployment *d = &sim->sc->deployment;
	const struct stack *stack = sim->compiled.stack;

	if (text_equal(sim->sc->hardware.host_overhead, "default")) {
		sim->request_s = stack->request_s;
		/* What is sent all at once is a batch job, whose prompts were tokenised before the clock started. */
		if (sim->sc->workload.arrivals.kind != ARRIVAL_ALL_AT_ONCE)
			sim->prompt_token_s = stack->prompt_token_s;
		sim->first_token_s = stack->first_token_s;
	}
	if (sim->compiled.correction)
		sim->request_s += sim->compiled.correction->request_s;
	sim->transfer_latency_s = d->transfer_latency_s +
				  (text_equal(sim->sc->hardware.host_overhead, "default") ? stack->handover_s : 0);
	/* Per device of the prefill replica: each sends its own shard. */
	if (!isnan(d->transfer_bytes_s))
		sim->transfer_bytes_s = d->transfer_bytes_s / (double)sim->plans[POOL_PREFILL].devices;
	else if (link_present(&sim->compiled.system->scale_out))
		sim->transfer_bytes_s = sim->compiled.system->scale_out.bytes_s;
	else
		sim->transfer_bytes_s = link_present(&sim->compiled.device->host) ? sim->compiled.device->host.bytes_s : 12.5e9;
}

static void no_requests(const struct sim *sim, struct err *err)
{
	struct source_counts n;

	source_counts(sim->source, &n);
	err_set(err, ERR_INPUT, "%s: no requests: %lld rows read, none kept%s%s; expected at least one with prompt and output tokens",
		sim->sc->workload.trace, (long long)n.rows_read, n.dropped_reasons ? ", the first dropped as " : "",
		n.dropped_reasons ? n.dropped[0].reason : "");
}

struct sim *sim_new(const struct scenario *sc, const struct serve_sink *sink, struct err *err)
{
	return sim_new_cached(sc, sink, NULL, err);
}

struct sim *sim_new_cached(const struct scenario *sc, const struct serve_sink *sink, struct catalog_cache *cache, struct err *err)
{
	struct sim *sim = mem_calloc(1, sizeof(*sim));

	if (!sim || !(sim->arena = arena_new()) || !(sim->keys.arena = arena_new())) {
		err_memory(err);
		goto fail;
	}
	sim->sc = sc;
	sim->sink = sink;
	sim->next_arrival = NO_SEQ;
	fleet_init_events(sim);
	if (!seq_pool_init(&sim->seqs, 1024)) {
		err_memory(err);
		goto fail;
	}
	if (!compile_scenario_cached(sc, cache, &sim->compiled, sim->arena, err))
		goto fail;
	sim->sc = sc = sim->compiled.scenario;
	if (!init_pools(sim, err) || !metrics_init(&sim->metrics, sc, err))
		goto fail;
	init_rates(sim);
	rng_init(&sim->router_rng, (uint64_t)sc->seed, "router");
	sim->source = source_open(&sc->workload, (uint64_t)sc->seed, err);
	if (!sim->source)
		goto fail;
	sim->source_open = true;
	sim->followups = source_causes_followups(sim->source);
	sim->planned_requests = sc->workload.requests;
	if (!intake_next(sim)) {
		err_set(err, sim->err.kind, "%s", sim->err.text);
		goto fail;
	}
	if (sc->workload.trace && sim->next_arrival == NO_SEQ) {
		no_requests(sim, err);
		goto fail;
	}
	return sim;
fail:
	sim_free(sim);
	return NULL;
}

void sim_free(struct sim *sim)
{
	if (!sim)
		return;
	for (int32_t i = 0; sim->replicas && i < sim->replica_count; i++)
		replica_release(&sim->replicas[i]);
	for (int p = 0; p < POOLS; p++) {
		release_iteration(&sim->compiled, sim->pools[p].iteration);
		router_free(sim->routers[p]);
	}
	mem_free(sim->replicas);
	winner_release(&sim->clock);
	events_release(&sim->events);
	source_close(sim->source);
	metrics_release(&sim->metrics);
	seq_pool_release(&sim->seqs);
	compiled_release(&sim->compiled);
	arena_free(sim->keys.arena);
	arena_free(sim->arena);
	mem_free(sim);
}

static void progress(struct sim *sim)
{
	double now;

	if (sim->events_done % 16384 != 0 || !sim->sink || (!sim->sink->progress && !sim->sink->stop))
		return;
	now = now_s();
	if (now - sim->progress_s < 0.1)
		return;
	sim->progress_s = now;
	if (sim->sink->stop && sim->sink->stop(sim->sink->ctx)) {
		err_set(&sim->err, ERR_CHECK, "stopped after %.4g s of simulated time, %.0f requests done", sim->now_s,
			(double)sim->metrics.completed);
		return;
	}
	if (!sim->sink->progress)
		return;
	sim->sink->progress(sim->sink->ctx, sim->planned_requests > 0 ? (double)sim->metrics.completed / (double)sim->planned_requests : NAN,
			    sim->now_s);
}

static void handle(struct sim *sim, const struct event *e)
{
	switch (e->kind) {
	case EVENT_ARRIVAL: fleet_arrive(sim, e->subject, e->t_s); break;
	case EVENT_TRANSFERRED: fleet_transferred(sim, e->subject, e->t_s); break;
	case EVENT_LOADED: fleet_loaded(sim, e->subject, e->t_s); break;
	}
}

/* The earliest of: the source's next request, what was planned for later, a replica's next decision. What comes from
 * outside goes first when times are equal, so that a replica deciding at that instant sees it. */
static bool step(struct sim *sim, double until_s)
{
	double outside = sim->next_arrival_s, planned = sim->events.count ? sim->events.at[0].t_s : INFINITY;
	double replica = winner_top_key(&sim->clock), first = outside < planned ? outside : planned;

	if (first > until_s && replica > until_s)
		return false;
	if (first <= same_time(replica)) {
		if (isinf(first))
			return false;
		sim->now_s = first;
		if (outside <= planned) {
			int32_t i = sim->next_arrival;

			if (!intake_next(sim))
				return false;
			sim->more_at_once = sim->next_arrival_s == outside;
			fleet_arrive(sim, i, outside);
			sim->more_at_once = false;
			return true;
		} else {
			struct event e = events_pop(&sim->events);

			handle(sim, &e);
		}
	} else {
		struct replica *r = &sim->replicas[winner_top(&sim->clock)];

		sim->now_s = replica_next_s(r);
		sim->on.decided = r->number;
		sim->on.decided_key = replica;
		sim->iterations += r->flights[r->flight_head].steps;
		replica_advance(r, &sim->metrics, &sim->on, sim->sink);
		fleet_reschedule(sim, r);
		if (UNLIKELY(r->batcher.out_of_memory))
			return err_memory(&sim->err);
	}
	return true;
}

/* Nothing is due any more, yet requests wait: a policy left them behind. That is a fault of ours, never a silent result. */
static bool all_done(const struct sim *sim, struct err *err)
{
	for (int32_t i = 0; i < sim->replica_count; i++)
		if (batcher_outstanding(&sim->replicas[i].batcher) > 0)
			return err_set(err, ERR_INTERNAL, "scheduler '%s': %lld requests wait on replica %d and nothing is due",
				       sim->compiled.scheduler->name, (long long)batcher_outstanding(&sim->replicas[i].batcher), i);
	return true;
}

bool sim_run(struct sim *sim, double until_s, struct err *err)
{
	double start = now_s();
	bool more = true;

	while (more && sim->err.kind == ERR_NONE) {
		more = step(sim, until_s);
		sim->events_done++;
		progress(sim);
	}
	metrics_settle(&sim->metrics);
	sim->wall_s += now_s() - start;
	if (sim->err.kind != ERR_NONE)
		return err_set(err, sim->err.kind, "%s", sim->err.text);
	return isfinite(until_s) || all_done(sim, err);
}
