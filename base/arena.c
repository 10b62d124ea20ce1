#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { ALIGN = 16, FIRST_CHUNK = 4096, LAST_CHUNK = 1 << 20 };

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(ALIGN) unsigned char bytes[];
};

struct arena {
	struct chunk *top;
	size_t next_size;
};

struct arena *arena_new(void)
{
	struct arena *a = mem_calloc(1, sizeof(*a));

	if (a)
		a->next_size = FIRST_CHUNK;
	return a;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	struct chunk *c = a->top;
	void *p;

	if (bytes > SIZE_MAX / 4)
		return NULL;
	bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
	if (!c || c->size - c->used < bytes) {
		size_t size = bytes > a->next_size ? bytes : a->next_size;

		c = mem_calloc(1, sizeof(*c) + size);
		if (!c)
			return NULL;
		c->size = size;
		c->next = a->top;
		a->top = c;
		if (a->next_size < LAST_CHUNK)
			a->next_size *= 2;
	}
	p = c->bytes + c->used;
	c->used += bytes;
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = arena_alloc(a, n);

	return copy ? memcpy(copy, s, n) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (!text)
		return NULL;
	va_start(args, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, args);
	va_end(args);
	return text;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct chunk *c = a->top, *next; c; c = next) {
		next = c->next;
		mem_free(c);
	}
	mem_free(a);
}
