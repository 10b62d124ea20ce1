/* models/techniques/data/domain_weights.c -- training data mixed by weights that a small proxy model found. The search
 * costs its own FLOPs before the job; its gain is that domains the evaluation asks for see more tokens: loss of a domain
 * falls as (tokens of its own + a share of all others)^-beta. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "models/technique.h"

enum { DOMAINS_MOST = 64 };

/* "0.11/0.12/..." */
static bool read_weights(const struct technique_use *use, const char *name, double *out, int *count, struct err *err)
{
	const char *p = technique_word(use, name);

	*count = 0;
	while (p && *p && *count < DOMAINS_MOST) {
		size_t n = strcspn(p, "/");
		char *end;

		out[*count] = strtod(p, &end);
		if (end != p + n || out[*count] < 0 || out[*count] > 1)
			return err_set(err, ERR_INPUT, "--with %s: %s: expected weights of 0 to 1 joined by '/'", use->technique->id, name);
		++*count;
		p += n + (p[n] == '/');
	}
	return true;
}

static double loss_at(const double *weights, const double *target, int count, double tokens, double transfer, double beta)
{
	double sum = 0;

	for (int i = 0; i < count; i++)
		sum += target[i] * pow((weights[i] + transfer * (1 - weights[i])) * tokens, -beta);
	return sum;
}

/* The share of the tokens after which the new mixture is where the old one ends: bisection, the loss falls with tokens. */
static double same_loss(const double *before, const double *after, const double *target, int count, double transfer, double beta)
{
	double goal = loss_at(before, target, count, 1, transfer, beta), low = 1e-3, high = 1e3;

	for (int i = 0; i < 100; i++) {
		double mid = sqrt(low * high);

		if (loss_at(after, target, count, mid, transfer, beta) > goal)
			low = mid;
		else
			high = mid;
	}
	return sqrt(low * high);
}

static bool weights_convergence(const struct technique_use *use, struct convergence_change *c, struct err *err)
{
	double before[DOMAINS_MOST], after[DOMAINS_MOST], target[DOMAINS_MOST];
	double proxy = technique_number(use, "proxy_parameters") * 1e6, tokens = technique_number(use, "proxy_tokens") * 1e9;
	int n[3];

	if (!read_weights(use, "weights_before", before, &n[0], err) || !read_weights(use, "weights_after", after, &n[1], err) ||
	    !read_weights(use, "target", target, &n[2], err))
		return false;
	if (n[0] != n[1] || n[0] != n[2] || n[0] == 0)
		return err_set(err, ERR_INPUT, "--with %s: %d weights before, %d after, %d of the target: expected as many of each", use->technique->id,
			       n[0], n[1], n[2]);
	c->tokens_factor *= same_loss(before, after, target, n[0], technique_number(use, "transfer"), technique_number(use, "beta"));
	/* Reference model: 6 N D; proxy: 6 N D and the frozen reference's forward pass, 2 N D. */
	c->extra_flops += technique_number(use, "rounds") * 14 * proxy * tokens;
	return true;
}

const struct technique_ops technique_domain_weights = {
	.name = "domain-weights", .help = "data mixed by a proxy's weights: search cost, tokens to the same loss",
	.params = "proxy_parameters proxy_tokens rounds weights_before weights_after target transfer beta", .convergence = weights_convergence,
};
