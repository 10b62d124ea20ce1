/* Studies in the database: what-ifs and searches with their rows, and the outcomes that a search resumes from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "reports/store_private.h"

bool study_put(struct store *s, const char *kind, const struct run_origin *origin, const char *title, const char *document,
	       sqlite3_int64 *study, char id[33], struct err *err)
{
	static const char sql[] = "INSERT INTO studies(id, created_at, kind, title, command, tool_version, document) VALUES("
				  "lower(hex(randomblob(16))), coalesce(?1, datetime('now')), ?2, ?3, ?4, ?5, ?6)"
				  " RETURNING study, id";
	sqlite3_stmt *st = store_prepare(s, sql, err);
	bool ok;

	if (!st)
		return false;
	bind_text(st, 1, origin ? origin->created_at : NULL);
	bind_text(st, 2, kind);
	bind_text(st, 3, title);
	bind_text(st, 4, origin ? origin->command : NULL);
	bind_text(st, 5, origin ? origin->tool_version : NULL);
	bind_text(st, 6, document);
	ok = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st, 1) == 32;
	if (ok) {
		*study = sqlite3_column_int64(st, 0);
		memcpy(id, sqlite3_column_text(st, 1), 33);
		ok = sqlite3_step(st) == SQLITE_DONE;
	}
	if (!ok)
		store_fail(s, "store the study", err);
	sqlite3_finalize(st);
	return ok;
}

static bool put_rows(struct store *s, sqlite3_int64 study, const struct study_row *rows, size_t count, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "INSERT INTO study_rows VALUES(?, ?, ?, ?, ?, ?)", err);
	bool ok = st != NULL;

	for (size_t i = 0; ok && i < count; i++) {
		sqlite3_bind_int64(st, 1, study);
		sqlite3_bind_int64(st, 2, (sqlite3_int64)i);
		bind_text(st, 3, rows[i].label);
		bind_text(st, 4, rows[i].status);
		bind_text(st, 5, rows[i].scenario_hash);
		bind_text(st, 6, rows[i].metrics);
		if (sqlite3_step(st) != SQLITE_DONE)
			ok = store_fail(s, "store the study", err);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return ok;
}

bool store_put_study(struct store *s, const char *kind, const struct run_origin *origin, const char *title, const char *document,
		     const struct study_row *rows, size_t count, char id[33], struct err *err)
{
	sqlite3_int64 study = 0;
	char fresh[33];

	if (!store_exec(s, "BEGIN IMMEDIATE", "store the study", err))
		return false;
	if (!study_put(s, kind, origin, title, document, &study, fresh, err) || !put_rows(s, study, rows, count, err) ||
	    !store_exec(s, "COMMIT", "store the study", err)) {
		store_rollback(s);
		return false;
	}
	memcpy(id, fresh, sizeof(fresh));
	return true;
}

/* "last" and "last~N" count back from the newest. */
static bool is_last(const char *name, int64_t *back)
{
	char *end;

	*back = 0;
	if (strcmp(name, "last") == 0)
		return true;
	if (strncmp(name, "last~", 5) != 0 || name[5] < '0' || name[5] > '9')
		return false;
	*back = strtoll(name + 5, &end, 10);
	return *end == '\0';
}

#define STUDY_COLUMNS \
	"SELECT id, created_at, kind, title, command, tool_version, document, (SELECT count(*) FROM study_rows r WHERE r.study = studies.study) +" \
	" (SELECT count(*) FROM validation_errors e WHERE e.study = studies.study) FROM studies WHERE (?1 IS NULL OR kind = ?1) "

static bool study_read(sqlite3_stmt *st, struct arena *arena, struct stored_study *out)
{
	bool ok = true;

	*out = (struct stored_study){ 0 };
	snprintf(out->id, sizeof(out->id), "%s", (const char *)sqlite3_column_text(st, 0));
	out->created_at = column_text(st, 1, arena, &ok);
	out->kind = column_text(st, 2, arena, &ok);
	out->title = column_text(st, 3, arena, &ok);
	out->command = column_text(st, 4, arena, &ok);
	out->tool_version = column_text(st, 5, arena, &ok);
	out->document = column_text(st, 6, arena, &ok);
	out->rows = sqlite3_column_int64(st, 7);
	return ok;
}

bool store_list_studies(struct store *s, const char *kind, int64_t limit, struct arena *arena, const struct stored_study **rows, size_t *count,
			struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, STUDY_COLUMNS "ORDER BY study DESC LIMIT ?2", err);
	struct stored_study *found = NULL, *kept;
	size_t n = 0, capacity = 0;
	int code = SQLITE_DONE;
	bool ok = st != NULL;

	*rows = NULL;
	*count = 0;
	if (!ok)
		return false;
	bind_text(st, 1, kind);
	sqlite3_bind_int64(st, 2, limit > 0 ? limit : -1);
	while (ok && (code = sqlite3_step(st)) == SQLITE_ROW) {
		ok = (mem_grow(&found, &capacity, n + 1, sizeof(*found)) && study_read(st, arena, &found[n])) || err_memory(err);
		n += ok;
	}
	if (ok && code != SQLITE_DONE)
		ok = store_fail(s, "be read", err);
	sqlite3_finalize(st);
	kept = ok && n ? arena_alloc(arena, n * sizeof(*kept)) : NULL;
	if (kept) {
		memcpy(kept, found, n * sizeof(*kept));
		*rows = kept;
		*count = n;
	}
	mem_free(found);
	return ok && (kept || n == 0 || err_memory(err));
}

bool store_get_study(struct store *s, const char *kind, const char *name, struct arena *arena, struct stored_study *out, struct err *err)
{
	int64_t back;
	bool last = is_last(name, &back), ok;
	sqlite3_stmt *st = store_prepare(s, last ? STUDY_COLUMNS "ORDER BY study DESC LIMIT 1 OFFSET ?2" :
						   STUDY_COLUMNS "AND substr(id, 1, length(?2)) = ?2 LIMIT 2", err);

	if (!st)
		return false;
	bind_text(st, 1, kind);
	if (last)
		sqlite3_bind_int64(st, 2, back);
	else
		bind_text(st, 2, name);
	ok = sqlite3_step(st) == SQLITE_ROW;
	if (ok) {
		ok = study_read(st, arena, out);
		if (!ok)
			err_memory(err);
		else if (sqlite3_step(st) == SQLITE_ROW)
			ok = err_set(err, ERR_INPUT, "study '%s': several begin so; expected more of the id", name);
	} else {
		err_set(err, ERR_INPUT, "study '%s': there is none%s%s in %s", name, kind ? " of kind " : "", kind ? kind : "", s->path);
	}
	sqlite3_finalize(st);
	return ok;
}

bool store_put_outcome(struct store *s, const char *key, const char *tool_version, const char *outcome, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "INSERT OR REPLACE INTO outcomes VALUES(?1, datetime('now'), ?2, ?3)", err);
	bool ok;

	if (!st)
		return false;
	bind_text(st, 1, key);
	bind_text(st, 2, tool_version);
	bind_text(st, 3, outcome);
	ok = sqlite3_step(st) == SQLITE_DONE || store_fail(s, "store the outcome", err);
	sqlite3_finalize(st);
	return ok;
}

bool store_get_outcome(struct store *s, const char *key, struct arena *arena, const char **outcome, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "SELECT outcome FROM outcomes WHERE key = ?1", err);
	bool ok = true;
	int code;

	*outcome = NULL;
	if (!st)
		return false;
	bind_text(st, 1, key);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		*outcome = column_text(st, 0, arena, &ok);
	if (!ok)
		err_memory(err);
	else if (code != SQLITE_ROW && code != SQLITE_DONE)
		ok = store_fail(s, "be read", err);
	sqlite3_finalize(st);
	return ok;
}
