#include "kernels/arch/ternary_matrix.h"

#include <CUnit/CUnit.h>
#include <math.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/rng.h"

/* Weights and activations rounded here the way the papers say, multiplied in integers. */
static double plain(const float *w, const float *a, int64_t n, int64_t k, int64_t j)
{
	double mean = 0, most = 0;
	int64_t sum = 0;

	for (int64_t i = 0; i < n * k; i++)
		mean += fabs((double)w[i]) / (double)(n * k);
	for (int64_t i = 0; i < k; i++)
		most = fmax(most, fabs((double)a[i]));
	for (int64_t i = 0; i < k; i++)
		sum += (int64_t)fmax(-1, fmin(1, rint((double)w[j * k + i] / mean))) * lrint((double)(a[i] * (127 / (float)most)));
	return (double)sum * most / 127 * mean;
}

static void product_is_that_of_rounded_operands(void)
{
	static const int64_t sizes[][3] = { { 1, 1, 1 }, { 3, 5, 128 }, { 6, 33, 300 }, { 9, 4, 2309 } };

	for (size_t s = 0; s < COUNT_OF(sizes); s++) {
		int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
		float *w = mem_alloc((size_t)(n * k) * sizeof(*w)), *a = mem_alloc((size_t)(m * k) * sizeof(*a)), *c = mem_alloc((size_t)(m * n) * sizeof(*c));
		void *scratch = mem_alloc_aligned(ternary_scratch_bytes(m, n, k));
		struct ternary_matrix *t;
		struct err err = { 0 };
		struct rng r;

		rng_init(&r, 3, "ternary");
		for (int64_t i = 0; i < n * k; i++)
			w[i] = (float)rng_uniform(&r) - 0.5f;
		for (int64_t i = 0; i < m * k; i++)
			a[i] = (float)rng_uniform(&r) - 0.5f;
		t = ternary_matrix_new(w, n, k, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		CU_ASSERT(ternary_matrix_bytes(t) >= (size_t)(n * k) / 4);
		ternary_product(t, a, m, c, scratch, 1);
		for (int64_t i = 0; i < m; i++)
			for (int64_t j = 0; j < n; j++) {
				double want = plain(w, a + i * k, n, k, j);

				CU_ASSERT_DOUBLE_EQUAL((double)c[i * n + j], want, 1e-5 * fabs(want) + 1e-6);
			}
		ternary_matrix_free(t);
		mem_free(w);
		mem_free(a);
		mem_free(c);
		mem_free(scratch);
	}
}

CU_TestInfo suite_ternary[] = { { "product is that of rounded operands", product_is_that_of_rounded_operands }, CU_TEST_INFO_NULL };
