/* Temporary files of a test, and the check of an error's exact words. */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

enum { SCRATCH_PATH = 512 };

/* Path of a file of this process in the folder for temporary files; the test removes it. */
static inline const char *scratch_path(char path[SCRATCH_PATH], const char *name)
{
	const char *folder = getenv("TMPDIR");

	snprintf(path, SCRATCH_PATH, "%s/vibee-test-%ld-%s", folder && *folder ? folder : "/tmp", (long)getpid(), name);
	return path;
}

static inline const char *scratch_bytes(char path[SCRATCH_PATH], const char *name, const void *bytes, size_t length)
{
	FILE *f = fopen(scratch_path(path, name), "wb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(bytes, 1, length, f), length);
	CU_ASSERT_EQUAL(fclose(f), 0);
	return path;
}

static inline const char *scratch_text(char path[SCRATCH_PATH], const char *name, const char *text)
{
	return scratch_bytes(path, name, text, strlen(text));
}

/* A failure prints what was expected and what came: CUnit's own macros show only the expression. */
static inline void same_text(const char *got, const char *expected, const char *file, int line)
{
	if (strcmp(got, expected) != 0)
		fprintf(stderr, "%s:%d: expected \"%s\"\n%s:%d:      got \"%s\"\n", file, line, expected, file, line, got);
	CU_ASSERT_STRING_EQUAL(got, expected);
}
#define SAME_TEXT(got, expected) same_text(got, expected, __FILE__, __LINE__)

static inline void is_true(int holds, const char *what, const char *text, const char *file, int line)
{
	if (!holds)
		fprintf(stderr, "%s:%d: %s fails for \"%s\"\n", file, line, what, text);
	CU_ASSERT(holds);
}
#define TRUE_FOR(text, condition) is_true(condition, #condition, text, __FILE__, __LINE__)

#endif
