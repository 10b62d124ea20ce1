/* Host time of the engine: what an iteration takes beyond its operators (scheduler, layout of the batch, tokens, log). Measured on a
 * tiny model of its own, never on one that is validated. */
#ifndef VALIDATION_ENGINE_HOST_H
#define VALIDATION_ENGINE_HOST_H

#include "hardware/stack.h"
#include "validation/engine/forward.h"

/* Fits step + seq * sequences + token * tokens to the iterations of a tiny model (least squares on the median iteration of each
 * batch), and fills a stack description named "engine". Texts live in the arena. */
MUST_USE bool engine_host_measure(int threads, enum clock_kind clock, struct stack *out, struct arena *arena, struct err *err);

#endif
