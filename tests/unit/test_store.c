/* The store: what goes in comes out, and no accident leaves half a run or a broken file. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <jansson.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/paths.h"
#include "reports/metric.h"
#include "reports/store_private.h"
#include "tests/unit/fake_result.h"

enum { MANY = 800 };
static struct request_record many_records[MANY];
static char folder[64], file[128];

static void begin(void)
{
	strcpy(folder, "/tmp/vibee-store-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/deep/er/runs.db", folder);
}

static void end(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static struct store *opened(void)
{
	struct err err = { 0 };
	struct store *s = store_open(file, &err);

	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static bool same_dist(const struct dist *a, const struct dist *b)
{
	return same(a->count, b->count) && same(a->mean, b->mean) && same(a->min, b->min) && same(a->p50, b->p50) &&
	       same(a->p90, b->p90) && same(a->p95, b->p95) && same(a->p99, b->p99) && same(a->max, b->max);
}

static bool same_curve(const double *a, const double *b)
{
	for (int i = 0; a && b && i < CDF_POINTS; i++)
		if (!same(a[i], b[i]))
			return false;
	return !a == !b;
}

/* Names the first member that differs; NULL when none does. */
static const char *difference(const struct result *a, const struct result *b)
{
	for (const struct metric *m = metrics; m->path; m++)
		if (!same(metric_get(m, a), metric_get(m, b)))
			return m->path;
	if (strcmp(a->run_id, b->run_id) || strcmp(a->scenario_hash, b->scenario_hash) ||
	    !text_equal(a->title, b->title) || !text_equal(a->price_kind, b->price_kind) || a->slos_met != b->slos_met)
		return "head";
	if (a->scenario_count != b->scenario_count || a->note_count != b->note_count ||
	    a->not_modelled_count != b->not_modelled_count || a->operator_count != b->operator_count ||
	    a->memory_count != b->memory_count || a->class_count != b->class_count ||
	    a->replica_count != b->replica_count || a->slo_count != b->slo_count ||
	    a->record_count != b->record_count || !a->series != !b->series)
		return "counts";
	for (size_t i = 0; i < a->scenario_count; i++)
		if (!text_equal(a->scenario[i].key, b->scenario[i].key) ||
		    !text_equal(a->scenario[i].value, b->scenario[i].value))
			return "scenario";
	for (size_t i = 0; i < a->note_count; i++)
		if (!text_equal(a->notes[i], b->notes[i]))
			return "notes";
	for (size_t i = 0; i < a->not_modelled_count; i++)
		if (!text_equal(a->not_modelled[i], b->not_modelled[i]))
			return "not_modelled";
	for (size_t i = 0; i < a->operator_count; i++) {
		const struct operator_row *x = &a->operators[i], *y = &b->operators[i];

		if (!text_equal(x->label, y->label) || !text_equal(x->kind, y->kind) ||
		    !text_equal(x->bound, y->bound) || !text_equal(x->provider, y->provider) ||
		    x->seconds != y->seconds || x->flops != y->flops || x->bytes != y->bytes || x->calls != y->calls ||
		    x->rel_error != y->rel_error || x->share != y->share)
			return "operators";
	}
	for (size_t i = 0; i < a->memory_count; i++)
		if (!text_equal(a->memory[i].what, b->memory[i].what) || a->memory[i].bytes != b->memory[i].bytes)
			return "memory";
	for (size_t i = 0; i < a->class_count; i++) {
		const struct class_row *x = &a->classes[i], *y = &b->classes[i];

		if (!text_equal(x->name, y->name) || x->requests != y->requests || x->completed != y->completed ||
		    !same(x->goodput_rps, y->goodput_rps) || !same_dist(&x->ttft_s, &y->ttft_s) ||
		    !same_dist(&x->tpot_s, &y->tpot_s) || !same_dist(&x->e2e_s, &y->e2e_s))
			return "classes";
	}
	for (size_t i = 0; i < a->replica_count; i++) {
		const struct replica_row *x = &a->replica_rows[i], *y = &b->replica_rows[i];

		if (x->replica != y->replica || x->requests != y->requests || x->preemptions != y->preemptions ||
		    x->busy_share != y->busy_share || x->kv_peak != y->kv_peak || !text_equal(x->pool, y->pool))
			return "replicas";
	}
	for (size_t i = 0; i < a->slo_count; i++)
		if (!text_equal(a->slos[i].name, b->slos[i].name) || a->slos[i].target_s != b->slos[i].target_s ||
		    a->slos[i].value_s != b->slos[i].value_s || a->slos[i].met != b->slos[i].met)
			return "slos";
	for (size_t i = 0; i < a->record_count; i++) {
		const struct request_record *x = &a->records[i], *y = &b->records[i];

		if (x->id != y->id || x->prompt_tokens != y->prompt_tokens || x->output_tokens != y->output_tokens ||
		    x->cached_tokens != y->cached_tokens || x->arrival_s != y->arrival_s || x->queue_s != y->queue_s ||
		    x->ttft_s != y->ttft_s || !same(x->tpot_s, y->tpot_s) || x->e2e_s != y->e2e_s ||
		    x->replica != y->replica || x->preemptions != y->preemptions || x->class_index != y->class_index)
			return "records";
	}
	if (a->series && (a->series->count != b->series->count || a->series->bucket_s != b->series->bucket_s))
		return "series";
	for (size_t i = 0; a->series && i < a->series->count; i++) {
		const double *x = &a->series->at[i].t_s, *y = &b->series->at[i].t_s;

		for (size_t k = 0; k < sizeof(a->series->at[0]) / sizeof(double); k++)
			if (!same(x[k], y[k]))
				return "series values";
	}
	if (!same_curve(a->cdf_ttft_s, b->cdf_ttft_s) || !same_curve(a->cdf_tpot_s, b->cdf_tpot_s) ||
	    !same_curve(a->cdf_itl_s, b->cdf_itl_s) || !same_curve(a->cdf_e2e_s, b->cdf_e2e_s))
		return "cdf";
	return NULL;
}

static const struct run_origin origin = {
	.kind = "run", .tool_version = "0.1", .host = "here", .command = "vibee-sim run"
};

static void round_trip(void)
{
	struct arena *arena = arena_new();
	struct result in, out;
	struct stored_run about;
	struct err err = { 0 };
	struct store *s;
	const char *where;

	begin();
	fake_result(&in);
	in.goodput_rps = NAN;
	in.title = "quotes ' \" and \xc3\xa4 \xe6\xbc\xa2; DROP TABLE runs; --";
	s = opened();
	CU_ASSERT_TRUE(store_put_run(s, &origin, &in, &err));
	CU_ASSERT_EQUAL(strspn(in.run_id, "0123456789abcdef"), 32);
	CU_ASSERT_TRUE(store_get_run(s, "last", arena, &out, &about, &err));
	where = difference(&in, &out);
	CU_ASSERT_PTR_NULL(where);
	if (where)
		printf("differs: %s\n", where);
	CU_ASSERT_STRING_EQUAL(about.id, in.run_id);
	CU_ASSERT_TRUE(about.has_seed && about.seed == 42);
	CU_ASSERT_STRING_EQUAL(about.command, "vibee-sim run");
	CU_ASSERT_EQUAL(about.slos_met, 0);
	CU_ASSERT_EQUAL(strlen(about.created_at), 19);

	/* The empty result: nothing is invented on the way back. */
	in = (struct result){ .goodput_rps = NAN };
	CU_ASSERT_TRUE(store_put_run(s, NULL, &in, &err));
	CU_ASSERT_TRUE(store_get_run(s, in.run_id, arena, &out, &about, &err));
	CU_ASSERT_PTR_NULL(difference(&in, &out));
	CU_ASSERT_EQUAL(about.slos_met, -1);
	CU_ASSERT_FALSE(about.has_seed);
	CU_ASSERT_STRING_EQUAL(err.text, "");
	store_close(s);
	arena_free(arena);
	end();
}

static void finds_runs(void)
{
	struct arena *arena = arena_new();
	const struct stored_run *rows;
	struct result r, got;
	struct store *s;
	struct err err = { 0 };
	char ids[20][33], id[33], prefix[33];
	size_t count;

	begin();
	s = opened();
	CU_ASSERT_FALSE(store_resolve(s, "last", id, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "holds no runs yet"));
	for (int i = 0; i < 20; i++) {
		fake_result(&r);
		r.title = i % 2 ? "Odd one" : "even one";
		snprintf(r.scenario_hash, sizeof(r.scenario_hash), "hash%d", i / 2);
		CU_ASSERT_TRUE_FATAL(
			store_put_run(s, &(struct run_origin){ .kind = i < 5 ? "search" : "run" }, &r, NULL));
		strcpy(ids[i], r.run_id);
	}
	/* The shortest start that only one id has finds it, in capitals too. */
	for (int i = 0; i < 20; i++) {
		size_t need = 1;

		for (int k = 0; k < 20; k++)
			while (k != i && strncmp(ids[i], ids[k], need) == 0)
				need++;
		snprintf(prefix, sizeof(prefix), "%.*s", (int)need, ids[i]);
		for (char *p = prefix; *p; p++)
			*p = (char)(*p >= 'a' ? *p - 'a' + 'A' : *p);
		err = (struct err){ 0 };
		CU_ASSERT_TRUE(store_resolve(s, prefix, id, &err));
		CU_ASSERT_STRING_EQUAL(id, ids[i]);
		if (need > 1) {
			prefix[need - 1] = '\0';
			CU_ASSERT_FALSE(store_resolve(s, prefix, id, &err));
			CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "more than one id"));
		}
	}
	CU_ASSERT_TRUE(store_resolve(s, "last~3", id, NULL));
	CU_ASSERT_STRING_EQUAL(id, ids[16]);
	static const char *const bad[] = { "",         "last~", "last~99",
					   "lastly",   "zz",    "00000000000000000000000000000000000",
					   "a' OR 1=1" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		err = (struct err){ 0 };
		CU_ASSERT_FALSE(store_get_run(s, bad[i], arena, &got, NULL, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	}
	snprintf(prefix, sizeof(prefix), "%.10s", ids[7]);
	prefix[5] = prefix[5] == '0' ? '1' : '0';
	err = (struct err){ 0 };
	CU_ASSERT_FALSE(store_resolve(s, prefix, id, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "nearest"));
	snprintf(prefix, sizeof(prefix), "%.12s", ids[7]);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, prefix));

	CU_ASSERT_TRUE(store_find_by_hash(s, "hash3", id, NULL));
	CU_ASSERT_STRING_EQUAL(id, ids[7]);
	CU_ASSERT_TRUE(store_find_by_hash(s, "none", id, NULL));
	CU_ASSERT_STRING_EQUAL(id, "");

	static const struct { struct store_filter filter; size_t count;
	} cases[] = {
		{ { .kind = "search" }, 5 },
		{ { .title = "oDD" }, 10 },
		{ { .scenario_hash = "hash3" }, 2 },
		{ { .limit = 3 }, 3 },
		{ { .input = "deployment.tp", .value = "4" }, 20 },
		{ { .input = "deployment.tp", .value = "8" }, 0 },
		{ { .input = "no.such" }, 0 },
		{ { .since = "2000-01-01" }, 20 },
		{ { .since = "9000-01-01" }, 0 },
		{ { .kind = "run", .title = "even", .limit = 100 }, 7 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CU_ASSERT_TRUE(store_list(s, &cases[i].filter, arena, &rows, &count, NULL));
		CU_ASSERT_EQUAL(count, cases[i].count);
	}
	CU_ASSERT_TRUE(store_list(s, NULL, arena, &rows, &count, NULL));
	CU_ASSERT_EQUAL_FATAL(count, 20);
	CU_ASSERT_STRING_EQUAL(rows[0].id, ids[19]);
	CU_ASSERT_EQUAL(rows[0].ttft_p99_s, r.ttft_s.p99);
	store_close(s);
	arena_free(arena);
	end();
}

static int64_t count_in(struct store *s, const char *table)
{
	char sql[100];
	sqlite3_stmt *st;
	int64_t n;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	st = store_prepare(s, sql, NULL);
	n = st && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	sqlite3_finalize(st);
	return n;
}

static void deletes(void)
{
	static const char *const tables[] = { "run_metrics",      "run_scenario", "run_operators", "run_memory",
					      "run_classes",      "run_replicas", "run_slos",      "run_notes",
					      "run_not_modelled", "run_series",   "run_cdf",       "run_requests" };
	struct store *s;
	struct result r;
	int64_t n;
	char id[33];

	begin();
	s = opened();
	for (int i = 0; i < 10; i++) {
		fake_result(&r);
		CU_ASSERT_TRUE_FATAL(store_put_run(s, NULL, &r, NULL));
	}
	CU_ASSERT_TRUE(store_resolve(s, "last", id, NULL));
	CU_ASSERT_TRUE(store_delete(s, "last", NULL));
	CU_ASSERT_EQUAL(count_in(s, "runs"), 9);
	CU_ASSERT_FALSE(store_delete(s, id, NULL));
	CU_ASSERT_TRUE(store_prune(s, 4, 0, true, &n, NULL));
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_EQUAL(count_in(s, "runs"), 9);
	CU_ASSERT_TRUE(store_prune(s, 0, 3600, false, &n, NULL));
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_TRUE(store_prune(s, 4, 0, false, &n, NULL));
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_EQUAL(count_in(s, "runs"), 4);
	CU_ASSERT_TRUE(store_prune(s, 0, 0, false, &n, NULL));
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		CU_ASSERT_EQUAL(count_in(s, tables[i]), 0);
	CU_ASSERT_TRUE(store_check(s, NULL));
	store_close(s);
	end();
}

static void write_file(const char *path, const char *bytes, size_t count)
{
	FILE *f = fopen(path, "wb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(bytes, 1, count, f), count);
	fclose(f);
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void refused(enum err_kind kind, const char *says)
{
	struct err err = { 0 };
	size_t before, after;
	char *old = paths_read(file, 1 << 24, &before, NULL), *now;

	CU_ASSERT_PTR_NULL(store_open(file, &err));
	CU_ASSERT_EQUAL(err.kind, kind);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, says));
	if (!strstr(err.text, says))
		printf("got: %s\n", err.text);
	CU_ASSERT_PTR_NULL(store_open_existing(file, NULL));
	now = paths_read(file, 1 << 24, &after, NULL);
	CU_ASSERT_TRUE(old && now && before == after && memcmp(old, now, after) == 0);
	mem_free(old);
	mem_free(now);
}

static void refuses_other_files(void)
{
	struct err err = { 0 };
	struct store *s;
	struct result r;
	char *bytes;
	size_t count;

	begin();
	CU_ASSERT_PTR_NULL(store_open_existing(file, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no database of runs there yet"));
	CU_ASSERT_FALSE(paths_is_file(file));
	snprintf(file, sizeof(file), "%s/other", folder);
	write_file(file,
		   "a letter to a friend, long enough to hold what SQLite reads as a header, and a little more of it\n",
		   97);
	refused(ERR_INPUT, "not a vibee-sim database");
	remove(file);
	sql(file, "CREATE TABLE friends(name)");
	refused(ERR_INPUT, "another program");
	remove(file);
	s = opened();
	fake_result(&r);
	CU_ASSERT_TRUE(store_put_run(s, NULL, &r, NULL));
	store_close(s);
	sql(file, "PRAGMA user_version = 99");
	refused(ERR_INPUT, "newer vibee-sim (schema 99)");
	sql(file, "PRAGMA user_version = 2");

	/* Damage in the middle: either an error that says so, or a run that is whole; never a crash. */
	sql(file, "PRAGMA wal_checkpoint(TRUNCATE)");
	bytes = paths_read(file, 1 << 24, &count, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	memset(bytes + 5000, 0xa5, count - 6000);
	write_file(file, bytes, count);
	mem_free(bytes);
	err = (struct err){ 0 };
	s = store_open(file, &err);
	if (s)
		CU_ASSERT_FALSE(store_check(s, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_IO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "damaged"));
	store_close(s);

	snprintf(file, sizeof(file), "%s", folder);
	err = (struct err){ 0 };
	CU_ASSERT_PTR_NULL(store_open(file, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "got a folder"));
	snprintf(file, sizeof(file), "%s/other/runs.db", folder);
	err = (struct err){ 0 };
	CU_ASSERT_PTR_NULL(store_open(file, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_IO);
	end();
}

static void records_migrations(void)
{
	struct store *s;

	begin();
	s = opened();
	CU_ASSERT_EQUAL(count_in(s, "migrations"), 5);
	store_close(s);
	s = opened();
	CU_ASSERT_EQUAL(count_in(s, "migrations"), 5);
	store_close(s);
	/* A process that died between creating the file and its tables leaves an empty database, which is taken over. */
	remove(file);
	sql(file, "PRAGMA journal_mode = WAL; PRAGMA auto_vacuum = INCREMENTAL");
	s = opened();
	CU_ASSERT_EQUAL(count_in(s, "runs"), 0);
	store_close(s);
	end();
}

/* A run with many requests, so that its transaction takes a while. */
static void large_result(struct result *r)
{
	fake_result(r);
	for (int i = 0; i < MANY; i++) {
		many_records[i] = fake_records[i % 3];
		many_records[i].id = i;
	}
	r->records = many_records;
	r->record_count = MANY;
}

static void put_many(int count)
{
	struct err err = { 0 };
	struct store *s = store_open(file, &err);
	struct result r;

	large_result(&r);
	for (int i = 0; s && i < count; i++)
		if (!store_put_run(s, NULL, &r, &err)) {
			fprintf(stderr, "child: %s\n", err.text);
			_exit(1);
		}
	_exit(s ? 0 : 2);
}

/* Every run in the file is whole. Returns how many there are. */
static size_t check_all(void)
{
	struct arena *arena = arena_new();
	const struct stored_run *rows;
	struct store *s = opened();
	struct result in, out;
	struct err err = { 0 };
	size_t count;

	CU_ASSERT_TRUE(store_check(s, &err));
	CU_ASSERT_TRUE(store_list(s, NULL, arena, &rows, &count, &err));
	large_result(&in);
	for (size_t i = 0; i < count; i++) {
		struct arena *one = arena_new();

		CU_ASSERT_TRUE(store_get_run(s, rows[i].id, one, &out, NULL, &err));
		strcpy(in.run_id, out.run_id);
		CU_ASSERT_PTR_NULL(difference(&in, &out));
		arena_free(one);
	}
	CU_ASSERT_STRING_EQUAL(err.text, "");
	store_close(s);
	arena_free(arena);
	return count;
}

static void survives_kill(void)
{
	size_t before = 0;

	begin();
	for (int round = 0; round < 8 || (before == 0 && round < 60); round++) {
		struct timespec wait = { .tv_nsec = 2000000L + 6100000L * round };
		pid_t pid = fork();
		int status;

		if (pid == 0)
			put_many(1 << 30);
		CU_ASSERT_TRUE_FATAL(pid > 0);
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		if (paths_is_file(file)) {
			size_t now = check_all();

			CU_ASSERT_TRUE(now >= before);
			before = now;
		}
	}
	CU_ASSERT_TRUE(before > 0);
	end();
}

static void many_writers(void)
{
	enum { WRITERS = 3, EACH = 8 };

	begin();
	for (int i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			put_many(EACH);
		CU_ASSERT_TRUE_FATAL(pid > 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		int status = -1;

		CU_ASSERT_TRUE(wait(&status) > 0);
		CU_ASSERT_EQUAL(status, 0);
	}
	CU_ASSERT_EQUAL(check_all(), WRITERS * EACH);
	end();
}

static void full_disk(void)
{
	struct err err = { 0 };
	struct store *s;
	struct result r;
	int stored = 0, status, whole;
	pid_t pid;

	begin();
	/* A limit on the size of the database stands for a full file system. */
	s = opened();
	CU_ASSERT_EQUAL(sqlite3_exec(s->db, "PRAGMA max_page_count = 300", NULL, NULL, NULL), SQLITE_OK);
	large_result(&r);
	strcpy(r.run_id, "before");
	while (stored < 100 && store_put_run(s, NULL, &r, &err))
		stored++;
	CU_ASSERT_EQUAL(err.kind, ERR_IO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the disk is full; nothing was changed"));
	CU_ASSERT_EQUAL(count_in(s, "runs"), stored);
	if (stored == 0)
		CU_ASSERT_STRING_EQUAL(r.run_id, "before");
	store_close(s);
	CU_ASSERT_EQUAL(check_all(), (size_t)stored);

	/* And writes that fail in the system: files of this child may not grow past a limit. */
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = { 2000000, 2000000 };
		struct err own = { 0 };
		int n = 0;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		s = store_open(file, &own);
		while (s && n < 100 && store_put_run(s, NULL, &r, &own))
			n++;
		_exit(s && own.kind == ERR_IO && n < 100 && !strchr(own.text, '\n') ? n : 255);
	}
	CU_ASSERT_TRUE_FATAL(pid > 0);
	waitpid(pid, &status, 0);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 255);
	whole = stored + WEXITSTATUS(status);
	CU_ASSERT_EQUAL(check_all(), (size_t)whole);
	end();
}

static void exports(void)
{
	struct store *s;
	struct result r;
	struct err err = { 0 };
	char path[160];
	struct csv *csv;
	json_t *root;
	double value;
	int column;

	begin();
	s = opened();
	snprintf(path, sizeof(path), "%s/none.json", folder);
	CU_ASSERT_TRUE(store_export(s, NULL, STORE_JSON, path, &err));
	root = json_load_file(path, 0, NULL);
	CU_ASSERT_TRUE(json_is_array(root) && json_array_size(root) == 0);
	json_decref(root);
	for (int i = 0; i < 3; i++) {
		fake_result(&r);
		r.title = "a \"title\", with a comma";
		CU_ASSERT_TRUE_FATAL(store_put_run(s, NULL, &r, &err));
	}
	CU_ASSERT_TRUE(store_export(s, &(struct store_filter){ .limit = 2 }, STORE_JSON, path, &err));
	root = json_load_file(path, 0, NULL);
	CU_ASSERT_EQUAL(json_array_size(root), 2);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json_array_get(root, 0), "run_id")), r.run_id);
	json_decref(root);
	snprintf(path, sizeof(path), "%s/all.csv", folder);
	CU_ASSERT_TRUE(store_export(s, NULL, STORE_CSV, path, &err));
	csv = csv_open(path, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(csv);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(csv_next(csv, &err));
		CU_ASSERT_STRING_EQUAL(csv_text(csv, csv_find(csv, "title")), r.title);
		CU_ASSERT_TRUE(csv_require(csv, "ttft_s.p99", &column, &err) && csv_number(csv, column, &value, &err));
		CU_ASSERT_EQUAL(value, r.ttft_s.p99);
		CU_ASSERT_STRING_EQUAL(csv_text(csv, csv_find(csv, "deployment.tp")), "4");
	}
	CU_ASSERT_FALSE(csv_next(csv, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "");
	csv_close(csv);
	store_close(s);
	end();
}

/* Every operation with every allocation failing in turn: an error, no leak (the sanitizer looks), no half a run. */
static void survives_no_memory(void)
{
	const struct store_filter one = { .limit = 1 };
	struct store *s = NULL;
	struct result r, got;
	bool done = false;
	size_t n = 0;

	begin();
	while (!s && n < 100) {
		struct err err = { 0 };

		mem_fail_after(++n);
		s = store_open(file, &err);
		mem_fail_after(0);
		CU_ASSERT_EQUAL(err.kind, s ? ERR_NONE : ERR_INTERNAL);
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	store_close(s);
	s = store_open(":memory:", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	fake_result(&r);
	for (n = 1; !done && n < 4000; n++) {
		struct err err = { 0 };
		struct arena *arena = arena_new();
		const struct stored_run *rows;
		int64_t before = count_in(s, "runs"), after;
		size_t count;
		bool put;

		mem_fail_after(n);
		put = store_put_run(s, &origin, &r, &err);
		done = put && store_get_run(s, "last", arena, &got, NULL, &err) &&
		       store_list(s, &one, arena, &rows, &count, &err) &&
		       store_export(s, &one, STORE_CSV, "/dev/null", &err) &&
		       store_export(s, &one, STORE_JSON, "/dev/null", &err);
		mem_fail_after(0);
		after = count_in(s, "runs");
		CU_ASSERT_EQUAL(after, before + put);
		if (!done)
			CU_ASSERT_EQUAL(err.kind, ERR_INTERNAL);
		arena_free(arena);
	}
	CU_ASSERT_TRUE(done && n > 10);
	store_close(s);
	end();
}

static void names_default_path(void)
{
	struct str path = { 0 };
	char *home = getenv("HOME") ? mem_strdup(getenv("HOME")) : NULL;

	setenv("VIBEE_SIM_DB", "x.db", 1);
	store_default_path(&path);
	CU_ASSERT_STRING_EQUAL(str_text(&path), "x.db");
	unsetenv("VIBEE_SIM_DB");
	setenv("XDG_DATA_HOME", "/d", 1);
	str_clear(&path);
	store_default_path(&path);
	CU_ASSERT_STRING_EQUAL(str_text(&path), "/d/vibee-sim/runs.db");
	unsetenv("XDG_DATA_HOME");
	setenv("HOME", "/h", 1);
	str_clear(&path);
	store_default_path(&path);
	CU_ASSERT_STRING_EQUAL(str_text(&path), "/h/.local/share/vibee-sim/runs.db");
	if (home)
		setenv("HOME", home, 1);
	mem_free(home);
	str_release(&path);
}

CU_TestInfo suite_store[] = {
	{ "a run comes back field by field", round_trip },
	{ "finds runs by prefix, last, hash and filter", finds_runs },
	{ "deletes and prunes with all rows", deletes },
	{ "refuses foreign, newer and damaged files untouched", refuses_other_files },
	{ "records its schema version", records_migrations },
	{ "kill -9 leaves whole runs only", survives_kill },
	{ "several processes write at once", many_writers },
	{ "a full disk leaves the file as it was", full_disk },
	{ "exports JSON and CSV", exports },
	{ "every allocation may fail", survives_no_memory },
	{ "default path", names_default_path },
	CU_TEST_INFO_NULL,
};
