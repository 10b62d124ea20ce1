/* Techniques of a scenario on their way into the compiled form: policies before anything is loaded, then hardware, model,
 * acceptance and memory. Inside of compile.c. */
#ifndef SIM_COMPILE_TECHNIQUES_H
#define SIM_COMPILE_TECHNIQUES_H

#include "sim/compile.h"

/* Reads the techniques and applies their policies: c->techniques, c->scenario (sc itself when nothing changes). */
MUST_USE bool compile_techniques(const struct scenario *sc, struct compiled *c, struct arena *arena, struct err *err);
/* Replaces c->device, c->system and c->model by changed copies. */
MUST_USE bool compile_change_hardware(struct compiled *c, struct arena *arena, struct err *err);
MUST_USE bool compile_change_model(struct compiled *c, struct arena *arena, struct err *err);

#endif
