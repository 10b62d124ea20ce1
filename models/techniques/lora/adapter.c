/* models/techniques/lora/adapter.c -- small trained parts beside frozen matrices. Training holds gradients and optimizer
 * state of them alone; serving pays for their products unless they are merged into the weights. */
#include <math.h>

#include "base/str.h"
#include "models/technique.h"

/* The matrices that carry an adapter: all linear ones, or those of attention. */
static bool carries(const struct technique_use *use, const struct node *n)
{
	bool attention = text_equal(n->label, "qkv_proj") || text_equal(n->label, "o_proj");

	if (n->op.kind != OP_GEMM || !node_is_linear(n))
		return false;
	return text_equal(technique_word(use, "targets"), "all") || attention;
}

static bool is_square(const struct technique_use *use)
{
	return text_equal(technique_word(use, "kind"), "square");
}

/* Rank of the square matrix with as many parameters as the two thin ones: floor(sqrt((k + n) r)), even. */
static double square_rank(const struct technique_use *use, double k, double n)
{
	double r = floor(sqrt((k + n) * technique_number(use, "rank")));

	return fmax(2, r - fmod(r, 2));
}

static bool add_product(struct graph_change *g, const struct node *base, const char *label, int64_t k, int64_t n, double times, struct err *err)
{
	struct node *node = graph_change_add(g, label, OP_GEMM, g->place->activations, PER_TOKENS, err);

	if (!node)
		return false;
	node->op.k = k;
	node->op.n = n;
	node->count = base->count;
	node->per_unit = base->per_unit * times;
	return true;
}

static bool add_rows(struct graph_change *g, const struct node *base, const char *label, int64_t n, struct err *err)
{
	struct node *node = graph_change_add(g, label, OP_ADD, g->place->activations, PER_TOKENS, err);

	if (!node)
		return false;
	node->op.n = n;
	node->count = base->count;
	node->per_unit = base->per_unit;
	return true;
}

/* Thin: k -> r -> n. Square, by sharing: the input folded to r by additions, one r x r product, the result copied out;
 * by rotation: the same product for each of the k / r pieces of the input. */
static bool add_adapter(const struct technique_use *use, struct graph_change *g, const struct node *base, struct err *err)
{
	int64_t k = base->op.k, n = base->op.n, r;

	if (!is_square(use)) {
		r = (int64_t)technique_number(use, "rank");
		return add_product(g, base, "adapter_down", k, r, 1, err) && add_product(g, base, "adapter_up", r, n, 1, err) &&
		       add_rows(g, base, "adapter_add", n, err);
	}
	r = (int64_t)square_rank(use, (double)k, (double)n);
	return add_rows(g, base, "adapter_fold", k, err) &&
	       add_product(g, base, "adapter_square", r, r, text_equal(technique_word(use, "compress"), "rotation") ? ceil((double)k / (double)r) : 1, err) &&
	       add_rows(g, base, "adapter_add", n, err);
}

static bool adapter_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	size_t count = g->graph->count;

	if (!g->training && text_equal(technique_word(use, "merged"), "yes"))
		return true;
	for (size_t i = 0; i < count; i++) {
		struct node base = g->graph->nodes[i];

		if (carries(use, &base) && !add_adapter(use, g, &base, err))
			return false;
	}
	return true;
}

/* Parameters of one adapter: (k + n) r in two thin matrices; about as many in a square one, whose side is whole and even. */
static double matrix_parameters(const struct technique_use *use, double k, double n)
{
	double side = square_rank(use, k, n);

	return is_square(use) ? side * side : (k + n) * technique_number(use, "rank");
}

/* Of all adapters, beside the matrices that add_adapter() finds: one for queries, keys and values, one for gate and up. */
static double parameters(const struct technique_use *use, const struct model *m)
{
	double sum = 0, h = (double)m->shape.hidden;
	bool all = text_equal(technique_word(use, "targets"), "all");

	for (int64_t i = 0; i < m->shape.layers; i++) {
		struct layer l;
		double q, kv;

		model_layer(m, i, &l);
		q = (double)(l.heads * l.head_dim), kv = (double)(l.kv_heads * l.head_dim);
		if (l.mixer == MIXER_ATTENTION)
			sum += matrix_parameters(use, h, q + 2 * kv) + matrix_parameters(use, q, h);
		if (all && l.ffn == FFN_DENSE)
			sum += matrix_parameters(use, h, (double)l.intermediate * (m->mlp.gated ? 2 : 1)) + matrix_parameters(use, (double)l.intermediate, h);
	}
	return sum;
}

static bool adapter_memory(const struct technique_use *use, struct memory_change *m, struct err *err)
{
	(void)err;
	if (text_equal(technique_word(use, "merged"), "no"))
		m->terms->weight_bytes += 2 * parameters(use, m->model) / (double)(m->place->tp * m->place->pp);
	return true;
}

static bool adapter_training(const struct technique_use *use, struct training_change *t, struct err *err)
{
	struct model_counts c;

	(void)err;
	if (technique_number_or(use, "gradient_steps", 1) <= 0)
		return true;
	model_parameters(t->model, &c);
	t->trainable *= fmin(parameters(use, t->model) / c.total, 1);
	return true;
}

/* Composed adapters are searched for without gradients: forward passes over a few examples. */
static bool adapter_convergence(const struct technique_use *use, struct convergence_change *c, struct err *err)
{
	(void)err;
	c->extra_flops += technique_number_or(use, "search_steps", 0) * 2 * c->active_parameters * technique_number_or(use, "search_tokens", 0);
	return true;
}

const struct technique_ops technique_adapter = {
	.name = "adapter", .help = "trained parts beside frozen matrices: thin or square, merged or not, composed",
	.params = "kind rank targets merged", .operators = adapter_operators, .memory = adapter_memory, .training = adapter_training,
	.convergence = adapter_convergence,
};
