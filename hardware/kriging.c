#include "hardware/kriging.h"

#include <math.h>

#include "hardware/linear.h"

enum { SYSTEM = KRIGING_MOST + 1 + KRIGING_DIMS };
static const double SOFT = 1e-4;       /* lets the trend yield where places lie in a line */

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

bool kriging_weights(const struct kriging *k, const struct kriging_place *places, int count, const double *here,
		     double *weights)
{
	double a[SYSTEM][SYSTEM] = { { 0 } }, b[SYSTEM] = { 0 };
	int terms = k->known_mean ? 0 : 1 + k->trend;

	if (count < terms + (k->trend > 0) || count == 0)
		return false;
	for (int i = 0; i < count; i++) {
		for (int j = 0; j < count; j++)
			a[i][j] = exp(-distance(k, places[i].at, places[j].at) / k->range) + (i == j ? k->noise : 0);
		for (int t = 0; t < terms; t++)
			a[i][count + t] = a[count + t][i] = t == 0 ? 1 : places[i].at[t - 1] - here[t - 1];
		b[i] = exp(-places[i].distance / k->range);
	}
	for (int t = 0; t < terms; t++)
		a[count + t][count + t] = t == 0 && k->trend == 0 ? 0 : -SOFT;
	if (terms > 0)
		b[count] = 1;
	if (!linear_solve(&a[0][0], SYSTEM, b, count + terms))
		return false;
	for (int i = 0; i < count; i++)
		weights[i] = b[i];
	return true;
}
