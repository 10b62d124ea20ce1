/* Validations in the database: how far predictions were from measurements, group by group. */
#include <string.h>

#include "reports/store_private.h"

static bool put_errors(struct store *s, sqlite3_int64 study, const struct validation_error *rows, size_t count,
		       struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "INSERT INTO validation_errors VALUES(?, ?, ?, ?, ?, ?, ?)", err);
	bool ok = st != NULL;

	for (size_t i = 0; ok && i < count; i++) {
		sqlite3_bind_int64(st, 1, study);
		sqlite3_bind_int64(st, 2, (sqlite3_int64)i);
		bind_text(st, 3, rows[i].name);
		sqlite3_bind_int(st, 4, rows[i].held_out);
		sqlite3_bind_int64(st, 5, (sqlite3_int64)rows[i].count);
		bind_number(st, 6, rows[i].median);
		bind_number(st, 7, rows[i].p90);
		if (sqlite3_step(st) != SQLITE_DONE)
			ok = store_fail(s, "store the validation", err);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return ok;
}

bool store_put_validation(struct store *s, const struct run_origin *origin, const char *title,
			  const struct validation_error *rows, size_t count, char id[33], struct err *err)
{
	sqlite3_int64 study = 0;
	char fresh[33];

	if (!store_exec(s, "BEGIN IMMEDIATE", "store the validation", err))
		return false;
	if (!study_put(s, "validate", origin, title, NULL, &study, fresh, err) || !put_errors(s, study, rows, count, err) ||
	    !store_exec(s, "COMMIT", "store the validation", err)) {
		store_rollback(s);
		return false;
	}
	memcpy(id, fresh, sizeof(fresh));
	return true;
}

bool store_get_validation(struct store *s, const char *id, struct arena *arena, const struct validation_error **rows, size_t *count, struct err *err)
{
	static const char sql[] = "SELECT name, held_out, count, median_abs_rel_error, p90_abs_rel_error, (SELECT count(*) FROM validation_errors e WHERE e.study = v.study)"
				  " FROM validation_errors v WHERE study = (SELECT study FROM studies WHERE id = ?) ORDER BY position";
	sqlite3_stmt *st = store_prepare(s, sql, err);
	struct validation_error *out = NULL;
	size_t n = 0, most = 0;
	bool ok = st != NULL;
	int code = SQLITE_DONE;

	*rows = NULL;
	*count = 0;
	if (ok)
		bind_text(st, 1, id);
	while (ok && (code = sqlite3_step(st)) == SQLITE_ROW) {
		if (!out && (most = (size_t)sqlite3_column_int64(st, 5)) > 0)
			out = arena_alloc(arena, most * sizeof(*out));
		if (!out || n == most)
			break;
		out[n].name = column_text(st, 0, arena, &ok);
		out[n].held_out = sqlite3_column_int(st, 1);
		out[n].count = (size_t)sqlite3_column_int64(st, 2);
		out[n].median = column_number(st, 3);
		out[n].p90 = column_number(st, 4);
		n++;
	}
	if (!ok || (code == SQLITE_ROW && !out))
		ok = st ? err_memory(err) : false;
	else if (code != SQLITE_DONE && code != SQLITE_ROW)
		ok = store_fail(s, "be read", err);
	sqlite3_finalize(st);
	*rows = out;
	*count = n;
	return ok;
}
