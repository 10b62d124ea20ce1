#include "sim/train/failures.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

/* A failure can come during checkpoints and recoveries, too. A job of more failures than this is cut: its ratio has settled. */
enum { FAILURES_MOST = 20000 };

double failure_interval(const struct failure_model *f)
{
	if (f->interval_s > 0)
		return f->interval_s;
	return isfinite(f->mtbf_s) ? sqrt(2 * fmax(f->checkpoint_s, 1e-3) * f->mtbf_s) : INFINITY;
}

double failure_effective(const struct failure_model *f)
{
	double tau = failure_interval(f), waste = isfinite(tau) ? f->checkpoint_s / tau : 0;

	if (isfinite(f->mtbf_s))
		waste += (tau / 2 + f->recovery_s) / f->mtbf_s;
	return 1 / (1 + waste);
}

/* One job: work is kept at each checkpoint, a failure throws back to the last one. Returns wall seconds. */
static double one(const struct failure_model *f, double work_s, struct rng *rng, double *failures, double *worked)
{
	double tau = failure_interval(f), cycle = tau + f->checkpoint_s, wall = 0, done = 0;
	int64_t n = 0;

	while (done < work_s && n < FAILURES_MOST) {
		double until = isfinite(f->mtbf_s) ? rng_exponential(rng, f->mtbf_s) : INFINITY, left = work_s - done;
		double needed = isfinite(cycle) ? left + floor(left / tau) * f->checkpoint_s : left;

		if (until >= needed) {
			wall += needed;
			done = work_s;
			break;
		}
		done += floor(until / cycle) * tau;
		wall += until;
		n++;
		/* A recovery that fails begins anew. */
		for (double next = rng_exponential(rng, f->mtbf_s); next < f->recovery_s && n < FAILURES_MOST; n++) {
			wall += next;
			next = rng_exponential(rng, f->mtbf_s);
		}
		wall += f->recovery_s;
	}
	*failures = (double)n;
	*worked = done;
	return wall;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void failure_simulate(const struct failure_model *f, double work_s, int64_t trials, uint64_t seed, struct failure_trials *out)
{
	double *ratio = mem_calloc((size_t)trials, sizeof(*ratio)), sum = 0, total = 0;
	struct rng rng;

	*out = (struct failure_trials){ failure_effective(f), NAN, NAN, 0 };
	if (!ratio)
		return;
	rng_init(&rng, seed, "failures");
	for (int64_t i = 0; i < trials; i++) {
		double failures, worked, wall = one(f, work_s, &rng, &failures, &worked);

		ratio[i] = wall > 0 ? worked / wall : 1;
		sum += ratio[i];
		/* A job that was cut fails on at the same rate. */
		total += worked > 0 ? failures * work_s / worked : failures;
	}
	qsort(ratio, (size_t)trials, sizeof(*ratio), by_value);
	*out = (struct failure_trials){ sum / (double)trials, ratio[(size_t)(0.05 * (double)(trials - 1))],
					ratio[(size_t)(0.95 * (double)(trials - 1))], total / (double)trials };
	mem_free(ratio);
}
