/* Catalog entries and operator tables that many simulations share: each is read once and stays, read-only, as long as the
 * cache does. Any number of threads may use one cache. */
#ifndef SIM_CATALOG_CACHE_H
#define SIM_CATALOG_CACHE_H

#include "base/attr.h"
#include "base/err.h"
#include "hardware/cost.h"
#include "models/model.h"
#include "sim/serve/iteration_pool.h"

struct catalog_cache;
MUST_USE struct catalog_cache *catalog_cache_new(struct err *err);
void catalog_cache_free(struct catalog_cache *cache);                 /* NULL is fine */

/* As system_load, device_load_usable, stack_load, model_load. With a NULL cache they are these, into the arena. */
MUST_USE const struct system *cached_system(struct catalog_cache *cache, const char *name, struct arena *arena, struct err *err);
MUST_USE const struct device *cached_device(struct catalog_cache *cache, const char *name, struct arena *arena, struct err *err);
/* The plain system of such a device (system_for_device). */
MUST_USE const struct system *cached_plain_system(struct catalog_cache *cache, const struct device *device, struct arena *arena,
						  struct err *err);
MUST_USE const struct stack *cached_stack(struct catalog_cache *cache, const char *name, struct arena *arena, struct err *err);
MUST_USE const struct model *cached_model(struct catalog_cache *cache, const char *name, struct arena *arena, struct err *err);

/* The cost model of these parts, if all of them came from this cache; then it belongs to the cache. Else NULL, with err
 * untouched: make your own. */
MUST_USE struct cost_model *cached_costs(struct catalog_cache *cache, const struct cost_options *options, struct err *err);

/* Whether the entry came from this cache. */
bool cache_holds(struct catalog_cache *cache, const void *entry);
/* Price tables of simulations that are over (sim/serve/iteration_pool.h). */
struct iteration_pool *cached_iterations(struct catalog_cache *cache);

/* A text computed once for a key (digests of files): NULL when it is not there yet. */
const char *cached_text(struct catalog_cache *cache, const char *key);
/* Keeps it; what was kept first stays. Out of memory is no error: it will be computed again. */
void cache_text(struct catalog_cache *cache, const char *key, const char *text);

#endif
