/* A request inside the simulator, and the pool that its slots come from. Lists link slots by index, so that a slot is
 * small and moves between queues without copying. */
#ifndef SIM_SERVE_SEQ_H
#define SIM_SERVE_SEQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { NO_SEQ = -1 };

enum seq_state {
	SEQ_WAITING,           /* not admitted (or preempted by recompute) */
	SEQ_LOADING,           /* its prefix is on the way from a slower tier */
	SEQ_SWAPPED,           /* preempted, cache in host memory */
	SEQ_PREFILL, SEQ_DECODE,
	SEQ_HANDOFF,           /* prefilled here, cache on the way to a decode replica */
	SEQ_DONE
};

struct seq {
	int64_t id;
	double arrival_s, first_schedule_s, first_token_s, last_token_s;
	uint64_t session;
	uint64_t *keys;                        /* chained prefix keys, key_count of them, in the key pool; NULL = none */
	int64_t join_step, end_step;           /* decode group's step counter when it joined; when its last token comes */
	int32_t prompt, output;                /* tokens, as asked */
	int32_t target;                        /* tokens to prefill: prompt, or prompt + generated after a preemption */
	int32_t computed;                      /* tokens in the cache; of a decoding sequence: when it joined */
	int32_t generated;                     /* tokens produced; of a decoding sequence: when it joined */
	int32_t cached;                        /* prompt tokens taken from the prefix cache (first admission) */
	int32_t blocks;                        /* private cache blocks held; of a decoding sequence: when it joined */
	int32_t fixed;                         /* blocks for windows and state, whatever the length so far */
	int32_t pinned;                        /* leading prefix keys this sequence holds a reference on */
	int32_t key_count;
	int32_t priority, class_index, turn, adapter;
	int32_t load_tokens, disk_tokens;      /* being fetched from slower tiers; how many of them from the slowest */
	int32_t preemptions, replica;
	int32_t prev, next;                    /* waiting queue or running list */
	int32_t wheel_prev, wheel_next;        /* decode group's wheel of last tokens */
	int32_t cross_prev, cross_next;        /* decode group's wheel of window crossings */
	int64_t cross_step;
	uint8_t state, lane, window_next, key_class;
};

struct seq_pool {
	struct seq *at;
	size_t capacity;
	int32_t free_head, live, live_peak;
};

MUST_USE bool seq_pool_init(struct seq_pool *p, size_t first);
void seq_pool_release(struct seq_pool *p);
/* A zeroed slot, links NO_SEQ; NO_SEQ when memory is out. May move p->at. */
int32_t seq_pool_take(struct seq_pool *p);
void seq_pool_give(struct seq_pool *p, int32_t i);

/* A doubly linked list through prev/next. Where a link is to be written is chosen, not branched upon: who leaves next, and from
 * where in a list, no processor predicts. */
struct seq_list {
	int32_t head, tail, count;
};
static inline void seq_list_init(struct seq_list *l)
{
	*l = (struct seq_list){ NO_SEQ, NO_SEQ, 0 };
}
static inline void seq_list_push_back(struct seq *at, struct seq_list *l, int32_t i)
{
	int32_t *before = l->tail == NO_SEQ ? &l->head : &at[l->tail].next;

	*before = i;
	at[i].prev = l->tail;
	at[i].next = NO_SEQ;
	l->tail = i;
	l->count++;
}
static inline void seq_list_push_front(struct seq *at, struct seq_list *l, int32_t i)
{
	int32_t *behind = l->head == NO_SEQ ? &l->tail : &at[l->head].prev;

	*behind = i;
	at[i].next = l->head;
	at[i].prev = NO_SEQ;
	l->head = i;
	l->count++;
}
static inline void seq_list_remove(struct seq *at, struct seq_list *l, int32_t i)
{
	int32_t prev = at[i].prev, next = at[i].next;
	int32_t *before = prev == NO_SEQ ? &l->head : &at[prev].next, *behind = next == NO_SEQ ? &l->tail : &at[next].prev;

	*before = next;
	*behind = prev;
	at[i].prev = at[i].next = NO_SEQ;
	l->count--;
}

#endif
