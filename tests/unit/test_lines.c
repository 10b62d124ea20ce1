#include <fcntl.h>
#include <string.h>
#include <zlib.h>

#include <CUnit/CUnit.h>

#include "base/lines.h"
#include "base/mem.h"
#include "tests/unit/scratch.h"

static void write_gzip(const char *path, const char *mode, const char *bytes, size_t length)
{
	gzFile f = gzopen(path, mode);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(gzwrite(f, bytes, (unsigned)length), (int)length);
	gzclose(f);
}

/* All lines joined by '|', NUL shown as '0', then "!" and the error if one came. */
static void slurp(const char *path, char out[1024])
{
	struct err err = { 0 };
	struct lines *l = lines_open(path, &err);
	size_t n, used = 0;
	char *line;

	out[0] = '\0';
	while (l && (line = lines_next(l, &n, &err)) && used + n + 2 < 512) {
		CU_ASSERT_EQUAL(line[n], '\0');
		for (size_t i = 0; i < n; i++)
			out[used++] = line[i] ? line[i] : '0';
		out[used++] = '|';
		out[used] = '\0';
	}
	if (err.kind != ERR_NONE)
		snprintf(out + used, 1024 - used, "!%s", err.text);
	lines_close(l);
}

static void ends_of_lines(void)
{
	static const struct { const char *bytes; size_t length; const char *lines; } cases[] = {
		{ "", 0, "" }, { "\n", 1, "|" }, { "a", 1, "a|" }, { "a\n", 2, "a|" }, { "a\nb", 3, "a|b|" }, { "a\r\nb\r\n", 6, "a|b|" },
		{ "a\r", 2, "a|" }, { "\r\n\r\n", 4, "||" }, { "a\rb\n", 4, "a\rb|" }, { "a\n\nb\n", 5, "a||b|" }, { "a\0b\n", 4, "a0b|" },
		{ "\xef\xbb\xbf" "a\nb", 6, "a|b|" }, { "\xef\xbb\xbf", 3, "|" }, { "a\n\xef\xbb\xbf" "b", 6, "a|\xef\xbb\xbf" "b|" },
		{ "\xef\xbb", 2, "\xef\xbb|" }, { "\x1f", 1, "\x1f|" },
	};
	char path[SCRATCH_PATH], got[1024];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		slurp(scratch_bytes(path, "ends.txt", cases[i].bytes, cases[i].length), got);
		SAME_TEXT(got, cases[i].lines);
		write_gzip(path, "wb", cases[i].bytes, cases[i].length);
		slurp(path, got);                       /* told by content: the name still ends in .txt */
		SAME_TEXT(got, cases[i].lines);
		remove(path);
	}
}

static void two_gzip_members_are_one_file(void)
{
	char path[SCRATCH_PATH], got[1024];

	write_gzip(scratch_path(path, "members"), "wb", "a\nb", 3);
	write_gzip(path, "ab", "c\nd\n", 4);
	slurp(path, got);
	SAME_TEXT(got, "a|bc|d|");
	remove(path);
}

static void broken_gzip_is_an_error(void)
{
	char path[SCRATCH_PATH], got[1024], text[4000], packed[4000];
	struct err err = { 0 };
	size_t n;
	FILE *f;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 40 == 39 ? '\n' : (char)('a' + (i * i + i / 7) % 26);
	write_gzip(scratch_path(path, "cut.gz"), "wb", text, sizeof(text));
	f = fopen(path, "rb");
	n = fread(packed, 1, sizeof(packed), f);
	fclose(f);
	for (size_t cut = 3; cut < n; cut += cut < 20 ? 1 : n / 9) {
		struct lines *l;

		scratch_bytes(path, "cut.gz", packed, cut);
		l = lines_open(path, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(l);
		while (lines_next(l, NULL, &err))
			;
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "compressed file ends early"));
		lines_close(l);
		err = (struct err){ 0 };
	}
	packed[n / 2] ^= 0x55;
	slurp(scratch_bytes(path, "cut.gz", packed, n), got);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "not readable"));
	remove(path);
}

static void opening_errors(void)
{
	struct err err = { 0 };

	CU_ASSERT_PTR_NULL(lines_open("tests/data/absent.txt", &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	SAME_TEXT(err.text, "tests/data/absent.txt: cannot be read: No such file or directory");
	err = (struct err){ 0 };
	CU_ASSERT_PTR_NULL(lines_open("tests", &err));
	SAME_TEXT(err.text, "tests: is a folder, expected a file");
	lines_close(NULL);
}

static void counts_and_rewinds(void)
{
	char path[SCRATCH_PATH];
	struct err err = { 0 };
	struct lines *l = lines_open(scratch_text(path, "rewind.txt", "\xef\xbb\xbf" "one\r\ntwo\nthree"), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(lines_number(l), 0);
		SAME_TEXT(lines_next(l, NULL, &err), "one");
		CU_ASSERT_EQUAL(lines_number(l), 1);
		SAME_TEXT(lines_next(l, NULL, &err), "two");
		SAME_TEXT(lines_next(l, NULL, &err), "three");
		CU_ASSERT_EQUAL(lines_number(l), 3);
		CU_ASSERT_PTR_NULL(lines_next(l, NULL, &err));
		CU_ASSERT_PTR_NULL(lines_next(l, NULL, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_NONE);
		CU_ASSERT_TRUE(lines_rewind(l, &err));
	}
	SAME_TEXT(lines_path(l), path);
	lines_close(l);
	remove(path);
}

static void standard_input(void)
{
	char path[SCRATCH_PATH], got[1024];
	int kept = dup(STDIN_FILENO), file;

	scratch_text(path, "stdin.txt", "x\ny");
	file = open(path, O_RDONLY);
	dup2(file, STDIN_FILENO);
	slurp("-", got);
	SAME_TEXT(got, "x|y|");
	dup2(kept, STDIN_FILENO);
	close(kept);
	close(file);
	remove(path);
}

/* One line of 3 MiB crosses every buffer border; one over 64 MiB is refused, not swallowed. */
static void huge_lines(void)
{
	enum { LONG_LINE = 3 << 20, TOO_LONG = (64 << 20) + (1 << 20) };
	char path[SCRATCH_PATH], *big = mem_calloc(1, TOO_LONG), *line;
	struct err err = { 0 };
	struct lines *l;
	size_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	memset(big, 'x', TOO_LONG);
	big[LONG_LINE] = '\n';
	big[LONG_LINE + 2] = '\n';
	l = lines_open(scratch_bytes(path, "huge.txt", big, LONG_LINE + 4), &err);
	line = lines_next(l, &n, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	CU_ASSERT_EQUAL(n, LONG_LINE);
	CU_ASSERT_EQUAL(strlen(line), LONG_LINE);
	SAME_TEXT(lines_next(l, &n, &err), "x");
	SAME_TEXT(lines_next(l, &n, &err), "x");
	CU_ASSERT_PTR_NULL(lines_next(l, &n, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_NONE);
	lines_close(l);
	memset(big, 'x', TOO_LONG);
	big[0] = '\n';
	write_gzip(path, "wb1", big, TOO_LONG);         /* a small file that unpacks to a huge line */
	l = lines_open(path, &err);
	SAME_TEXT(lines_next(l, &n, &err), "");
	CU_ASSERT_PTR_NULL(lines_next(l, &n, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "huge.txt:2: line over 64 MiB"));
	CU_ASSERT_PTR_NULL(lines_next(l, &n, &err));
	lines_close(l);
	mem_free(big);
	remove(path);
}

static void survives_lack_of_memory(void)
{
	char path[SCRATCH_PATH];
	bool done = false;

	scratch_text(path, "memory.txt", "a\nb\n");
	for (size_t n = 1; n < 20 && !done; n++) {
		struct err err = { 0 };
		struct lines *l;

		mem_fail_after(n);
		l = lines_open(path, &err);
		while (l && lines_next(l, NULL, &err))
			;
		mem_fail_after(0);
		lines_close(l);
		done = err.kind == ERR_NONE;
		if (!done) {
			CU_ASSERT_EQUAL(err.kind, ERR_INTERNAL);
			SAME_TEXT(err.text, "out of memory");
		}
	}
	CU_ASSERT_TRUE(done);
	remove(path);
}

CU_TestInfo suite_lines[] = {
	{ "LF, CRLF, BOM, NUL, no end; plain and gzip", ends_of_lines },
	{ "concatenated gzip members", two_gzip_members_are_one_file },
	{ "truncated or damaged gzip is an error", broken_gzip_is_an_error },
	{ "absent file, folder", opening_errors },
	{ "numbers lines, rewinds", counts_and_rewinds },
	{ "standard input", standard_input },
	{ "huge lines", huge_lines },
	{ "lack of memory", survives_lack_of_memory },
	CU_TEST_INFO_NULL
};
