#include "kernels/core/gemm.h"

#include <string.h>

#include "kernels/core/moe.h"
#include "tests/unit/kernel_compare.h"

/* fp32: rounding of sums in another order. bf16: A is rounded to 8 bits (2^-9 an element; the errors add up as a random walk,
 * as the terms do). int8: A to 127 steps of a row's largest value. int4_wo: A in bf16; the weights' own error is in both. */
static const double tolerance[KERNEL_FORMAT_COUNT] = { 2e-6, 2e-6, 1.5e-2, 5e-5 };

static void products_agree(int64_t m, int64_t n, int64_t k, int threads)
{
	struct rng r;
	struct err err = { 0 };

	rng_init(&r, (uint64_t)(m * 31 + n * 7 + k), "gemm");
	float *a = random_floats(&r, m * k, 2), *w = random_floats(&r, n * k, 1), *want = random_floats(&r, m * n, 0);
	float *c = random_floats(&r, m * (n + 3), 0), *tight = random_floats(&r, m * n, 0);
	void *scratch = mem_alloc_aligned(gemm_scratch_bytes(m, k));

	for (int f = 0; f < KERNEL_FORMAT_COUNT; f++) {
		struct weights *p = weights_pack((enum kernel_format)f, w, k, n, k, threads, &err);
		const struct weights *one = p;
		const int64_t first[2] = { 0, m };
		struct gemm_call call = { .weights = &one, .first = first, .groups = 1, .a = a, .lda = k, .c = want, .ldc = n,
					  .scratch = scratch, .threads = threads };
		int count = 0;

		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		while (gemm_variants[count])
			count++;
		gemm_variants[count - 1]->run(&call);
		for (int v = 0; v + 1 < count; v++) {
			char what[64];

			if (gemm_variants[v]->usable && !gemm_variants[v]->usable())
				continue;
			call.c = c;
			call.ldc = n + 3;
			for (int64_t i = 0; i < m * (n + 3); i++)
				c[i] = 77;
			gemm_variants[v]->run(&call);
			for (int64_t i = 0; i < m; i++) {
				memcpy(tight + i * n, c + i * (n + 3), (size_t)n * sizeof(*c));
				CU_ASSERT(c[i * (n + 3) + n] == 77);      /* nothing beside the result is touched */
			}
			snprintf(what, sizeof(what), "gemm %s %ld x %ld x %ld", kernel_format_names[f], (long)m, (long)n, (long)k);
			check_close(what, gemm_variants[v]->variant, tight, want, m * n, tolerance[f]);
		}
		weights_free(p);
	}
	mem_free(a);
	mem_free(w);
	mem_free(want);
	mem_free(c);
	mem_free(tight);
	mem_free(scratch);
}

static void matrix_products(void)
{
	static const int64_t shapes[][3] = { { 1, 1, 1 }, { 1, 33, 130 }, { 2, 64, 257 }, { 3, 31, 128 }, { 5, 100, 1025 }, { 7, 96, 512 },
					     { 12, 32, 300 }, { 13, 65, 63 }, { 25, 40, 2050 }, { 97, 70, 129 }, { 500, 33, 140 } };

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (int threads = 1; threads <= 3; threads += 2)
			products_agree(shapes[i][0], shapes[i][1], shapes[i][2], threads);
}

/* What is packed is what was given, within half a step of the format. */
static void packing_rounds(void)
{
	static const double step[KERNEL_FORMAT_COUNT] = { 0, 0x1p-9, 0.5 / 127, 0.51 / 15 + 0x1p-8 };
	enum { N = 45, K = 301 };
	struct rng r;
	struct err err = { 0 };

	rng_init(&r, 1, "packing");
	float *w = random_floats(&r, N * K, 2), *back = random_floats(&r, N * K, 0);

	for (int f = 0; f < KERNEL_FORMAT_COUNT; f++) {
		struct weights *p = weights_pack((enum kernel_format)f, w, K, N, K, 2, &err);
		double worst = 0;

		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		weights_unpack(p, back);
		for (int i = 0; i < N * K; i++)
			worst = fmax(worst, fabs((double)back[i] - (double)w[i]));
		CU_ASSERT(worst <= step[f] * (f == KERNEL_INT4 ? 2 : 1));      /* int4's range is both signs: 2 */
		CU_ASSERT(weights_bytes(p) >= (size_t)N * K / 2);
		weights_free(p);
	}
	mem_free(w);
	mem_free(back);
}

static void failing_memory(void)
{
	float w[64] = { 1 };

	for (size_t n = 1; n < 5; n++) {
		struct err err = { 0 };

		mem_fail_after(n);
		struct weights *p = weights_pack(KERNEL_INT4, w, 8, 8, 8, 1, &err);
		mem_fail_after(0);
		CU_ASSERT((p == NULL) == (err.kind != ERR_NONE));
		weights_free(p);
	}
}

/* The layer, against products of single tokens with each chosen expert's unpacked weights. */
static void experts(int64_t m, int64_t experts, int64_t top_k, int64_t n, int64_t k, int threads)
{
	struct rng r;
	struct err err = { 0 };
	struct weights *up[64], *down[64];

	rng_init(&r, (uint64_t)(m + experts), "moe");
	float *x = random_floats(&r, m * k, 2), *logits = random_floats(&r, m * experts, 4), *share = random_floats(&r, m * top_k, 0);
	float *out = random_floats(&r, m * k, 0), *want = random_floats(&r, m * k, 0), *inner = random_floats(&r, n, 0);
	int32_t *chosen = mem_alloc((size_t)(m * top_k) * sizeof(*chosen));

	for (int64_t e = 0; e < experts; e++) {
		float *a = random_floats(&r, 2 * n * k, 1), *b = random_floats(&r, n * k, 1);

		up[e] = weights_pack(KERNEL_FP32, a, k, 2 * n, k, threads, &err);
		down[e] = weights_pack(KERNEL_FP32, b, n, k, n, threads, &err);
		mem_free(a);
		mem_free(b);
	}
	moe_route(logits, m, experts, top_k, true, chosen, share, threads);
	struct moe_call call = { .gate_up = (const struct weights *const *)up, .down = (const struct weights *const *)down,
				 .experts = experts, .top_k = top_k, .n = n, .k = k, .x = x, .m = m, .chosen = chosen, .weights = share,
				 .out = out, .scratch = mem_alloc_aligned(moe_scratch_bytes(m, experts, top_k, n, k)),
				 .threads = threads };

	for (int64_t i = 0; i < m; i++) {
		float all = 0;

		for (int64_t c = 0; c < top_k; c++) {
			const float *row = logits + i * experts;
			int32_t e = chosen[i * top_k + c];
			int better = 0;

			for (int64_t o = 0; o < experts; o++)
				better += row[o] > row[e];
			CU_ASSERT(better == c);           /* the c-th largest */
			all += share[i * top_k + c];
			for (int64_t j = 0; j < n; j++) {
				double gate = 0, lift = 0;

				for (int64_t l = 0; l < k; l++) {
					gate += (double)(x[i * k + l] * weights_at(up[e], j, l));
					lift += (double)(x[i * k + l] * weights_at(up[e], n + j, l));
				}
				inner[j] = (float)(gate / (1 + exp(-gate)) * lift);
			}
			for (int64_t j = 0; j < k; j++)
				for (int64_t l = 0; l < n; l++)
					want[i * k + j] += share[i * top_k + c] * inner[l] * weights_at(down[e], j, l);
		}
		CU_ASSERT_DOUBLE_EQUAL(all, 1, 1e-5);
	}
	moe_run(&call, NULL);
	check_close("moe", gemm_best()->variant, out, want, m * k, 1e-5);
	for (int64_t e = 0; e < experts; e++) {
		weights_free(up[e]);
		weights_free(down[e]);
	}
	mem_free(x);
	mem_free(logits);
	mem_free(share);
	mem_free(out);
	mem_free(want);
	mem_free(inner);
	mem_free(chosen);
	mem_free(call.scratch);
}

static void expert_layers(void)
{
	experts(1, 4, 2, 24, 40, 1);
	experts(17, 8, 2, 33, 50, 3);
	experts(40, 60, 6, 16, 32, 2);
	experts(5, 1, 1, 70, 20, 2);
}

CU_TestInfo suite_kernels_gemm[] = { { "matrix products equal the reference", matrix_products },
				     { "packing rounds to the format", packing_rounds },
				     { "packing without memory", failing_memory },
				     { "expert layers", expert_layers },
				     CU_TEST_INFO_NULL };
