/* Per-request CSV and timelines: exact, fast, and there whole or not at all. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <jansson.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/rng.h"
#include "reports/chrome_trace.h"
#include "reports/decimal.h"
#include "reports/outfile.h"
#include "reports/run_csv.h"
#include "tests/unit/fake_result.h"

static char folder[64], file[128];

static void begin(const char *name)
{
	strcpy(folder, "/tmp/vibee-csv-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/%s", folder, name);
}

static size_t files_left(void)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void end(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void numbers_read_back(void)
{
	static const struct { double value; const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ -1.5, "-1.5" },
		{ 0.1, "0.1" },
		{ 0.000001, "0.000001" },
		{ 123456.789, "123456.789" },
		{ 1e13, "10000000000000" },
		{ 0.5, "0.5" },
		{ 10, "10" },
		{ 1e-6, "0.000001" },
		{ 2.5e-7, "2.5e-07" },
		{ 9.99999999999999999, "10" },
		{ 0.1 + 0.2, "0.3" },
		{ NAN, "" },
		{ INFINITY, "" },
		{ -0.0, "0" },
		{ 99999999999999.9, "99999999999999.9" },
		{ 1e300, "1e+300" },
	};
	struct rng rng;
	char buf[DECIMAL_MOST + 1];
	double worst = 0;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		*decimal_number(buf, cases[i].value) = '\0';
		CU_ASSERT_STRING_EQUAL(buf, cases[i].text);
		if (strcmp(buf, cases[i].text))
			printf("got %s, expected %s\n", buf, cases[i].text);
	}
	rng_init(&rng, 1, "numbers");
	for (int i = 0; i < 300000; i++) {
		double v = exp((rng_uniform(&rng) - 0.5) * (i % 2 ? 60 : 1400)), back;

		v = i % 3 ? v : -v;
		*decimal_number(buf, v) = '\0';
		CU_ASSERT_TRUE_FATAL(strlen(buf) < DECIMAL_MOST);
		back = strtod(buf, NULL);
		worst = fmax(worst, fabs(back - v) / fabs(v));
	}
	CU_ASSERT_TRUE(worst < 6e-15);
	static const int64_t ints[] = { 0, 9, 10, 99, 100, -1, -10, 12345678901, INT64_MAX, INT64_MIN };
	for (size_t i = 0; i < COUNT_OF(ints); i++) {
		*decimal_int(buf, ints[i]) = '\0';
		CU_ASSERT_EQUAL(strtoll(buf, NULL, 10), ints[i]);
	}
}

static void check_rows(const char *path, const struct request_record *rows, size_t count)
{
	static const char *const columns[] = { "request_id", "arrival_s",  "prompt_tokens", "output_tokens",
					       "queue_s",    "ttft_s",     "tpot_s",        "e2e_s",
					       "replica",    "preemptions" };
	struct err err = { 0 };
	struct csv *csv = csv_open(path, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(csv);
	CU_ASSERT_EQUAL(csv_columns(csv), COUNT_OF(columns));
	for (size_t c = 0; c < COUNT_OF(columns); c++)
		CU_ASSERT_STRING_EQUAL(csv_column_name(csv, c), columns[c]);
	for (size_t i = 0; i < count; i++) {
		const double want[] = { (double)rows[i].id,
					rows[i].arrival_s,
					(double)rows[i].prompt_tokens,
					(double)rows[i].output_tokens,
					rows[i].queue_s,
					rows[i].ttft_s,
					rows[i].tpot_s,
					rows[i].e2e_s,
					rows[i].replica,
					rows[i].preemptions };

		CU_ASSERT_TRUE_FATAL(csv_next(csv, &err));
		for (size_t c = 0; c < COUNT_OF(want); c++) {
			double got = 0;

			if (c == 6 && rows[i].output_tokens < 2) {
				CU_ASSERT_STRING_EQUAL(csv_text(csv, (int)c), "");
				continue;
			}
			CU_ASSERT_TRUE(csv_number(csv, (int)c, &got, &err));
			CU_ASSERT_TRUE(fabs(got - want[c]) <= 1e-12 * fabs(want[c]));
		}
	}
	CU_ASSERT_FALSE(csv_next(csv, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "");
	csv_close(csv);
}

static void rows_read_back(void)
{
	static const char *const names[] = { "r.csv", "r.csv.gz" };
	enum { ROWS = 20000 };
	struct request_record *rows = mem_calloc(ROWS, sizeof(*rows));
	struct result r = { .records = rows, .record_count = ROWS };
	struct rng rng;

	CU_ASSERT_PTR_NOT_NULL_FATAL(rows);
	rng_init(&rng, 2, "rows");
	for (int64_t i = 0; i < ROWS; i++)
		rows[i] = (struct request_record){ .id = i,
						   .prompt_tokens = 1 + (int64_t)rng_below(&rng, 100000),
						   .output_tokens = 1 + (int64_t)rng_below(&rng, 4),
						   .arrival_s = (double)i * 0.37 + rng_uniform(&rng),
						   .queue_s = rng_exponential(&rng, 1e-3),
						   .ttft_s = rng_exponential(&rng, 0.3),
						   .tpot_s = rng_exponential(&rng, 0.02),
						   .e2e_s = rng_exponential(&rng, 10),
						   .replica = (int32_t)rng_below(&rng, 64),
						   .preemptions = (int32_t)rng_below(&rng, 3) };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct err err = { 0 };

		begin(names[i]);
		CU_ASSERT_TRUE(run_csv_write(file, &r, &err));
		CU_ASSERT_STRING_EQUAL(err.text, "");
		CU_ASSERT_EQUAL(files_left(), 1);
		check_rows(file, rows, ROWS);
		end();
	}
	mem_free(rows);
}

static void whole_or_not(void)
{
	struct err err = { 0 };
	struct run_csv *csv;
	struct stat st;
	char link_path[160];

	begin("r.csv");
	CU_ASSERT_TRUE(outfile_write(file, "old", 3, &err));
	chmod(file, 0640);
	csv = run_csv_open(file, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(csv);
	for (int i = 0; i < 10000; i++)
		run_csv_row(csv, &fake_records[i % 3]);
	stat(file, &st);
	CU_ASSERT_EQUAL(st.st_size, 3);
	run_csv_abandon(csv);
	stat(file, &st);
	CU_ASSERT_TRUE(st.st_size == 3 && files_left() == 1);

	/* Replaced through a link, keeping link and permissions. */
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	CU_ASSERT_EQUAL(symlink("r.csv", link_path), 0);
	CU_ASSERT_TRUE(outfile_write(link_path, "newer", 5, &err));
	CU_ASSERT_TRUE(lstat(link_path, &st) == 0 && S_ISLNK(st.st_mode));
	CU_ASSERT_TRUE(stat(file, &st) == 0 && st.st_size == 5 && (st.st_mode & 0777) == 0640 && files_left() == 2);

	/* Devices are written in place, never replaced. */
	CU_ASSERT_TRUE(outfile_write("/dev/null", "x", 1, &err));
	CU_ASSERT_TRUE(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
	CU_ASSERT_STRING_EQUAL(err.text, "");
	if (access("/dev/full", W_OK) == 0) {
		CU_ASSERT_FALSE(outfile_write("/dev/full", "x", 1, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_IO);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/dev/full: cannot be written"));
	}
	static const char *const bad[] = { "/no/such/folder/r.csv", "/tmp", "" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		err = (struct err){ 0 };
		CU_ASSERT_PTR_NULL(run_csv_open(bad[i], &err));
		CU_ASSERT_EQUAL(err.kind, ERR_IO);
	}
	end();
}

static void trace_parses(void)
{
	const struct trace_arg args[] = { { "tokens", NULL, 512 },
					  { "na\"me", "va\\lue\n\xff", 0 },
					  { "bad", NULL, NAN } };
	struct err err = { 0 };
	struct chrome_trace *t;
	json_t *root, *events, *e;
	char *text;

	begin("t.json");
	t = chrome_trace_open(file, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	chrome_trace_process(t, 0, "replica 0");
	chrome_trace_thread(t, 0, 1, "engine");
	chrome_trace_complete(t, 0, 1, "iteration", "engine", 0.25, 0.0125, args, 3);
	chrome_trace_span(t, 0, 17, "request", "request", 0.1, 2.5, args, 1);
	chrome_trace_instant(t, 0, 1, "preempted", 0.3, NULL, 0);
	chrome_trace_counter(t, 0, "load", 0.3, args, 1);
	CU_ASSERT_TRUE(chrome_trace_close(t, &err));
	text = paths_read(file, 1 << 20, NULL, &err);
	root = json_loads(text ? text : "", JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	events = json_object_get(root, "traceEvents");
	CU_ASSERT_EQUAL(json_array_size(events), 9);
	e = json_array_get(events, 4);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(e, "ph")), "X");
	CU_ASSERT_EQUAL(json_number_value(json_object_get(e, "ts")), 250000);
	CU_ASSERT_EQUAL(json_number_value(json_object_get(e, "dur")), 12500);
	CU_ASSERT_EQUAL(json_number_value(json_object_get(json_object_get(e, "args"), "tokens")), 512);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json_object_get(e, "args"), "na\"me")),
			       "va\\lue \xef\xbf\xbd");
	json_decref(root);
	mem_free(text);
	t = chrome_trace_open("/dev/null", &err);
	chrome_trace_abandon(t);
	end();
}

static void every_allocation_may_fail(void)
{
	struct result r;
	bool done = false;
	size_t n = 0;

	begin("r.csv");
	fake_result(&r);
	while (!done && n < 100) {
		struct err err = { 0 };

		mem_fail_after(++n);
		done = run_csv_write(file, &r, &err);
		mem_fail_after(0);
		CU_ASSERT_EQUAL(files_left(), done ? 1 : 0);
		CU_ASSERT_EQUAL(err.kind, done ? ERR_NONE : ERR_INTERNAL);
	}
	CU_ASSERT_TRUE(done);
	end();
}

CU_TestInfo suite_report_csv[] = {
	{ "numbers read back", numbers_read_back },
	{ "rows read back, plain and compressed", rows_read_back },
	{ "a file is whole or as it was", whole_or_not },
	{ "the timeline parses", trace_parses },
	{ "every allocation may fail", every_allocation_may_fail },
	CU_TEST_INFO_NULL,
};
