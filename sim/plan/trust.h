/* From expected errors of operator times to the certainty of a difference between two scenarios.
 *
 * Each kind of operator is taken to be wrong by its own factor. The factor is one and the same for both scenarios when they
 * run that kind on the same device in the same formats from the same source of times: then it moves both, and what counts
 * is how differently. The variance of the difference is the sum over kinds of (effect on one - effect on the other)^2
 * where the error is common, of the sum of squares where it is not. Effects are measured: each scenario is simulated
 * again with that kind of operator slower by one standard deviation. */
#ifndef SIM_PLAN_TRUST_H
#define SIM_PLAN_TRUST_H

#include "sim/plan/whatif.h"

/* One scenario run again with each kind of operator that matters slower by one standard deviation. */
struct trial {
	bool run[OP_KIND_COUNT];
	struct outcome slower[OP_KIND_COUNT];
};

/* Whether an error of this kind can move the outcome by a tenth of a percent. */
bool trust_matters(const struct outcome *o, int kind);
/* One standard deviation of the kind's time, from its median error (normal: median = 0.6745 sigma). */
double trust_sigma(const struct outcome *o, int kind);
/* The scenario with that kind slower (factor > 1) or faster; in the arena. */
MUST_USE const struct scenario *trust_scaled(const struct scenario *sc, int kind, double factor, struct arena *arena, struct err *err);

struct trusted {
	const struct scenario *scenario;
	const struct outcome *outcome;
	const struct trial *trial;
};
/* The certainty that a's figure is above (or below) b's as it came out. */
void trust_difference(const struct trusted *a, const struct trusted *b, int figure, struct certainty *out);

#endif
