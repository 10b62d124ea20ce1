/* Trace readers: every format told by its content, every row counted, every bad cell named. */
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "tests/unit/scratch.h"
#include "workloads/trace.h"

#define DATA "tests/data/traces/"

struct totals {
	int64_t rows, prompt, output;
	double first_s, last_s;
	struct source_counts counts;
	struct err err;
	int format;
};

static struct totals read_all(const char *path, int format)
{
	struct trace_options options = { .format = format, .qps = NAN };
	struct totals t = { 0 };
	struct trace *trace = trace_open(path, &options, &t.err);
	struct trace_row row;

	if (!trace)
		return t;
	t.format = trace_format_of(trace);
	while (trace_next(trace, &row, &t.err)) {
		if (t.rows++ == 0)
			t.first_s = row.arrival_s;
		t.last_s = row.arrival_s;
		t.prompt += row.prompt_tokens;
		t.output += row.output_tokens;
	}
	trace_counts(trace, &t.counts);
	trace_close(trace);
	return t;
}

static void reads_every_format(void)
{
	static const struct {
		const char *file, *format;
		int64_t rows, dropped, prompt, output;
		double first_s, last_s;
	} cases[] = {
		{ "azure.csv", "azure", 3, 1, 1600, 210, 0, 4.5400001 },
		{ "azure_zone.csv", "azure", 2, 0, 300, 30, 0, 0.75 },
		{ "burstgpt.csv", "burstgpt", 2, 2, 900, 300, 7, 40.5 },
		{ "vidur.csv", "vidur", 2, 0, 5000, 200, NAN, NAN },
		{ "vidur_times.csv", "vidur", 2, 0, 760, 150, 0, 4.25 },
		{ "blis.csv", "blis", 3, 0, 900, 90, 0, 1 },
		{ "splitwise.csv", "splitwise", 2, 0, 1536, 96, 0.1, 0.6 },
		{ "plain.csv", "csv", 4, 0, 1200, 100, 0.5, 2.5 },
		{ "mooncake.jsonl", "mooncake", 3, 0, 3200, 60, 0, 3 },
		{ "mooncake_sessions.jsonl", "mooncake", 4, 0, 3584, 32, 0, NAN },
		{ "qwen.jsonl", "qwen", 3, 0, 176, 18, 0.5, 12 },
		{ "apex.jsonl", "apex", 2, 0, 800, 2600, 3.75, 4.5 },
		{ "aibrix.jsonl", "aibrix", 3, 0, 600, 60, 0, 2.5 },
		{ "llmservingsim.jsonl", "llmservingsim", 2, 0, 49, 9, 0.001, 0.002 },
		{ "llmservingsim_agents.jsonl", "llmservingsim", 4, 0, 650, 65, 1, 1.5 },
		{ "distserve.json", "distserve", 2, 0, 30, 7, 0, 0.25 },
		{ "vllm.json", "vllm", 2, 1, 400, 40, 0, 0.25 },
		/* 34 and 15 bytes at 4 a token; the third conversation carries its own counts */
		{ "sharegpt.json", "sharegpt", 2, 1, 9 + 7, 5 + 3, NAN, NAN },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[SCRATCH_PATH];
		struct totals t;

		snprintf(path, sizeof(path), DATA "%s", cases[i].file);
		t = read_all(path, TRACE_AUTO);
		SAME_TEXT(t.err.text, "");
		SAME_TEXT(trace_format_names[t.format], cases[i].format);
		TRUE_FOR(path, t.rows == cases[i].rows);
		TRUE_FOR(path, t.prompt == cases[i].prompt);
		TRUE_FOR(path, t.output == cases[i].output);
		TRUE_FOR(path, t.counts.rows_dropped == cases[i].dropped);
		TRUE_FOR(path, t.counts.rows_read == t.counts.rows_kept + t.counts.rows_dropped);
		TRUE_FOR(path, isnan(cases[i].first_s) || fabs(t.first_s - cases[i].first_s) < 1e-12);
		TRUE_FOR(path, isnan(cases[i].last_s) || fabs(t.last_s - cases[i].last_s) < 1e-12);
	}
}

static void drops_have_reasons(void)
{
	struct totals t = read_all(DATA "burstgpt.csv", TRACE_burstgpt);

	CU_ASSERT_EQUAL_FATAL(t.counts.dropped_reasons, 2);
	SAME_TEXT(t.counts.dropped[0].reason, "zero output tokens");
	SAME_TEXT(t.counts.dropped[1].reason, "zero prompt tokens");
	CU_ASSERT_EQUAL(t.counts.dropped[0].count, 1);
	CU_ASSERT_EQUAL(t.counts.dropped[1].count, 1);
}

static void details_of_rows(void)
{
	struct err err = { 0 };
	struct trace_options options = { .qps = NAN };
	struct trace *t = trace_open(DATA "plain.csv", &options, &err);
	struct trace_row rows[4] = { 0 };
	uint64_t first[2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_TRUE(trace_next(t, &rows[i], &err));
	CU_ASSERT_EQUAL(rows[0].priority, 1);
	CU_ASSERT_EQUAL(rows[0].adapter, -1);
	CU_ASSERT_EQUAL(rows[1].adapter, 3);
	CU_ASSERT_EQUAL(rows[0].session, 0);
	CU_ASSERT(rows[2].session != 0 && rows[2].session == rows[3].session);
	CU_ASSERT_EQUAL(rows[3].turn, 1);
	SAME_TEXT(trace_class_name(t, rows[1].class_index), "batch");
	SAME_TEXT(trace_class_name(t, rows[3].class_index), "interactive");
	trace_close(t);

	t = trace_open(DATA "blis.csv", &options, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_TRUE(trace_has_blocks(t));
	CU_ASSERT_TRUE(trace_next(t, &rows[0], &err));
	CU_ASSERT_EQUAL_FATAL(rows[0].block_count, 4); /* 64 tokens in blocks of 16 */
	first[0] = rows[0].blocks[0];
	first[1] = rows[0].blocks[1];
	CU_ASSERT_TRUE(trace_next(t, &rows[1], &err));
	CU_ASSERT_EQUAL(rows[1].blocks[0], first[0]);
	CU_ASSERT_NOT_EQUAL(first[0], first[1]);
	CU_ASSERT_TRUE(trace_next(t, &rows[2], &err));
	CU_ASSERT_EQUAL(rows[2].turn, 1);
	trace_close(t);

	t = trace_open(DATA "qwen.jsonl", &options, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(trace_next(t, &rows[i], &err));
		CU_ASSERT_EQUAL(rows[i].turn, i);
		CU_ASSERT_EQUAL(rows[i].session, rows[0].session);
		CU_ASSERT_EQUAL(rows[i].block_tokens, 16);
	}
	trace_close(t);
}

/* Identifiers are whole numbers of any length; equal ones name equal blocks. */
static void long_identifiers(void)
{
	struct trace_options options = { .qps = NAN };
	struct trace_row row;
	struct err err = { 0 };
	char path[SCRATCH_PATH];
	struct trace *t;

	scratch_text(path, "trace", "{\"timestamp\": 0, \"input_length\": 2048, \"output_length\": 1, "
				    "\"hash_ids\": [8777777777777777777777, 8777777777777777777778, 8777777777777777777777, -1e300]}\n");
	t = trace_open(path, &options, &err);
	SAME_TEXT(err.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_TRUE_FATAL(trace_next(t, &row, &err));
	CU_ASSERT_EQUAL_FATAL(row.block_count, 4);
	CU_ASSERT_EQUAL(row.blocks[0], row.blocks[2]);
	CU_ASSERT_NOT_EQUAL(row.blocks[0], row.blocks[1]);
	CU_ASSERT_NOT_EQUAL(row.blocks[0], row.blocks[3]);
	trace_close(t);
	remove(path);
}

/* The same rows whatever the packing: CRLF, byte order mark, quotes, gzip, no newline at the end. */
static void packings_agree(void)
{
	static const char plain[] = "arrival_s,prompt_tokens,output_tokens\n0,10,1\n1.5,20,2\n2,30,3\n";
	static const char *const variants[] = {
		plain,
		"arrival_s,prompt_tokens,output_tokens\r\n0,10,1\r\n1.5,20,2\r\n2,30,3",
		"\xef\xbb\xbf"
		"arrival_s,prompt_tokens,output_tokens\n0,10,1\n\n1.5,20,2\n2,30,3\n",
		"\"arrival_s\",\"prompt_tokens\",note,\"output_tokens\"\n\"0\",10,\"a, "
		"\"\"b\"\"\",\"1\"\n1.5,\"20\",,2\n2,30,x,3\n",
		"# made by hand\noutput_tokens, prompt_tokens ,Arrival_S\n1,10,0\n2,20.0,1.5\n3,30,2.0e0\n",
		"{\"timestamp\": 0, \"input_length\": 10, \"output_length\": "
		"1}\n\n{\"timestamp\":1500,\"input_length\":20,\"output_length\":2}\r\n"
		"{\"timestamp\": 2000.0, \"output_length\": 3, \"extra\": {\"a\": [1, \"}\"]}, \"input_length\": 30}",
	};
	char path[SCRATCH_PATH];
	gzFile gz;

	for (size_t i = 0; i <= sizeof(variants) / sizeof(variants[0]); i++) {
		struct totals t;

		if (i < sizeof(variants) / sizeof(variants[0])) {
			scratch_text(path, "trace", variants[i]);
		} else {
			gz = gzopen(scratch_path(path, "trace"), "wb");
			CU_ASSERT_PTR_NOT_NULL_FATAL(gz);
			CU_ASSERT_EQUAL(gzwrite(gz, plain, sizeof(plain) - 1), (int)sizeof(plain) - 1);
			gzclose(gz);
		}
		t = read_all(path, TRACE_AUTO);
		SAME_TEXT(t.err.text, "");
		TRUE_FOR(path, t.rows == 3 && t.prompt == 60 && t.output == 6);
		TRUE_FOR(path, t.first_s == 0 && t.last_s == 2);
		remove(path);
	}
}

static void refuses_bad_files(void)
{
	static const char head[] = "arrival_s,prompt_tokens,output_tokens\n";
	static const struct {
		const char *rows, *says;
		bool alone;
	} cases[] = {
		{ "", "empty file", true },
		{ "a,b,c\n1,2,3\n", ":1: no known trace has the columns \"a,b,c\"", true },
		{ "hello\n", "no known trace format", true },
		{ "arrival_s,prompt_tokens\n1,2\n", "no known trace has the columns", true },
		{ "0,x,1\n", ":2: prompt_tokens=\"x\": expected a whole number of tokens", false },
		{ "0,1,1\n1,-5,1\n", ":3: prompt_tokens=\"-5\"", false },
		{ "0,1,1\n1,nan,1\n", ":3: prompt_tokens=\"nan\"", false },
		{ "0,1,1\n1,2.5,1\n", ":3: prompt_tokens=\"2.5\"", false },
		{ "0,1,1\n1,2,\n", ":3: output_tokens=\"\"", false },
		{ "0,1,1\n1,2\n", ":3: output_tokens=\"\"", false },
		{ "0,1,99999999999999999999\n", "output_tokens=\"99999999999999999999\"", false },
		{ "inf,1,1\n", ":2: arrival_s=\"inf\": expected a time", false },
		{ "-1,1,1\n", ":2: arrival_s=\"-1\": expected a time of 0 or more", false },
		{ "1e300,1,1\n", ":2: arrival_s=\"1e300\"", false },
		{ "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-16 18:15:46,1,1\n", ":2: TIMESTAMP=\"2023-13-16",
		  true },
		{ "{\"timestamp\": 0, \"input_length\": 1}\n", ":1: no 'output_length'", true },
		{ "{\"timestamp\": 0, \"input_length\": \"x\", \"output_length\": 1}\n", "input_length=x", true },
		{ "{\"timestamp\": 0, \"input_length\": 1, \"output_length\": 1}\n{\"timestamp\": 0, \"input_le",
		  "not closed", true },
		{ "{\"timestamp\": 0, \"input_length\": 1, \"output_length\": 1}\nx\n",
		  ":2: 'x': expected a JSON object", true },
		{ "{\"timestamp\": 0 \"input_length\": 1, \"output_length\": 1}\n", ":1: not a well-formed JSON object",
		  true },
		{ "{\"input_length\": 1, \"output_length\": 1}\n", ":1: no 'timestamp'", true },
		{ "{\"chat_id\": 1, \"parent_chat_id\": -1, \"timestamp\": 0, \"input_length\": 1, \"output_length\": 1, \"turn\": 1e30}\n",
		  ":1: turn is out of range, expected 0 to 1e9", true },
		{ "{\"input_lens\": [1, 2], \"output_lens\": [1]}", "2 input_lens, 1 output_lens", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[SCRATCH_PATH], text[1024];
		struct totals t;

		snprintf(text, sizeof(text), "%s%s", cases[i].alone ? "" : head, cases[i].rows);
		t = read_all(scratch_text(path, "bad-trace", text), TRACE_AUTO);
		CU_ASSERT_EQUAL(t.err.kind, ERR_INPUT);
		if (!strstr(t.err.text, cases[i].says))
			fprintf(stderr, "expected \"%s\" in \"%s\"\n", cases[i].says, t.err.text);
		CU_ASSERT_PTR_NOT_NULL(strstr(t.err.text, cases[i].says));
		CU_ASSERT_PTR_NOT_NULL(strstr(t.err.text, path));
		remove(path);
	}
	CU_ASSERT_PTR_NOT_NULL(
		strstr(read_all("tests/data/traces/absent.csv", TRACE_AUTO).err.text, "absent.csv: cannot be read"));
	CU_ASSERT_PTR_NOT_NULL(strstr(read_all("tests/data", TRACE_AUTO).err.text, "no chunk-N-trace.csv"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(read_all(DATA "plain.csv", TRACE_azure).err.text, "plain.csv:1: no column 'ContextTokens'"));
}

static void damaged_gzip_is_an_error(void)
{
	char path[SCRATCH_PATH], bytes[4096];
	gzFile gz = gzopen(scratch_path(path, "cut.gz"), "wb");
	size_t length;
	FILE *f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(gz);
	gzputs(gz, "arrival_s,prompt_tokens,output_tokens\n");
	for (int i = 0; i < 5000; i++)
		gzprintf(gz, "%d,%d,%d\n", i, 1 + i * 7919 % 4001, 1 + i * 104729 % 997);
	gzclose(gz);
	f = fopen(path, "rb");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	length = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	scratch_bytes(path, "cut.gz", bytes, length);
	CU_ASSERT_EQUAL(read_all(path, TRACE_AUTO).err.kind, ERR_INPUT);
	remove(path);
}

/* Rows out of order within the window come out sorted, ties in file order; beyond it the file is refused. */
static void sorts_within_a_window(void)
{
	char path[SCRATCH_PATH];
	struct err err = { 0 };
	struct trace_options options = { .qps = NAN };
	struct trace *t;
	struct trace_row row;
	double last = 0;
	int64_t n = 0;
	FILE *f = fopen(scratch_path(path, "unsorted.csv"), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("arrival_s,prompt_tokens,output_tokens\n", f);
	for (int i = 0; i < 20000; i++) /* each block of 1,000 backwards, two rows at each time */
		fprintf(f, "%d,%d,1\n", (i / 1000 * 1000 + 999 - i % 1000) / 2, i + 1);
	fclose(f);
	t = trace_open(path, &options, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (; trace_next(t, &row, &err); n++) {
		CU_ASSERT(row.arrival_s >= last);
		last = row.arrival_s;
	}
	CU_ASSERT_EQUAL(n, 20000);
	CU_ASSERT_EQUAL(err.kind, ERR_NONE);
	trace_close(t);

	f = fopen(path, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("3,77,1\n", f);
	fclose(f);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(read_all(path, TRACE_AUTO).err.text, ":20002: arrival 3 s comes over 4096 rows after one at"));
	remove(path);
}

static void draws_from_servegen_clients(void)
{
	struct trace_options options = { .qps = NAN, .seed = 3 };
	struct err err = { 0 };
	struct totals t = read_all(DATA "servegen", TRACE_AUTO), again = read_all(DATA "servegen", TRACE_AUTO);
	struct trace *trace = trace_open(DATA "servegen", &options, &err);
	struct trace_row row;
	int64_t small = 0, n = 0;

	/* chunk-0: 2/s and 1/s in two windows of 600 s; chunk-1: 1/s in three: 3,600 requests */
	SAME_TEXT(trace_format_names[t.format], "servegen");
	CU_ASSERT_DOUBLE_EQUAL((double)t.rows, 3600, 250);
	CU_ASSERT_EQUAL(t.prompt, again.prompt);
	CU_ASSERT_PTR_NOT_NULL_FATAL(trace);
	CU_ASSERT_PTR_NOT_NULL(trace_note(trace));
	while (trace_next(trace, &row, &err)) {
		n++;
		if (row.class_index == 0) {
			CU_ASSERT(row.prompt_tokens == 100 || row.prompt_tokens == 200);
			CU_ASSERT(row.arrival_s < 600 || row.arrival_s >= 1200);
		} else {
			CU_ASSERT_EQUAL(row.prompt_tokens, 1000);
			small += row.output_tokens == 7;
		}
	}
	CU_ASSERT_NOT_EQUAL(n, t.rows); /* another seed, other requests */
	CU_ASSERT_DOUBLE_EQUAL((double)small / 1800, 0.25, 0.04);
	SAME_TEXT(trace_class_name(trace, 1), "chunk-1");
	trace_close(trace);
	options.qps = 0.5;
	trace = trace_open(DATA "servegen", &options, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(trace);
	for (n = 0; trace_next(trace, &row, &err); n++)
		;
	CU_ASSERT_DOUBLE_EQUAL((double)n, 900, 120);
	trace_close(trace);
}

/* Each allocation in turn fails: an error, never a crash or a leak. */
static void survives_lack_of_memory(void)
{
	static const char *const files[] = { DATA "plain.csv", DATA "mooncake.jsonl", DATA "vllm.json",
					     DATA "servegen" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		for (size_t n = 1; n < 200; n++) {
			struct totals t;

			mem_fail_after(n);
			t = read_all(files[i], TRACE_AUTO);
			mem_fail_after(0);
			if (t.err.kind == ERR_NONE)
				break;
			CU_ASSERT(n < 199);
		}
}

CU_TestInfo suite_trace[] = {
	{ "reads every format and counts its rows", reads_every_format },
	{ "dropped rows have a reason", drops_have_reasons },
	{ "sessions, classes, adapters and blocks of rows", details_of_rows },
	{ "identifiers longer than 64 bits", long_identifiers },
	{ "CRLF, byte order mark, quotes, gzip and JSON agree", packings_agree },
	{ "refuses bad files by file, line and cell", refuses_bad_files },
	{ "a damaged gzip file is an error", damaged_gzip_is_an_error },
	{ "sorts within a window and refuses beyond it", sorts_within_a_window },
	{ "draws requests from ServeGen clients", draws_from_servegen_clients },
	{ "survives lack of memory", survives_lack_of_memory },
	CU_TEST_INFO_NULL,
};
