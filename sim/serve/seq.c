#include "sim/serve/seq.h"

#include <string.h>

#include "base/mem.h"

static void chain(struct seq_pool *p, size_t from)
{
	for (size_t i = p->capacity; i-- > from;) {
		p->at[i].next = p->free_head;
		p->free_head = (int32_t)i;
	}
}

bool seq_pool_init(struct seq_pool *p, size_t first)
{
	*p = (struct seq_pool){ .free_head = NO_SEQ };
	if (!mem_grow(&p->at, &p->capacity, first ? first : 16, sizeof(*p->at)))
		return false;
	chain(p, 0);
	return true;
}

void seq_pool_release(struct seq_pool *p)
{
	mem_free(p->at);
	*p = (struct seq_pool){ .free_head = NO_SEQ };
}

/* A line at a time: moves without a loop, which one assignment of the whole would be. */
static inline void renew(struct seq *to, const struct seq *from)
{
	enum { LINE = 64 };

	_Static_assert(sizeof(*to) > 2 * LINE && sizeof(*to) <= 3 * LINE, "struct seq has changed: see renew");
	memcpy(to, from, LINE);
	memcpy((char *)to + LINE, (const char *)from + LINE, LINE);
	memcpy((char *)to + 2 * LINE, (const char *)from + 2 * LINE, sizeof(*to) - 2 * LINE);
}

int32_t seq_pool_take(struct seq_pool *p)
{
	static const struct seq fresh = { .prev = NO_SEQ, .next = NO_SEQ, .wheel_prev = NO_SEQ, .wheel_next = NO_SEQ,
					  .cross_prev = NO_SEQ, .cross_next = NO_SEQ };
	int32_t i;

	if (p->free_head == NO_SEQ) {
		size_t old = p->capacity;

		if (old > INT32_MAX / 2 || !mem_grow(&p->at, &p->capacity, old + 1, sizeof(*p->at)))
			return NO_SEQ;
		chain(p, old);
	}
	i = p->free_head;
	p->free_head = p->at[i].next;
	renew(&p->at[i], &fresh);
	if (++p->live > p->live_peak)
		p->live_peak = p->live;
	return i;
}

void seq_pool_give(struct seq_pool *p, int32_t i)
{
	p->at[i].next = p->free_head;
	p->free_head = i;
	p->live--;
}
