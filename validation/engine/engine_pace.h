/* How quick the processor is just now, against the best seen: whether other programs disturb a measurement. */
#ifndef VALIDATION_ENGINE_PACE_H
#define VALIDATION_ENGINE_PACE_H

#include "base/attr.h"
#include "base/err.h"

/* Above this the machine was not its own (PACE_MOST of kernels/harness/timing.h, over a whole run). */
#define PACE_NOTED 1.25

struct pace;
MUST_USE struct pace *pace_new(struct err *err);
void pace_free(struct pace *p);                /* NULL is fine */
/* The median of several readings over the best reading ever: 1 = undisturbed. */
double pace_now(struct pace *p);

#endif
