/* models/techniques/kv/compressive_memory.c -- attention inside a segment, and a matrix per head that remembers what came
 * before. Cache and work a token are bounded; the memory is read each token, and updated. */
#include <math.h>

#include "base/str.h"
#include "models/technique.h"

/* Elements of one layer's memory on this rank: a d x d matrix and a normaliser a head. */
static double memory_elements(double heads, double d)
{
	return heads * (d * d + d);
}

static bool compressive_schedule(const struct technique_use *use, struct policy_change *p, struct err *err)
{
	(void)use;
	(void)err;
	p->prefix_caching = 2;         /* a memory is not a prefix of blocks */
	return true;
}

/* Read sigma(Q) M / (sigma(Q) z) and update sigma(K)' V: 2 d^2 each a head and token; the delta rule retrieves once more. */
static bool add_memory(const struct technique_use *use, struct graph_change *g, const struct node *attention, struct err *err)
{
	double heads = (double)attention->op.heads, d = (double)attention->op.head_dim, segment = technique_number(use, "segment");
	double flops = heads * d * d * (text_equal(technique_word(use, "delta"), "yes") ? 6 : 4);
	double bytes = memory_elements(heads, d) * technique_number(use, "memory_bytes");
	static const struct { const char *label; enum node_scale scale; } parts[] = {
		{ "memory_prefill", PER_PREFILL_TOKENS }, { "memory_decode", PER_DECODES },
	};

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		struct node *n = graph_change_add(g, parts[i].label, OP_SCAN, attention->op.dtype, parts[i].scale, err);

		if (!n)
			return false;
		n->op.n = (int64_t)flops;
		n->op.k = (int64_t)(4 * heads * d);
		/* A scan moves its state in and out; decode writes it once a segment only. */
		n->op.bytes = parts[i].scale == PER_DECODES ? bytes * (1 + 1 / segment) / 2 : bytes;
		n->count = attention->count;
		n->per_unit = attention->per_unit;
	}
	return true;
}

/* A position inside a segment attends to half of the segment on average. */
static bool compressive_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	int64_t half = (int64_t)fmax(technique_number(use, "segment") / 2, 1);
	size_t count = g->graph->count;

	for (size_t i = 0; i < count; i++) {
		struct node *n = &g->graph->nodes[i];
		struct node copy = *n;
		int window;

		if (node_is_prefill_attention(n))
			n->op.window = half;
		if (!node_is_decode_attention(n))
			continue;
		window = graph_change_window(g, half, err);
		if (window < 0)
			return false;
		n = &g->graph->nodes[i];
		n->window_class = window;
		n->op.window = half;
		if (!add_memory(use, g, &copy, err))
			return false;
	}
	return true;
}

static bool compressive_memory(const struct technique_use *use, struct memory_change *m, struct err *err)
{
	double heads = ceil((double)m->model->attention.heads / (double)m->place->tp), layers = 0;

	(void)err;
	for (int64_t i = 0; i < m->model->shape.layers; i++) {
		struct layer l;

		model_layer(m->model, i, &l);
		layers += l.mixer == MIXER_ATTENTION;
	}
	m->terms->kv_most_tokens = (int64_t)technique_number(use, "segment");
	m->terms->seq_bytes += ceil(layers / (double)m->place->pp) * memory_elements(heads, (double)m->model->attention.head_dim) *
			       technique_number(use, "memory_bytes");
	return true;
}

static bool compressive_model(const struct technique_use *use, struct model_change *change, struct err *err)
{
	return model_change_needs_cache(change, use->technique->id, true, err);
}

const struct technique_ops technique_compressive_memory = {
	.name = "compressive-memory", .help = "attention in segments with a matrix memory a head",
	.params = "segment delta memory_bytes", .model = compressive_model, .schedule = compressive_schedule, .operators = compressive_operators,
	.memory = compressive_memory,
};
