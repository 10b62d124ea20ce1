/* A timing wheel over whole steps: finds the next step at which something is due in O(1). Entries more than one turn
 * ahead share slots with nearer ones, so that a stop may find nothing due: never the other way round. */
#ifndef SIM_CORE_WHEEL_H
#define SIM_CORE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct wheel {
	int32_t *heads;        /* slot -> first entry, -1 = none; the caller's entries hold the links */
	uint64_t *bits;        /* slot is not empty */
	int64_t mask;
	int64_t count;
};

MUST_USE bool wheel_init(struct wheel *w, int bits_log2);  /* 2^bits_log2 slots, at least 64 */
void wheel_release(struct wheel *w);

/* Steps from `step` (exclusive) to the next slot that holds something: 1 .. slots; INT64_MAX when the wheel is empty. */
static inline int64_t wheel_next(const struct wheel *w, int64_t step)
{
	int64_t slot = (step + 1) & w->mask, words = (w->mask + 1) / 64;
	int64_t word = slot / 64;
	uint64_t bits = w->bits[word] & (~0ull << (slot % 64));

	if (w->count == 0)
		return INT64_MAX;
	for (int64_t i = 0; i <= words; i++) {
		if (bits) {
			int64_t found = word * 64 + __builtin_ctzll(bits);

			return ((found - slot) & w->mask) + 1;
		}
		word = word + 1 == words ? 0 : word + 1;
		bits = w->bits[word];
	}
	return INT64_MAX;
}

#endif
