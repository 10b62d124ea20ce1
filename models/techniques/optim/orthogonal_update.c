/* models/techniques/optim/orthogonal_update.c -- an optimizer whose update of every hidden matrix is made orthogonal: one
 * moment instead of two, and a chain of matrix products a step. How much less compute reaches the same loss follows from
 * the two fitted curves L = a C^-b, at the job's own compute. */
#include <math.h>

#include "models/technique.h"

static const double PFLOPS_DAY = 1e15 * 86400;

static bool orthogonal_training(const struct technique_use *use, struct training_change *t, struct err *err)
{
	(void)err;
	t->optimizer = technique_word(use, "optimizer");
	return true;
}

/* Compute of the new optimizer for the loss that the old one reaches with C: (a / L)^(1/b). */
static bool orthogonal_convergence(const struct technique_use *use, struct convergence_change *c, struct err *err)
{
	double compute = 6 * c->active_parameters * c->tokens / PFLOPS_DAY, loss, needed;

	(void)err;
	if (!(compute > 0))
		return true;
	loss = technique_number(use, "baseline_a") * pow(compute, -technique_number(use, "baseline_b"));
	needed = pow(technique_number(use, "curve_a") / loss, 1 / technique_number(use, "curve_b"));
	c->tokens_factor *= fmin(needed / compute, 1);
	return true;
}

const struct technique_ops technique_orthogonal_update = {
	.name = "orthogonal-update", .help = "an optimizer with orthogonalised updates: state, matrix products, loss curves",
	.params = "optimizer baseline_a baseline_b curve_a curve_b", .training = orthogonal_training, .convergence = orthogonal_convergence,
};
