#include "sim/serve/key_pool.h"

#include <string.h>

uint64_t *key_pool_take(struct key_pool *p, int32_t count, uint8_t *class)
{
	uint64_t *keys;

	*class = 0;
	while (*class < KEY_CLASSES - 1 && (int64_t)1 << *class < count)
		(*class)++;
	keys = p->free[*class];
	if (!keys)
		return arena_alloc(p->arena, sizeof(*keys) << *class);
	memcpy(&p->free[*class], keys, sizeof(uint64_t *));
	return keys;
}

void key_pool_give(struct key_pool *p, uint64_t *keys, uint8_t class)
{
	memcpy(keys, &p->free[class], sizeof(uint64_t *));
	p->free[class] = keys;
}
