/* Loss as a function of parameters and tokens, and what follows from it: the best split of a compute budget, tokens to a
 * target loss, what repeated data is worth, what a larger batch costs. Constants belong to one tokenizer and corpus: only
 * differences and ratios carry over to others. */
#ifndef MODELS_SCALING_LAW_H
#define MODELS_SCALING_LAW_H

#include "base/attr.h"
#include "base/err.h"

/* L(N, D) = E + A / N^alpha + B / D^beta */
struct scaling_law {
	const char *name, *help, *source;
	double a, b, e, alpha, beta;
	double repeat_tokens, repeat_parameters;       /* R_D*, R_N* of the data-constrained law; 0 = no such law */
};
extern const struct scaling_law scaling_laws[];        /* the first is the default; ends with a NULL name */
/* NULL name: the default. Unknown: NULL, with the nearest name in err. */
MUST_USE const struct scaling_law *scaling_law_require(const char *name, struct err *err);

double scaling_loss(const struct scaling_law *law, double parameters, double tokens);
/* With `unique` tokens seen more than once (Muennighoff et al. 2023, arXiv 2305.16264, equations 5 to 10). Laws without
 * constants for it count every token as new. */
double scaling_loss_repeated(const struct scaling_law *law, double parameters, double tokens, double unique);
/* The N and D of least loss for 6 N D = flops. */
void scaling_optimum(const struct scaling_law *law, double flops, double *parameters, double *tokens);
/* Tokens after which a model of that size reaches the loss; INFINITY when it never does. */
double scaling_tokens_to_loss(const struct scaling_law *law, double parameters, double loss);
/* Examples needed at a batch over those needed at a tiny one: 1 + batch / critical (McCandlish et al. 2018, arXiv 1812.06162). */
double scaling_batch_penalty(double batch, double critical);

#endif
