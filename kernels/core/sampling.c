#include "kernels/core/sampling.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>

int32_t sample_largest(const float *logits, int64_t n)
{
	/* Several running maxima, so that the loop is bound by memory rather than by one comparison after another. */
	enum { LANES = 32 };
	float most[LANES];
	float top = logits[0];
	int64_t j = 0;

	for (int i = 0; i < LANES; i++)
		most[i] = logits[0];
	for (; j + LANES <= n; j += LANES)
		for (int i = 0; i < LANES; i++)
			most[i] = logits[j + i] > most[i] ? logits[j + i] : most[i];
	for (; j < n; j++)
		top = logits[j] > top ? logits[j] : top;
	for (int i = 0; i < LANES; i++)
		top = most[i] > top ? most[i] : top;
	for (j = 0; j < n; j++)
		if (logits[j] == top)
			return (int32_t)j;
	return 0;
}

struct candidate {
	float p;
	int32_t id;
};

/* Sifts down in a heap whose root is the smallest candidate: the worst of the best so far. */
static bool below(const struct candidate *a, const struct candidate *b)
{
	return a->p < b->p || (a->p == b->p && a->id > b->id);
}

static void sift(struct candidate *heap, int64_t count, int64_t i)
{
	for (;;) {
		int64_t least = i, left = 2 * i + 1;

		for (int64_t c = left; c <= left + 1 && c < count; c++)
			if (below(&heap[c], &heap[least]))
				least = c;
		if (least == i)
			return;
		struct candidate swap = heap[i];
		heap[i] = heap[least];
		heap[least] = swap;
		i = least;
	}
}

/* The `keep` most probable candidates, in descending order; returns how many. */
static int64_t best_candidates(struct candidate *c, int64_t n, int64_t keep)
{
	for (int64_t i = keep / 2; i-- > 0;)
		sift(c, keep, i);
	for (int64_t j = keep; j < n; j++) {
		if (below(&c[0], &c[j])) {
			c[0] = c[j];
			sift(c, keep, 0);
		}
	}
	for (int64_t left = keep; left > 1; left--) {     /* heap sort: the smallest goes last */
		struct candidate swap = c[0];

		c[0] = c[left - 1];
		c[left - 1] = swap;
		sift(c, left - 1, 0);
	}
	return keep;
}

static int32_t sample_row(const float *logits, int64_t n, const struct sampling *s, float uniform, struct candidate *c)
{
	int64_t keep = s->top_k > 0 && s->top_k < n ? s->top_k : n;
	double all = 0, kept = 0, sum = 0;
	float most = logits[0];

	for (int64_t j = 1; j < n; j++)
		most = logits[j] > most ? logits[j] : most;
	for (int64_t j = 0; j < n; j++) {
		c[j] = (struct candidate){ expf((logits[j] - most) / s->temperature), (int32_t)j };
		all += (double)c[j].p;
	}
	if (keep < n || s->top_p < 1)
		keep = best_candidates(c, n, keep);
	for (int64_t j = 0; keep < n && j < keep; j++)
		kept += (double)c[j].p;
	if (keep < n)
		all = kept;
	if (s->top_p < 1) {
		kept = 0;
		for (int64_t j = 0; j < keep; j++) {
			kept += (double)c[j].p;
			if (kept >= (double)s->top_p * all)
				keep = j + 1;
		}
		all = kept;
	}
	for (int64_t j = 0; j < keep; j++) {
		sum += (double)c[j].p;
		if (sum > (double)uniform * all)
			return c[j].id;
	}
	return c[keep - 1].id;
}

size_t sampling_scratch_bytes(int64_t n, int threads)
{
	return (size_t)n * sizeof(struct candidate) * (size_t)threads;
}

void sample(const float *logits, int64_t m, int64_t n, const struct sampling *s, const float *uniform, int32_t *out, void *scratch,
	    int threads)
{
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
	for (int64_t i = 0; i < m; i++) {
		struct candidate *c = (struct candidate *)scratch + omp_get_thread_num() * n;

		out[i] = s->temperature > 0 ? sample_row(logits + i * n, n, s, uniform[i], c) : sample_largest(logits + i * n, n);
	}
}
