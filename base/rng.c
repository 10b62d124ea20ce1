#include "base/rng.h"

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void rng_init(struct rng *r, uint64_t seed, const char *purpose)
{
	uint64_t state = seed;

	for (const char *p = purpose; *p; p++)
		state = splitmix(&state) ^ (unsigned char)*p;
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&state);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	/* Lemire 2019: multiply, and reject the few values that would make some results likelier. */
	__extension__ typedef unsigned __int128 u128;
	u128 product = (u128)rng_next(r) * n;

	if ((uint64_t)product < n) {
		uint64_t least = -n % n;

		while ((uint64_t)product < least)
			product = (u128)rng_next(r) * n;
	}
	return (uint64_t)(product >> 64);
}

double rng_exponential(struct rng *r, double mean)
{
	return -mean * log(rng_uniform_open(r));
}

double rng_normal(struct rng *r)
{
	/* Polar method (Marsaglia and Bray 1964); the second value is dropped to keep the stream stateless. */
	double x, y, s;

	do {
		x = 2 * rng_uniform(r) - 1;
		y = 2 * rng_uniform(r) - 1;
		s = x * x + y * y;
	} while (s >= 1 || s == 0);
	return x * sqrt(-2 * log(s) / s);
}

double rng_lognormal(struct rng *r, double mu, double sigma)
{
	return exp(mu + sigma * rng_normal(r));
}

double rng_gamma(struct rng *r, double shape, double scale)
{
	double d, c;

	if (shape < 1)                 /* boost: G(a) = G(a + 1) U^(1/a) */
		return rng_gamma(r, shape + 1, scale) * pow(rng_uniform_open(r), 1 / shape);
	d = shape - 1.0 / 3;
	c = 1 / sqrt(9 * d);
	for (;;) {
		double x = rng_normal(r), v = 1 + c * x, u;

		if (v <= 0)
			continue;
		v = v * v * v;
		u = rng_uniform_open(r);
		if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
			return d * v * scale;
	}
}

double rng_weibull(struct rng *r, double shape, double scale)
{
	return scale * pow(-log(rng_uniform_open(r)), 1 / shape);
}
