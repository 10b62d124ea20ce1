#include "validation/engine/engine_replay.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "sim/core/events.h"

struct replay {
	struct engine *engine;
	struct source *source;
	struct engine_log *log;
	enum replay_pace pace;
	enum clock_kind clock;
	double base_s, skipped_s;
	struct request next;           /* of the source, not due yet */
	uint64_t *next_keys;
	size_t next_key_capacity;
	bool has_next;
	struct events later;           /* follow-ups that are not due yet: subject = index into held */
	struct held {
		struct request r;
		uint64_t *keys;
	} *held;
	size_t held_count, held_capacity;
};

static double now_s(void *ctx)
{
	const struct replay *r = ctx;

	return forward_clock_s(r->clock) - r->base_s + r->skipped_s;
}

/* The source's blocks live until its next call: they are copied. */
static bool fetch(struct replay *r, struct err *err)
{
	r->has_next = source_next(r->source, &r->next, err);
	if (!r->has_next)
		return err->kind == ERR_NONE;
	if (r->next.blocks) {
		if (!mem_grow(&r->next_keys, &r->next_key_capacity, r->next.block_count, sizeof(*r->next_keys)))
			return err_memory(err);
		memcpy(r->next_keys, r->next.blocks, r->next.block_count * sizeof(*r->next_keys));
		r->next.blocks = r->next_keys;
	}
	return true;
}

static bool hold(struct replay *r, const struct request *q, struct err *err)
{
	struct held *h;

	if (!mem_grow(&r->held, &r->held_capacity, r->held_count + 1, sizeof(*r->held)))
		return err_memory(err);
	h = &r->held[r->held_count];
	*h = (struct held){ .r = *q };
	if (q->blocks) {
		h->keys = mem_alloc(q->block_count * sizeof(*h->keys));
		if (!h->keys)
			return err_memory(err);
		memcpy(h->keys, q->blocks, q->block_count * sizeof(*h->keys));
		h->r.blocks = h->keys;
	}
	return events_push(&r->later, q->arrival_s, 0, (int32_t)r->held_count++) || err_memory(err);
}

static bool follow_up(struct replay *r, const struct request *asked, double t_s, struct err *err)
{
	struct request next;

	if (source_completed(r->source, asked, t_s, &next, err))
		return hold(r, &next, err);
	return err->kind == ERR_NONE;
}

static bool on_done(void *ctx, const struct engine_request *q, const struct request *asked, const int32_t *tokens, struct err *err)
{
	struct replay *r = ctx;

	(void)tokens;
	if (!engine_log_request(r->log, q))
		return err_memory(err);
	return follow_up(r, asked, q->last_token_s, err);
}

static bool submit(struct replay *r, const struct request *q, struct err *err)
{
	bool refused;

	if (!engine_add(r->engine, q, NULL, &refused, err))
		return false;
	if (!refused)
		return true;
	r->log->refused++;
	return follow_up(r, q, q->arrival_s, err);
}

static double next_due(const struct replay *r)
{
	double source = r->has_next ? r->next.arrival_s : INFINITY, later = r->later.count ? r->later.at[0].t_s : INFINITY;

	return source < later ? source : later;
}

/* What is due at t_s. deciding: a batch is formed at the very instant at which the last one ended; what its answers cause comes from
 * outside and is seen at the next decision, as it would be from a client. */
static bool admit_due(struct replay *r, double t_s, bool deciding, struct err *err)
{
	while (next_due(r) <= t_s) {
		if (deciding && !(r->has_next && r->next.arrival_s <= t_s) && r->later.at[0].t_s >= t_s)
			return true;
		if (r->has_next && (!r->later.count || r->next.arrival_s <= r->later.at[0].t_s)) {
			if (!submit(r, &r->next, err) || !fetch(r, err))
				return false;
		} else {
			struct event e = events_pop(&r->later);
			struct held h = r->held[e.subject];

			r->held[e.subject].keys = NULL;
			if (!submit(r, &h.r, err)) {
				mem_free(h.keys);
				return false;
			}
			mem_free(h.keys);
		}
	}
	return true;
}

/* Nothing runs and the next request is not due: wait, or let the clock jump. */
static void idle(struct replay *r, double until_s)
{
	double left = until_s - now_s(r);

	if (left <= 0)
		return;
	if (r->pace == PACE_SKIP_IDLE) {
		r->skipped_s += left;
		return;
	}
	nanosleep(&(struct timespec){ (time_t)left, (long)(1e9 * (left - floor(left))) }, NULL);
}

static bool run(struct replay *r, void (*progress)(void *ctx, size_t done), void *ctx, struct err *err)
{
	struct engine_step step = { .ran = false };

	for (;;) {
		double t = step.ran ? step.iteration.end_s : now_s(r);

		if (!admit_due(r, t, step.ran, err) || !engine_step(r->engine, t, now_s, r, &step, err))
			return false;
		if (step.ran) {
			if (!engine_log_iteration(r->log, &step.iteration))
				return err_memory(err);
			if (progress)
				progress(ctx, r->log->request_count);
			continue;
		}
		if (next_due(r) <= t)
			continue;      /* idle: what came at that instant is looked at now */
		if (isinf(next_due(r))) {
			if (engine_outstanding(r->engine) > 0)
				return err_set(err, ERR_INTERNAL, "engine: %lld requests wait and the scheduler forms no batch", (long long)engine_outstanding(r->engine));
			return true;
		}
		idle(r, next_due(r));
	}
}

bool engine_replay(struct engine *e, struct source *source, enum replay_pace pace, enum clock_kind clock, struct engine_log *log, void (*progress)(void *ctx, size_t done),
		   void *ctx, struct err *err)
{
	struct replay r = { .engine = e, .source = source, .log = log, .pace = pace, .clock = clock };
	bool ok;

	engine_on_done(e, on_done, &r);
	ok = fetch(&r, err);
	r.base_s = forward_clock_s(clock);
	ok = ok && run(&r, progress, ctx, err);
	log->preemptions = engine_batcher(e)->preemptions;
	log->recomputed_tokens = engine_recomputed(e);
	engine_on_done(e, NULL, NULL);
	for (size_t i = 0; i < r.held_count; i++)
		mem_free(r.held[i].keys);
	mem_free(r.held);
	mem_free(r.next_keys);
	events_release(&r.later);
	return ok;
}
