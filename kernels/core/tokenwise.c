/* The plain loops, and the choice of variant. */
#include "kernels/core/tokenwise.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define ROWS _Pragma("omp parallel for num_threads(threads) if (threads > 1) schedule(static)")

static void rmsnorm(const float *x, const float *weight, float eps, float *out, int64_t m, int64_t n, int threads)
{
	ROWS
	for (int64_t i = 0; i < m; i++) {
		double sum = 0;

		for (int64_t j = 0; j < n; j++)
			sum += (double)x[i * n + j] * (double)x[i * n + j];
		float scale = (float)(1 / sqrt(sum / (double)n + (double)eps));
		for (int64_t j = 0; j < n; j++)
			out[i * n + j] = x[i * n + j] * scale * weight[j];
	}
}

static void layernorm(const float *x, const float *weight, const float *bias, float eps, float *out, int64_t m, int64_t n,
		      int threads)
{
	ROWS
	for (int64_t i = 0; i < m; i++) {
		double mean = 0, square = 0;

		for (int64_t j = 0; j < n; j++)
			mean += (double)x[i * n + j] / (double)n;
		for (int64_t j = 0; j < n; j++)
			square += ((double)x[i * n + j] - mean) * ((double)x[i * n + j] - mean) / (double)n;
		double scale = 1 / sqrt(square + (double)eps);
		for (int64_t j = 0; j < n; j++)
			out[i * n + j] = (float)(((double)x[i * n + j] - mean) * scale) * weight[j] + bias[j];
	}
}

static void rope(const struct rope *r, float *x, const int32_t *positions, int64_t m, int threads)
{
	int64_t half = r->head_dim / 2, apart = r->interleaved ? 1 : half, step = r->interleaved ? 2 : 1;

	ROWS
	for (int64_t i = 0; i < m; i++) {
		const float *cosines = r->table + positions[i] * r->head_dim, *sines = cosines + half;

		for (int64_t h = 0; h < r->heads; h++) {
			float *row = x + i * r->stride + h * r->head_dim;

			for (int64_t j = 0; j < half; j++) {
				float a = row[j * step], b = row[j * step + apart];

				row[j * step] = a * cosines[j] - b * sines[j];
				row[j * step + apart] = b * cosines[j] + a * sines[j];
			}
		}
	}
}

static void swiglu(const float *gate, const float *up, int64_t stride, float *out, int64_t m, int64_t n, int threads)
{
	ROWS
	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < n; j++)
			out[i * n + j] = gate[i * stride + j] / (1 + expf(-gate[i * stride + j])) * up[i * stride + j];
}

static void gelu(const float *x, float *out, int64_t m, int64_t n, int threads)
{
	ROWS
	for (int64_t i = 0; i < m * n; i++)
		out[i] = 0.5f * x[i] * (1 + tanhf(0.7978845608f * (x[i] + 0.044715f * x[i] * x[i] * x[i])));
}

static void softmax(const float *x, float *out, int64_t m, int64_t n, int threads)
{
	ROWS
	for (int64_t i = 0; i < m; i++) {
		const float *row = x + i * n;
		float most = row[0];
		double sum = 0;

		for (int64_t j = 1; j < n; j++)
			most = fmaxf(most, row[j]);
		for (int64_t j = 0; j < n; j++)
			sum += exp((double)(row[j] - most));
		for (int64_t j = 0; j < n; j++)
			out[i * n + j] = (float)(exp((double)(row[j] - most)) / sum);
	}
}

static void add(const float *x, const float *y, float *out, int64_t m, int64_t n, int threads)
{
	ROWS
	for (int64_t i = 0; i < m * n; i++)
		out[i] = x[i] + y[i];
}

static void embedding(const void *table, enum kernel_format format, const int32_t *ids, float *out, int64_t m, int64_t n, int threads)
{
	ROWS
	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < n; j++)
			out[i * n + j] = format == KERNEL_FP32 ? ((const float *)table)[ids[i] * n + j]
							       : float_from_bf16(((const uint16_t *)table)[ids[i] * n + j]);
}

static void kv_append(const struct paged_kv *kv, const float *k, const float *v, int64_t stride, const int64_t *slots, int64_t m,
		      int threads)
{
	int64_t d = kv->head_dim;

	ROWS
	for (int64_t i = 0; i < m; i++) {
		for (int64_t h = 0; h < kv->kv_heads; h++) {
			int64_t to = paged_row(kv, slots[i] / kv->block_size, h, slots[i] % kv->block_size), from = i * stride + h * d;

			for (int64_t j = 0; j < d; j++) {
				if (kv->format == KERNEL_FP32) {
					((float *)kv->k)[to + j] = k[from + j];
					((float *)kv->v)[to + j] = v[from + j];
				} else {
					((uint16_t *)kv->k)[to + j] = bf16_from_float(k[from + j]);
					((uint16_t *)kv->v)[to + j] = bf16_from_float(v[from + j]);
				}
			}
		}
	}
}

static void copy(const float *x, float *out, int64_t count, int threads)
{
	ROWS
	for (int64_t i = 0; i < count; i++)
		out[i] = x[i];
}

static void triad(const float *x, const float *y, float scale, float *out, int64_t count, int threads)
{
	ROWS
	for (int64_t i = 0; i < count; i++)
		out[i] = x[i] + scale * y[i];
}

const struct tokenwise_ops tokenwise_ref = { .variant = "ref", .rmsnorm = rmsnorm, .layernorm = layernorm, .rope = rope,
						    .swiglu = swiglu, .gelu = gelu, .softmax = softmax, .add = add,
						    .embedding = embedding, .kv_append = kv_append, .copy = copy, .triad = triad };
#if defined(__x86_64__)
#define VARIANTS(X) X(avx512) X(avx2)
#else
#define VARIANTS(X)
#endif
#define X(name) &tokenwise_##name,
const struct tokenwise_ops *const tokenwise_variants[] = { VARIANTS(X) &tokenwise_ref, NULL };
#undef X

const struct tokenwise_ops *tokenwise_best(void)
{
	int i = 0;

	while (tokenwise_variants[i]->usable && !tokenwise_variants[i]->usable())
		i++;
	return tokenwise_variants[i];
}

void rope_table(float *out, int64_t positions, int64_t head_dim, double theta)
{
	int64_t half = head_dim / 2;

	for (int64_t p = 0; p < positions; p++) {
		for (int64_t i = 0; i < half; i++) {
			double angle = (double)p * pow(theta, -2 * (double)i / (double)head_dim);

			out[p * head_dim + i] = (float)cos(angle);
			out[p * head_dim + half + i] = (float)sin(angle);
		}
	}
}
