/* Arrival times dealt out to users who take turns at them, each of whom waits for the answer before: arrival i belongs to
 * user i % users, and is that user's next request whenever the one before has ended. Users fall behind each other, so times
 * that a slow user has not reached yet are kept; memory grows with how far users drift apart, not with the requests. */
#ifndef WORKLOADS_TURNS_H
#define WORKLOADS_TURNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct turn_time {
	double at_s; /* INFINITY: the arrivals are over */
	int32_t class_index;
};

struct turns {
	int64_t *next; /* by user: index of its next arrival */
	size_t users;
	struct turn_time *kept; /* arrivals first .. first + count - 1 */
	size_t count, capacity;
	int64_t first;
};

MUST_USE bool turns_init(struct turns *t, size_t users, struct err *err);
void turns_release(struct turns *t);

/* The arrival that is `user`'s next one, and moves the user on. `draw(context)` gives the arrivals in order, called as
 * often as this one needs. False: out of memory. */
MUST_USE bool turns_take(struct turns *t, size_t user, struct turn_time (*draw)(void *context), void *context, struct turn_time *out,
			 struct err *err);

#endif
