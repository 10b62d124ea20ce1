/* The least of many keys, any of which may change: a tournament (Knuth, TAOCP 3, 5.4.1) over a fixed set of indices, the
 * clock of many replicas. Each match keeps the smaller key of its two sides; a change plays again only the matches above
 * its index, and stops where the outcome stays. Ties go to the smaller index, so that the order never depends on history. */
#ifndef SIM_CORE_WINNER_H
#define SIM_CORE_WINNER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

struct winner {
	int32_t leaves;        /* a power of two: indices beyond the set hold INFINITY for good */
	/* Keys as their bits, which order doubles that are not negative as whole numbers: one comparison, no case of NaN.
	 * Match i has sides 2 i and 2 i + 1; key[leaves + index] is that of an index. */
	int64_t *key;
};

/* Indices 0 .. count-1, all at INFINITY (nothing due). */
MUST_USE bool winner_init(struct winner *w, int32_t count);
void winner_release(struct winner *w);

static inline int64_t winner_bits(double key)
{
	int64_t bits;

	memcpy(&bits, &key, sizeof(bits));
	return bits;
}
static inline double winner_double(int64_t bits)
{
	double key;

	memcpy(&key, &bits, sizeof(key));
	return key;
}

/* key >= 0 */
static inline void winner_set(struct winner *w, int32_t index, double key)
{
	int64_t *k = w->key, least = winner_bits(key);
	uint32_t at = (uint32_t)w->leaves + (uint32_t)index;

	while (k[at] != least) {
		k[at] = least;
		if (at == 1)
			break;
		least = least < k[at ^ 1] ? least : k[at ^ 1];
		at >>= 1;
	}
}

static inline double winner_top_key(const struct winner *w)
{
	return winner_double(w->key[1]);
}
static inline double winner_key(const struct winner *w, int32_t index)
{
	return winner_double(w->key[w->leaves + index]);
}

static inline int32_t winner_top(const struct winner *w)
{
	int64_t least = w->key[1];
	uint32_t at = 1;

	while (at < (uint32_t)w->leaves)
		at = 2 * at + (w->key[2 * at] != least);
	return (int32_t)at - w->leaves;
}

#endif
