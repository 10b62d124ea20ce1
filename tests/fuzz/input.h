/* What the fuzz targets share: bytes as a file to be opened by path, and what holds for every reader. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void input_write(int fd, const uint8_t *data, size_t size)
{
	if (fd < 0 || ftruncate(fd, 0) != 0)
		abort();
	for (size_t done = 0; done < size;) {
		ssize_t n = pwrite(fd, data + done, size - done, (off_t)done);

		if (n <= 0)
			abort();
		done += (size_t)n;
	}
}

/* A path under which the bytes are read: one nameless file a process, in memory where there is /dev/shm. */
static inline const char *input_file(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		char name[] = "/dev/shm/vibee-fuzz-XXXXXX", other[] = "/tmp/vibee-fuzz-XXXXXX";

		fd = mkstemp(name);
		if (fd >= 0)
			unlink(name);
		else if ((fd = mkstemp(other)) >= 0)
			unlink(other);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	input_write(fd, data, size);
	return path;
}

static inline char *input_link(void)
{
	static char path[64];

	return path;
}

static inline void input_unlink(void)
{
	unlink(input_link());
}

/* The same bytes under a name with this ending, for readers that go by it: a link that is removed at exit. */
static inline const char *input_named(const uint8_t *data, size_t size, const char *ending)
{
	const char *target = input_file(data, size);
	char *path = input_link();

	if (!path[0]) {
		snprintf(path, 64, "%s/vibee-fuzz-%ld%s", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid(), ending);
		if (symlink(target, path) != 0 || atexit(input_unlink) != 0)
			abort();
	}
	return path;
}

/* A copy of exactly these bytes and a NUL, so that reading past the end is seen. The caller frees it. */
static inline char *input_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Success says nothing, failure says one line; what comes from outside is bad input or unreadable, never our own fault. */
static inline void verdict(bool ok, const struct err *err)
{
	bool said = err->kind != ERR_NONE;

	if (ok == said || (said && (!err->text[0] || strchr(err->text, '\n'))) ||
	    (err->kind == ERR_INTERNAL && strcmp(err->text, "out of memory") != 0)) {
		fprintf(stderr, "%s with kind %d: \"%s\"\n", ok ? "success" : "failure", (int)err->kind, err->text);
		abort();
	}
}

#endif
