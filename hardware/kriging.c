#include "hardware/kriging.h"

#include <math.h>

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

static void swap(double *a, double *b)
{
	double t = *a;

	*a = *b;
	*b = t;
}

/* Solves a x = b in place by Gaussian elimination with row pivots; false when singular. */
static bool solve(double a[SYSTEM][SYSTEM], double *b, int n)
{
	for (int c = 0; c < n; c++) {
		int pivot = c;

		for (int r = c + 1; r < n; r++)
			pivot = fabs(a[r][c]) > fabs(a[pivot][c]) ? r : pivot;
		if (fabs(a[pivot][c]) < 1e-12)
			return false;
		for (int i = 0; i < n && pivot != c; i++)
			swap(&a[c][i], &a[pivot][i]);
		swap(&b[c], &b[pivot]);
		for (int r = c + 1; r < n; r++) {
			double f = a[r][c] / a[c][c];

			for (int i = c; i < n; i++)
				a[r][i] -= f * a[c][i];
			b[r] -= f * b[c];
		}
	}
	for (int c = n; c-- > 0;) {
		for (int i = c + 1; i < n; i++)
			b[c] -= a[c][i] * b[i];
		b[c] /= a[c][c];
	}
	return true;
}

bool kriging_weights(const struct kriging *k, const struct kriging_place *places, int count, const double *here,
		     double *weights)
{
	double a[SYSTEM][SYSTEM] = { { 0 } }, b[SYSTEM] = { 0 };
	int terms = 1 + k->trend;

	if (count < terms + (k->trend > 0))
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
	b[count] = 1;
	if (!solve(a, b, count + terms))
		return false;
	for (int i = 0; i < count; i++)
		weights[i] = b[i];
	return true;
}
