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

/* The same over blocks of plain sums, at nearly the price of a plain addition: for terms of one sign and like size. */
enum { SUM_BLOCK = 64 };
struct block_sum {
	struct sum whole;
	double block;
	int pending;
};

static inline void block_sum_add(struct block_sum *s, double x)
{
	s->block += x;
	if (++s->pending == SUM_BLOCK) {
		sum_add(&s->whole, s->block);
		s->block = 0;
		s->pending = 0;
	}
}

static inline double block_sum_get(const struct block_sum *s)
{
	struct sum all = s->whole;

	sum_add(&all, s->block);
	return sum_get(&all);
}

#endif
