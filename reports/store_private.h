/* Shared by the store's sources; nothing else includes it. */
#ifndef REPORTS_STORE_PRIVATE_H
#define REPORTS_STORE_PRIVATE_H

#include <sqlite3.h>

#include "reports/store.h"

struct store {
	sqlite3 *db;
	char *path;
};

/* The last SQLite failure as one line: "PATH: cannot DOING: why". Returns false. */
bool store_fail(struct store *s, const char *doing, struct err *err);
bool store_exec(struct store *s, const char *sql, const char *doing, struct err *err);
sqlite3_stmt *store_prepare(struct store *s, const char *sql, struct err *err);
/* The same of a text that was put together, which it releases. */
sqlite3_stmt *store_prepare_built(struct store *s, struct str *sql, struct err *err);
void store_rollback(struct store *s);

/* NULL and NAN are stored as NULL. */
void bind_text(sqlite3_stmt *st, int index, const char *text);
void bind_number(sqlite3_stmt *st, int index, double value);
/* Copies a column into the arena; *ok turns false when memory runs out. */
const char *column_text(sqlite3_stmt *st, int index, struct arena *arena, bool *ok);
double column_number(sqlite3_stmt *st, int index);                    /* NAN for NULL */

/* One table of rows that belong to a run: (run, position, columns...), rows in memory being structs. */
enum column_type { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_INT64, COLUMN_INT32, COLUMN_FLAG };
struct column {
	const char *name;
	enum column_type type;
	size_t offset;
};
struct store_table {
	const char *name;
	const struct column *columns;
	size_t column_count, row_bytes;
};
bool rows_put(struct store *s, sqlite3_int64 run, const struct store_table *t, const void *rows, size_t count,
	      struct err *err);
/* Rows in the arena (NULL when none), at most `most`. */
bool rows_get(struct store *s, sqlite3_int64 run, const struct store_table *t, size_t most, struct arena *arena,
	      void **rows, size_t *count, struct err *err);

extern const struct store_table table_scenario, table_notes, table_not_modelled, table_operators, table_memory,
	table_classes, table_replicas, table_slos, table_series, table_cdf, table_requests, table_samples;

struct cdf_row {
	double quantile, ttft_s, tpot_s, itl_s, e2e_s;
};

/* Inserts the line of a study, inside a transaction of the caller. document may be NULL. */
bool study_put(struct store *s, const char *kind, const struct run_origin *origin, const char *title, const char *document,
	       sqlite3_int64 *study, char id[33], struct err *err);

/* Brings the database to the newest schema; see store_schema.c. */
bool schema_update(struct store *s, bool create, struct err *err);

/* The number and id of the run behind a name. */
bool store_find(struct store *s, const char *name, sqlite3_int64 *run, char id[33], struct err *err);
/* Row of the view run_overview. */
extern const char run_overview_columns[];
bool stored_run_read(sqlite3_stmt *st, struct arena *arena, struct stored_run *out);

#endif
