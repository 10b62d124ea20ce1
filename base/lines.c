#include "base/lines.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

enum { CHUNK = 1 << 18, LONGEST = 64 << 20 };

struct lines {
	char *path;
	gzFile file;
	char *buffer;
	size_t start, end, capacity;   /* unread bytes are buffer[start .. end) */
	int64_t number;
	bool at_end;
};

struct lines *lines_open(const char *path, struct err *err)
{
	struct lines *l = mem_calloc(1, sizeof(*l));
	struct stat st;

	errno = 0;                     /* zlib leaves it alone when memory is what ran out */
	if (!l || !(l->path = mem_strdup(path)) || !mem_grow(&l->buffer, &l->capacity, CHUNK, 1)) {
		err_memory(err);
		goto fail;
	}
	if (strcmp(path, "-") == 0) {
		int copy = dup(STDIN_FILENO);

		l->file = copy < 0 ? NULL : gzdopen(copy, "rb");
		if (!l->file && copy >= 0)
			close(copy);
	} else {
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			err_set(err, ERR_INPUT, "%s: is a folder, expected a file", path);
			goto fail;
		}
		l->file = gzopen(path, "rb");
	}
	if (!l->file) {
		err_set(err, ERR_INPUT, "%s: cannot be read: %s", path, errno ? strerror(errno) : "no memory");
		goto fail;
	}
	gzbuffer(l->file, CHUNK);
	return l;
fail:
	lines_close(l);
	return NULL;
}

/* Reads more bytes behind the unread ones; false at the end of the file or on error. */
static bool fill(struct lines *l, struct err *err)
{
	int got, code;

	if (l->at_end)
		return false;
	if (l->start > 0) {
		memmove(l->buffer, l->buffer + l->start, l->end - l->start);
		l->end -= l->start;
		l->start = 0;
	}
	if (l->end > LONGEST)
		return err_set(err, ERR_INPUT, "%s:%lld: line over 64 MiB", l->path, (long long)l->number + 1);
	if (!mem_grow(&l->buffer, &l->capacity, l->end + CHUNK + 1, 1))
		return err_memory(err);
	got = gzread(l->file, l->buffer + l->end, CHUNK);
	if (got < 0) {
		return err_set(err, ERR_INPUT, "%s:%lld: not readable: %s", l->path, (long long)l->number + 1,
			       gzerror(l->file, &code));
	}
	if (got == 0) {
		l->at_end = true;
		gzerror(l->file, &code);
		if (code == Z_BUF_ERROR)
			return err_set(err, ERR_INPUT, "%s:%lld: compressed file ends early", l->path, (long long)l->number + 1);
		return false;
	}
	l->end += (size_t)got;
	return true;
}

char *lines_next(struct lines *l, size_t *length, struct err *err)
{
	size_t scanned = 0, n;
	char *line, *newline;

	for (;;) {
		newline = memchr(l->buffer + l->start + scanned, '\n', l->end - l->start - scanned);
		if (newline)
			break;
		scanned = l->end - l->start;
		if (!fill(l, err)) {
			if (!l->at_end || (err && err->kind != ERR_NONE) || l->start == l->end)
				return NULL;
			newline = l->buffer + l->end;  /* last line without an end: fill() keeps one byte of room */
			break;
		}
	}
	line = l->buffer + l->start;
	n = (size_t)(newline - line);
	l->start += n + (newline < l->buffer + l->end);
	if (n && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	if (l->number++ == 0 && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		line += 3;
		n -= 3;
	}
	if (length)
		*length = n;
	return line;
}

int64_t lines_number(const struct lines *l)
{
	return l->number;
}

const char *lines_path(const struct lines *l)
{
	return l->path;
}

bool lines_rewind(struct lines *l, struct err *err)
{
	if (gzrewind(l->file) != 0)
		return err_set(err, ERR_IO, "%s: cannot be read twice (a pipe?)", l->path);
	l->start = l->end = 0;
	l->number = 0;
	l->at_end = false;
	return true;
}

void lines_close(struct lines *l)
{
	if (!l)
		return;
	if (l->file)
		gzclose(l->file);
	mem_free(l->buffer);
	mem_free(l->path);
	mem_free(l);
}
