/* Attention as the harness sees it. */
#include <math.h>

#include "base/mem.h"
#include "kernels/core/attention.h"
#include "kernels/core/cl_sources.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"
#include "kernels/harness/opencl.h"

enum { Q, KEYS, VALUES, ORDER, OUT };
enum { BLOCK = 16 };

static int64_t queries(const struct shape *s)
{
	return s->q_len > 0 ? s->q_len : 1;
}
static int64_t blocks_each(const struct shape *s)
{
	return (s->kv_len + BLOCK - 1) / BLOCK;
}

static int operands(const struct shape *s, struct operand *o)
{
	int64_t rows = s->batch * queries(s), cached = s->batch * blocks_each(s) * BLOCK * s->kv_heads * s->head_dim;
	enum element_type e = s->kv_format == KERNEL_BF16 ? ELEMENT_BF16 : ELEMENT_FLOAT;

	o[Q] = (struct operand){ .name = "q", .count = rows * s->heads * s->head_dim, .scale = 2, .fresh = true };
	o[KEYS] = (struct operand){ .name = "k", .element = e, .count = cached, .scale = 1, .streamed = true, .pool = true };
	o[VALUES] = (struct operand){ .name = "v", .element = e, .count = cached, .scale = 1, .streamed = true, .pool = true };
	o[ORDER] = (struct operand){ .name = "order", .element = ELEMENT_INT32, .count = s->batch * blocks_each(s), .fill = FILL_SHUFFLED };
	o[OUT] = (struct operand){ .name = "out", .count = rows * s->heads * s->head_dim, .fill = FILL_RESULT };
	return 5;
}

static double pairs(const struct shape *s)
{
	double q = (double)queries(s), kv = (double)s->kv_len, prior = kv - q, x = q;

	if (s->q_len <= 1)
		return s->window > 0 ? fmin(kv, (double)s->window) : kv;
	if (s->window > 0)
		x = fmin(fmax((double)s->window - prior, 0), q);
	return x * prior + x * (x + 1) / 2 + (q - x) * (double)s->window;
}
static double flops(const struct shape *s)
{
	return 2.0 * (double)(s->batch * s->heads) * 2 * (double)s->head_dim * pairs(s);
}
static double bytes(const struct shape *s)
{
	double q = (double)queries(s), rows = (double)s->kv_len, d = (double)s->head_dim;

	if (s->window > 0)
		rows = fmin(rows, (double)s->window + q - 1);
	return (double)s->batch * (rows * (double)s->kv_heads * 2 * d * (s->kv_format == KERNEL_BF16 ? 2 : 4) +
				   q * (double)s->heads * 2 * d * 4);
}

struct state {
	struct paged_kv kv;
	struct attention_call call;
	const int32_t **tables;
	int64_t *kv_len, *first;
	void *scratch;
};

static void release(void *state)
{
	struct state *a = state;

	mem_free(a->tables);
	mem_free(a->kv_len);
	mem_free(a->first);
	mem_free(a->scratch);
	mem_free(a);
}

static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	struct state *a = mem_calloc(1, sizeof(*a));
	size_t n = (size_t)s->batch;

	if (!a) {
		err_memory(err);
		return NULL;
	}
	a->tables = mem_calloc(n, sizeof(*a->tables));
	a->kv_len = mem_calloc(n, sizeof(*a->kv_len));
	a->first = mem_calloc(n + 1, sizeof(*a->first));
	a->scratch = mem_alloc_aligned(attention_scratch_bytes(s->batch, s->heads, s->kv_heads, s->head_dim, s->threads));
	if (!a->tables || !a->kv_len || !a->first || !a->scratch) {
		err_memory(err);
		release(a);
		return NULL;
	}
	for (int64_t i = 0; i < s->batch; i++) {
		a->tables[i] = (const int32_t *)data[ORDER] + i * blocks_each(s);
		a->kv_len[i] = s->kv_len;
		a->first[i + 1] = (i + 1) * queries(s);
	}
	a->kv = (struct paged_kv){ .k = data[KEYS], .v = data[VALUES], .format = s->kv_format, .blocks = s->batch * blocks_each(s),
				   .block_size = BLOCK, .kv_heads = s->kv_heads, .head_dim = s->head_dim };
	a->call = (struct attention_call){ .kv = &a->kv, .heads = s->heads, .scale = 1 / sqrtf((float)s->head_dim), .window = s->window,
					   .sequences = s->batch, .kv_len = a->kv_len, .first = s->q_len > 1 ? a->first : NULL,
					   .tables = a->tables, .q = data[Q], .q_stride = s->heads * s->head_dim, .out = data[OUT],
					   .scratch = a->scratch, .threads = s->threads };
	return a;
}

/* Keys and values of the new tokens have just been appended, each thread its tokens. */
static void freshen(const struct kernel_run *r)
{
	const struct shape *s = r->shape;
	const struct state *a = r->state;
	size_t row = (size_t)s->head_dim * (s->kv_format == KERNEL_BF16 ? 2 : 4);
	int64_t q = queries(s);

#pragma omp parallel for num_threads(s->threads) if (s->threads > 1) schedule(static)
	for (int64_t i = 0; i < s->batch * q; i++) {
		int64_t token = s->kv_len - q + i % q;

		for (int64_t h = 0; token >= 0 && h < s->kv_heads; h++) {
			size_t at = (size_t)paged_row(&a->kv, a->tables[i / q][token / BLOCK], h, token % BLOCK) * (row / (size_t)s->head_dim);

			kernel_rewrite((char *)a->kv.k + at, row, 1, false, 1);
			kernel_rewrite((char *)a->kv.v + at, row, 1, false, 1);
		}
	}
}

static void run_decode(const struct kernel_run *r)
{
	((const struct attention_ops *)r->kernel->with)->decode(&((struct state *)r->state)->call);
}
static void run_prefill(const struct kernel_run *r)
{
	((const struct attention_ops *)r->kernel->with)->prefill(&((struct state *)r->state)->call);
}

static bool fp32_cache(const struct shape *s)
{
	return s->kv_format == KERNEL_FP32;
}

/* A failure leaves the fill pattern in the results, which every comparison tells. */
static void opencl_decode(const struct kernel_run *r)
{
	const struct shape *s = r->shape;
	size_t rows = (size_t)(s->batch * s->heads * s->head_dim) * 4;
	size_t cached = (size_t)(s->batch * blocks_each(s) * BLOCK * s->kv_heads * s->head_dim) * 4;
	const int64_t numbers[] = { s->heads, s->kv_heads, s->head_dim, BLOCK, blocks_each(s), s->kv_len, s->window };
	struct opencl_argument a[13] = { { .memory = r->data[Q], .bytes = rows }, { .memory = r->data[KEYS], .bytes = cached },
					 { .memory = r->data[VALUES], .bytes = cached },
					 { .memory = r->data[ORDER], .bytes = (size_t)(s->batch * blocks_each(s)) * 4 },
					 { .kind = OPENCL_RESULT, .memory = r->data[OUT], .bytes = rows } };
	struct err ignored = { 0 };

	for (int i = 0; i < 7; i++)
		a[5 + i] = (struct opencl_argument){ .kind = OPENCL_INT, .number = (int32_t)numbers[i] };
	a[12] = (struct opencl_argument){ .kind = OPENCL_FLOAT, .real = 1 / sqrtf((float)s->head_dim) };
	(void)!opencl_run(r->job, kernels_attention_cl, "decode", a, 13, (size_t)s->heads, (size_t)s->batch, &ignored);
}

static const struct kernel decode_kernels[] = {
	{ "ref", NULL, NULL, run_decode, &attention_ref },
	{ "opencl", opencl_usable, fp32_cache, opencl_decode, NULL },
	KERNEL_SIMD(NULL, run_decode, &attention_avx2, &attention_avx512)
	{ 0 }
};
static const struct kernel prefill_kernels[] = {
	{ "ref", NULL, NULL, run_prefill, &attention_ref },
	KERNEL_SIMD(NULL, run_prefill, &attention_avx2, &attention_avx512)
	{ 0 }
};
#define A(kv, b, q, l, h, kh, d, w) \
	{ .kv_format = KERNEL_##kv, .batch = b, .q_len = q, .kv_len = l, .heads = h, .kv_heads = kh, .head_dim = d, .window = w }
static const struct shape decode_tests[] = { A(FP32, 1, 1, 1, 4, 1, 64, 0), A(BF16, 3, 1, 211, 8, 2, 64, 0), A(FP32, 2, 1, 300, 4, 4, 128, 70),
					     A(BF16, 1, 1, 50, 3, 1, 20, 0), A(BF16, 2, 1, 211, 8, 2, 128, 0),
					     A(BF16, 1, 1, 130, 13, 1, 128, 100), A(BF16, 1, 1, 1, 3, 1, 128, 0), { 0 } };
static const struct shape decode_benches[] = { A(FP32, 8, 1, 2048, 8, 8, 128, 0), A(FP32, 8, 1, 2048, 32, 8, 128, 0),
					       A(BF16, 8, 1, 4096, 32, 8, 128, 0), A(FP32, 1, 1, 8192, 16, 4, 64, 0), { 0 } };
static const struct shape prefill_tests[] = { A(FP32, 2, 9, 40, 4, 2, 64, 0), A(BF16, 1, 70, 70, 4, 1, 128, 0), A(FP32, 1, 33, 200, 2, 2, 64, 50),
					      A(FP32, 1, 5, 9, 3, 1, 20, 0), { 0 } };
static const struct shape prefill_benches[] = { A(FP32, 1, 512, 512, 16, 4, 128, 0), A(BF16, 1, 512, 2048, 16, 4, 64, 0), { 0 } };

#define COMMON .area = "core", .operands = operands, .flops = flops, .bytes = bytes, .prepare = prepare, .release = release, .freshen = freshen, \
	/* the cache's values are exact in both: exp within 2e-7, fp32 sums over up to 8,192 tokens in another order */ \
	.tolerance = { 1e-5, 1e-5, 1e-5, 1e-5 }
const struct kernel_family kernel_attention_decode = {
	COMMON, .name = "attention_decode", .op = "attention_decode", .help = "one query a sequence over a paged cache, split over threads",
	.tests = decode_tests, .benches = decode_benches, .variants = decode_kernels,
};
const struct kernel_family kernel_attention_prefill = {
	COMMON, .name = "attention_prefill", .op = "attention_prefill", .help = "a causal chunk over a paged cache",
	.tests = prefill_tests, .benches = prefill_benches, .variants = prefill_kernels,
};
