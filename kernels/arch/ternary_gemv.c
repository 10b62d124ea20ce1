/* kernels/arch/ternary_gemv.c -- products with ternary weights as the harness sees them. shape: m rows of activations (0: one), n
 * outputs, k inputs. Sums are exact integers, the same in every variant. */
#include <math.h>

#include "base/mem.h"
#include "kernels/arch/ternary.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { W, X, Y };
struct packed {
	uint8_t *codes;
	int8_t *plain, *x;             /* weights by row; activations padded to whole blocks */
	int32_t *x_sum;
	size_t code_bytes;
};

static int64_t rows_of(const struct shape *s)
{
	return s->m > 0 ? s->m : 1;
}
static int operands(const struct shape *s, struct operand *o)
{
	o[W] = (struct operand){ .name = "w", .count = s->n * s->k, .scale = 1 };
	o[X] = (struct operand){ .name = "x", .count = rows_of(s) * s->k, .scale = 1, .fresh = true };
	o[Y] = (struct operand){ .name = "y", .element = ELEMENT_INT32, .count = rows_of(s) * s->n, .fill = FILL_RESULT };
	return 3;
}
static double flops(const struct shape *s)
{
	return 2.0 * (double)(rows_of(s) * s->n * s->k);
}
static double bytes(const struct shape *s)
{
	return (double)(s->n * s->k) / 4 + (double)(rows_of(s) * (s->k + 4 * s->n));
}
static void release(void *state)
{
	struct packed *p = state;

	mem_free(p->codes);
	mem_free(p->plain);
	mem_free(p->x);
	mem_free(p->x_sum);
	mem_free(p);
}

/* round(W / mean |W|) within -1 .. 1. */
static void quantise_weights(struct packed *p, const struct shape *s, const float *w)
{
	int64_t total = s->n * s->k, row = ternary_blocks(s->k) * 32;
	double mean = 0;

	for (int64_t i = 0; i < total; i++)
		mean += fabs((double)w[i]) / (double)total;
	for (int64_t i = 0; i < total; i++)
		p->plain[i] = (int8_t)fmax(-1, fmin(1, rint((double)w[i] / mean)));
	for (int64_t j = 0; j < s->n; j++)
		ternary_pack(p->plain + j * s->k, s->k, p->codes + j * row);
}

/* Each row by its largest magnitude. */
static void quantise_activations(struct packed *p, const struct shape *s, const float *x)
{
	for (int64_t r = 0; r < rows_of(s); r++, x += s->k) {
		int8_t *to = p->x + r * ternary_blocks(s->k) * TERNARY_BLOCK;
		double most = 0;

		for (int64_t i = 0; i < s->k; i++)
			most = fmax(most, fabs((double)x[i]));
		for (int64_t i = 0; i < s->k; i++) {
			to[i] = (int8_t)rint(most > 0 ? (double)x[i] * 127 / most : 0);
			p->x_sum[r] += to[i];
		}
	}
}

static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	struct packed *p = mem_calloc(1, sizeof(*p));
	size_t blocks = (size_t)ternary_blocks(s->k), rows = (size_t)rows_of(s);

	if (p) {
		p->code_bytes = (size_t)s->n * blocks * 32;
		p->codes = mem_alloc_aligned(p->code_bytes);
		p->plain = mem_calloc((size_t)(s->n * s->k), 1);
		p->x = mem_calloc(rows * blocks, TERNARY_BLOCK);
		p->x_sum = mem_calloc(rows, sizeof(*p->x_sum));
	}
	if (!p || !p->codes || !p->plain || !p->x || !p->x_sum) {
		if (p)
			release(p);
		err_memory(err);
		return NULL;
	}
	quantise_weights(p, s, data[W]);
	quantise_activations(p, s, data[X]);
	return p;
}

static bool streams(void *state, int i, const void **at, size_t *bytes_of)
{
	const struct packed *p = state;

	*at = p->codes;
	*bytes_of = p->code_bytes;
	return i == 0;
}

/* The weights as they were before packing. */
static void plain(const struct kernel_run *r)
{
	const struct packed *p = r->state;
	const struct shape *s = r->shape;
	int32_t *y = r->data[Y];

	for (int64_t t = 0; t < rows_of(s); t++)
		for (int64_t j = 0; j < s->n; j++) {
			int32_t dot = 0;

			for (int64_t i = 0; i < s->k; i++)
				dot += p->plain[j * s->k + i] * p->x[t * ternary_blocks(s->k) * TERNARY_BLOCK + i];
			y[t * s->n + j] = dot;
		}
}

static void packed(const struct kernel_run *r)
{
	const struct packed *p = r->state;
	const struct shape *s = r->shape;

	((const struct ternary_ops *)r->kernel->with)->run(&(struct ternary_call){
		.codes = p->codes, .x = p->x, .x_sum = p->x_sum, .y = r->data[Y], .m = rows_of(s), .n = s->n, .blocks = ternary_blocks(s->k),
		.threads = s->threads > 0 ? s->threads : 1 });
}

static const struct shape tests[] = { { .n = 3, .k = 8 }, { .n = 33, .k = 260 }, { .m = 6, .n = 17, .k = 128 * 18 + 5 }, { 0 } };
static const struct shape benches[] = { { .n = 2560, .k = 2560 }, { .n = 6912, .k = 2560 }, { .m = 16, .n = 2560, .k = 2560 }, { 0 } };
static const struct kernel variants[] = {
	{ "ref", NULL, NULL, plain, NULL },
	{ "unpacking", NULL, NULL, packed, &ternary_ref },
	KERNEL_SIMD(NULL, packed, &ternary_avx2, &ternary_avx512)
	{ 0 }
};
const struct kernel_family kernel_ternary_gemv = {
	.area = "arch", .name = "ternary_gemv", .help = "weights -1, 0, 1 in two bits times 8-bit activations, exact", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .streams = streams, .tolerance = { 0 }, .baseline = "gemm", .tests = tests, .benches = benches,
	.variants = variants,
};
