#include <string.h>

#include <CUnit/CUnit.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "tests/unit/scratch.h"

static void splitting(void)
{
	static const struct { const char *line, *joined; } cases[] = {
		{ "", "" }, { "a", "a" }, { "a,b", "a|b" }, { ",", "|" }, { "a,,c", "a||c" }, { "a,", "a|" }, { "\"a\"", "a" },
		{ "\"a,b\",c", "a,b|c" }, { "\"a\"\"b\",c", "a\"b|c" }, { "\"\",x", "|x" }, { "\"\"\"\"", "\"" }, { "\"a\"b,c", "ab|c" },
		{ "a\"b,c", "a\"b|c" }, { "\"open,c", "open,c" }, { " a , b ", " a | b " }, { "\"\"\"a\"\"\",", "\"a\"|" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char line[64], *fields[8];
		struct str joined = { 0 };
		size_t n;

		strcpy(line, cases[i].line);
		n = csv_split(line, fields, COUNT_OF(fields));
		for (size_t k = 0; k < n; k++)
			str_addf(&joined, "%s%s", k ? "|" : "", fields[k]);
		SAME_TEXT(str_text(&joined), cases[i].joined);
		str_release(&joined);
	}
}

static void stores_at_most_max(void)
{
	char line[] = "a,b,c,d", *fields[3] = { NULL, NULL, NULL };

	CU_ASSERT_EQUAL(csv_split(line, fields, 2), 4);
	SAME_TEXT(fields[1], "b");
	CU_ASSERT_PTR_NULL(fields[2]);
}

/* What csv_quote writes is read back, for any text without line ends. */
static void quoting_round_trips(void)
{
	static const char alphabet[] = "ab ,\"\"#;'\t|";
	struct rng r;

	rng_init(&r, 3, "csv");
	for (int i = 0; i < 5000; i++) {
		char cells[3][8] = { "", "", "" }, *fields[4], *line;
		struct str out = { 0 };

		for (int c = 0; c < 3; c++) {
			size_t n = rng_below(&r, 7);

			for (size_t k = 0; k < n; k++)
				cells[c][k] = alphabet[rng_below(&r, sizeof(alphabet) - 1)];
			str_add(&out, c ? "," : "");
			csv_quote(&out, cells[c]);
		}
		line = out.text;
		if (line[0] == '#')
			CU_FAIL("would be read as a comment");
		CU_ASSERT_EQUAL_FATAL(csv_split(line, fields, 4), 3);
		for (int c = 0; c < 3; c++)
			SAME_TEXT(fields[c], cells[c]);
		str_release(&out);
	}
}

static void reads_by_name(void)
{
	char path[SCRATCH_PATH];
	struct err err = { 0 };
	struct csv *c = csv_open(scratch_text(path, "good.csv", "\xef\xbb\xbf# made by hand\r\n\r\n Name ,tokens,\"rate, 1/s\"\r\n"
			"a, 64k ,1.5\r\n\r\n# a remark\r\n\"b\"\"c\",7\r\n"), &err);
	int name, tokens, rate;
	int64_t whole;
	double v;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(csv_columns(c), 3);
	SAME_TEXT(csv_column_name(c, 0), "Name");
	SAME_TEXT(csv_column_name(c, 3), "");
	CU_ASSERT_TRUE(csv_require(c, "name", &name, &err));
	CU_ASSERT_TRUE(csv_require(c, "TOKENS", &tokens, &err));
	CU_ASSERT_TRUE(csv_require(c, "rate, 1/s", &rate, &err));
	CU_ASSERT_EQUAL(csv_find(c, "absent"), -1);
	SAME_TEXT(csv_text(c, name), "");
	CU_ASSERT_TRUE(csv_next(c, &err));
	CU_ASSERT_EQUAL(csv_line(c), 4);
	SAME_TEXT(csv_text(c, name), "a");
	CU_ASSERT_TRUE(csv_int(c, tokens, &whole, &err));
	CU_ASSERT_EQUAL(whole, 64000);
	CU_ASSERT_TRUE(csv_number(c, rate, &v, &err));
	CU_ASSERT_EQUAL(v, 1.5);
	CU_ASSERT_TRUE(csv_next(c, &err));
	CU_ASSERT_EQUAL(csv_line(c), 7);
	SAME_TEXT(csv_text(c, name), "b\"c");
	SAME_TEXT(csv_text(c, rate), "");               /* a short record */
	SAME_TEXT(csv_text(c, -1), "");
	SAME_TEXT(csv_text(c, 99), "");
	CU_ASSERT_FALSE(csv_next(c, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_NONE);
	SAME_TEXT(csv_text(c, name), "");
	SAME_TEXT(csv_path(c), path);
	csv_close(c);
	csv_close(NULL);
	remove(path);
}

/* Opens, requires column "tokens", reads every record's tokens; the error's text behind the folder part. */
static void complaint(const char *path, char out[600])
{
	struct err err = { 0 };
	struct csv *c = csv_open(path, &err);
	int64_t whole;
	int column;
	char *at;

	if (c && csv_require(c, "tokens", &column, &err))
		while (csv_next(c, &err) && csv_int(c, column, &whole, &err))
			;
	csv_close(c);
	at = strstr(err.text, "bad.csv");
	snprintf(out, 600, "%s", at ? at : err.text);
	CU_ASSERT(err.kind == ERR_NONE || err.kind == ERR_INPUT);
}

static void complaints(void)
{
	static const struct { const char *bytes; size_t length; const char *says; } cases[] = {
		{ "", 0, "bad.csv:1: empty file, expected a header line with column names" },
		{ "\n# only this\n", 13, "bad.csv:1: empty file, expected a header line with column names" },
		{ "#x\na,tokenz\n", 12, "bad.csv:2: no column 'tokens'; did you mean 'tokenz'?" },
		{ "time,cost\n", 10, "bad.csv:1: no column 'tokens'; the header is 'time,cost'" },
		{ "a,tokens\n1,x\n", 13, "bad.csv:2: tokens=\"x\": expected a whole number" },
		{ "a,tokens\n1,2\n\n1,\n", 17, "bad.csv:4: tokens=\"\": expected a whole number" },
		{ "a,tokens\n1\n", 11, "bad.csv:2: tokens=\"\": expected a whole number" },
		{ "tokens\n1.5\n", 11, "bad.csv:2: tokens=\"1.5\": expected a whole number" },
		{ "tokens\n1,2\n", 11, "bad.csv:2: 2 cells, expected 1 as in the header" },
		{ "tokens\n1\0" "2\n", 11, "bad.csv:2: a NUL byte, expected text (UTF-8)" },
		{ "tokens\n\0\n", 9, "bad.csv:2: a NUL byte, expected text (UTF-8)" },
		{ "tok\0ens\n1\n", 10, "bad.csv:1: a NUL byte, expected text (UTF-8)" },
		{ "tokens\n\"1\n2\"\n", 13, "bad.csv:2: a quoted cell is not closed on its line, expected one record a line" },
		{ "\"tokens\n1\n", 10, "bad.csv:1: a quoted cell is not closed on its line, expected one record a line" },
		{ "tokens\nnan\n", 11, "bad.csv:2: tokens=\"nan\": expected a whole number" },
		{ "tokens\n1\n", 9, "" },
	};
	char path[SCRATCH_PATH], got[600];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		complaint(scratch_bytes(path, "bad.csv", cases[i].bytes, cases[i].length), got);
		SAME_TEXT(got, cases[i].says);
		remove(path);
	}
}

static void a_million_columns(void)
{
	enum { COMMAS = 1000000 };
	char path[SCRATCH_PATH], got[600], *big = mem_alloc(COMMAS + 16);

	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	memset(big, ',', COMMAS);
	big[COMMAS] = '\n';
	complaint(scratch_bytes(path, "bad.csv", big, COMMAS + 1), got);
	SAME_TEXT(got, "bad.csv:1: 1000001 cells, expected at most 512");
	memcpy(big, "tokens\n", 7);
	complaint(scratch_bytes(path, "bad.csv", big, COMMAS + 1), got);
	SAME_TEXT(got, "bad.csv:2: 999994 cells, expected at most 512");
	mem_free(big);
	remove(path);
}

static void headless(void)
{
	char path[SCRATCH_PATH];
	struct err err = { 0 };
	struct csv *c = csv_open_headless(scratch_text(path, "plain.csv", "1,2\n3\n4,5,x\n"), &err);
	static const double first[] = { 1, 3, 4 };
	double v;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(csv_next(c, &err));
		CU_ASSERT_TRUE(csv_number(c, 0, &v, &err));
		CU_ASSERT_EQUAL(v, first[i]);
	}
	CU_ASSERT_FALSE(csv_number(c, 2, &v, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "plain.csv:3: value=\"x\": expected a number"));
	csv_close(c);
	remove(path);
}

static void survives_lack_of_memory(void)
{
	char path[SCRATCH_PATH];
	bool done = false;

	scratch_text(path, "memory.csv", "a,b\n1,2\n");
	for (size_t n = 1; n < 30 && !done; n++) {
		struct err err = { 0 };
		struct csv *c;
		int column = 0;

		mem_fail_after(n);
		c = csv_open(path, &err);
		if (c && csv_require(c, "b", &column, &err))
			while (csv_next(c, &err))
				;
		mem_fail_after(0);
		csv_close(c);
		done = err.kind == ERR_NONE;
		if (!done)
			SAME_TEXT(err.text, "out of memory");
	}
	CU_ASSERT_TRUE(done);
	remove(path);
}

CU_TestInfo suite_csv[] = {
	{ "splitting and quotes", splitting },
	{ "no more fields than there is room for", stores_at_most_max },
	{ "quoted text is read back", quoting_round_trips },
	{ "BOM, CRLF, comments, blank lines, short records", reads_by_name },
	{ "what it says about bad files", complaints },
	{ "a million columns", a_million_columns },
	{ "no header", headless },
	{ "lack of memory", survives_lack_of_memory },
	CU_TEST_INFO_NULL
};
