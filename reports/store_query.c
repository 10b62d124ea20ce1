/* Finding, listing, deleting and exporting stored runs. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/mem.h"
#include "reports/metric.h"
#include "reports/outfile.h"
#include "reports/run_json.h"
#include "reports/store_private.h"

const char run_overview_columns[] =
	"id, scenario_hash, created_at, kind, title, tool_version, host, command, seed, wall_s, requests, completed,"
	" output_throughput, ttft_p99_s, tpot_p99_s, usd_per_1m_output_tokens, slos_met";

static void copy_id(char out[33], sqlite3_stmt *st, int index)
{
	const char *text = (const char *)sqlite3_column_text(st, index);

	snprintf(out, 33, "%s", text ? text : "");
}

bool stored_run_read(sqlite3_stmt *st, struct arena *arena, struct stored_run *out)
{
	bool ok = true;

	*out = (struct stored_run){ 0 };
	copy_id(out->id, st, 0);
	copy_id(out->scenario_hash, st, 1);
	out->created_at = column_text(st, 2, arena, &ok);
	out->kind = column_text(st, 3, arena, &ok);
	out->title = column_text(st, 4, arena, &ok);
	out->tool_version = column_text(st, 5, arena, &ok);
	out->host = column_text(st, 6, arena, &ok);
	out->command = column_text(st, 7, arena, &ok);
	out->has_seed = sqlite3_column_type(st, 8) != SQLITE_NULL;
	out->seed = sqlite3_column_int64(st, 8);
	out->wall_s = column_number(st, 9);
	out->requests = column_number(st, 10);
	out->completed = column_number(st, 11);
	out->output_throughput = column_number(st, 12);
	out->ttft_p99_s = column_number(st, 13);
	out->tpot_p99_s = column_number(st, 14);
	out->usd_per_1m_output_tokens = column_number(st, 15);
	out->slos_met = sqlite3_column_type(st, 16) == SQLITE_NULL ? -1 : sqlite3_column_int(st, 16) != 0;
	return ok;
}

/* "last" is 0, "last~3" is 3; -1 when the name is neither. */
static int64_t steps_back(const char *name)
{
	int64_t n = 0;

	if (!text_starts(name, "last"))
		return -1;
	if (name[4] == '\0')
		return 0;
	return name[4] == '~' && isdigit((unsigned char)name[5]) && text_to_int64(name + 5, &n) ? n : -1;
}

/* Runs "SELECT run, id" and takes its first row; *matches counts up to two. */
static bool first_match(struct store *s, sqlite3_stmt *st, sqlite3_int64 *run, char id[33], int *matches,
			struct err *err)
{
	int code;

	*matches = 0;
	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		if ((*matches)++ == 0) {
			*run = sqlite3_column_int64(st, 0);
			copy_id(id, st, 1);
		}
	}
	sqlite3_finalize(st);
	return code == SQLITE_DONE || store_fail(s, "be read", err);
}

static bool not_found(struct store *s, const char *name, struct err *err)
{
	enum { RECENT = 200 };
	char ids[RECENT][33], starts[RECENT][33];
	const char *candidates[RECENT];
	size_t n = 0, length = strlen(name);
	const char *near;
	sqlite3_stmt *st = store_prepare(s, "SELECT id FROM runs ORDER BY run DESC LIMIT 200", err);

	if (!st)
		return false;
	/* Compared over the typed length: a short prefix is never near a whole id. */
	while (n < RECENT && sqlite3_step(st) == SQLITE_ROW) {
		copy_id(ids[n], st, 0);
		snprintf(starts[n], sizeof(starts[n]), "%.*s", length < 32 ? (int)length : 32, ids[n]);
		candidates[n] = starts[n];
		n++;
	}
	sqlite3_finalize(st);
	if (n == 0)
		return err_set(err, ERR_INPUT, "run '%.64s': %s holds no runs yet", name, s->path);
	near = length >= 3 ? text_nearest(name, candidates, n) : NULL;
	return err_set(err, ERR_INPUT,
		       "run '%.64s': not in %s, expected the start of an id, \"last\" or \"last~N\"; nearest %.12s",
		       name, s->path,
		       near ? ids[(size_t)((const char(*)[33])near - (const char(*)[33])starts)] : ids[0]);
}

bool store_find(struct store *s, const char *name, sqlite3_int64 *run, char id[33], struct err *err)
{
	int64_t back = steps_back(name);
	size_t digits = strspn(name, "0123456789abcdefABCDEF"), length = strlen(name);
	char upper[34];
	sqlite3_stmt *st;
	int matches = 0;

	if (back >= 0) {
		st = store_prepare(s, "SELECT run, id FROM runs ORDER BY run DESC LIMIT 1 OFFSET ?", err);
		if (!st)
			return false;
		sqlite3_bind_int64(st, 1, back);
	} else if (length > 0 && length <= 32 && digits == length) {
		/* Ids from the prefix up to, but without, the prefix followed by a character past 'f': the index serves it. */
		st = store_prepare(s, "SELECT run, id FROM runs WHERE id >= lower(?1) AND id < lower(?2) LIMIT 2", err);
		if (!st)
			return false;
		snprintf(upper, sizeof(upper), "%sg", name);
		bind_text(st, 1, name);
		bind_text(st, 2, upper);
	} else {
		return not_found(s, name, err);
	}
	if (!first_match(s, st, run, id, &matches, err))
		return false;
	if (matches > 1)
		return err_set(err, ERR_INPUT, "run '%s': more than one id begins so, expected more digits", name);
	return matches == 1 || not_found(s, name, err);
}

bool store_resolve(struct store *s, const char *name, char id[33], struct err *err)
{
	sqlite3_int64 run;

	return store_find(s, name, &run, id, err);
}

bool store_find_by_hash(struct store *s, const char *scenario_hash, char id[33], struct err *err)
{
	sqlite3_stmt *st =
		store_prepare(s, "SELECT run, id FROM runs WHERE scenario_hash = ? ORDER BY run DESC LIMIT 1", err);
	sqlite3_int64 run;
	int matches;

	*id = '\0';
	if (!st)
		return false;
	bind_text(st, 1, scenario_hash);
	return first_match(s, st, &run, id, &matches, err);
}

const char *const store_orders[] = { "created_at", "kind", "title", "requests", "output_throughput", "ttft_p99_s", "tpot_p99_s",
				     "usd_per_1m_output_tokens", "slos_met", NULL };

static const char *order_of(const struct store_filter *f, struct err *err)
{
	size_t n = 0;
	const char *near;

	if (!f->order)
		return "run";
	for (; store_orders[n]; n++)
		if (strcmp(store_orders[n], f->order) == 0)
			return store_orders[n];
	near = text_nearest(f->order, store_orders, n);
	err_set(err, ERR_INPUT, "order '%.64s': expected a column of the list, for example '%s'", f->order, near ? near : store_orders[0]);
	return NULL;
}

/* Every part of the filter is one condition that an unset (NULL) parameter switches off. */
static sqlite3_stmt *prepare_filtered(struct store *s, const char *columns, const struct store_filter *f,
				      struct err *err)
{
	static const struct store_filter all = { 0 };
	struct str sql = { 0 };
	sqlite3_stmt *st;
	const char *order;

	if (!f)
		f = &all;
	order = order_of(f, err);
	if (!order)
		return NULL;
	str_addf(&sql,
		 "SELECT %s FROM run_overview o WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR scenario_hash = ?2)"
		 " AND (?3 IS NULL OR instr(lower(title), lower(?3))) AND (?4 IS NULL OR created_at >= ?4)"
		 " AND (?5 IS NULL OR EXISTS(SELECT 1 FROM run_scenario i WHERE i.run = o.run AND i.path = ?5"
		 " AND (?6 IS NULL OR i.value = ?6))) ORDER BY %s %s NULLS LAST, run DESC LIMIT ?7 OFFSET ?8",
		 columns, order, f->order && f->ascending ? "ASC" : "DESC");
	st = store_prepare_built(s, &sql, err);
	if (!st)
		return NULL;
	bind_text(st, 1, f->kind);
	bind_text(st, 2, f->scenario_hash);
	bind_text(st, 3, f->title);
	bind_text(st, 4, f->since);
	bind_text(st, 5, f->input);
	bind_text(st, 6, f->value);
	sqlite3_bind_int64(st, 7, f->limit > 0 ? f->limit : -1);
	sqlite3_bind_int64(st, 8, f->offset);
	return st;
}

bool store_count(struct store *s, const struct store_filter *filter, int64_t *count, struct err *err)
{
	struct store_filter f = filter ? *filter : (struct store_filter){ 0 };
	sqlite3_stmt *st;
	bool ok;

	f.limit = f.offset = 0;
	f.order = NULL;
	st = prepare_filtered(s, "count(*)", &f, err);
	ok = st && sqlite3_step(st) == SQLITE_ROW;
	if (ok)
		*count = sqlite3_column_int64(st, 0);
	else if (st)
		store_fail(s, "be read", err);
	sqlite3_finalize(st);
	return ok;
}

bool store_list(struct store *s, const struct store_filter *filter, struct arena *arena, const struct stored_run **rows,
		size_t *count, struct err *err)
{
	sqlite3_stmt *st = prepare_filtered(s, run_overview_columns, filter, err);
	struct stored_run *found = NULL, *kept;
	size_t n = 0, capacity = 0;
	int code = SQLITE_DONE;
	bool ok = st != NULL;

	*rows = NULL;
	*count = 0;
	while (ok && (code = sqlite3_step(st)) == SQLITE_ROW) {
		ok = (mem_grow(&found, &capacity, n + 1, sizeof(*found)) && stored_run_read(st, arena, &found[n])) ||
		     err_memory(err);
		n += ok;
	}
	if (ok && code != SQLITE_DONE)
		ok = store_fail(s, "be read", err);
	sqlite3_finalize(st);
	if (ok && n) {
		kept = arena_alloc(arena, n * sizeof(*kept));
		if (kept) {
			memcpy(kept, found, n * sizeof(*kept));
			*rows = kept;
			*count = n;
		} else {
			ok = err_memory(err);
		}
	}
	mem_free(found);
	return ok;
}

/* Gives the pages of deleted runs back to the file system; a reader elsewhere may hold them, so it is not an error. */
static void shrink(struct store *s)
{
	sqlite3_exec(s->db, "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
}

bool store_delete(struct store *s, const char *name, struct err *err)
{
	sqlite3_int64 run;
	sqlite3_stmt *st;
	char id[33];
	bool ok;

	if (!store_find(s, name, &run, id, err))
		return false;
	st = store_prepare(s, "DELETE FROM runs WHERE run = ?", err);
	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, run);
	ok = sqlite3_step(st) == SQLITE_DONE || store_fail(s, "delete the run", err);
	sqlite3_finalize(st);
	if (ok)
		shrink(s);
	return ok;
}

bool store_prune(struct store *s, int64_t keep, double older_than_s, bool dry_run, int64_t *deleted, struct err *err)
{
	static const char which[] = " FROM runs WHERE run NOT IN (SELECT run FROM runs ORDER BY run DESC LIMIT ?1)"
		" AND created_at <= datetime('now', printf('-%d seconds', ?2))";
	char sql[256];
	sqlite3_stmt *st;
	bool ok;

	snprintf(sql, sizeof(sql), "%s%s", dry_run ? "SELECT count(*)" : "DELETE", which);
	st = store_prepare(s, sql, err);
	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, keep > 0 ? keep : 0);
	sqlite3_bind_int64(st, 2, older_than_s > 0 ? (sqlite3_int64)older_than_s : 0);
	ok = sqlite3_step(st) == (dry_run ? SQLITE_ROW : SQLITE_DONE) || store_fail(s, "delete runs", err);
	if (ok)
		*deleted = dry_run ? sqlite3_column_int64(st, 0) : sqlite3_changes(s->db);
	sqlite3_finalize(st);
	if (ok && !dry_run && *deleted > 0)
		shrink(s);
	return ok;
}

struct paths {                         /* the inputs that any exported run has, each once */
	const char **names;
	size_t count, capacity;
};

static bool input_paths(struct store *s, struct arena *arena, struct paths *p, struct err *err)
{
	sqlite3_stmt *st =
		store_prepare(s, "SELECT DISTINCT path FROM run_scenario WHERE path IS NOT NULL ORDER BY path", err);
	int code = SQLITE_DONE;
	bool ok = st != NULL;

	while (ok && (code = sqlite3_step(st)) == SQLITE_ROW) {
		ok = mem_grow(&p->names, &p->capacity, p->count + 1, sizeof(*p->names));
		if (ok)
			p->names[p->count++] = column_text(st, 0, arena, &ok);
		if (!ok)
			err_memory(err);
	}
	if (ok && code != SQLITE_DONE)
		ok = store_fail(s, "be read", err);
	sqlite3_finalize(st);
	return ok;
}

static void csv_header(struct str *out, const struct paths *p)
{
	str_add(out, "run_id,created_at,kind,title,scenario_hash,seed,tool_version,host");
	for (const struct metric *m = metrics; m->path; m++)
		str_addf(out, ",%s", metric_name(m));
	for (size_t i = 0; i < p->count; i++) {
		str_add(out, ",");
		csv_quote(out, p->names[i]);
	}
	str_add(out, "\n");
}

static void csv_run(struct str *out, const struct paths *p, const struct stored_run *about, const struct result *r)
{
	const char *texts[] = { about->id, about->created_at, about->kind, about->title, about->scenario_hash };
	char buf[32];

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (i)
			str_add(out, ",");
		csv_quote(out, texts[i] ? texts[i] : "");
	}
	str_add(out, ",");
	if (about->has_seed)
		str_addf(out, "%" PRId64, about->seed);
	str_add(out, ",");
	csv_quote(out, about->tool_version ? about->tool_version : "");
	str_add(out, ",");
	csv_quote(out, about->host ? about->host : "");
	for (const struct metric *m = metrics; m->path; m++) {
		double v = metric_get(m, r);

		str_addf(out, ",%s", isfinite(v) ? number_text(buf, v) : "");
	}
	for (size_t i = 0; i < p->count; i++) {
		const char *value = result_input(r, p->names[i]);

		str_add(out, ",");
		csv_quote(out, value ? value : "");
	}
	str_add(out, "\n");
}

/* One run at a time, so that memory does not grow with the database. */
static bool export_run(struct store *s, const char *id, enum store_format format, const struct paths *p,
		       struct str *out, struct err *err)
{
	static const struct run_json_options options = { .pretty = true, .series = true };
	struct arena *arena = arena_new();
	struct stored_run about;
	struct result r;
	bool ok = arena || err_memory(err);

	ok = ok && store_get_run(s, id, arena, &r, &about, err);
	if (ok && format == STORE_CSV)
		csv_run(out, p, &about, &r);
	else if (ok)
		ok = run_json(&r, &options, out, err);
	arena_free(arena);
	return ok && (!out->failed || err_memory(err));
}

bool store_export(struct store *s, const struct store_filter *filter, enum store_format format, const char *path,
		  struct err *err)
{
	struct arena *arena = arena_new();
	const struct stored_run *runs = NULL;
	struct paths paths = { 0 };
	struct outfile *file = NULL;
	struct str text = { 0 };
	size_t count = 0;
	bool ok = arena || err_memory(err);

	ok = ok && store_list(s, filter, arena, &runs, &count, err) && input_paths(s, arena, &paths, err);
	file = ok ? outfile_open(path, err) : NULL;
	ok = file != NULL;
	if (ok && format == STORE_CSV)
		csv_header(&text, &paths);
	else
		str_add(&text, "[");
	for (size_t i = 0; ok && i < count; i++) {
		if (format == STORE_JSON)
			str_add(&text, i ? ",\n" : "\n");
		ok = export_run(s, runs[i].id, format, &paths, &text, err);
		outfile_add(file, str_text(&text), text.length);
		str_clear(&text);
	}
	if (ok && format == STORE_JSON)
		str_add(&text, "]\n");
	if (ok) {
		ok = !text.failed || err_memory(err);
		outfile_add(file, str_text(&text), text.length);
	}
	if (ok)
		ok = outfile_close(file, err);
	else
		outfile_abandon(file);
	str_release(&text);
	mem_free(paths.names);
	arena_free(arena);
	return ok;
}
