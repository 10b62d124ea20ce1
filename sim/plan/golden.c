#include "sim/plan/golden.h"

#include <assert.h>
#include <math.h>

struct golden golden_add(struct golden x, struct golden y)
{
	return (struct golden){ x.a + y.a, x.b + y.b };
}

/* (a + b phi)(c + d phi) = ac + (ad + bc) phi + bd phi^2, and phi^2 = 1 + phi. */
struct golden golden_times(struct golden x, struct golden y)
{
	return (struct golden){ x.a * y.a + x.b * y.b, x.a * y.b + x.b * y.a + x.b * y.b };
}

struct golden golden_power(int n)
{
	/* 1 / phi = phi - 1, since phi (phi - 1) = 1. */
	struct golden step = n >= 0 ? (struct golden){ 0, 1 } : (struct golden){ -1, 1 }, product = { 1, 0 };

	assert(n >= -80 && n <= 80);
	for (int i = n < 0 ? -n : n; i > 0; i--)
		product = golden_times(product, step);
	return product;
}

int64_t lucas(int n)
{
	int64_t now = 2, next = 1;

	assert(n >= 0 && n <= 80);
	while (n-- > 0) {
		int64_t sum = now + next;

		now = next;
		next = sum;
	}
	return now;
}

static int sign(__int128 v)
{
	return (v > 0) - (v < 0);
}

int golden_compare(struct golden x, int64_t numerator, int64_t denominator)
{
	/* 2 denominator (x - numerator / denominator) = p + q sqrt(5), since phi = (1 + sqrt(5)) / 2. */
	__int128 p = (__int128)(2 * x.a + x.b) * denominator - 2 * (__int128)numerator, q = (__int128)x.b * denominator;

	assert(denominator > 0);
	if (sign(p) * sign(q) >= 0)
		return sign(p) ? sign(p) : sign(q);
	/* Of opposite signs: the larger of p^2 and 5 q^2 decides; they are never equal, sqrt(5) being irrational. */
	return p * p > 5 * q * q ? sign(p) : sign(q);
}

double golden_value(struct golden x)
{
	return (double)((long double)x.a + (long double)x.b * ((1 + sqrtl(5)) / 2));
}
