#define _DEFAULT_SOURCE                /* madvise */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Test hook, not program state: zero in every build that does not ask for failing allocations. */
static _Thread_local size_t fail_countdown;

static bool fails(void)
{
	if (fail_countdown == 0)
		return false;
	if (fail_countdown == 1)
		return true;           /* this one and all after it */
	fail_countdown--;
	return false;
}

void mem_fail_after(size_t n)
{
	fail_countdown = n;
}

/* No object is larger than PTRDIFF_MAX bytes: pointer differences inside it would overflow. */
static bool too_large(size_t count, size_t size)
{
	return size && count > PTRDIFF_MAX / size;
}

void *mem_alloc(size_t bytes)
{
	return fails() || too_large(bytes, 1) ? NULL : malloc(bytes ? bytes : 1);
}

void *mem_calloc(size_t count, size_t size)
{
	if (fails() || too_large(count, size))
		return NULL;
	return count && size ? calloc(count, size) : calloc(1, 1);
}

void *mem_realloc(void *p, size_t count, size_t size)
{
	if (fails() || too_large(count, size))
		return NULL;
	return realloc(p, count && size ? count * size : 1);
}

/* Streams of megabytes gain from large pages: a page walk every 4 KiB costs as much as the data. */
void *mem_alloc_aligned(size_t bytes)
{
	const size_t line = 64, large = (size_t)2 << 20;
	size_t align = bytes >= 2 * large ? large : line;
	void *p;

	if (fails() || too_large(bytes, 1) || bytes > PTRDIFF_MAX - large)
		return NULL;
	p = aligned_alloc(align, bytes ? (bytes + align - 1) / align * align : line);
#ifdef MADV_HUGEPAGE
	if (p && align == large)
		(void)madvise(p, bytes, MADV_HUGEPAGE);      /* a hint: refused is fine */
#endif
	return p;
}

char *mem_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = mem_alloc(n);

	return copy ? memcpy(copy, s, n) : NULL;
}

void mem_free(void *p)
{
	free(p);
}

bool mem_grow(void *array, size_t *capacity, size_t need, size_t size)
{
	void *old, *grown;
	size_t n = *capacity ? *capacity : 16;

	if (need <= *capacity)
		return true;
	while (n < need) {
		if (n > SIZE_MAX / 2)
			return false;
		n *= 2;
	}
	memcpy(&old, array, sizeof(old));      /* `array` is the address of a pointer of any type */
	grown = mem_realloc(old, n, size);
	if (!grown)
		return false;
	memcpy(array, &grown, sizeof(grown));
	*capacity = n;
	return true;
}
