/* Which block of the cache holds which tokens. The batcher counts blocks; here they get numbers: a table a sequence, and the blocks
 * of known prefixes by key. A block whose prefix the batcher's cache has dropped is taken again when a new one is needed, so that
 * both always agree on what a hit is. */
#ifndef VALIDATION_ENGINE_KV_PAGES_H
#define VALIDATION_ENGINE_KV_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "sim/serve/prefix_cache.h"

struct block_table {
	int32_t *blocks;               /* in order of positions */
	size_t count, capacity;
	int32_t preemptions;           /* of the sequence when the table was begun: one that went and came back starts anew */
};

/* The prefix keys of a sequence: key i covers tokens up to (i + 1) * tokens. */
struct prefix_keys {
	const uint64_t *keys;
	int32_t count;
	int64_t tokens;
};

struct kv_pages;
/* blocks: usable ones, numbered from `first`. The cache (may be NULL: no prefix caching) is the batcher's, borrowed. */
MUST_USE struct kv_pages *kv_pages_new(int64_t first, int64_t blocks, int64_t block_tokens, const struct prefix_cache *cache, struct err *err);
void kv_pages_free(struct kv_pages *p);         /* NULL is fine */

/*
 * Makes the table hold `tokens` tokens of which the first `prior` should be in the cache already. Blocks of known prefixes are
 * shared; blocks that become complete and have a key are known from now on. Returns from which token on the cache does not
 * hold them and they must be computed: `prior`, or less when a prefix that the batcher counts on was never computed (its
 * sequence was thrown out of the batch that should have). -1 with err when no block is left, which is a fault of ours, or memory is out.
 */
MUST_USE int64_t kv_pages_extend(struct kv_pages *p, struct block_table *t, const struct prefix_keys *keys, int64_t prior, int64_t tokens, int32_t owner,
				 struct err *err);
/* Whether `owner` writes the block in this batch (false: another sequence computes the same prefix in it, or has). */
bool kv_pages_owns(const struct kv_pages *p, int32_t block, int32_t owner);
/* All blocks are given back; those of complete keyed prefixes within `tokens` stay known. */
void kv_pages_release(struct kv_pages *p, struct block_table *t, const struct prefix_keys *keys, int64_t tokens);
void block_table_release(struct block_table *t);

int64_t kv_pages_used(const struct kv_pages *p);        /* held by sequences */
int64_t kv_pages_known(const struct kv_pages *p);       /* blocks with a key */

#endif
