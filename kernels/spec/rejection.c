/* kernels/spec/rejection.c -- speculative sampling is exact: accepting a token of q with probability min(1, p/q), and else drawing
 * from what is left of p, emits p itself (arXiv 2211.17192, theorem 1). shape: m positions, n words. The reference is p; the
 * variant computes the distribution that comes out. */
#include <math.h>

#include "base/mem.h"
#include "kernels/harness/kernel.h"

enum { P, Q, OUT };

static int operands(const struct shape *s, struct operand *o)
{
	o[P] = (struct operand){ .name = "target", .count = s->m * s->n, .scale = 4 };
	o[Q] = (struct operand){ .name = "draft", .count = s->m * s->n, .scale = 4 };
	o[OUT] = (struct operand){ .name = "emitted", .count = s->m * s->n, .fill = FILL_RESULT };
	return 3;
}
static double flops(const struct shape *s)
{
	return 16.0 * (double)(s->m * s->n);
}
static double bytes(const struct shape *s)
{
	return 12.0 * (double)(s->m * s->n);
}
static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)(2 * s->n), sizeof(double));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

static void softmax(const float *logits, int64_t n, double *p)
{
	double most = -INFINITY, sum = 0;

	for (int64_t i = 0; i < n; i++)
		most = fmax(most, (double)logits[i]);
	for (int64_t i = 0; i < n; i++)
		sum += p[i] = exp((double)logits[i] - most);
	for (int64_t i = 0; i < n; i++)
		p[i] /= sum;
}

static void target(const struct kernel_run *r)
{
	int64_t n = r->shape->n;
	double *p = r->state;
	float *out = r->data[OUT];

	for (int64_t t = 0; t < r->shape->m; t++) {
		softmax((const float *)r->data[P] + t * n, n, p);
		for (int64_t i = 0; i < n; i++)
			out[t * n + i] = (float)p[i];
	}
}

static void accept_or_resample(const struct kernel_run *r)
{
	int64_t n = r->shape->n;
	double *p = r->state, *q = p + n;
	float *out = r->data[OUT];

	for (int64_t t = 0; t < r->shape->m; t++) {
		double accepted = 0, left = 0;

		softmax((const float *)r->data[P] + t * n, n, p);
		softmax((const float *)r->data[Q] + t * n, n, q);
		for (int64_t i = 0; i < n; i++) {
			accepted += q[i] * fmin(1, p[i] / q[i]);
			left += fmax(p[i] - q[i], 0);
		}
		for (int64_t i = 0; i < n; i++) {
			double rest = left > 0 ? (1 - accepted) * fmax(p[i] - q[i], 0) / left : 0;

			out[t * n + i] = (float)(q[i] * fmin(1, p[i] / q[i]) + rest);
		}
	}
}

static const struct shape tests[] = { { .m = 1, .n = 2 }, { .m = 5, .n = 300 }, { 0 } };
static const struct shape benches[] = { { .m = 8, .n = 32000 }, { 0 } };
static const struct kernel variants[] = { { "ref", NULL, NULL, target, NULL }, { "rejection", NULL, NULL, accept_or_resample, NULL }, { 0 } };
const struct kernel_family kernel_rejection = {
	.area = "spec", .name = "rejection", .help = "acceptance and resampling emit the target's distribution", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .tolerance = { 1e-5 }, .tests = tests, .benches = benches, .variants = variants,
};
