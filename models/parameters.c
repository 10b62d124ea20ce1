/* Parameter counts and cache sizes, read off the tensor list. */
#include "models/model.h"
#include "models/tensors.h"

/* In which field of the result a class is counted. */
static double *counter(struct model_counts *c, enum tensor_class class)
{
	switch (class) {
	case TENSOR_EMBEDDING:
		return &c->embedding;
	case TENSOR_HEAD:
		return &c->head;
	case TENSOR_ATTENTION:
		return &c->attention;
	case TENSOR_MLP:
		return &c->mlp;
	case TENSOR_ROUTER:
		return &c->router;
	case TENSOR_EXPERTS:
		return &c->experts;
	case TENSOR_SHARED:
		return &c->shared;
	case TENSOR_NORM:
		return &c->norms;
	case TENSOR_RECURRENT:
	case TENSOR_CLASS_COUNT:
		break;
	}
	return &c->recurrent;
}

static void add(const struct tensor *t, void *ctx)
{
	struct model_counts *c = ctx;
	double active = t->rows * t->cols * (t->copies > 1 ? t->active : 1);

	*counter(c, t->class) += tensor_elements(t);
	c->total += tensor_elements(t);
	c->active += active;
	/* An untied embedding and learned positions are looked up, not multiplied. */
	if (t->class != TENSOR_EMBEDDING || t->matrix)
		c->multiplied += active;
}

static void add_cache(const struct model *m, const struct layer *l, struct model_counts *c)
{
	double row, state, tail;

	switch (l->mixer) {
	case MIXER_MLA:
		row = (double)(m->attention.kv_lora_rank + m->attention.rope_dim);
		break;
	case MIXER_ATTENTION:
		row = (double)(l->kv_heads * (l->head_dim + l->v_head_dim));
		break;
	case MIXER_RECURRENT:
		recurrent_state(m, &state, &tail);
		c->state += state + tail;
		return;
	default:
		return;
	}
	if (l->index == INDEX_OWN)
		c->kv_index += (double)m->attention.index_dim;
	/* A sparse layer attends to few tokens but keeps them all. */
	if (l->window > 0 && l->index == INDEX_NONE)
		c->kv_window += row;
	else
		c->kv_full += row;
}

void model_parameters(const struct model *m, struct model_counts *out)
{
	*out = (struct model_counts){ 0 };
	embedding_tensors(m, add, out);
	for (int64_t i = 0; i < m->shape.layers; i++) {
		struct layer l;

		model_layer(m, i, &l);
		layer_tensors(m, &l, add, out);
		add_cache(m, &l, out);
	}
	head_tensors(m, add, out);
}
