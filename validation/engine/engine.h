/* A continuous-batching inference engine: the simulator's batcher and schedulers (sim/serve/batcher.h) decide, real kernels execute.
 * Form a batch, lay it out, run the model, commit what came. */
#ifndef VALIDATION_ENGINE_H
#define VALIDATION_ENGINE_H

#include "sim/serve/batcher.h"
#include "validation/engine/engine_log.h"
#include "validation/engine/engine_methods.h"
#include "validation/engine/engine_model.h"
#include "validation/engine/forward.h"
#include "workloads/request.h"

struct engine_options {
	const struct scheduler_ops *scheduler;
	struct batcher_limits limits;          /* kv_blocks: as many are allocated; swap, handoff, late, tiers and lanes beyond 1 are refused */
	enum kernel_format kv_format;
	int threads;
	int64_t context;                       /* longest prompt + output */
	enum clock_kind clock;                 /* that iterations and operators are timed with */
	const struct engine_methods *methods;  /* techniques; borrowed; NULL: none */
	uint64_t seed;                         /* of prompts that the workload gives lengths for */
};

struct engine;
/* Borrows the model. */
MUST_USE struct engine *engine_new(const struct engine_model *m, const struct engine_options *o, struct err *err);
void engine_free(struct engine *e);            /* NULL is fine */

/* A request joins the queue. prompt (request.prompt_tokens ids) may be NULL: then ids follow from the prefix keys, where there are
 * some, else from the seed and the request's id. *refused: it can never run within the limits; nothing was added. */
MUST_USE bool engine_add(struct engine *e, const struct request *r, const int32_t *prompt, bool *refused, struct err *err);

/* One iteration at now_s; clock (may be NULL) is asked for the time at its end. *ran is false when there was nothing to do. */
typedef double engine_clock(void *ctx);
struct engine_step {
	struct engine_iteration iteration;
	bool ran;
};
MUST_USE bool engine_step(struct engine *e, double now_s, engine_clock *clock, void *ctx, struct engine_step *out, struct err *err);

/* Called for each request that has ended in the last step, before its memory is reused. tokens: its answer. */
typedef bool engine_done(void *ctx, const struct engine_request *r, const struct request *asked, const int32_t *tokens, struct err *err);
void engine_on_done(struct engine *e, engine_done *done, void *ctx);

int64_t engine_outstanding(const struct engine *e);
struct forward *engine_forward(const struct engine *e);
const struct batcher *engine_batcher(const struct engine *e);
int64_t engine_recomputed(const struct engine *e);

#endif
