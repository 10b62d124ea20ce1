/* Modules of the technology tree that the engine really runs: what --with asks, as the engine takes it. */
#ifndef VALIDATION_ENGINE_METHODS_H
#define VALIDATION_ENGINE_METHODS_H

#include "sim/scenario.h"

struct engine_methods {
	bool ternary;                  /* matrices of layers in -1, 0, 1, activations in 8 bits (BitNet b1.58) */
};
/* ERR_INPUT names a module or parameter that the engine does not run. Modules that only change policies are the scheduler's matter. */
MUST_USE bool engine_methods_of(const struct scenario *sc, struct engine_methods *out, struct arena *arena, struct err *err);

#endif
