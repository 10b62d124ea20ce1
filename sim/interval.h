/* How far a run's figures may be off because operator times are: the run again with every operator faster, and slower.
 *
 * Every operator time carries a median relative error, measured on shapes left out. Errors of one kind of operator (the
 * GEMMs, the attention) go together: they come from the same tables and laws; those of different kinds do not:
 *     e50 = sqrt(sum over kinds of (sum over its operators of share x error)^2)
 * is the median error of their sum. Times between 1 - e and 1 + e with e = 1.9 e50 hold 80 % of a normal distribution with
 * that median (1.2816 / 0.6745 = 1.9). The run is simulated at both ends with the same arrivals, so that queueing answers
 * as it does: near saturation by more than e. Host times and what is not modelled are not part of it. */
#ifndef SIM_INTERVAL_H
#define SIM_INTERVAL_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "reports/result.h"
#include "sim/scenario.h"

#define INTERVAL_COVERAGE 0.8

/* e of the run's operators. */
double interval_rel_error(const struct result *r);
struct catalog_cache;
/* Simulates sc twice more and fills r->interval_rel_error, r->faster and r->slower, which live in the arena. `cache`: the one
 * that sc itself was simulated with, so that nothing is read or priced again; NULL: none. */
MUST_USE bool interval_run(const struct scenario *sc, struct catalog_cache *cache, struct result *r, struct arena *arena, struct err *err);

#endif
