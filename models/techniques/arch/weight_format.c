/* models/techniques/arch/weight_format.c -- weights of few bits with integer activations. Products read packed weights, and
 * compute at the rate of the activations' format: no device has units for ternary weights. Embedding, head, cache and
 * activations stay as they are. */
#include "base/str.h"
#include "models/technique.h"

static double stored_bytes(const struct technique_use *use)
{
	double group = technique_number_or(use, "group", 0), bits = technique_number(use, "bits");

	return (bits + (group > 0 ? technique_number_or(use, "scale_bits", 16) / group : 0)) / 8;
}

/* 8-bit activations run on integer units; wider ones unpack weights into 16-bit operands. */
static enum dtype arithmetic(const struct technique_use *use)
{
	return technique_number(use, "activation_bits") <= 8 ? DTYPE_INT8 : DTYPE_BF16;
}

static bool format_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	(void)err;
	if (g->training)               /* masters stay in 16 bits */
		return true;
	for (size_t i = 0; i < g->graph->count; i++) {
		struct node *n = &g->graph->nodes[i];

		if (!node_is_linear(n))
			continue;
		n->op.dtype = arithmetic(use);
		n->op.stored_bytes = stored_bytes(use);
		n->op.unpack_ops = technique_number(use, "unpack_ops");
	}
	return true;
}

static bool format_memory(const struct technique_use *use, struct memory_change *m, struct err *err)
{
	(void)err;
	m->terms->linear_bytes = stored_bytes(use);
	return true;
}

const struct technique_ops technique_weight_format = {
	.name = "weight-format", .help = "weights of few bits, packed; integer or 16-bit arithmetic",
	.params = "bits activation_bits unpack_ops", .operators = format_operators, .memory = format_memory,
};
