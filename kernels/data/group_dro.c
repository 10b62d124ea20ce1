/* kernels/data/group_dro.c -- weights of k domains over m steps of excess losses: alpha <- softmax(log alpha + eta excess), then
 * (1 - c) alpha + c / k (DoReMi, arXiv 2305.10429). extra[0]: eta in thousandths. out: the mean over the steps. */
#include <math.h>

#include "base/mem.h"
#include "kernels/harness/kernel.h"

enum { EXCESS, ALPHA };
static const double SMOOTH = 1e-3;

static int operands(const struct shape *s, struct operand *o)
{
	o[EXCESS] = (struct operand){ .name = "excess", .count = s->m * s->k, .scale = 1 };
	o[ALPHA] = (struct operand){ .name = "alpha", .count = s->k, .fill = FILL_RESULT };
	return 2;
}
static double flops(const struct shape *s)
{
	return 8.0 * (double)(s->m * s->k);
}
static double bytes(const struct shape *s)
{
	return 4.0 * (double)(s->m * s->k + s->k);
}
static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)(2 * s->k), sizeof(double));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

/* Losses of a step count where the proxy is behind its reference. */
static double excess(const struct kernel_run *r, int64_t step, int64_t i)
{
	const float *e = r->data[EXCESS];

	return fmax((double)e[step * r->shape->k + i], 0) * (double)r->shape->extra[0] / 1000;
}

static void in_logarithms(const struct kernel_run *r)
{
	int64_t k = r->shape->k;
	double *alpha = r->state, *mean = alpha + k;
	float *out = r->data[ALPHA];

	for (int64_t i = 0; i < k; i++)
		alpha[i] = 1 / (double)k, mean[i] = 0;
	for (int64_t step = 0; step < r->shape->m; step++) {
		double most = -INFINITY, sum = 0;

		for (int64_t i = 0; i < k; i++)
			alpha[i] = log(alpha[i]) + excess(r, step, i), most = fmax(most, alpha[i]);
		for (int64_t i = 0; i < k; i++)
			sum += alpha[i] = exp(alpha[i] - most);
		for (int64_t i = 0; i < k; i++)
			mean[i] += alpha[i] = (1 - SMOOTH) * alpha[i] / sum + SMOOTH / (double)k;
	}
	for (int64_t i = 0; i < k; i++)
		out[i] = (float)(mean[i] / (double)r->shape->m);
}

static void multiplicative(const struct kernel_run *r)
{
	int64_t k = r->shape->k;
	double *alpha = r->state, *mean = alpha + k;
	float *out = r->data[ALPHA];

	for (int64_t i = 0; i < k; i++)
		alpha[i] = 1 / (double)k, mean[i] = 0;
	for (int64_t step = 0; step < r->shape->m; step++) {
		double sum = 0;

		for (int64_t i = 0; i < k; i++)
			sum += alpha[i] *= exp(excess(r, step, i));
		for (int64_t i = 0; i < k; i++)
			mean[i] += alpha[i] = (1 - SMOOTH) / sum * alpha[i] + SMOOTH / (double)k;
	}
	for (int64_t i = 0; i < k; i++)
		out[i] = (float)(mean[i] / (double)r->shape->m);
}

static double on_the_simplex(const struct kernel_run *r)
{
	const float *alpha = r->data[ALPHA];
	double sum = 0;

	for (int64_t i = 0; i < r->shape->k; i++) {
		if (!((double)alpha[i] >= SMOOTH / (double)r->shape->k * 0.999))
			return 1;
		sum += (double)alpha[i];
	}
	return fabs(sum - 1);
}

static const struct shape tests[] = { { .m = 1, .k = 2, .extra = { 1000 } }, { .m = 200, .k = 22, .extra = { 100 } }, { .m = 10, .k = 5 }, { 0 } };
static const struct shape benches[] = { { .m = 2000, .k = 22, .extra = { 100 } }, { 0 } };
static const struct kernel variants[] = { { "ref", NULL, NULL, in_logarithms, NULL }, { "multiplicative", NULL, NULL, multiplicative, NULL }, { 0 } };
const struct kernel_family kernel_group_dro = {
	.area = "data", .name = "group_dro", .help = "domain weights by exponentiated gradient on excess losses", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .check = on_the_simplex, .check_most = 1e-5, .tolerance = { 1e-5 }, .tests = tests,
	.benches = benches, .variants = variants,
};
