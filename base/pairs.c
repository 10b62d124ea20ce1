#include "base/pairs.h"

#include <string.h>

#include "base/str.h"

bool pairs_each(const char *text, const char *origin, struct arena *arena, struct err *err,
		bool (*set)(void *ctx, const char *key, const char *value, struct err *err), void *ctx)
{
	char *copy = arena_strdup(arena, text), *at = copy;

	if (!copy)
		return err_memory(err);
	while (at && *at) {
		char *comma = strchr(at, ','), *equals;

		if (comma)
			*comma = '\0';
		equals = strchr(at, '=');
		if (!equals)
			return err_set(err, ERR_INPUT, "%s: '%s': expected name=value", origin, at);
		*equals = '\0';
		if (!set(ctx, text_trim(at), text_trim(equals + 1), err))
			return false;
		at = comma ? comma + 1 : NULL;
	}
	return true;
}
