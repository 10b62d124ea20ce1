/* The selective scan as the harness sees it. The operator counts FLOPs a token in n, elements a token in k, bytes of one sequence's
 * state in `bytes`; the layer behind them is heads x head_dim x extra[0] of state. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/core/cpu.h"
#include "kernels/core/scan.h"
#include "kernels/harness/kernel.h"

enum { X, DECAY, B, C, STATE, Y };

static int operands(const struct shape *s, struct operand *o)
{
	int64_t n = s->extra[0];

	o[X] = (struct operand){ .name = "x", .count = s->m * s->heads * s->head_dim, .scale = 1 };
	o[DECAY] = (struct operand){ .name = "decay", .count = s->m * s->heads, .scale = 0.9 };
	o[B] = (struct operand){ .name = "b", .count = s->m * n, .scale = 1 };
	o[C] = (struct operand){ .name = "c", .count = s->m * n, .scale = 1 };
	o[STATE] = (struct operand){ .name = "state", .count = s->batch * s->heads * s->head_dim * n, .scale = 1, .streamed = true };
	o[Y] = (struct operand){ .name = "y", .count = s->m * s->heads * s->head_dim, .fill = FILL_RESULT };
	return 6;
}
static double flops(const struct shape *s)
{
	return (double)s->m * (double)s->n;
}
static double bytes(const struct shape *s)
{
	return (double)s->batch * 2 * (double)s->bytes + (double)s->m * (double)s->k * 4;
}

static struct scan_call call_of(const struct kernel_run *r)
{
	const struct shape *s = r->shape;

	return (struct scan_call){ .sequences = s->batch, .tokens = s->m / s->batch, .heads = s->heads, .head_dim = s->head_dim,
				   .state = s->extra[0], .x = r->data[X], .decay = r->data[DECAY], .b = r->data[B], .c = r->data[C],
				   .h = r->data[STATE], .y = r->data[Y], .threads = s->threads };
}

/* Runs go on from the state that the last one left, as decoding does: y differs from run to run. The first token's results are made
 * the same for every variant by beginning from nothing when a comparison asks (y still holds the fill pattern). */
static void run(const struct kernel_run *r)
{
	struct scan_call call = call_of(r);
	const uint32_t pattern = 0x5a5a5a5a;

	if (!memcmp(r->data[Y], &pattern, sizeof(pattern)))
		memset(r->data[STATE], 0, (size_t)r->shape->batch * (size_t)r->shape->bytes);
	((const struct scan_ops *)r->kernel->with)->run(&call);
}

static const struct kernel kernels[] = {
	{ "ref", NULL, NULL, run, &scan_ref },
	KERNEL_SIMD(NULL, run, &scan_avx2, &scan_avx512)
	{ 0 }
};
/* Five operations a state cell: decay, product, addition, product, addition. A token brings x, y, decay, b and c. */
#define S(seqs, tokens, h, p, s) \
	{ .batch = seqs, .m = (seqs) * (tokens), .heads = h, .head_dim = p, .extra = { s }, .n = 5 * (h) * (p) * (s), \
	  .k = 2 * (h) * (p) + (h) + 2 * (s), .bytes = 4 * (h) * (p) * (s) }
static const struct shape tests[] = { S(1, 1, 2, 8, 64), S(3, 7, 2, 5, 128), S(2, 20, 3, 4, 50), S(1, 9, 1, 3, 32), { 0 } };
static const struct shape benches[] = { S(16, 1, 24, 64, 128), S(1, 256, 24, 64, 128), { 0 } };
const struct kernel_family kernel_scan = {
	.area = "core", .name = "scan", .op = "scan", .help = "selective scan: one token of many sequences, or a prompt", .operands = operands,
	.flops = flops, .bytes = bytes, .tolerance = { 5e-6 }, .tests = tests, .benches = benches, .variants = kernels,
};
