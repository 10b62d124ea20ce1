/* Arrays of prefix keys, one a request, recycled by size class: no allocation in the event loop once warm. */
#ifndef SIM_SERVE_KEY_POOL_H
#define SIM_SERVE_KEY_POOL_H

#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"

enum { KEY_CLASSES = 32 };
struct key_pool {
	struct arena *arena;
	uint64_t *free[KEY_CLASSES];           /* first word of a free array links to the next */
};

MUST_USE uint64_t *key_pool_take(struct key_pool *p, int32_t count, uint8_t *class);    /* NULL when memory is out */
void key_pool_give(struct key_pool *p, uint64_t *keys, uint8_t class);

#endif
