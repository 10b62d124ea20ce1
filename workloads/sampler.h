/* Draws from a struct spread by its inverse distribution function: one uniform number and one table look-up a draw. */
#ifndef WORKLOADS_SAMPLER_H
#define WORKLOADS_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/rng.h"
#include "workloads/workload.h"

enum { SAMPLER_CELLS = 4096 };

struct sampler {
	struct spread spread;
	double log_ratio; /* geometric: ln(1 - 1/mean) */
	/* Smooth families: value[i] = quantile(i / SAMPLER_CELLS); the two outer cells hold tails and are computed. */
	double *value;
	/* Steps (zipf, empirical): share[i] rises to 1; guide[c] = first i with share[i] >= c / SAMPLER_CELLS. */
	double *share, *step;
	uint32_t *guide;
	size_t steps;
};

/* `what` begins the error text ("prompt_tokens"). Release also after failure. */
MUST_USE bool sampler_init(struct sampler *s, const struct spread *spread, const char *what, struct err *err);
void sampler_release(struct sampler *s);

/* The standard normal distribution, for copulas. */
MUST_USE bool sampler_init_normal(struct sampler *s, struct err *err);

/* Quantile of u in [0, 1). */
double sampler_tail(const struct sampler *s, double u);
double sampler_step(const struct sampler *s, double u);
static inline double sampler_at(const struct sampler *s, double u)
{
	double x, part;
	unsigned cell;

	if (s->spread.kind == SPREAD_FIXED)
		return s->spread.value;
	if (!s->value)
		return s->steps ? sampler_step(s, u) : sampler_tail(s, u);
	x = u * SAMPLER_CELLS;
	cell = (unsigned)x;
	part = x - cell;
	if (UNLIKELY(cell == 0 || cell >= SAMPLER_CELLS - 1))
		return sampler_tail(s, u);
	return s->value[cell] + part * (s->value[cell + 1] - s->value[cell]);
}
static inline double sampler_draw(const struct sampler *s, struct rng *r)
{
	return sampler_at(s, rng_uniform(r));
}

/* Mean of the distribution (clipping included), to about 1e-4 relative. */
double sampler_mean(const struct sampler *s);

/* Tokens of a drawn length: rounded, at least 1. */
static inline int64_t whole_tokens(double x)
{
	return x < 1.5 ? 1 : x > 1e9 ? 1000000000 : (int64_t)(x + 0.5);
}

/* Zipf ranks 0 .. n-1 with P(k) ~ 1 / (k + 1)^exponent, as a sampler (exponent 0 = uniform). */
MUST_USE bool sampler_init_ranks(struct sampler *s, int64_t n, double exponent, struct err *err);

#endif
