#include "validation/run_means.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BESIDE = 24 };                  /* points alike, to either side by the length of their runs */

static int by_kernel_and_length(const void *a, const void *b)
{
	const struct run_mean *x = *(const struct run_mean *const *)a, *y = *(const struct run_mean *const *)b;
	int names = x->family == y->family ? 0 : strcmp(x->family->name, y->family->name);

	if (names != 0)
		return names;
	if (x->where != y->where)
		return x->where < y->where ? -1 : 1;
	return (x->estimate.median > y->estimate.median) - (x->estimate.median < y->estimate.median);
}

static bool alike(const struct run_mean *a, const struct run_mean *b)
{
	return a->family == b->family && a->where == b->where;
}

bool run_means_settle(struct run_mean *at, size_t count, struct err *err)
{
	struct run_mean **order = mem_calloc(count, sizeof(*order));

	if (!order)
		return err_memory(err);
	for (size_t i = 0; i < count; i++)
		order[i] = &at[i];
	qsort(order, count, sizeof(*order), by_kernel_and_length);
	for (size_t i = 0; i < count; i++) {
		size_t first = i < BESIDE ? 0 : i - BESIDE, end = i + BESIDE + 1 < count ? i + BESIDE + 1 : count, n = 0;
		double sum = 0;

		for (size_t k = first; k < end; k++) {
			if (!alike(order[i], order[k]))
				continue;
			sum += order[k]->estimate.mean / order[k]->estimate.median;
			n++;
		}
		order[i]->seconds = order[i]->estimate.median * sum / (double)n;
	}
	mem_free(order);
	return true;
}
