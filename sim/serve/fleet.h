/* Inside of a serving simulation: replicas in pools behind routers, and what travels between them. */
#ifndef SIM_SERVE_FLEET_H
#define SIM_SERVE_FLEET_H

#include "base/rng.h"
#include "sim/compile.h"
#include "sim/core/events.h"
#include "sim/core/winner.h"
#include "sim/serve.h"
#include "sim/serve/key_pool.h"
#include "sim/serve/metrics.h"
#include "sim/serve/replica.h"
#include "sim/serve/router.h"
#include "workloads/source.h"

enum { POOL_MAIN, POOL_PREFILL, POOLS };       /* POOL_PREFILL: first stop of a disaggregated deployment */
enum { EVENT_ARRIVAL, EVENT_TRANSFERRED, EVENT_LOADED };

struct sim {
	const struct scenario *sc;
	const struct serve_sink *sink;
	struct arena *arena;
	struct compiled compiled;
	struct compiled_pool plans[POOLS];
	struct pool pools[POOLS];
	int pool_count;
	struct seq_pool seqs;
	struct key_pool keys;
	int64_t key_tokens;                    /* tokens of one prefix key; 0 until a request brings keys */
	struct replica *replicas;
	int32_t replica_count;
	struct winner clock;                     /* next decision of each replica, by clock_key */
	struct replica_events on;              /* what replicas report, and who decided last */
	struct events events;
	struct router *routers[POOLS];
	struct rng router_rng;
	struct source *source;
	bool followups, source_open;
	int32_t next_arrival;                  /* the source's next request, already in a slot; NO_SEQ = none */
	double next_arrival_s;                 /* when it reaches the engine */
	bool more_at_once;                     /* while a request arrives: the next one comes at the very same time */
	double request_s, prompt_token_s, first_token_s;       /* host time before the queue (and a prompt token), after the first token */
	double transfer_bytes_s, transfer_latency_s;
	double now_s;
	struct metrics metrics;
	int64_t events_done, iterations, dropped_keys, planned_requests;
	double wall_s, progress_s;
	char hash[33];
	struct err err;                        /* first failure inside the loop */
};

/* Requests in: from the source, and those that completions cause. */
MUST_USE bool intake_next(struct sim *sim);
void intake_followup(struct sim *sim, const struct seq *done, double now_s);
/* An arrival reaches the engine: routed, or refused. */
void fleet_arrive(struct sim *sim, int32_t seq, double t_s);
void fleet_init_events(struct sim *sim);
void fleet_transferred(struct sim *sim, int32_t seq, double t_s);
void fleet_loaded(struct sim *sim, int32_t seq, double t_s);
void fleet_reschedule(struct sim *sim, struct replica *r);

#endif
