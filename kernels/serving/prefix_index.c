/* kernels/serving/prefix_index.c -- how much of each prompt a pool of cache blocks holds already: blocks are known by the chained
 * hash of all tokens up to them, so that one look-up a block finds the longest prefix (Mooncake, arXiv 2407.00079). shape: m prompts
 * of n blocks at most, drawn as sessions that extend what they said before (extra[0] sessions), pool of k blocks with
 * least-recently-used eviction, tail first. out: blocks of each prompt that were there. */
#include <string.h>

#include "base/mem.h"
#include "kernels/harness/kernel.h"
#include "kernels/serving/prefix_pool.h"

enum { SESSION, LENGTH, HITS };
enum { BRANCH = 3 };                            /* every third session begins with what all of them share */

static int operands(const struct shape *s, struct operand *o)
{
	o[SESSION] = (struct operand){ .name = "session", .element = ELEMENT_INT32, .count = s->m, .fill = FILL_BELOW, .below = s->extra[0] };
	o[LENGTH] = (struct operand){ .name = "length", .element = ELEMENT_INT32, .count = s->m, .fill = FILL_BELOW, .below = s->n };
	o[HITS] = (struct operand){ .name = "hits", .element = ELEMENT_INT32, .count = s->m, .fill = FILL_RESULT };
	return 3;
}
static double flops(const struct shape *s)
{
	return (double)(s->m * s->n) / 2;
}
static double bytes(const struct shape *s)
{
	return 32.0 * (double)(s->m * s->n) / 2;
}

static void release(void *state)
{
	prefix_pool_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	(void)data;
	return prefix_pool_new(s->k, err);
}

/* What tokens a block holds: sessions differ after a common beginning. */
static uint64_t content(int64_t session, int64_t block)
{
	return session % BRANCH == 0 && block < 4 ? (uint64_t)block : (uint64_t)(session * 1000003 + block + 17);
}
static uint64_t chained(uint64_t before, uint64_t tokens)
{
	uint64_t x = before * UINT64_C(0x9e3779b97f4a7c15) + tokens + 1;

	x ^= x >> 29;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 32;
}

static int64_t length_of(const struct kernel_run *r, int64_t prompt)
{
	return ((const int32_t *)r->data[LENGTH])[prompt] + 1;
}

/* The pool as a plain list of whole prefixes, newest first: every block is compared token by token, back to the first one. */
struct entry {
	int64_t session, block;
};
static bool same_prefix(const struct entry *e, int64_t session, int64_t block)
{
	if (e->block != block)
		return false;
	for (int64_t b = 0; b <= block; b++)
		if (content(e->session, b) != content(session, b))
			return false;
	return true;
}
static void brute_force(const struct kernel_run *r)
{
	int64_t most = r->shape->k, count = 0;
	struct entry *list = mem_calloc((size_t)most + 1, sizeof(*list));
	int32_t *hits = r->data[HITS];

	for (int64_t p = 0; list && p < r->shape->m; p++) {
		int64_t session = ((const int32_t *)r->data[SESSION])[p], blocks = length_of(r, p);
		bool open = true;

		hits[p] = 0;
		for (int64_t b = 0; b < blocks && open; b++) {
			open = false;
			for (int64_t i = 0; i < count && !open; i++)
				open = same_prefix(&list[i], session, b);
			hits[p] += open;
		}
		for (int64_t b = blocks - 1; b >= 0; b--) {    /* the tail first: the beginning of a prefix goes last */
			int64_t at = 0;

			while (at < count && !same_prefix(&list[at], session, b))
				at++;
			if (at == count)
				count += count < most;
			else
				at = at < count ? at : count - 1;
			if (at > most - 1)
				at = most - 1;
			memmove(list + 1, list, (size_t)at * sizeof(*list));
			list[0] = (struct entry){ session, b };
		}
	}
	mem_free(list);
}

static void hashed(const struct kernel_run *r)
{
	int32_t *hits = r->data[HITS];
	enum { BLOCKS_MOST = 4096 };
	uint64_t keys[BLOCKS_MOST];

	prefix_pool_reset(r->state);
	for (int64_t q = 0; q < r->shape->m; q++) {
		int64_t session = ((const int32_t *)r->data[SESSION])[q], blocks = length_of(r, q);
		uint64_t key = 0;

		blocks = blocks < BLOCKS_MOST ? blocks : BLOCKS_MOST;
		for (int64_t b = 0; b < blocks; b++)
			keys[b] = key = chained(key, content(session, b));
		hits[q] = (int32_t)prefix_pool_admit(r->state, keys, blocks);
	}
}

static const struct shape tests[] = { { .m = 1, .n = 1, .k = 1, .extra = { 1 } }, { .m = 120, .n = 9, .k = 40, .extra = { 12 } },
				      { .m = 200, .n = 20, .k = 2000, .extra = { 30 } }, { .m = 60, .n = 30, .k = 7, .extra = { 3 } }, { 0 } };
static const struct shape benches[] = { { .m = 12000, .n = 48, .k = 50000, .extra = { 4000 } }, { 0 } };
static const struct kernel variants[] = { { "ref", NULL, NULL, brute_force, NULL }, { "hashed", NULL, NULL, hashed, NULL }, { 0 } };
const struct kernel_family kernel_prefix_index = {
	.area = "serving", .name = "prefix_index", .help = "blocks of each prompt that a pool holds: chained hashes, least recently used goes",
	.operands = operands, .flops = flops, .bytes = bytes, .prepare = prepare, .release = release, .tolerance = { 0 }, .tests = tests, .benches = benches,
	.variants = variants,
};
