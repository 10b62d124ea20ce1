#include "models/prediction.h"

void prediction_model(const struct model *m, struct model *out)
{
	*out = *m;
	out->shape.layers = 1;
	out->mixer_of = m->mixer_of + m->shape.layers - 1, out->ffn_of = m->ffn_of + m->shape.layers - 1;
	out->overrides = NULL, out->override_count = 0;
}

void prediction_tensors(const struct model *m, tensor_visit *visit, void *ctx)
{
	double h = (double)m->shape.hidden;
	struct tensor project = { .label = "prediction_project", .class = TENSOR_MLP, .rows = 2 * h, .cols = h, .copies = 1, .active = 1, .units = m->shape.hidden, .matrix = true };
	struct tensor norms = { .label = "prediction_norms", .class = TENSOR_NORM, .rows = 2, .cols = h, .copies = 1, .active = 1 };
	struct layer l;

	model_layer(m, m->shape.layers - 1, &l);
	layer_tensors(m, &l, visit, ctx);
	visit(&project, ctx), visit(&norms, ctx);
}

struct sums {
	double own, active;
};

static void add(const struct tensor *t, void *ctx)
{
	struct sums *s = ctx;

	s->own += tensor_elements(t);
	s->active += t->rows * t->cols * (t->copies > 1 ? t->active : 1);
}

void prediction_parameters(const struct model *m, double *own, double *multiplied)
{
	struct sums s = { 0 };
	struct model_counts c;

	prediction_tensors(m, add, &s);
	model_parameters(m, &c);
	*own = s.own;
	*multiplied = s.active + (m->shape.tied ? c.embedding : c.head);
}
