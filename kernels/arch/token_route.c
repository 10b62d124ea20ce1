/* kernels/arch/token_route.c -- mixture of depths: of n tokens the m with the largest scores go through a block (here a product
 * with tanh, weighted by the score), the rest pass by unchanged (arXiv 2404.02258). shape: n tokens, m chosen, k wide. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/harness/kernel.h"

enum { X, SCORE, W, OUT };

static int operands(const struct shape *s, struct operand *o)
{
	o[X] = (struct operand){ .name = "x", .count = s->n * s->k, .scale = 1 };
	o[SCORE] = (struct operand){ .name = "score", .count = s->n, .scale = 1 };
	o[W] = (struct operand){ .name = "w", .count = s->k * s->k, .scale = 0.2 };
	o[OUT] = (struct operand){ .name = "out", .count = s->n * s->k, .fill = FILL_RESULT };
	return 4;
}
static double flops(const struct shape *s)
{
	return 2.0 * (double)(s->m * s->k * s->k);
}
static double bytes(const struct shape *s)
{
	return 4.0 * (double)(2 * s->n * s->k + s->k * s->k + s->n);
}
static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)s->n * 2 + 1, sizeof(int64_t));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

static void block(const float *x, const float *w, float score, int64_t k, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		double sum = 0;

		for (int64_t j = 0; j < k; j++)
			sum += (double)w[i * k + j] * (double)x[j];
		out[i] = x[i] + score * (float)tanh(sum);
	}
}

/* The rank of every token by comparison with all others; earlier tokens win ties. */
static void reference(const struct kernel_run *r)
{
	const float *x = r->data[X], *score = r->data[SCORE], *w = r->data[W];
	int64_t n = r->shape->n, k = r->shape->k;
	float *out = r->data[OUT];

	for (int64_t t = 0; t < n; t++) {
		int64_t better = 0;

		for (int64_t j = 0; j < n; j++)
			better += score[j] > score[t] || (score[j] == score[t] && j < t);
		if (better < r->shape->m)
			block(x + t * k, w, score[t], k, out + t * k);
		else
			memcpy(out + t * k, x + t * k, (size_t)k * sizeof(*x));
	}
}

/* A heap of the m best so far: gather, compute, scatter. */
static bool worse(const float *score, int64_t a, int64_t b)
{
	return score[a] < score[b] || (score[a] == score[b] && a > b);
}

static void sift(int64_t *heap, int64_t m, int64_t i, const float *score)
{
	for (;;) {
		int64_t least = i, left = 2 * i + 1;

		if (left < m && worse(score, heap[left], heap[least]))
			least = left;
		if (left + 1 < m && worse(score, heap[left + 1], heap[least]))
			least = left + 1;
		if (least == i)
			return;
		int64_t t = heap[i];

		heap[i] = heap[least];
		heap[least] = t;
		i = least;
	}
}

static void heap_select(const struct kernel_run *r)
{
	const float *x = r->data[X], *score = r->data[SCORE], *w = r->data[W];
	int64_t n = r->shape->n, k = r->shape->k, m = r->shape->m < n ? r->shape->m : n, *heap = r->state;
	float *out = r->data[OUT];

	memcpy(out, x, (size_t)(n * k) * sizeof(*x));
	for (int64_t t = 0; t < m; t++)
		heap[t] = t;
	for (int64_t i = m / 2 - 1; i >= 0; i--)
		sift(heap, m, i, score);
	for (int64_t t = m; t < n && m > 0; t++)
		if (worse(score, heap[0], t)) {
			heap[0] = t;
			sift(heap, m, 0, score);
		}
	for (int64_t i = 0; i < m; i++)
		block(x + heap[i] * k, w, score[heap[i]], k, out + heap[i] * k);
}

/* Tokens that were not chosen are the same bits; exactly n - m of them, unless the block leaves one as it is. */
static double rest_untouched(const struct kernel_run *r)
{
	const float *x = r->data[X], *out = r->data[OUT];
	int64_t n = r->shape->n, k = r->shape->k, m = r->shape->m < n ? r->shape->m : n, same = 0;

	for (int64_t t = 0; t < n; t++)
		same += memcmp(x + t * k, out + t * k, (size_t)k * sizeof(*x)) == 0;
	return same >= n - m && same <= n ? (same == n - m ? 0 : (double)(same - (n - m)) / (double)n) : 1;
}

static const struct shape tests[] = { { .n = 8, .m = 1, .k = 4 }, { .n = 100, .m = 13, .k = 16 }, { .n = 5, .m = 5, .k = 3 }, { 0 } };
static const struct shape benches[] = { { .n = 1024, .m = 128, .k = 256 }, { 0 } };
static const struct kernel variants[] = { { "ref", NULL, NULL, reference, NULL }, { "heap", NULL, NULL, heap_select, NULL }, { 0 } };
const struct kernel_family kernel_token_route = {
	.area = "arch", .name = "token_route", .help = "the m best of n tokens through a block, the rest around it", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .check = rest_untouched, .tolerance = { 0 }, .tests = tests, .benches = benches,
	.variants = variants,
};
