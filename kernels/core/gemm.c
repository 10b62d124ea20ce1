/* The plain product, the choice of variant, and the arithmetic that the fast ones share. */
#include "kernels/core/gemm.h"

#include "kernels/core/gemm_private.h"

/* C[i,j] = sum over l of A[i,l] W[j,l] in double precision, weights as the packed form stands for them. */
static float product(const struct weights *w, const float *a, int64_t row)
{
	double sum = 0;

	for (int64_t l = 0; l < w->k; l++)
		sum += (double)a[l] * (double)weights_at(w, row, l);
	return (float)sum;
}

static void run(const struct gemm_call *call)
{
	for (int g = 0; g < call->groups; g++)
#pragma omp parallel for num_threads(call->threads) if (call->threads > 1)
		for (int64_t j = 0; j < call->weights[g]->n; j++)
			for (int64_t i = call->first[g]; i < call->first[g + 1]; i++)
				call->c[i * call->ldc + j] = product(call->weights[g], call->a + i * call->lda, j);
}
const struct gemm_ops gemm_ref = { .variant = "ref", .run = run };

#if defined(__x86_64__)
#define VARIANTS(X) X(avx512) X(avx2)
#else
#define VARIANTS(X)
#endif
#define X(name) &gemm_##name,
const struct gemm_ops *const gemm_variants[] = { VARIANTS(X) &gemm_ref, NULL };
#undef X

const struct gemm_ops *gemm_best(void)
{
	int i = 0;

	while (gemm_variants[i]->usable && !gemm_variants[i]->usable())
		i++;
	return gemm_variants[i];
}

static int64_t padded(int64_t k)
{
	return (k + 15) / 16 * 16 + 16;      /* never a multiple of 4 KiB apart: rows of a tile share no cache set */
}

size_t gemm_scratch_bytes(int64_t m, int64_t k)
{
	return (size_t)m * (size_t)(padded(k + 1) + (k / INT4_GROUP + 1) * GROUP_FLOATS + 1) * 4 + 64;
}

struct gemm_pack gemm_pack(const struct gemm_call *call, bool wide)
{
	const struct weights *w = call->weights[0];
	int64_t from = call->first[0], rows = call->first[call->groups] - from;
	struct gemm_pack p = { .stride = padded(w->units * (wide ? 2 : 1)), .packs = true };

	p.units = (uint32_t *)call->scratch - from * p.stride;
	p.extra = (float *)call->scratch + rows * p.stride - from * (w->format == KERNEL_INT4 ? w->blocks * GROUP_FLOATS : 1);
	if (rows <= 12 && (w->format == KERNEL_FP32 || (wide && w->format == KERNEL_BF16 && w->k % 2 == 0))) {
		p.packs = false;
		p.stride = call->lda;
		p.units = (uint32_t *)(void *)(uintptr_t)call->a;
	}
	return p;
}

static double panel_cost(const struct gemm_call *call, int g)
{
	int64_t rows = call->first[g + 1] - call->first[g];

	return rows > 0 ? (double)rows + 8 : 0;
}

void gemm_share(const struct gemm_call *call, int group, int me, int of, int64_t *from, int64_t *to)
{
	double before = 0, all = 0, cost = panel_cost(call, group), panels = (double)call->weights[0]->panels;

	for (int g = 0; g < call->groups; g++) {
		before += g < group ? panel_cost(call, g) * panels : 0;
		all += panel_cost(call, g) * panels;
	}
	*from = *to = 0;
	if (cost <= 0)
		return;
	double lo = (all * me / of - before) / cost, hi = (all * (me + 1) / of - before) / cost;

	*from = lo <= 0 ? 0 : lo >= panels ? (int64_t)panels : (int64_t)lo;
	*to = hi <= 0 ? 0 : hi >= panels ? (int64_t)panels : (int64_t)hi;
}

void gemm_grouped(const struct gemm_call *call)
{
	gemm_best()->run(call);
}

void gemm(const struct weights *w, const float *a, int64_t lda, int64_t m, float *c, int64_t ldc, void *scratch, int threads)
{
	const int64_t first[2] = { 0, m };

	gemm_grouped(&(struct gemm_call){ .weights = &w, .first = first, .groups = 1, .a = a, .lda = lda, .c = c, .ldc = ldc,
					  .scratch = scratch, .threads = threads });
}
