/* The sequences of one lane that decode together: every step each of them gains one token. Their number, the sum of
 * their contexts and the cache blocks they will need are known in closed form, so that k steps cost as much as one. */
#ifndef SIM_SERVE_DECODE_GROUP_H
#define SIM_SERVE_DECODE_GROUP_H

#include "models/graph.h"
#include "sim/core/wheel.h"
#include "sim/serve/seq.h"

struct decode_group {
	int64_t step;                          /* steps made so far */
	int64_t count;                         /* B: sequences */
	int64_t context[GRAPH_WINDOWS];        /* S: tokens attended in the next step, capped at the window; [0] uncapped */
	int64_t end_sum;                       /* sum of end_step: remaining tokens of all = end_sum - count * step */
	int64_t below[GRAPH_WINDOWS];          /* sequences whose context in the next step is still below the window */
	int64_t windows[GRAPH_WINDOWS];        /* tokens; [0] = 0 */
	int window_count;
	int64_t block_tokens, block_mask;      /* mask: block_tokens - 1 when that is a power of two, else -1 */
	int block_shift;                       /* log2 of block_tokens, rounded down */
	int32_t *residue;                      /* how many sequences need a block at steps congruent to the index */
	struct wheel ends, crossings;
};

MUST_USE bool decode_group_init(struct decode_group *g, int64_t block_tokens, const int64_t *windows, int window_count, int wheel_bits);
void decode_group_release(struct decode_group *g);

/* seq `i` has `computed` tokens cached and `generated` produced (both current); it decodes output - generated more. */
void decode_group_join(struct decode_group *g, struct seq *at, int32_t i);
/* Leaves (finished or preempted): computed, generated and blocks are brought up to date first. */
void decode_group_leave(struct decode_group *g, struct seq *at, int32_t i, bool grows);
/* Tokens now in the cache of a decoding sequence. */
static inline int64_t decode_group_cached(const struct decode_group *g, const struct seq *s)
{
	return s->computed + (g->step - s->join_step);
}

/* Steps that can be made before a sequence ends or crosses a window: at least 1, INT64_MAX when the group is empty. */
int64_t decode_group_quiet_steps(const struct decode_group *g, const struct seq *at);
/* step modulo the block size: divisions are what the event loop can least afford. */
static inline int64_t decode_group_phase(const struct decode_group *g, int64_t step)
{
	return g->block_mask >= 0 ? step & g->block_mask : step % g->block_tokens;
}
/* Tokens that the group still has to produce. */
static inline int64_t decode_group_remaining(const struct decode_group *g)
{
	return g->end_sum - g->count * g->step;
}
/* Blocks that the next step needs. */
static inline int64_t decode_group_next_blocks(const struct decode_group *g)
{
	return g->residue[decode_group_phase(g, g->step)];
}
/* Blocks that the next k steps need. */
int64_t decode_group_blocks(const struct decode_group *g, int64_t k);
/* Of the blocks that the next k steps need, each times the steps that have it: k for those of the first step. */
int64_t decode_group_block_steps(const struct decode_group *g, int64_t k);
/* Largest k <= most such that k steps need at most `room` blocks. */
int64_t decode_group_steps_within(const struct decode_group *g, int64_t room, int64_t most);
/* Does this sequence need a block for the next step? */
bool decode_group_needs_block(const struct decode_group *g, const struct seq *s);
/* Makes k <= quiet steps. Afterwards the caller takes the finished with decode_group_finished. */
void decode_group_advance(struct decode_group *g, struct seq *at, int64_t k);
/* A sequence whose last token came with the last advance, still in the group; NO_SEQ when there is none (any more). */
int32_t decode_group_finished(const struct decode_group *g, const struct seq *at);

#endif
