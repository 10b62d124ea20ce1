#define _DEFAULT_SOURCE                /* _SC_LEVEL3_CACHE_SIZE */
#include "kernels/harness/weight_copies.h"

#include <omp.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "kernels/harness/cache_flush.h"

enum { PIECES = 5, COPIES_MOST = 4096 };
static const double CACHES = 2.5, BYTES_LEAST = 64e6, BYTES_MOST = 1e9;      /* a walk over twice the cache still found a fifth there */

struct weight_copies {
	struct weights **at;                   /* [count][matrices] */
	int64_t matrices, count, next;
};

static double bytes_wanted(void)
{
	long cache = -1;

#ifdef _SC_LEVEL3_CACHE_SIZE
	cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
	return CACHES * (double)cache < BYTES_LEAST ? BYTES_LEAST : CACHES * (double)cache > BYTES_MOST ? BYTES_MOST : CACHES * (double)cache;
}

/* By the threads that will read them, as when a matrix is packed. */
static void *copy_piece(const void *from, size_t bytes, int threads)
{
	char *to = mem_alloc_aligned(bytes);

	if (!to)
		return NULL;
#pragma omp parallel num_threads(threads) if (threads > 1)
	{
		size_t of = (size_t)omp_get_num_threads(), me = (size_t)omp_get_thread_num();
		size_t begin = bytes * me / of, end = bytes * (me + 1) / of;

		memcpy(to + begin, (const char *)from + begin, end - begin);
	}
	return to;
}

static struct weights *copy_of(const struct weights *of, int threads)
{
	size_t columns = (size_t)of->panels * PANEL, groups = columns * (size_t)of->blocks;
	struct weights *w = mem_alloc(sizeof(*w));
	const struct { void **to; const void *from; size_t bytes; } pieces[PIECES] = {
		{ w ? &w->data : NULL, of->data, (size_t)(of->panels * of->units) * (of->format == KERNEL_INT4 ? PANEL : PANEL * 4) },
		{ w ? (void **)&w->scale : NULL, of->scale, columns * sizeof(*of->scale) },
		{ w ? (void **)&w->bias : NULL, of->bias, groups * sizeof(*of->bias) },
		{ w ? (void **)&w->group_scale : NULL, of->group_scale, groups * sizeof(*of->group_scale) },
		{ w ? (void **)&w->group_zero : NULL, of->group_zero, groups },
	};
	bool ok = w != NULL;

	if (!w)
		return NULL;
	*w = *of;
	for (int i = 0; i < PIECES; i++)
		*pieces[i].to = NULL;
	for (int i = 0; ok && i < PIECES; i++)
		ok = !pieces[i].from || (*pieces[i].to = copy_piece(pieces[i].from, pieces[i].bytes, threads)) != NULL;
	if (ok)
		return w;
	weights_free(w);
	return NULL;
}

/* Out of all caches. A last-level cache that is told to take turns keeps a part of what comes back, more each time: of 47 copies in turn products
 * of 1.7 MB took 7 to 8 % less after the second turn. What leads to their pages goes the natural way, pushed out by the turns of the others. */
static void push_out(const struct weights *w)
{
	size_t columns = (size_t)w->panels * PANEL, groups = columns * (size_t)w->blocks;

	(void)cache_flush(w->data, (size_t)(w->panels * w->units) * (w->format == KERNEL_INT4 ? PANEL : PANEL * 4));
	if (w->scale)
		(void)cache_flush(w->scale, columns * sizeof(*w->scale));
	if (w->bias)
		(void)cache_flush(w->bias, groups * sizeof(*w->bias));
	if (w->group_scale)
		(void)cache_flush(w->group_scale, groups * sizeof(*w->group_scale));
	if (w->group_zero)
		(void)cache_flush(w->group_zero, groups);
}

/* What was written last would have to be written back when others are read, which an engine's weights never are. */
static void settle(const struct weight_copies *c, int threads)
{
#pragma omp parallel num_threads(threads) if (threads > 1)
	{
		for (int64_t i = omp_get_thread_num(); i < c->count * c->matrices; i += omp_get_num_threads())
			push_out(c->at[i]);
		cache_flush_wait();
	}
}

struct weight_copies *weight_copies_new(struct weights *const *of, int64_t matrices, int threads)
{
	struct weight_copies *c;
	double each = 0, wanted = bytes_wanted();
	int64_t count;

	for (int64_t i = 0; i < matrices; i++)
		each += (double)weights_bytes(of[i]);
	count = wanted / each > COPIES_MOST - 1 ? COPIES_MOST : (int64_t)(wanted / each) + 1;
	c = count > 1 ? mem_calloc(1, sizeof(*c)) : NULL;
	if (!c || !(c->at = mem_calloc((size_t)(count * matrices), sizeof(struct weights *)))) {
		mem_free(c);
		return NULL;
	}
	c->matrices = matrices;
	c->count = count;
	for (int64_t i = 0; i < count * matrices; i++) {
		c->at[i] = copy_of(of[i % matrices], threads);
		if (c->at[i])
			continue;
		weight_copies_free(c);
		return NULL;
	}
	settle(c, threads);
	return c;
}

void weight_copies_free(struct weight_copies *c)
{
	if (!c)
		return;
	for (int64_t i = 0; i < c->count * c->matrices; i++)
		weights_free(c->at[i]);
	mem_free(c->at);
	mem_free(c);
}

struct weights *const *weight_copies_next(struct weight_copies *c)
{
	for (int64_t i = 0; i < c->matrices; i++)      /* those of the last turn */
		push_out(c->at[c->next * c->matrices + i]);
	cache_flush_wait();
	c->next = (c->next + 1) % c->count;
	return c->at + c->next * c->matrices;
}
