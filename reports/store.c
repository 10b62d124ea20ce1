#include "reports/store.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/paths.h"
#include "reports/store_private.h"

enum { BUSY_MS = 20000 };

bool store_fail(struct store *s, const char *doing, struct err *err)
{
	const char *why = sqlite3_errmsg(s->db);

	switch (sqlite3_errcode(s->db) & 0xff) {
	case SQLITE_NOTADB:
		return err_set(err, ERR_INPUT, "%s: not a vibee-sim database, expected a SQLite file", s->path);
	case SQLITE_CORRUPT:
		return err_set(err, ERR_IO,
			       "%s: cannot %s: the file is damaged (%s); `sqlite3 FILE .recover` may save it", s->path,
			       doing, why);
	case SQLITE_FULL:
		return err_set(err, ERR_IO, "%s: cannot %s: the disk is full; nothing was changed", s->path, doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_IO, "%s: cannot %s: another program held it locked for %d s", s->path, doing,
			       BUSY_MS / 1000);
	case SQLITE_NOMEM:
		return err_memory(err);
	case SQLITE_IOERR:
		return err_set(err, ERR_IO, "%s: cannot %s: %s (%s)", s->path, doing, why,
			       sqlite3_system_errno(s->db) ? strerror(sqlite3_system_errno(s->db)) : "no reason given");
	default:
		return err_set(err, ERR_IO, "%s: cannot %s: %s", s->path, doing, why);
	}
}

bool store_exec(struct store *s, const char *sql, const char *doing, struct err *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || store_fail(s, doing, err);
}

sqlite3_stmt *store_prepare(struct store *s, const char *sql, struct err *err)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
		store_fail(s, "be read", err);
	return st;
}

sqlite3_stmt *store_prepare_built(struct store *s, struct str *sql, struct err *err)
{
	sqlite3_stmt *st = NULL;

	if (sql->failed)
		err_memory(err);
	else
		st = store_prepare(s, sql->text, err);
	str_release(sql);
	return st;
}

void store_rollback(struct store *s)
{
	/* A full disk or an I/O error may have ended the transaction already; then there is nothing to undo. */
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

void bind_text(sqlite3_stmt *st, int index, const char *text)
{
	sqlite3_bind_text(st, index, text, -1, SQLITE_STATIC);
}

void bind_number(sqlite3_stmt *st, int index, double value)
{
	if (isnan(value))
		sqlite3_bind_null(st, index);
	else
		sqlite3_bind_double(st, index, value);
}

const char *column_text(sqlite3_stmt *st, int index, struct arena *arena, bool *ok)
{
	const char *text = (const char *)sqlite3_column_text(st, index);

	if (!text) {
		/* NULL for a stored NULL, but also when SQLite had no memory to hand the text out. */
		if (sqlite3_column_type(st, index) != SQLITE_NULL)
			*ok = false;
		return NULL;
	}
	text = arena_strdup(arena, text);
	if (!text)
		*ok = false;
	return text;
}

double column_number(sqlite3_stmt *st, int index)
{
	return sqlite3_column_type(st, index) == SQLITE_NULL ? NAN : sqlite3_column_double(st, index);
}

void store_default_path(struct str *out)
{
	const char *named = getenv("VIBEE_SIM_DB"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (named && *named)
		str_add(out, named);
	else if (data && *data == '/')         /* the XDG base directory rules: a relative path is to be ignored */
		str_addf(out, "%s/vibee-sim/runs.db", data);
	else if (home && *home)
		str_addf(out, "%s/.local/share/vibee-sim/runs.db", home);
	else
		str_add(out, "vibee-sim.db");
}

static bool make_folders(const char *path, struct err *err)
{
	char *copy = mem_strdup(path);
	bool ok = true;

	if (!copy)
		return err_memory(err);
	for (char *slash = strchr(copy + 1, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0777) != 0 && errno != EEXIST && !paths_is_folder(copy))
			ok = err_set(err, ERR_IO, "%s: the folder %s cannot be made: %s", path, copy, strerror(errno));
		*slash = '/';
	}
	mem_free(copy);
	return ok;
}

enum open_mode { OPEN_READING, OPEN_EXISTING, OPEN_CREATING };

static struct store *open_mode(const char *path, enum open_mode mode, struct err *err)
{
	struct store *s = mem_calloc(1, sizeof(*s));
	bool create = mode == OPEN_CREATING;
	int flags = mode == OPEN_READING ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);

	if (!s || !(s->path = mem_strdup(path))) {
		err_memory(err);
		goto fail;
	}
	if (strcmp(path, ":memory:") != 0) {
		if (!create && !paths_is_file(path)) {
			err_set(err, ERR_INPUT, "%s: no database of runs there yet; `vibee-sim run` makes one", path);
			goto fail;
		}
		if (create && *path && !make_folders(path, err))
			goto fail;
	}
	if (!*path || paths_is_folder(path)) {
		err_set(err, ERR_INPUT, "%s: expected a database file%s", *path ? path : "\"\"",
			*path ? ", got a folder" : "");
		goto fail;
	}
	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
		if (s->db)
			store_fail(s, "be opened", err);
		else
			err_memory(err);
		goto fail;
	}
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	/* In WAL mode synchronous=NORMAL survives any crash of the process; a power cut may lose the newest runs, whole. */
	if (!store_exec(s, "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA synchronous = NORMAL",
			"be opened", err) ||
	    !schema_update(s, create, err))
		goto fail;
	return s;
fail:
	store_close(s);
	return NULL;
}

struct store *store_open(const char *path, struct err *err)
{
	return open_mode(path, OPEN_CREATING, err);
}

struct store *store_open_existing(const char *path, struct err *err)
{
	return open_mode(path, OPEN_EXISTING, err);
}

struct store *store_open_reading(const char *path, struct err *err)
{
	return open_mode(path, OPEN_READING, err);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	mem_free(s->path);
	mem_free(s);
}

const char *store_path(const struct store *s)
{
	return s->path;
}

bool store_check(struct store *s, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "PRAGMA integrity_check(1)", err);
	const char *answer;
	bool ok;

	if (!st)
		return false;
	if (sqlite3_step(st) != SQLITE_ROW) {
		ok = store_fail(s, "be checked", err);
	} else {
		answer = (const char *)sqlite3_column_text(st, 0);
		ok = answer && strcmp(answer, "ok") == 0;
		if (!ok)
			err_set(err, ERR_IO, "%s: damaged: %s", s->path, answer ? answer : "out of memory");
	}
	sqlite3_finalize(st);
	return ok;
}
