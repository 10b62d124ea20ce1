/* One serving simulation: a scenario goes in, a result comes out. */
#ifndef SIM_SERVE_H
#define SIM_SERVE_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "reports/result.h"
#include "sim/scenario.h"

/* Where a run may deliver more than the result. All optional. */
struct serve_sink {
	void *ctx;
	void (*request)(void *ctx, const struct request_record *record);          /* as each request completes */
	/* One batch (or `steps` equal-composition batches run back to back) on a replica. */
	void (*batch)(void *ctx, int replica, double start_s, double end_s, int64_t steps, int64_t decodes, int64_t prefills, int64_t tokens);
	void (*progress)(void *ctx, double done_share, double now_s);             /* now and then; done_share may be NAN */
	bool (*stop)(void *ctx);               /* asked as often; true: the run ends there, with an error (ERR_CHECK) */
};

struct catalog_cache;
struct sim;                                                     /* fields live in serve.c alone */
MUST_USE struct sim *sim_new(const struct scenario *sc, const struct serve_sink *sink, struct err *err);   /* borrows both */
/* The same with catalog entries from a cache, which has to outlive the simulation. */
MUST_USE struct sim *sim_new_cached(const struct scenario *sc, const struct serve_sink *sink, struct catalog_cache *cache, struct err *err);
MUST_USE bool sim_run(struct sim *sim, double until_s, struct err *err);        /* INFINITY: to the end */
/* Fills *out; texts and arrays live in the arena. Valid at any time, also mid-run. */
MUST_USE bool sim_result(const struct sim *sim, struct arena *arena, struct result *out, struct err *err);
void sim_free(struct sim *sim);                                 /* NULL is fine */

#endif
