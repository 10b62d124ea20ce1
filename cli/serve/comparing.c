#include "cli/serve/comparing.h"

#include <string.h>

#include "cli/serve/dress.h"
#include "reports/compare.h"
#include "reports/store.h"

/* The n-th (0, 1) of the two that were named, as ?a=..&b=.. or ?run=..&run=.. */
static const char *side_name(const struct request *r, size_t n)
{
	const char *name = request_param(r, n ? "b" : "a");
	size_t at = 0;

	for (size_t i = 0; !name && i < r->param_count; i++)
		if (strcmp(r->params[i].name, "run") == 0 && at++ == n)
			name = r->params[i].value;
	return name && *name ? name : NULL;
}

static bool load(const struct server *s, const char *name, struct side *side, struct arena *arena, struct err *err)
{
	struct store *store = server_store(s, err);
	bool study = text_starts(name, "study:"), ok;

	side_init(side, name, arena);
	ok = store && (study ? side_of_study(side, store, name + strlen("study:"), err) : side_of_run(side, store, name, err));
	store_close(store);
	return ok;
}

typedef bool show_fn(const struct comparison *c, struct str *out, struct err *err);

static bool compare(const struct server *s, const struct request *r, show_fn *show, struct reply *reply, struct str *out, struct err *err)
{
	struct compare_options options;
	struct side side[2];
	struct comparison c;

	compare_defaults(&options);
	for (size_t i = 0; i < COUNT_OF(side); i++) {
		const char *name = side_name(r, i);

		if (!name)
			return err_set(err, ERR_INPUT, "compare: expected two runs, for example ?a=last~1&b=last");
		if (!load(s, name, &side[i], r->arena, err)) {
			reply->status = err->kind == ERR_INPUT ? HTTP_NOT_FOUND : 0;
			return false;
		}
	}
	return compare_sides(&side[0], &side[1], &options, r->arena, &c, err) && show(&c, out, err);
}

void compare_page(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct str report = { 0 };
	struct err err = { 0 };

	(void)word;
	if (compare(s, r, compare_html, reply, &report, &err))
		dress_report(reply, "", NULL, &report);
	else
		dress_failure(reply, &err);
	str_release(&report);
}

void compare_api(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct err err = { 0 };

	(void)word;
	if (!compare(s, r, compare_json, reply, &reply->body, &err))
		reply_failure(reply, &err);
}
