/* kernels/optim/newton_schulz.c -- five iterations of X (a + b XX' + c (XX')^2) make a matrix nearly orthogonal (Muon,
 * arXiv 2502.16982). shape: m rows, n >= m columns. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/compiler/tile_gemm.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { G, X };
enum { STEPS = 5 };
static const double A = 3.4445, B = -4.7750, C = 2.0315;

static int operands(const struct shape *s, struct operand *o)
{
	o[G] = (struct operand){ .name = "g", .count = s->m * s->n, .scale = 1 };
	o[X] = (struct operand){ .name = "x", .count = s->m * s->n, .fill = FILL_RESULT };
	return 2;
}
static double flops(const struct shape *s)
{
	double m = (double)s->m, n = (double)s->n;

	return STEPS * (4 * m * m * n + 2 * m * m * m);
}
static double bytes(const struct shape *s)
{
	return 4.0 * STEPS * (double)(4 * s->m * s->n + 5 * s->m * s->m);      /* of its three products */
}
static void release(void *state)
{
	mem_free(state);
}
static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	void *state = mem_alloc_aligned((size_t)(3 * s->m * s->m + 2 * s->m * s->n) * sizeof(double) + (size_t)tile_scratch(s->m) * sizeof(float));

	(void)data;
	if (!state)
		err_memory(err);
	return state;
}

/* out (rows x cols) = a (rows x inner) times b, which is inner x cols, or cols x inner when `transposed`. */
static void product(const double *a, const double *b, int64_t rows, int64_t inner, int64_t cols, bool transposed, double *out)
{
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < cols; j++) {
			double sum = 0;

			for (int64_t k = 0; k < inner; k++)
				sum += a[i * inner + k] * (transposed ? b[j * inner + k] : b[k * cols + j]);
			out[i * cols + j] = sum;
		}
}

/* The same with the columns innermost, and XX' by its upper half. */
static void fast_product(const double *a, const double *b, int64_t rows, int64_t inner, int64_t cols, double *out)
{
	memset(out, 0, (size_t)(rows * cols) * sizeof(*out));
	for (int64_t i = 0; i < rows; i++)
		for (int64_t k = 0; k < inner; k++) {
			double w = a[i * inner + k];

			for (int64_t j = 0; j < cols; j++)
				out[i * cols + j] += w * b[k * cols + j];
		}
}

static void gram(const double *x, int64_t m, int64_t n, double *out)
{
	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j <= i; j++) {
			double sum[4] = { 0 };
			int64_t k = 0;

			for (; k + 4 <= n; k += 4)
				for (int u = 0; u < 4; u++)
					sum[u] += x[i * n + k + u] * x[j * n + k + u];
			for (; k < n; k++)
				sum[0] += x[i * n + k] * x[j * n + k];
			out[i * m + j] = out[j * m + i] = sum[0] + sum[1] + (sum[2] + sum[3]);
		}
}

static void iterate(const struct kernel_run *r, bool fast)
{
	const float *g = r->data[G];
	int64_t m = r->shape->m, n = r->shape->n;
	double *xx = r->state, *square = xx + m * m, *p = square + m * m, *x = p + m * m, *px = x + m * n, norm = 0;
	float *out = r->data[X];

	for (int64_t i = 0; i < m * n; i++)
		norm += (double)g[i] * (double)g[i];
	for (int64_t i = 0; i < m * n; i++)
		x[i] = (double)g[i] / sqrt(norm);
	for (int step = 0; step < STEPS; step++) {
		if (fast)
			gram(x, m, n, xx), fast_product(xx, xx, m, m, m, square);
		else
			product(x, x, m, n, m, true, xx), product(xx, xx, m, m, m, false, square);
		for (int64_t i = 0; i < m * m; i++)
			p[i] = B * xx[i] + C * square[i];
		if (fast)
			fast_product(p, x, m, m, n, px);
		else
			product(p, x, m, m, n, false, px);
		for (int64_t i = 0; i < m * n; i++)
			x[i] = A * x[i] + px[i];
	}
	for (int64_t i = 0; i < m * n; i++)
		out[i] = (float)x[i];
}

static void reference(const struct kernel_run *r)
{
	iterate(r, false);
}
static void blocked(const struct kernel_run *r)
{
	iterate(r, true);
}

/* The same in single precision through tiles, as optimizers run it. C = A W' is what tiles give: XX' and the square of a symmetric
 * matrix come as they are, PX from X turned over. */
struct tiles {
	void (*product)(const struct tile_call *t);
};
static void tiled(const struct kernel_run *r)
{
	const struct tiles *with = r->kernel->with;
	int64_t m = r->shape->m, n = r->shape->n;
	const float *g = r->data[G];
	float *x = r->data[X], *stage = r->state, *xx = stage + tile_scratch(m), *square = xx + m * m, *turned = square + m * m, *px = turned + m * n;
	float a = (float)A, b = (float)B, c = (float)C, scale;
	double norm = 0;

	for (int64_t i = 0; i < m * n; i++)
		norm += (double)g[i] * (double)g[i];
	scale = (float)(1 / sqrt(norm));
	for (int64_t i = 0; i < m * n; i++)
		x[i] = g[i] * scale;
	for (int step = 0; step < STEPS; step++) {
		with->product(&(struct tile_call){ .a = x, .w = x, .c = xx, .m = m, .n = m, .k = n, .stage = stage });
		with->product(&(struct tile_call){ .a = xx, .w = xx, .c = square, .m = m, .n = m, .k = m, .stage = stage });
		for (int64_t i = 0; i < m * m; i++)
			square[i] = b * xx[i] + c * square[i];
		for (int64_t i = 0; i < m; i++)
			for (int64_t j = 0; j < n; j++)
				turned[j * m + i] = x[i * n + j];
		with->product(&(struct tile_call){ .a = square, .w = turned, .c = px, .m = m, .n = n, .k = m, .stage = stage });
		for (int64_t i = 0; i < m * n; i++)
			x[i] = a * x[i] + px[i];
	}
}

/* Eigenvalues of XX' by Jacobi rotations: singular values must lie in 0.68 .. 1.21 (condition below 100). */
static double singular_values(const struct kernel_run *r)
{
	const float *x = r->data[X];
	int64_t m = r->shape->m, n = r->shape->n;
	double *a = r->state, worst = 0;

	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < m; j++) {
			a[i * m + j] = 0;
			for (int64_t k = 0; k < n; k++)
				a[i * m + j] += (double)x[i * n + k] * (double)x[j * n + k];
		}
	for (int sweep = 0; sweep < 12; sweep++)
		for (int64_t p = 0; p < m; p++)
			for (int64_t q = p + 1; q < m; q++) {
				double angle = 0.5 * atan2(2 * a[p * m + q], a[q * m + q] - a[p * m + p]), c = cos(angle), s = sin(angle);

				for (int64_t k = 0; k < m; k++) {
					double u = a[k * m + p], v = a[k * m + q];

					a[k * m + p] = c * u - s * v;
					a[k * m + q] = s * u + c * v;
				}
				for (int64_t k = 0; k < m; k++) {
					double u = a[p * m + k], v = a[q * m + k];

					a[p * m + k] = c * u - s * v;
					a[q * m + k] = s * u + c * v;
				}
			}
	for (int64_t i = 0; i < m; i++) {
		double value = sqrt(fmax(a[i * m + i], 0));

		worst = fmax(worst, fmax(0.68 - value, value - 1.21));
	}
	return worst;
}

static const struct shape tests[] = { { .m = 4, .n = 16 }, { .m = 24, .n = 80 }, { 0 } };
static const struct shape benches[] = { { .m = 128, .n = 512 }, { 0 } };
#if defined(__x86_64__)
static const struct tiles avx2 = { tile_gemm_avx2 }, avx512 = { tile_gemm_avx512 };
#endif
static const struct kernel variants[] = {
	{ "ref", NULL, NULL, reference, NULL },
	{ "blocked", NULL, NULL, blocked, NULL },
	KERNEL_SIMD(NULL, tiled, &avx2, &avx512)
	{ 0 }
};
const struct kernel_family kernel_newton_schulz = {
	.area = "optim", .name = "newton_schulz", .help = "five iterations towards the nearest orthogonal matrix", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .check = singular_values, .check_most = 0.01,
	/* single precision, and small singular values grow 485-fold in five steps */
	.tolerance = { 2e-4 }, .tests = tests,
	.benches = benches, .variants = variants,
};
