/* One run into the database and back. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "reports/metric.h"
#include "reports/store_private.h"

static const char *seed_input(const struct result *r)
{
	const char *seed = result_input(r, "seed");

	for (size_t i = 0; !seed && i < r->scenario_count; i++)
		if (r->scenario[i].key && text_ends(r->scenario[i].key, ".seed"))
			seed = r->scenario[i].value;
	return seed;
}

static bool put_head(struct store *s, const struct run_origin *origin, const struct result *r, sqlite3_int64 *run,
		     char id[33], struct err *err)
{
	static const char sql[] =
		"INSERT INTO runs(id, created_at, kind, title, scenario_hash, seed, tool_version, host, command,"
		" wall_s, slos_met, price_kind, series_bucket_s) VALUES(lower(hex(randomblob(16))), coalesce(?12, "
		"datetime('now')), ?1, ?2, ?3,"
		" ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING run, id";
	sqlite3_stmt *st = store_prepare(s, sql, err);
	const char *seed = seed_input(r);
	int64_t whole;
	bool ok;

	if (!st)
		return false;
	bind_text(st, 1, origin && origin->kind ? origin->kind : "run");
	bind_text(st, 2, r->title);
	bind_text(st, 3, *r->scenario_hash ? r->scenario_hash : NULL);
	if (seed && text_to_int64(seed, &whole))
		sqlite3_bind_int64(st, 4, whole);
	bind_text(st, 5, origin ? origin->tool_version : NULL);
	bind_text(st, 6, origin ? origin->host : NULL);
	bind_text(st, 7, origin ? origin->command : NULL);
	bind_number(st, 8, r->wall_s);
	if (r->slo_count)
		sqlite3_bind_int(st, 9, r->slos_met);
	bind_text(st, 10, r->price_kind);
	bind_number(st, 11, r->series ? r->series->bucket_s : NAN);
	bind_text(st, 12, origin ? origin->created_at : NULL);
	ok = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st, 1) == 32;
	if (ok) {
		*run = sqlite3_column_int64(st, 0);
		memcpy(id, sqlite3_column_text(st, 1), 33);
		ok = sqlite3_step(st) == SQLITE_DONE;
	}
	if (!ok)
		store_fail(s, "store the run", err);
	sqlite3_finalize(st);
	return ok;
}

static bool put_metrics(struct store *s, sqlite3_int64 run, const struct result *r, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "INSERT INTO run_metrics(run, name, value, unit) VALUES(?, ?, ?, ?)", err);
	bool ok = st != NULL;

	for (const struct metric *m = metrics; ok && m->path; m++) {
		sqlite3_bind_int64(st, 1, run);
		bind_text(st, 2, metric_name(m));
		bind_number(st, 3, metric_get(m, r));
		bind_text(st, 4, m->unit);
		if (sqlite3_step(st) != SQLITE_DONE)
			ok = store_fail(s, "store the run", err);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return ok;
}

/* Figures with their least and largest value over the interval of operator times; none when it was not simulated. */
static bool put_intervals(struct store *s, sqlite3_int64 run, const struct result *r, struct err *err)
{
	sqlite3_stmt *st = NULL;
	bool ok = true;
	double low, high;

	if (!r->slower)
		return true;
	st = store_prepare(s, "INSERT INTO run_intervals(run, name, low, high) VALUES(?, ?, ?, ?)", err);
	ok = st != NULL;
	for (const struct metric *m = metrics; ok && m->path; m++) {
		if (!metric_interval(m, r, &low, &high))
			continue;
		sqlite3_bind_int64(st, 1, run);
		bind_text(st, 2, metric_name(m));
		bind_number(st, 3, low);
		bind_number(st, 4, high);
		if (sqlite3_step(st) != SQLITE_DONE)
			ok = store_fail(s, "store the run", err);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return ok;
}

static bool put_cdfs(struct store *s, sqlite3_int64 run, const struct result *r, struct err *err)
{
	struct cdf_row rows[CDF_POINTS];

	if (!r->cdf_ttft_s && !r->cdf_tpot_s && !r->cdf_itl_s && !r->cdf_e2e_s)
		return true;
	for (int i = 0; i < CDF_POINTS; i++)
		rows[i] = (struct cdf_row){
			.quantile = (double)i / (CDF_POINTS - 1),
			.ttft_s = r->cdf_ttft_s ? r->cdf_ttft_s[i] : NAN,
			.tpot_s = r->cdf_tpot_s ? r->cdf_tpot_s[i] : NAN,
			.itl_s = r->cdf_itl_s ? r->cdf_itl_s[i] : NAN,
			.e2e_s = r->cdf_e2e_s ? r->cdf_e2e_s[i] : NAN,
		};
	return rows_put(s, run, &table_cdf, rows, CDF_POINTS, err);
}

static bool put_rows(struct store *s, sqlite3_int64 run, const struct result *r, struct err *err)
{
	return put_metrics(s, run, r, err) && put_intervals(s, run, r, err) &&
	       rows_put(s, run, &table_scenario, r->scenario, r->scenario_count, err) &&
	       rows_put(s, run, &table_notes, r->notes, r->note_count, err) &&
	       rows_put(s, run, &table_not_modelled, r->not_modelled, r->not_modelled_count, err) &&
	       rows_put(s, run, &table_operators, r->operators, r->operator_count, err) &&
	       rows_put(s, run, &table_memory, r->memory, r->memory_count, err) &&
	       rows_put(s, run, &table_classes, r->classes, r->class_count, err) &&
	       rows_put(s, run, &table_replicas, r->replica_rows, r->replica_count, err) &&
	       rows_put(s, run, &table_slos, r->slos, r->slo_count, err) &&
	       (!r->series || rows_put(s, run, &table_series, r->series->at, r->series->count, err)) &&
	       put_cdfs(s, run, r, err) &&
	       rows_put(s, run, &table_samples, r->samples, r->sample_count, err) &&
	       rows_put(s, run, &table_requests, r->records, r->record_count, err);
}

bool store_put_run(struct store *s, const struct run_origin *origin, struct result *r, struct err *err)
{
	sqlite3_int64 run = 0;
	char id[33];

	if (!store_exec(s, "BEGIN IMMEDIATE", "store the run", err))
		return false;
	if (!put_head(s, origin, r, &run, id, err) || !put_rows(s, run, r, err) ||
	    !store_exec(s, "COMMIT", "store the run", err)) {
		store_rollback(s);
		return false;
	}
	memcpy(r->run_id, id, sizeof(r->run_id));
	return true;
}

/* Reads the columns of `runs` that are not metrics. */
static bool get_head(struct store *s, sqlite3_int64 run, struct arena *arena, struct result *r, double *bucket_s,
		     struct err *err)
{
	sqlite3_stmt *st =
		store_prepare(s,
			      "SELECT id, scenario_hash, title, slos_met, price_kind, series_bucket_s FROM runs"
			      " WHERE run = ?",
			      err);
	const char *hash;
	bool ok = true;

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, run);
	if (sqlite3_step(st) != SQLITE_ROW) {
		sqlite3_finalize(st);
		return store_fail(s, "read the run", err);
	}
	memcpy(r->run_id, sqlite3_column_text(st, 0), 33);      /* the table's check holds it at 32 characters */
	hash = (const char *)sqlite3_column_text(st, 1);
	if (hash && strlen(hash) < sizeof(r->scenario_hash))
		strcpy(r->scenario_hash, hash);
	r->title = column_text(st, 2, arena, &ok);
	r->slos_met = sqlite3_column_int(st, 3) != 0;
	r->price_kind = column_text(st, 4, arena, &ok);
	*bucket_s = column_number(st, 5);
	sqlite3_finalize(st);
	return ok || err_memory(err);
}

static bool get_metrics(struct store *s, sqlite3_int64 run, struct result *r, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "SELECT name, value FROM run_metrics WHERE run = ?", err);
	int code;

	if (!st)
		return false;
	for (const struct metric *m = metrics; m->path; m++)
		metric_set(m, r, NAN);
	sqlite3_bind_int64(st, 1, run);
	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		const struct metric *m = name ? metric_find(name) : NULL;

		if (m)
			metric_set(m, r, column_number(st, 1));
	}
	sqlite3_finalize(st);
	return code == SQLITE_DONE || store_fail(s, "read the run", err);
}

/* The two runs of the interval as far as they were kept: their figures. */
static bool get_intervals(struct store *s, sqlite3_int64 run, struct arena *arena, struct result *r, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "SELECT name, low, high FROM run_intervals WHERE run = ?", err);
	struct result *low = NULL, *high = NULL;
	int code;

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, run);
	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		const struct metric *m = name ? metric_find(name) : NULL;

		if (!low) {
			low = arena_alloc(arena, sizeof(*low));
			high = arena_alloc(arena, sizeof(*high));
			if (!low || !high) {
				sqlite3_finalize(st);
				return err_memory(err);
			}
			*low = *high = *r;
		}
		if (m) {
			metric_set(m, low, column_number(st, 1));
			metric_set(m, high, column_number(st, 2));
		}
	}
	sqlite3_finalize(st);
	r->faster = low;
	r->slower = high;
	return code == SQLITE_DONE || store_fail(s, "read the run", err);
}

static bool get_series(struct store *s, sqlite3_int64 run, double bucket_s, struct arena *arena, struct result *r,
		       struct err *err)
{
	struct series *series;
	void *rows;
	size_t count;

	if (!rows_get(s, run, &table_series, SERIES_MOST, arena, &rows, &count, err))
		return false;
	if (isnan(bucket_s) && count == 0)
		return true;
	series = arena_alloc(arena, sizeof(*series));
	if (!series)
		return err_memory(err);
	series->bucket_s = bucket_s;
	series->count = count;
	if (count)
		memcpy(series->at, rows, count * sizeof(series->at[0]));
	r->series = series;
	return true;
}

/* A curve that is NULL throughout was not there. */
static const double *cdf_column(const struct cdf_row *rows, size_t offset, struct arena *arena, bool *ok)
{
	double *values = arena_alloc(arena, CDF_POINTS * sizeof(*values));
	bool any = false;

	if (!values) {
		*ok = false;
		return NULL;
	}
	for (int i = 0; i < CDF_POINTS; i++) {
		memcpy(&values[i], (const char *)&rows[i] + offset, sizeof(values[i]));
		any = any || !isnan(values[i]);
	}
	return any ? values : NULL;
}

static bool get_cdfs(struct store *s, sqlite3_int64 run, struct arena *arena, struct result *r, struct err *err)
{
	void *rows;
	size_t count;
	bool ok = true;

	if (!rows_get(s, run, &table_cdf, CDF_POINTS, arena, &rows, &count, err))
		return false;
	if (count != CDF_POINTS)
		return true;
	r->cdf_ttft_s = cdf_column(rows, offsetof(struct cdf_row, ttft_s), arena, &ok);
	r->cdf_tpot_s = cdf_column(rows, offsetof(struct cdf_row, tpot_s), arena, &ok);
	r->cdf_itl_s = cdf_column(rows, offsetof(struct cdf_row, itl_s), arena, &ok);
	r->cdf_e2e_s = cdf_column(rows, offsetof(struct cdf_row, e2e_s), arena, &ok);
	return ok || err_memory(err);
}

static bool get_rows(struct store *s, sqlite3_int64 run, struct arena *arena, struct result *r, struct err *err)
{
	void *rows;

#define GET(table, member, count) \
	if (!rows_get(s, run, &table, SIZE_MAX, arena, &rows, &r->count, err)) \
		return false; \
	r->member = rows
	GET(table_scenario, scenario, scenario_count);
	GET(table_notes, notes, note_count);
	GET(table_not_modelled, not_modelled, not_modelled_count);
	GET(table_operators, operators, operator_count);
	GET(table_memory, memory, memory_count);
	GET(table_classes, classes, class_count);
	GET(table_replicas, replica_rows, replica_count);
	GET(table_slos, slos, slo_count);
	GET(table_requests, records, record_count);
	GET(table_samples, samples, sample_count);
#undef GET
	return true;
}

static bool get_about(struct store *s, sqlite3_int64 run, struct arena *arena, struct stored_run *about,
		      struct err *err)
{
	struct str sql = { 0 };
	sqlite3_stmt *st;
	bool ok;

	str_addf(&sql, "SELECT %s FROM run_overview WHERE run = ?", run_overview_columns);
	st = store_prepare_built(s, &sql, err);
	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, run);
	ok = sqlite3_step(st) == SQLITE_ROW || store_fail(s, "read the run", err);
	ok = ok && (stored_run_read(st, arena, about) || err_memory(err));
	sqlite3_finalize(st);
	return ok;
}

bool store_get_run(struct store *s, const char *name, struct arena *arena, struct result *r, struct stored_run *about,
		   struct err *err)
{
	sqlite3_int64 run;
	double bucket_s = NAN;
	char id[33];
	bool ok;

	*r = (struct result){ 0 };
	/* One read transaction, so that a prune in another process cannot take the run away halfway. */
	if (!store_exec(s, "BEGIN", "read the run", err))
		return false;
	ok = store_find(s, name, &run, id, err) && get_head(s, run, arena, r, &bucket_s, err) &&
	     get_metrics(s, run, r, err) && get_rows(s, run, arena, r, err) && get_intervals(s, run, arena, r, err) &&
	     get_series(s, run, bucket_s, arena, r, err) && get_cdfs(s, run, arena, r, err) &&
	     (!about || get_about(s, run, arena, about, err));
	store_rollback(s);
	return ok;
}
