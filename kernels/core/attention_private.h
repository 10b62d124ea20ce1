/* Shared by the variants of attention: sizes of pieces and how scratch is laid out. */
#ifndef KERNELS_CORE_ATTENTION_PRIVATE_H
#define KERNELS_CORE_ATTENTION_PRIVATE_H

#include "kernels/core/attention.h"

enum {
	DECODE_CHUNK = 64,            /* tokens scored before their softmax; times heads of the cache the units in which contexts are shared out */
	PREFILL_ROWS = 96,            /* (query, head) rows of a task: eight tiles of twelve */
	PREFILL_KEYS = 64,            /* keys and values of a step: 64 KiB at 128 a head */
	LANES_MOST = 16               /* of a vector */
};

/* Queries of a group as decode takes them: three that are left go with a fourth that is nought, in one pass over the keys. */
static inline int64_t attention_slots(int64_t group)
{
	return group + (group % 4 == 3);
}

/* Decode: an unfinished result of one head of the cache (sums, and a vector each of maxima and of sums of weights); of a sequence. */
static inline int64_t attention_result_floats(int64_t slots, int64_t head_dim)
{
	return slots * (head_dim + 2 * LANES_MOST);
}
static inline int64_t attention_sequence_floats(int64_t group, int64_t kv_heads, int64_t head_dim)
{
	return kv_heads * attention_result_floats(attention_slots(group), head_dim);
}

/* Floats that a thread works in, for decode or prefill. */
static inline int64_t attention_thread_floats(int64_t group, int64_t kv_heads, int64_t head_dim)
{
	int64_t rows = group > PREFILL_ROWS ? group : PREFILL_ROWS;
	int64_t prefill = rows * (2 * head_dim + PREFILL_KEYS + 2) + 2 * PREFILL_KEYS * head_dim;
	/* queries (in as much room as a result), two unfinished results, scores */
	int64_t decode = 3 * attention_sequence_floats(group, kv_heads, head_dim) + attention_slots(group) * DECODE_CHUNK + LANES_MOST;

	return ((prefill > decode ? prefill : decode) + 63) / 64 * 64;
}

static inline int64_t attention_new_tokens(const struct attention_call *c, int64_t s)
{
	return c->first ? c->first[s + 1] - c->first[s] : 1;
}
static inline int64_t attention_first_row(const struct attention_call *c, int64_t s)
{
	return c->first ? c->first[s] : s;
}
/* First token that a query at `position` sees. */
static inline int64_t attention_begin(const struct attention_call *c, int64_t position)
{
	return c->window > 0 && position + 1 > c->window ? position + 1 - c->window : 0;
}

void attention_ref_run(const struct attention_call *call);

#endif
