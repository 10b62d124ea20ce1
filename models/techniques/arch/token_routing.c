/* models/techniques/arch/token_routing.c -- in every n-th block only a share of the tokens goes through attention and MLP,
 * the rest pass by on the residual. Products see fewer tokens, attention fewer queries and keys, the cache fewer rows;
 * weights are read whenever any token of the batch enters. */
#include <math.h>

#include "base/str.h"
#include "models/technique.h"

static bool outside_layers(const struct node *n)
{
	static const char *const labels[] = { "embedding", "embedding_all_reduce", "project_in", "position_add", "embedding_norm",
					      "final_norm", "project_out", "lm_head", "logits_all_gather", "sampling", "send_recv" };

	for (size_t i = 0; i < COUNT_OF(labels); i++)
		if (text_equal(n->label, labels[i]))
			return true;
	return text_starts(n->label, "draft_");
}

/* The routed twin of a node: a share c of the tokens; attention c of the queries times c of the keys. */
static void route(struct node *n, double c)
{
	switch (n->scale) {
	case PER_TOKENS:
	case PER_EXPERT_TOKENS:
		n->per_unit *= c;
		n->enters = c;
		break;
	case PER_PREFILL_TOKENS:
	case PER_DECODES:
		n->per_unit *= c;
		break;
	case PER_PREFILL_CHUNK:
		n->count *= c * c;
		break;
	case PER_DECODE_CONTEXT:
		n->per_unit *= c;
		n->op.kv_len = (n->op.kv_len > 0 ? n->op.kv_len : 1) * c;
		break;
	default:
		break;
	}
}

/* A score a token, and moving the chosen rows out and back. */
static bool add_router(struct graph_change *g, double layers, struct err *err)
{
	double share = 1 / (double)(g->place->dp_attention * g->place->cp);
	struct node *n = graph_change_add(g, "route_score", OP_GEMM, g->place->activations, PER_TOKENS, err);

	if (!n)
		return false;
	n->op.k = g->model->shape.hidden;
	n->op.n = 1;
	n->count = layers;
	n->per_unit = share;
	n = graph_change_add(g, "route_gather", OP_COPY, g->place->activations, PER_TOKENS, err);
	if (!n)
		return false;
	n->op.n = g->model->shape.hidden;
	n->count = 2 * layers;
	n->per_unit = share;
	return true;
}

static bool routing_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	double c = technique_number(use, "capacity"), routed = 1 / technique_number(use, "every");
	size_t count = g->graph->count;

	if (c >= 1)
		return true;           /* every token enters: the dense model */
	for (size_t i = 0; i < count; i++) {
		struct node *n = &g->graph->nodes[i], twin = *n, *added;

		if (outside_layers(n))
			continue;
		n->count *= 1 - routed;
		added = graph_change_add(g, twin.label, twin.op.kind, twin.op.dtype, twin.scale, err);
		if (!added)
			return false;
		*added = twin;
		added->count *= routed;
		route(added, c);
	}
	return add_router(g, (double)g->graph->layers * routed, err);
}

static bool routing_memory(const struct technique_use *use, struct memory_change *m, struct err *err)
{
	(void)err;
	m->terms->kv_share *= 1 - (1 - technique_number(use, "capacity")) / technique_number(use, "every");
	return true;
}

const struct technique_ops technique_token_routing = {
	.name = "token-routing", .help = "in every n-th block only a share of the tokens is computed",
	.params = "capacity every", .operators = routing_operators, .memory = routing_memory,
};
