#include "models/technique_data.h"

#include <string.h>

#include "base/str.h"

bool hardware_change_replace(struct hardware_change *hw, const char *device, const char *system, struct err *err)
{
	const struct system *s = NULL;
	const struct device *d = device_load_usable(device, hw->arena, err);

	if (!d)
		return false;
	s = system ? system_load(system, hw->arena, err) : system_for_device(d, hw->arena, err);
	if (!s)
		return false;
	*hw->system = *s;
	*hw->device = *s->device;
	hw->system->device = hw->device;
	hw->replaced = true;
	return true;
}

bool model_change_needs_cache(const struct model_change *change, const char *id, bool not_latent, struct err *err)
{
	const struct model *m = change->model;

	if (!strpbrk(m->mixer_of, "AWST"))
		return err_set(err, ERR_INPUT, "--with %s: %s has no attention layers, so that there is no cache of keys and values", id, m->name);
	if (not_latent && m->attention.kv_lora_rank > 0)
		return err_set(err, ERR_INPUT, "--with %s: %s has latent attention: expected heads with keys and values of their own", id, m->name);
	return true;
}

struct node *graph_change_add(struct graph_change *g, const char *label, enum op_kind kind, enum dtype dtype, enum node_scale scale,
			      struct err *err)
{
	struct graph *out = g->graph;
	struct node *n;

	if (out->count >= g->capacity) {
		size_t wanted = 2 * out->count + 16;
		struct node *grown = arena_alloc(g->arena, wanted * sizeof(*grown));

		if (!grown) {
			err_memory(err);
			return NULL;
		}
		if (out->count)
			memcpy(grown, out->nodes, out->count * sizeof(*grown));
		out->nodes = grown;
		g->capacity = wanted;
	}
	n = &out->nodes[out->count++];
	*n = (struct node){ .label = label, .op = { .kind = kind, .dtype = dtype }, .scale = scale, .count = 1, .per_unit = 1 };
	return n;
}

int graph_change_window(struct graph_change *g, int64_t window, struct err *err)
{
	struct graph *out = g->graph;
	int at = 0;

	for (int i = 0; i < out->window_count; i++)
		if (out->windows[i] == window)
			return i;
	if (out->window_count == GRAPH_WINDOWS) {
		err_set(err, ERR_INPUT, "%s: more than %d different attention windows", g->model->name, GRAPH_WINDOWS - 1);
		return -1;
	}
	for (at = out->window_count++; at > 1 && out->windows[at - 1] > window; at--)
		out->windows[at] = out->windows[at - 1];
	out->windows[at] = window;
	for (size_t i = 0; i < out->count; i++)
		if (out->nodes[i].scale == PER_DECODE_CONTEXT && out->nodes[i].window_class >= at)
			out->nodes[i].window_class++;
	return at;
}

bool node_is_decode_attention(const struct node *n)
{
	return n->scale == PER_DECODE_CONTEXT && (n->op.kind == OP_ATTENTION_DECODE || n->op.kind == OP_MLA_DECODE) &&
	       text_starts(n->label, "attn") ;
}

bool node_is_prefill_attention(const struct node *n)
{
	return n->scale == PER_PREFILL_CHUNK && (n->op.kind == OP_ATTENTION_PREFILL || n->op.kind == OP_MLA_PREFILL) &&
	       text_starts(n->label, "attn");
}

bool node_is_linear(const struct node *n)
{
	static const char *const others[] = { "lm_head", "router", "shared_gate", "project_in", "project_out" };

	if (n->op.kind != OP_GEMM && n->op.kind != OP_MOE)
		return false;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (text_equal(n->label, others[i]))
			return false;
	return !text_starts(n->label, "index_") && !text_starts(n->label, "draft_");
}

double acceptance_tokens(const struct acceptance *a)
{
	double sum = 1;

	for (int i = 0; i < a->depth; i++)
		sum += a->survival[i];
	return sum;
}

void training_change_init(struct training_change *t, const struct model *model)
{
	*t = (struct training_change){ .model = model, .trainable = 1 };
}

void convergence_change_init(struct convergence_change *c, const struct model *model, double tokens)
{
	struct model_counts counts;

	model_parameters(model, &counts);
	*c = (struct convergence_change){ .tokens = tokens, .tokens_factor = 1, .parameters = counts.total,
					  .active_parameters = counts.active, .parameters_factor = 1 };
}
