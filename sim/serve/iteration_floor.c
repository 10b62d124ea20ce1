/* The least that any iteration takes: what bounds of a search rest on. */
#include <math.h>

#include "sim/serve/iteration_private.h"

/* Attention, logits and host time only add to it, and a batch computes at least one token. */
static double stage_least(const struct iteration *it, const struct stage *s, int64_t tokens)
{
	struct extent x, one = { 0 };

	extent_for(PER_TOKENS, (double)tokens, &x);
	return stage_seconds(it, s, PER_TOKENS, 0, &x) + stage_seconds(it, s, PER_STEP, 0, &one);
}

double iteration_one_token(const struct iteration *it)
{
	double sum = 0;

	for (int k = 0; k < it->stage_count; k++)
		sum += stage_least(it, &it->stages[k], 1);
	return sum;
}

double iteration_floor(const struct iteration *it)
{
	double sum = 0;

	for (int k = 0; k < it->stage_count; k++) {
		double least = INFINITY;

		/* Measured tables need not rise with every token: all sizes are looked at. */
		for (int64_t t = 1; t <= it->options.max_tokens; t++)
			least = fmin(least, stage_least(it, &it->stages[k], t));
		sum += least;
	}
	return sum;
}
