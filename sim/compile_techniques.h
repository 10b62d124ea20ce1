/* Techniques of a scenario on their way into the compiled form: their policies, before anything is loaded.
 * Inside of compile.c. */
#ifndef SIM_COMPILE_TECHNIQUES_H
#define SIM_COMPILE_TECHNIQUES_H

#include "sim/compile.h"

/* Reads the techniques and applies their policies: c->techniques, c->scenario (sc itself when nothing changes). */
MUST_USE bool compile_techniques(const struct scenario *sc, struct compiled *c, struct arena *arena, struct err *err);

#endif
