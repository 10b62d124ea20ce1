/* Future events by time (to the precision of clock_key), then by order of making: a binary heap that grows. */
#ifndef SIM_CORE_EVENTS_H
#define SIM_CORE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct event {
	double t_s, key;
	int64_t order;
	int32_t kind, subject;
};

struct events {
	struct event *at;
	size_t count, capacity;
	int64_t made;
};

MUST_USE bool events_push(struct events *e, double t_s, int32_t kind, int32_t subject);
struct event events_pop(struct events *e);                     /* the earliest; not empty */
void events_release(struct events *e);

#endif
