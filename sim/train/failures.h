/* Failures over weeks: checkpoints, lost work, recovery. */
#ifndef SIM_TRAIN_FAILURES_H
#define SIM_TRAIN_FAILURES_H

#include <stdint.h>

struct failure_model {
	double mtbf_s;                 /* of the whole job; INFINITY: never */
	double checkpoint_s;           /* that the job stands still for one */
	double interval_s;             /* work between checkpoints; <= 0: failure_interval */
	double recovery_s;
};

/* sqrt(2 C M): Young 1974, first order of Daly 2006. */
double failure_interval(const struct failure_model *f);
/* Productive over wall time, first order: 1 / (1 + C / tau + (tau / 2 + R) / M). */
double failure_effective(const struct failure_model *f);

struct failure_trials {
	double mean, p5, p95;          /* of productive over wall time */
	double failures;               /* mean a trial */
};
/* Simulates `trials` jobs of work_s productive seconds; the same seed gives the same figures. */
void failure_simulate(const struct failure_model *f, double work_s, int64_t trials, uint64_t seed, struct failure_trials *out);

#endif
