/* kernels/arch/ternary_gemv.c -- y = W x with weights -1, 0, 1 in two bits and 8-bit activations (BitNet b1.58, arXiv 2402.17764).
 * shape: n outputs, k inputs (a multiple of 4). The sums are exact integers. */
#include <math.h>

#include "base/mem.h"
#include "kernels/harness/kernel.h"

enum { W, X, Y };
struct packed {
	uint8_t *codes;                /* 4 weights a byte, weight + 1 in two bits, input i in byte i / 4 */
	int8_t *plain, *x;
};

static int operands(const struct shape *s, struct operand *o)
{
	o[W] = (struct operand){ .name = "w", .count = s->n * s->k, .scale = 1 };
	o[X] = (struct operand){ .name = "x", .count = s->k, .scale = 1 };
	o[Y] = (struct operand){ .name = "y", .element = ELEMENT_INT32, .count = s->n, .fill = FILL_RESULT };
	return 3;
}
static double flops(const struct shape *s)
{
	return 2.0 * (double)(s->n * s->k);
}
static double bytes(const struct shape *s)
{
	return (double)(s->n * s->k) / 4 + (double)s->k + 4.0 * (double)s->n;
}
static void release(void *state)
{
	struct packed *p = state;

	mem_free(p->codes);
	mem_free(p->plain);
	mem_free(p->x);
	mem_free(p);
}

/* round(W / mean |W|) within -1 .. 1; activations by their largest magnitude. */
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	const float *w = data[W], *x = data[X];
	struct packed *p = mem_calloc(1, sizeof(*p));
	int64_t total = s->n * s->k;
	double mean = 0, most = 0;

	if (p) {
		p->codes = mem_calloc((size_t)(total + 3) / 4, 1);
		p->plain = mem_calloc((size_t)total, 1);
		p->x = mem_calloc((size_t)s->k, 1);
	}
	if (!p || !p->codes || !p->plain || !p->x) {
		if (p)
			release(p);
		err_memory(err);
		return NULL;
	}
	for (int64_t i = 0; i < total; i++)
		mean += fabs((double)w[i]) / (double)total;
	for (int64_t i = 0; i < s->k; i++)
		most = fmax(most, fabs((double)x[i]));
	for (int64_t i = 0; i < total; i++) {
		double t = rint((double)w[i] / mean);

		p->plain[i] = (int8_t)(t < -1 ? -1 : t > 1 ? 1 : t);
		p->codes[i / 4] |= (uint8_t)((p->plain[i] + 1) << (2 * (i % 4)));
	}
	for (int64_t i = 0; i < s->k; i++)
		p->x[i] = (int8_t)rint(most > 0 ? (double)x[i] * 127 / most : 0);
	return p;
}

static void reference(const struct kernel_run *r)
{
	const struct packed *p = r->state;
	int32_t *y = r->data[Y];

	for (int64_t j = 0; j < r->shape->n; j++) {
		y[j] = 0;
		for (int64_t i = 0; i < r->shape->k; i++)
			y[j] += p->plain[j * r->shape->k + i] * p->x[i];
	}
}

/* Codes are weight + 1: the sum of the activations is taken off once. */
static void unpacking(const struct kernel_run *r)
{
	const struct packed *p = r->state;
	int32_t *y = r->data[Y], sum = 0;
	int64_t bytes_a_row = r->shape->k / 4;

	for (int64_t i = 0; i < r->shape->k; i++)
		sum += p->x[i];
#pragma omp parallel for num_threads(r->shape->threads > 0 ? r->shape->threads : 1)
	for (int64_t j = 0; j < r->shape->n; j++) {
		const uint8_t *row = p->codes + j * bytes_a_row;
		int32_t dot = 0;

		for (int64_t i = 0; i < bytes_a_row; i++) {
			const int8_t *x = p->x + 4 * i;
			int32_t c = row[i];

			dot += (c & 3) * x[0] + (c >> 2 & 3) * x[1] + (c >> 4 & 3) * x[2] + (c >> 6 & 3) * x[3];
		}
		y[j] = dot - sum;
	}
}

static const struct shape tests[] = { { .n = 3, .k = 8 }, { .n = 33, .k = 260 }, { 0 } };
static const struct shape benches[] = { { .n = 2560, .k = 2560 }, { .n = 6912, .k = 2560 }, { 0 } };
static const struct kernel variants[] = { { "ref", NULL, NULL, reference, NULL }, { "unpacking", NULL, NULL, unpacking, NULL }, { 0 } };
const struct kernel_family kernel_ternary_gemv = {
	.area = "arch", .name = "ternary_gemv", .help = "weights -1, 0, 1 in two bits times 8-bit activations, exact", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .tolerance = { 0 }, .tests = tests, .benches = benches, .variants = variants,
};
