#include "models/memory.h"

#include <math.h>

#include "base/str.h"
#include "models/technique.h"
#include "models/tensors.h"

static const double CACHE_SHARE = 0.25;

struct stage {
	const struct model *m;
	const struct placement *p; /* resolved */
	const struct memory_terms *terms;
	double weights, full, windowed, index, state, fixed, widest;
	int64_t window;
};

static enum dtype format_of(const struct placement *p, const struct tensor *t)
{
	if (!t->matrix && t->class != TENSOR_EMBEDDING && t->class != TENSOR_HEAD)
		return p->activations;
	switch (t->class) {
	case TENSOR_EMBEDDING:
	case TENSOR_HEAD:
		return p->head;
	case TENSOR_ATTENTION:
		return p->attention;
	case TENSOR_RECURRENT:
		return p->recurrent;
	case TENSOR_EXPERTS:
		return p->experts;
	case TENSOR_MLP:
		return text_equal(t->label, "gate_up_proj") || text_equal(t->label, "up_proj") ? p->gate_up : p->weights;
	case TENSOR_ROUTER:
	case TENSOR_NORM:
		return p->activations;
	default:
		return p->weights;
	}
}

void memory_terms_init(struct memory_terms *t)
{
	*t = (struct memory_terms){ .kv_share = 1 };
}

static bool is_linear(const struct tensor *t)
{
	return t->matrix && t->class != TENSOR_EMBEDDING && t->class != TENSOR_HEAD && t->class != TENSOR_ROUTER &&
	       t->class != TENSOR_NORM;
}

static void add_weights(const struct tensor *t, void *ctx)
{
	struct stage *s = ctx;
	double share = shard_share(t->units, s->p->tp);

	if (t->class == TENSOR_EXPERTS)
		share = shard_share((int64_t)t->copies, s->p->ep) *
			shard_share(t->units, s->p->tp * s->p->dp_attention / s->p->ep);
	s->weights += tensor_elements(t) * share * (is_linear(t) && s->terms->linear_bytes > 0 ? s->terms->linear_bytes
												: dtype_bytes(format_of(s->p, t)));
}

static int64_t local(int64_t units, int64_t ways)
{
	return (units + ways - 1) / ways;
}

/* Elements of the largest set of tensors that is live inside a layer, a token of the rank. */
static double layer_width(const struct model *m, const struct placement *p, const struct layer *l)
{
	const struct model_moe *e = &m->moe;
	int64_t up = m->mlp.gated ? 3 : 2; /* gate, up and their product */
	double mixer = 0, ffn = 0, spread = (double)p->dp_attention;

	if (l->mixer == MIXER_ATTENTION || l->mixer == MIXER_MLA)
		mixer = (double)(local(l->heads, p->tp) * (2 * l->head_dim) +
				 2 * local(l->kv_heads, p->tp) * l->head_dim);
	if (l->mixer == MIXER_RECURRENT) {
		int64_t inner =
			m->recurrent.inner > 0 ? m->recurrent.inner : m->recurrent.heads * m->recurrent.head_dim;

		mixer = 4 * (double)local(inner, p->tp);
	}
	if (l->intermediate > 0)
		ffn = (double)(up * local(l->intermediate, p->tp));
	if (l->ffn == FFN_EXPERTS) {
		/* Every rank of the group sees spread times its tokens; with ep it works on a share of the experts. */
		double rows = spread * (double)e->top_k * shard_share(e->experts, p->ep);
		int64_t width = local(e->expert_intermediate, p->tp * p->dp_attention / p->ep);

		ffn = fmax(ffn, rows * (double)(up * width + (e->latent > 0 ? e->latent : m->shape.hidden)));
	}
	return fmax(mixer, ffn);
}

static void add_cache(struct stage *s, const struct layer *l)
{
	const struct model_attention *a = &s->m->attention;
	double bytes = (s->terms->kv_bytes > 0 ? s->terms->kv_bytes : dtype_bytes(s->p->kv)) / (double)s->p->cp, row, state, tail;

	if (l->mixer == MIXER_RECURRENT) {
		int64_t units = s->m->recurrent.heads > 0 ? s->m->recurrent.heads : s->m->recurrent.inner;

		recurrent_state(s->m, &state, &tail);
		s->state += (state * s->m->recurrent.state_bytes + tail * dtype_bytes(s->p->activations)) *
			    shard_share(units, s->p->tp);
		return;
	}
	if (l->mixer == MIXER_NONE)
		return;
	row = l->mixer == MIXER_MLA ? (double)(a->kv_lora_rank + a->rope_dim)
				    : (double)(local(l->kv_heads, s->p->tp) * (l->head_dim + l->v_head_dim));
	if (l->index == INDEX_OWN)
		s->index += (double)(a->index_dim + 4) / (double)s->p->cp;
	if (l->window > 0 && l->index == INDEX_NONE) {
		s->windowed += row * bytes;
		s->window = l->window > s->window ? l->window : s->window;
	} else {
		s->full += row * bytes;
	}
}

/* Techniques act on what the layers need: a share of the tokens, a cap on them, and what lies beside the cache. */
static void change_cache(struct stage *s)
{
	const struct memory_terms *t = s->terms;
	bool cached = s->full + s->windowed > 0;

	s->full *= t->kv_share;
	s->windowed *= t->kv_share;
	if (cached)
		s->full += t->token_bytes / (double)s->p->cp;
	s->fixed += t->seq_bytes;
	if (t->kv_most_tokens > 0 && cached) {
		s->window = s->window > 0 && s->windowed > 0 && s->window < t->kv_most_tokens ? s->window : t->kv_most_tokens;
		s->windowed += s->full;
		s->full = 0;
	}
}

static void measure_stage(const struct model *m, const struct placement *p, const struct memory_terms *terms, int stage,
			  struct stage *out)
{
	int64_t first, count;

	*out = (struct stage){ .m = m, .p = p, .terms = terms };
	placement_layers(m, p, stage, &first, &count);
	if (stage == 0 || (m->shape.tied && stage == p->pp - 1))
		embedding_tensors(m, add_weights, out);
	if (stage == p->pp - 1)
		head_tensors(m, add_weights, out);
	for (int64_t i = first; i < first + count; i++) {
		struct layer l;

		model_layer(m, i, &l);
		layer_tensors(m, &l, add_weights, out);
		add_cache(out, &l);
		out->widest = fmax(out->widest, layer_width(m, p, &l));
	}
	out->full += out->index;
	change_cache(out);
	out->weights += terms->weight_bytes;
	out->weights /= (double)p->chain;
	out->full /= (double)p->chain, out->windowed /= (double)p->chain;
	out->index /= (double)p->chain, out->state /= (double)p->chain;
}

static double activation_bytes(const struct stage *s, const struct memory_limits *limits, bool last)
{
	double stages = (double)s->p->stages, regions = stages / (double)s->p->chain;
	double tokens = (double)limits->max_batch_tokens / (double)(s->p->dp_attention * s->p->cp) / stages;
	double bytes = dtype_bytes(s->p->activations), hidden = (double)s->m->shape.hidden;
	double inside = tokens * s->widest * bytes;
	double logits =
		last ? (double)limits->max_seqs / (double)s->p->dp_attention / stages * (double)s->m->shape.vocab * (bytes + 8)
		     : 0;

	return regions * (tokens * 2 * hidden * bytes + fmax(inside, logits));
}

static double block_size(const struct memory_plan *plan)
{
	if (plan->kv_bytes_per_token > 0)
		return plan->kv_bytes_per_token * (double)plan->block_tokens;
	if (plan->window_bytes_per_token > 0)
		return plan->window_bytes_per_token * (double)plan->block_tokens;
	return plan->state_bytes_per_seq + plan->fixed_bytes_per_seq;
}

static int64_t whole_blocks(double bytes, double block)
{
	return bytes > 0 ? (int64_t)ceil(bytes / block - 1e-9) : 0;
}

/* Weights that stream in: as many as leave a quarter of the memory to the cache, when not all of them fit with a sequence. */
static void overflow(const struct memory_limits *limits, struct memory_plan *out)
{
	double budget = limits->capacity_bytes * limits->utilization - out->activation_bytes - out->reserved_bytes;
	double one = (double)(out->seq_fixed_blocks + 1) * out->block_bytes;

	out->near_bytes = fmin(limits->near_bytes, out->weights_bytes);
	if (!(limits->far_bytes > 0) || out->weights_bytes + one <= budget)
		return;
	out->far_bytes = fmin(out->weights_bytes - fmax(budget - fmax(limits->capacity_bytes * CACHE_SHARE, one), 0), limits->far_bytes);
}

static void plan_stage(const struct stage *s, const struct memory_limits *limits, bool last, struct memory_plan *out)
{
	double room, window_bytes;

	*out = (struct memory_plan){ .weights_bytes = s->weights,
				     .activation_bytes = activation_bytes(s, limits, last) + s->terms->activation_bytes,
				     .reserved_bytes = limits->reserved_bytes,
				     .capacity_bytes = limits->capacity_bytes,
				     .kv_bytes_per_token = s->full,
				     .window_bytes_per_token = s->windowed,
				     .window_tokens = s->window,
				     .state_bytes_per_seq = s->state,
				     .fixed_bytes_per_seq = s->fixed,
				     .index_bytes_per_token = s->index,
				     .block_tokens = limits->block_tokens > 0 ? limits->block_tokens : 16 };
	/* Sliding windows throughout are paged as if they were full; what a technique caps is freed token by token. */
	if (out->kv_bytes_per_token == 0 && s->terms->kv_most_tokens == 0) {
		out->kv_bytes_per_token = out->window_bytes_per_token;
		out->window_bytes_per_token = 0;
	}
	out->block_bytes = block_size(out);
	window_bytes = (double)out->window_tokens * out->window_bytes_per_token;
	out->seq_fixed_blocks =
		out->block_bytes > 0 ? whole_blocks(window_bytes + out->state_bytes_per_seq + out->fixed_bytes_per_seq, out->block_bytes) : 0;
	overflow(limits, out);
	room = limits->capacity_bytes * limits->utilization - (out->weights_bytes - out->far_bytes) - out->activation_bytes -
	       out->reserved_bytes;
	if (limits->cache_share > 0 && room > 0)
		room *= limits->cache_share;
	if (out->block_bytes > 0)
		out->kv_blocks = (int64_t)floor(fmax(room, 0) / out->block_bytes + 1e-9) * s->p->dp_attention;
	else
		out->kv_blocks = room >= 0 ? INT64_C(1) << 40 : 0; /* a stage without any cache: the others decide */
	out->kv_bytes = (double)(out->kv_blocks / s->p->dp_attention) * out->block_bytes;
	out->state_bytes = fmin((double)limits->max_seqs * out->state_bytes_per_seq, out->kv_bytes);
}

/* Says what is missing and why. */
static bool does_not_fit(const struct model *m, const struct memory_limits *limits, const struct memory_plan *plan,
			 struct err *err)
{
	double budget = limits->capacity_bytes * limits->utilization, need = plan->weights_bytes - plan->far_bytes;
	const char *blame = "weights";
	char a[32], b[32], c[32], d[32], e[32], f[32];

	if (need <= budget) {
		bool reserved = plan->reserved_bytes > plan->activation_bytes;

		need += plan->activation_bytes + plan->reserved_bytes;
		blame = need > budget ? reserved ? "reserved memory" : "activations" : "KV cache";
		if (need <= budget)
			need += (double)(plan->seq_fixed_blocks + 1) * plan->block_bytes;
	}
	return err_set(
		err, ERR_INPUT,
		"%s does not fit: %.0f bytes (%s) too many on a device, because of the %s: weights %s, activations %s, "
		"reserved %s, one sequence %s, of %s usable",
		m->name, need - budget, human_bytes(a, need - budget), blame, human_bytes(b, plan->weights_bytes),
		human_bytes(c, plan->activation_bytes), human_bytes(d, plan->reserved_bytes),
		human_bytes(e, (double)(plan->seq_fixed_blocks + 1) * plan->block_bytes), human_bytes(f, budget));
}

static double slack(const struct memory_plan *plan, const struct memory_limits *limits)
{
	return limits->capacity_bytes * limits->utilization - (plan->weights_bytes - plan->far_bytes) - plan->activation_bytes -
	       plan->reserved_bytes;
}

bool memory_plan(const struct model *m, const struct placement *place, const struct memory_limits *limits,
		 struct memory_plan *out, struct err *err)
{
	struct memory_terms terms;
	struct placement p;
	struct memory_change change = { .model = m, .place = &p, .terms = &terms };

	memory_terms_init(&terms);
	placement_resolve(m, place, &p);
	if (!placement_check(m, &p, err) || !technique_memory(limits->techniques, &change, err))
		return false;
	for (int stage = 0; stage < p.pp; stage++) {
		struct stage s;
		struct memory_plan plan;

		measure_stage(m, &p, &terms, stage, &s);
		plan_stage(&s, limits, stage == p.pp - 1, &plan);
		/* The stage with the fewest blocks decides for all; among stages with none, the one that lacks most. */
		if (stage == 0 || plan.kv_blocks < out->kv_blocks ||
		    (plan.kv_blocks == out->kv_blocks && slack(&plan, limits) < slack(out, limits)))
			*out = plan;
	}
	if (out->kv_blocks < p.dp_attention * (out->seq_fixed_blocks + (out->kv_bytes_per_token > 0)) ||
	    slack(out, limits) < 0)
		return does_not_fit(m, limits, out, err);
	return true;
}

double memory_row_elements(const struct model *m, const struct placement *p)
{
	const struct model_attention *a = &m->attention;
	double most = 0;

	for (int stage = 0; stage < p->pp; stage++) {
		int64_t first, count;
		double sum = 0;

		placement_layers(m, p, stage, &first, &count);
		for (int64_t i = first; i < first + count; i++) {
			struct layer l;

			model_layer(m, i, &l);
			if (l.mixer == MIXER_MLA)
				sum += (double)(a->kv_lora_rank + a->rope_dim);
			if (l.mixer == MIXER_ATTENTION)
				sum += (double)(local(l.kv_heads, p->tp) * (l.head_dim + l.v_head_dim));
		}
		most = fmax(most, sum);
	}
	return most;
}

int64_t memory_seq_blocks(const struct memory_plan *plan, int64_t tokens)
{
	double held =
		(double)(tokens < plan->window_tokens ? tokens : plan->window_tokens) * plan->window_bytes_per_token;
	int64_t full = plan->kv_bytes_per_token > 0 ? (tokens + plan->block_tokens - 1) / plan->block_tokens : 0;

	if (plan->block_bytes <= 0)
		return 0;
	return full + whole_blocks(held + plan->state_bytes_per_seq + plan->fixed_bytes_per_seq, plan->block_bytes);
}
