/* Memory with one lifetime: built once, freed at once. Pointers into an arena live as long as it does. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/attr.h"

struct arena;
MUST_USE struct arena *arena_new(void);                              /* NULL on failure */
MUST_USE void *arena_alloc(struct arena *a, size_t bytes);           /* zeroed, aligned to 16; NULL on failure */
MUST_USE char *arena_strdup(struct arena *a, const char *s);
MUST_USE char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_free(struct arena *a);                                    /* NULL is fine */

#endif
