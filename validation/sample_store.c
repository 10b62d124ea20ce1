#include "validation/sample_store.h"

#include <sqlite3.h>
#include <string.h>

#include "base/mem.h"

struct sample_store {
	sqlite3 *db;
	sqlite3_stmt *has, *put, *get;
	char *path;
};

static bool fail(struct sample_store *s, const char *doing, struct err *err)
{
	return err_set(err, ERR_IO, "%s: cannot %s: %s", s->path, doing, s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

static bool run(struct sample_store *s, const char *sql, const char *doing, struct err *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(s, doing, err);
}

static bool meta_is(struct sample_store *s, const char *key, const char *value)
{
	sqlite3_stmt *st = NULL;
	bool is = sqlite3_prepare_v2(s->db, "SELECT value = ?2 FROM meta WHERE key = ?1", -1, &st, NULL) == SQLITE_OK &&
		  sqlite3_bind_text(st, 1, key, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
		  sqlite3_bind_text(st, 2, value, -1, SQLITE_TRANSIENT) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW &&
		  sqlite3_column_int(st, 0) == 1;

	sqlite3_finalize(st);
	return is;
}

static bool meta_set(struct sample_store *s, const char *key, const char *value, struct err *err)
{
	sqlite3_stmt *st = NULL;
	bool ok = sqlite3_prepare_v2(s->db, "INSERT OR REPLACE INTO meta VALUES(?, ?)", -1, &st, NULL) == SQLITE_OK &&
		  sqlite3_bind_text(st, 1, key, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
		  sqlite3_bind_text(st, 2, value, -1, SQLITE_TRANSIENT) == SQLITE_OK && sqlite3_step(st) == SQLITE_DONE;

	sqlite3_finalize(st);
	return ok || fail(s, "be written", err);
}

static const char tables[] = "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT);"
			     "CREATE TABLE IF NOT EXISTS samples(round INTEGER NOT NULL, visit INTEGER NOT NULL, shape INTEGER NOT NULL,"
			     " sample INTEGER NOT NULL, label TEXT NOT NULL, variant TEXT NOT NULL, seconds REAL NOT NULL, pace REAL NOT NULL,"
			     " PRIMARY KEY(visit, shape, round, sample)) WITHOUT ROWID;";

static bool prepare(struct sample_store *s, struct err *err)
{
	return (sqlite3_prepare_v2(s->db, "SELECT 1 FROM samples WHERE visit = ?2 AND round = ?1 LIMIT 1", -1, &s->has, NULL) == SQLITE_OK &&
		sqlite3_prepare_v2(s->db, "INSERT INTO samples VALUES(?, ?, ?, ?, ?, ?, ?, ?)", -1, &s->put, NULL) == SQLITE_OK &&
		sqlite3_prepare_v2(s->db, "SELECT seconds, pace, round FROM samples WHERE visit = ?1 AND shape = ?2 ORDER BY round, sample", -1,
				   &s->get, NULL) == SQLITE_OK) ||
	       fail(s, "be read", err);
}

struct sample_store *sample_store_open(const char *path, const char *identity, bool fresh, struct err *err)
{
	struct sample_store *s = mem_calloc(1, sizeof(*s));
	bool ok;

	if (!s || !(s->path = mem_strdup(path))) {
		mem_free(s);
		err_memory(err);
		return NULL;
	}
	ok = sqlite3_open(path, &s->db) == SQLITE_OK || fail(s, "be opened", err);
	ok = ok && run(s, "PRAGMA synchronous = NORMAL", "be set up", err) && run(s, tables, "be set up", err);
	if (ok && (fresh || !meta_is(s, "identity", identity) || meta_is(s, "finished", "1")))
		ok = run(s, "DELETE FROM samples", "be emptied", err);
	ok = ok && meta_set(s, "identity", identity, err) && meta_set(s, "finished", "0", err) && prepare(s, err);
	if (!ok) {
		sample_store_close(s);
		return NULL;
	}
	return s;
}

void sample_store_close(struct sample_store *s)
{
	if (!s)
		return;
	sqlite3_finalize(s->has);
	sqlite3_finalize(s->put);
	sqlite3_finalize(s->get);
	sqlite3_close(s->db);
	mem_free(s->path);
	mem_free(s);
}

bool sample_store_has(struct sample_store *s, int round, size_t visit)
{
	bool has;

	sqlite3_bind_int(s->has, 1, round);
	sqlite3_bind_int64(s->has, 2, (sqlite3_int64)visit);
	has = sqlite3_step(s->has) == SQLITE_ROW;
	sqlite3_reset(s->has);
	return has;
}

bool sample_store_begin(struct sample_store *s, struct err *err)
{
	return run(s, "BEGIN", "be written", err);
}

bool sample_store_put(struct sample_store *s, int round, size_t visit, int shape, const char *label, const char *variant,
		      const struct samples *samples, struct err *err)
{
	bool ok = true;

	for (int i = 0; ok && i < samples->count; i++) {
		sqlite3_bind_int(s->put, 1, round);
		sqlite3_bind_int64(s->put, 2, (sqlite3_int64)visit);
		sqlite3_bind_int(s->put, 3, shape);
		sqlite3_bind_int(s->put, 4, i);
		sqlite3_bind_text(s->put, 5, label, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(s->put, 6, variant, -1, SQLITE_TRANSIENT);
		sqlite3_bind_double(s->put, 7, samples->seconds[i]);
		sqlite3_bind_double(s->put, 8, samples->pace[i]);
		ok = sqlite3_step(s->put) == SQLITE_DONE || fail(s, "be written", err);
		sqlite3_reset(s->put);
	}
	return ok;
}

bool sample_store_commit(struct sample_store *s, struct err *err)
{
	return run(s, "COMMIT", "be written", err);
}

bool sample_store_get(struct sample_store *s, size_t visit, int shape, struct samples *out, struct err *err)
{
	int step;

	sqlite3_bind_int64(s->get, 1, (sqlite3_int64)visit);
	sqlite3_bind_int(s->get, 2, shape);
	while ((step = sqlite3_step(s->get)) == SQLITE_ROW) {
		out->places = sqlite3_column_int(s->get, 2);
		samples_add(out, (struct sample_time){ sqlite3_column_double(s->get, 0), sqlite3_column_double(s->get, 1) });
	}
	sqlite3_reset(s->get);
	return step == SQLITE_DONE || fail(s, "be read", err);
}

bool sample_store_finish(struct sample_store *s, struct err *err)
{
	return meta_set(s, "finished", "1", err);
}
