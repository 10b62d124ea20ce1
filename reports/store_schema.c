/* Opening a database and bringing its schema up to date. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "reports/store_private.h"

enum { APPLICATION_ID = 0x56424545 };  /* "VBEE", in the file's header */

/* A migration is never edited once released: a change to the schema is a new entry at the end. */
static const struct { const char *what, *sql; } migrations[] = {
	{ "first schema",
	  "CREATE TABLE migrations(version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL, what TEXT NOT NULL);"
	  "CREATE TABLE studies(study INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE CHECK(length(id) = 32),"
	  " created_at TEXT NOT NULL, kind TEXT NOT NULL, title TEXT, command TEXT);"
	  "CREATE TABLE runs(run INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE CHECK(length(id) = 32),"
	  " created_at TEXT NOT NULL, kind TEXT NOT NULL, title TEXT, scenario_hash TEXT, seed INTEGER, tool_version TEXT,"
	  " host TEXT, command TEXT, wall_s REAL, slos_met INTEGER, price_kind TEXT, series_bucket_s REAL,"
	  " study INTEGER REFERENCES studies ON DELETE SET NULL);"
	  "CREATE INDEX runs_by_hash ON runs(scenario_hash);"
	  "CREATE INDEX runs_by_study ON runs(study);"
	  "CREATE TABLE run_metrics(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL, value REAL,"
	  " unit TEXT NOT NULL, PRIMARY KEY(run, name)) WITHOUT ROWID;"
	  "CREATE TABLE run_scenario(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " path TEXT, value TEXT, PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE INDEX run_scenario_by_path ON run_scenario(path, value);"
	  "CREATE TABLE run_operators(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " label TEXT, kind TEXT, bound TEXT, provider TEXT, seconds REAL, flops REAL, bytes REAL, calls REAL,"
	  " rel_error REAL, share REAL, PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE TABLE run_memory(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " what TEXT, bytes REAL, PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE TABLE run_classes(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " name TEXT, requests REAL, completed REAL, goodput_rps REAL,"
#define DIST(n) " " n "_count REAL, " n "_mean_s REAL, " n "_min_s REAL, " n "_p50_s REAL, " n "_p90_s REAL, " n "_p95_s REAL, " \
		n "_p99_s REAL, " n "_max_s REAL,"
	  DIST("ttft") DIST("tpot") DIST("e2e")
#undef DIST
	  " PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE TABLE run_replicas(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " replica INTEGER, pool TEXT, requests INTEGER, preemptions INTEGER, busy_share REAL, kv_peak REAL,"
	  " PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE TABLE run_slos(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " name TEXT, target_s REAL, value_s REAL, met INTEGER, PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE TABLE run_notes(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " text TEXT, PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE TABLE run_not_modelled(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " text TEXT, PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE TABLE run_series(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " t_s REAL, batch_size REAL, batch_tokens REAL, kv_utilization REAL, waiting REAL, running REAL, ttft_s REAL,"
	  " tpot_s REAL, output_tokens_s REAL, arrivals_s REAL, PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE TABLE run_cdf(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " quantile REAL, ttft_s REAL, tpot_s REAL, itl_s REAL, e2e_s REAL, PRIMARY KEY(run, position)) WITHOUT ROWID;"
	  "CREATE TABLE run_requests(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " request_id INTEGER, arrival_s REAL, prompt_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER,"
	  " queue_s REAL, ttft_s REAL, tpot_s REAL, e2e_s REAL, replica INTEGER, preemptions INTEGER, class_index INTEGER,"
	  " PRIMARY KEY(run, position)) WITHOUT ROWID;"
#define METRIC(name, as) ", (SELECT value FROM run_metrics m WHERE m.run = r.run AND m.name = '" name "') AS " as
	  "CREATE VIEW run_overview AS SELECT r.run, r.id, r.created_at, r.kind, r.title, r.scenario_hash, r.seed,"
	  " r.tool_version, r.host, r.command, r.wall_s, r.slos_met"
	  METRIC("requests", "requests") METRIC("completed", "completed") METRIC("duration_s", "duration_s")
	  METRIC("request_throughput", "request_throughput") METRIC("output_throughput", "output_throughput")
	  METRIC("goodput_rps", "goodput_rps") METRIC("ttft_s.p50", "ttft_p50_s") METRIC("ttft_s.p99", "ttft_p99_s")
	  METRIC("tpot_s.p50", "tpot_p50_s") METRIC("tpot_s.p99", "tpot_p99_s") METRIC("e2e_s.p50", "e2e_p50_s")
	  METRIC("e2e_s.p99", "e2e_p99_s") METRIC("batch_size_mean", "batch_size_mean") METRIC("mfu", "mfu")
	  METRIC("mbu", "mbu") METRIC("memory.peak_bytes", "peak_bytes")
	  METRIC("cost.usd_per_1m_output_tokens", "usd_per_1m_output_tokens")
	  METRIC("energy.joules_per_output_token", "joules_per_output_token")
	  METRIC("confidence.expected_rel_error", "expected_rel_error")
	  " FROM runs r;"
#undef METRIC
	  "CREATE VIEW run_values AS SELECT r.id, r.created_at, r.title, m.name, m.value, m.unit"
	  " FROM runs r JOIN run_metrics m USING(run);"
	  "CREATE VIEW run_inputs AS SELECT r.id, r.created_at, r.title, i.path, i.value"
	  " FROM runs r JOIN run_scenario i USING(run);" },
	{ "errors of validations",
	  "CREATE TABLE validation_errors(study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,"
	  " position INTEGER NOT NULL, name TEXT NOT NULL, held_out INTEGER NOT NULL, count INTEGER NOT NULL,"
	  " median_abs_rel_error REAL, p90_abs_rel_error REAL, PRIMARY KEY(study, position)) WITHOUT ROWID;"
	  "CREATE VIEW validations AS SELECT s.id, s.created_at, s.title, v.name, v.held_out, v.count,"
	  " v.median_abs_rel_error, v.p90_abs_rel_error FROM studies s JOIN validation_errors v USING(study)"
	  " WHERE s.kind = 'validate';" },
	{ "intervals of runs",
	  "CREATE TABLE run_intervals(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL,"
	  " low REAL, high REAL, PRIMARY KEY(run, name)) WITHOUT ROWID;" },
	{ "studies with their document and rows, outcomes of candidates",
	  "ALTER TABLE studies ADD COLUMN tool_version TEXT;"
	  "ALTER TABLE studies ADD COLUMN document TEXT;"
	  "CREATE TABLE study_rows(study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " label TEXT, status TEXT, scenario_hash TEXT, metrics TEXT, PRIMARY KEY(study, position)) WITHOUT ROWID;"
	  "CREATE INDEX study_rows_by_hash ON study_rows(scenario_hash);"
	  "CREATE TABLE outcomes(key TEXT PRIMARY KEY, created_at TEXT NOT NULL, tool_version TEXT, outcome TEXT NOT NULL)"
	  " WITHOUT ROWID;" },
	{ "samples of measured runs",
	  "CREATE TABLE run_samples(run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL,"
	  " name TEXT, unit TEXT, value REAL, PRIMARY KEY(run, position)) WITHOUT ROWID;" },
};

static bool pragma_int(struct store *s, const char *sql, int *value, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, sql, err);
	bool ok = st && sqlite3_step(st) == SQLITE_ROW;

	if (ok)
		*value = sqlite3_column_int(st, 0);
	else
		store_fail(s, "be read", err);
	sqlite3_finalize(st);
	return ok;
}

/* Tells an empty file, one of ours, and everything else apart without writing to it. */
static bool identify(struct store *s, int *version, bool *empty, struct err *err)
{
	int application, tables;

	if (!pragma_int(s, "PRAGMA application_id", &application, err) ||
	    !pragma_int(s, "PRAGMA user_version", version, err) ||
	    !pragma_int(s, "SELECT count(*) FROM sqlite_master", &tables, err))
		return false;
	*empty = application == 0 && *version == 0 && tables == 0;
	if (!*empty && application != APPLICATION_ID)
		return err_set(err, ERR_INPUT, "%s: a SQLite database of another program, expected one of vibee-sim",
			       s->path);
	if (*version > (int)COUNT_OF(migrations))
		return err_set(err, ERR_INPUT,
			       "%s: written by a newer vibee-sim (schema %d), expected schema %d or older", s->path,
			       *version, (int)COUNT_OF(migrations));
	return true;
}

/* Changing the journal mode does not wait for other processes as other statements do, so it is tried for a while. */
static bool set_wal(struct store *s, struct err *err)
{
	const struct timespec pause = { .tv_nsec = 20000000 };

	for (int i = 0; i < 500; i++) {
		int code = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);

		if (code == SQLITE_OK)
			return true;
		if ((code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED)
			break;
		nanosleep(&pause, NULL);
	}
	return store_fail(s, "be set up", err);
}

static bool migrate(struct store *s, struct err *err)
{
	int version;
	bool empty;

	/* Another process may have done it since: the lock is taken first, then the version is read again. */
	if (!store_exec(s, "BEGIN IMMEDIATE", "be set up", err))
		return false;
	if (!identify(s, &version, &empty, err))
		goto fail;
	for (int v = version; v < (int)COUNT_OF(migrations); v++) {
		char sql[256];

		if (!store_exec(s, migrations[v].sql, "be set up", err))
			goto fail;
		snprintf(sql, sizeof(sql),
			 "INSERT INTO migrations VALUES(%d, datetime('now'), '%s'); PRAGMA user_version = %d;"
			 "PRAGMA application_id = %d",
			 v + 1, migrations[v].what, v + 1, APPLICATION_ID);
		if (!store_exec(s, sql, "be set up", err))
			goto fail;
	}
	if (store_exec(s, "COMMIT", "be set up", err))
		return true;
fail:
	store_rollback(s);
	return false;
}

bool schema_update(struct store *s, bool create, struct err *err)
{
	int version;
	bool empty;

	if (!identify(s, &version, &empty, err))
		return false;
	if (empty && !create)
		return err_set(err, ERR_INPUT, "%s: holds no runs yet", s->path);
	/* Pruned space goes back to the system only if this is set before the first table. */
	if (empty && !store_exec(s, "PRAGMA auto_vacuum = INCREMENTAL", "be set up", err))
		return false;
	if (version == (int)COUNT_OF(migrations))
		return true;
	if (sqlite3_db_readonly(s->db, "main") == 1)
		return err_set(err, ERR_INPUT, "%s: written by an older vibee-sim (schema %d, expected %d); `vibee-sim db list` brings it up to date",
			       s->path, version, (int)COUNT_OF(migrations));
	return set_wal(s, err) && migrate(s, err);
}

void store_sql_schema(struct str *out)
{
	for (size_t v = 0; v < COUNT_OF(migrations); v++)
		for (const char *at = migrations[v].sql; *at;) {
			size_t n = strcspn(at, ";");

			str_add_bytes(out, at, n);
			str_add(out, ";\n");
			at += n + (at[n] == ';');
		}
}
