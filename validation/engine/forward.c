#include "validation/engine/forward.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "kernels/core/attention.h"
#include "kernels/core/moe.h"
#include "kernels/core/sampling.h"
#include "kernels/core/tokenwise.h"
#include "validation/engine/depth_router.h"
#include "validation/engine/engine_cache.h"
#include "validation/engine/engine_methods.h"

const char *const forward_op_names[] = {
#define X(name) #name,
	FORWARD_OPS(X)
#undef X
		NULL
};

struct forward {
	const struct engine_model *m;
	struct forward_limits limits;
	const struct tokenwise_ops *token;
	const struct attention_ops *attention;
	struct paged_kv *kv;                   /* one a layer; NULL beside a technique's own cache */
	const struct cache_ops *cache_ops;     /* that one */
	void *cache;
	struct depth_router *router;           /* NULL: every layer computes every row */
	float *routed;                         /* rows of x that enter a routed layer */
	float *features;                       /* for a draft layer: states after some layers, side by side */
	int64_t fused;
	int64_t rows;                          /* what the buffers hold */
	float *x, *normed, *qkv, *mixed, *both, *inner, *expert_logits, *route_weight, *logits, *uniform, *rope;
	int32_t *chosen, *tokens;
	int64_t rope_rows;
	void *scratch;
	double op_s[FORWARD_OP_COUNT], mark_s;
	int64_t op_calls[FORWARD_OP_COUNT];
};

double forward_clock_s(enum clock_kind kind)
{
	struct timespec t;

	clock_gettime(kind == CLOCK_OF_WALL ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void forward_spent(struct forward *f, enum forward_op op)
{
	double now = forward_clock_s(f->limits.clock);

	f->op_s[op] += now - f->mark_s;
	f->op_calls[op]++;
	f->mark_s = now;
}

static int64_t width_of(const struct engine_shape *s)
{
	return s->experts ? s->expert_width : s->intermediate;
}

static int64_t qkv_width(const struct engine_shape *s)
{
	return (s->heads + 2 * s->kv_heads) * s->head_dim;
}

/* ---- memory ---- */

static size_t scratch_bytes(const struct forward *f, int64_t rows)
{
	const struct engine_shape *s = &f->m->shape;
	int64_t deepest = s->hidden > width_of(s) ? s->hidden : width_of(s);
	size_t most = gemm_scratch_bytes(rows, deepest > s->heads * s->head_dim ? deepest : s->heads * s->head_dim), other;

	other = attention_scratch_bytes(f->limits.sequences, s->heads, s->kv_heads, s->head_dim, f->limits.threads);
	most = most > other ? most : other;
	if (f->m->layers[0].ternary_qkv) {
		int64_t widest = qkv_width(s) > 2 * width_of(s) ? qkv_width(s) : 2 * width_of(s);

		other = ternary_scratch_bytes(rows, widest > s->hidden ? widest : s->hidden, deepest > s->heads * s->head_dim ? deepest : s->heads * s->head_dim);
		most = most > other ? most : other;
	}
	other = sampling_scratch_bytes(s->vocab, f->limits.threads);
	most = most > other ? most : other;
	other = s->experts ? moe_scratch_bytes(rows, s->experts, s->top_k, s->expert_width, s->hidden) : 0;
	return (most > other ? most : other) + 64;
}

static bool floats(float **at, int64_t count)
{
	mem_free(*at);
	*at = mem_alloc_aligned((size_t)(count > 0 ? count : 1) * sizeof(float));
	/* Touched now: page faults are not the first requests' to pay. */
	if (*at)
		memset(*at, 0, (size_t)(count > 0 ? count : 1) * sizeof(float));
	return *at != NULL;
}

static bool make_room(struct forward *f, int64_t rows, struct err *err)
{
	const struct engine_shape *s = &f->m->shape;
	int64_t w = width_of(s), dense = s->experts ? 0 : 1, q = s->heads * s->head_dim, wide = q > s->hidden ? q : s->hidden;

	if (rows <= f->rows)
		return true;
	f->rows = 0;
	mem_free(f->scratch);
	mem_free(f->chosen);
	f->scratch = mem_alloc_aligned(scratch_bytes(f, rows));
	f->chosen = mem_alloc_aligned((size_t)(rows * (s->experts ? s->top_k : 1)) * sizeof(int32_t));
	if (f->scratch)                /* pages are the system's to give now, not within the first request */
		memset(f->scratch, 0, scratch_bytes(f, rows));
	if (!f->scratch || !f->chosen || !floats(&f->x, rows * s->hidden) || !floats(&f->normed, rows * s->hidden) || !floats(&f->qkv, rows * qkv_width(s)) ||
	    !floats(&f->mixed, rows * wide) || !floats(&f->both, dense * rows * 2 * w) || !floats(&f->inner, dense * rows * w) ||
	    !floats(&f->expert_logits, rows * s->experts) || !floats(&f->route_weight, rows * s->top_k))
		return err_memory(err);
	if (f->fused > 0 && !floats(&f->features, rows * f->fused * s->hidden))
		return err_memory(err);
	if (f->router && (!depth_router_room(f->router, rows, err) || !floats(&f->routed, rows * s->hidden)))
		return err_memory(err);
	f->rows = rows;
	return true;
}

static bool make_cache(struct forward *f)
{
	const struct engine_shape *s = &f->m->shape;

	f->kv = mem_calloc((size_t)s->layers, sizeof(*f->kv));
	for (int64_t i = 0; f->kv && i < s->layers; i++) {
		struct paged_kv *kv = &f->kv[i];

		*kv = (struct paged_kv){ .format = f->limits.kv_format, .blocks = f->limits.blocks, .block_size = f->limits.block_tokens,
					 .kv_heads = s->kv_heads, .head_dim = s->head_dim };
		if (!paged_kv_make(kv))
			return false;
	}
	return f->kv != NULL;
}

struct forward *forward_new(const struct engine_model *m, const struct forward_limits *limits, struct err *err)
{
	struct forward *f = mem_calloc(1, sizeof(*f));

	if (!f) {
		err_memory(err);
		return NULL;
	}
	f->m = m;
	f->limits = *limits;
	f->token = tokenwise_best();
	f->attention = attention_best();
	f->rope_rows = limits->context > 0 ? limits->context : 1;
	f->tokens = mem_alloc_aligned((size_t)(limits->logits + 1) * sizeof(int32_t));
	f->fused = limits->methods && limits->methods->draft.depth > 0 ? limits->methods->draft.fused : 0;
	f->cache_ops = limits->methods ? limits->methods->cache : NULL;
	if (f->cache_ops && !(f->cache = f->cache_ops->make(&m->shape, limits, err)))
		goto fail;
	if (limits->methods && limits->methods->depth.every > 0 && !(f->router = depth_router_new(&limits->methods->depth, &m->shape, limits, err)))
		goto fail;
	if (!f->tokens || (!f->cache && !make_cache(f)) || !floats(&f->logits, limits->logits * m->shape.vocab) || !floats(&f->uniform, limits->logits) ||
	    !floats(&f->rope, f->rope_rows * m->shape.head_dim)) {
		err_memory(err);
		goto fail;
	}
	memset(f->uniform, 0, (size_t)limits->logits * sizeof(float));
	rope_table(f->rope, f->rope_rows, m->shape.head_dim, m->shape.rope_theta);
	if (make_room(f, limits->rows, err))
		return f;
fail:
	forward_free(f);
	return NULL;
}

void forward_free(struct forward *f)
{
	float *const buffers[] = { f ? f->x : NULL, f ? f->normed : NULL, f ? f->qkv : NULL, f ? f->mixed : NULL, f ? f->both : NULL, f ? f->inner : NULL,
				   f ? f->expert_logits : NULL, f ? f->route_weight : NULL, f ? f->logits : NULL, f ? f->uniform : NULL, f ? f->rope : NULL, f ? f->routed : NULL, f ? f->features : NULL };

	if (!f)
		return;
	for (size_t i = 0; i < COUNT_OF(buffers); i++)
		mem_free(buffers[i]);
	for (int64_t i = 0; f->kv && i < f->m->shape.layers; i++) {
		paged_kv_release(&f->kv[i]);
	}
	mem_free(f->kv);
	if (f->cache)
		f->cache_ops->release(f->cache);
	depth_router_free(f->router);
	mem_free(f->chosen);
	mem_free(f->tokens);
	mem_free(f->scratch);
	mem_free(f);
}

/* ---- one layer ---- */

static void norm(struct forward *f, const float *x, const float *weight, float *out, int64_t rows)
{
	f->token->rmsnorm(x, weight, (float)f->m->shape.eps, out, rows, f->m->shape.hidden, f->limits.threads);
	forward_spent(f, FORWARD_norm);
}

static void product(struct forward *f, const struct weights *w, const float *a, int64_t rows, float *out)
{
	gemm(w, a, w->k, rows, out, w->n, f->scratch, f->limits.threads);
	forward_spent(f, FORWARD_gemm);
}

/* A matrix of a layer, in whichever of the two forms it is there. */
static void layer_product(struct forward *f, const struct weights *w, const struct ternary_matrix *t, const float *a, int64_t rows, float *out)
{
	if (!t) {
		product(f, w, a, rows, out);
		return;
	}
	ternary_product(t, a, rows, out, f->scratch, f->limits.threads);
	forward_spent(f, FORWARD_gemm);
}

/* The residual: x += what the block computed, which lies in `normed`. */
static void add(struct forward *f, int64_t rows)
{
	f->token->add(f->x, f->normed, f->x, rows, f->m->shape.hidden, f->limits.threads);
	forward_spent(f, FORWARD_add);
}

/* Bias of queries, keys and values, and norms of each head: families that have them. */
static void after_qkv(struct forward *f, const struct engine_layer *l, int64_t rows)
{
	const struct engine_shape *s = &f->m->shape;
	int64_t stride = qkv_width(s), q = s->heads * s->head_dim;

	for (int64_t r = 0; r < rows && (l->qkv_bias || l->q_norm); r++) {
		float *row = f->qkv + r * stride;

		for (int64_t i = 0; l->qkv_bias && i < stride; i++)
			row[i] += l->qkv_bias[i];
		if (l->q_norm) {
			f->token->rmsnorm(row, l->q_norm, (float)s->eps, row, s->heads, s->head_dim, 1);
			f->token->rmsnorm(row + q, l->k_norm, (float)s->eps, row + q, s->kv_heads, s->head_dim, 1);
		}
	}
}

static void attend(struct forward *f, const struct forward_batch *b, int64_t layer)
{
	const struct engine_shape *s = &f->m->shape;
	int64_t stride = qkv_width(s);
	struct attention_call call = { .kv = &f->kv[layer], .heads = s->heads, .scale = 1 / sqrtf((float)s->head_dim), .window = s->window, .q_stride = stride,
				       .scratch = f->scratch, .threads = f->limits.threads };

	if (b->decodes > 0) {
		call.sequences = b->decodes;
		call.kv_len = b->lengths;
		call.tables = b->tables;
		call.q = f->qkv;
		call.out = f->mixed;
		f->attention->decode(&call);
		forward_spent(f, FORWARD_attention_decode);
	}
	if (b->chunks > 0) {
		call.sequences = b->chunks;
		call.kv_len = b->lengths + b->decodes;
		call.first = b->first;
		call.tables = b->tables + b->decodes;
		call.q = f->qkv + b->decodes * stride;
		call.out = f->mixed + b->decodes * s->heads * s->head_dim;
		f->attention->prefill(&call);
		forward_spent(f, FORWARD_attention_prefill);
	}
}

static void cache_spent(void *timer, enum forward_op op)
{
	forward_spent(timer, op);
}

/* Keys and values of the batch go into the cache, and its queries attend to what is there. */
static void append_and_attend(struct forward *f, const struct forward_batch *b, int64_t layer)
{
	const struct engine_shape *s = &f->m->shape;
	const float *keys = f->qkv + s->heads * s->head_dim;
	struct cache_pass pass = { .batch = b, .layer = layer, .qkv = f->qkv, .out = f->mixed, .scratch = f->scratch, .timer = f, .spent = cache_spent };

	if (f->cache) {
		f->cache_ops->attend(f->cache, &pass);
		return;
	}
	f->token->kv_append(&f->kv[layer], keys, keys + s->kv_heads * s->head_dim, qkv_width(s), b->slots, b->rows, f->limits.threads);
	forward_spent(f, FORWARD_kv_append);
	attend(f, b, layer);
}

static void attention_block(struct forward *f, const struct forward_batch *b, int64_t layer)
{
	const struct engine_shape *s = &f->m->shape;
	const struct engine_layer *l = &f->m->layers[layer];
	struct rope rope = { .heads = s->heads + s->kv_heads, .head_dim = s->head_dim, .stride = qkv_width(s), .table = f->rope, .interleaved = s->interleaved };

	norm(f, f->x, l->attention_norm, f->normed, b->rows);
	layer_product(f, l->qkv, l->ternary_qkv, f->normed, b->rows, f->qkv);
	after_qkv(f, l, b->rows);
	f->token->rope(&rope, f->qkv, b->positions, b->rows, f->limits.threads);       /* keys follow the queries in a row */
	forward_spent(f, FORWARD_rope);
	append_and_attend(f, b, layer);
	layer_product(f, l->o, l->ternary_o, f->mixed, b->rows, f->normed);
	add(f, b->rows);
}

static void experts(struct forward *f, const struct engine_layer *l, int64_t rows)
{
	const struct engine_shape *s = &f->m->shape;
	struct moe_call call = { .gate_up = (const struct weights *const *)l->expert_gate_up, .down = (const struct weights *const *)l->expert_down,
				 .experts = s->experts, .top_k = s->top_k, .n = s->expert_width, .k = s->hidden, .x = f->normed, .m = rows,
				 .chosen = f->chosen, .weights = f->route_weight, .out = f->normed, .scratch = f->scratch, .threads = f->limits.threads };

	product(f, l->router, f->normed, rows, f->expert_logits);
	moe_route(f->expert_logits, rows, s->experts, s->top_k, s->renormalise, f->chosen, f->route_weight, f->limits.threads);
	forward_spent(f, FORWARD_router);
	moe_run(&call, NULL);          /* reads all of x before it sets out */
	forward_spent(f, FORWARD_moe);
}

static void mlp_block(struct forward *f, const struct engine_layer *l, int64_t rows)
{
	int64_t w = width_of(&f->m->shape);

	norm(f, f->x, l->mlp_norm, f->normed, rows);
	if (f->m->shape.experts) {
		experts(f, l, rows);
	} else {
		layer_product(f, l->gate_up, l->ternary_gate_up, f->normed, rows, f->both);
		f->token->swiglu(f->both, f->both + w, 2 * w, f->inner, rows, w, f->limits.threads);
		forward_spent(f, FORWARD_activation);
		layer_product(f, l->down, l->ternary_down, f->inner, rows, f->normed);
	}
	add(f, rows);
}

static void layer(struct forward *f, const struct forward_batch *b, int64_t i)
{
	attention_block(f, b, i);
	mlp_block(f, &f->m->layers[i], b->rows);
}

/* The rows that enter are taken out, computed and put back: x += gate (block(x) - x); the others pass by. */
static void routed_layer(struct forward *f, const struct forward_batch *b, int64_t i)
{
	int64_t h = f->m->shape.hidden;
	float *all = f->x;
	struct depth_choice c;

	norm(f, f->x, f->m->layers[i].attention_norm, f->normed, b->rows);
	depth_router_choose(f->router, b, i, f->normed, &c);
	for (int64_t r = 0; r < c.batch.rows; r++)
		memcpy(f->routed + r * h, all + c.chosen[r] * h, (size_t)h * sizeof(float));
	forward_spent(f, FORWARD_router);
	if (c.batch.rows == 0)
		return;
	f->x = f->routed;
	layer(f, &c.batch, i);
	f->x = all;
	for (int64_t r = 0; r < c.batch.rows; r++) {
		float *x = all + c.chosen[r] * h;

		for (int64_t k = 0; k < h; k++)
			x[k] += c.gate[r] * (f->routed[r * h + k] - x[k]);
	}
	forward_spent(f, FORWARD_router);
}

/* Which layer's result is the feature of that number: spread over the layers; a single one is the last. Released heads of EAGLE-3 take
 * three, after layers 2, L/2 and L - 3. */
static int64_t feature_layer(const struct forward *f, int64_t feature)
{
	int64_t layers = f->m->shape.layers, at = f->fused > 1 ? (feature + 1) * layers / (f->fused + 1) : layers;

	return at < 1 ? 0 : at - 1;
}

static void keep_features(struct forward *f, int64_t rows, int64_t layer)
{
	int64_t h = f->m->shape.hidden;

	for (int64_t k = 0; k < f->fused; k++)
		for (int64_t r = 0; feature_layer(f, k) == layer && r < rows; r++)
			memcpy(f->features + (r * f->fused + k) * h, f->x + r * h, (size_t)h * sizeof(float));
}

static void head(struct forward *f, const struct forward_batch *b)
{
	static const struct sampling greedy = { .temperature = 0, .top_p = 1 };
	const struct engine_shape *s = &f->m->shape;

	if (b->logits == 0)
		return;
	for (int64_t i = 0; i < b->logits; i++)
		memcpy(f->mixed + i * s->hidden, f->x + b->logit_rows[i] * s->hidden, (size_t)s->hidden * sizeof(float));
	norm(f, f->mixed, f->m->final_norm, f->normed, b->logits);
	product(f, f->m->head, f->normed, b->logits, f->logits);
	sample(f->logits, b->logits, s->vocab, &greedy, f->uniform, f->tokens, f->scratch, f->limits.threads);
	forward_spent(f, FORWARD_sampling);
}

bool forward_run(struct forward *f, const struct forward_batch *b, struct err *err)
{
	const struct engine_shape *s = &f->m->shape;

	if (!make_room(f, b->rows, err))
		return false;
	f->mark_s = forward_clock_s(f->limits.clock);
	f->token->embedding(f->m->embedding, f->m->embedding_format, b->ids, f->x, b->rows, s->hidden, f->limits.threads);
	forward_spent(f, FORWARD_embedding);
	for (int64_t i = 0; i < s->layers; i++) {
		if (f->router && depth_router_routes(f->router, i))
			routed_layer(f, b, i);
		else
			layer(f, b, i);
		keep_features(f, b->rows, i);
	}
	head(f, b);
	return true;
}

const float *forward_logits(const struct forward *f)
{
	return f->logits;
}

const float *forward_features(const struct forward *f)
{
	return f->features;
}

const int32_t *forward_tokens(const struct forward *f)
{
	return f->tokens;
}

const double *forward_op_s(const struct forward *f)
{
	return f->op_s;
}

const int64_t *forward_op_calls(const struct forward *f)
{
	return f->op_calls;
}

void forward_reset_times(struct forward *f)
{
	memset(f->op_s, 0, sizeof(f->op_s));
	memset(f->op_calls, 0, sizeof(f->op_calls));
}

int64_t forward_routed_rows(const struct forward *f)
{
	return f->router ? depth_router_entered(f->router) : 0;
}

double forward_kv_bytes(const struct forward *f)
{
	if (f->cache)
		return f->cache_ops->bytes(f->cache);
	return 2 * (double)paged_kv_bytes(&f->kv[0]) * (double)f->m->shape.layers;
}
