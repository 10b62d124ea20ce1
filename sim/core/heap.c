#include "sim/core/heap.h"

#include <math.h>

#include "base/mem.h"

bool heap_init(struct heap *h, int32_t count)
{
	*h = (struct heap){ .count = count };
	h->order = mem_calloc((size_t)count, sizeof(*h->order));
	h->place = mem_calloc((size_t)count, sizeof(*h->place));
	h->key = mem_calloc((size_t)count, sizeof(*h->key));
	if (!h->order || !h->place || !h->key) {
		heap_release(h);
		return false;
	}
	for (int32_t i = 0; i < count; i++) {
		h->order[i] = h->place[i] = i;
		h->key[i] = INFINITY;
	}
	return true;
}

void heap_release(struct heap *h)
{
	mem_free(h->order);
	mem_free(h->place);
	mem_free(h->key);
	*h = (struct heap){ 0 };
}

static inline bool before(const struct heap *h, int32_t a, int32_t b)
{
	return h->key[a] < h->key[b] || (h->key[a] == h->key[b] && a < b);
}

void heap_set(struct heap *h, int32_t index, double key)
{
	int32_t at = h->place[index], n = h->count;
	bool up = key < h->key[index];

	h->key[index] = key;
	if (n == 1)
		return;
	if (up) {
		while (at > 0) {
			int32_t parent = (at - 1) / 2, other = h->order[parent];

			if (!before(h, index, other))
				break;
			h->order[at] = other;
			h->place[other] = at;
			at = parent;
		}
	}
	for (;;) {
		int32_t child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && before(h, h->order[child + 1], h->order[child]))
			child++;
		if (!before(h, h->order[child], index))
			break;
		h->order[at] = h->order[child];
		h->place[h->order[at]] = at;
		at = child;
	}
	h->order[at] = index;
	h->place[index] = at;
}
