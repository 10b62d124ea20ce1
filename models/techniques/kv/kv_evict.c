/* models/techniques/kv/kv_evict.c -- only part of the tokens stays in the cache: those that attention found heavy, and the
 * most recent. Decode reads and memory holds that part; prompts are computed in full and pay for the scores. */
#include <math.h>

#include "base/str.h"
#include "hardware/fitted.h"
#include "models/technique.h"

static const double STREAM_SHARE = 0.8;        /* of bandwidth: typical of streams on GPUs (hardware/roofline.c) */

/* Share of a sequence's tokens that stay; a budget in tokens takes its place when given. */
static double kept_share(const struct technique_use *use)
{
	return fmin(technique_number(use, "heavy_ratio") + technique_number(use, "recent_ratio"), 1);
}

static int64_t budget(const struct technique_use *use)
{
	return (int64_t)technique_number_or(use, "budget", 0);
}

/* A cache with holes cannot serve another prompt. */
static bool evict_schedule(const struct technique_use *use, struct policy_change *p, struct err *err)
{
	(void)use;
	(void)err;
	p->prefix_caching = 2;
	return true;
}

/* One accumulated score a head and kept token, in 32 bits: read, added to, written, and searched for the least. As an
 * attention of width 1 over the scores, so that it grows with the tokens kept; but it is no attention kernel whose tables hold: a
 * stream at the end of one, without a launch of its own. */
static bool add_scores(struct graph_change *g, const struct node *attention, struct err *err)
{
	struct node *n = graph_change_add(g, "evict_scores", OP_ATTENTION_DECODE, DTYPE_FP32, PER_DECODE_CONTEXT, err);
	struct fit *stream = arena_alloc(g->arena, sizeof(*stream));

	if (!n || !stream)
		return n ? err_memory(err) : false;
	*stream = (struct fit){ .op = OP_ATTENTION_DECODE, .compute = 1, .memory = STREAM_SHARE, .overlap = 1, .rel_error = 0.15 };
	n->op.law = stream;
	n->op.heads = n->op.kv_heads = attention->op.heads;
	n->op.head_dim = 2;
	n->op.v_head_dim = 1;
	n->op.kv_dtype = DTYPE_FP32;
	n->op.window = attention->op.window;
	n->op.kv_len = attention->op.kv_len;
	n->window_class = attention->window_class;
	n->count = attention->count;
	n->per_unit = attention->per_unit;
	return true;
}

/* Fused attention does not leave column sums behind: the products of queries and keys are formed once more. */
static bool add_column_sums(struct graph_change *g, const struct node *prefill, struct err *err)
{
	struct node *n = graph_change_add(g, "evict_column_sums", prefill->op.kind, prefill->op.dtype, PER_PREFILL_CHUNK, err);

	if (!n)
		return false;
	n->op = prefill->op;
	n->op.v_head_dim = 1;
	n->count = prefill->count;
	n->per_unit = prefill->per_unit;
	return true;
}

static bool keep_part(const struct technique_use *use, struct graph_change *g, size_t i, struct err *err)
{
	struct node *n = &g->graph->nodes[i];
	int64_t most = budget(use);
	int window;

	if (most == 0) {
		n->op.kv_len = (n->op.kv_len > 0 ? n->op.kv_len : 1) * kept_share(use);
		return true;
	}
	if (n->op.window > 0 && n->op.window <= most)
		return true;
	window = graph_change_window(g, most, err);
	if (window < 0)
		return false;
	n = &g->graph->nodes[i];
	n->window_class = window;
	n->op.window = most;
	return true;
}

static bool evict_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	bool scored = text_equal(technique_word(use, "scores"), "accumulated");
	size_t count = g->graph->count;

	if (g->training)
		return true;
	for (size_t i = 0; i < count; i++) {
		bool decode = node_is_decode_attention(&g->graph->nodes[i]) || text_equal(g->graph->nodes[i].label, "residual_decode");
		bool prefill = node_is_prefill_attention(&g->graph->nodes[i]);

		if (decode && !text_equal(g->graph->nodes[i].label, "residual_decode") && !keep_part(use, g, i, err))
			return false;
		if (decode && scored && !text_equal(g->graph->nodes[i].label, "residual_decode")) {
			struct node n = g->graph->nodes[i];

			if (!add_scores(g, &n, err))
				return false;
		}
		if (prefill && scored) {
			struct node n = g->graph->nodes[i];

			if (!add_column_sums(g, &n, err))
				return false;
		}
	}
	return true;
}

static bool evict_memory(const struct technique_use *use, struct memory_change *m, struct err *err)
{
	struct memory_terms *t = m->terms;
	double heads = ceil((double)m->model->attention.heads / (double)m->place->tp);
	double layers = (double)m->model->shape.layers / (double)m->place->pp, share = kept_share(use);

	(void)err;
	if (budget(use) > 0)
		t->kv_most_tokens = budget(use);
	else
		t->kv_share *= share;
	if (text_equal(technique_word(use, "scores"), "accumulated"))
		t->token_bytes += 4 * heads * layers * (budget(use) > 0 ? 1 : share);
	return true;
}

static bool evict_model(const struct technique_use *use, struct model_change *change, struct err *err)
{
	return model_change_needs_cache(change, use->technique->id, false, err);
}

const struct technique_ops technique_kv_evict = {
	.name = "kv-evict", .help = "part of the tokens stays in the cache: by accumulated score, and the most recent",
	.params = "heavy_ratio recent_ratio scores", .model = evict_model, .schedule = evict_schedule, .operators = evict_operators, .memory = evict_memory,
};
