#include "validation/engine/draft_head.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/core/attention.h"
#include "kernels/core/gemm.h"
#include "kernels/core/sampling.h"
#include "kernels/core/tokenwise.h"

struct draft_head {
	const struct engine_model *m;
	struct forward_limits limits;
	int64_t fused, vocab, width;           /* width: of the layer's MLP */
	const struct tokenwise_ops *token;
	const struct attention_ops *attention;
	struct weights *fuse, *qkv, *o, *gate_up, *down, *head;
	float *norms;                          /* [4][hidden]: of the embedding, the feature, before the MLP, before the head */
	struct paged_kv kv;
	float *rope;
	int64_t rows;                          /* what the buffers hold */
	float *x, *normed, *pair, *qkv_rows, *mixed, *both, *inner, *logits, *uniform, *last;
	int32_t *guesses;
	int64_t last_rows;                     /* of `last`: results that the next call may feed on */
	void *scratch;
};

static int64_t q_width(const struct draft_head *d)
{
	return d->m->shape.heads * d->m->shape.head_dim;
}

static int64_t qkv_width(const struct draft_head *d)
{
	return q_width(d) + 2 * d->m->shape.kv_heads * d->m->shape.head_dim;
}

/* ---- weights ---- */

/* Random rows of `role`, numbered beyond the model's own layers. */
static struct weights *matrix(const struct weight_source *source, enum weight_role role, int64_t layer, int64_t rows, int64_t cols, int threads,
			      struct err *err)
{
	float *values = mem_alloc_aligned((size_t)(rows * cols) * sizeof(*values));
	struct weights *w = NULL;

	if (!values)
		err_memory(err);
	else if (weight_source_read(source, role, layer, 0, 0, rows, cols, values, err))
		w = weights_pack(KERNEL_FP32, values, cols, rows, cols, threads, err);
	mem_free(values);
	return w;
}

static bool make_weights(struct draft_head *d, uint64_t seed, struct err *err)
{
	const struct engine_shape *s = &d->m->shape;
	struct weight_source *source = weight_source_random(s, seed, err);
	int64_t h = s->hidden, n = s->layers;
	int threads = d->limits.threads;
	bool ok = source && (d->fused < 2 || (d->fuse = matrix(source, WEIGHT_ROUTER, n, h, d->fused * h, threads, err))) &&
		  (d->qkv = matrix(source, WEIGHT_Q, n, qkv_width(d), 2 * h, threads, err)) && (d->o = matrix(source, WEIGHT_O, n, h, q_width(d), threads, err)) &&
		  (d->gate_up = matrix(source, WEIGHT_GATE, n, 2 * d->width, h, threads, err)) &&
		  (d->down = matrix(source, WEIGHT_DOWN, n, h, d->width, threads, err)) && (d->head = matrix(source, WEIGHT_HEAD, n, d->vocab, h, threads, err));

	for (int64_t i = 0; ok && i < 4 * h; i++)
		d->norms[i] = 1;
	weight_source_free(source);
	return ok;
}

/* ---- memory ---- */

static bool floats(float **at, int64_t count)
{
	mem_free(*at);
	*at = mem_alloc_aligned((size_t)(count > 0 ? count : 1) * sizeof(float));
	/* Touched now: page faults are not the first requests' to pay. */
	if (*at)
		memset(*at, 0, (size_t)(count > 0 ? count : 1) * sizeof(float));
	return *at != NULL;
}

static size_t scratch_bytes(const struct draft_head *d, int64_t rows)
{
	const struct engine_shape *s = &d->m->shape;
	int64_t deepest = (d->fused > 2 ? d->fused : 2) * s->hidden;
	size_t most, other;

	deepest = deepest > d->width ? deepest : d->width;
	deepest = deepest > q_width(d) ? deepest : q_width(d);
	most = gemm_scratch_bytes(rows, deepest);
	other = attention_scratch_bytes(d->limits.sequences, s->heads, s->kv_heads, s->head_dim, d->limits.threads);
	most = most > other ? most : other;
	other = sampling_scratch_bytes(d->vocab, d->limits.threads);
	return (most > other ? most : other) + 64;
}

static bool make_room(struct draft_head *d, int64_t rows, struct err *err)
{
	int64_t h = d->m->shape.hidden, wide = q_width(d) > h ? q_width(d) : h;

	if (rows <= d->rows)
		return true;
	d->rows = 0;
	mem_free(d->scratch);
	d->scratch = mem_alloc_aligned(scratch_bytes(d, rows));
	if (!d->scratch || !floats(&d->x, rows * h) || !floats(&d->normed, rows * h) || !floats(&d->pair, rows * 2 * h) ||
	    !floats(&d->qkv_rows, rows * qkv_width(d)) || !floats(&d->mixed, rows * wide) || !floats(&d->both, rows * 2 * d->width) ||
	    !floats(&d->inner, rows * d->width))
		return err_memory(err);
	d->rows = rows;
	return true;
}

static bool make_fixed(struct draft_head *d, struct err *err)
{
	const struct engine_shape *s = &d->m->shape;
	int64_t context = d->limits.context > 0 ? d->limits.context : 1;

	d->kv = (struct paged_kv){ .format = d->limits.kv_format, .blocks = d->limits.blocks, .block_size = d->limits.block_tokens, .kv_heads = s->kv_heads,
				   .head_dim = s->head_dim };
	d->guesses = mem_alloc_aligned((size_t)(d->limits.sequences + 1) * sizeof(*d->guesses));
	if (!d->guesses || !paged_kv_make(&d->kv) || !floats(&d->norms, 4 * s->hidden) || !floats(&d->logits, d->limits.sequences * d->vocab) ||
	    !floats(&d->uniform, d->limits.sequences) || !floats(&d->last, d->limits.sequences * s->hidden) || !floats(&d->rope, context * s->head_dim))
		return err_memory(err);
	rope_table(d->rope, context, s->head_dim, s->rope_theta);
	return true;
}

struct draft_head *draft_head_new(const struct draft_settings *s, const struct engine_model *m, const struct forward_limits *limits, uint64_t seed,
				  struct err *err)
{
	struct draft_head *d = mem_calloc(1, sizeof(*d));

	if (!d) {
		err_memory(err);
		return NULL;
	}
	d->m = m;
	d->limits = *limits;
	d->fused = s->fused;
	d->vocab = s->vocab > 0 && s->vocab < m->shape.vocab ? s->vocab : m->shape.vocab;
	d->width = m->shape.experts == 0 && m->shape.intermediate > 0 ? m->shape.intermediate : 4 * m->shape.hidden;
	d->token = tokenwise_best();
	d->attention = attention_best();
	if (make_fixed(d, err) && make_weights(d, seed, err) && make_room(d, limits->rows, err))
		return d;
	draft_head_free(d);
	return NULL;
}

void draft_head_free(struct draft_head *d)
{
	float *const buffers[] = { d ? d->norms : NULL, d ? d->rope : NULL, d ? d->x : NULL, d ? d->normed : NULL, d ? d->pair : NULL, d ? d->qkv_rows : NULL,
				   d ? d->mixed : NULL, d ? d->both : NULL, d ? d->inner : NULL, d ? d->logits : NULL, d ? d->uniform : NULL, d ? d->last : NULL };

	if (!d)
		return;
	for (size_t i = 0; i < COUNT_OF(buffers); i++)
		mem_free(buffers[i]);
	weights_free(d->fuse);
	weights_free(d->qkv);
	weights_free(d->o);
	weights_free(d->gate_up);
	weights_free(d->down);
	weights_free(d->head);
	paged_kv_release(&d->kv);
	mem_free(d->guesses);
	mem_free(d->scratch);
	mem_free(d);
}

/* ---- a pass ---- */

static void norm(struct draft_head *d, int which, const float *x, float *out, int64_t rows)
{
	int64_t h = d->m->shape.hidden;

	d->token->rmsnorm(x, d->norms + which * h, (float)d->m->shape.eps, out, rows, h, d->limits.threads);
}

static void product(struct draft_head *d, const struct weights *w, const float *a, int64_t rows, float *out, struct forward *timer)
{
	gemm(w, a, w->k, rows, out, w->n, d->scratch, d->limits.threads);
	forward_spent(timer, FORWARD_gemm);
}

/* x = the feature, pair = norms of embedding and feature side by side. */
static void take_in(struct draft_head *d, const struct forward_batch *b, const float *features, struct forward *timer)
{
	int64_t h = d->m->shape.hidden;

	if (features && d->fuse)
		product(d, d->fuse, features, b->rows, d->x, timer);
	else
		memcpy(d->x, features ? features : d->last, (size_t)(b->rows * h) * sizeof(float));
	d->token->embedding(d->m->embedding, d->m->embedding_format, b->ids, d->mixed, b->rows, h, d->limits.threads);
	forward_spent(timer, FORWARD_embedding);
	norm(d, 0, d->mixed, d->mixed, b->rows);
	norm(d, 1, d->x, d->normed, b->rows);
	for (int64_t r = 0; r < b->rows; r++) {
		memcpy(d->pair + r * 2 * h, d->mixed + r * h, (size_t)h * sizeof(float));
		memcpy(d->pair + r * 2 * h + h, d->normed + r * h, (size_t)h * sizeof(float));
	}
	forward_spent(timer, FORWARD_norm);
}

static void attend(struct draft_head *d, const struct forward_batch *b, struct forward *timer)
{
	const struct engine_shape *s = &d->m->shape;
	struct attention_call call = { .kv = &d->kv, .heads = s->heads, .scale = 1 / sqrtf((float)s->head_dim), .q_stride = qkv_width(d), .scratch = d->scratch,
				       .threads = d->limits.threads, .kv_len = b->lengths, .tables = b->tables, .q = d->qkv_rows, .out = d->mixed };
	const float *keys = d->qkv_rows + q_width(d);

	d->token->kv_append(&d->kv, keys, keys + s->kv_heads * s->head_dim, qkv_width(d), b->slots, b->rows, d->limits.threads);
	forward_spent(timer, FORWARD_kv_append);
	call.sequences = b->decodes + b->chunks;
	if (b->chunks > 0) {
		call.first = b->first;
		d->attention->prefill(&call);
	} else {
		d->attention->decode(&call);
	}
	forward_spent(timer, b->chunks > 0 ? FORWARD_attention_prefill : FORWARD_attention_decode);
}

static void layer(struct draft_head *d, const struct forward_batch *b, struct forward *timer)
{
	const struct engine_shape *s = &d->m->shape;
	struct rope rope = { .heads = s->heads + s->kv_heads, .head_dim = s->head_dim, .stride = qkv_width(d), .table = d->rope, .interleaved = s->interleaved };

	product(d, d->qkv, d->pair, b->rows, d->qkv_rows, timer);
	d->token->rope(&rope, d->qkv_rows, b->positions, b->rows, d->limits.threads);
	forward_spent(timer, FORWARD_rope);
	attend(d, b, timer);
	product(d, d->o, d->mixed, b->rows, d->normed, timer);
	d->token->add(d->x, d->normed, d->x, b->rows, s->hidden, d->limits.threads);
	forward_spent(timer, FORWARD_add);
	norm(d, 2, d->x, d->normed, b->rows);
	forward_spent(timer, FORWARD_norm);
	product(d, d->gate_up, d->normed, b->rows, d->both, timer);
	d->token->swiglu(d->both, d->both + d->width, 2 * d->width, d->inner, b->rows, d->width, d->limits.threads);
	forward_spent(timer, FORWARD_activation);
	product(d, d->down, d->inner, b->rows, d->normed, timer);
	d->token->add(d->x, d->normed, d->x, b->rows, s->hidden, d->limits.threads);
	forward_spent(timer, FORWARD_add);
}

static void guess(struct draft_head *d, const struct forward_batch *b, struct forward *timer)
{
	static const struct sampling greedy = { .temperature = 0, .top_p = 1 };
	int64_t h = d->m->shape.hidden;

	for (int64_t i = 0; i < b->logits; i++)
		memcpy(d->last + i * h, d->x + b->logit_rows[i] * h, (size_t)h * sizeof(float));
	d->last_rows = b->logits;
	if (b->logits == 0)
		return;
	norm(d, 3, d->last, d->normed, b->logits);
	forward_spent(timer, FORWARD_norm);
	product(d, d->head, d->normed, b->logits, d->logits, timer);
	sample(d->logits, b->logits, d->vocab, &greedy, d->uniform, d->guesses, d->scratch, d->limits.threads);
	forward_spent(timer, FORWARD_sampling);
}

bool draft_head_run(struct draft_head *d, const struct forward_batch *b, const float *features, struct forward *timer, struct err *err)
{
	if (!make_room(d, b->rows, err))
		return false;
	if (!features && b->rows != d->last_rows)
		return err_set(err, ERR_INTERNAL, "draft head: %lld rows go on from %lld results", (long long)b->rows, (long long)d->last_rows);
	take_in(d, b, features, timer);
	layer(d, b, timer);
	guess(d, b, timer);
	return true;
}

const int32_t *draft_head_guesses(const struct draft_head *d)
{
	return d->guesses;
}
