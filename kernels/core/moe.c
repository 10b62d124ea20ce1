#include "kernels/core/moe.h"

#include <math.h>
#include <string.h>

#include "kernels/core/tokenwise.h"

void moe_route(const float *logits, int64_t m, int64_t experts, int64_t top_k, bool renormalise, int32_t *chosen, float *weights,
	       int threads)
{
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
	for (int64_t i = 0; i < m; i++) {
		const float *row = logits + i * experts;
		int32_t *ids = chosen + i * top_k;
		float *w = weights + i * top_k;
		float all = 0, kept = 0, most = row[0];

		for (int64_t k = 0; k < top_k; k++)
			ids[k] = -1;
		for (int64_t e = 0; e < experts; e++) {           /* insertion into the few kept, largest first */
			int64_t at = top_k;

			most = row[e] > most ? row[e] : most;
			while (at > 0 && (ids[at - 1] < 0 || row[e] > row[ids[at - 1]]))
				at--;
			for (int64_t k = top_k - 1; k > at; k--)
				ids[k] = ids[k - 1];
			if (at < top_k)
				ids[at] = (int32_t)e;
		}
		for (int64_t e = 0; e < experts; e++)
			all += expf(row[e] - most);
		for (int64_t k = 0; k < top_k; k++)
			kept += w[k] = expf(row[ids[k]] - most) / all;
		for (int64_t k = 0; renormalise && k < top_k; k++)
			w[k] /= kept;
	}
}

/* What scratch holds, one after another. */
struct parts {
	int64_t *first;                /* [experts + 1] rows of each expert */
	int64_t *row_of;               /* [m * top_k] row of (token, choice) */
	float *x, *both, *inner, *y;   /* rows sorted by expert: input, gate and up, activated, output */
	void *gemm;
};

static size_t rounded(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

static size_t lay_out(struct parts *p, char *base, int64_t m, int64_t experts, int64_t top_k, int64_t n, int64_t k)
{
	size_t rows = (size_t)(m * top_k), at = 0, a = gemm_scratch_bytes(m * top_k, k), b = gemm_scratch_bytes(m * top_k, n);

	p->first = (int64_t *)(void *)(base + at);
	at += rounded((size_t)(experts + 1) * sizeof(int64_t));
	p->row_of = (int64_t *)(void *)(base + at);
	at += rounded(rows * sizeof(int64_t));
	p->x = (float *)(void *)(base + at);
	at += rounded(rows * (size_t)k * 4);
	p->both = (float *)(void *)(base + at);
	at += rounded(rows * (size_t)n * 8);
	p->inner = (float *)(void *)(base + at);
	at += rounded(rows * (size_t)n * 4);
	p->y = p->x;                   /* the input is done with when the output comes */
	p->gemm = base + at;
	return at + (a > b ? a : b);
}

size_t moe_scratch_bytes(int64_t m, int64_t experts, int64_t top_k, int64_t n, int64_t k)
{
	struct parts p;
	char base[1];

	return lay_out(&p, base, m, experts, top_k, n, k);
}

/* Counting sort by expert, tokens in order within one. */
static void sort_rows(const struct moe_call *call, const struct parts *p)
{
	int64_t rows = call->m * call->top_k;

	memset(p->first, 0, sizeof(*p->first) * (size_t)(call->experts + 1));
	for (int64_t i = 0; i < rows; i++)
		p->first[call->chosen[i] + 1]++;
	for (int64_t e = 0; e < call->experts; e++)
		p->first[e + 1] += p->first[e];
	for (int64_t i = 0; i < rows; i++)
		p->row_of[i] = p->first[call->chosen[i]]++;
	for (int64_t e = call->experts; e > 0; e--)
		p->first[e] = p->first[e - 1];
	p->first[0] = 0;
}

static void gather(const struct moe_call *call, const struct parts *p)
{
#pragma omp parallel for num_threads(call->threads) if (call->threads > 1) schedule(static)
	for (int64_t i = 0; i < call->m * call->top_k; i++)
		memcpy(p->x + p->row_of[i] * call->k, call->x + i / call->top_k * call->k, (size_t)call->k * 4);
}

static void add_up(const struct moe_call *call, const struct parts *p)
{
#pragma omp parallel for num_threads(call->threads) if (call->threads > 1) schedule(static)
	for (int64_t i = 0; i < call->m; i++) {
		float *out = call->out + i * call->k;

		memset(out, 0, (size_t)call->k * 4);
		for (int64_t c = i * call->top_k; c < (i + 1) * call->top_k; c++) {
			const float *y = p->y + p->row_of[c] * call->k;
			float w = call->weights[c];

			for (int64_t j = 0; j < call->k; j++)
				out[j] += w * y[j];
		}
	}
}

void moe_run(const struct moe_call *call, const struct gemm_ops *ops)
{
	struct parts p;
	const struct tokenwise_ops *token = tokenwise_best();
	int64_t rows = call->m * call->top_k;

	lay_out(&p, call->scratch, call->m, call->experts, call->top_k, call->n, call->k);
	ops = ops ? ops : gemm_best();
	sort_rows(call, &p);
	gather(call, &p);
	ops->run(&(struct gemm_call){ .weights = call->gate_up, .first = p.first, .groups = (int)call->experts, .a = p.x, .lda = call->k,
				      .c = p.both, .ldc = 2 * call->n, .scratch = p.gemm, .threads = call->threads });
	token->swiglu(p.both, p.both + call->n, 2 * call->n, p.inner, rows, call->n, call->threads);
	ops->run(&(struct gemm_call){ .weights = call->down, .first = p.first, .groups = (int)call->experts, .a = p.inner, .lda = call->n,
				      .c = p.y, .ldc = call->k, .scratch = p.gemm, .threads = call->threads });
	add_up(call, &p);
}
