/* Seeded random numbers (xoshiro256++), one stream per purpose, and the distributions that simulations need. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <math.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* The stream for `purpose` ("arrivals", "lengths" ...) under `seed`: streams do not depend on each other. */
void rng_init(struct rng *r, uint64_t seed, const char *purpose);

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t sum = s[0] + s[3];
	uint64_t out = ((sum << 23) | (sum >> 41)) + s[0];
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return out;
}

/* Uniform in [0, 1) and in (0, 1]. */
static inline double rng_uniform(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}
static inline double rng_uniform_open(struct rng *r)
{
	return (double)((rng_next(r) >> 11) + 1) * 0x1.0p-53;
}
uint64_t rng_below(struct rng *r, uint64_t n);                        /* uniform in 0 .. n-1, unbiased; n > 0 */
double rng_exponential(struct rng *r, double mean);
double rng_normal(struct rng *r);
double rng_lognormal(struct rng *r, double mu, double sigma);
double rng_gamma(struct rng *r, double shape, double scale);          /* Marsaglia and Tsang 2000 */
double rng_weibull(struct rng *r, double shape, double scale);

#endif
