#include "hardware/kriging.h"

#include <math.h>

#include "hardware/linear.h"

static double distance(const struct kriging *k, const double *a, const double *b)
{
	double sum = 0;

	for (int i = 0; i < k->dims; i++)
		sum += (a[i] - b[i]) * (a[i] - b[i]);
	return sqrt(sum);
}

void kriging_offer(const struct kriging *k, struct kriging_place *places, int *count, int most, const double *here,
		   const struct kriging_place *place)
{
	struct kriging_place p = *place;
	int at;

	p.distance = distance(k, p.at, here);
	if (*count == most && places[most - 1].distance <= p.distance)
		return;
	at = *count < most ? (*count)++ : most - 1;
	for (; at > 0 && places[at - 1].distance > p.distance; at--)
		places[at] = places[at - 1];
	places[at] = p;
}

bool kriging_weights(const struct kriging *k, const struct kriging_place *places, int count, double *weights)
{
	double a[KRIGING_MOST][KRIGING_MOST];

	if (count == 0)
		return false;
	for (int i = 0; i < count; i++) {
		for (int j = 0; j < count; j++)
			a[i][j] = exp(-distance(k, places[i].at, places[j].at) / k->range) + (i == j ? k->noise : 0);
		weights[i] = exp(-places[i].distance / k->range);
	}
	linear_solve(&a[0][0], KRIGING_MOST, weights, count);
	return true;
}
