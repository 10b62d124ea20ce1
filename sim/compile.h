/* A scenario made concrete: catalog entries loaded, degrees and formats resolved, memory laid out, batching limits
 * settled. One for each kind of replica (pool). */
#ifndef SIM_COMPILE_H
#define SIM_COMPILE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "hardware/cost.h"
#include "models/memory.h"
#include "models/model.h"
#include "models/placement.h"
#include "models/technique.h"
#include "sim/catalog_cache.h"
#include "sim/correction.h"
#include "sim/scenario.h"
#include "sim/serve/batcher.h"
#include "sim/serve/iteration.h"
#include "sim/serve/scheduler.h"

/* What all pools share. */
struct compiled {
	const struct scenario *scenario;       /* as asked, with the policies that techniques bring: use this one from here on */
	struct technique_set techniques;
	struct acceptance acceptance;          /* of drafted tokens; depth 0 = no speculation */
	bool whole_passes;                     /* price passes, not the share of one that a token takes */
	const struct model *model;             /* as techniques changed them */
	const struct device *device;
	const struct system *system;
	const struct stack *stack;
	const struct scheduler_ops *scheduler;
	const struct correction *correction;   /* NULL = none asked for */
	struct cost_model *costs;
	bool owns_costs;                       /* else the cache does */
	struct catalog_cache *cache;           /* NULL: everything was read for this scenario alone */
	double op_factor[OP_KIND_COUNT];       /* on operator times: hardware.op_scale */
	const char **notes;                    /* one line each, in the arena */
	size_t note_count, note_capacity;
	const char **not_modelled;
	size_t not_modelled_count, not_modelled_capacity;
};

struct compiled_pool {
	struct placement place;
	struct memory_plan memory;
	struct batcher_limits limits;
	int64_t devices;                       /* of one replica */
	double kv_bytes_per_token;             /* per device, windows included */
};

MUST_USE bool compile_scenario(const struct scenario *sc, struct compiled *out, struct arena *arena, struct err *err);
/* The same with catalog entries from a cache, which has to outlive the result. */
MUST_USE bool compile_scenario_cached(const struct scenario *sc, struct catalog_cache *cache, struct compiled *out, struct arena *arena,
				      struct err *err);
void compiled_release(struct compiled *c);

/* prefill: the prefill pool of a disaggregated deployment. */
MUST_USE bool compile_pool(const struct scenario *sc, const struct compiled *c, bool prefill, struct compiled_pool *out, struct err *err);
/* Its prices: with a cache those that an earlier one filled, if the deployment is the same. Give it back with release_iteration. */
MUST_USE struct iteration *compile_iteration(const struct scenario *sc, const struct compiled *c, const struct compiled_pool *pool, struct err *err);
void release_iteration(const struct compiled *c, struct iteration *it);        /* NULL is fine */

/* Content hash over the scenario's values and the content of everything they name (model, device, system, stack, trace,
 * operator tables), so that equal hashes mean equal results. */
MUST_USE bool compile_hash(const struct scenario *sc, const struct compiled *c, char out[33], struct err *err);

void compiled_note(struct compiled *c, struct arena *arena, const char *text);

#endif
