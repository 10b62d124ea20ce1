/* The traffic that a measured run was sent, as a workload. */
#ifndef VALIDATION_MEASURED_LOAD_H
#define VALIDATION_MEASURED_LOAD_H

#include "sim/scenario.h"
#include "validation/measured.h"

struct measured_load {
	char file[128];                /* temporary trace; "" = none */
	bool paired;                   /* request i of the list is request i of the simulation */
};
/* Replaces sc's workload. Lists are replayed request by request; with a closed loop in the client's order, because its start
 * times are answers of the system. Without lists: the rate and the mean lengths. */
MUST_USE bool measured_load_set(const struct measured_run *run, struct scenario *sc, struct measured_load *out, struct arena *arena,
				struct err *err);
void measured_load_remove(struct measured_load *load);
/* "each request as recorded", "4 requests/s, 512 + 128 tokens": in the arena. */
const char *measured_load_text(const struct measured_run *run, struct arena *arena);

#endif
