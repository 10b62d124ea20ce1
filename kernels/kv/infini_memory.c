/* kernels/kv/infini_memory.c -- a matrix memory per head, read and updated by linear attention: sigma(q) M / sigma(q) z, then
 * M += sigma(k)' v, z += sigma(k) (Infini-attention, arXiv 2404.07143). shape: q_len tokens, head_dim. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/arch/chunk_forms.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { Q, K, V, OUT };

static int operands(const struct shape *s, struct operand *o)
{
	int64_t n = s->q_len * s->head_dim;

	o[Q] = (struct operand){ .name = "q", .count = n, .scale = 1 };
	o[K] = (struct operand){ .name = "k", .count = n, .scale = 1 };
	o[V] = (struct operand){ .name = "v", .count = n, .scale = 1 };
	o[OUT] = (struct operand){ .name = "out", .count = n, .fill = FILL_RESULT };
	return 4;
}
static double flops(const struct shape *s)
{
	return 4.0 * (double)(s->q_len * s->head_dim * s->head_dim);
}
static double bytes(const struct shape *s)
{
	return 4.0 * (double)(4 * s->q_len * s->head_dim + 2 * s->head_dim * (s->head_dim + 1));
}
static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)(s->head_dim * (s->head_dim + 4) + s->q_len * s->q_len), sizeof(double));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

static double sigma(float x)
{
	return x > 0 ? (double)x + 1 : exp((double)x);
}

/* Token by token: a token reads what lies before it, itself included. */
static void recurrent(const struct kernel_run *r)
{
	const float *q = r->data[Q], *k = r->data[K], *v = r->data[V];
	int64_t n = r->shape->q_len, d = r->shape->head_dim;
	double *m = r->state, *z = m + d * d;
	float *out = r->data[OUT];

	memset(m, 0, (size_t)(d * d + d) * sizeof(*m));
	for (int64_t t = 0; t < n; t++) {
		double norm = 0;

		for (int64_t i = 0; i < d; i++) {
			double s = sigma(k[t * d + i]);

			z[i] += s;
			for (int64_t j = 0; j < d; j++)
				m[i * d + j] += s * (double)v[t * d + j];
		}
		for (int64_t i = 0; i < d; i++)
			norm += sigma(q[t * d + i]) * z[i];
		for (int64_t j = 0; j < d; j++) {
			double sum = 0;

			for (int64_t i = 0; i < d; i++)
				sum += sigma(q[t * d + i]) * m[i * d + j];
			out[t * d + j] = (float)(sum / norm);
		}
	}
}

/* All tokens at once: a causal matrix of sigma(q) sigma(k)', its rows normalised, times the values. */
static void batched(const struct kernel_run *r)
{
	const float *q = r->data[Q], *k = r->data[K], *v = r->data[V];
	int64_t n = r->shape->q_len, d = r->shape->head_dim;
	double *a = (double *)r->state + d * (d + 4);
	float *out = r->data[OUT];

	for (int64_t t = 0; t < n; t++) {
		double norm = 0;

		for (int64_t s = 0; s <= t; s++) {
			double sum = 0;

			for (int64_t i = 0; i < d; i++)
				sum += sigma(q[t * d + i]) * sigma(k[s * d + i]);
			a[t * n + s] = sum;
			norm += sum;
		}
		for (int64_t j = 0; j < d; j++) {
			double sum = 0;

			for (int64_t s = 0; s <= t; s++)
				sum += a[t * n + s] * (double)v[s * d + j];
			out[t * d + j] = (float)(sum / norm);
		}
	}
}

/* In single precision, chunk by chunk (chunk_forms.h). */
static void chunks(const struct kernel_run *r)
{
	int64_t d = r->shape->head_dim;
	float *state = r->state;

	memset(state, 0, (size_t)(d * d + d) * sizeof(*state));
	((const struct chunk_ops *)r->kernel->with)->infini(&(struct chunk_call){
		.q = r->data[Q], .k = r->data[K], .v = r->data[V], .gates = NULL, .out = r->data[OUT], .state = state, .tokens = r->shape->q_len,
		.keys = r->shape->head_dim, .values = r->shape->head_dim, .chunk = 16 });
}
static bool whole_vectors(const struct shape *s)
{
	return s->head_dim % 16 == 0 && s->head_dim <= CHUNK_DIM_MOST;
}

static const struct shape tests[] = { { .q_len = 1, .head_dim = 4 }, { .q_len = 70, .head_dim = 32 }, { 0 } };
static const struct shape benches[] = { { .q_len = 256, .head_dim = 128 }, { 0 } };
static const struct kernel variants[] = {
	{ "ref", NULL, NULL, batched, NULL },
	{ "recurrent", NULL, NULL, recurrent, NULL },
	KERNEL_SIMD(whole_vectors, chunks, &chunk_avx2, &chunk_avx512)
	{ 0 }
};
const struct kernel_family kernel_infini_memory = {
	.area = "kv", .name = "infini_memory", .help = "compressive memory: recurrence and batched form", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .tolerance = { 1e-5 }, .tests = tests, .benches = benches, .variants = variants,
};
