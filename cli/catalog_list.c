/* vibee-sim catalog list KIND: a table, names alone, or JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/paths.h"
#include "cli/catalog_kinds.h"
#include "cli/options.h"
#include "reports/table.h"

/* Either a line of a table or an object of JSON. */
struct facts {
	struct table *table;
	struct json *json;
};

void fact_text(struct facts *f, const char *key, const char *text)
{
	if (f->table)
		table_cell(f->table, STYLE_PLAIN, text);
	else
		json_text(f->json, key, text);
}

void fact_number(struct facts *f, const char *key, double value, const char *shown)
{
	if (f->table)
		table_cell(f->table, STYLE_PLAIN, isfinite(value) ? shown : "-");
	else
		json_number(f->json, key, value);
}

enum { COLUMNS_MOST = 16 };

/* Entries are read into an arena of their own, so that a long list does not pile up. */
static bool add_entry(const struct kind *kind, const char *name, struct facts *f, struct err *err)
{
	struct arena *arena = arena_new();
	struct err inner = { 0 };
	const void *entry = NULL;

	if (!arena)
		return err_memory(err);
	if (kind->load || kind->item)
		entry = kind_load(kind, name, arena, &inner);
	if (f->table) {
		table_cell(f->table, STYLE_STRONG, name);
	} else {
		json_object(f->json, NULL);
		json_text(f->json, "name", name);
	}
	if (entry) {
		kind->facts(entry, f);
	} else if (inner.kind != ERR_NONE) {
		fact_text(f, "error", inner.text);
		for (size_t i = 1; f->table && kind->titles[0] && kind->titles[i]; i++)
			table_cell(f->table, STYLE_PLAIN, "");
	}
	if (f->json)
		json_end(f->json);
	arena_free(arena);
	return true;
}

bool catalog_json(const struct kind *kind, struct arena *arena, struct str *out, struct err *err)
{
	struct json j;
	struct facts f = { .json = &j };
	size_t count;
	const char *const *names = kind_names(kind, &count, arena, err);
	bool ok = names != NULL;

	if (!ok)
		return false;
	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.catalog/1");
	json_array(&j, kind->name);
	for (size_t i = 0; ok && i < count; i++)
		ok = add_entry(kind, names[i], &f, err);
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return ok && (!out->failed || err_memory(err));
}

static bool list_json(const struct kind *kind, const char *path, struct arena *arena, struct err *err)
{
	struct str out = { 0 };
	bool ok = catalog_json(kind, arena, &out, err) && paths_write_str(path, &out, err);

	str_release(&out);
	return ok;
}

static bool list_table(const struct kind *kind, const char *const *names, size_t count, struct err *err)
{
	struct table_column columns[COLUMNS_MOST] = { { "name", false } };
	struct term term = term_detect(STDOUT_FILENO);
	struct facts f = { 0 };
	struct str out = { 0 };
	size_t n = 1;
	bool ok = true;

	for (; n < COLUMNS_MOST && kind->titles[n - 1]; n++)
		columns[n] = (struct table_column){ kind->titles[n - 1] + (*kind->titles[n - 1] == '>'), *kind->titles[n - 1] == '>' };
	if (!isatty(STDOUT_FILENO) && term.width < 160)
		term.width = 160;
	f.table = table_new(columns, n);
	if (!f.table)
		return err_memory(err);
	for (size_t i = 0; ok && i < count; i++)
		ok = add_entry(kind, names[i], &f, err);
	ok = ok && table_print(f.table, &term, 0, &out, err) && paths_write_str("-", &out, err);
	table_free(f.table);
	str_release(&out);
	return ok;
}

static void list_kinds(void)
{
	for (const struct kind *k = kinds; k->name; k++)
		printf("%-11s %s\n", k->name, k->help);
}

static bool list_run(const struct call *call, struct err *err)
{
	const char *name = call_argument(call, 0), *json = call_text(call, "json"), *const *names;
	const struct kind *kind;
	size_t count;

	if (!name) {
		list_kinds();
		return true;
	}
	kind = kind_require(name, err);
	names = kind ? kind_names(kind, &count, call->arena, err) : NULL;
	if (!names)
		return false;
	if (call_flag(call, "names")) {
		for (size_t i = 0; i < count; i++)
			puts(names[i]);
		return true;
	}
	if (json)
		return list_json(kind, json, call->arena, err);
	return list_table(kind, names, count, err);
}

static const struct option list_table_options[] = {
	{ .name = "names", .kind = OPTION_FLAG, .help = "names alone, one a line" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON, units SI; - (or nothing): standard output" },
};
static const struct option_group list_options = OPTION_GROUP("Options", list_table_options);

const struct command catalog_list = {
	.name = "list", .summary = "what a catalog holds", .arguments = "[KIND]", .arguments_most = 1, .words = WORDS_KINDS,
	.details = "Kinds: devices, systems, models, workloads, scenarios, jobs, stacks, training-stacks, schedulers, routers, techniques, dtypes, operators. "
		   "Without one: the kinds.",
	.groups = (const struct option_group *const[]){ &list_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim catalog list devices", "memory, bandwidth, peaks, power and price" },
		{ "vibee-sim catalog list models --json - | jq '.models[] | select(.parameters > 1e11)'", "large models" },
		{ NULL, NULL } },
	.run = list_run,
};
