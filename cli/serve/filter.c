#include "cli/serve/filter.h"

#include <string.h>

#include "base/str.h"

static bool whole(const struct request *r, const char *name, int64_t least, int64_t most, int64_t *out, struct err *err)
{
	const char *text = request_param(r, name);
	int64_t value;

	if (!text)
		return true;
	if (!text_to_int64(text, &value) || value < least || value > most)
		return err_set(err, ERR_INPUT, "%s=%.40s: expected a whole number, %lld to %lld", name, text, (long long)least, (long long)most);
	*out = value;
	return true;
}

bool filter_from_request(const struct request *r, int64_t limit, struct store_filter *out, struct err *err)
{
	const char *where = request_param(r, "where"), *equals = where ? strchr(where, '=') : NULL;

	*out = (struct store_filter){ .kind = request_param(r, "kind"), .title = request_param(r, "title"), .since = request_param(r, "since"),
				      .order = request_param(r, "order"), .ascending = request_param(r, "ascending") != NULL, .limit = limit };
	if (!whole(r, "limit", 1, ROWS_MOST, &out->limit, err) || !whole(r, "offset", 0, (int64_t)1e12, &out->offset, err))
		return false;
	if (!where)
		return true;
	if (!equals)
		return err_set(err, ERR_INPUT, "where=%.80s: expected PATH=VALUE, for example deployment.tp=4", where);
	out->input = arena_printf(r->arena, "%.*s", (int)(equals - where), where);
	out->value = equals + 1;
	return out->input || err_memory(err);
}
