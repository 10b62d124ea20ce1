/* What a workload asks for, whatever serves it: the constants that bounds of a search rest on. */
#ifndef SIM_PLAN_DEMAND_H
#define SIM_PLAN_DEMAND_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "sim/scenario.h"

struct demand {
	bool fixed;                            /* arrivals do not depend on the server; else nothing below is known */
	double requests, output_tokens;
	double span_s;                         /* first to last arrival */
};
/* Draws all requests of the scenario's workload once. */
MUST_USE bool demand_of(const struct scenario *sc, struct demand *out, struct err *err);

#endif
