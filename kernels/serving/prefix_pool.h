/* A pool of cache blocks known by the chained hash of all tokens up to them: the longest prefix of a prompt that it holds is found by
 * one look-up a block (Mooncake, arXiv 2407.00079). The least recently used block goes first. */
#ifndef KERNELS_SERVING_PREFIX_POOL_H
#define KERNELS_SERVING_PREFIX_POOL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct prefix_pool;
MUST_USE struct prefix_pool *prefix_pool_new(int64_t blocks, struct err *err);
void prefix_pool_free(struct prefix_pool *p);          /* NULL is fine */
void prefix_pool_reset(struct prefix_pool *p);         /* empty again */
/* How many of the prompt's leading blocks are there; then all of them are, as last used now, the tail before the beginning. */
int64_t prefix_pool_admit(struct prefix_pool *p, const uint64_t *keys, int64_t count);

#endif
