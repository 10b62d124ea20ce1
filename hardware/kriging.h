/* Kriging (Matheron 1963, 1969): weights of scattered values for the value at another place, best linear unbiased where the
 * covariance falls off exponentially with distance and each value carries a little noise. */
#ifndef HARDWARE_KRIGING_H
#define HARDWARE_KRIGING_H

#include <stdbool.h>

enum { KRIGING_DIMS = 6, KRIGING_MOST = 16 };

struct kriging {
	int dims;                      /* coordinates that make the distance */
	int trend;                     /* the first of them along which a linear trend carries on; 0: none */
	bool known_mean;               /* of 0, to which values far away fall back; otherwise it is what the places say */
	double range, noise;           /* distance over which values forget each other; share of the variance that is noise */
};
struct kriging_place {
	double at[KRIGING_DIMS];
	double distance;               /* from the asked place */
	long long tag;                 /* the caller's */
};

/* Keeps the nearest `most` (<= KRIGING_MOST) of the places offered so far, nearest first: *count grows up to that. */
void kriging_offer(const struct kriging *k, struct kriging_place *places, int *count, int most, const double *here,
		   const struct kriging_place *place);
/* Weights; they sum to 1 unless the mean is known. False when the places cannot carry the trend. */
bool kriging_weights(const struct kriging *k, const struct kriging_place *places, int count, const double *here,
		     double *weights);

#endif
