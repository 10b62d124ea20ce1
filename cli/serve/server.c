#include "cli/serve/server.h"

#include <string.h>

/* Whether the path fits; *word is what stands for ':'. */
static bool fits(const struct route *route, const char *path, const char **word)
{
	size_t n = strcspn(route->path, ":");

	*word = NULL;
	if (!route->path[n])
		return strcmp(route->path, path) == 0;
	if (strncmp(route->path, path, n) != 0 || !path[n] || strchr(path + n, '/'))
		return false;
	*word = path + n;
	return true;
}

void server_answer(void *ctx, const struct request *r, struct reply *reply)
{
	static const struct route *const tables[] = { page_routes, api_routes };
	const struct server *s = ctx;
	const struct route *other = NULL;
	const char *word;

	for (size_t t = 0; t < COUNT_OF(tables); t++)
		for (const struct route *route = tables[t]; route->method; route++) {
			if (!fits(route, r->path, &word))
				continue;
			if (strcmp(route->method, r->method) == 0) {
				route->answer(s, r, word, reply);
				return;
			}
			other = route;
		}
	if (other) {
		reply->allow = other->method;
		reply_error(reply, HTTP_BAD_METHOD, strcmp(other->method, "POST") == 0 ? "expected POST here" : "expected GET here");
		return;
	}
	reply_error(reply, HTTP_NOT_FOUND, "no such page; / lists the runs, /api what programs can ask");
}

struct store *server_store(const struct server *s, struct err *err)
{
	return store_open_reading(s->database, err);
}
