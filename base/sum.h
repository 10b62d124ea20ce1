/* Compensated sums (Neumaier 1974): long sums keep full precision whatever their order of magnitude. */
#ifndef BASE_SUM_H
#define BASE_SUM_H

#include <math.h>

struct sum {
	double value, carry;
};

static inline void sum_add(struct sum *s, double x)
{
	double t = s->value + x;

	if (fabs(s->value) >= fabs(x))
		s->carry += (s->value - t) + x;
	else
		s->carry += (x - t) + s->value;
	s->value = t;
}

static inline double sum_get(const struct sum *s)
{
	return s->value + s->carry;
}

#endif
