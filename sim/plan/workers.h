/* Many independent jobs over the threads of this process. */
#ifndef SIM_PLAN_WORKERS_H
#define SIM_PLAN_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * Calls job(ctx, i, err) for i = 0 .. count-1, each once, on up to `threads` threads (at least 1). Stops taking new ones after a
 * failure; the error reported is that of the lowest job that failed, whatever the threads did. A job writes only what
 * belongs to its own i.
 */
MUST_USE bool workers_each(size_t count, int threads, bool (*job)(void *ctx, size_t i, struct err *err), void *ctx, struct err *err);

/* Processors that this process may use. */
int workers_processors(void);

#endif
