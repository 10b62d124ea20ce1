#include "models/scaling_law.h"

#include <math.h>
#include <stddef.h>

#include "base/str.h"

const struct scaling_law scaling_laws[] = {
	{ "chinchilla-refit", "Chinchilla's runs fitted again by Epoch", "Besiroglu et al. 2024, arXiv 2404.10102", 482.01, 2085.43, 1.8172, .3478, .3658, 0, 0 },
	{ "chinchilla-2022", "the constants that Hoffmann et al. printed", "arXiv 2203.15556", 406.4, 410.7, 1.69, .34, .28, 0, 0 },
	{ "data-constrained", "with repeated data", "Muennighoff et al. 2023, arXiv 2305.16264; datablations", 520.8, 1487.7, 1.8691, .3526596, .3526596, 15.387756, 5.309743 },
	{ 0 },
};

/* The published constants are rounded; the logarithms are what was fitted. */
static struct scaling_law exact(const struct scaling_law *law)
{
	struct scaling_law l = *law;

	if (l.repeat_tokens > 0)
		l.a = exp(6.255414), l.b = exp(7.3049974), l.e = exp(.6254804);
	return l;
}

const struct scaling_law *scaling_law_require(const char *name, struct err *err)
{
	const char *names[16], *near;
	size_t n = 0;

	if (!name)
		return &scaling_laws[0];
	for (; scaling_laws[n].name && n < COUNT_OF(names); n++) {
		if (text_equal_fold(scaling_laws[n].name, name))
			return &scaling_laws[n];
		names[n] = scaling_laws[n].name;
	}
	near = text_nearest(name, names, n);
	err_set(err, ERR_INPUT, "scaling law '%s': expected chinchilla-refit, chinchilla-2022 or data-constrained%s%s", name,
		near ? "; did you mean " : "", near ? near : "");
	return NULL;
}

double scaling_loss(const struct scaling_law *law, double parameters, double tokens)
{
	struct scaling_law l = exact(law);

	return l.e + l.a / pow(parameters, l.alpha) + l.b / pow(tokens, l.beta);
}

/* What `amount` is worth when only `unique` of it is new: repeats decay with constant `half`. */
static double worth(double amount, double unique, double half)
{
	double repeats = fmax(0, amount / unique - 1);

	return unique + unique * half * (1 - exp(-repeats / half));
}

double scaling_loss_repeated(const struct scaling_law *law, double parameters, double tokens, double unique)
{
	struct scaling_law l = exact(law);
	double g, best;

	if (!(l.repeat_tokens > 0) || !(unique > 0))
		return scaling_loss(law, parameters, tokens);
	unique = fmin(unique, tokens);
	/* U_N: the model that the unique tokens are compute-optimal for. */
	g = pow(l.alpha * l.a / (l.beta * l.b), 1 / (l.alpha + l.beta));
	best = fmin(parameters, pow(unique * g, l.beta / l.alpha) * g);
	return l.e + l.a / pow(worth(parameters, best, l.repeat_parameters), l.alpha) +
	       l.b / pow(worth(tokens, unique, l.repeat_tokens), l.beta);
}

void scaling_optimum(const struct scaling_law *law, double flops, double *parameters, double *tokens)
{
	struct scaling_law l = exact(law);
	double g = pow(l.alpha * l.a / (l.beta * l.b), 1 / (l.alpha + l.beta));

	*parameters = g * pow(flops / 6, l.beta / (l.alpha + l.beta));
	*tokens = flops / 6 / *parameters;
}

double scaling_tokens_to_loss(const struct scaling_law *law, double parameters, double loss)
{
	struct scaling_law l = exact(law);
	double left = loss - l.e - l.a / pow(parameters, l.alpha);

	return left > 0 ? pow(l.b / left, 1 / l.beta) : INFINITY;
}

double scaling_batch_penalty(double batch, double critical)
{
	return critical > 0 && batch > 0 ? 1 + batch / critical : 1;
}
