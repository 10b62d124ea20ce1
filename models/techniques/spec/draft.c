/* models/techniques/spec/draft.c -- speculative decoding: something cheap drafts tokens, one pass of the model verifies
 * them all. A pass yields 1 + the sum of the survival probabilities; it costs the draft's own operators and a verification
 * over so many tokens a sequence, which is free only while weights and cache, not arithmetic, bound the pass. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "models/prediction.h"
#include "models/technique.h"

static int depth_of(const struct technique_use *use)
{
	return (int)technique_number(use, "depth");
}

/* Nodes of the tree that verification runs; a chain has one a level. */
static double nodes_of(const struct technique_use *use)
{
	double nodes = technique_number(use, "tree_nodes");

	return nodes > 0 ? fmax(nodes, depth_of(use)) : depth_of(use);
}

/* The i-th of "0.79/0.74/0.72": probability that the draft's token of that depth is right when those before it were. The
 * last one holds for all deeper levels. */
static bool acceptance_at(const struct technique_use *use, int i, double *out, struct err *err)
{
	const char *p = technique_word(use, "acceptance"), *next;
	char word[32];
	size_t n;

	for (; i > 0 && (next = strchr(p, '/')); i--)
		p = next + 1;
	n = strcspn(p, "/");
	snprintf(word, sizeof(word), "%.*s", (int)n, p);
	if (n >= sizeof(word) || !text_to_double(word, out) || *out < 0 || *out > 1)
		return err_set(err, ERR_INPUT, "--with %s: acceptance=%s: expected probabilities joined by '/', such as 0.8/0.75", use->technique->id,
			       technique_word(use, "acceptance"));
	return true;
}

/* A tree tries several candidates a level: each further one catches a share `rank_catch` of what those before it missed. */
static bool draft_acceptance(const struct technique_use *use, struct acceptance *a, struct err *err)
{
	double survived = 1, width = nodes_of(use) / depth_of(use), branch = technique_number(use, "branch");
	double missed = pow(1 - technique_number(use, "rank_catch"), fmax(fmin(width, branch) - 1, 0));

	a->depth = depth_of(use) < DRAFT_DEPTH_MOST ? depth_of(use) : DRAFT_DEPTH_MOST;
	for (int i = 0; i < a->depth; i++) {
		double p;

		if (!acceptance_at(use, i, &p, err))
			return false;
		survived *= 1 - (1 - p) * missed;
		a->survival[i] = survived;
	}
	a->verified = (int64_t)llround(nodes_of(use)) + 1;
	a->lookahead = a->verified;
	a->host_round_s = technique_number(use, "host_round_us") * 1e-6;
	a->host_seq_s = technique_number(use, "host_seq_us") * 1e-6;
	a->host_waits = text_equal(technique_word(use, "host"), "waits");
	return true;
}

struct drafting {
	struct graph_change *g;
	struct err *err;
	double passes, width;          /* sequential passes, tokens of a sequence in each */
	double caught_up;              /* tokens of a sequence that the first one goes through: those that the last round has yielded */
	int64_t tp;
	enum dtype dtype;
};

static int64_t part(const struct drafting *d, int64_t units)
{
	return (units + d->tp - 1) / d->tp;
}

static bool product(const struct drafting *d, const char *label, enum node_scale scale, double count, double per_unit, int64_t k, int64_t n)
{
	struct node *node = graph_change_add(d->g, label, OP_GEMM, d->dtype, scale, d->err);

	if (!node)
		return false;
	node->op.k = k;
	node->op.n = n;
	node->count = count;
	node->per_unit = per_unit / (double)(d->g->place->dp_attention * d->g->place->cp);
	return true;
}

static bool reduce(const struct drafting *d, enum node_scale scale, double count, double tokens)
{
	struct node *node;

	if (d->tp < 2)
		return true;
	node = graph_change_add(d->g, "draft_all_reduce", OP_ALL_REDUCE, d->g->place->activations, scale, d->err);
	if (!node)
		return false;
	node->op.devices = (int)d->tp;
	node->op.devices_per_node = d->g->place->devices_per_node > 0 && d->g->place->devices_per_node < d->tp ? d->g->place->devices_per_node : 0;
	node->count = count;
	node->per_unit = tokens * (double)d->g->model->shape.hidden * dtype_bytes(d->g->place->activations);
	return true;
}

/* One decoder layer whose attention reads token embedding and feature side by side (2 h wide). */
static bool layer_products(const struct drafting *d, enum node_scale scale, double count, double tokens, int64_t in)
{
	const struct model *m = d->g->model;
	const struct model_attention *a = &m->attention;
	int64_t h = m->shape.hidden, dim = a->head_dim, q = part(d, a->heads) * dim, kv = part(d, a->kv_heads) * dim;
	int64_t ffn = part(d, m->mlp.intermediate > 0 ? m->mlp.intermediate : 4 * h);

	return product(d, "draft_qkv_proj", scale, count, tokens, in, q + 2 * kv) && product(d, "draft_o_proj", scale, count, tokens, q, h) &&
	       product(d, "draft_gate_up_proj", scale, count, tokens, h, ffn * (m->mlp.gated ? 2 : 1)) &&
	       product(d, "draft_down_proj", scale, count, tokens, ffn, h) && reduce(d, scale, 2 * count, tokens);
}

static bool layer_attention(const struct drafting *d)
{
	const struct model_attention *a = &d->g->model->attention;
	struct op shape = { .dtype = d->g->place->activations, .kv_dtype = d->g->place->kv, .heads = part(d, a->heads),
			    .kv_heads = part(d, a->kv_heads), .head_dim = a->head_dim, .kv_len = 1 / (double)d->g->place->cp };
	struct node *n = graph_change_add(d->g, "draft_attn_decode", OP_ATTENTION_DECODE, shape.dtype, PER_DECODE_CONTEXT, d->err);

	if (!n)
		return false;
	shape.kind = OP_ATTENTION_DECODE;
	shape.q_len = (int64_t)ceil(d->width);
	n->op = shape;
	n->count = d->passes;
	n->per_unit = 1 / (double)d->g->place->dp_attention;
	n = graph_change_add(d->g, "draft_attn_prefill", OP_ATTENTION_PREFILL, shape.dtype, PER_PREFILL_CHUNK, d->err);
	if (!n)
		return false;
	shape.kind = OP_ATTENTION_PREFILL;
	shape.q_len = 0;
	n->op = shape;
	n->count = 1 / (double)d->g->place->dp_attention;
	n->per_unit = 1 / (double)d->g->place->cp;
	return true;
}

static int64_t draft_vocab(const struct technique_use *use, const struct model *m)
{
	int64_t v = (int64_t)technique_number(use, "draft_vocab");

	return v > 0 && v < m->shape.vocab ? v : m->shape.vocab;
}

/* A one-layer head that feeds on features of the target, fused token by token where the target has been: the first pass of a round
 * follows the tokens that the last one has yielded, the others go on a level each. Prompts go through it, too. */
static bool draft_layer(const struct technique_use *use, const struct drafting *d)
{
	const struct model *m = d->g->model;
	int64_t h = m->shape.hidden, fused = (int64_t)technique_number(use, "fused_features");

	return (fused < 2 || (product(d, "draft_fuse", PER_DECODES, 1, d->caught_up, fused * h, h) &&
			      product(d, "draft_fuse", PER_PREFILL_TOKENS, 1, 1, fused * h, h))) &&
	       layer_products(d, PER_DECODES, 1, d->caught_up, 2 * h) &&
	       (d->passes < 2 || layer_products(d, PER_DECODES, d->passes - 1, d->width, 2 * h)) && layer_products(d, PER_PREFILL_TOKENS, 1, 1, 2 * h) &&
	       layer_attention(d) &&
	       product(d, "draft_lm_head", PER_DECODES, d->passes, d->width, h, part(d, draft_vocab(use, m)));
}

/* Heads that each guess one position from the last hidden state, in one pass: a residual product and a vocabulary each. */
static bool draft_heads(const struct technique_use *use, const struct drafting *d)
{
	const struct model *m = d->g->model;
	double heads = depth_of(use);

	return product(d, "draft_head_block", PER_DECODES, heads, 1, m->shape.hidden, m->shape.hidden) &&
	       product(d, "draft_head_vocab", PER_DECODES, heads, 1, m->shape.hidden, part(d, draft_vocab(use, m)));
}

/* A smaller model of its own: its whole graph once a pass, and over every prompt. */
static bool draft_model(const struct technique_use *use, const struct drafting *d)
{
	const struct model *m = model_load(technique_word(use, "draft_model"), d->g->arena, d->err);
	struct placement place = { .tp = d->tp, .devices_per_node = d->g->place->devices_per_node };
	struct graph small;

	if (!m)
		return false;
	if (place.tp > m->attention.heads)
		place.tp = m->attention.heads;
	if (!graph_build(m, &place, NULL, 0, &small, d->g->arena, d->err))
		return false;
	for (size_t i = 0; i < small.count; i++) {
		const struct node *from = &small.nodes[i];
		const char *label = arena_printf(d->g->arena, "draft_%s", from->label);
		bool tokens = from->scale == PER_TOKENS, logits = from->scale == PER_LOGITS;
		int window = from->scale == PER_DECODE_CONTEXT ? graph_change_window(d->g, from->op.window, d->err) : 0;
		struct node *n = label ? graph_change_add(d->g, label, from->op.kind, from->op.dtype, tokens || logits ? PER_DECODES : from->scale, d->err)
				       : NULL;
		struct node *p;

		if (!n || window < 0)
			return label ? false : err_memory(d->err);
		n->op = from->op;
		n->per_unit = from->per_unit;
		n->overlap = from->overlap;
		n->window_class = window;
		n->count = from->count * (n->scale == PER_DECODES || n->scale == PER_DECODE_CONTEXT ? d->passes : 1);
		if (!tokens)
			continue;
		p = graph_change_add(d->g, label, from->op.kind, from->op.dtype, PER_PREFILL_TOKENS, d->err);
		if (!p)
			return false;
		p->op = from->op;
		p->per_unit = from->per_unit;
		p->overlap = from->overlap;
		p->count = from->count;
	}
	return true;
}

/* The node once more, under its own label, over `times` of its rows. */
static bool again(const struct drafting *d, const struct node *from, enum node_scale scale, double count, double times)
{
	const char *label = arena_printf(d->g->arena, "draft_%s", from->label);
	int window = from->scale == PER_DECODE_CONTEXT ? graph_change_window(d->g, from->op.window, d->err) : 0;
	struct node *n = label && window >= 0 ? graph_change_add(d->g, label, from->op.kind, from->op.dtype, scale, d->err) : NULL;

	if (!n)
		return label ? false : err_memory(d->err);
	n->op = from->op;
	n->per_unit = from->per_unit * times;
	n->least = from->least;
	n->overlap = from->overlap;
	n->wait_s = from->wait_s;
	n->beside = from->beside;
	n->window_class = window;
	n->count = from->count * count;
	if (scale == PER_DECODE_CONTEXT) {
		n->per_unit = from->per_unit;
		n->op.q_len = (int64_t)times;
	}
	return true;
}

/* One operator of a module's layer: in its first pass over `all` tokens of a sequence, in the others over one, and over prompts. */
static bool module_node(const struct drafting *d, const struct node *n, double all)
{
	double more = d->passes - 1;

	switch (n->scale) {
	case PER_TOKENS:
	case PER_EXPERT_TOKENS:
		return again(d, n, PER_DECODES, 1, all) && (more < 1 || again(d, n, PER_DECODES, more, 1)) && again(d, n, PER_PREFILL_TOKENS, 1, 1);
	case PER_DECODES:
	case PER_DECODE_CONTEXT:
		return again(d, n, n->scale, 1, all) && (more < 1 || again(d, n, n->scale, more, 1));
	case PER_LOGITS:
		return n->op.kind != OP_GEMM || again(d, n, PER_DECODES, d->passes, 1);
	default:
		return again(d, n, n->scale, 1, 1);
	}
}

/* NVIDIA's 4-bit checkpoints leave the module as it was trained, in 16 bits ("unquantized": modeling_deepseekv3.py of TensorRT-LLM). */
static enum dtype module_format(enum dtype format)
{
	return format == DTYPE_FP4 ? DTYPE_BF16 : format;
}

/*
 * The model's own module of multi-token prediction (models/prediction.h): a layer like its last, with a cache of its own, and the model's
 * head; one module drafts all tokens. Its first pass goes through all tokens that the target has verified, accepted or not, so that
 * shapes of a captured graph stay (TensorRT-LLM, _torch/speculative/mtp.py, MTPEagleWorker); each further one through one a sequence.
 */
static bool draft_module(const struct technique_use *use, const struct drafting *d)
{
	const struct placement *p = d->g->place;
	struct placement place = *p;
	struct model *m = arena_alloc(d->g->arena, sizeof(*m));
	double verified = depth_of(use) + 1;
	int64_t h = d->g->model->shape.hidden;
	struct graph g;

	if (!m)
		return err_memory(d->err);
	prediction_model(d->g->model, m);
	place.pp = 1;
	place.weights = module_format(p->weights), place.experts = module_format(p->experts), place.attention = module_format(p->attention);
	if (!graph_build(m, &place, d->g->stack, 0, &g, d->g->arena, d->err))
		return false;
	for (size_t i = 0; i < g.count; i++)
		if (!text_starts(g.nodes[i].label, "embedding") && !module_node(d, &g.nodes[i], verified))
			return false;
	return product(d, "draft_project", PER_DECODES, 1, verified, 2 * h, part(d, h)) &&
	       (d->passes < 2 || product(d, "draft_project", PER_DECODES, d->passes - 1, 1, 2 * h, part(d, h))) &&
	       product(d, "draft_project", PER_PREFILL_TOKENS, 1, 1, 2 * h, part(d, h));
}

static bool last_stage(const struct graph_change *g)
{
	return g->stage == (int)g->place->pp - 1;
}

/* The target reads its cache once for all tokens of a sequence; recurrent state is passed by each of them in turn. */
static void verify(struct graph *g, int64_t tokens)
{
	for (size_t i = 0; i < g->count; i++) {
		struct node *n = &g->nodes[i];

		if (text_starts(n->label, "draft_"))
			continue;
		if (n->scale == PER_DECODE_CONTEXT)
			n->op.q_len = tokens;
		else if (n->scale == PER_DECODES && n->op.kind == OP_SCAN) {
			n->op.n *= tokens;
			n->op.k *= tokens;
		}
	}
}

static bool draft_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	const char *kind = technique_word(use, "draft");
	double width = nodes_of(use) / depth_of(use) > 1 ? technique_number(use, "branch") : 1;
	struct drafting d = { .g = g, .err = err, .passes = depth_of(use), .width = width, .tp = g->place->tp, .dtype = g->place->activations };

	struct acceptance accepted;

	if (g->training)
		return true;
	if (!draft_acceptance(use, &accepted, err))
		return false;
	d.caught_up = acceptance_tokens(&accepted);
	verify(g->graph, (int64_t)llround(nodes_of(use)) + 1);
	if (!last_stage(g))
		return true;
	if (text_equal(kind, "layer"))
		return draft_layer(use, &d);
	if (text_equal(kind, "module"))
		return draft_module(use, &d);
	if (text_equal(kind, "heads"))
		return draft_heads(use, &d);
	return text_equal(kind, "none") || draft_model(use, &d);
}

/* Weights of the draft, in 16 bits but for the model's own module, and its cache. */
static bool draft_memory(const struct technique_use *use, struct memory_change *m, struct err *err)
{
	const char *kind = technique_word(use, "draft");
	const struct model *t = m->model;
	double h = (double)t->shape.hidden, tp = (double)m->place->tp, vocab = (double)draft_vocab(use, t);
	double dim = (double)t->attention.head_dim, q = (double)t->attention.heads * dim, kv = (double)t->attention.kv_heads * dim;
	double ffn = (double)(t->mlp.intermediate > 0 ? t->mlp.intermediate : 4 * t->shape.hidden);

	if (text_equal(kind, "layer")) {
		double fused = technique_number(use, "fused_features");

		m->terms->weight_bytes += 2 * ((2 * h * (q + 2 * kv) + q * h + (t->mlp.gated ? 3 : 2) * h * ffn + h * vocab) / tp +
					       (fused > 1 ? fused * h * h : 0));
		m->terms->token_bytes += 2 * kv * 2 / tp;
	} else if (text_equal(kind, "module")) {
		const struct placement *p = m->place;
		double own, multiplied, layers = (double)t->shape.layers;
		struct model_counts c;

		prediction_parameters(t, &own, &multiplied);
		model_parameters(t, &c);
		m->terms->weight_bytes += own * dtype_bytes(module_format(p->experts)) / (tp * (double)p->dp_attention);
		m->terms->token_bytes += (c.kv_full + c.kv_window) / layers * dtype_bytes(p->kv) / (t->attention.kv_lora_rank > 0 ? 1 : tp);
	} else if (text_equal(kind, "heads")) {
		m->terms->weight_bytes += 2 * depth_of(use) * (h * h + h * vocab / tp);
	} else if (text_equal(kind, "model")) {
		struct arena *arena = arena_new();
		const struct model *small = arena ? model_load(technique_word(use, "draft_model"), arena, err) : NULL;
		struct model_counts c;

		if (!small) {
			arena_free(arena);
			return arena ? false : err_memory(err);
		}
		model_parameters(small, &c);
		m->terms->weight_bytes += 2 * c.total / tp;
		m->terms->token_bytes += 2 * (c.kv_full + c.kv_window) / tp;
		arena_free(arena);
	}
	return true;
}

static bool draft_check(const struct technique_use *use, struct model_change *change, struct err *err)
{
	return !text_equal(technique_word(use, "draft"), "layer") || model_change_needs_cache(change, use->technique->id, false, err);
}

const struct technique_ops technique_draft = {
	.name = "draft", .help = "speculative decoding: survival of drafted tokens, cost of draft and verification",
	.params = "draft depth tree_nodes branch acceptance rank_catch draft_vocab fused_features draft_model host host_round_us host_seq_us",
	.model = draft_check, .acceptance = draft_acceptance, .operators = draft_operators, .memory = draft_memory,
};
