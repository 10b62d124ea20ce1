/* The only place that calls malloc: tests can make the n-th allocation fail. All functions return NULL on failure. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

MUST_USE void *mem_alloc(size_t bytes);                              /* uninitialised; 0 bytes gives a valid pointer */
MUST_USE void *mem_calloc(size_t count, size_t size);                /* zeroed; NULL when count * size overflows */
MUST_USE void *mem_realloc(void *p, size_t count, size_t size);      /* NULL on failure, p stays valid then */
MUST_USE void *mem_alloc_aligned(size_t bytes);                      /* uninitialised, on a cache line: vectors, threads' own lines */
MUST_USE char *mem_strdup(const char *s);
void mem_free(void *p);                                              /* NULL is fine */

/* Doubles *array (of `size`-byte elements) until it holds at least `need`; *capacity is updated. False on failure. */
MUST_USE bool mem_grow(void *array, size_t *capacity, size_t need, size_t size);

/* For tests: the n-th allocation from now (1 = next) and all after it fail; 0 turns this off. Per thread. */
void mem_fail_after(size_t n);

#endif
