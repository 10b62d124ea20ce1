/* kernels/compiler/tile_gemm.c -- products from staged tiles of 16 x 16. shape: m rows, n outputs, k inputs. The reference has no tiles:
 * one output after the other. */
#include "kernels/compiler/tile_gemm.h"

#include "base/mem.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { A, W, C };

static int operands(const struct shape *s, struct operand *o)
{
	o[A] = (struct operand){ .name = "a", .count = s->m * s->k, .scale = 1, .fresh = true };
	o[W] = (struct operand){ .name = "w", .count = s->n * s->k, .scale = 1, .streamed = true };
	o[C] = (struct operand){ .name = "c", .count = s->m * s->n, .fill = FILL_RESULT };
	return 3;
}
static double flops(const struct shape *s)
{
	return 2.0 * (double)(s->m * s->n) * (double)s->k;
}
static double bytes(const struct shape *s)
{
	return 4.0 * (double)(s->m * s->k + s->n * s->k + s->m * s->n);
}
static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_alloc_aligned((size_t)tile_scratch(s->m) * sizeof(float));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

static void untiled(const struct kernel_run *r)
{
	const float *a = r->data[A], *w = r->data[W];
	const struct shape *s = r->shape;
	float *c = r->data[C];

	for (int64_t i = 0; i < s->m; i++)
		for (int64_t j = 0; j < s->n; j++) {
			double sum = 0;

			for (int64_t k = 0; k < s->k; k++)
				sum += (double)a[i * s->k + k] * (double)w[j * s->k + k];
			c[i * s->n + j] = (float)sum;
		}
}

struct variant {
	void (*run)(const struct tile_call *t);
};
static void tiled(const struct kernel_run *r)
{
	((const struct variant *)r->kernel->with)->run(&(struct tile_call){ .a = r->data[A], .w = r->data[W], .c = r->data[C], .m = r->shape->m,
									    .n = r->shape->n, .k = r->shape->k, .stage = r->state });
}

static const struct shape tests[] = { { .m = 1, .n = 1, .k = 1 }, { .m = 16, .n = 16, .k = 16 }, { .m = 37, .n = 50, .k = 300 }, { .m = 70, .n = 33, .k = 513 }, { 0 } };
static const struct shape benches[] = { { .m = 512, .n = 512, .k = 512 }, { .m = 1024, .n = 1024, .k = 1024 }, { 0 } };
#if defined(__x86_64__)
static const struct variant avx2 = { tile_gemm_avx2 }, avx512 = { tile_gemm_avx512 };
#endif
static const struct kernel variants[] = {
	{ "ref", NULL, NULL, untiled, NULL },
	KERNEL_SIMD(NULL, tiled, &avx2, &avx512)
	{ 0 }
};
const struct kernel_family kernel_tile_gemm = {
	.area = "compiler", .name = "tile_gemm", .help = "products from staged tiles of 16 x 16", .operands = operands, .flops = flops, .bytes = bytes,
	.prepare = prepare, .release = release, .tolerance = { 1e-5 }, .baseline = "gemm", .tests = tests, .benches = benches, .variants = variants,
};
