/* Validations in the database: how far predictions were from measurements, group by group. */
#include <string.h>

#include "reports/store_private.h"

static bool put_study(struct store *s, const struct run_origin *origin, const char *title, sqlite3_int64 *study,
		      char id[33], struct err *err)
{
	static const char sql[] = "INSERT INTO studies(id, created_at, kind, title, command) VALUES("
				  "lower(hex(randomblob(16))), coalesce(?1, datetime('now')), 'validate', ?2, ?3)"
				  " RETURNING study, id";
	sqlite3_stmt *st = store_prepare(s, sql, err);
	bool ok;

	if (!st)
		return false;
	bind_text(st, 1, origin ? origin->created_at : NULL);
	bind_text(st, 2, title);
	bind_text(st, 3, origin ? origin->command : NULL);
	ok = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st, 1) == 32;
	if (ok) {
		*study = sqlite3_column_int64(st, 0);
		memcpy(id, sqlite3_column_text(st, 1), 33);
		ok = sqlite3_step(st) == SQLITE_DONE;
	}
	if (!ok)
		store_fail(s, "store the validation", err);
	sqlite3_finalize(st);
	return ok;
}

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
	if (!put_study(s, origin, title, &study, fresh, err) || !put_errors(s, study, rows, count, err) ||
	    !store_exec(s, "COMMIT", "store the validation", err)) {
		store_rollback(s);
		return false;
	}
	memcpy(id, fresh, sizeof(fresh));
	return true;
}
