/* The JSON that programs ask for: the same documents as the command line's --json. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/paths.h"
#include "cli/catalog_kinds.h"
#include "cli/serve/comparing.h"
#include "cli/serve/filter.h"
#include "cli/serve/server.h"
#include "cli/serve/simulate.h"
#include "cli/stored_study.h"
#include "cli/version.h"
#include "reports/run_json.h"

static void finish(struct reply *reply, bool ok, const struct err *err)
{
	if (ok)
		str_add(&reply->body, "\n");
	else
		reply_failure(reply, err);
}

static void begin(struct json *j, struct reply *reply, const char *schema)
{
	json_init(j, &reply->body, true);
	json_object(j, NULL);
	json_text(j, "schema", schema);
}

static void run_row(struct json *j, const struct stored_run *r)
{
	json_object(j, NULL);
	json_text(j, "run_id", r->id);
	json_text(j, "created_at", r->created_at);
	json_clean(j, "kind", r->kind);
	json_clean(j, "title", r->title);
	json_text(j, "scenario_hash", r->scenario_hash);
	json_clean(j, "command", r->command);
	json_clean(j, "tool_version", r->tool_version);
	json_number(j, "requests", r->requests);
	json_number(j, "completed", r->completed);
	json_number(j, "output_throughput", r->output_throughput);
	json_number(j, "ttft_p99_s", r->ttft_p99_s);
	json_number(j, "tpot_p99_s", r->tpot_p99_s);
	json_number(j, "usd_per_1m_output_tokens", r->usd_per_1m_output_tokens);
	if (r->slos_met < 0)
		json_text(j, "slos_met", NULL);
	else
		json_bool(j, "slos_met", r->slos_met);
	json_end(j);
}

static void api_runs(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	const struct stored_run *rows = NULL;
	struct store_filter filter;
	struct err err = { 0 };
	struct store *store = NULL;
	int64_t total = 0;
	size_t count = 0;
	bool ok = filter_from_request(r, 100, &filter, &err);
	struct json j;

	(void)word;
	if (ok && paths_is_file(s->database))
		ok = (store = server_store(s, &err)) && store_count(store, &filter, &total, &err) && store_list(store, &filter, r->arena, &rows, &count, &err);
	store_close(store);
	begin(&j, reply, "vibee.runs/1");
	json_int(&j, "total", total);
	json_int(&j, "offset", filter.offset);
	json_begin_array(&j, "runs");
	for (size_t i = 0; i < count; i++)
		run_row(&j, &rows[i]);
	json_end(&j);
	json_end(&j);
	finish(reply, ok, &err);
}

static void api_run(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	const struct run_json_options options = { .pretty = true, .series = true };
	struct err err = { 0 };
	struct store *store = server_store(s, &err);
	struct result *result = arena_alloc(r->arena, sizeof(*result));
	bool found = store && (result || err_memory(&err)) && store_get_run(store, word, r->arena, result, NULL, &err);

	store_close(store);
	if (!found && err.kind == ERR_INPUT)
		reply->status = HTTP_NOT_FOUND;
	if (!found || !run_json(result, &options, &reply->body, &err))
		reply_failure(reply, &err);
}

static void api_studies(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	const struct stored_study *rows = NULL;
	struct err err = { 0 };
	struct store *store = NULL;
	size_t count = 0;
	bool ok = true;
	struct json j;

	(void)word;
	if (paths_is_file(s->database))
		ok = (store = server_store(s, &err)) && store_list_studies(store, request_param(r, "kind"), 1000, r->arena, &rows, &count, &err);
	store_close(store);
	begin(&j, reply, "vibee.studies/1");
	json_begin_array(&j, "studies");
	for (size_t i = 0; i < count; i++) {
		json_object(&j, NULL);
		json_text(&j, "study_id", rows[i].id);
		json_text(&j, "created_at", rows[i].created_at);
		json_clean(&j, "kind", rows[i].kind);
		json_clean(&j, "title", rows[i].title);
		json_clean(&j, "command", rows[i].command);
		json_int(&j, "rows", rows[i].rows);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	finish(reply, ok, &err);
}

static void api_study(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct err err = { 0 };
	struct store *store = server_store(s, &err);
	bool ok = store && study_document(store, word, r->arena, &reply->body, &err);

	store_close(store);
	if (ok)
		return;
	if (err.kind == ERR_INPUT)
		reply->status = HTTP_NOT_FOUND;
	reply_failure(reply, &err);
}

static void api_catalogs(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct err err = { 0 };
	struct json j;

	(void)s;
	(void)r;
	(void)word;
	begin(&j, reply, "vibee.catalogs/1");
	json_object(&j, "catalogs");
	for (const struct kind *k = kinds; k->name; k++)
		json_text(&j, k->name, k->help);
	json_end(&j);
	json_end(&j);
	finish(reply, true, &err);
}

static void api_catalog(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct err err = { 0 };
	const struct kind *kind = kind_require(word, &err);

	(void)s;
	if (!kind)
		reply->status = HTTP_NOT_FOUND;
	if (!kind || !catalog_json(kind, r->arena, &reply->body, &err))
		reply_failure(reply, &err);
}

static void api_index(const struct server *s, const struct request *r, const char *word, struct reply *reply)
{
	struct err err = { 0 };
	struct json j;

	(void)r;
	(void)word;
	begin(&j, reply, "vibee.api/1");
	json_text(&j, "version", vibee_version());
	json_bool(&j, "stores", s->token != NULL);
	json_begin_array(&j, "routes");
	for (const struct route *route = api_routes; route->method; route++) {
		json_object(&j, NULL);
		json_text(&j, "method", route->method);
		json_text(&j, "path", route->path);
		json_text(&j, "does", route->help);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	finish(reply, true, &err);
}

const struct route api_routes[] = {
	{ "GET", "/api", api_index, "this list" },
	{ "GET", "/api/runs", api_runs, "stored runs: kind, title, since, where=PATH=VALUE, order, ascending, limit, offset" },
	{ "GET", "/api/runs/:", api_run, "one of them: vibee.run/1; by the beginning of its id, last, last~N" },
	{ "GET", "/api/studies", api_studies, "stored studies: kind" },
	{ "GET", "/api/studies/:", api_study, "one of them: vibee.whatif/1, vibee.search/1, vibee.validate/1" },
	{ "GET", "/api/compare", compare_api, "?a=A&b=B, two runs or study:ID: vibee.compare/1" },
	{ "GET", "/api/catalog", api_catalogs, "names of the catalogs" },
	{ "GET", "/api/catalog/:", api_catalog, "one of them: vibee.catalog/1" },
	{ "POST", "/api/run", simulate_run, "simulates: options of `run` as JSON, {\"model\": .., \"tp\": 2, \"set\": {..}}, \"run\": ID to begin with; vibee.run/1" },
	{ "POST", "/api/whatif", simulate_whatif, "the same with \"vary\": [\"tp=1,2\", ..]: vibee.whatif/1" },
	{ NULL, NULL, NULL, NULL },
};
