/* Row-wise operators as the harness sees them. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/core/cl_sources.h"
#include "kernels/core/cpu.h"
#include "kernels/core/sampling.h"
#include "kernels/core/tokenwise.h"
#include "kernels/harness/kernel.h"
#include "kernels/harness/opencl.h"

static double elements(const struct shape *s)
{
	return (double)s->m * (double)s->n;
}
static const struct tokenwise_ops *ops_of(const struct kernel_run *r)
{
	return r->kernel->with;
}

/* The last entry ends the list where there is no OpenCL kernel (NULL). */
#define VARIANTS(name, run, cl) static const struct kernel name##_kernels[] = { \
	{ "ref", NULL, NULL, run, &tokenwise_ref }, KERNEL_SIMD(NULL, run, &tokenwise_avx2, &tokenwise_avx512) { "opencl", opencl_usable, NULL, cl, NULL }, { 0 } };
#define ROWS_OF(m_, n_) { .m = m_, .n = n_ }
static const struct shape row_tests[] = { ROWS_OF(1, 1), ROWS_OF(3, 17), ROWS_OF(2, 4096), ROWS_OF(65, 100), { 0 } };
static const struct shape row_benches[] = { ROWS_OF(16, 4096), ROWS_OF(512, 4096), { 0 } };

/* Operators of one or two inputs and row weights have their operands in common. */
enum { X, Y, WEIGHT, RESULT };
static int row_operands(const struct shape *s, struct operand *o)
{
	o[X] = (struct operand){ .name = "x", .count = s->m * s->n, .scale = 4, .fresh = true };
	o[Y] = (struct operand){ .name = "y", .count = s->m * s->n, .scale = 1 };
	o[WEIGHT] = (struct operand){ .name = "weight", .count = s->n, .scale = 1 };
	o[RESULT] = (struct operand){ .name = "out", .count = s->m * s->n, .fill = FILL_RESULT };
	return 4;
}
/* A norm follows the residual addition, which has just read the rows that the norm will write. Its weights are read once in a pass. */
static int norm_operands(const struct shape *s, struct operand *o)
{
	row_operands(s, o);
	o[WEIGHT].streamed = true;
	o[RESULT].fresh = true;
	return 4;
}
/* Gate and up come from one product, side by side. */
static int activation_operands(const struct shape *s, struct operand *o)
{
	row_operands(s, o);
	o[X].count *= 2;
	o[X].columns = 2 * s->n;
	return 4;
}
/* The residual, in place, has rested since the norm before; a product has just made what is added. */
static int add_operands(const struct shape *s, struct operand *o)
{
	row_operands(s, o);
	o[X].fresh = false;
	o[Y].fresh = true;
	o[Y].columns = s->n;
	o[RESULT].begins_as = 1 + X;
	return 4;
}
#define FAMILY(name_, op_, help_, OPERANDS, CALL, FLOPS, MOVED, TOLERANCE, OPENCL) \
	static void run_##name_(const struct kernel_run *r) \
	{ \
		const struct shape *s = r->shape; \
		const float *x = r->data[X], *y = r->data[Y], *w = r->data[WEIGHT]; \
		float *out = r->data[RESULT]; \
		(void)x, (void)y, (void)w; \
		ops_of(r)->CALL; \
	} \
	static double flops_##name_(const struct shape *s) \
	{ \
		return FLOPS; \
	} \
	static double bytes_##name_(const struct shape *s) \
	{ \
		return MOVED; \
	} \
	VARIANTS(name_, run_##name_, OPENCL) \
	const struct kernel_family kernel_##name_ = { \
		.area = "core", .name = #name_, .op = op_, .help = help_, .operands = OPERANDS, .shrinks = true, .flops = flops_##name_, \
		.bytes = bytes_##name_, .tolerance = { TOLERANCE }, .tests = row_tests, .benches = row_benches, .variants = name_##_kernels, \
	};

static struct opencl_argument memory_of(const struct kernel_run *r, int operand, int64_t bytes)
{
	return (struct opencl_argument){ .memory = r->data[operand], .bytes = (size_t)bytes };
}
static struct opencl_argument result_of(const struct kernel_run *r, int operand, int64_t bytes)
{
	return (struct opencl_argument){ .kind = OPENCL_RESULT, .memory = r->data[operand], .bytes = (size_t)bytes };
}

/* A failure leaves the fill pattern in the results, which every comparison tells. */
static void opencl_norm(const struct kernel_run *r)
{
	int64_t m = r->shape->m, n = r->shape->n;
	const struct opencl_argument a[] = { memory_of(r, X, m * n * 4), memory_of(r, WEIGHT, n * 4), result_of(r, RESULT, m * n * 4),
					     { .kind = OPENCL_INT, .number = (int32_t)n }, { .kind = OPENCL_FLOAT, .real = 1e-5f } };
	struct err ignored = { 0 };

	(void)!opencl_run(r->job, kernels_tokenwise_cl, "rmsnorm", a, 5, (size_t)m, 1, &ignored);
}
static void opencl_swiglu(const struct kernel_run *r)
{
	int64_t bytes = r->shape->m * r->shape->n * 4;
	const struct opencl_argument a[] = { memory_of(r, X, 2 * bytes), result_of(r, RESULT, bytes), { .kind = OPENCL_INT, .number = (int32_t)r->shape->n } };
	struct err ignored = { 0 };

	(void)!opencl_run(r->job, kernels_tokenwise_cl, "swiglu", a, 3, (size_t)bytes / 4, 1, &ignored);
}

/* Tolerances: a handful of roundings (2^-24 each), the exponential's 2e-7, and sums of a row in another order. */
FAMILY(norm, "norm", "RMS norm of m rows of n", norm_operands, rmsnorm(x, w, 1e-5f, out, s->m, s->n, s->threads), 4 * elements(s),
       (2 * elements(s) + (double)s->n) * 4, 2e-6, opencl_norm)
FAMILY(layernorm, "norm", "layer norm of m rows of n", norm_operands, layernorm(x, w, y, 1e-5f, out, s->m, s->n, s->threads), 4 * elements(s),
       (2 * elements(s) + (double)s->n) * 4, 4e-6, NULL)
FAMILY(activation, "activation", "SwiGLU: silu(gate) * up, n = width of the result", activation_operands, swiglu(x, x + s->n, 2 * s->n, out, s->m, s->n, s->threads),
       6 * elements(s), 3 * elements(s) * 4, 1e-6, opencl_swiglu)
FAMILY(gelu, "activation", "GELU, tanh form", row_operands, gelu(x, out, s->m, s->n, s->threads), 5 * elements(s), 2 * elements(s) * 4, 2e-6, NULL)
FAMILY(softmax, "softmax", "softmax of m rows of n", row_operands, softmax(x, out, s->m, s->n, s->threads), 5 * elements(s), 2 * elements(s) * 4, 2e-6, NULL)
FAMILY(add, "add", "residual addition, in place", add_operands, add(out, y, out, s->m, s->n, s->threads), elements(s), 3 * elements(s) * 4, 0, NULL)

/* rope: n = heads * head_dim as the operator counts; heads of 64. */
enum { ROPE_X, ROPE_AT, ROPE_TABLE, ROPE_OUT, ROPE_DIM = 64, ROPE_POSITIONS = 512 };
static int rope_operands(const struct shape *s, struct operand *o)
{
	o[ROPE_X] = (struct operand){ .name = "x", .count = s->m * s->n, .scale = 1 };
	o[ROPE_AT] = (struct operand){ .name = "positions", .element = ELEMENT_INT32, .count = s->m, .fill = FILL_BELOW, .below = ROPE_POSITIONS };
	o[ROPE_TABLE] = (struct operand){ .name = "table", .count = ROPE_POSITIONS * ROPE_DIM, .scale = 1 };
	o[ROPE_OUT] = (struct operand){ .name = "out", .count = s->m * s->n, .fill = FILL_RESULT, .fresh = true, .columns = s->n, .begins_as = 1 + ROPE_X };
	return 4;
}
/* In place, as an engine calls it. */
static void rope_run(const struct kernel_run *r)
{
	const struct shape *s = r->shape;
	struct rope rope = { .heads = s->n / ROPE_DIM, .head_dim = ROPE_DIM, .stride = s->n, .table = r->data[ROPE_TABLE] };

	ops_of(r)->rope(&rope, r->data[ROPE_OUT], r->data[ROPE_AT], s->m, s->threads);
}
static double rope_flops(const struct shape *s)
{
	return 3 * elements(s);
}
static double rope_bytes(const struct shape *s)
{
	return 2 * elements(s) * 4;
}
VARIANTS(rope, rope_run, NULL)
static const struct shape rope_tests[] = { ROWS_OF(1, 64), ROWS_OF(9, 320), { 0 } };
const struct kernel_family kernel_rope = {
	.area = "core", .name = "rope", .op = "rope", .help = "rotary positions of m tokens, n = heads x head size",
	.operands = rope_operands, .shrinks = true, .flops = rope_flops, .bytes = rope_bytes, .tolerance = { 1e-6 }, .tests = rope_tests,
	.benches = row_benches, .variants = rope_kernels,
};

enum { IDS, TABLE, ROWS_OUT, VOCABULARY = 4096 };
static int embedding_operands(const struct shape *s, struct operand *o)
{
	o[IDS] = (struct operand){ .name = "ids", .element = ELEMENT_INT32, .count = s->m, .fill = FILL_BELOW, .below = VOCABULARY, .fresh = true };
	o[TABLE] = (struct operand){ .name = "table", .count = VOCABULARY * s->n, .scale = 1, .streamed = true };
	o[ROWS_OUT] = (struct operand){ .name = "out", .count = s->m * s->n, .fill = FILL_RESULT };
	return 3;
}
static void embedding_run(const struct kernel_run *r)
{
	ops_of(r)->embedding(r->data[TABLE], KERNEL_FP32, r->data[IDS], r->data[ROWS_OUT], r->shape->m, r->shape->n, r->shape->threads);
}
static double no_flops(const struct shape *s)
{
	(void)s;
	return 0;
}
static double embedding_bytes(const struct shape *s)
{
	return (double)s->m * (2 * (double)s->n * 4 + 8);
}
VARIANTS(embedding, embedding_run, NULL)
const struct kernel_family kernel_embedding = {
	.area = "core", .name = "embedding", .op = "embedding", .help = "m rows of a table of n columns",
	.operands = embedding_operands, .shrinks = true, .flops = no_flops, .bytes = embedding_bytes, .tolerance = { 0 }, .tests = row_tests,
	.benches = row_benches, .variants = embedding_kernels,
};

/* kv_append: n = elements of keys and values of a token, in heads of 64; into slots all over a cache of 512 tokens, however few are new. */
enum { NEW_K, NEW_V, SLOTS, CACHE_K, CACHE_V, HEAD = 64, CACHE_TOKENS = 512 };
static int64_t append_tokens(const struct shape *s)
{
	return s->m > CACHE_TOKENS ? (s->m + 15) / 16 * 16 : CACHE_TOKENS;
}
static int append_operands(const struct shape *s, struct operand *o)
{
	enum element_type e = s->kv_format == KERNEL_BF16 ? ELEMENT_BF16 : ELEMENT_FLOAT;

	o[NEW_K] = (struct operand){ .name = "k", .count = s->m * s->n / 2, .scale = 1, .fresh = true };
	o[NEW_V] = (struct operand){ .name = "v", .count = s->m * s->n / 2, .scale = 1, .fresh = true, .columns = s->n / 2 };
	o[SLOTS] = (struct operand){ .name = "slots", .element = ELEMENT_INT64, .count = append_tokens(s), .fill = FILL_SHUFFLED };
	o[CACHE_K] = (struct operand){ .name = "ck", .element = e, .count = append_tokens(s) * s->n / 2, .scale = 1, .streamed = true, .pool = true };
	o[CACHE_V] = (struct operand){ .name = "cv", .element = e, .count = append_tokens(s) * s->n / 2, .scale = 1, .streamed = true, .pool = true };
	return 5;
}
static struct paged_kv append_cache(const struct kernel_run *r)
{
	const struct shape *s = r->shape;

	return (struct paged_kv){ r->data[CACHE_K], r->data[CACHE_V], s->kv_format, append_tokens(s) / 16, 16, s->n / 2 / HEAD, HEAD };
}
static void append_run(const struct kernel_run *r)
{
	struct paged_kv kv = append_cache(r);

	ops_of(r)->kv_append(&kv, r->data[NEW_K], r->data[NEW_V], r->shape->n / 2, r->data[SLOTS], r->shape->m, r->shape->threads);
}
/* What was written is what was given, rounded to the cache's format. */
static double append_check(const struct kernel_run *r)
{
	struct paged_kv kv = append_cache(r);
	const float *k = r->data[NEW_K], *v = r->data[NEW_V];
	const int64_t *slots = r->data[SLOTS], row = r->shape->n / 2;
	double worst = 0;

	for (int64_t i = 0; i < r->shape->m * row; i++) {
		int64_t slot = slots[i / row], at = paged_row(&kv, slot / 16, i % row / HEAD, slot % 16) + i % HEAD;

		if (kv.format == KERNEL_FP32) {
			worst = fmax(worst, fabs((double)((float *)kv.k)[at] - (double)k[i]));
			worst = fmax(worst, fabs((double)((float *)kv.v)[at] - (double)v[i]));
		} else {
			worst = fmax(worst, ((uint16_t *)kv.k)[at] != bf16_from_float(k[i]));
			worst = fmax(worst, ((uint16_t *)kv.v)[at] != bf16_from_float(v[i]));
		}
	}
	return worst;
}
static double append_bytes(const struct shape *s)
{
	return elements(s) * (4 + (s->kv_format == KERNEL_BF16 ? 2 : 4));
}
VARIANTS(append, append_run, NULL)
static const struct shape append_tests[] = { ROWS_OF(1, 128), ROWS_OF(37, 512), { .m = 20, .n = 256, .kv_format = KERNEL_BF16 }, { 0 } };
static const struct shape append_benches[] = { ROWS_OF(16, 2048), ROWS_OF(512, 2048), { 0 } };
const struct kernel_family kernel_kv_append = {
	.area = "core", .name = "kv_append", .op = "kv_append", .help = "keys and values of m tokens (n elements in all) into a paged cache",
	.operands = append_operands, .shrinks = true, .flops = no_flops, .bytes = append_bytes, .check = append_check, .check_most = 0, .tolerance = { 0 },
	.tests = append_tests, .benches = append_benches, .variants = append_kernels,
};

enum { LOGITS, UNIFORM, TOKENS };
static int sampling_operands(const struct shape *s, struct operand *o)
{
	o[LOGITS] = (struct operand){ .name = "logits", .count = s->m * s->n, .scale = 8, .fresh = true, .columns = s->n };
	o[UNIFORM] = (struct operand){ .name = "uniform", .count = s->m, .scale = 0 };
	o[TOKENS] = (struct operand){ .name = "tokens", .element = ELEMENT_INT32, .count = s->m, .fill = FILL_RESULT };
	return 3;
}
static void sampling_run(const struct kernel_run *r)
{
	const struct sampling greedy = { 0 };

	sample(r->data[LOGITS], r->shape->m, r->shape->n, &greedy, r->data[UNIFORM], r->data[TOKENS], NULL, r->shape->threads);
}
static double sampling_check(const struct kernel_run *r)
{
	const float *logits = r->data[LOGITS];
	const int32_t *tokens = r->data[TOKENS];

	for (int64_t i = 0; i < r->shape->m; i++)
		for (int64_t j = 0; j < r->shape->n; j++)
			if (logits[i * r->shape->n + j] > logits[i * r->shape->n + tokens[i]])
				return 1;
	return 0;
}
static double sampling_flops(const struct shape *s)
{
	return 6 * elements(s);
}
static double sampling_bytes(const struct shape *s)
{
	return elements(s) * 4;
}
static const struct kernel sampling_kernels[] = { { "ref", NULL, NULL, sampling_run, NULL }, { 0 } };
static const struct shape sampling_benches[] = { ROWS_OF(16, 32000), { 0 } };
const struct kernel_family kernel_sampling = {
	.area = "core", .name = "sampling", .op = "sampling", .help = "the likeliest of n tokens for m rows",
	.operands = sampling_operands, .flops = sampling_flops, .bytes = sampling_bytes, .check = sampling_check, .tolerance = { 0 },
	.tests = row_tests, .benches = sampling_benches, .variants = sampling_kernels,
};

/* copy, triad: bytes counts one array; streams from memory when it is larger than the caches. */
enum { FROM, OTHER, TO };
static int stream_operands(const struct shape *s, struct operand *o)
{
	o[FROM] = (struct operand){ .name = "x", .count = s->bytes / 4, .scale = 1, .streamed = true };
	o[OTHER] = (struct operand){ .name = "y", .count = s->bytes / 4, .scale = 1, .streamed = true };
	o[TO] = (struct operand){ .name = "out", .count = s->bytes / 4, .fill = FILL_RESULT, .streamed = true };
	return 3;
}
static void copy_run(const struct kernel_run *r)
{
	ops_of(r)->copy(r->data[FROM], r->data[TO], r->shape->bytes / 4, r->shape->threads);
}
static void triad_run(const struct kernel_run *r)
{
	ops_of(r)->triad(r->data[FROM], r->data[OTHER], 3, r->data[TO], r->shape->bytes / 4, r->shape->threads);
}
static double copy_bytes(const struct shape *s)
{
	return 2 * (double)s->bytes;
}
static double triad_bytes(const struct shape *s)
{
	return 3 * (double)s->bytes;
}
static double triad_flops(const struct shape *s)
{
	return 2 * (double)s->bytes / 4;
}
static void opencl_copy(const struct kernel_run *r)
{
	const struct opencl_argument a[] = { memory_of(r, FROM, r->shape->bytes), result_of(r, TO, r->shape->bytes) };
	struct err ignored = { 0 };

	(void)!opencl_run(r->job, kernels_tokenwise_cl, "copy", a, 2, (size_t)r->shape->bytes / 4, 1, &ignored);
}
VARIANTS(copy, copy_run, opencl_copy)
VARIANTS(triad, triad_run, NULL)
#define BYTES(b) { .bytes = b }
static const struct shape stream_tests[] = { BYTES(4), BYTES(100004), { 0 } };
static const struct shape stream_benches[] = { BYTES(1 << 20), BYTES(128 << 20), { 0 } };
const struct kernel_family kernel_copy = {
	.area = "core", .name = "copy", .op = "copy", .help = "bytes from here to there", .operands = stream_operands, .flops = no_flops,
	.bytes = copy_bytes, .tolerance = { 0 }, .tests = stream_tests, .benches = stream_benches, .variants = copy_kernels,
};
const struct kernel_family kernel_triad = {
	.area = "core", .name = "triad", .help = "out = x + 3 y, the measure of memory bandwidth (three arrays counted)",
	.operands = stream_operands, .flops = triad_flops, .bytes = triad_bytes, .tolerance = { 1e-6 }, .tests = stream_tests,
	.benches = stream_benches, .variants = triad_kernels,
};
