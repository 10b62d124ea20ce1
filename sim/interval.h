/* How far a run's figures may be off: the run again with every operator faster, and slower.
 *
 * Every operator time carries a median relative error, measured on shapes left out. Errors of one kind of operator (the
 * GEMMs, the attention) go together: they come from the same tables and laws; those of different kinds do not:
 *     e50 = sqrt(sum over kinds of (sum over its operators of share x error)^2)
 * is the median error of their sum; 1.9 e50 holds 80 % of a normal distribution with that median (1.2816 / 0.6745 = 1.9).
 *
 * That is not all: host times, effects between operators, settings that differ from those simulated. What whole runs are off
 * by beside their operators, w, was measured on published serving results (interval.c), and is added as independent:
 *     ln(1 + e) = hypot(ln(1 + 1.9 e50), w)
 * The run is simulated with all operators 1 + e times as fast and as slow, with the same arrivals, so that queueing answers as
 * it does: near saturation by more than e. First tokens are further off than that (queues of the serving software, clients):
 * their ends are at least a factor of their own away. */
#ifndef SIM_INTERVAL_H
#define SIM_INTERVAL_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "reports/result.h"
#include "sim/scenario.h"

#define INTERVAL_COVERAGE 0.8

enum interval_figure { INTERVAL_TIMES, INTERVAL_FIRST_TOKEN, INTERVAL_FIGURES };

/* w as a natural logarithm; of first tokens, of their whole error. measured: share of device time priced from the device's own
 * measured tables (0 to 1, NAN counts as 0); between devices with and without such tables it is interpolated. */
double interval_width(enum interval_figure figure, double measured);
/* e of operators with this e50, and of a run's. */
double interval_error(double e50, double measured);
double interval_rel_error(const struct result *r);
/* How far ln(published / simulated) would have to reach beyond operators with this e50: what w is the 80 % quantile of. */
double interval_beyond(double log_error, double e50);
/* e50 of a run's operators. */
double interval_operators(const struct result *r);
/* Factor on operator times at an end: 1 + e when slower, its inverse when not. */
double interval_scale(double e, bool slower);
/* A first token's end: the simulated one, or the factor's. */
double interval_first_token(double likely_s, double end_s, double measured, bool slower);
struct catalog_cache;
/* Simulates sc twice more and fills r->interval_rel_error, r->faster and r->slower, which live in the arena. `cache`: the one
 * that sc itself was simulated with, so that nothing is read or priced again; NULL: none. */
MUST_USE bool interval_run(const struct scenario *sc, struct catalog_cache *cache, struct result *r, struct arena *arena, struct err *err);

#endif
