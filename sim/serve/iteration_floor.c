/* The least that any iteration takes: what bounds of a search rest on. */
#include <math.h>

#include "sim/serve/iteration_private.h"

/* No operator is taken to run faster than so many times the data sheet's peak, whatever a table or a correction says. */
static const double BEYOND_PEAK = 4;

/* Seconds of the token-wise operators of a batch; attention, logits and host time only add to them. Experts behind attention ranks see at least
 * the batch's own tokens. */
static double least_of(const struct iteration *it, const struct stage *s, int64_t tokens, double *flops)
{
	struct extent x;
	double sum = 0;

	*flops = 0;
	extent_for(PER_TOKENS, (double)tokens, &x);
	for (size_t i = 0; i < s->graph.count; i++) {
		const struct node *n = &s->graph.nodes[i];
		struct op_cost cost;
		struct op op;

		if ((n->scale != PER_TOKENS && n->scale != PER_EXPERT_TOKENS) || !graph_op(n, &x, &op))
			continue;
		iteration_cost(it, &op, &cost);
		sum += graph_runs(n, &x) * graph_seconds(n, &op, &cost, it->options.device);
		if (cost.bound != BOUND_NETWORK && n->overlap == 0)
			*flops += graph_runs(n, &x) * cost.flops;
	}
	return sum;
}

static double step_seconds(const struct iteration *it, const struct stage *s)
{
	struct extent one = { 0 };

	return stage_seconds(it, s, PER_STEP, 0, &one);
}

double iteration_one_token(const struct iteration *it)
{
	double sum = 0, flops;

	for (int k = 0; k < it->stage_count; k++)
		sum += least_of(it, &it->stages[k], 1, &flops) + step_seconds(it, &it->stages[k]);
	return sum;
}

double iteration_floor(const struct iteration *it, int64_t most_tokens)
{
	const struct device *d = cost_model_device(it->options.costs);
	double sum = 0, peak = 0;

	for (int t = 0; t < DTYPE_COUNT; t++)
		if (d->peak.flop_s[t] > peak)
			peak = d->peak.flop_s[t];
	for (int k = 0; k < it->stage_count; k++) {
		double least = INFINITY, flops = 0;

		/* Measured tables need not rise with every token: all sizes are looked at, until arithmetic alone takes longer. */
		for (int64_t t = 1; t <= most_tokens && !(flops > least * peak * BEYOND_PEAK); t++)
			least = fmin(least, least_of(it, &it->stages[k], t, &flops));
		sum += least + step_seconds(it, &it->stages[k]);
	}
	return sum;
}
