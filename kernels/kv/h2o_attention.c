/* kernels/kv/h2o_attention.c -- a decode step of H2O: attention over kv_len kept tokens, accumulated scores, the next one to go.
 * shape: batch, heads, head_dim, kv_len; extra[0]: most recent tokens that stay whatever their score. */
#include "kernels/kv/h2o_attention.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { Q, KEYS, VALUES, ORDER, SCORES, OUT, EVICTED };
enum { BLOCK = 16, MARGIN = 16 };

static int64_t blocks_each(const struct shape *s)
{
	return (s->kv_len + BLOCK - 1) / BLOCK;
}
static int operands(const struct shape *s, struct operand *o)
{
	int64_t rows = s->batch * s->heads, cached = s->batch * blocks_each(s) * BLOCK * s->heads * s->head_dim;

	o[Q] = (struct operand){ .name = "q", .count = rows * s->head_dim, .scale = 2, .fresh = true };
	o[KEYS] = (struct operand){ .name = "k", .count = cached, .scale = 1, .streamed = true };
	o[VALUES] = (struct operand){ .name = "v", .count = cached, .scale = 1, .streamed = true };
	o[ORDER] = (struct operand){ .name = "order", .element = ELEMENT_INT32, .count = s->batch * blocks_each(s), .fill = FILL_SHUFFLED };
	o[SCORES] = (struct operand){ .name = "scores", .count = rows * s->kv_len, .scale = 1, .streamed = true };
	o[OUT] = (struct operand){ .name = "out", .count = rows * s->head_dim, .fill = FILL_RESULT };
	o[EVICTED] = (struct operand){ .name = "evicted", .element = ELEMENT_INT32, .count = rows, .fill = FILL_RESULT };
	return 7;
}
static double flops(const struct shape *s)
{
	return (double)(s->batch * s->heads * s->kv_len) * (4.0 * (double)s->head_dim + 2);
}
static double bytes(const struct shape *s)
{
	return (double)(s->batch * s->heads) * ((double)s->kv_len * (8.0 * (double)s->head_dim + 8) + 8.0 * (double)s->head_dim);
}

struct state {
	struct paged_kv kv;
	float *next, *weight;          /* accumulated scores after this step; one head's weights */
};
static void release(void *state)
{
	struct state *a = state;

	mem_free(a->next);
	mem_free(a->weight);
	mem_free(a);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	struct state *a = mem_calloc(1, sizeof(*a));

	if (a) {
		a->next = mem_calloc((size_t)(s->batch * s->heads * s->kv_len), sizeof(float));
		a->weight = mem_calloc((size_t)(s->kv_len + MARGIN), sizeof(float));
		a->kv = (struct paged_kv){ .k = data[KEYS], .v = data[VALUES], .format = KERNEL_FP32, .blocks = s->batch * blocks_each(s),
					   .block_size = BLOCK, .kv_heads = s->heads, .head_dim = s->head_dim };
	}
	if (!a || !a->next || !a->weight) {
		if (a)
			release(a);
		err_memory(err);
		return NULL;
	}
	return a;
}

static struct h2o_head head_of(const struct kernel_run *r, int64_t i)
{
	const struct shape *s = r->shape;
	const struct state *a = r->state;

	return (struct h2o_head){ .kv = &a->kv, .table = (const int32_t *)r->data[ORDER] + i / s->heads * blocks_each(s),
				  .q = (const float *)r->data[Q] + i * s->head_dim, .score = (const float *)r->data[SCORES] + i * s->kv_len,
				  .next = a->next + i * s->kv_len, .out = (float *)r->data[OUT] + i * s->head_dim, .weight = a->weight,
				  .tokens = s->kv_len, .recent = s->extra[0], .head = i % s->heads, .scale = 1 / sqrtf((float)s->head_dim) };
}

static double score_of(const struct h2o_head *h, int64_t t)
{
	const float *k = (const float *)h->kv->k + paged_row(h->kv, h->table[t / h->kv->block_size], h->head, t % h->kv->block_size);
	double sum = 0;

	for (int64_t i = 0; i < h->kv->head_dim; i++)
		sum += (double)h->q[i] * (double)k[i];
	return sum * (double)h->scale;
}

static void plain_head(const struct h2o_head *h, int32_t *evicted)
{
	double most = -INFINITY, sum = 0;
	int64_t d = h->kv->head_dim, least = 0;

	memset(h->out, 0, (size_t)d * sizeof(*h->out));
	for (int64_t t = 0; t < h->tokens; t++)
		most = fmax(most, score_of(h, t));
	for (int64_t t = 0; t < h->tokens; t++)
		sum += exp(score_of(h, t) - most);
	for (int64_t t = 0; t < h->tokens; t++) {
		const float *v = (const float *)h->kv->v + paged_row(h->kv, h->table[t / h->kv->block_size], h->head, t % h->kv->block_size);
		double w = exp(score_of(h, t) - most) / sum;

		h->next[t] = h->score[t] + (float)w;
		for (int64_t i = 0; i < d; i++)
			h->out[i] += (float)w * v[i];
	}
	for (int64_t t = 1; t < h->tokens - h->recent; t++)
		least = h->next[t] < h->next[least] ? t : least;
	*evicted = (int32_t)least;
}

h2o_function *h2o_best(int64_t head_dim)
{
#if defined(__x86_64__)
	if (head_dim % 16 == 0 && head_dim <= 256 && cpu_has_avx512())
		return h2o_avx512;
	if (head_dim % 16 == 0 && head_dim <= 256 && cpu_has_avx2())
		return h2o_avx2;
#endif
	return plain_head;
}

struct variant {
	h2o_function *head;
};
static void run(const struct kernel_run *r)
{
	const struct variant *v = r->kernel->with;

	for (int64_t i = 0; i < r->shape->batch * r->shape->heads; i++) {
		struct h2o_head h = head_of(r, i);

		v->head(&h, (int32_t *)r->data[EVICTED] + i);
	}
}

/* What attention gave away adds up to one a head, and nothing before the recent tokens has less than the one to go. */
static double weights_conserved(const struct kernel_run *r)
{
	const struct state *a = r->state;
	double worst = 0;

	for (int64_t i = 0; i < r->shape->batch * r->shape->heads; i++) {
		int64_t n = r->shape->kv_len, gone = ((const int32_t *)r->data[EVICTED])[i];
		double sum = 0;

		for (int64_t t = 0; t < n; t++)
			sum += (double)a->next[i * n + t] - (double)((const float *)r->data[SCORES])[i * n + t];
		for (int64_t t = 0; t < n - r->shape->extra[0]; t++)
			worst = fmax(worst, (double)a->next[i * n + gone] - (double)a->next[i * n + t]);
		worst = fmax(worst, fabs(sum - 1));
	}
	return worst;
}

static bool whole_vectors(const struct shape *s)
{
	return s->head_dim % 16 == 0 && s->head_dim <= 256;
}

#define A(b, l, h, d, r) { .batch = b, .kv_len = l, .heads = h, .head_dim = d, .extra = { r } }
static const struct shape tests[] = { A(1, 5, 1, 64, 2), A(2, 61, 4, 64, 20), A(1, 400, 2, 128, 200), A(1, 20, 1, 12, 4), { 0 } };
static const struct shape benches[] = { A(4, 820, 8, 64, 410), { 0 } };
static const struct variant plain = { plain_head };
#if defined(__x86_64__)
static const struct variant avx2 = { h2o_avx2 }, avx512 = { h2o_avx512 };
#endif
static const struct kernel variants[] = {
	{ "ref", NULL, NULL, run, &plain },
	KERNEL_SIMD(whole_vectors, run, &avx2, &avx512)
	{ 0 }
};
const struct kernel_family kernel_h2o_attention = {
	.area = "kv", .name = "h2o_attention", .help = "decode attention over kept tokens, their scores, the one to go", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .check = weights_conserved, .check_most = 1e-4, .tolerance = { 1e-5 },
	.baseline = "attention_decode", .tests = tests, .benches = benches, .variants = variants,
};
