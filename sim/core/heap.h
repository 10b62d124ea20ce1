/* Min-heap of (time, index) over a fixed set of indices, with O(log n) change of any key: the clock of many replicas.
 * Ties go to the smaller index, so that the order never depends on history. Four children a node: three levels hold 64
 * replicas, and the four lie in one cache line. */
#ifndef SIM_CORE_HEAP_H
#define SIM_CORE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct heap_entry {
	double key;
	int32_t index;
};

struct heap {
	int32_t count;         /* indices 0 .. count-1, all always present; INFINITY = nothing due */
	struct heap_entry *at;
	int32_t *place;        /* of an index in at[] */
};

MUST_USE bool heap_init(struct heap *h, int32_t count);
void heap_release(struct heap *h);
void heap_set(struct heap *h, int32_t index, double key);

static inline int32_t heap_top(const struct heap *h)
{
	return h->at[0].index;
}
static inline double heap_top_key(const struct heap *h)
{
	return h->at[0].key;
}
static inline double heap_key(const struct heap *h, int32_t index)
{
	return h->at[h->place[index]].key;
}

#endif
