/* Where the last-level cache of this host really ends, found by reading. */
#ifndef KERNELS_HARNESS_CACHE_WALKS_H
#define KERNELS_HARNESS_CACHE_WALKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* Seconds a byte of walks over and over: over little, which the last-level cache holds, over as much as is asked about, and over much more
 * than the cache. Where that cache really ends is not what a virtual machine is told: others use it too. */
struct cache_walks {
	double near_s, asked_s, far_s;
};
/* What a walk reads: all of `bytes`, and `picked` of `pieces` of piece_bytes each, others every time -- experts that the tokens of a step choose: a cache
 * keeps some of what comes back by chance where it would keep nothing of what comes back in order. */
struct cache_walk {
	double bytes, piece_bytes;
	int64_t pieces, picked;
};
/* By so many threads, each its own part; medians of nine. */
MUST_USE bool cache_walks_measure(const struct cache_walk *asked, int threads, struct cache_walks *out, struct err *err);
/* Share of the walk asked about that the cache serves: where the time of a byte lies between those of the cache and of memory. */
double cache_walks_share(const struct cache_walks *w);

#endif
