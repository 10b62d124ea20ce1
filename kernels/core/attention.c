/* The plain loops, and the choice of variant. */
#include <math.h>

#include "kernels/core/attention.h"
#include "kernels/core/attention_private.h"

static float cached(const struct paged_kv *kv, const void *cache, int64_t at)
{
	return kv->format == KERNEL_FP32 ? ((const float *)cache)[at] : float_from_bf16(((const uint16_t *)cache)[at]);
}

/* One query head of one row: out[d] = sum over t of softmax(scale q.k_t) v_t[d], t from begin to position. The scores are
 * computed twice, so that no memory of their size is needed. */
static double score(const struct attention_call *c, const float *q, int64_t at)
{
	double sum = 0;

	for (int64_t d = 0; d < c->kv->head_dim; d++)
		sum += (double)q[d] * (double)cached(c->kv, c->kv->k, at + d);
	return sum * (double)c->scale;
}

static void one_head(const struct attention_call *c, int64_t s, int64_t row, int64_t position, int64_t head)
{
	const struct paged_kv *kv = c->kv;
	const float *q = c->q + row * c->q_stride + head * kv->head_dim;
	float *out = c->out + (row * c->heads + head) * kv->head_dim;
	int64_t kv_head = head / (c->heads / kv->kv_heads), begin = attention_begin(c, position);
	double most = -INFINITY, sum = 0;

	for (int64_t d = 0; d < kv->head_dim; d++)
		out[d] = 0;
	for (int64_t t = begin; t <= position; t++)
		most = fmax(most, score(c, q, paged_row(kv, c->tables[s][t / kv->block_size], kv_head, t % kv->block_size)));
	for (int64_t t = begin; t <= position; t++) {
		int64_t at = paged_row(kv, c->tables[s][t / kv->block_size], kv_head, t % kv->block_size);
		double p = exp(score(c, q, at) - most);

		sum += p;
		for (int64_t d = 0; d < kv->head_dim; d++)
			out[d] += (float)(p * (double)cached(kv, kv->v, at + d));
	}
	for (int64_t d = 0; d < kv->head_dim; d++)
		out[d] = (float)((double)out[d] / sum);
}

void attention_ref_run(const struct attention_call *c)
{
	for (int64_t s = 0; s < c->sequences; s++) {
		int64_t q_len = attention_new_tokens(c, s), row = attention_first_row(c, s);

#pragma omp parallel for collapse(2) num_threads(c->threads) if (c->threads > 1)
		for (int64_t i = 0; i < q_len; i++)
			for (int64_t h = 0; h < c->heads; h++)
				one_head(c, s, row + i, c->kv_len[s] - q_len + i, h);
	}
}

const struct attention_ops attention_ref = { .variant = "ref", .decode = attention_ref_run, .prefill = attention_ref_run };

#if defined(__x86_64__)
#define VARIANTS(X) X(avx512) X(avx2)
#else
#define VARIANTS(X)
#endif
#define X(name) &attention_##name,
const struct attention_ops *const attention_variants[] = { VARIANTS(X) &attention_ref, NULL };
#undef X

const struct attention_ops *attention_best(void)
{
	int i = 0;

	while (attention_variants[i]->usable && !attention_variants[i]->usable())
		i++;
	return attention_variants[i];
}

size_t attention_scratch_bytes(int64_t sequences, int64_t heads, int64_t kv_heads, int64_t head_dim, int threads)
{
	(void)sequences;              /* work is shared out by arithmetic on lengths, without a list */
	return (size_t)threads * ((size_t)attention_thread_floats(heads / kv_heads, kv_heads, head_dim) * 4 + 256);
}
