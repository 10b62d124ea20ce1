/* A weight matrix of -1, 0, 1 and one scale, and its product with rows of floats that are rounded to 8 bits on their way in. */
#ifndef KERNELS_ARCH_TERNARY_MATRIX_H
#define KERNELS_ARCH_TERNARY_MATRIX_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct ternary_matrix {
	int64_t n, k;
	uint8_t *codes;                /* ternary.h */
	float scale;                   /* mean magnitude of what it was made of */
};
/* round(w / mean |w|) within -1 .. 1 of w[n][k]. NULL with err when memory runs out. */
MUST_USE struct ternary_matrix *ternary_matrix_new(const float *w, int64_t n, int64_t k, struct err *err);
void ternary_matrix_free(struct ternary_matrix *t);    /* NULL is fine */
size_t ternary_matrix_bytes(const struct ternary_matrix *t);

/* c[m][n] = a[m][k] W', each row of a by its largest magnitude in 127 steps. */
void ternary_product(const struct ternary_matrix *t, const float *a, int64_t m, float *c, void *scratch, int threads);
size_t ternary_scratch_bytes(int64_t m, int64_t n, int64_t k);         /* aligned to 64 */

#endif
