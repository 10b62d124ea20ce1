/* kernels/lora/adapters.c -- two adapters beside a frozen matrix. Square (MoRA by sharing, arXiv 2405.12130): the input is folded
 * to r by additions, multiplied by an r x r matrix, the result repeated to the output's width. Composed (LoraHub, arXiv
 * 2307.13269): m thin pairs are added up by weights before they are multiplied. shape: k inputs, n outputs, top_k rank, m pairs. */
#include "base/mem.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"
#include "kernels/lora/mora.h"

enum { X, M, OUT };

static double square_flops(const struct shape *s)
{
	return (double)(s->k + 2 * s->top_k * s->top_k);
}
static double square_bytes(const struct shape *s)
{
	return 4.0 * (double)(s->k + s->n + s->top_k * s->top_k);
}
static int square_operands(const struct shape *s, struct operand *o)
{
	o[X] = (struct operand){ .name = "x", .count = s->k, .scale = 1 };
	o[M] = (struct operand){ .name = "m", .count = s->top_k * s->top_k, .scale = 1 };
	o[OUT] = (struct operand){ .name = "out", .count = s->n, .fill = FILL_RESULT };
	return 3;
}
static void release(void *state)
{
	mem_free(state);
}
static void *square_prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)(2 * s->top_k), sizeof(double));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

/* The dense matrix that it stands for, element by element: M[i mod r][j mod r]. */
static void square_dense(const struct kernel_run *r)
{
	const float *x = r->data[X], *m = r->data[M];
	float *out = r->data[OUT];
	int64_t rank = r->shape->top_k;

	for (int64_t i = 0; i < r->shape->n; i++) {
		double sum = 0;

		for (int64_t j = 0; j < r->shape->k; j++)
			sum += (double)m[i % rank * rank + j % rank] * (double)x[j];
		out[i] = (float)sum;
	}
}

static void square_folded(const struct kernel_run *r)
{
	const float *x = r->data[X], *m = r->data[M];
	float *out = r->data[OUT];
	int64_t rank = r->shape->top_k;
	double *folded = r->state, *y = folded + rank;

	for (int64_t i = 0; i < rank; i++)
		folded[i] = 0;
	for (int64_t j = 0; j < r->shape->k; j++)
		folded[j % rank] += (double)x[j];
	for (int64_t i = 0; i < rank; i++) {
		y[i] = 0;
		for (int64_t j = 0; j < rank; j++)
			y[i] += (double)m[i * rank + j] * folded[j];
	}
	for (int64_t i = 0; i < r->shape->n; i++)
		out[i] = (float)y[i % rank];
}

static const struct shape square_tests[] = { { .k = 6, .n = 4, .top_k = 2 }, { .k = 300, .n = 200, .top_k = 44 }, { 0 } };
static const struct shape square_benches[] = { { .k = 4096, .n = 4096, .top_k = 256 }, { 0 } };
struct square {
	void (*run)(const struct mora_call *c);
};
static void square_fast(const struct kernel_run *r)
{
	((const struct square *)r->kernel->with)->run(&(struct mora_call){ .x = r->data[X], .m = r->data[M], .out = r->data[OUT], .folded = r->state,
									   .k = r->shape->k, .n = r->shape->n, .rank = r->shape->top_k });
}
#if defined(__x86_64__)
static const struct square square_avx2 = { mora_avx2 }, square_avx512 = { mora_avx512 };
#endif
static const struct kernel square_variants[] = {
	{ "ref", NULL, NULL, square_dense, NULL },
	{ "folded", NULL, NULL, square_folded, NULL },
	KERNEL_SIMD(NULL, square_fast, &square_avx2, &square_avx512)
	{ 0 }
};
const struct kernel_family kernel_mora = {
	.area = "lora", .name = "mora", .help = "a square adapter by folding and repeating", .operands = square_operands, .flops = square_flops,
	.bytes = square_bytes, .prepare = square_prepare, .release = release, .tolerance = { 1e-5 }, .tests = square_tests, .benches = square_benches,
	.variants = square_variants,
};

enum { HUB_X, HUB_A, HUB_B, HUB_W, HUB_OUT };
static int hub_operands(const struct shape *s, struct operand *o)
{
	o[HUB_X] = (struct operand){ .name = "x", .count = s->k, .scale = 1 };
	o[HUB_A] = (struct operand){ .name = "a", .count = s->m * s->top_k * s->k, .scale = 1 };
	o[HUB_B] = (struct operand){ .name = "b", .count = s->m * s->n * s->top_k, .scale = 1 };
	o[HUB_W] = (struct operand){ .name = "weights", .count = s->m, .scale = 1.5 };
	o[HUB_OUT] = (struct operand){ .name = "out", .count = s->n, .fill = FILL_RESULT };
	return 5;
}
static double hub_flops(const struct shape *s)
{
	return 2.0 * (double)((s->m + 1) * s->top_k * (s->k + s->n));
}
static double hub_bytes(const struct shape *s)
{
	return 4.0 * (double)(s->m * s->top_k * (s->k + s->n) + s->k + s->n);
}
static void *hub_prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_calloc((size_t)(s->top_k * (s->k + s->n) + s->top_k), sizeof(double));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

/* sum over i and j of w_i w_j B_i A_j x: with the cross terms. */
static void hub_cross_terms(const struct kernel_run *r)
{
	const float *x = r->data[HUB_X], *a = r->data[HUB_A], *b = r->data[HUB_B], *w = r->data[HUB_W];
	int64_t k = r->shape->k, n = r->shape->n, rank = r->shape->top_k, m = r->shape->m;
	double *y = r->state;
	float *out = r->data[HUB_OUT];

	for (int64_t o = 0; o < n; o++) {
		double sum = 0;

		for (int64_t j = 0; j < m; j++) {
			for (int64_t q = 0; q < rank; q++) {
				y[q] = 0;
				for (int64_t c = 0; c < k; c++)
					y[q] += (double)a[(j * rank + q) * k + c] * (double)x[c];
			}
			for (int64_t i = 0; i < m; i++)
				for (int64_t q = 0; q < rank; q++)
					sum += (double)w[i] * (double)w[j] * (double)b[(i * n + o) * rank + q] * y[q];
		}
		out[o] = (float)sum;
	}
}

static void hub_merged(const struct kernel_run *r)
{
	const float *x = r->data[HUB_X], *a = r->data[HUB_A], *b = r->data[HUB_B], *w = r->data[HUB_W];
	int64_t k = r->shape->k, n = r->shape->n, rank = r->shape->top_k;
	double *down = r->state, *up = down + rank * k, *y = up + n * rank;
	float *out = r->data[HUB_OUT];

	for (int64_t c = 0; c < rank * k; c++)
		down[c] = 0;
	for (int64_t c = 0; c < n * rank; c++)
		up[c] = 0;
	for (int64_t i = 0; i < r->shape->m; i++) {
		for (int64_t c = 0; c < rank * k; c++)
			down[c] += (double)w[i] * (double)a[i * rank * k + c];
		for (int64_t c = 0; c < n * rank; c++)
			up[c] += (double)w[i] * (double)b[i * n * rank + c];
	}
	for (int64_t q = 0; q < rank; q++) {
		y[q] = 0;
		for (int64_t c = 0; c < k; c++)
			y[q] += down[q * k + c] * (double)x[c];
	}
	for (int64_t o = 0; o < n; o++) {
		double sum = 0;

		for (int64_t q = 0; q < rank; q++)
			sum += up[o * rank + q] * y[q];
		out[o] = (float)sum;
	}
}

static const struct shape hub_tests[] = { { .k = 5, .n = 3, .top_k = 2, .m = 1 }, { .k = 40, .n = 24, .top_k = 4, .m = 6 }, { 0 } };
static const struct shape hub_benches[] = { { .k = 512, .n = 512, .top_k = 16, .m = 20 }, { 0 } };
static const struct kernel hub_variants[] = { { "ref", NULL, NULL, hub_cross_terms, NULL }, { "merged", NULL, NULL, hub_merged, NULL }, { 0 } };
const struct kernel_family kernel_lora_hub = {
	.area = "lora", .name = "lora_hub", .help = "thin adapters added up by weights, then multiplied", .operands = hub_operands, .flops = hub_flops,
	.bytes = hub_bytes, .prepare = hub_prepare, .release = release, .tolerance = { 1e-5 }, .tests = hub_tests, .benches = hub_benches,
	.variants = hub_variants,
};
