/* Options inside one argument: "key=value,key=value". */
#ifndef BASE_PAIRS_H
#define BASE_PAIRS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

/* Calls set(ctx, key, value) for each part, blanks around both dropped; stops when it fails. ERR_INPUT, beginning with origin,
 * for a part without =. */
MUST_USE bool pairs_each(const char *text, const char *origin, struct arena *arena, struct err *err,
			 bool (*set)(void *ctx, const char *key, const char *value, struct err *err), void *ctx);

#endif
