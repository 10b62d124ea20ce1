/* Cuts a stream of JSON into its top-level objects, so that no more than one has to fit in memory. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "workloads/readers/scan.h"

enum { CHUNK = 1 << 18, LONGEST = 256 << 20 };

struct objects {
	char *path, *chunk, *text;
	gzFile file;
	size_t at, filled, length, capacity;
	int64_t line, begin;
	bool at_end;
};

struct objects *objects_open(const char *path, struct err *err)
{
	struct objects *o = mem_calloc(1, sizeof(*o));
	struct stat st;

	if (!o || !(o->path = mem_strdup(path)) || !(o->chunk = mem_alloc(CHUNK))) {
		err_memory(err);
		goto fail;
	}
	if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		err_set(err, ERR_INPUT, "%s: is a folder, expected a file", path);
		goto fail;
	}
	o->file = strcmp(path, "-") == 0 ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path, "rb");
	if (!o->file) {
		err_set(err, ERR_INPUT, "%s: cannot be read: %s", path, errno ? strerror(errno) : "no memory");
		goto fail;
	}
	o->line = 1;
	return o;
fail:
	objects_close(o);
	return NULL;
}

static bool fill(struct objects *o, struct err *err)
{
	int got, code;

	if (o->at_end)
		return false;
	got = gzread(o->file, o->chunk, CHUNK);
	o->at = 0;
	o->filled = got > 0 ? (size_t)got : 0;
	if (got > 0)
		return true;
	o->at_end = true;
	gzerror(o->file, &code);
	if (got < 0 || code == Z_BUF_ERROR)
		return err_set(err, ERR_INPUT, "%s:%" PRId64 ": compressed file is damaged or ends early", o->path,
			       o->line);
	return false;
}

/* To the first brace of the next object; what stands between objects is blanks, commas and brackets. */
static bool find_object(struct objects *o, struct err *err)
{
	for (;;) {
		if (o->at == o->filled && !fill(o, err))
			return false;
		for (; o->at < o->filled; o->at++) {
			unsigned char c = (unsigned char)o->chunk[o->at];

			if (c == '{')
				return true;
			o->line += c == '\n';
			if (c > ' ' && c != ',' && c != '[' && c != ']' && c != 0xef && c != 0xbb && c != 0xbf)
				return err_set(err, ERR_INPUT, "%s:%" PRId64 ": '%.20s': expected a JSON object",
					       o->path, o->line, c < 127 ? (char[2]){ (char)c, '\0' } : "not text");
		}
	}
}

const char *objects_next(struct objects *o, size_t *length, struct err *err)
{
	int depth = 0;
	bool in_string = false, escaped = false;

	if (!find_object(o, err))
		return NULL;
	o->begin = o->line;
	o->length = 0;
	for (;;) {
		size_t from = o->at;
		bool whole = false;

		for (; o->at < o->filled && !whole; o->at++) {
			char c = o->chunk[o->at];

			o->line += c == '\n';
			if (in_string) {
				if (escaped)
					escaped = false;
				else if (c == '\\')
					escaped = true;
				else if (c == '"')
					in_string = false;
			} else if (c == '"') {
				in_string = true;
			} else if (c == '{') {
				depth++;
			} else if (c == '}') {
				whole = --depth == 0;
			}
		}
		if (o->length > LONGEST) {
			err_set(err, ERR_INPUT, "%s:%" PRId64 ": JSON object over 256 MiB", o->path, o->begin);
			return NULL;
		}
		if (!mem_grow(&o->text, &o->capacity, o->length + o->at - from + 1, 1)) {
			err_memory(err);
			return NULL;
		}
		memcpy(o->text + o->length, o->chunk + from, o->at - from);
		o->length += o->at - from;
		if (whole)
			break;
		if (!fill(o, err)) {
			if (err->kind == ERR_NONE)
				err_set(err, ERR_INPUT,
					"%s:%" PRId64 ": JSON object is not closed at the end of the file", o->path,
					o->begin);
			return NULL;
		}
	}
	o->text[o->length] = '\0';
	*length = o->length;
	return o->text;
}

int64_t objects_line(const struct objects *o)
{
	return o->begin;
}

void objects_close(struct objects *o)
{
	if (!o)
		return;
	if (o->file)
		gzclose(o->file);
	mem_free(o->path);
	mem_free(o->chunk);
	mem_free(o->text);
	mem_free(o);
}
