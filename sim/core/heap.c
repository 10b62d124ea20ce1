#include "sim/core/heap.h"

#include <math.h>

#include "base/mem.h"

enum { CHILDREN = 4 };

bool heap_init(struct heap *h, int32_t count)
{
	*h = (struct heap){ .count = count };
	h->at = mem_calloc((size_t)count, sizeof(*h->at));
	h->place = mem_calloc((size_t)count, sizeof(*h->place));
	if (!h->at || !h->place) {
		heap_release(h);
		return false;
	}
	for (int32_t i = 0; i < count; i++) {
		h->place[i] = i;
		h->at[i] = (struct heap_entry){ INFINITY, i };
	}
	return true;
}

void heap_release(struct heap *h)
{
	mem_free(h->at);
	mem_free(h->place);
	*h = (struct heap){ 0 };
}

static inline bool before(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->key < b->key || (a->key == b->key && a->index < b->index);
}

static inline void put(struct heap *h, int32_t at, struct heap_entry e)
{
	h->at[at] = e;
	h->place[e.index] = at;
}

void heap_set(struct heap *h, int32_t index, double key)
{
	struct heap_entry e = { key, index };
	int32_t at = h->place[index], n = h->count;

	if (h->at[at].key == key)
		return;
	if (key < h->at[at].key) {
		while (at > 0) {
			int32_t parent = (at - 1) / CHILDREN;

			if (!before(&e, &h->at[parent]))
				break;
			put(h, at, h->at[parent]);
			at = parent;
		}
	} else {
		for (;;) {
			int32_t first = CHILDREN * at + 1, end = first + CHILDREN < n ? first + CHILDREN : n, least = first;

			if (first >= n)
				break;
			for (int32_t c = first + 1; c < end; c++)
				least = before(&h->at[c], &h->at[least]) ? c : least;
			if (!before(&h->at[least], &e))
				break;
			put(h, at, h->at[least]);
			at = least;
		}
	}
	put(h, at, e);
}
