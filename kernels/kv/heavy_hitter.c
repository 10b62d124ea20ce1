/* kernels/kv/heavy_hitter.c -- which tokens a cache of fixed size keeps: the largest accumulated scores and the most recent
 * (H2O, arXiv 2306.14048). shape: kv_len steps, m heavy and n recent slots. out[t] = 1 when token t is there at the end. */
#include <string.h>

#include "base/mem.h"
#include "kernels/harness/kernel.h"

enum { WEIGHTS, KEPT };

static int operands(const struct shape *s, struct operand *o)
{
	o[WEIGHTS] = (struct operand){ .name = "attention", .count = s->kv_len * s->kv_len, .scale = 1 };
	o[KEPT] = (struct operand){ .name = "kept", .element = ELEMENT_INT32, .count = s->kv_len, .fill = FILL_RESULT };
	return 2;
}
static double flops(const struct shape *s)
{
	return 2.0 * (double)(s->kv_len * (s->m + s->n));
}
static double bytes(const struct shape *s)
{
	return 8.0 * (double)(s->kv_len * (s->m + s->n));
}

static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)s->kv_len * 3 + 16, sizeof(double));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

/* How much token j is attended to at step i: any non-negative number does. */
static double weight(const float *w, int64_t n, int64_t i, int64_t j)
{
	return (double)w[i * n + j] + 1;
}

/* Every step: scores of all tokens from the start, the least of those that are there and not recent goes. */
static void reference(const struct kernel_run *r)
{
	const float *w = r->data[WEIGHTS];
	int32_t *there = r->data[KEPT];
	double *score = r->state;
	int64_t n = r->shape->kv_len, slots = r->shape->m + r->shape->n;

	memset(there, 0, (size_t)n * sizeof(*there));
	memset(score, 0, (size_t)n * sizeof(*score));
	for (int64_t i = 0; i < n; i++) {
		int64_t count = 0, out = -1;

		there[i] = 1;
		for (int64_t j = 0; j <= i; j++)
			if (there[j])
				score[j] += weight(w, n, i, j), count++;
		if (count <= slots)
			continue;
		for (int64_t j = 0; j <= i - r->shape->n; j++)
			if (there[j] && (out < 0 || score[j] < score[out]))
				out = j;
		there[out] = 0;
	}
}

/* The cache is compact: slots hold tokens in order of age, the freed one is closed up. Work a step is that of the slots. */
static void compact(const struct kernel_run *r)
{
	const float *w = r->data[WEIGHTS];
	int32_t *there = r->data[KEPT];
	int64_t n = r->shape->kv_len, slots = r->shape->m + r->shape->n, used = 0;
	double *score = r->state;
	int64_t *token = (int64_t *)(void *)(score + n + 4);

	for (int64_t i = 0; i < n; i++) {
		int64_t out = 0;

		token[used] = i;
		score[used++] = 0;
		for (int64_t k = 0; k < used; k++)
			score[k] += weight(w, n, i, token[k]);
		if (used <= slots)
			continue;
		for (int64_t k = 1; k < used - r->shape->n; k++)
			if (score[k] < score[out])
				out = k;
		used--;
		memmove(&token[out], &token[out + 1], (size_t)(used - out) * sizeof(*token));
		memmove(&score[out], &score[out + 1], (size_t)(used - out) * sizeof(*score));
	}
	memset(there, 0, (size_t)n * sizeof(*there));
	for (int64_t k = 0; k < used; k++)
		there[token[k]] = 1;
}

/* The cache is exactly full, and the most recent tokens are in it. */
static double is_full(const struct kernel_run *r)
{
	const int32_t *there = r->data[KEPT];
	int64_t n = r->shape->kv_len, slots = r->shape->m + r->shape->n, count = 0;

	for (int64_t i = 0; i < n; i++)
		count += there[i];
	for (int64_t i = n - r->shape->n; i < n; i++)
		if (i >= 0 && !there[i])
			return 1;
	return count == (n < slots ? n : slots) ? 0 : 1;
}

static const struct shape tests[] = { { .kv_len = 40, .m = 5, .n = 3 }, { .kv_len = 300, .m = 30, .n = 30 }, { .kv_len = 6, .m = 10, .n = 2 }, { 0 } };
static const struct shape benches[] = { { .kv_len = 1024, .m = 103, .n = 103 }, { 0 } };
static const struct kernel variants[] = { { "ref", NULL, NULL, reference, NULL }, { "compact", NULL, NULL, compact, NULL }, { 0 } };
const struct kernel_family kernel_heavy_hitter = {
	.area = "kv", .name = "heavy_hitter", .help = "tokens kept by accumulated score and recency", .operands = operands, .flops = flops, .bytes = bytes,
	.prepare = prepare, .release = release, .check = is_full, .tolerance = { 0 }, .tests = tests, .benches = benches, .variants = variants,
};
