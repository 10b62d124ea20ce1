/* vibee-sim db: the runs that were kept. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "cli/run_outputs.h"
#include "cli/train_outputs.h"
#include "reports/format.h"
#include "reports/store.h"
#include "reports/table.h"

#define DB_OPTION { .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" }
#define FILTER_OPTIONS \
	{ .name = "kind", .word = "NAME", .help = "only runs of a kind: run, bench ..." }, \
	{ .name = "title", .word = "TEXT", .help = "only those whose title has this part" }, \
	{ .name = "since", .word = "DATE", .help = "only those from this day on (UTC, 2026-03-01)" }, \
	{ .name = "where", .word = "PATH=VALUE", .help = "only those with this input: deployment.tp=4" }, \
	{ .name = "limit", .word = "N", .kind = OPTION_INT, .least = 1, .most = 1e9, .help = "at most so many, the newest" }

static struct store *open_existing(const struct call *call, struct err *err)
{
	const char *path = run_database(call, err);

	return path ? store_open_existing(path, err) : NULL;
}

static bool filter_from_call(const struct call *call, int64_t limit, struct store_filter *out, struct err *err)
{
	const char *where = call_text(call, "where"), *equals = where ? strchr(where, '=') : NULL;

	*out = (struct store_filter){
		.kind = call_text(call, "kind"), .title = call_text(call, "title"), .since = call_text(call, "since"),
		.limit = call_int(call, "limit", limit),
	};
	if (!where)
		return true;
	if (!equals)
		return err_set(err, ERR_INPUT, "--where %s: expected PATH=VALUE, for example deployment.tp=4", where);
	out->input = arena_printf(call->arena, "%.*s", (int)(equals - where), where);
	out->value = equals + 1;
	return out->input || err_memory(err);
}

static void run_line(struct table *t, const struct stored_run *r)
{
	bool serves = !text_equal(r->kind, "train");   /* a training run has no requests: its columns stay empty */
	char a[FORMAT_ROOM];

	table_cellf(t, STYLE_STRONG, "%.10s", r->id);
	table_cell(t, STYLE_FAINT, r->created_at);
	table_cell(t, STYLE_PLAIN, r->kind);
	table_cell(t, STYLE_PLAIN, r->title);
	table_cell(t, STYLE_PLAIN, serves && isfinite(r->completed) ? human_count(a, r->completed) : "");
	table_cell(t, STYLE_PLAIN, serves && isfinite(r->output_throughput) ? human_count(a, r->output_throughput) : "");
	table_cell(t, STYLE_PLAIN, serves && isfinite(r->ttft_p99_s) ? human_seconds(a, r->ttft_p99_s) : "");
	table_cell(t, STYLE_PLAIN, serves && isfinite(r->tpot_p99_s) ? human_seconds(a, r->tpot_p99_s) : "");
	table_cell(t, STYLE_PLAIN, isfinite(r->usd_per_1m_output_tokens) ? format_usd(a, r->usd_per_1m_output_tokens) : "");
	table_cell(t, r->slos_met == 0 ? STYLE_BAD : STYLE_GOOD, r->slos_met < 0 ? "" : r->slos_met ? "met" : "missed");
}

static bool list_run(const struct call *call, struct err *err)
{
	static const struct table_column columns[] = {
		{ "run", false }, { "at (UTC)", false }, { "kind", false }, { "title", false }, { "requests", true }, { "tokens/s", true },
		{ "TTFT p99", true }, { "TPOT p99", true }, { "USD/1M out", true }, { "SLOs", false },
	};
	struct term term = term_detect(STDOUT_FILENO);
	const struct stored_run *rows;
	struct store_filter filter;
	struct store *store = NULL;
	struct table *t = NULL;
	struct str out = { 0 };
	size_t count;
	bool ok = filter_from_call(call, 50, &filter, err) && (store = open_existing(call, err)) &&
		  store_list(store, &filter, call->arena, &rows, &count, err);

	if (!ok)
		goto out;
	t = table_new(columns, COUNT_OF(columns));
	if (!t) {
		ok = err_memory(err);
		goto out;
	}
	if (!isatty(STDOUT_FILENO) && term.width < 160)
		term.width = 160;
	for (size_t i = 0; i < count; i++)
		run_line(t, &rows[i]);
	if (count > 0)
		ok = table_print(t, &term, 0, &out, err);
	else
		str_add(&out, "no runs\n");
	ok = ok && paths_write_str("-", &out, err);
out:
	table_free(t);
	str_release(&out);
	store_close(store);
	return ok;
}

/* The run that the first argument names; "last" without one. */
static bool load(const struct call *call, struct result *r, struct stored_run *about, struct err *err)
{
	const char *name = call_argument(call, 0);
	struct store *store = open_existing(call, err);
	bool ok = store && store_get_run(store, name ? name : "last", call->arena, r, about, err);

	store_close(store);
	return ok;
}

bool show_stored_run(const struct call *call, struct err *err)
{
	struct result *r = arena_alloc(call->arena, sizeof(*r));
	struct stored_run about = { 0 };
	struct run_files files = { 0 };
	struct run_origin origin;

	if (!r)
		return err_memory(err);
	if (!run_files_choose(call, &files, err) || !load(call, r, &about, err))
		return false;
	if (text_equal(about.kind, "train")) {
		if (files.junit && !run_outputs(r, &(struct run_files){ .junit = files.junit }, NULL, NULL, err))
			return false;
		return (files.junit && !files.json && !files.html) || train_again(call, r, err);
	}
	files.text = files.text && !files.json && !files.html && !files.markdown && !files.junit;
	origin = (struct run_origin){ .kind = about.kind, .tool_version = about.tool_version, .host = about.host, .command = about.command };
	return run_outputs(r, &files, &origin, NULL, err);
}

static bool export_run(const struct call *call, struct err *err)
{
	const char *format = call_text(call, "format"), *out = call_text(call, "out");
	struct store_filter filter;
	struct store *store;
	bool csv = format ? strcmp(format, "csv") == 0 : out && (text_ends(out, ".csv") || text_ends(out, ".csv.gz")), ok;

	if (format && !csv && strcmp(format, "json") != 0)
		return err_set(err, ERR_INPUT, "--format %s: expected json or csv", format);
	if (!filter_from_call(call, 0, &filter, err))
		return false;
	store = open_existing(call, err);
	ok = store && store_export(store, &filter, csv ? STORE_CSV : STORE_JSON, out ? out : "-", err);
	store_close(store);
	return ok;
}

static bool delete_run(const struct call *call, struct err *err)
{
	struct store *store = open_existing(call, err);
	bool ok = store != NULL;

	for (size_t i = 0; ok && i < call->argument_count; i++)
		ok = store_delete(store, call->arguments[i], err);
	store_close(store);
	if (ok)
		printf("%zu run%s deleted\n", call->argument_count, call->argument_count == 1 ? "" : "s");
	return ok;
}

static bool prune_run(const struct call *call, struct err *err)
{
	struct store *store;
	int64_t deleted = 0;
	bool dry = call_flag(call, "dry-run"), ok;

	if (!call_flag(call, "keep") && !call_flag(call, "older-than"))
		return err_set(err, ERR_INPUT, "prune: expected --keep N or --older-than DAYS, or both");
	store = open_existing(call, err);
	ok = store && store_prune(store, call_int(call, "keep", 0), 86400 * call_number(call, "older-than", 0), dry, &deleted, err);
	store_close(store);
	if (ok)
		printf("%" PRId64 " run%s %s\n", deleted, deleted == 1 ? "" : "s", dry ? "would be deleted" : "deleted");
	return ok;
}

static bool path_run(const struct call *call, struct err *err)
{
	const char *path = run_database(call, err);

	if (path)
		puts(path);
	return path != NULL;
}

static bool check_run(const struct call *call, struct err *err)
{
	struct store *store = open_existing(call, err);
	bool ok = store && store_check(store, err);

	if (ok)
		printf("%s: sound\n", store_path(store));
	store_close(store);
	return ok;
}

static bool sql_schema_run(const struct call *call, struct err *err)
{
	struct str out = { 0 };
	bool ok;

	(void)call;
	store_sql_schema(&out);
	ok = paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

static const struct option db_table[] = { DB_OPTION };
static const struct option_group db_options = OPTION_GROUP("Options", db_table);
static const struct option list_table[] = { FILTER_OPTIONS, DB_OPTION };
static const struct option_group list_options = OPTION_GROUP("Options", list_table);
static const struct option show_table[] = {
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the run as JSON; - (or nothing): standard output" }, DB_OPTION,
};
static const struct option_group show_options = OPTION_GROUP("Options", show_table);
static const struct option export_table[] = {
	{ .name = "format", .word = "json|csv", .fallback = "by the file name, else json", .help = "documents, or one line a run" },
	{ .name = "out", .word = "FILE", .words = WORDS_FILE, .output = true, .fallback = "standard output", .help = "where to" },
	FILTER_OPTIONS, DB_OPTION,
};
static const struct option_group export_options = OPTION_GROUP("Options", export_table);
static const struct option prune_table[] = {
	{ .name = "keep", .word = "N", .kind = OPTION_INT, .least = 0, .most = 1e12, .help = "keep the newest N" },
	{ .name = "older-than", .word = "DAYS", .kind = OPTION_NUMBER, .least = 0, .most = 1e6, .help = "delete only what is older" },
	{ .name = "dry-run", .kind = OPTION_FLAG, .help = "say how many, delete none" }, DB_OPTION,
};
static const struct option_group prune_options = OPTION_GROUP("Options", prune_table);

#define GROUPS(group) (const struct option_group *const[]){ &group, NULL }
#define EXAMPLE(line_, what_) (const struct example[]){ { line_, what_ }, { NULL, NULL } }

static const struct command db_list = {
	.name = "list", .summary = "kept runs, newest first", .groups = GROUPS(list_options), .run = list_run,
	.examples = EXAMPLE("vibee-sim db list --where deployment.tp=4 --since 2026-03-01", "some of them"),
};
static const struct command db_show = {
	.name = "show", .summary = "one run again", .arguments = "[RUN]", .arguments_most = 1, .words = WORDS_RUNS, .groups = GROUPS(show_options),
	.details = "RUN is the beginning of an id, 'last', or 'last~N' for the N-th before it.", .run = show_stored_run,
	.examples = EXAMPLE("vibee-sim db show last --json -", "everything about the newest run"),
};
static const struct command db_export = {
	.name = "export", .summary = "runs as JSON documents or CSV lines", .groups = GROUPS(export_options), .run = export_run,
	.examples = EXAMPLE("vibee-sim db export --format csv --out runs.csv", "all metrics and inputs as columns"),
};
static const struct command db_delete = {
	.name = "delete", .summary = "delete runs", .arguments = "RUN ...", .arguments_least = 1, .arguments_most = 10000, .words = WORDS_RUNS,
	.groups = GROUPS(db_options), .run = delete_run, .examples = EXAMPLE("vibee-sim db delete 3f9a", "by the beginning of its id"),
};
static const struct command db_prune = {
	.name = "prune", .summary = "delete old runs", .groups = GROUPS(prune_options), .run = prune_run,
	.examples = EXAMPLE("vibee-sim db prune --keep 100 --older-than 30 --dry-run", "what would go"),
};
static const struct command db_path = {
	.name = "path", .summary = "where the database is", .groups = GROUPS(db_options), .run = path_run,
	.examples = EXAMPLE("sqlite3 $(vibee-sim db path)", "ask it anything"),
};
static const struct command db_check = {
	.name = "check", .summary = "read every page of the database", .groups = GROUPS(db_options), .run = check_run,
	.examples = EXAMPLE("vibee-sim db check", "after a crash of the machine, say"),
};
static const struct command db_sql_schema = {
	.name = "sql-schema", .summary = "its tables and views, as SQL", .run = sql_schema_run,
	.examples = EXAMPLE("vibee-sim db sql-schema", "before writing queries"),
};

const struct command command_db = {
	.name = "db", .summary = "list, show, export and delete kept runs",
	.parts = (const struct command *const[]){ &db_list, &db_show, &db_export, &db_delete, &db_prune, &db_path, &db_check, &db_sql_schema, NULL },
	.examples = EXAMPLE("vibee-sim db list", "what was run"),
};
