/* What a deployment costs an hour: the catalog's price of its system, or the scenario's own. */
#ifndef SIM_MONEY_H
#define SIM_MONEY_H

#include "base/arena.h"
#include "hardware/system.h"
#include "sim/scenario.h"

struct money {
	double usd_per_hour;           /* of all devices; NAN when no price is known */
	const char *kind;              /* "on-demand, 2026-03", "own price" ... ; in the arena */
};
void money_per_hour(const struct scenario *sc, const struct system *system, double devices, struct money *out, struct arena *arena);

#endif
