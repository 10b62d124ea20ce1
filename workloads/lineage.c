#include "workloads/lineage.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

void lineage_hashes(const struct lineage *l, uint32_t n, uint64_t *out)
{
	uint32_t i = 0;

	for (uint32_t k = 0; k < l->count && i < n; k++) {
		uint32_t end = k + 1 == l->count || l->stretches[k].end > n ? n : l->stretches[k].end;

		for (; i < end; i++)
			out[i] = hash_mix(l->stretches[k].id, i);
	}
}

void lineage_start(struct lineage *l)
{
	l->count = 0;
	l->blocks = 0;
}

bool lineage_add(struct lineage *l, uint32_t end, uint64_t id)
{
	if (l->count == LINEAGE_MOST)
		return false;
	l->stretches[l->count].end = end;
	l->stretches[l->count++].id = id;
	l->blocks = end;
	return true;
}

void lineage_cut(struct lineage *l, const struct lineage *from, uint32_t blocks)
{
	lineage_start(l);
	for (uint32_t k = 0; k < from->count && l->blocks < blocks; k++) {
		uint32_t end = from->stretches[k].end < blocks ? from->stretches[k].end : blocks;

		if (end > l->blocks)
			lineage_add(l, end, from->stretches[k].id);
	}
}

bool lineage_ring_init(struct lineage_ring *r)
{
	r->items = mem_alloc(LINEAGE_RING * sizeof(*r->items));
	r->count = 0;
	return r->items != NULL;
}

void lineage_ring_add(struct lineage_ring *r, const struct lineage *l)
{
	struct lineage *to = &r->items[r->count++ & (LINEAGE_RING - 1)];

	to->count = l->count;
	to->blocks = l->blocks;
	memcpy(to->stretches, l->stretches, l->count * sizeof(*l->stretches));
}

const struct lineage *lineage_ring_ago(const struct lineage_ring *r, uint64_t ago)
{
	if (ago == 0 || ago > r->count || ago > LINEAGE_RING)
		return NULL;
	return &r->items[(r->count - ago) & (LINEAGE_RING - 1)];
}

void lineage_ring_release(struct lineage_ring *r)
{
	mem_free(r->items);
	r->items = NULL;
}
