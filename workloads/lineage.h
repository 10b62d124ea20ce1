/* Identity of generated prompts: which leading blocks two of them have in common. */
#ifndef WORKLOADS_LINEAGE_H
#define WORKLOADS_LINEAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* A prompt is a chain of stretches; blocks up to `end` belong to text `id`. The place of a block in its text and the
 * texts before it are fixed by the id, so hash(id, place) names the whole prefix. */
enum { LINEAGE_MOST = 16 };
struct lineage {
	struct stretch {
		uint32_t end;
		uint64_t id;
	} stretches[LINEAGE_MOST];
	uint32_t count, blocks;
};

/* Fills out[0 .. n-1]; blocks past the last stretch belong to it. */
void lineage_hashes(const struct lineage *l, uint32_t n, uint64_t *out);
void lineage_start(struct lineage *l);
/* Adds a stretch up to block `end` (at least the last end). False when all places are taken. */
bool lineage_add(struct lineage *l, uint32_t end, uint64_t id);
/* The first `blocks` blocks of another one. */
void lineage_cut(struct lineage *l, const struct lineage *from, uint32_t blocks);

/* The last prompts, oldest forgotten first. */
enum { LINEAGE_RING = 1 << 14 };
struct lineage_ring {
	struct lineage *items; /* LINEAGE_RING of them */
	uint64_t count;        /* ever added */
};
MUST_USE bool lineage_ring_init(struct lineage_ring *r);
void lineage_ring_add(struct lineage_ring *r, const struct lineage *l);
/* The one added `ago` before the next (1 = last); NULL when not held. */
const struct lineage *lineage_ring_ago(const struct lineage_ring *r, uint64_t ago);
void lineage_ring_release(struct lineage_ring *r);

#endif
