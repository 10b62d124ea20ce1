#include "models/training_memory.h"

#include <math.h>
#include <string.h>

#include "models/prediction.h"
#include "models/tensors.h"

enum { ELEMENT_BYTES = 2, MASTER_BYTES = 4 };
/* CUDA context, NCCL channels, workspace of the matrix library, allocator's slack: typical, recalled. */
static const double RUNTIME_BYTES = 1.5e9;

struct walk {
	const struct training_memory_options *o;
	struct training_parameters *sum;
	double layer;                  /* parameters of the layer being walked */
};

static void count(const struct tensor *t, void *ctx)
{
	struct walk *w = ctx;
	const struct training_memory_options *o = w->o;
	const struct placement *p = &o->graph->place;
	int64_t slices = t->class == TENSOR_EXPERTS ? p->tp * p->dp_attention / p->ep : p->tp;
	double copies = t->class == TENSOR_EXPERTS ? ceil(t->copies / (double)p->ep) : t->copies;
	double share = shard_share(t->units, slices), rows = t->rows, n = rows * t->cols * share * copies;
	double trained = o->graph->frozen ? o->graph->trainable : 1;
	double state = copies * share * (o->optimizer->state_bytes(rows, t->cols) + (o->optimizer->master ? 4 * rows * t->cols : 0));

	if (o->weight_bytes >= 4 && o->optimizer->master)
		state -= 4 * n;        /* weights in 32 bits are their own master copy */
	if (t->class == TENSOR_EXPERTS)
		w->sum->expert += n, w->sum->expert_state += state * trained;
	else
		w->sum->dense += n, w->sum->dense_state += state * trained;
	w->sum->trainable += n * trained;
	w->sum->step_bytes += trained * copies * share * optimizer_step_bytes(o->optimizer, rows, t->cols, o->grad_bytes, o->weight_bytes);
	if (o->optimizer->matrix_flops && t->matrix)
		w->sum->matrix_flops += trained * copies * o->optimizer->matrix_flops(rows, t->cols) * share;
	w->layer += n;
	if (t->class == TENSOR_EMBEDDING || t->class == TENSOR_HEAD)
		w->sum->ends += n;
	if (t->class == TENSOR_HEAD || (t->class == TENSOR_EMBEDDING && t->matrix))
		w->sum->head += n;
}

bool training_parameters(const struct training_memory_options *o, int stage, struct training_parameters *out, struct err *err)
{
	const struct model *m = o->graph->model;
	struct walk w = { .o = o, .sum = out };
	int64_t chunks = o->graph->place.pp;

	*out = (struct training_parameters){ 0 };
	if (!placement_check(m, &o->graph->place, err))
		return false;
	for (int64_t c = stage; c < chunks; c += o->stages) {
		int64_t first, layers;

		placement_layers(m, &o->graph->place, (int)c, &first, &layers);
		if (c == 0)
			embedding_tensors(m, count, &w);
		for (int64_t i = first; i < first + layers; i++) {
			struct layer l;

			model_layer(m, i, &l);
			w.layer = 0;
			layer_tensors(m, &l, count, &w);
			out->layer_largest = fmax(out->layer_largest, w.layer);
		}
		if (c == chunks - 1) {
			head_tensors(m, count, &w);
			/* A tied head is a copy, and multi-token prediction looks tokens up once more. */
			if (chunks > 1 && !o->both_ways && (m->shape.tied || o->graph->predictions > 0))
				embedding_tensors(m, count, &w);
			for (int64_t i = 0; i < o->graph->predictions; i++)
				prediction_tensors(m, count, &w);
		}
	}
	return true;
}

/* Products in 8 bits or less keep their inputs in 8 bits. */
static double kept_bytes(const struct training_graph_options *o)
{
	return dtype_bytes(o->place.weights) < 2 ? 1 : ELEMENT_BYTES;
}

/* Of an input behind a norm or an activation. */
static double input_bytes(const struct training_graph_options *o)
{
	/* Made again: what the product before the norm or activation left is kept in any case. */
	if (o->recompute == RECOMPUTE_ELEMENTWISE)
		return 0;
	return kept_bytes(o);
}

/* Elements a token that the mixer keeps: sharded over the tensor ranks, and whole. */
static void mixer_elements(const struct training_graph_options *o, const struct layer *l, double *sharded, double *whole)
{
	const struct model *m = o->model;
	const struct model_attention *a = &m->attention;
	const struct model_recurrent *r = &m->recurrent;
	double q = (double)(l->heads * l->head_dim), k = (double)(l->kv_heads * l->head_dim);
	double v = (double)(l->heads * (l->v_head_dim > 0 ? l->v_head_dim : l->head_dim));
	/* Scores, their mask (one byte) and the masked scores: 5 heads s bytes; without dropout the softmax result alone. */
	double eager = o->attention == ATTENTION_EAGER && o->recompute == RECOMPUTE_NONE ? (o->dropout ? 2.5 : 1) : 0;

	switch (l->mixer) {
	case MIXER_ATTENTION:
		*sharded += q + k + (double)(l->kv_heads * l->head_dim) * (l->k_is_v ? 0 : 1) + q;
		if (!o->fused)
			*sharded += q + k;
		if (a->qk_norm != QK_NORM_NONE)
			*sharded += q + k;
		if (a->output_gate)
			*sharded += 2 * q;
		*sharded += eager * (double)(l->heads * o->sequence);
		break;
	case MIXER_MLA:
		*whole += (double)(a->q_lora_rank + a->kv_lora_rank) * 2 + (double)a->rope_dim;
		/* Queries, keys and values are made again from the latents, or kept. */
		*sharded += v + (o->recompute == RECOMPUTE_ELEMENTWISE ? 0 : 2 * q + v);
		break;
	case MIXER_RECURRENT:
		*sharded += 4 * (double)(r->inner > 0 ? r->inner : r->heads * r->head_dim) + 2 * (double)(r->groups * r->state);
		break;
	case MIXER_NONE:
		break;
	}
}

/* An expert's tokens: its input as gathered, the width, and its output before it is weighted; fused kernels weigh between the
 * products and keep the input as these read it (arXiv 2603.07685, memory-efficient permutation). */
static void ffn_elements(const struct training_graph_options *o, const struct layer *l, double *sharded, double *whole, double *experts)
{
	const struct model *m = o->model;
	const struct model_moe *e = &m->moe;
	double width = (m->mlp.gated ? 2 : 1) + input_bytes(o) / ELEMENT_BYTES, shared = (double)(e->shared_intermediate > 0 ? e->shared_intermediate : e->shared_experts * e->expert_intermediate);

	/* Frozen products need no inputs for gradients of theirs; the activation still needs its own. */
	if (o->frozen)
		width = m->mlp.gated ? 2 : 1;
	if (!o->fused && m->mlp.gated)
		width += 1;
	if (l->ffn == FFN_DENSE || (l->ffn == FFN_EXPERTS && e->beside_dense))
		*sharded += width * (double)l->intermediate;
	if (l->ffn != FFN_EXPERTS)
		return;
	*sharded += width * shared;
	*whole += 2 * (double)e->experts;      /* router scores in 32 bits */
	*experts += (double)e->top_k * ((o->fused ? kept_bytes(o) / ELEMENT_BYTES : 2) * (double)m->shape.hidden + width * (double)e->expert_intermediate);
}

double training_layer_activations(const struct training_graph_options *o, const struct layer *l)
{
	const struct model *m = o->model;
	const struct placement *p = &o->place;
	double h = (double)m->shape.hidden, tp = (double)p->tp, tokens = (double)(o->micro_batch * o->sequence) / (double)p->cp;
	double blocks = (l->mixer != MIXER_NONE) + (l->ffn != FFN_NONE), sharded = 0, whole = 0, experts = 0, gathered = 0;
	double slices = (double)(p->tp * p->dp_attention / p->ep);

	if (o->recompute == RECOMPUTE_FULL)
		return tokens * ELEMENT_BYTES * h / (p->sequence_parallel ? tp : 1);
	/* Norm input and block input, and the masks' bytes; without fusion the norm's copies in 32 bits, as well. */
	whole += blocks * (o->fused || m->shape.norm != NORM_RMS ? 1 + input_bytes(o) / ELEMENT_BYTES : 5) * h + (o->dropout ? blocks * 0.5 * h : 0);
	if (o->frozen && l->ffn != FFN_NONE)   /* adapters sit at the attention's projections */
		whole -= input_bytes(o) / ELEMENT_BYTES * h;
	if (m->shape.norms_per_layer >= 4)
		whole += blocks * 2 * h;
	mixer_elements(o, l, &sharded, &whole);
	ffn_elements(o, l, &sharded, &whole, &experts);
	/* Kept: the layer's input, attention's result, every second product's result. */
	if (o->recompute == RECOMPUTE_SELECTIVE && o->selective_half) {
		double q = (double)(l->heads * (l->v_head_dim > 0 ? l->v_head_dim : l->head_dim)), k = (double)(l->kv_heads * l->head_dim);
		double up = (double)l->intermediate * (m->mlp.gated ? 2 : 1);

		whole = h + h, experts /= 2;
		sharded = q + (q + 2 * k + (l->ffn == FFN_DENSE ? up : 0)) / 2;
	}
	/* Inputs of the products as gathered over the tensor ranks, where they are not gathered again. */
	if (p->sequence_parallel && !o->gather_again && !(o->recompute == RECOMPUTE_SELECTIVE && o->selective_half)) {
		gathered = blocks * input_bytes(o) / ELEMENT_BYTES * h;
		whole -= gathered;
	}
	/* Under tensor parallelism without expert parallelism experts are cut like any matrix (slices = tp). */
	return tokens * ELEMENT_BYTES * (sharded / tp + whole / (p->sequence_parallel ? tp : 1) + gathered + experts / fmax(1, slices) / (p->ep > 1 && p->dp_attention == 1 ? (double)p->ep : 1));
}

static double head_activations(const struct training_graph_options *o)
{
	const struct placement *p = &o->place;
	double tokens = (double)(o->micro_batch * o->sequence) / (double)p->cp, v = (double)o->model->shape.vocab / (double)p->tp;

	return tokens * (o->logit_bytes * v + 2 * ELEMENT_BYTES * (double)o->model->shape.hidden / (p->sequence_parallel ? (double)p->tp : 1));
}

static double output_bytes(const struct training_graph_options *o)
{
	return (double)(o->micro_batch * o->sequence) / (double)o->place.cp * (double)o->model->shape.vocab / (double)o->place.tp * ELEMENT_BYTES;
}

static double edge_bytes(const struct training_graph_options *o)
{
	const struct placement *p = &o->place;

	return (double)(o->micro_batch * o->sequence) / (double)p->cp * (double)o->model->shape.hidden * ELEMENT_BYTES / (p->sequence_parallel ? (double)p->tp : 1);
}

/* A layer each, and the projection's two inputs. */
double training_prediction_activations(const struct training_graph_options *o)
{
	double tokens = (double)(o->micro_batch * o->sequence) / (double)o->place.cp;
	double inputs = tokens * ELEMENT_BYTES * 2 * (double)o->model->shape.hidden / (o->place.sequence_parallel ? (double)o->place.tp : 1);
	struct layer l;

	model_layer(o->model, o->model->shape.layers - 1, &l);
	return (double)o->predictions * (training_layer_activations(o, &l) + inputs);
}

void training_activations(const struct training_memory_options *o, int stage, struct training_activations *out)
{
	const struct training_graph_options *g = o->graph;
	struct training_graph_options working = *g;
	int64_t chunks = g->place.pp, remade = g->recompute == RECOMPUTE_FULL && g->recompute_layers > 0 ? g->recompute_layers : INT64_MAX;

	*out = (struct training_activations){ .edge = edge_bytes(g) };
	working.recompute = RECOMPUTE_NONE;
	for (int64_t c = stage; c < chunks; c += o->stages) {
		int64_t first, layers;
		double sum = 0;

		placement_layers(g->model, &g->place, (int)c, &first, &layers);
		for (int64_t i = first; i < first + layers; i++) {
			struct layer l;
			double one;

			model_layer(g->model, i, &l);
			one = training_layer_activations(i - first < remade ? g : &working, &l);
			sum += one;
			out->layer = fmax(out->layer, one);
			if (g->recompute == RECOMPUTE_FULL || (g->recompute == RECOMPUTE_SELECTIVE && g->selective_half))
				out->at_work = fmax(out->at_work, training_layer_activations(&working, &l));
		}
		if (c == chunks - 1)
			sum += training_prediction_activations(g);
		out->entries += c > 0, out->exits += c < chunks - 1;
		out->chunk = fmax(out->chunk, sum);
	}
	if ((int64_t)stage == (chunks - 1) % o->stages)
		out->head = head_activations(g) * (double)(1 + g->predictions), out->outputs = output_bytes(g);
}

double training_gathered_bytes(const struct training_memory_options *o, const struct training_parameters *n)
{
	return (n->dense + n->expert - n->ends) * o->gathered_bytes + n->ends * o->weight_bytes;
}

enum { LAYERS_AT_HAND = 2 };   /* of what lives in the host's memory: one at work, one on its way */
enum { LAYERS_ON_THE_WAY = 2 };        /* ZeRO-3: the one at work and the one fetched ahead, or reduced behind it */

/* An entry's buffer is the input that the first layer keeps anyway for the micro-batches in flight. */
static double edges(const struct training_memory_options *o, const struct training_activations *a)
{
	double chunks = (double)(o->graph->place.pp / o->stages), counted = fmin(o->in_flight, o->kept_edges * chunks) * a->entries / chunks;

	return o->kept_edges > 0 ? a->edge * (o->kept_edges * 2 * (a->entries + a->exits) - counted) : 0;
}

void training_memory_of(const struct training_memory_options *o, const struct training_parameters *n, const struct training_activations *a,
			struct training_memory *out)
{
	const struct placement *p = &o->graph->place;
	/* Experts are spread over data ranks already: fewer ranks hold the same ones. */
	double shard = (double)o->shard_ranks, expert_shard = fmax(1, shard * (double)p->tp / (double)(p->ep * (p->tp * p->dp_attention / p->ep)));
	double trained = o->graph->frozen ? o->graph->trainable : 1, a_weight = o->weight_bytes + o->quantised_bytes, state, held;
	bool whole = o->zero >= 3 && o->keep_gathered, masters = o->zero >= 3 && o->sharded_masters && o->optimizer->master && !o->graph->frozen && o->weight_bytes < MASTER_BYTES;

	*out = (struct training_memory){ .buffers = RUNTIME_BYTES };
	if (masters)
		a_weight = MASTER_BYTES;
	out->weights = (n->dense / (o->zero >= 3 ? shard : 1) + n->expert / (o->zero >= 3 ? expert_shard : 1)) * a_weight;
	if (o->offload_weights) {
		out->host_bytes += out->weights;
		out->weights = fmin(out->weights, LAYERS_AT_HAND * n->layer_largest * a_weight);
	}
	out->gradients = (n->dense * trained / (o->zero >= 2 ? shard : 1) + n->expert * trained / (o->zero >= 2 ? expert_shard : 1)) * o->grad_bytes;
	state = n->dense_state / (o->zero >= 1 ? shard : 1) + n->expert_state / (o->zero >= 1 ? expert_shard : 1);
	if (masters)
		state -= MASTER_BYTES * (n->dense / shard + n->expert / expert_shard);
	*(o->offload_optimizer ? &out->host_bytes : &out->optimizer) += state;
	held = a->chunk * o->in_flight;
	if (o->offload_activations) {
		out->host_bytes += held;
		held = fmin(held, LAYERS_AT_HAND * a->layer);
	}
	/* Head and loss are done before the first layer is made again, and before gradients are reduced. */
	out->activations = held + fmax(a->at_work + (whole ? LAYERS_ON_THE_WAY * n->layer_largest * trained * o->grad_bytes : 0), a->head) + a->outputs * o->kept_outputs +
			   edges(o, a);
	if (whole) {
		out->buffers += training_gathered_bytes(o, n) + (n->dense + n->expert) * trained * o->grad_bytes + LAYERS_ON_THE_WAY * n->layer_largest * o->gathered_bytes;
	} else if (o->zero >= 3) {     /* weights and gradients */
		out->buffers += LAYERS_ON_THE_WAY * n->layer_largest * (o->gathered_bytes + o->grad_bytes);
		/* Embedding and head belong to the root unit, which stays gathered; the head's gradient comes first and waits whole. */
		out->buffers += n->ends * o->weight_bytes + n->head * trained * o->weight_bytes;
	}
	out->peak_bytes = out->weights + out->gradients + out->optimizer + out->activations + out->buffers;
}

bool training_memory(const struct training_memory_options *o, int stage, struct training_memory *out, struct err *err)
{
	struct training_parameters n;
	struct training_activations a;

	*out = (struct training_memory){ 0 };
	if (!training_parameters(o, stage, &n, err))
		return false;
	training_activations(o, stage, &a);
	training_memory_of(o, &n, &a, out);
	return true;
}
