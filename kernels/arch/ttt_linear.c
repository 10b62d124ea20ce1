/* kernels/arch/ttt_linear.c -- the hidden state is a linear model W, each mini-batch of b tokens one gradient step on
 * |W k - v|^2 taken at the W before it (TTT-Linear without norm, arXiv 2407.04620). Primal: W of every token is formed. Dual:
 * z = W q - 2 eta sum_{s <= t} (W k_s - v_s)(k_s q_t), products alone. shape: q_len tokens, head_dim, m tokens a mini-batch. */
#include <string.h>

#include "base/mem.h"
#include "kernels/arch/chunk_forms.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { Q, K, V, Z };
static const double RATE = 0.01;

static int operands(const struct shape *s, struct operand *o)
{
	int64_t n = s->q_len * s->head_dim;

	o[Q] = (struct operand){ .name = "q", .count = n, .scale = 1 };
	o[K] = (struct operand){ .name = "k", .count = n, .scale = 1 };
	o[V] = (struct operand){ .name = "v", .count = n, .scale = 1 };
	o[Z] = (struct operand){ .name = "z", .count = n, .fill = FILL_RESULT };
	return 4;
}
static double flops(const struct shape *s)
{
	double d = (double)s->head_dim;

	return (double)s->q_len * (6 * d * d + 4 * (double)s->m * d);
}
static double bytes(const struct shape *s)
{
	return 4.0 * 4 * (double)(s->q_len * s->head_dim) + 8.0 * (double)(s->head_dim * s->head_dim) * (double)s->q_len / (double)s->m;
}
static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)(2 * s->head_dim * s->head_dim + s->m * s->head_dim), sizeof(double));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

/* out = W x for a d x d matrix */
static void apply(const double *w, const float *x, int64_t d, double *out)
{
	for (int64_t i = 0; i < d; i++) {
		out[i] = 0;
		for (int64_t j = 0; j < d; j++)
			out[i] += w[i * d + j] * (double)x[j];
	}
}

static void primal(const struct kernel_run *r)
{
	const float *q = r->data[Q], *k = r->data[K], *v = r->data[V];
	int64_t d = r->shape->head_dim, b = r->shape->m;
	double *w = r->state, *now = w + d * d, *error = now + d * d;
	float *z = r->data[Z];

	memset(w, 0, (size_t)(d * d) * sizeof(*w));
	for (int64_t t = 0; t < r->shape->q_len; t++) {
		if (t % b == 0 && t > 0)
			memcpy(w, now, (size_t)(d * d) * sizeof(*w));
		if (t % b == 0)
			memcpy(now, w, (size_t)(d * d) * sizeof(*w));
		apply(w, k + t * d, d, error);
		for (int64_t i = 0; i < d; i++)
			for (int64_t j = 0; j < d; j++)
				now[i * d + j] -= 2 * RATE * (error[i] - (double)v[t * d + i]) * (double)k[t * d + j];
		apply(now, q + t * d, d, error);
		for (int64_t i = 0; i < d; i++)
			z[t * d + i] = (float)error[i];
	}
}

static void dual_batch(const struct kernel_run *r, int64_t first, int64_t count)
{
	const float *q = r->data[Q], *k = r->data[K], *v = r->data[V];
	int64_t d = r->shape->head_dim;
	double *w = r->state, *out = w + d * d, *error = out + d * d;
	float *z = r->data[Z];

	for (int64_t s = 0; s < count; s++) {
		apply(w, k + (first + s) * d, d, error + s * d);
		for (int64_t i = 0; i < d; i++)
			error[s * d + i] -= (double)v[(first + s) * d + i];
	}
	for (int64_t t = 0; t < count; t++) {
		apply(w, q + (first + t) * d, d, out);
		for (int64_t s = 0; s <= t; s++) {
			double product = 0;

			for (int64_t j = 0; j < d; j++)
				product += (double)k[(first + s) * d + j] * (double)q[(first + t) * d + j];
			for (int64_t i = 0; i < d; i++)
				out[i] -= 2 * RATE * error[s * d + i] * product;
		}
		for (int64_t i = 0; i < d; i++)
			z[(first + t) * d + i] = (float)out[i];
	}
	for (int64_t s = 0; s < count; s++)
		for (int64_t i = 0; i < d; i++)
			for (int64_t j = 0; j < d; j++)
				w[i * d + j] -= 2 * RATE * error[s * d + i] * (double)k[(first + s) * d + j];
}

static void dual(const struct kernel_run *r)
{
	int64_t d = r->shape->head_dim, b = r->shape->m, n = r->shape->q_len;

	memset(r->state, 0, (size_t)(d * d) * sizeof(double));
	for (int64_t first = 0; first < n; first += b)
		dual_batch(r, first, n - first < b ? n - first : b);
}

/* In single precision, chunk by chunk (chunk_forms.h). */
static void chunks(const struct kernel_run *r)
{
	int64_t d = r->shape->head_dim;
	float *state = r->state;

	memset(state, 0, (size_t)(d * d + d + r->shape->m * d) * sizeof(*state));
	((const struct chunk_ops *)r->kernel->with)->ttt(&(struct chunk_call){
		.q = r->data[Q], .k = r->data[K], .v = r->data[V], .gates = NULL, .out = r->data[Z], .state = state, .tokens = r->shape->q_len,
		.keys = r->shape->head_dim, .values = r->shape->head_dim, .chunk = r->shape->m, .rate = (float)RATE });
}
static bool whole_vectors(const struct shape *s)
{
	return s->head_dim % 16 == 0 && s->m <= CHUNK_MOST;
}

static const struct shape tests[] = { { .q_len = 7, .head_dim = 4, .m = 3 }, { .q_len = 64, .head_dim = 32, .m = 16 }, { 0 } };
static const struct shape benches[] = { { .q_len = 256, .head_dim = 64, .m = 16 }, { 0 } };
static const struct kernel variants[] = {
	{ "ref", NULL, NULL, primal, NULL },
	{ "dual", NULL, NULL, dual, NULL },
	KERNEL_SIMD(whole_vectors, chunks, &chunk_avx2, &chunk_avx512)
	{ 0 }
};
const struct kernel_family kernel_ttt_linear = {
	.area = "arch", .name = "ttt_linear", .help = "a linear model as hidden state: primal and dual form", .operands = operands, .flops = flops, .bytes = bytes,
	.prepare = prepare, .release = release, .tolerance = { 1e-5 }, .tests = tests, .benches = benches, .variants = variants,
};
