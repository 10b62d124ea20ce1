/* One copy of the model: a batcher, a clock and the pipeline it drives. */
#ifndef SIM_SERVE_REPLICA_H
#define SIM_SERVE_REPLICA_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/core/clock.h"
#include "sim/serve/batcher.h"
#include "sim/serve/iteration.h"
#include "sim/serve/metrics.h"
#include "sim/serve/outbox.h"
#include "sim/serve.h"

/* Replicas of one kind share what they cost. */
struct pool {
	struct iteration *iteration;
	struct batcher_limits limits;
	const struct scheduler_ops *scheduler;
	const char *name;                      /* "mixed", "prefill", "decode" */
	int64_t devices;                       /* of one replica */
	int32_t first, count;                  /* replicas first .. first + count - 1 */
	bool exact_steps;
	double intake_s, message_s, chunk;     /* of the outbox: a request, a message, tokens of an answer in it */
};

/* What is running: one batch on a lane, or `steps` batches of the same composition. */
struct flight {
	struct batch_shape shape;
	struct step_time time;                 /* first stage (the only one, without pipeline) */
	struct clock start, end;
	int64_t steps;
	int lane;
};

struct replica {
	struct batcher batcher;
	const struct pool *pool;
	struct outbox outbox;
	struct flight *flights;                /* in order of launch, a ring of `lanes` */
	int flight_head, flight_count, next_lane;
	double *stage_free_s;                  /* pipeline only */
	double busy_s, kv_peak, link_free_s, per_block;        /* per_block: 1 / blocks of its cache */
	int64_t requests;
	int32_t number;
};

/* What a finished event reports to the simulation. */
struct replica_events {
	void *ctx;
	void (*hand_over)(void *ctx, struct replica *r, int32_t seq, double t_s);      /* prefilled, to be decoded elsewhere */
	void (*finished)(void *ctx, struct replica *r, int32_t seq, double t_s);
	void (*loading)(void *ctx, struct replica *r, int32_t seq, double t_s);        /* fetch its prefix, then replica_loaded */
	/* Who decided last, and when (clock_key): at that instant, replicas of lower numbers have had their turn. */
	int32_t decided;
	double decided_key;
};

MUST_USE bool replica_init(struct replica *r, const struct pool *pool, struct seq_pool *seqs, int32_t number, struct err *err);
void replica_release(struct replica *r);

/* When the replica next decides something; INFINITY when idle. */
static inline double replica_next_s(const struct replica *r)
{
	return r->flight_count ? r->flights[r->flight_head].end.hi : INFINITY;
}
/* The next decision: commits what ended, starts what can start. */
void replica_advance(struct replica *r, struct metrics *m, const struct replica_events *events, const struct serve_sink *sink);
/* A sequence joins the queue of an idle replica, which does not start yet: others follow at the same time. */
void replica_hold(struct replica *r, int32_t seq);
/* A sequence joins the queue at t_s (new, or handed over with its cache). */
void replica_add(struct replica *r, int32_t seq, double t_s, const struct replica_events *events);
/* The prefix that a sequence waited for has come at t_s. */
void replica_loaded(struct replica *r, int32_t seq, double t_s, const struct replica_events *events);
/* Brings what a router sees of the prefix cache up to t_s. */
void replica_settle(struct replica *r, double t_s, const struct replica_events *events);
/* Something outside changed at t_s (blocks freed): decide again as soon as possible. */
void replica_poke(struct replica *r, double t_s, const struct replica_events *events);

/* Times closer than this are the same instant to the order of events: rounding must not decide it. */
static inline double same_time(double t_s)
{
	return t_s * (1 + 1e-12);
}

#endif
