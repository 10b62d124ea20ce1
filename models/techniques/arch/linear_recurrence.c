/* models/techniques/arch/linear_recurrence.c -- attention layers become recurrent ones: a matrix state a head, updated by a
 * rule. Decode reads and writes the state whatever the context; prefill works in chunks. The projections stay products of
 * the same width. */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "models/technique.h"

/* A head with keys of k and values of v, chunks of c tokens. FLOPs of one token: step by step, and in chunks (all
 * formulas: see the entries' sources). State elements beside those of the plain matrix memory k v + k + 1. */
struct rule {
	const char *name;
	double (*step_flops)(double k, double v, double c), (*chunk_flops)(double k, double v, double c), (*state)(double k, double v);
	double passes;                 /* of one copy of the state through memory a decoded token, in and out counting as one */
};

static double mlstm_step(double k, double v, double c) { (void)c; return 5 * k * v; }
static double mlstm_chunk(double k, double v, double c) { return 4 * k * v + 2 * c * (k + v); }
static double matrix_state(double k, double v) { return k * v + k + 1; }

/* TTT-Linear: reconstruct, gradient, update, read: three products of k v, dual form 6 d^2 + 4 b d (arXiv 2407.04620). */
static double ttt_step(double k, double v, double c) { (void)c; return 6 * k * v; }
static double ttt_chunk(double k, double v, double c) { return 6 * k * v + 4 * c * v; }
/* Within a mini-batch the model W stays and its gradient grows: one is read, the other read and written. */
static const double TTT_PASSES = 1.5;
static double ttt_state(double k, double v) { return k * v + v; }

/* TTT-MLP: two layers of width 4 d: 8 times the state, 56 d + 20 b a channel. */
static double ttt_mlp_step(double k, double v, double c) { (void)c; return 56 * k * v; }
static double ttt_mlp_chunk(double k, double v, double c) { return 56 * k * v + 20 * c * v; }
static double ttt_mlp_state(double k, double v) { return 8 * k * v + 5 * v; }

static double linear_step(double k, double v, double c) { (void)c; return 4 * k * v; }

static const struct rule rules[] = {
	{ "mlstm", mlstm_step, mlstm_chunk, matrix_state, 1 },
	{ "ttt-linear", ttt_step, ttt_chunk, ttt_state, TTT_PASSES },
	{ "ttt-mlp", ttt_mlp_step, ttt_mlp_chunk, ttt_mlp_state, TTT_PASSES },
	{ "linear-attention", linear_step, mlstm_chunk, matrix_state, 1 },
};

static const struct rule *rule_of(const struct technique_use *use)
{
	const char *name = technique_word(use, "rule");

	for (size_t i = 0; i < COUNT_OF(rules); i++)
		if (text_equal(rules[i].name, name))
			return &rules[i];
	return &rules[0];
}

/* Heads by number or by width; keys as a share of the values' width. */
static void shape(const struct technique_use *use, struct model *m)
{
	struct model_recurrent *r = &m->recurrent;
	double heads = technique_number(use, "heads"), dim = technique_number(use, "head_dim");

	if (heads <= 0)
		heads = fmax(1, floor((double)m->shape.hidden / dim));
	r->kind = RECURRENT_MLSTM;
	r->heads = (int64_t)heads;
	r->head_dim = m->shape.hidden / r->heads;
	r->key_dim = (int64_t)fmax(1, floor(technique_number(use, "key_share") * (double)r->head_dim));
	r->key_heads = r->heads;
	r->chunk = (int64_t)technique_number(use, "chunk");
	r->conv = (int64_t)technique_number_or(use, "conv", 0);
	r->state_bytes = technique_number(use, "state_bytes");
}

/* The first `share` of every so many attention layers: evenly over the depth. */
static bool recurrence_model(const struct technique_use *use, struct model_change *change, struct err *err)
{
	struct model *m = change->model;
	double share = technique_number(use, "layers_share"), taken = 0;
	bool any = false, recurrent = m->recurrent.kind != RECURRENT_NONE;

	for (int64_t i = 0; i < m->shape.layers; i++) {
		if (!strchr("AWST", m->mixer_of[i]))
			continue;
		taken += share;
		if (taken >= 1 - 1e-9) {
			taken -= 1;
			m->mixer_of[i] = 'R';
			any = true;
		}
	}
	if (any && recurrent)
		return err_set(err, ERR_INPUT, "--with %s: %s has recurrent layers of another kind already", use->technique->id, m->name);
	if (!any && !recurrent)
		return err_set(err, ERR_INPUT, "--with %s: %s has no attention layers to replace", use->technique->id, m->name);
	if (any)
		shape(use, m);
	else {                         /* the architecture itself: its own heads, the rule's numbers */
		m->recurrent.chunk = (int64_t)technique_number(use, "chunk");
		m->recurrent.state_bytes = technique_number(use, "state_bytes");
	}
	return true;
}

static double local_heads(const struct model *m, const struct placement *p)
{
	return ceil((double)m->recurrent.heads / (double)p->tp);
}

static bool recurrence_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	const struct model_recurrent *r = &g->model->recurrent;
	const struct rule *rule = rule_of(use);
	double h = local_heads(g->model, g->place), k = (double)(r->key_dim > 0 ? r->key_dim : r->head_dim), v = (double)r->head_dim;
	double c = (double)(r->chunk > 0 ? r->chunk : 64);

	(void)err;
	for (size_t i = 0; i < g->graph->count; i++) {
		struct node *n = &g->graph->nodes[i];

		if (n->op.kind != OP_SCAN || !text_starts(n->label, "scan_"))
			continue;
		n->op.n = (int64_t)(h * (n->scale == PER_DECODES ? rule->step_flops(k, v, c) : rule->chunk_flops(k, v, c)));
		n->op.bytes = h * rule->state(k, v) * r->state_bytes * (n->scale == PER_DECODES ? rule->passes : 1);
		/* Chunked prefill passes the state once a chunk, spread here over its tokens. */
		if (n->scale == PER_PREFILL_TOKENS)
			n->op.k += (int64_t)(2 * h * rule->state(k, v) * r->state_bytes / c / dtype_bytes(n->op.dtype));
	}
	return true;
}

/* What the rule keeps beyond the plain matrix memory that the model already accounts for. */
static bool recurrence_memory(const struct technique_use *use, struct memory_change *m, struct err *err)
{
	const struct model_recurrent *r = &m->model->recurrent;
	double k = (double)(r->key_dim > 0 ? r->key_dim : r->head_dim), v = (double)r->head_dim, layers = 0;
	double more = rule_of(use)->state(k, v) * technique_number_or(use, "state_copies", 1) - matrix_state(k, v);

	(void)err;
	for (int64_t i = 0; i < m->model->shape.layers; i++)
		layers += m->model->mixer_of[i] == 'R';
	m->terms->seq_bytes += fmax(more, 0) * local_heads(m->model, m->place) * r->state_bytes * ceil(layers / (double)m->place->pp);
	return true;
}

const struct technique_ops technique_linear_recurrence = {
	.name = "linear-recurrence", .help = "attention layers become recurrent ones with a matrix state a head",
	.params = "rule layers_share heads head_dim key_share chunk state_bytes", .model = recurrence_model,
	.operators = recurrence_operators, .memory = recurrence_memory,
};
