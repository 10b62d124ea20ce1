/* Which prompt prefixes are in the cache. A prefix is a chain of blocks; block i is known by a key that covers blocks
 * 0 .. i, so the keys form a radix tree without storing one: a child is only ever present together with its parent,
 * because a chain is pinned from its root and given back from its end (least recently used, leaves first: the order of
 * vLLM's free queue and of SGLang's leaf eviction). */
#ifndef SIM_SERVE_PREFIX_CACHE_H
#define SIM_SERVE_PREFIX_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct prefix_cache;

/* host_blocks: how many evicted blocks a slower tier keeps (0 = none). */
MUST_USE struct prefix_cache *prefix_cache_new(int64_t host_blocks);
void prefix_cache_free(struct prefix_cache *pc);
/* Sizes of the slower tiers in blocks: what falls out of host memory goes to disk. Before anything is in them. */
void prefix_cache_tiers(struct prefix_cache *pc, int64_t host_blocks, int64_t disk_blocks);

/* Leading keys present in device memory; *host gets how many more follow in slower tiers. */
int32_t prefix_cache_match(const struct prefix_cache *pc, const uint64_t *keys, int32_t count, int32_t *host);
/* How many of these keys are in the third tier. */
int32_t prefix_cache_on_disk(const struct prefix_cache *pc, const uint64_t *keys, int32_t count);

/* One reference more on the first `count` keys (all present in device memory). Returns how many of them were idle before. */
int64_t prefix_cache_pin(struct prefix_cache *pc, const uint64_t *keys, int32_t count);
/* One reference less on keys[0 .. count), from the end. Returns how many of them are idle now. */
int64_t prefix_cache_unpin(struct prefix_cache *pc, const uint64_t *keys, int32_t count);
/* Makes `key` present with one reference. False when it is present already (nothing changes) or memory is out. */
bool prefix_cache_insert(struct prefix_cache *pc, uint64_t key);
/* Drops the least recently used idle block (to the slower tier, if there is room for one). False when none is idle. */
bool prefix_cache_evict(struct prefix_cache *pc);
/* Brings keys[0 .. count) (present in slower tiers) into device memory with one reference each. */
void prefix_cache_restore(struct prefix_cache *pc, const uint64_t *keys, int32_t count);

int64_t prefix_cache_idle(const struct prefix_cache *pc);              /* blocks in device memory without a reference */
int64_t prefix_cache_resident(const struct prefix_cache *pc);          /* blocks in device memory */

#endif
