/* kernels/arch/recurrent_step.c -- a decode step of recurrent layers: batch sequences, heads, k keys and head_dim values a head. What
 * counts is the state: it lies in memory, and each step passes it once. */
#include "kernels/arch/recurrent_step.h"

#include <math.h>
#include <string.h>

#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { Q, K, V, START, STATE, OUT };

/* ---- the rules as they are written ---- */

static void mlstm_plain(const struct step_head *h)
{
	float *n = h->state + h->keys * h->values;
	double dot = 0;

	for (int64_t a = 0; a < h->keys; a++) {
		n[a] = h->keep * n[a] + h->add * h->k[a];
		dot += (double)n[a] * (double)h->q[a];
	}
	for (int64_t i = 0; i < h->values; i++) {
		double sum = 0;

		for (int64_t a = 0; a < h->keys; a++) {
			float *c = h->state + a * h->values + i;

			*c = h->keep * *c + h->add * h->k[a] * h->v[i];
			sum += (double)*c * (double)h->q[a];
		}
		h->out[i] = (float)(sum / fmax(fabs(dot), 1));
	}
}

static void ttt_plain(const struct step_head *h)
{
	float *w = h->state, *g = h->state + h->keys * h->values;

	for (int64_t i = 0; i < h->values; i++) {
		double error = -(double)h->v[i], z = 0;

		for (int64_t a = 0; a < h->keys; a++)
			error += (double)w[i * h->keys + a] * (double)h->k[a];
		for (int64_t a = 0; a < h->keys; a++) {
			g[i * h->keys + a] += (float)error * h->k[a];
			z += ((double)w[i * h->keys + a] - 2 * (double)h->rate * (double)g[i * h->keys + a]) * (double)h->q[a];
		}
		h->out[i] = (float)z;
	}
}

static double sigma(float x)
{
	return x > 0 ? (double)x + 1 : exp((double)x);
}

static void infini_plain(const struct step_head *h)
{
	const float *z = h->state + h->keys * h->values;
	double norm = 0;

	for (int64_t a = 0; a < h->keys; a++)
		norm += sigma(h->q[a]) * (double)z[a];
	for (int64_t i = 0; i < h->values; i++) {
		double sum = 0;

		for (int64_t a = 0; a < h->keys; a++)
			sum += sigma(h->q[a]) * (double)h->state[a * h->values + i];
		h->out[i] = (float)(sum / norm);
	}
}
const struct step_ops step_ref = { mlstm_plain, ttt_plain, infini_plain };

/* ---- as the harness sees them ---- */

static int64_t with_vector(const struct shape *s)
{
	return s->k * s->head_dim + s->k;
}
static int64_t with_gradient(const struct shape *s)
{
	return 2 * s->k * s->head_dim;
}

static int list(const struct shape *s, struct operand *o, int64_t each)
{
	int64_t heads = s->batch * s->heads;

	o[Q] = (struct operand){ .name = "q", .count = heads * s->k, .scale = 1, .fresh = true };
	o[K] = (struct operand){ .name = "k", .count = heads * s->k, .scale = 0.3, .fresh = true };
	o[V] = (struct operand){ .name = "v", .count = heads * s->head_dim, .scale = 1, .fresh = true };
	o[START] = (struct operand){ .name = "start", .count = heads * each, .scale = 1 };
	o[STATE] = (struct operand){ .name = "state", .count = heads * each, .scale = 1, .streamed = true };
	o[OUT] = (struct operand){ .name = "out", .count = heads * s->head_dim, .fill = FILL_RESULT };
	return 6;
}
static int vector_operands(const struct shape *s, struct operand *o)
{
	return list(s, o, with_vector(s));
}
static int gradient_operands(const struct shape *s, struct operand *o)
{
	return list(s, o, with_gradient(s));
}

static double heads_of(const struct shape *s)
{
	return (double)(s->batch * s->heads);
}
static double rows_bytes(const struct shape *s)
{
	return 8.0 * (double)(s->k + s->head_dim);
}
static double mlstm_flops(const struct shape *s)
{
	return heads_of(s) * 5 * (double)(s->k * s->head_dim);
}
static double mlstm_bytes(const struct shape *s)
{
	return heads_of(s) * (8.0 * (double)with_vector(s) + rows_bytes(s));
}
static double ttt_flops(const struct shape *s)
{
	return heads_of(s) * 8 * (double)(s->k * s->head_dim);
}
/* W is read, the gradient read and written. */
static double ttt_bytes(const struct shape *s)
{
	return heads_of(s) * (6.0 * (double)with_gradient(s) + rows_bytes(s));
}
static double infini_flops(const struct shape *s)
{
	return heads_of(s) * 2 * (double)(s->k * s->head_dim);
}
static double infini_bytes(const struct shape *s)
{
	return heads_of(s) * (4.0 * (double)with_vector(s) + rows_bytes(s));
}

typedef void rule_function(const struct step_head *h);

/* Runs go on from the state that the last one left, as decoding does; a comparison (out holds the fill pattern) begins anew. A
 * normaliser that is read must be positive. */
static void run(const struct kernel_run *r, rule_function *rule, int64_t each)
{
	const struct shape *s = r->shape;
	const uint32_t pattern = 0x5a5a5a5a;
	float *state = r->data[STATE];

	if (!memcmp(r->data[OUT], &pattern, sizeof(pattern))) {
		memcpy(state, r->data[START], (size_t)(s->batch * s->heads * each) * sizeof(*state));
		for (int64_t i = 0; i < s->batch * s->heads && each == with_vector(s); i++)
			for (int64_t a = s->k * s->head_dim; a < each; a++)
				state[i * each + a] = fabsf(state[i * each + a]) + 1;
	}
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
	for (int64_t i = 0; i < s->batch * s->heads; i++)
		rule(&(struct step_head){ .q = (const float *)r->data[Q] + i * s->k, .k = (const float *)r->data[K] + i * s->k,
					  .v = (const float *)r->data[V] + i * s->head_dim, .state = state + i * each,
					  .out = (float *)r->data[OUT] + i * s->head_dim, .keys = s->k, .values = s->head_dim, .keep = 0.9f, .add = 0.7f,
					  .rate = 0.01f });
}
static void run_mlstm(const struct kernel_run *r)
{
	run(r, ((const struct step_ops *)r->kernel->with)->mlstm, with_vector(r->shape));
}
static void run_ttt(const struct kernel_run *r)
{
	run(r, ((const struct step_ops *)r->kernel->with)->ttt, with_gradient(r->shape));
}
static void run_infini(const struct kernel_run *r)
{
	run(r, ((const struct step_ops *)r->kernel->with)->infini, with_vector(r->shape));
}

static bool whole_vectors(const struct shape *s)
{
	return s->k % 16 == 0 && s->head_dim % 16 == 0 && s->k <= STEP_DIM_MOST;
}

#define A(b, h, keys, values) { .batch = b, .heads = h, .k = keys, .head_dim = values }
static const struct shape tests[] = { A(1, 1, 16, 16), A(3, 2, 32, 64), A(2, 1, 128, 64), A(1, 2, 5, 7), { 0 } };
static const struct shape benches[] = { A(64, 8, 64, 64), { 0 } };
#define VARIANTS(name) \
	static const struct kernel name##_variants[] = { { "ref", NULL, NULL, run_##name, &step_ref }, \
							 KERNEL_SIMD(whole_vectors, run_##name, &step_avx2, &step_avx512) { 0 } };
#define FAMILY(rule, state, area_, help_) \
	VARIANTS(rule) \
	const struct kernel_family kernel_##rule##_step = { \
		.area = area_, .name = #rule "_step", .help = help_, .operands = state##_operands, .flops = rule##_flops, .bytes = rule##_bytes, \
		.tolerance = { 2e-5 }, .baseline = "attention_decode", .tests = tests, .benches = benches, .variants = rule##_variants, \
	};
FAMILY(mlstm, vector, "arch", "a token of many sequences through a matrix-memory LSTM")
FAMILY(ttt, gradient, "arch", "a token of many sequences through a linear model that learns from it")
FAMILY(infini, vector, "kv", "a token of many sequences reads its compressive memory")
