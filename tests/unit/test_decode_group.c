/* The closed form of a decode group against a loop over its sequences. */
#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/rng.h"
#include "sim/serve/decode_group.h"

enum { SEQS = 24 };

/* One sequence as the loop knows it. */
struct plain {
	int64_t cached, generated, output, blocks;
	bool in;
};

struct world {
	struct decode_group g;
	struct seq_pool pool;
	struct plain plain[SEQS];
	int64_t windows[3];
	int window_count;
	int64_t block;
	struct rng rng;
};

static int64_t blocks_of(const struct world *w, int64_t tokens)
{
	return (tokens + w->block - 1) / w->block;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Blocks that k more steps need, sequence by sequence. */
static int64_t need(const struct world *w, int64_t k)
{
	int64_t sum = 0;

	for (int i = 0; i < SEQS; i++)
		if (w->plain[i].in)
			sum += blocks_of(w, w->plain[i].cached + k) - blocks_of(w, w->plain[i].cached);
	return sum;
}

/* Steps until a sequence ends or its context reaches a window. */
static int64_t next_change(const struct world *w)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < SEQS; i++) {
		const struct plain *p = &w->plain[i];

		if (!p->in)
			continue;
		next = least(next, p->output - p->generated);
		for (int v = 1; v < w->window_count; v++)
			if (p->cached + 1 < w->windows[v])
				next = least(next, w->windows[v] - (p->cached + 1));
	}
	return next;
}

static void check_sums(struct world *w)
{
	int64_t count = 0, context[3] = { 0 }, below[3] = { 0 }, remaining = 0;

	for (int i = 0; i < SEQS; i++) {
		const struct plain *p = &w->plain[i];

		if (!p->in)
			continue;
		count++;
		remaining += p->output - p->generated;
		context[0] += p->cached + 1;
		for (int v = 1; v < w->window_count; v++) {
			context[v] += least(p->cached + 1, w->windows[v]);
			below[v] += p->cached + 1 < w->windows[v];
		}
		CU_ASSERT(decode_group_cached(&w->g, &w->pool.at[i]) == p->cached);
		CU_ASSERT(decode_group_needs_block(&w->g, &w->pool.at[i]) == (p->cached % w->block == 0));
	}
	CU_ASSERT_FATAL(w->g.count == count && decode_group_remaining(&w->g) == remaining && w->g.context[0] == context[0]);
	for (int v = 1; v < w->window_count; v++)
		CU_ASSERT_FATAL(w->g.context[v] == context[v] && w->g.below[v] == below[v]);
}

static void check_blocks(struct world *w)
{
	int64_t most = 1 + (int64_t)rng_below(&w->rng, 200), room = (int64_t)rng_below(&w->rng, 60), k = 0, had = 0;

	for (int64_t j = 1; j <= most; j++)
		had += need(w, j);
	CU_ASSERT_FATAL(decode_group_block_steps(&w->g, most) == had);
	CU_ASSERT_FATAL(decode_group_blocks(&w->g, most) == need(w, most));
	CU_ASSERT_FATAL(decode_group_blocks(&w->g, 1) == need(w, 1));
	while (k < most && need(w, k + 1) <= room)
		k++;
	CU_ASSERT_FATAL(decode_group_steps_within(&w->g, room, most) == k);
}

static void join(struct world *w, int i)
{
	struct plain *p = &w->plain[i];
	struct seq *s = &w->pool.at[i];

	*p = (struct plain){ .cached = 1 + (int64_t)rng_below(&w->rng, 400), .generated = 1 + (int64_t)rng_below(&w->rng, 5), .in = true };
	p->output = p->generated + 1 + (int64_t)rng_below(&w->rng, rng_below(&w->rng, 4) ? 60 : 3000);
	p->blocks = blocks_of(w, p->cached);
	s->computed = (int32_t)p->cached;
	s->generated = (int32_t)p->generated;
	s->output = (int32_t)p->output;
	s->blocks = (int32_t)p->blocks;
	decode_group_join(&w->g, w->pool.at, i);
}

static void leave(struct world *w, int i)
{
	struct plain *p = &w->plain[i];
	const struct seq *s = &w->pool.at[i];

	decode_group_leave(&w->g, w->pool.at, i, true);
	p->in = false;
	CU_ASSERT_FATAL(s->computed == p->cached && s->generated == p->generated && s->blocks == blocks_of(w, p->cached));
}

static void advance(struct world *w)
{
	int64_t quiet = decode_group_quiet_steps(&w->g, w->pool.at), next = next_change(w), k;
	int32_t done;

	/* The wheel may stop early, where it finds nothing, but never late. */
	CU_ASSERT_FATAL(quiet >= 1 && quiet <= next);
	if (w->g.count == 0) {
		CU_ASSERT(quiet == INT64_MAX);
		return;
	}
	k = rng_below(&w->rng, 2) ? quiet : 1 + (int64_t)rng_below(&w->rng, (uint64_t)quiet);
	decode_group_advance(&w->g, w->pool.at, k);
	for (int i = 0; i < SEQS; i++)
		if (w->plain[i].in) {
			w->plain[i].cached += k;
			w->plain[i].generated += k;
		}
	while ((done = decode_group_finished(&w->g, w->pool.at)) != NO_SEQ) {
		CU_ASSERT_FATAL(w->plain[done].in && w->plain[done].generated == w->plain[done].output);
		leave(w, done);
	}
	for (int i = 0; i < SEQS; i++)
		CU_ASSERT_FATAL(!w->plain[i].in || w->plain[i].generated < w->plain[i].output);
}

static void against_a_loop(int64_t block, int window_count, const int64_t *windows, int wheel_bits)
{
	struct world w = { .block = block, .window_count = window_count };

	for (int v = 0; v < window_count; v++)
		w.windows[v] = windows[v];
	rng_init(&w.rng, (uint64_t)(block * 10 + window_count), "group");
	CU_ASSERT_FATAL(seq_pool_init(&w.pool, SEQS) && decode_group_init(&w.g, block, windows, window_count, wheel_bits));
	for (int i = 0; i < SEQS; i++)
		CU_ASSERT_FATAL(seq_pool_take(&w.pool) == i);
	for (int round = 0; round < 6000; round++) {
		int i = (int)rng_below(&w.rng, SEQS);

		if (!w.plain[i].in)
			join(&w, i);
		else if (rng_below(&w.rng, 6) == 0)
			leave(&w, i);
		check_sums(&w);
		check_blocks(&w);
		advance(&w);
		check_sums(&w);
	}
	decode_group_release(&w.g);
	seq_pool_release(&w.pool);
}

static void equals_a_loop(void)
{
	static const int64_t none[] = { 0 }, one[] = { 0, 128 }, two[] = { 0, 100, 401 };
	static const int64_t sizes[] = { 1, 7, 16, 24, 64 };

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		against_a_loop(sizes[i], 1, none, 10);
		against_a_loop(sizes[i], 2, one, 8);
		against_a_loop(sizes[i], 3, two, 6);
	}
}

static void survives_lack_of_memory(void)
{
	static const int64_t windows[] = { 0, 128 };
	struct decode_group g;

	for (size_t n = 1; n <= 5; n++) {
		mem_fail_after(n);
		CU_ASSERT_FALSE(decode_group_init(&g, 16, windows, 2, 8));
		mem_fail_after(0);
		decode_group_release(&g);
	}
}

CU_TestInfo suite_decode_group[] = {
	{ "sums, blocks, windows and ends equal a loop over the sequences", equals_a_loop },
	{ "survives lack of memory", survives_lack_of_memory },
	CU_TEST_INFO_NULL,
};
