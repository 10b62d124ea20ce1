/* models/techniques/kv/kv_quantize.c -- the cache in few bits, with scales by group and a window of recent tokens in full
 * precision. Decode reads packed elements and unpacks them; prefill attends in full precision and pays for a pass that
 * quantises; nothing else gets faster. */
#include <math.h>

#include "base/str.h"
#include "models/technique.h"

/* Bytes of one packed element: mean bits of keys and values, and a scale and minimum a group. */
static double packed_bytes(const struct technique_use *use)
{
	double bits = technique_number(use, "bits"), k = technique_number_or(use, "k_bits", 0), v = technique_number_or(use, "v_bits", 0);
	double mean = ((k > 0 ? k : bits) + (v > 0 ? v : bits)) / 2;

	return (mean + technique_number(use, "scale_bits") / technique_number(use, "group")) / 8;
}

static double plain_bytes(const struct placement *p)
{
	return dtype_bytes(p->kv == DTYPE_NONE ? p->activations : p->kv);
}

static bool refuse_wider(const struct technique_use *use, const struct placement *p, struct err *err)
{
	if (packed_bytes(use) < plain_bytes(p))
		return true;
	return err_set(err, ERR_INPUT, "--with %s: %.3g bits an element with its scales is not less than the cache's %.3g", use->technique->id,
		       8 * packed_bytes(use), 8 * plain_bytes(p));
}

/* Groups of keys lie along the tokens: a block holds whole groups. */
static bool quantize_schedule(const struct technique_use *use, struct policy_change *p, struct err *err)
{
	int64_t group = (int64_t)technique_number(use, "group");

	(void)err;
	if (text_equal(technique_word(use, "key_groups"), "channel") && group > p->block_tokens && group > 16)
		p->block_tokens = group;
	return true;
}

/* The most recent tokens are read in full precision by a kernel of their own: the part that packing does not save. Keys
 * are flushed a whole group at a time (on average half of the residual is there), values token by token (all of it). */
static bool add_residual(const struct technique_use *use, struct graph_change *g, const struct node *attention, struct err *err)
{
	double residual = 0.75 * technique_number(use, "residual");
	int window = residual >= 1 ? graph_change_window(g, (int64_t)residual, err) : 0;
	struct node *n;

	if (residual < 1)
		return true;
	if (window < 0)
		return false;
	n = graph_change_add(g, "residual_decode", attention->op.kind, attention->op.dtype, PER_DECODE_CONTEXT, err);
	if (!n)
		return false;
	n->op = attention->op;
	n->op.window = (int64_t)residual;
	n->op.stored_bytes = plain_bytes(g->place) - packed_bytes(use);
	n->op.unpack_ops = 0;
	n->window_class = window;
	n->count = attention->count;
	n->per_unit = attention->per_unit;
	return true;
}

/* New keys and values leave the residual packed: read in full precision, written packed. */
static bool add_quantize(const struct technique_use *use, struct graph_change *g, const struct node *append, struct err *err)
{
	bool eight = technique_number(use, "bits") > 4;
	struct node *n = graph_change_add(g, "kv_quantize", OP_QUANTIZE, eight ? DTYPE_INT8 : DTYPE_INT4, PER_TOKENS, err);

	if (!n)
		return false;
	n->op.n = append->op.n;
	n->count = append->count;
	n->per_unit = append->per_unit;
	return true;
}

static bool quantize_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	size_t count = g->graph->count;

	if (g->training)
		return true;
	if (!refuse_wider(use, g->place, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct node n = g->graph->nodes[i];

		if (text_equal(n.label, "kv_append") && !add_quantize(use, g, &n, err))
			return false;
		if (!node_is_decode_attention(&n))
			continue;
		if (!add_residual(use, g, &n, err))
			return false;
		g->graph->nodes[i].op.stored_bytes = packed_bytes(use);
		g->graph->nodes[i].op.unpack_ops = technique_number(use, "unpack_ops");
	}
	return true;
}

static bool quantize_memory(const struct technique_use *use, struct memory_change *m, struct err *err)
{
	if (!refuse_wider(use, m->place, err))
		return false;
	m->terms->kv_bytes = packed_bytes(use);
	m->terms->seq_bytes += technique_number(use, "residual") * memory_row_elements(m->model, m->place) *
			       (plain_bytes(m->place) - packed_bytes(use));
	return true;
}

static bool quantize_model(const struct technique_use *use, struct model_change *change, struct err *err)
{
	return model_change_needs_cache(change, use->technique->id, false, err);
}

const struct technique_ops technique_kv_quantize = {
	.name = "kv-quantize", .help = "cache in few bits with scales by group and a full-precision window",
	.params = "bits group scale_bits residual unpack_ops key_groups", .model = quantize_model, .schedule = quantize_schedule, .operators = quantize_operators,
	.memory = quantize_memory,
};
