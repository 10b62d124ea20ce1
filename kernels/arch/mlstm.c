/* kernels/arch/mlstm.c -- matrix-memory LSTM of one head: C = f C + i v k', n = f n + i k, h = C q / max(|n q|, 1), with
 * exponential input gates kept in range by a running maximum (xLSTM, arXiv 2405.04517). Step by step, and in chunks of 16.
 * shape: q_len tokens, head_dim values, k key width. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/arch/chunk_forms.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { Q, K, V, GATES, H };
enum { CHUNK = 16 };

static int operands(const struct shape *s, struct operand *o)
{
	o[Q] = (struct operand){ .name = "q", .count = s->q_len * s->k, .scale = 1 };
	o[K] = (struct operand){ .name = "k", .count = s->q_len * s->k, .scale = 1 };
	o[V] = (struct operand){ .name = "v", .count = s->q_len * s->head_dim, .scale = 1 };
	o[GATES] = (struct operand){ .name = "gates", .count = 2 * s->q_len, .scale = 3 };
	o[H] = (struct operand){ .name = "h", .count = s->q_len * s->head_dim, .fill = FILL_RESULT };
	return 5;
}
static double flops(const struct shape *s)
{
	return (double)s->q_len * (4.0 * (double)(s->k * s->head_dim) + 2.0 * CHUNK * (double)(s->k + s->head_dim));
}
static double bytes(const struct shape *s)
{
	return 4.0 * (double)(2 * s->q_len * (s->k + s->head_dim + 1)) + 8.0 * (double)(s->k * s->head_dim);
}
static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)(s->k * s->head_dim + s->k + 16), sizeof(double));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

/* log of the forget gate: a sigmoid. */
static double log_forget(const float *gates, int64_t t)
{
	double x = (double)gates[2 * t + 1] + 2;

	return x > 0 ? -log1p(exp(-x)) : x - log1p(exp(x));
}

static void recurrent(const struct kernel_run *r)
{
	const float *q = r->data[Q], *k = r->data[K], *v = r->data[V], *g = r->data[GATES];
	int64_t d = r->shape->head_dim, w = r->shape->k;
	double *c = r->state, *n = c + d * w, m = -INFINITY;
	float *h = r->data[H];

	memset(c, 0, (size_t)(d * w + w) * sizeof(*c));
	for (int64_t t = 0; t < r->shape->q_len; t++) {
		double f = log_forget(g, t), i = (double)g[2 * t], next = fmax(f + m, i), keep = exp(f + m - next), add = exp(i - next), dot = 0;

		for (int64_t b = 0; b < w; b++) {
			n[b] = keep * n[b] + add * (double)k[t * w + b];
			dot += n[b] * (double)q[t * w + b];
			for (int64_t a = 0; a < d; a++)
				c[b * d + a] = keep * c[b * d + a] + add * (double)k[t * w + b] * (double)v[t * d + a];
		}
		m = next;
		for (int64_t a = 0; a < d; a++) {
			double sum = 0;

			for (int64_t b = 0; b < w; b++)
				sum += c[b * d + a] * (double)q[t * w + b];
			h[t * d + a] = (float)(sum / fmax(fabs(dot), exp(-m)));
		}
	}
}

struct chunk {
	int64_t first, count;
	double log_decay[CHUNK];       /* of the state at the chunk's start, up to and including token t */
};

/* One token: what the state before the chunk says, and the chunk's own tokens by their decayed products. */
static double one_token(const struct kernel_run *r, const struct chunk *ch, int64_t t, double m)
{
	const float *q = r->data[Q], *k = r->data[K], *v = r->data[V], *g = r->data[GATES];
	int64_t d = r->shape->head_dim, w = r->shape->k, at = ch->first + t;
	const double *c = r->state, *n = c + d * w;
	double a[CHUNK], most = ch->log_decay[t] + m, dot = 0, old;
	float *h = (float *)r->data[H] + at * d;

	for (int64_t s = 0; s <= t; s++) {
		a[s] = ch->log_decay[t] - ch->log_decay[s] + (double)g[2 * (ch->first + s)];
		most = fmax(most, a[s]);
	}
	old = exp(ch->log_decay[t] + m - most);
	for (int64_t s = 0; s <= t; s++) {
		double product = 0;

		for (int64_t b = 0; b < w; b++)
			product += (double)q[at * w + b] * (double)k[(ch->first + s) * w + b];
		a[s] = exp(a[s] - most) * product;
		dot += a[s];
	}
	for (int64_t b = 0; b < w; b++)
		dot += old * n[b] * (double)q[at * w + b];
	for (int64_t i = 0; i < d; i++) {
		double sum = 0;

		for (int64_t s = 0; s <= t; s++)
			sum += a[s] * (double)v[(ch->first + s) * d + i];
		for (int64_t b = 0; b < w; b++)
			sum += old * c[b * d + i] * (double)q[at * w + b];
		h[i] = (float)(sum / fmax(fabs(dot), exp(-most)));
	}
	return most;
}

static void next_state(const struct kernel_run *r, const struct chunk *ch, double m, double next)
{
	const float *k = r->data[K], *v = r->data[V], *g = r->data[GATES];
	int64_t d = r->shape->head_dim, w = r->shape->k;
	double *c = r->state, *n = c + d * w, whole = ch->log_decay[ch->count - 1], keep = exp(whole + m - next);

	for (int64_t i = 0; i < d * w + w; i++)
		c[i] *= keep;
	for (int64_t s = 0; s < ch->count; s++) {
		int64_t at = ch->first + s;
		double add = exp(whole - ch->log_decay[s] + (double)g[2 * at] - next);

		for (int64_t b = 0; b < w; b++) {
			n[b] += add * (double)k[at * w + b];
			for (int64_t i = 0; i < d; i++)
				c[b * d + i] += add * (double)k[at * w + b] * (double)v[at * d + i];
		}
	}
}

static void chunkwise(const struct kernel_run *r)
{
	int64_t d = r->shape->head_dim, w = r->shape->k;
	double m = -INFINITY;

	memset(r->state, 0, (size_t)(d * w + w) * sizeof(double));
	for (int64_t first = 0; first < r->shape->q_len; first += CHUNK) {
		struct chunk ch = { .first = first, .count = r->shape->q_len - first < CHUNK ? r->shape->q_len - first : CHUNK };
		double sum = 0, last = m;

		for (int64_t t = 0; t < ch.count; t++) {
			sum += log_forget(r->data[GATES], first + t);
			ch.log_decay[t] = sum;
		}
		for (int64_t t = 0; t < ch.count; t++)
			last = one_token(r, &ch, t, m);
		next_state(r, &ch, m, last);
		m = last;
	}
}

/* In single precision, chunk by chunk (chunk_forms.h). */
static void chunks(const struct kernel_run *r)
{
	int64_t d = r->shape->head_dim, w = r->shape->k;
	float *state = r->state;

	memset(state, 0, (size_t)(d * w + w) * sizeof(*state));
	((const struct chunk_ops *)r->kernel->with)->mlstm(&(struct chunk_call){
		.q = r->data[Q], .k = r->data[K], .v = r->data[V], .gates = r->data[GATES], .out = r->data[H], .state = state, .tokens = r->shape->q_len,
		.keys = r->shape->k, .values = r->shape->head_dim, .chunk = CHUNK });
}
static bool whole_vectors(const struct shape *s)
{
	return s->k % 16 == 0 && s->head_dim % 16 == 0 && s->k <= CHUNK_DIM_MOST;
}

static const struct shape tests[] = { { .q_len = 5, .head_dim = 4, .k = 4 }, { .q_len = 70, .head_dim = 24, .k = 12 }, { .q_len = 70, .head_dim = 32, .k = 16 }, { 0 } };
static const struct shape benches[] = { { .q_len = 256, .head_dim = 512, .k = 256 }, { 0 } };
static const struct kernel variants[] = {
	{ "ref", NULL, NULL, recurrent, NULL },
	{ "chunkwise", NULL, NULL, chunkwise, NULL },
	KERNEL_SIMD(whole_vectors, chunks, &chunk_avx2, &chunk_avx512)
	{ 0 }
};
const struct kernel_family kernel_mlstm = {
	.area = "arch", .name = "mlstm", .help = "matrix-memory LSTM: step by step and in chunks", .operands = operands, .flops = flops, .bytes = bytes,
	.prepare = prepare, .release = release, .tolerance = { 1e-5 }, .tests = tests, .benches = benches, .variants = variants,
};
