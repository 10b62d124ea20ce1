/* models/techniques/compiler/differential_attention.c -- the difference of two softmaxes over shared, twice as wide values.
 * Heads are halved, so that parameters and cache stay; what the kernels do with them decides the work: one fused kernel
 * reads and multiplies as before, two calls of a flash kernel read the values twice, four calls do everything twice. */
#include "base/str.h"
#include "models/technique.h"

struct calls {
	double count;
	int64_t v_factor;              /* of the head size */
};

static struct calls calls_of(const char *variant)
{
	if (text_equal(variant, "two-flash"))
		return (struct calls){ 2, 2 };
	return (struct calls){ 4, 1 };
}

/* lambda, subtraction and the norm of a head: element-wise passes over its results. */
static bool add_passes(const struct technique_use *use, struct graph_change *g, const struct node *o_proj, struct err *err)
{
	struct node *n = graph_change_add(g, "diff_subtract", OP_ADD, g->place->activations, PER_TOKENS, err);

	(void)use;
	if (!n)
		return false;
	n->op.n = o_proj->op.k;
	n->count = o_proj->count;
	n->per_unit = o_proj->per_unit;
	n = graph_change_add(g, "diff_head_norm", OP_NORM, g->place->activations, PER_TOKENS, err);
	if (!n)
		return false;
	n->op.n = o_proj->op.k;
	n->count = o_proj->count;
	n->per_unit = o_proj->per_unit;
	return true;
}

static bool diff_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	const char *variant = technique_word(use, "variant");
	struct calls c = calls_of(variant);
	size_t count = g->graph->count;

	for (size_t i = 0; i < count; i++) {
		struct node *n = &g->graph->nodes[i], copy = *n;

		if (text_equal(n->label, "o_proj") && !add_passes(use, g, &copy, err))
			return false;
		n = &g->graph->nodes[i];
		if (text_equal(variant, "fused") || !(node_is_prefill_attention(n) || node_is_decode_attention(n)))
			continue;
		n->op.heads = n->op.heads > 1 ? n->op.heads / 2 : 1;
		n->op.kv_heads = n->op.kv_heads > 1 ? n->op.kv_heads / 2 : 1;
		n->op.v_head_dim = c.v_factor * n->op.head_dim;
		n->count *= c.count;
	}
	return true;
}

static bool diff_convergence(const struct technique_use *use, struct convergence_change *c, struct err *err)
{
	(void)err;
	c->parameters_factor *= technique_number(use, "loss_matched_size");
	return true;
}

static bool diff_model(const struct technique_use *use, struct model_change *change, struct err *err)
{
	return model_change_needs_cache(change, use->technique->id, true, err);
}

const struct technique_ops technique_differential_attention = {
	.name = "differential-attention", .help = "difference of two softmaxes: work by kernel variant, smaller model at equal loss",
	.params = "variant loss_matched_size", .model = diff_model, .operators = diff_operators, .convergence = diff_convergence,
};
