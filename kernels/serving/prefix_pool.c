#include "kernels/serving/prefix_pool.h"

#include <stdbool.h>

#include "base/mem.h"

/* A block of the pool: found by its key, kept in the order of its last use. */
struct block {
	uint64_t key;
	int64_t next;                  /* of the same bucket */
	int64_t newer, older;
};

struct prefix_pool {
	struct block *at;
	int64_t *bucket;
	int64_t count, most, buckets, newest, oldest;
};

void prefix_pool_free(struct prefix_pool *p)
{
	if (!p)
		return;
	mem_free(p->at);
	mem_free(p->bucket);
	mem_free(p);
}

void prefix_pool_reset(struct prefix_pool *p)
{
	p->count = 0;
	p->newest = p->oldest = -1;
	for (int64_t i = 0; i < p->buckets; i++)
		p->bucket[i] = -1;
}

struct prefix_pool *prefix_pool_new(int64_t blocks, struct err *err)
{
	struct prefix_pool *p = mem_calloc(1, sizeof(*p));

	if (p) {
		p->most = blocks;
		for (p->buckets = 16; p->buckets < 2 * blocks; p->buckets *= 2)
			;
		p->at = mem_calloc((size_t)blocks, sizeof(*p->at));
		p->bucket = mem_calloc((size_t)p->buckets, sizeof(*p->bucket));
	}
	if (!p || !p->at || !p->bucket) {
		prefix_pool_free(p);
		err_memory(err);
		return NULL;
	}
	prefix_pool_reset(p);
	return p;
}

static int64_t find(const struct prefix_pool *p, uint64_t key)
{
	int64_t i = p->bucket[key & (uint64_t)(p->buckets - 1)];

	while (i >= 0 && p->at[i].key != key)
		i = p->at[i].next;
	return i;
}

static void unlink_use(struct prefix_pool *p, int64_t i)
{
	struct block *b = &p->at[i];

	if (b->newer >= 0)
		p->at[b->newer].older = b->older;
	else
		p->newest = b->older;
	if (b->older >= 0)
		p->at[b->older].newer = b->newer;
	else
		p->oldest = b->newer;
}

static void use(struct prefix_pool *p, int64_t i)
{
	p->at[i].newer = -1;
	p->at[i].older = p->newest;
	if (p->newest >= 0)
		p->at[p->newest].newer = i;
	else
		p->oldest = i;
	p->newest = i;
}

static void unhash(struct prefix_pool *p, int64_t i)
{
	int64_t *at = &p->bucket[p->at[i].key & (uint64_t)(p->buckets - 1)];

	while (*at != i)
		at = &p->at[*at].next;
	*at = p->at[i].next;
}

/* Marks a block as used now, bringing it in when it is not there. */
static void touch(struct prefix_pool *p, uint64_t key)
{
	int64_t i = find(p, key), *bucket = &p->bucket[key & (uint64_t)(p->buckets - 1)];

	if (i >= 0) {
		unlink_use(p, i);
		use(p, i);
		return;
	}
	if (p->count < p->most) {
		i = p->count++;
	} else {
		i = p->oldest;
		unlink_use(p, i);
		unhash(p, i);
	}
	p->at[i].key = key;
	p->at[i].next = *bucket;
	*bucket = i;
	use(p, i);
}

int64_t prefix_pool_admit(struct prefix_pool *p, const uint64_t *keys, int64_t count)
{
	int64_t hits = 0;

	while (hits < count && find(p, keys[hits]) >= 0)
		hits++;
	for (int64_t b = count - 1; b >= 0; b--)
		touch(p, keys[b]);
	return hits;
}
