/* Where sequences go: to a replica by the router, from prefill to decode replicas with their cache, out when done. */
#include "sim/serve/fleet.h"

#include <math.h>

static void drop_keys(struct sim *sim, struct seq *s)
{
	if (s->keys)
		key_pool_give(&sim->keys, s->keys, s->key_class);
	s->keys = NULL;
	s->key_count = s->pinned = 0;
}

static int pool_of(const struct sim *sim, int32_t replica)
{
	return sim->pool_count > 1 && replica >= sim->pools[POOL_PREFILL].first ? POOL_PREFILL : POOL_MAIN;
}

void fleet_reschedule(struct sim *sim, struct replica *r)
{
	int pool = pool_of(sim, r->number);

	winner_set(&sim->clock, r->number, clock_key(replica_next_s(r)));
	router_changed(sim->routers[pool], r->number - sim->pools[pool].first, batcher_outstanding(&r->batcher));
}

struct route_context {
	struct sim *sim;
	int32_t first;
	double t_s;
};

static int64_t route_outstanding(void *ctx, int32_t replica)
{
	const struct route_context *c = ctx;

	return batcher_outstanding(&c->sim->replicas[c->first + replica].batcher);
}

static int64_t route_cached(void *ctx, int32_t replica, const struct seq *s)
{
	const struct route_context *c = ctx;
	struct replica *r = &c->sim->replicas[c->first + replica];
	const struct batcher *b = &r->batcher;
	int32_t host = 0;

	if (b->prefix)
		replica_settle(r, c->t_s, &c->sim->on);
	return b->prefix ? prefix_cache_match(b->prefix, s->keys, s->key_count, &host) * b->key_tokens : 0;
}

static struct replica *choose_replica(struct sim *sim, int pool, const struct seq *s, double t_s)
{
	struct route_context ctx = { sim, sim->pools[pool].first, t_s };
	struct router_view view = { .replicas = sim->pools[pool].count, .rng = &sim->router_rng, .ctx = &ctx,
				    .outstanding = route_outstanding, .cached = route_cached };

	return &sim->replicas[ctx.first + router_pick(sim->routers[pool], &view, s)];
}

static inline struct replica *route(struct sim *sim, int pool, const struct seq *s, double t_s)
{
	return sim->pools[pool].count == 1 ? &sim->replicas[sim->pools[pool].first] : choose_replica(sim, pool, s, t_s);
}

/* Both stops of a disaggregated request must be able to hold it. */
static bool accepted(const struct sim *sim, const struct seq *s)
{
	for (int p = 0; p < sim->pool_count; p++)
		if (!batcher_accepts(&sim->replicas[sim->pools[p].first].batcher, s->prompt, s->output))
			return false;
	return true;
}

/* A policy that closes its batch when it starts (static), or a stack without a server in front, would start with the first
 * of several requests that come at the very same time: an idle replica waits for all of them. With several replicas the
 * next request may go elsewhere. */
static bool waits_for_batch(const struct sim *sim, const struct replica *r)
{
	return sim->replica_count == 1 && r->flight_count == 0 && (r->batcher.ops->may_admit || sim->compiled.stack->gathers);
}

void fleet_arrive(struct sim *sim, int32_t i, double t_s)
{
	struct seq *s = &sim->seqs.at[i];
	struct replica *r;

	metrics_arrival(&sim->metrics, s->arrival_s, s->class_index);
	if (!accepted(sim, s)) {
		struct seq gone = *s;

		metrics_rejected(&sim->metrics, s->class_index);
		drop_keys(sim, s);
		seq_pool_give(&sim->seqs, i);
		if (sim->followups)    /* the client gets an error at once and goes on */
			intake_followup(sim, &gone, t_s);
		if (waits_for_batch(sim, &sim->replicas[0])) {         /* those held back for this one */
			replica_poke(&sim->replicas[0], t_s, &sim->on);
			fleet_reschedule(sim, &sim->replicas[0]);
		}
		return;
	}
	r = route(sim, sim->pool_count > 1 ? POOL_PREFILL : POOL_MAIN, s, t_s);
	if (sim->more_at_once && waits_for_batch(sim, r)) {
		replica_hold(r, i);
		return;
	}
	replica_add(r, i, t_s, &sim->on);
	fleet_reschedule(sim, r);
}

/*
 * When a client sees the first token: SGLang sends chunks of so many tokens, the first, too (len(output_ids) %
 * stream_interval, scheduler.py). Tokens of one answer are taken as evenly spaced.
 */
static double first_seen_s(const struct sim *sim, const struct seq *s, double end_s)
{
	double rest = (double)(s->output - 1), more = (double)(sim->sc->scheduler.stream_interval - 1);

	if (more >= rest)
		return rest > 0 ? end_s : s->first_token_s;
	return s->first_token_s + (end_s - s->first_token_s) * more / rest;
}

static void finished(void *ctx, struct replica *r, int32_t i, double t_s)
{
	struct sim *sim = ctx;
	struct seq *s = &sim->seqs.at[i];
	double end = t_s + sim->first_token_s, first = first_seen_s(sim, s, t_s);
	struct request_record record = {
		.id = s->id, .prompt_tokens = s->prompt, .output_tokens = s->output, .cached_tokens = s->cached, .arrival_s = s->arrival_s,
		.queue_s = s->first_schedule_s - s->arrival_s, .ttft_s = first + sim->first_token_s - s->arrival_s,
		.e2e_s = end - s->arrival_s, .tpot_s = NAN, .replica = r->number, .preemptions = s->preemptions, .class_index = s->class_index,
	};

	if (s->output > 1)
		record.tpot_s = (t_s - first) / (double)(s->output - 1);
	metrics_request(&sim->metrics, &record, end);
	if (sim->sink && sim->sink->request)
		sim->sink->request(sim->sink->ctx, &record);
	drop_keys(sim, s);
	if (sim->followups) {
		struct seq gone = *s;  /* the follow-up may take this very slot */

		seq_pool_give(&sim->seqs, i);
		intake_followup(sim, &gone, end);
		return;
	}
	seq_pool_give(&sim->seqs, i);
}

/* Cache of a prompt leaves its prefill replica layer by layer while later layers still compute, so that only what the
 * link cannot hide is waited for (Splitwise, Mooncake): max(0, B/W - T (L-1)/L) + B/(L W) + latency. */
static void hand_over(void *ctx, struct replica *r, int32_t i, double t_s)
{
	struct sim *sim = ctx;
	const struct compiled_pool *plan = &sim->plans[POOL_PREFILL];
	const struct seq *s = &sim->seqs.at[i];
	double bytes = (double)s->computed * plan->kv_bytes_per_token + plan->memory.state_bytes_per_seq;
	double layers = (double)sim->compiled.model->shape.layers, send_s = bytes / sim->transfer_bytes_s;
	double compute_s = t_s - s->first_schedule_s, start = fmax(r->link_free_s, t_s - compute_s * (layers - 1) / layers);
	double end = fmax(start + send_s, t_s + send_s / layers);

	r->link_free_s = end;
	if (!events_push(&sim->events, end + sim->transfer_latency_s, EVENT_TRANSFERRED, i))
		err_memory(&sim->err);
}

void fleet_transferred(struct sim *sim, int32_t i, double t_s)
{
	struct seq *s = &sim->seqs.at[i];
	struct replica *from = &sim->replicas[s->replica], *to;

	/* Clients hear from the decode replica alone: the token that the prompt brought is sent once it has taken over. */
	s->first_token_s = s->last_token_s = t_s;
	batcher_release_seq(&from->batcher, i);
	replica_poke(from, t_s, &sim->on);
	fleet_reschedule(sim, from);
	to = route(sim, POOL_MAIN, s, t_s);
	/* Its prefix is private there; keys would only hide blocks that it really needs. */
	drop_keys(sim, s);
	replica_add(to, i, t_s, &sim->on);
	fleet_reschedule(sim, to);
}

static void loading(void *ctx, struct replica *r, int32_t i, double t_s)
{
	struct sim *sim = ctx;
	struct seq *s = &sim->seqs.at[i];
	const struct compiled_pool *plan = &sim->plans[pool_of(sim, r->number)];
	double rate = sim->sc->offload.host_bytes_s, start = fmax(r->link_free_s, t_s);

	if (isnan(rate))
		rate = link_present(&sim->compiled.device->host) ? sim->compiled.device->host.bytes_s : 31e9;
	/* From disk through host memory: one after the other. */
	r->link_free_s = start + (double)s->load_tokens * plan->kv_bytes_per_token / rate +
			 (double)s->disk_tokens * plan->kv_bytes_per_token * (double)plan->devices / sim->sc->offload.disk_bytes_s;
	if (!events_push(&sim->events, r->link_free_s, EVENT_LOADED, i))
		err_memory(&sim->err);
}

void fleet_loaded(struct sim *sim, int32_t i, double t_s)
{
	struct replica *r = &sim->replicas[sim->seqs.at[i].replica];

	replica_loaded(r, i, t_s, &sim->on);
	fleet_reschedule(sim, r);
}

void fleet_init_events(struct sim *sim)
{
	sim->on = (struct replica_events){ .ctx = sim, .hand_over = hand_over, .finished = finished, .loading = loading };
}
