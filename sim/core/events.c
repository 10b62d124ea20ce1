#include "sim/core/events.h"

#include "base/mem.h"
#include "sim/core/clock.h"

static bool before(const struct event *a, const struct event *b)
{
	return a->key < b->key || (a->key == b->key && a->order < b->order);
}

bool events_push(struct events *e, double t_s, int32_t kind, int32_t subject)
{
	struct event new = { t_s, clock_key(t_s), e->made++, kind, subject };
	size_t i;

	if (!mem_grow(&e->at, &e->capacity, e->count + 1, sizeof(*e->at)))
		return false;
	i = e->count++;
	for (; i > 0 && before(&new, &e->at[(i - 1) / 2]); i = (i - 1) / 2)
		e->at[i] = e->at[(i - 1) / 2];
	e->at[i] = new;
	return true;
}

struct event events_pop(struct events *e)
{
	struct event top = e->at[0], last = e->at[--e->count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < e->count) {
		if (child + 1 < e->count && before(&e->at[child + 1], &e->at[child]))
			child++;
		if (!before(&e->at[child], &last))
			break;
		e->at[i] = e->at[child];
		i = child;
	}
	e->at[i] = last;
	return top;
}

void events_release(struct events *e)
{
	mem_free(e->at);
	*e = (struct events){ 0 };
}
