#include "kernels/core/cpu.h"
#include "kernels/core/fma.h"

/* m multiply-adds in all; every chain stays at its fixed point 1. */
static int operands(const struct shape *s, struct operand *o)
{
	o[0] = (struct operand){ .name = "out", .count = s->threads > 0 ? s->threads : 1, .fill = FILL_RESULT };
	return 1;
}
static double flops(const struct shape *s)
{
	return 2 * (double)s->m;
}
static double bytes(const struct shape *s)
{
	(void)s;
	return 0;
}
static void run_ref(const struct kernel_run *r)
{
	float *out = r->data[0];

	for (int t = 0; t < r->shape->threads; t++) {
		float x = 1;           /* bytes: the same number of products; every chain ends above 0, which is told as 1 */

		for (int64_t i = 0; i < r->shape->m / r->shape->threads / 192; i++)
			x = x * 0.75f + 0.25f;
		out[t] = x;
	}
}
static const struct kernel kernels[] = {
	{ "ref", NULL, NULL, run_ref, NULL },
#if defined(__x86_64__)
	{ "avx2", cpu_has_avx2, NULL, fma_avx2, NULL },
	{ "avx512", cpu_has_avx512, NULL, fma_avx512, NULL },
#endif
	{ 0 }
};
static const struct shape tests[] = { { .m = 1 << 16 }, { .format = KERNEL_INT8, .m = 1 << 16 }, { 0 } };
static const struct shape benches[] = { { .m = 1 << 26 }, { .format = KERNEL_INT8, .m = 1 << 27 }, { 0 } };
const struct kernel_family kernel_fma = {
	.area = "core", .name = "fma", .help = "multiply-adds in registers: the measure of peak arithmetic", .operands = operands, .flops = flops,
	.bytes = bytes, .tolerance = { 1e-6, 0, 1e-6 }, .tests = tests, .benches = benches, .variants = kernels,
};
