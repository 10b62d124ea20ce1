/* The tables of rows that belong to a run, described once and written and read by the same two functions. */
#include <string.h>

#include "base/mem.h"
#include "reports/store_private.h"

#define TEXT(type, member) { #member, COLUMN_TEXT, offsetof(struct type, member) }
#define NUMBER(type, member) { #member, COLUMN_NUMBER, offsetof(struct type, member) }
#define INT64(type, member) { #member, COLUMN_INT64, offsetof(struct type, member) }
#define INT32(type, member) { #member, COLUMN_INT32, offsetof(struct type, member) }
#define TABLE(id, type, sql_name) \
	const struct store_table table_##id = { sql_name, id##_columns, COUNT_OF(id##_columns), sizeof(type) }

static const struct column scenario_columns[] = {
	{ "path", COLUMN_TEXT, offsetof(struct key_value, key) }, TEXT(key_value, value),
};
TABLE(scenario, struct key_value, "run_scenario");

static const struct column notes_columns[] = { { "text", COLUMN_TEXT, 0 } };
TABLE(notes, const char *, "run_notes");

static const struct column not_modelled_columns[] = { { "text", COLUMN_TEXT, 0 } };
TABLE(not_modelled, const char *, "run_not_modelled");

static const struct column operators_columns[] = {
	TEXT(operator_row, label),    TEXT(operator_row, kind),      TEXT(operator_row, bound),
	TEXT(operator_row, provider), NUMBER(operator_row, seconds), NUMBER(operator_row, flops),
	NUMBER(operator_row, bytes),  NUMBER(operator_row, calls),   NUMBER(operator_row, rel_error),
	NUMBER(operator_row, share),
};
TABLE(operators, struct operator_row, "run_operators");

static const struct column memory_columns[] = { TEXT(memory_row, what), NUMBER(memory_row, bytes) };
TABLE(memory, struct memory_row, "run_memory");

#define DIST(n) \
	{ #n "_count", COLUMN_NUMBER, offsetof(struct class_row, n##_s.count) }, \
	{ #n "_mean_s", COLUMN_NUMBER, offsetof(struct class_row, n##_s.mean) }, \
	{ #n "_min_s", COLUMN_NUMBER, offsetof(struct class_row, n##_s.min) }, \
	{ #n "_p50_s", COLUMN_NUMBER, offsetof(struct class_row, n##_s.p50) }, \
	{ #n "_p90_s", COLUMN_NUMBER, offsetof(struct class_row, n##_s.p90) }, \
	{ #n "_p95_s", COLUMN_NUMBER, offsetof(struct class_row, n##_s.p95) }, \
	{ #n "_p99_s", COLUMN_NUMBER, offsetof(struct class_row, n##_s.p99) }, \
	{ #n "_max_s", COLUMN_NUMBER, offsetof(struct class_row, n##_s.max) }
static const struct column classes_columns[] = {
	TEXT(class_row, name),
	NUMBER(class_row, requests),
	NUMBER(class_row, completed),
	NUMBER(class_row, goodput_rps),
	DIST(ttft),
	DIST(tpot),
	DIST(e2e),
};
TABLE(classes, struct class_row, "run_classes");

static const struct column replicas_columns[] = {
	INT64(replica_row, replica),     TEXT(replica_row, pool),         INT64(replica_row, requests),
	INT64(replica_row, preemptions), NUMBER(replica_row, busy_share), NUMBER(replica_row, kv_peak),
};
TABLE(replicas, struct replica_row, "run_replicas");

static const struct column slos_columns[] = {
	TEXT(slo_row, name), NUMBER(slo_row, target_s), NUMBER(slo_row, value_s),
	{ "met", COLUMN_FLAG, offsetof(struct slo_row, met) },
};
TABLE(slos, struct slo_row, "run_slos");

#define AT(member) { #member, COLUMN_NUMBER, offsetof(struct series, at[0].member) - offsetof(struct series, at) }
static const struct column series_columns[] = {
	AT(t_s), AT(batch_size), AT(batch_tokens), AT(kv_utilization), AT(waiting), AT(running), AT(ttft_s), AT(tpot_s),
	AT(output_tokens_s), AT(arrivals_s),
};
const struct store_table table_series = { "run_series", series_columns, COUNT_OF(series_columns),
					  sizeof(((struct series *)0)->at[0]) };

static const struct column cdf_columns[] = {
	NUMBER(cdf_row, quantile), NUMBER(cdf_row, ttft_s), NUMBER(cdf_row, tpot_s),
	NUMBER(cdf_row, itl_s),    NUMBER(cdf_row, e2e_s),
};
TABLE(cdf, struct cdf_row, "run_cdf");

static const struct column requests_columns[] = {
	{ "request_id", COLUMN_INT64, offsetof(struct request_record, id) },
	NUMBER(request_record, arrival_s),
	INT64(request_record, prompt_tokens),
	INT64(request_record, output_tokens),
	INT64(request_record, cached_tokens),
	NUMBER(request_record, queue_s),
	NUMBER(request_record, ttft_s),
	NUMBER(request_record, tpot_s),
	NUMBER(request_record, e2e_s),
	INT32(request_record, replica),
	INT32(request_record, preemptions),
	INT32(request_record, class_index),
};
TABLE(requests, struct request_record, "run_requests");

static const struct column samples_columns[] = { TEXT(sample_row, name), TEXT(sample_row, unit), NUMBER(sample_row, value) };
TABLE(samples, struct sample_row, "run_samples");

static void bind_member(sqlite3_stmt *st, int index, const struct column *c, const char *row)
{
	const char *at = row + c->offset, *text;
	double number;
	int64_t wide;
	int32_t narrow;
	bool flag;

	switch (c->type) {
	case COLUMN_TEXT:
		memcpy(&text, at, sizeof(text));
		bind_text(st, index, text);
		break;
	case COLUMN_NUMBER:
		memcpy(&number, at, sizeof(number));
		bind_number(st, index, number);
		break;
	case COLUMN_INT64:
		memcpy(&wide, at, sizeof(wide));
		sqlite3_bind_int64(st, index, wide);
		break;
	case COLUMN_INT32:
		memcpy(&narrow, at, sizeof(narrow));
		sqlite3_bind_int(st, index, narrow);
		break;
	case COLUMN_FLAG:
		memcpy(&flag, at, sizeof(flag));
		sqlite3_bind_int(st, index, flag);
		break;
	}
}

static bool read_member(sqlite3_stmt *st, int index, const struct column *c, char *row, struct arena *arena)
{
	char *at = row + c->offset;
	const char *text;
	double number;
	int64_t wide;
	int32_t narrow;
	bool flag, ok = true;

	switch (c->type) {
	case COLUMN_TEXT:
		text = column_text(st, index, arena, &ok);
		memcpy(at, &text, sizeof(text));
		break;
	case COLUMN_NUMBER:
		number = column_number(st, index);
		memcpy(at, &number, sizeof(number));
		break;
	case COLUMN_INT64:
		wide = sqlite3_column_int64(st, index);
		memcpy(at, &wide, sizeof(wide));
		break;
	case COLUMN_INT32:
		narrow = sqlite3_column_int(st, index);
		memcpy(at, &narrow, sizeof(narrow));
		break;
	case COLUMN_FLAG:
		flag = sqlite3_column_int(st, index) != 0;
		memcpy(at, &flag, sizeof(flag));
		break;
	}
	return ok;
}

bool rows_put(struct store *s, sqlite3_int64 run, const struct store_table *t, const void *rows, size_t count,
	      struct err *err)
{
	struct str sql = { 0 };
	sqlite3_stmt *st;
	bool ok = true;

	if (count == 0)
		return true;
	str_addf(&sql, "INSERT INTO %s(run, position", t->name);
	for (size_t c = 0; c < t->column_count; c++)
		str_addf(&sql, ", %s", t->columns[c].name);
	str_add(&sql, ") VALUES(?, ?");
	for (size_t c = 0; c < t->column_count; c++)
		str_add(&sql, ", ?");
	str_add(&sql, ")");
	st = store_prepare_built(s, &sql, err);
	if (!st)
		return false;
	for (size_t i = 0; ok && i < count; i++) {
		sqlite3_bind_int64(st, 1, run);
		sqlite3_bind_int64(st, 2, (sqlite3_int64)i);
		for (size_t c = 0; c < t->column_count; c++)
			bind_member(st, (int)c + 3, &t->columns[c], (const char *)rows + i * t->row_bytes);
		if (sqlite3_step(st) != SQLITE_DONE)
			ok = store_fail(s, "store the run", err);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return ok;
}

static bool count_rows(struct store *s, sqlite3_int64 run, const struct store_table *t, size_t *count, struct err *err)
{
	struct str sql = { 0 };
	sqlite3_stmt *st = NULL;
	bool ok;

	str_addf(&sql, "SELECT count(*) FROM %s WHERE run = ?", t->name);
	st = store_prepare_built(s, &sql, err);
	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, run);
	ok = sqlite3_step(st) == SQLITE_ROW;
	if (ok)
		*count = (size_t)sqlite3_column_int64(st, 0);
	else
		store_fail(s, "read the run", err);
	sqlite3_finalize(st);
	return ok;
}

bool rows_get(struct store *s, sqlite3_int64 run, const struct store_table *t, size_t most, struct arena *arena,
	      void **rows, size_t *count, struct err *err)
{
	struct str sql = { 0 };
	sqlite3_stmt *st;
	size_t n = 0, total = 0;
	int code = SQLITE_ROW;
	bool ok = true;

	*rows = NULL;
	*count = 0;
	if (!count_rows(s, run, t, &total, err))
		return false;
	total = total < most ? total : most;
	if (total == 0)
		return true;
	str_add(&sql, "SELECT ");
	for (size_t c = 0; c < t->column_count; c++)
		str_addf(&sql, "%s%s", c ? ", " : "", t->columns[c].name);
	str_addf(&sql, " FROM %s WHERE run = ? ORDER BY position", t->name);
	st = store_prepare_built(s, &sql, err);
	if (!st)
		return false;
	*rows = arena_alloc(arena, total * t->row_bytes);
	if (!*rows) {
		sqlite3_finalize(st);
		return err_memory(err);
	}
	sqlite3_bind_int64(st, 1, run);
	while (ok && n < total && (code = sqlite3_step(st)) == SQLITE_ROW) {
		for (size_t c = 0; ok && c < t->column_count; c++)
			ok = read_member(st, (int)c, &t->columns[c], (char *)*rows + n * t->row_bytes, arena) ||
			     err_memory(err);
		n++;
	}
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		ok = store_fail(s, "read the run", err);
	sqlite3_finalize(st);
	*count = n;
	return ok;
}
