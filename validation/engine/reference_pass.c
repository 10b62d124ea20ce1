#include "validation/engine/reference_pass.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

struct pass {
	const struct engine_shape *s;
	int64_t n;
	float *x, *h, *qkv, *mixed, *gate, *up, *matrix;
	double *score;
};

/* out[r] = W in[r], n rows. */
static bool multiply(struct pass *p, const struct weights *w, const float *in, int64_t rows, float *out, int64_t out_stride)
{
	float *grown = mem_realloc(p->matrix, (size_t)(w->n * w->k), sizeof(float));

	if (!grown)
		return false;
	p->matrix = grown;
	weights_unpack(w, p->matrix);
	for (int64_t r = 0; r < rows; r++)
		for (int64_t i = 0; i < w->n; i++) {
			double sum = 0;

			for (int64_t k = 0; k < w->k; k++)
				sum += (double)p->matrix[i * w->k + k] * (double)in[r * w->k + k];
			out[r * out_stride + i] = (float)sum;
		}
	return true;
}

static void rmsnorm(const float *x, const float *weight, double eps, float *out, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	for (int64_t i = 0; i < n; i++)
		out[i] = (float)((double)x[i] / sqrt(sum / (double)n + eps) * (double)weight[i]);
}

/* Rotates one head at a position: pairs (i, i + d/2), or (2i, 2i + 1). */
static void rotate(const struct engine_shape *s, float *v, int64_t position)
{
	int64_t d = s->head_dim;

	for (int64_t i = 0; i < d / 2; i++) {
		double angle = (double)position * pow(s->rope_theta, -2 * (double)i / (double)d), c = cos(angle), sn = sin(angle);
		float *a = s->interleaved ? &v[2 * i] : &v[i], *b = s->interleaved ? &v[2 * i + 1] : &v[i + d / 2];
		double x = (double)*a, y = (double)*b;

		*a = (float)(x * c - y * sn);
		*b = (float)(x * sn + y * c);
	}
}

static void attend_one(struct pass *p, int64_t row, int64_t head)
{
	const struct engine_shape *s = p->s;
	int64_t d = s->head_dim, width = (s->heads + 2 * s->kv_heads) * d, group = head / (s->heads / s->kv_heads);
	int64_t from = s->window > 0 && row >= s->window ? row - s->window + 1 : 0;
	const float *q = p->qkv + row * width + head * d;
	float *out = p->mixed + row * s->heads * d + head * d;
	double most = -INFINITY, total = 0;

	for (int64_t t = from; t <= row; t++) {
		const float *k = p->qkv + t * width + (s->heads + group) * d;
		double sum = 0;

		for (int64_t i = 0; i < d; i++)
			sum += (double)q[i] * (double)k[i];
		p->score[t] = sum / sqrt((double)d);
		most = fmax(most, p->score[t]);
	}
	for (int64_t t = from; t <= row; t++)
		total += p->score[t] = exp(p->score[t] - most);
	for (int64_t i = 0; i < d; i++) {
		double sum = 0;

		for (int64_t t = from; t <= row; t++)
			sum += p->score[t] * (double)p->qkv[t * width + (s->heads + s->kv_heads + group) * d + i];
		out[i] = (float)(sum / total);
	}
}

static bool attention(struct pass *p, const struct engine_layer *l)
{
	const struct engine_shape *s = p->s;
	int64_t width = (s->heads + 2 * s->kv_heads) * s->head_dim;

	for (int64_t r = 0; r < p->n; r++)
		rmsnorm(p->x + r * s->hidden, l->attention_norm, s->eps, p->h + r * s->hidden, s->hidden);
	if (!multiply(p, l->qkv, p->h, p->n, p->qkv, width))
		return false;
	for (int64_t r = 0; r < p->n; r++) {
		float *row = p->qkv + r * width;

		for (int64_t i = 0; l->qkv_bias && i < width; i++)
			row[i] += l->qkv_bias[i];
		for (int64_t h = 0; h < s->heads + s->kv_heads; h++) {
			float *v = row + h * s->head_dim;

			if (l->q_norm)
				rmsnorm(v, h < s->heads ? l->q_norm : l->k_norm, s->eps, v, s->head_dim);
			rotate(s, v, r);
		}
	}
	for (int64_t r = 0; r < p->n; r++)
		for (int64_t h = 0; h < s->heads; h++)
			attend_one(p, r, h);
	if (!multiply(p, l->o, p->mixed, p->n, p->h, s->hidden))
		return false;
	for (int64_t i = 0; i < p->n * s->hidden; i++)
		p->x[i] += p->h[i];
	return true;
}

/* `out` += weight * down(silu(gate x) * up x) for one row; gate and up are the halves of one matrix. */
static bool swiglu(struct pass *p, const struct weights *gate_up, const struct weights *down, const float *in, double weight, float *out)
{
	int64_t w = down->k;

	if (!multiply(p, gate_up, in, 1, p->gate, 2 * w))
		return false;
	for (int64_t i = 0; i < w; i++) {
		double g = (double)p->gate[i];

		p->up[i] = (float)(g / (1 + exp(-g)) * (double)p->gate[w + i]);
	}
	if (!multiply(p, down, p->up, 1, p->gate, p->s->hidden))
		return false;
	for (int64_t i = 0; i < p->s->hidden; i++)
		out[i] += (float)(weight * (double)p->gate[i]);
	return true;
}

/* The chosen experts of one row: the largest router logits, weights by softmax over all, renormalised when the family does. */
static bool routed(struct pass *p, const struct engine_layer *l, const float *in, float *out)
{
	const struct engine_shape *s = p->s;
	double most = -INFINITY, all = 0, chosen_sum = 0, weight[64];
	int64_t chosen[64], k = s->top_k < 64 ? s->top_k : 64;
	float *logit = p->mixed;               /* free at this point */

	if (!multiply(p, l->router, in, 1, logit, s->experts))
		return false;
	for (int64_t e = 0; e < s->experts; e++)
		most = fmax(most, (double)logit[e]);
	for (int64_t e = 0; e < s->experts; e++)
		all += exp((double)logit[e] - most);
	for (int64_t c = 0; c < k; c++) {
		int64_t best = -1;

		for (int64_t e = 0; e < s->experts; e++)
			if (!isnan(logit[e]) && (best < 0 || logit[e] > logit[best]))
				best = e;
		chosen[c] = best;
		weight[c] = exp((double)logit[best] - most) / all;
		chosen_sum += weight[c];
		logit[best] = NAN;
	}
	for (int64_t c = 0; c < k; c++)
		if (!swiglu(p, l->expert_gate_up[chosen[c]], l->expert_down[chosen[c]], in, s->renormalise ? weight[c] / chosen_sum : weight[c], out))
			return false;
	return true;
}

static bool mlp(struct pass *p, const struct engine_layer *l)
{
	const struct engine_shape *s = p->s;

	for (int64_t r = 0; r < p->n; r++) {
		float *x = p->x + r * s->hidden;

		rmsnorm(x, l->mlp_norm, s->eps, p->h, s->hidden);
		if (s->experts ? !routed(p, l, p->h, x) : !swiglu(p, l->gate_up, l->down, p->h, 1, x))
			return false;
	}
	return true;
}

static bool allocate(struct pass *p)
{
	const struct engine_shape *s = p->s;
	int64_t w = s->experts ? s->expert_width : s->intermediate, qkv = (s->heads + 2 * s->kv_heads) * s->head_dim, q = s->heads * s->head_dim;
	int64_t gate = 2 * w > s->hidden ? 2 * w : s->hidden;

	p->x = mem_calloc((size_t)(p->n * s->hidden), sizeof(float));
	p->h = mem_calloc((size_t)(p->n * s->hidden), sizeof(float));
	p->qkv = mem_calloc((size_t)(p->n * qkv), sizeof(float));
	p->mixed = mem_calloc((size_t)(p->n * q + s->experts), sizeof(float));
	p->gate = mem_calloc((size_t)gate, sizeof(float));
	p->up = mem_calloc((size_t)w, sizeof(float));
	p->score = mem_calloc((size_t)p->n, sizeof(double));
	return p->x && p->h && p->qkv && p->mixed && p->gate && p->up && p->score;
}

static void look_up(const struct engine_model *m, int32_t id, float *out)
{
	int64_t h = m->shape.hidden;

	for (int64_t i = 0; i < h; i++)
		out[i] = m->embedding_format == KERNEL_FP32 ? ((const float *)m->embedding)[id * h + i] : float_from_bf16(((const uint16_t *)m->embedding)[id * h + i]);
}

bool reference_pass(const struct engine_model *m, const int32_t *ids, int64_t n, float *logits, struct err *err)
{
	struct pass p = { .s = &m->shape, .n = n };
	bool ok = allocate(&p);

	for (int64_t r = 0; ok && r < n; r++)
		look_up(m, ids[r], p.x + r * m->shape.hidden);
	for (int64_t i = 0; ok && i < m->shape.layers; i++)
		ok = attention(&p, &m->layers[i]) && mlp(&p, &m->layers[i]);
	for (int64_t r = 0; ok && r < n; r++)
		rmsnorm(p.x + r * m->shape.hidden, m->final_norm, m->shape.eps, p.h + r * m->shape.hidden, m->shape.hidden);
	ok = ok && multiply(&p, m->head, p.h, n, logits, m->shape.vocab);
	mem_free(p.x);
	mem_free(p.h);
	mem_free(p.qkv);
	mem_free(p.mixed);
	mem_free(p.gate);
	mem_free(p.up);
	mem_free(p.matrix);
	mem_free(p.score);
	return ok || err_memory(err);
}
