#include "sim/plan/spares.h"

#include <math.h>

double replica_down_share(double mtbf_s, double mttr_s, double devices)
{
	return -expm1(-devices * log1p(mttr_s / mtbf_s));
}

/* Terms in logarithms: with thousands of replicas the first ones leave the range of a double. */
double spares_availability(int64_t n, int64_t spares, double down_share)
{
	double all = (double)(n + spares), q = down_share, term, sum = 0;

	if (q <= 0)
		return 1;
	if (q >= 1)
		return n == 0;
	term = all * log1p(-q);
	for (int64_t down = 0; down <= spares; down++) {
		sum += exp(term);
		term += log((all - (double)down) / (double)(down + 1)) + log(q) - log1p(-q);
	}
	return sum < 1 ? sum : 1;
}

/* Availability grows with every spare: by doubled steps until it is enough, then halved down to the first that is. */
bool spares_for(int64_t n, double down_share, double availability, int64_t least, int64_t *spares, struct err *err)
{
	int64_t low = least - 1, high = least, step = 1;

	while (spares_availability(n, high, down_share) < availability) {
		low = high;
		high += step;
		step *= 2;
		if (high > SPARES_MOST)
			return err_set(err, ERR_INPUT, "with %.3g %% of the replicas down, no %d spares keep %lld up for %.7g %% of the time: expected rarer "
						       "failures, faster repair or a lower availability", 100 * down_share, SPARES_MOST, (long long)n,
				       100 * availability);
	}
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (spares_availability(n, middle, down_share) < availability)
			low = middle;
		else
			high = middle;
	}
	*spares = high;
	return true;
}
