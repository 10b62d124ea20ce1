/* Simple kriging (Matheron 1963): weights of scattered values of mean 0 for the value at another place, best linear where the covariance
 * falls off exponentially with distance and each value carries a little noise. Far from all of them it is the mean. */
#ifndef HARDWARE_KRIGING_H
#define HARDWARE_KRIGING_H

#include <stdbool.h>

enum { KRIGING_DIMS = 7, KRIGING_MOST = 16 };

struct kriging {
	int dims;                      /* coordinates that make the distance */
	double range, noise;           /* distance over which values forget each other; share of the variance that is noise (over 0) */
};
struct kriging_place {
	double at[KRIGING_DIMS];
	double distance;               /* from the asked place */
	long long tag;                 /* the caller's */
};

/* Keeps the nearest `most` (<= KRIGING_MOST) of the places offered so far, nearest first: *count grows up to that. */
void kriging_offer(const struct kriging *k, struct kriging_place *places, int *count, int most, const double *here,
		   const struct kriging_place *place);
/* Weights of the places that were kept. False when there are none. */
bool kriging_weights(const struct kriging *k, const struct kriging_place *places, int count, double *weights);

#endif
