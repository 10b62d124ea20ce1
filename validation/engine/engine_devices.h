/* The calibrated devices that predictions are made with: found, or made when there is no fresh one; and which of the two faces of a
 * host a model sees -- its weights in the last-level cache, or in memory. */
#ifndef VALIDATION_ENGINE_DEVICES_H
#define VALIDATION_ENGINE_DEVICES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

struct engine_devices {
	const char *folder;            /* calibrations lie there; NULL: the user's device folder */
	bool quick, fresh;             /* grid of a calibration made here; fresh: make one even if there is one */
	double age_s;                  /* older ones are made anew */
	int rounds;                    /* of calibrations made here; 0 = its default */
	void (*progress)(void *ctx, double share, const char *what);
	void *ctx;
	bool made[65];                 /* by threads: calibrated in this run */
	int done[65];                  /* rounds of a calibration made here so far */
};
/* Path of the device file for so many threads. cached: weights lie in the last-level cache. In the arena. */
MUST_USE const char *engine_device(struct engine_devices *d, int threads, bool cached, struct arena *arena, struct err *err);
/* A calibration made here measures its first round when it is first asked for and one more at each call here: whoever measures something in between
 * predicts it from both sides of it in time. Nothing happens to calibrations that were found. */
MUST_USE bool engine_device_round(struct engine_devices *d, int threads, struct arena *arena, struct err *err);
int engine_device_rounds_left(const struct engine_devices *d, int threads);
/* Path of a device between the two: `share` of a walk over the weights is served by the last-level cache, the rest by memory, and each
 * time is made up of both. Written beside them. */
MUST_USE const char *engine_device_between(struct engine_devices *d, int threads, double share, struct arena *arena, struct err *err);

#endif
