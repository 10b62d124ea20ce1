/* Replays a workload on the engine: requests come when their time comes, or, where nothing runs, the clock goes on to the next. */
#ifndef VALIDATION_ENGINE_REPLAY_H
#define VALIDATION_ENGINE_REPLAY_H

#include "validation/engine/engine.h"
#include "workloads/source.h"

enum replay_pace {
	PACE_SKIP_IDLE,                /* the clock jumps over idle time: the same latencies, sooner */
	PACE_REAL_TIME
};
/* Runs the source to its end (clock as the engine's; PACE_REAL_TIME needs the wall's) (closed loops and sessions included) and fills the log; the log is the caller's to release, also on
 * failure. progress (may be NULL) is told the number of requests done. */
MUST_USE bool engine_replay(struct engine *e, struct source *source, enum replay_pace pace, enum clock_kind clock, struct engine_log *log,
			    void (*progress)(void *ctx, size_t done), void *ctx, struct err *err);

#endif
