/* Bounds of a layout without simulating it: memory as it will be, the step never longer than it will be. What layouts share
 * -- prices of single layers, parameters of a stage, collectives between data ranks -- is worked out once. */
#ifndef SIM_TRAIN_LAYOUT_PRICE_H
#define SIM_TRAIN_LAYOUT_PRICE_H

#include "sim/train/layout_space.h"
#include "sim/train/stage.h"

struct layout_prices;
MUST_USE struct layout_prices *layout_prices_new(const struct job *job, const struct train_parts *parts, struct err *err);
void layout_prices_free(struct layout_prices *p);

/* Takes up a cut; later calls are about it. Refused layouts (refused = true) cannot run at all; false: out of memory. */
MUST_USE bool layout_prices_cut(struct layout_prices *p, const struct cut *c, bool *refused, struct err *err);

struct layout_bound {
	bool possible;                 /* the networks are large enough */
	bool exact_memory;             /* the schedule's order says how much is held; else the bytes are a lower bound */
	double step_s;                 /* at least */
	double peak_bytes, host_bytes; /* of the fullest device */
};
/* As the last way has it. */
const struct train_setup *layout_prices_setup(const struct layout_prices *p);

/* At least, whichever way is taken: a step without anything but arithmetic and tensor collectives. */
double layout_prices_least_s(struct layout_prices *p);
MUST_USE bool layout_prices_way(struct layout_prices *p, const struct way *w, struct layout_bound *out, struct err *err);

#endif
