#include "kernels/arch/ternary_matrix.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/arch/ternary.h"

struct ternary_matrix *ternary_matrix_new(const float *w, int64_t n, int64_t k, struct err *err)
{
	struct ternary_matrix *t = mem_calloc(1, sizeof(*t));
	int8_t *row = mem_alloc((size_t)k);
	double mean = 0;

	if (t) {
		*t = (struct ternary_matrix){ .n = n, .k = k };
		t->codes = mem_alloc_aligned(ternary_matrix_bytes(t));
	}
	if (!t || !row || !t->codes) {
		mem_free(row);
		ternary_matrix_free(t);
		err_memory(err);
		return NULL;
	}
	for (int64_t i = 0; i < n * k; i++)
		mean += fabs((double)w[i]);
	mean = mean > 0 ? mean / (double)(n * k) : 1;
	t->scale = (float)mean;
	for (int64_t j = 0; j < n; j++) {
		for (int64_t i = 0; i < k; i++)
			row[i] = (int8_t)fmax(-1, fmin(1, rint((double)w[j * k + i] / mean)));
		ternary_pack(row, k, t->codes + j * ternary_blocks(k) * 32);
	}
	mem_free(row);
	return t;
}

void ternary_matrix_free(struct ternary_matrix *t)
{
	if (t)
		mem_free(t->codes);
	mem_free(t);
}

size_t ternary_matrix_bytes(const struct ternary_matrix *t)
{
	return (size_t)(t->n * ternary_blocks(t->k)) * 32;
}

/* Scratch: sums of integers, one a result; then of each row its scale and sum; then the rows in 8 bits. */
size_t ternary_scratch_bytes(int64_t m, int64_t n, int64_t k)
{
	return (size_t)(m * n) * 4 + (size_t)m * 8 + (size_t)(m * ternary_blocks(k) * TERNARY_BLOCK);
}

static float round_row(const float *a, int64_t k, int64_t padded, int8_t *out, int32_t *sum)
{
	float most = 0, scale;

	for (int64_t i = 0; i < k; i++)
		most = fmaxf(most, fabsf(a[i]));
	scale = most > 0 ? 127 / most : 0;
	*sum = 0;
	for (int64_t i = 0; i < k; i++) {
		out[i] = (int8_t)lrintf(a[i] * scale);
		*sum += out[i];
	}
	memset(out + k, 0, (size_t)(padded - k));
	return most / 127;
}

void ternary_product(const struct ternary_matrix *t, const float *a, int64_t m, float *c, void *scratch, int threads)
{
	int64_t padded = ternary_blocks(t->k) * TERNARY_BLOCK;
	int32_t *y = scratch, *sum = y + m * t->n;
	float *scale = (float *)(void *)(sum + m);
	int8_t *x = (int8_t *)(scale + m);

	for (int64_t r = 0; r < m; r++)
		scale[r] = round_row(a + r * t->k, t->k, padded, x + r * padded, &sum[r]);
	ternary_best()->run(&(struct ternary_call){ .codes = t->codes, .x = x, .x_sum = sum, .y = y, .m = m, .n = t->n, .blocks = ternary_blocks(t->k),
						    .threads = threads });
	for (int64_t r = 0; r < m; r++)
		for (int64_t j = 0; j < t->n; j++)
			c[r * t->n + j] = (float)y[r * t->n + j] * (scale[r] * t->scale);
}
