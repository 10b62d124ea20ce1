/* One query head over a paged cache in three passes -- scores, weights, weighted values -- for methods that need the scores of all
 * tokens before they add anything up. fp32 caches, head sizes that are multiples of the vector. Only files built with an
 * instruction set of their own include this. */
#ifndef KERNELS_CORE_PAGED_PASSES_H
#define KERNELS_CORE_PAGED_PASSES_H

#include "kernels/core/paged.h"
#include "kernels/core/vec.h"

enum { PASS_DIM_MOST = 256 };

FORCE_INLINE float row_dot(const float *a, const float *b, int64_t n)
{
	vf even = { 0 }, odd = { 0 };
	int64_t i = 0;

	for (; i + 2 * VL <= n; i += 2 * VL) {
		even += vload(a + i) * vload(b + i);
		odd += vload(a + i + VL) * vload(b + i + VL);
	}
	for (; i < n; i += VL)
		even += vload(a + i) * vload(b + i);
	return vsum(even + odd);
}
FORCE_INLINE void row_axpy(float w, const float *x, float *y, int64_t n)
{
	for (int64_t i = 0; i < n; i += VL)
		vstore(y + i, vload(y + i) + w * vload(x + i));
}

/* s[t] = q . key t; the largest is returned. */
FORCE_INLINE float paged_scores(const struct paged_kv *kv, const int32_t *table, int64_t tokens, int64_t head, const float *q, float *s)
{
	int64_t d = kv->head_dim, size = kv->block_size;
	float most = -3e38f;

	for (int64_t b = 0; b * size < tokens; b++) {
		const float *k = (const float *)kv->k + paged_row(kv, table[b], head, 0);
		int64_t n = tokens - b * size < size ? tokens - b * size : size;

		for (int64_t t = 0; t < n; t++) {
			float x = row_dot(q, k + t * d, d);

			s[b * size + t] = x;
			most = x > most ? x : most;
		}
	}
	return most;
}

/* s[t] becomes exp(s[t] - most); the sum is returned. s has room for a whole last vector. */
FORCE_INLINE float row_exp(float *s, int64_t tokens, float most)
{
	vf sum = { 0 };
	int64_t whole = (tokens + VL - 1) / VL * VL;

	for (int64_t t = tokens; t < whole; t++)
		s[t] = -3e38f;
	for (int64_t t = 0; t < whole; t += VL) {
		vf p = vexp(vload(s + t) - most);

		vstore(s + t, p);
		sum += p;
	}
	return vsum(sum);
}

/* out = sum of w[t] times value t: `panel` vectors of the head at a time stay in registers. */
FORCE_INLINE void values_panel(const struct paged_kv *kv, const int32_t *table, int64_t tokens, int64_t head, const float *w, float *out,
			       int64_t first, const int panel)
{
	int64_t d = kv->head_dim, size = kv->block_size;
	vf sum[8];

	for (int i = 0; i < panel; i++)
		sum[i] = vset(0);
	for (int64_t b = 0; b * size < tokens; b++) {
		const float *v = (const float *)kv->v + paged_row(kv, table[b], head, 0) + first;
		int64_t n = tokens - b * size < size ? tokens - b * size : size;

		for (int64_t t = 0; t < n; t++)
			for (int i = 0; i < panel; i++)
				sum[i] += w[b * size + t] * vload(v + t * d + i * VL);
	}
	for (int i = 0; i < panel; i++)
		vstore(out + first + i * VL, sum[i]);
}
FORCE_INLINE void paged_values(const struct paged_kv *kv, const int32_t *table, int64_t tokens, int64_t head, const float *w, float *out)
{
	int64_t at = 0;

	for (; at + 8 * VL <= kv->head_dim; at += 8 * VL)
		values_panel(kv, table, tokens, head, w, out, at, 8);
	for (; at + 4 * VL <= kv->head_dim; at += 4 * VL)
		values_panel(kv, table, tokens, head, w, out, at, 4);
	for (; at < kv->head_dim; at += VL)
		values_panel(kv, table, tokens, head, w, out, at, 1);
}

#endif
