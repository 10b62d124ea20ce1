/* kernels/optim/update.c -- element-wise optimizer steps of an m x n matrix, in place. */
#include "kernels/optim/update.h"

#include <math.h>
#include <string.h>

#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { GRADIENT, MOMENT, SQUARE, MASTER, DIRECTION, WEIGHT, CHECKED };

static void adamw(const struct update_call *u)
{
	for (int64_t i = 0; i < u->count; i++) {
		float g = u->gradient[i];

		u->moment[i] = UPDATE_BETA1 * u->moment[i] + (1 - UPDATE_BETA1) * g;
		u->square[i] = UPDATE_BETA2 * u->square[i] + (1 - UPDATE_BETA2) * g * g;
		u->master[i] -= UPDATE_RATE * (u->moment[i] / (sqrtf(u->square[i]) + UPDATE_EPSILON) + UPDATE_DECAY * u->master[i]);
		u->weight[i] = bf16_from_float(u->master[i]);
	}
}
static void muon(const struct update_call *u)
{
	for (int64_t i = 0; i < u->count; i++) {
		u->moment[i] = UPDATE_BETA2 * u->moment[i] + u->gradient[i];
		u->master[i] -= UPDATE_RATE * (u->direction[i] + UPDATE_DECAY * u->master[i]);
		u->weight[i] = bf16_from_float(u->master[i]);
	}
}
const struct update_ops update_ref = { adamw, muon };

static int64_t count_of(const struct shape *s)
{
	return s->m * s->n;
}
static int operands(const struct shape *s, struct operand *o)
{
	static const char *const names[] = { "gradient", "moment", "square", "master", "direction" };

	for (int i = 0; i <= DIRECTION; i++)
		o[i] = (struct operand){ .name = names[i], .count = count_of(s), .scale = 1, .streamed = true };
	o[WEIGHT] = (struct operand){ .name = "weight", .element = ELEMENT_BF16, .count = count_of(s), .scale = 1, .streamed = true };
	o[CHECKED] = (struct operand){ .name = "checked", .count = 64, .fill = FILL_RESULT };
	return 7;
}
static double adamw_flops(const struct shape *s)
{
	return 14 * (double)count_of(s);
}
static double muon_flops(const struct shape *s)
{
	return 6 * (double)count_of(s);
}
/* Gradient in; two moments and the master copy in and out; the 16-bit weight out. Muon: one moment, and the direction in. */
static double adamw_bytes(const struct shape *s)
{
	return 30 * (double)count_of(s);
}
static double muon_bytes(const struct shape *s)
{
	return 26 * (double)count_of(s);
}

/* A comparison (the results hold the fill pattern) begins anew; otherwise steps go on. What is compared: the first parameters. */
static void run(const struct kernel_run *r, void (*step)(const struct update_call *u))
{
	int64_t n = count_of(r->shape);
	const uint32_t pattern = 0x5a5a5a5a;
	float *checked = r->data[CHECKED], *square = r->data[SQUARE];

	if (!memcmp(checked, &pattern, sizeof(pattern))) {
		memset(r->data[MOMENT], 0, (size_t)n * sizeof(float));
		memset(square, 0, (size_t)n * sizeof(float));
		memcpy(r->data[MASTER], r->data[GRADIENT], (size_t)n * sizeof(float));
	}
	step(&(struct update_call){ .gradient = r->data[GRADIENT], .moment = r->data[MOMENT], .square = square, .master = r->data[MASTER],
				    .direction = r->data[DIRECTION], .weight = r->data[WEIGHT], .count = n });
	for (int64_t i = 0; i < 64; i++)
		checked[i] = i < n ? ((const float *)r->data[MASTER])[n - 1 - i] : 0;
}
static void run_adamw(const struct kernel_run *r)
{
	run(r, ((const struct update_ops *)r->kernel->with)->adamw);
}
static void run_muon(const struct kernel_run *r)
{
	run(r, ((const struct update_ops *)r->kernel->with)->muon);
}

static bool whole_vectors(const struct shape *s)
{
	return count_of(s) % 16 == 0;
}

static const struct shape tests[] = { { .m = 4, .n = 16 }, { .m = 100, .n = 32 }, { .m = 3, .n = 5 }, { 0 } };
static const struct shape benches[] = { { .m = 1024, .n = 4096 }, { 0 } };
#define VARIANTS(name) \
	static const struct kernel name##_variants[] = { { "ref", NULL, NULL, run_##name, &update_ref }, \
							 KERNEL_SIMD(whole_vectors, run_##name, &update_avx2, &update_avx512) { 0 } };
#define FAMILY(rule, help_) \
	VARIANTS(rule) \
	const struct kernel_family kernel_##rule##_update = { \
		.area = "optim", .name = #rule "_update", .help = help_, .operands = operands, .flops = rule##_flops, .bytes = rule##_bytes, \
		.tolerance = { 1e-6 }, .tests = tests, .benches = benches, .variants = rule##_variants, \
	};
FAMILY(adamw, "AdamW's step: two moments, master copy, 16-bit weight")
FAMILY(muon, "Muon's step but for its orthogonalisation")
