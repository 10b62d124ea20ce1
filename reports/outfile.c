#include "reports/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"

enum { BUFFER = 1 << 18 };

struct outfile {
	char *path;                    /* as named, for error texts */
	char *place, *temporary;       /* where it goes and where it is written; NULL when written in place */
	int fd;
	gzFile gz;
	int failure;                   /* errno of the first failure */
	size_t used;
	char buffer[BUFFER + OUTFILE_ROOM];
};

static void fail(struct outfile *f, int number)
{
	if (!f->failure)
		f->failure = number ? number : EIO;
}

static void flush(struct outfile *f)
{
	size_t done = 0;

	while (done < f->used && !f->failure) {
		if (f->gz) {
			errno = 0;
			if (gzwrite(f->gz, f->buffer, (unsigned)f->used) != (int)f->used)
				fail(f, errno);
			break;
		}
		ssize_t n = write(f->fd, f->buffer + done, f->used - done);

		if (n < 0 && errno != EINTR)
			fail(f, errno);
		done += n > 0 ? (size_t)n : 0;
	}
	f->used = 0;
}

/* The file that a symbolic link leads to is the one to replace; any other name stands for itself. */
static char *final_place(const char *path)
{
	char target[PATH_MAX];
	struct str place = { 0 };

	str_add(&place, path);
	for (int hops = 0; hops < 16 && !place.failed; hops++) {
		ssize_t n = readlink(str_text(&place), target, sizeof(target) - 1);
		char *slash;

		if (n < 0)
			break;         /* not a link */
		target[n] = '\0';
		slash = strrchr(place.text, '/');
		place.length = *target != '/' && slash ? (size_t)(slash + 1 - place.text) : 0;
		str_add(&place, target);
	}
	if (place.failed)
		str_release(&place);
	return place.text;
}

static bool open_temporary(struct outfile *f, const struct stat *old)
{
	struct str name = { 0 };

	f->place = final_place(f->path);
	errno = 0;
	if (!f->place)
		return false;
	errno = EEXIST;
	for (int i = 0; i < 100 && errno == EEXIST; i++) {
		str_clear(&name);
		str_addf(&name, "%s.tmp-%ld-%d", f->place, (long)getpid(), i);
		if (name.failed) {
			errno = 0;
			break;
		}
		f->fd = open(name.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (f->fd >= 0) {
			if (old && fchmod(f->fd, old->st_mode & 07777) != 0)
				fail(f, errno);
			f->temporary = name.text;
			return true;
		}
	}
	str_release(&name);
	return false;
}

static bool open_target(struct outfile *f)
{
	struct stat st;
	bool exists = stat(f->path, &st) == 0;

	errno = ENOENT;
	if (strcmp(f->path, "-") == 0)
		f->fd = STDOUT_FILENO;
	else if (!*f->path)
		return false;
	else if (exists && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (exists && !S_ISREG(st.st_mode))
		f->fd = open(f->path, O_WRONLY | O_CLOEXEC);
	else
		return open_temporary(f, exists ? &st : NULL);
	return f->fd >= 0;
}

static void release(struct outfile *f)
{
	if (f->gz)
		gzclose(f->gz);
	if (f->fd >= 0 && f->fd != STDOUT_FILENO)
		close(f->fd);
	if (f->temporary)
		unlink(f->temporary);
	mem_free(f->temporary);
	mem_free(f->place);
	mem_free(f->path);
	mem_free(f);
}

struct outfile *outfile_open(const char *path, struct err *err)
{
	struct outfile *f = mem_alloc(sizeof(*f));
	int copy;

	if (!f) {
		err_memory(err);
		return NULL;
	}
	memset(f, 0, offsetof(struct outfile, buffer));
	f->fd = -1;
	f->path = mem_strdup(path);
	if (!f->path) {
		err_memory(err);
		goto fail;
	}
	errno = 0;
	if (!open_target(f)) {
		if (errno)
			err_set(err, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
		else
			err_memory(err);
		goto fail;
	}
	if (strcmp(path, "-") == 0)
		fflush(stdout);        /* what was printed before comes before */
	if (!text_ends(path, ".gz"))
		return f;
	/* zlib closes its descriptor, but the file still has to be synced after that, so it gets a copy. Level 1: traces
	 * are repetitive, and higher levels cost several times the time for a few percent. */
	copy = dup(f->fd);
	f->gz = copy >= 0 ? gzdopen(copy, "wb1") : NULL;
	if (!f->gz) {
		if (copy >= 0)
			close(copy);
		err_memory(err);
		goto fail;
	}
	return f;
fail:
	release(f);
	return NULL;
}

char *outfile_room(struct outfile *f, size_t bytes)
{
	(void)bytes;
	if (f->used >= BUFFER)
		flush(f);
	return f->buffer + f->used;
}

void outfile_advance(struct outfile *f, size_t bytes)
{
	f->used += bytes;
}

void outfile_add(struct outfile *f, const char *bytes, size_t count)
{
	while (count) {
		size_t n = count < OUTFILE_ROOM ? count : OUTFILE_ROOM;

		memcpy(outfile_room(f, n), bytes, n);
		outfile_advance(f, n);
		bytes += n;
		count -= n;
	}
}

bool outfile_failed(const struct outfile *f)
{
	return f->failure != 0;
}

bool outfile_close(struct outfile *f, struct err *err)
{
	bool ok;

	flush(f);
	if (f->gz) {
		errno = 0;
		if (gzclose(f->gz) != Z_OK)
			fail(f, errno);
		f->gz = NULL;
	}
	if (f->temporary && !f->failure) {
		if (fsync(f->fd) != 0 || close(f->fd) != 0)
			fail(f, errno);
		else
			f->fd = -1;
		if (!f->failure && rename(f->temporary, f->place) != 0)
			fail(f, errno);
		if (!f->failure) {
			mem_free(f->temporary);
			f->temporary = NULL;
		}
	}
	ok = !f->failure;
	if (!ok)
		err_set(err, ERR_IO, "%s: cannot be written: %s", strcmp(f->path, "-") ? f->path : "standard output",
			strerror(f->failure));
	release(f);
	return ok;
}

void outfile_abandon(struct outfile *f)
{
	if (f)
		release(f);
}

bool outfile_write(const char *path, const char *bytes, size_t count, struct err *err)
{
	struct outfile *f = outfile_open(path, err);

	if (!f)
		return false;
	outfile_add(f, bytes, count);
	return outfile_close(f, err);
}
