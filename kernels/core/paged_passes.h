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

/* What a pass reads, blocks of one head; `cache` is kv->k or kv->v, NULL nothing. */
struct pass {
	const struct paged_kv *kv;
	const void *cache;
	int64_t head;
};
/* The rows that will be read 4, 8 and 16 KiB after those of a block, of this pass or the next over the same tokens. A line is asked for each
 * time, as a Zen 5 drops requests while too many are on their way (attention_decode.inc); without cpu_asks_near() not at all. */
enum { PASS_ASKS = 3, PASS_LINE = 64 };
struct pass_ahead {
	const char *rows[PASS_ASKS];
	int64_t row_bytes[PASS_ASKS];
};
FORCE_INLINE void pass_look(struct pass_ahead *a, const struct pass *now, const struct pass *next, const int32_t *table, int64_t tokens, int64_t b)
{
	int64_t blocks = (tokens + now->kv->block_size - 1) / now->kv->block_size, bytes = now->kv->block_size * now->kv->head_dim * 4;

	for (int i = 0; i < PASS_ASKS; i++) {
		int64_t at = b + ((4096 << i) + bytes - 1) / bytes;
		const struct pass *of = at < blocks ? now : next;

		at -= at < blocks ? 0 : blocks;
		a->row_bytes[i] = of->cache && at < blocks ? of->kv->head_dim * 4 : 0;
		if (a->row_bytes[i])
			a->rows[i] = (const char *)of->cache + paged_row(of->kv, table[at], of->head, 0) * 4;
	}
}
FORCE_INLINE void pass_ask(const struct pass_ahead *a, int64_t t)
{
	for (int i = 0; i < PASS_ASKS; i++)
		for (int64_t at = 0; at < a->row_bytes[i]; at += PASS_LINE)
			_mm_prefetch(a->rows[i] + t * a->row_bytes[i] + at, _MM_HINT_T0);
}

/* s[t] = q . key t; the largest is returned. `next` NULL: memory is not asked for. */
FORCE_INLINE float paged_scores(const struct pass *now, const struct pass *next, const int32_t *table, int64_t tokens, const float *q, float *s)
{
	int64_t d = now->kv->head_dim, size = now->kv->block_size;
	struct pass_ahead ahead = { 0 };
	float most = -3e38f;

	for (int64_t b = 0; b * size < tokens; b++) {
		const float *k = (const float *)now->cache + paged_row(now->kv, table[b], now->head, 0);
		int64_t n = tokens - b * size < size ? tokens - b * size : size;

		if (next)
			pass_look(&ahead, now, next, table, tokens, b);
		for (int64_t t = 0; t < n; t++) {
			float x = row_dot(q, k + t * d, d);

			pass_ask(&ahead, t);
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
FORCE_INLINE void values_panel(const struct pass *now, const struct pass *next, const int32_t *table, int64_t tokens, const float *w, float *out,
			       int64_t first, const int panel)
{
	int64_t d = now->kv->head_dim, size = now->kv->block_size;
	struct pass_ahead ahead = { 0 };
	vf sum[8];

	for (int i = 0; i < panel; i++)
		sum[i] = vset(0);
	for (int64_t b = 0; b * size < tokens; b++) {
		const float *v = (const float *)now->cache + paged_row(now->kv, table[b], now->head, 0) + first;
		int64_t n = tokens - b * size < size ? tokens - b * size : size;

		if (next)
			pass_look(&ahead, now, next, table, tokens, b);
		for (int64_t t = 0; t < n; t++) {
			pass_ask(&ahead, t);
			for (int i = 0; i < panel; i++)
				sum[i] += w[b * size + t] * vload(v + t * d + i * VL);
		}
	}
	for (int i = 0; i < panel; i++)
		vstore(out + first + i * VL, sum[i]);
}
FORCE_INLINE void paged_values(const struct pass *now, const struct pass *next, const int32_t *table, int64_t tokens, const float *w, float *out)
{
	int64_t at = 0, d = now->kv->head_dim;

	for (; at + 8 * VL <= d; at += 8 * VL)
		values_panel(now, next, table, tokens, w, out, at, 8);
	for (; at + 4 * VL <= d; at += 4 * VL)
		values_panel(now, next, table, tokens, w, out, at, 4);
	for (; at < d; at += VL)
		values_panel(now, next, table, tokens, w, out, at, 1);
}

#endif
