#include "workloads/turns.h"

#include <string.h>

#include "base/mem.h"

bool turns_init(struct turns *t, size_t users, struct err *err)
{
	*t = (struct turns){ .users = users, .next = mem_alloc(users * sizeof(*t->next)) };
	if (!t->next)
		return err_memory(err);
	for (size_t i = 0; i < users; i++)
		t->next[i] = (int64_t)i;
	return true;
}

void turns_release(struct turns *t)
{
	mem_free(t->next);
	mem_free(t->kept);
	*t = (struct turns){ 0 };
}

/* Forgets what every user has passed. */
static void forget(struct turns *t)
{
	int64_t slowest = t->next[0];
	size_t passed;

	for (size_t i = 1; i < t->users; i++)
		if (t->next[i] < slowest)
			slowest = t->next[i];
	passed = (size_t)(slowest - t->first) < t->count ? (size_t)(slowest - t->first) : t->count;
	memmove(t->kept, t->kept + passed, (t->count - passed) * sizeof(*t->kept));
	t->count -= passed;
	t->first += (int64_t)passed;
}

bool turns_take(struct turns *t, size_t user, struct turn_time (*draw)(void *context), void *context, struct turn_time *out,
		struct err *err)
{
	int64_t want = t->next[user];

	while (want >= t->first + (int64_t)t->count) {
		if (t->count == t->capacity) {
			if (t->count)
				forget(t);
			/* Half empty after this, so that the moves cost a constant for each arrival. */
			if (2 * t->count >= t->capacity &&
			    !mem_grow(&t->kept, &t->capacity, t->capacity + t->users + 1, sizeof(*t->kept)))
				return err_memory(err);
		}
		t->kept[t->count++] = draw(context);
	}
	*out = t->kept[want - t->first];
	t->next[user] += (int64_t)t->users;
	return true;
}
