/* kernels/compiler/diff_attention.c -- (softmax(q1 k1) - lambda softmax(q2 k2)) v for one query over kv_len tokens
 * (Differential Transformer, arXiv 2410.05258): two passes over the values, or two running softmaxes that share one.
 * shape: batch queries, kv_len, head_dim; values are twice as wide. extra[0]: lambda in thousandths. */
#include <math.h>

#include "base/mem.h"
#include "kernels/harness/kernel.h"

enum { Q, K, V, OUT };

static int operands(const struct shape *s, struct operand *o)
{
	o[Q] = (struct operand){ .name = "q", .count = 2 * s->batch * s->head_dim, .scale = 2 };
	o[K] = (struct operand){ .name = "k", .count = 2 * s->kv_len * s->head_dim, .scale = 1 };
	o[V] = (struct operand){ .name = "v", .count = 2 * s->kv_len * s->head_dim, .scale = 1 };
	o[OUT] = (struct operand){ .name = "out", .count = 2 * s->batch * s->head_dim, .fill = FILL_RESULT };
	return 4;
}
static double flops(const struct shape *s)
{
	return 2.0 * (double)(s->batch * s->kv_len) * 2 * (double)(2 * s->head_dim);
}
static double bytes(const struct shape *s)
{
	return 4.0 * (double)(4 * s->kv_len * s->head_dim + 4 * s->batch * s->head_dim);
}
static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)(2 * s->kv_len + 4 * s->head_dim), sizeof(double));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

static double score(const struct kernel_run *r, int64_t query, int64_t t, int half)
{
	const float *q = r->data[Q], *k = r->data[K];
	int64_t d = r->shape->head_dim;
	double sum = 0;

	for (int64_t i = 0; i < d; i++)
		sum += (double)q[(2 * query + half) * d + i] * (double)k[(2 * t + half) * d + i];
	return sum / sqrt((double)d);
}

static void softmax(double *p, int64_t n)
{
	double most = -INFINITY, sum = 0;

	for (int64_t t = 0; t < n; t++)
		most = fmax(most, p[t]);
	for (int64_t t = 0; t < n; t++)
		sum += p[t] = exp(p[t] - most);
	for (int64_t t = 0; t < n; t++)
		p[t] /= sum;
}

static void reference(const struct kernel_run *r)
{
	const float *v = r->data[V];
	int64_t n = r->shape->kv_len, wide = 2 * r->shape->head_dim;
	double *p = r->state, lambda = (double)r->shape->extra[0] / 1000;
	float *out = r->data[OUT];

	for (int64_t b = 0; b < r->shape->batch; b++) {
		for (int64_t t = 0; t < n; t++)
			p[t] = score(r, b, t, 0), p[n + t] = score(r, b, t, 1);
		softmax(p, n);
		softmax(p + n, n);
		for (int64_t i = 0; i < wide; i++) {
			double sum = 0;

			for (int64_t t = 0; t < n; t++)
				sum += (p[t] - lambda * p[n + t]) * (double)v[t * wide + i];
			out[b * wide + i] = (float)sum;
		}
	}
}

/* One pass: each softmax keeps its maximum, sum and accumulator, rescaled when the maximum moves. */
static void online(const struct kernel_run *r)
{
	const float *v = r->data[V];
	int64_t n = r->shape->kv_len, wide = 2 * r->shape->head_dim;
	double *acc = r->state, lambda = (double)r->shape->extra[0] / 1000;
	float *out = r->data[OUT];

	for (int64_t b = 0; b < r->shape->batch; b++) {
		double most[2] = { -INFINITY, -INFINITY }, sum[2] = { 0 };

		for (int64_t i = 0; i < 2 * wide; i++)
			acc[i] = 0;
		for (int64_t t = 0; t < n; t++)
			for (int half = 0; half < 2; half++) {
				double s = score(r, b, t, half), next = fmax(most[half], s), keep = exp(most[half] - next), e = exp(s - next);

				sum[half] = sum[half] * keep + e;
				for (int64_t i = 0; i < wide; i++)
					acc[half * wide + i] = acc[half * wide + i] * keep + e * (double)v[t * wide + i];
				most[half] = next;
			}
		for (int64_t i = 0; i < wide; i++)
			out[b * wide + i] = (float)(acc[i] / sum[0] - lambda * acc[wide + i] / sum[1]);
	}
}

static const struct shape tests[] = { { .batch = 1, .kv_len = 3, .head_dim = 4, .extra = { 500 } }, { .batch = 3, .kv_len = 130, .head_dim = 32, .extra = { 800 } },
				      { .batch = 2, .kv_len = 17, .head_dim = 8 }, { 0 } };
static const struct shape benches[] = { { .batch = 4, .kv_len = 2048, .head_dim = 64, .extra = { 800 } }, { 0 } };
static const struct kernel variants[] = { { "ref", NULL, NULL, reference, NULL }, { "online", NULL, NULL, online, NULL }, { 0 } };
const struct kernel_family kernel_diff_attention = {
	.area = "compiler", .name = "diff_attention", .help = "difference of two softmaxes over shared values", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .tolerance = { 1e-5 }, .tests = tests, .benches = benches, .variants = variants,
};
