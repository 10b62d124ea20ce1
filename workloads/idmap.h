/* Map from 64-bit ids to 64-bit values (open addressing), for sessions and prefix blocks already seen. */
#ifndef WORKLOADS_IDMAP_H
#define WORKLOADS_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct idmap {
	struct idmap_slot {
		uint64_t id;
		int64_t value;
	} * slots; /* id 0 = free */
	size_t count, capacity;
	int64_t zero_value; /* of id 0, which has no slot */
	bool has_zero;
};

/* The value of `id`, made with `absent` when it was not there (*made tells). NULL when memory ran out. The pointer is
 * valid until the next call. */
MUST_USE int64_t *idmap_at(struct idmap *m, uint64_t id, int64_t absent, bool *made);
const int64_t *idmap_find(const struct idmap *m, uint64_t id);
size_t idmap_count(const struct idmap *m);
void idmap_release(struct idmap *m);

/* A number for a text: equal texts give equal ids, others differ but for one chance in 2^64. */
uint64_t id_of_text(const char *text, size_t length);

#endif
