/* kernels/compiler/diff_decode.c -- (softmax(q1 K1) - lambda softmax(q2 K2)) V for one token a sequence over paged caches. shape:
 * batch, heads (two a pair), head_dim, kv_len; values of a pair are twice as wide. extra[0]: lambda in thousandths. */
#include "kernels/compiler/diff_decode.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { Q, KEYS, VALUES, ORDER, OUT };
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
	o[OUT] = (struct operand){ .name = "out", .count = rows * s->head_dim, .fill = FILL_RESULT };
	return 5;
}
static double flops(const struct shape *s)
{
	return 4.0 * (double)(s->batch * s->heads * s->kv_len * s->head_dim);
}
static double bytes(const struct shape *s)
{
	return 8.0 * (double)(s->batch * s->heads * s->head_dim * (s->kv_len + 1));
}

struct state {
	struct paged_kv keys, values;
	float *weight;
};
static void release(void *state)
{
	mem_free(((struct state *)state)->weight);
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	struct state *a = mem_calloc(1, sizeof(*a));

	if (a) {
		a->weight = mem_calloc((size_t)(2 * (s->kv_len + MARGIN)), sizeof(float));
		a->keys = (struct paged_kv){ .k = data[KEYS], .format = KERNEL_FP32, .blocks = s->batch * blocks_each(s), .block_size = BLOCK,
					     .kv_heads = s->heads, .head_dim = s->head_dim };
		a->values = a->keys;
		a->values.v = data[VALUES];
		a->values.kv_heads /= 2;
		a->values.head_dim *= 2;
	}
	if (!a || !a->weight) {
		if (a)
			release(a);
		err_memory(err);
		return NULL;
	}
	return a;
}

static void plain_pair(const struct diff_pair *p)
{
	int64_t d = p->keys->head_dim, wide = p->values->head_dim;

	memset(p->out, 0, (size_t)wide * sizeof(*p->out));
	for (int half = 0; half < 2; half++) {
		float *w = p->weight + half * (p->tokens + MARGIN);
		double most = -INFINITY, sum = 0;

		for (int64_t t = 0; t < p->tokens; t++) {
			const float *k = (const float *)p->keys->k + paged_row(p->keys, p->table[t / BLOCK], 2 * p->pair + half, t % BLOCK);
			double x = 0;

			for (int64_t i = 0; i < d; i++)
				x += (double)p->q[half * d + i] * (double)k[i];
			w[t] = (float)(x * (double)p->scale);
			most = fmax(most, (double)w[t]);
		}
		for (int64_t t = 0; t < p->tokens; t++)
			sum += exp((double)w[t] - most);
		for (int64_t t = 0; t < p->tokens; t++)
			w[t] = (float)(exp((double)w[t] - most) / sum);
	}
	for (int64_t t = 0; t < p->tokens; t++) {
		const float *v = (const float *)p->values->v + paged_row(p->values, p->table[t / BLOCK], p->pair, t % BLOCK);
		float w = p->weight[t] - p->lambda * p->weight[p->tokens + MARGIN + t];

		for (int64_t i = 0; i < wide; i++)
			p->out[i] += w * v[i];
	}
}

struct variant {
	void (*pair)(const struct diff_pair *p);
};
static void run(const struct kernel_run *r)
{
	const struct variant *v = r->kernel->with;
	const struct shape *s = r->shape;
	const struct state *a = r->state;
	int64_t pairs = s->heads / 2;

	for (int64_t i = 0; i < s->batch * pairs; i++)
		v->pair(&(struct diff_pair){ .keys = &a->keys, .values = &a->values, .table = (const int32_t *)r->data[ORDER] + i / pairs * blocks_each(s),
					     .q = (const float *)r->data[Q] + i * 2 * s->head_dim, .out = (float *)r->data[OUT] + i * 2 * s->head_dim,
					     .weight = a->weight, .tokens = s->kv_len, .pair = i % pairs, .scale = 1 / sqrtf((float)s->head_dim),
					     .lambda = (float)s->extra[0] / 1000 });
}

static bool whole_vectors(const struct shape *s)
{
	return s->head_dim % 16 == 0 && s->head_dim <= 128;
}

#define A(b, l, h, d, lambda) { .batch = b, .kv_len = l, .heads = h, .head_dim = d, .extra = { lambda } }
static const struct shape tests[] = { A(1, 3, 2, 64, 500), A(2, 133, 4, 64, 800), A(1, 40, 2, 128, 0), A(1, 20, 2, 12, 300), { 0 } };
static const struct shape benches[] = { A(4, 2048, 8, 64, 800), { 0 } };
static const struct variant plain = { plain_pair };
#if defined(__x86_64__)
static const struct variant avx2 = { diff_pair_avx2 }, avx512 = { diff_pair_avx512 };
#endif
static const struct kernel variants[] = {
	{ "ref", NULL, NULL, run, &plain },
	KERNEL_SIMD(whole_vectors, run, &avx2, &avx512)
	{ 0 }
};
const struct kernel_family kernel_diff_decode = {
	.area = "compiler", .name = "diff_decode", .help = "difference of two softmaxes over paged caches, values read once", .operands = operands,
	.flops = flops, .bytes = bytes, .prepare = prepare, .release = release, .tolerance = { 2e-5 }, .baseline = "attention_decode", .tests = tests,
	.benches = benches, .variants = variants,
};
