/* realpath() is XSI. */
#define _XOPEN_SOURCE 700

#include "base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#ifndef VIBEE_SHARE
#define VIBEE_SHARE "/usr/local/share/vibee-sim"
#endif

bool paths_is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool paths_is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum { PATH_LONGEST = 4096 };

/* A folder is the data tree when it holds the device catalog. */
static bool is_data_tree(const char *root)
{
	char probe[PATH_LONGEST + 64];

	snprintf(probe, sizeof(probe), "%s/hardware/devices", root);
	return paths_is_folder(probe);
}

/* Folders above the running program, so that build/plain/vibee-sim finds the tree it was built in. */
static bool tree_near_program(char root[PATH_LONGEST + 32])
{
	char exe[PATH_LONGEST];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return false;
	exe[n] = '\0';
	for (int up = 0; up < 5; up++) {
		char *slash = strrchr(exe, '/');

		if (!slash)
			return false;
		*slash = '\0';
		snprintf(root, PATH_LONGEST + 32, "%s", exe);
		if (is_data_tree(root))
			return true;
		snprintf(root, PATH_LONGEST + 32, "%s/share/vibee-sim", exe);
		if (is_data_tree(root))
			return true;
	}
	return false;
}

const char *paths_data(const char *relative, struct arena *arena, struct err *err)
{
	const char *root = getenv("VIBEE_SIM_HOME"), *found;
	char near[PATH_LONGEST + 32];

	if (root && *root) {
		if (!is_data_tree(root)) {
			err_set(err, ERR_INPUT, "VIBEE_SIM_HOME=%s: no hardware/devices folder there", root);
			return NULL;
		}
	} else if (tree_near_program(near)) {
		root = near;
	} else if (is_data_tree(VIBEE_SHARE)) {
		root = VIBEE_SHARE;
	} else {
		err_set(err, ERR_IO, "no catalogs beside the program nor in %s; set VIBEE_SIM_HOME", VIBEE_SHARE);
		return NULL;
	}
	found = arena_printf(arena, "%s/%s", root, relative);
	if (!found)
		err_memory(err);
	return found;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *paths_list(const char *folder, const char *suffix, size_t *count, struct arena *arena, struct err *err)
{
	const char **names = NULL, **out = NULL;
	size_t n = 0, capacity = 0;
	struct dirent *entry;
	DIR *dir = opendir(folder);

	*count = 0;
	if (!dir) {
		err_set(err, ERR_IO, "%s: %s", folder, strerror(errno));
		return NULL;
	}
	while ((entry = readdir(dir))) {
		char *name;

		if (entry->d_name[0] == '.' || !text_ends(entry->d_name, suffix))
			continue;
		name = arena_strdup(arena, entry->d_name);
		if (!name || !mem_grow(&names, &capacity, n + 1, sizeof(*names))) {
			err_memory(err);
			goto out;
		}
		name[strlen(name) - strlen(suffix)] = '\0';
		names[n++] = name;
	}
	out = arena_alloc(arena, (n + 1) * sizeof(*out));
	if (!out) {
		err_memory(err);
		goto out;
	}
	if (n) {
		qsort(names, n, sizeof(*names), by_name);
		memcpy(out, names, n * sizeof(*out));
	}
	*count = n;
out:
	closedir(dir);
	mem_free(names);
	return (const char *const *)out;
}

char *paths_read(const char *path, size_t most, size_t *length, struct err *err)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char *text = NULL;
	size_t n = 0, capacity = 0, got;

	if (!f || (f != stdin && paths_is_folder(path))) {
		err_set(err, ERR_INPUT, "%s: not a readable file: %s", path, f ? "is a folder" : strerror(errno));
		goto fail;
	}
	do {
		if (!mem_grow(&text, &capacity, n + 65536 + 1, 1)) {
			err_memory(err);
			goto fail;
		}
		got = fread(text + n, 1, 65536, f);
		n += got;
		if (n > most) {
			err_set(err, ERR_INPUT, "%s: over %zu bytes", path, most);
			goto fail;
		}
	} while (got > 0);
	if (ferror(f)) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		goto fail;
	}
	if (f != stdin)
		fclose(f);
	text[n] = '\0';
	if (length)
		*length = n;
	return text;
fail:
	if (f && f != stdin)
		fclose(f);
	mem_free(text);
	return NULL;
}

/* The file that a symbolic link stands for, so that the link survives the rename; the path itself when it is none. */
static bool resolve(const char *path, char target[PATH_LONGEST])
{
	struct stat st;
	char *real;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && (real = realpath(path, NULL))) {
		snprintf(target, PATH_LONGEST, "%s", real);
		free(real);
		return true;
	}
	errno = ENAMETOOLONG;
	return snprintf(target, PATH_LONGEST, "%s", path) < PATH_LONGEST;
}

/* Pipes, terminals and /dev/null cannot be replaced by a renamed file (and must not be). */
static bool write_in_place(const char *path, const char *bytes, size_t length, struct err *err)
{
	FILE *f = fopen(path, "wb");
	bool ok;

	if (!f)
		return err_set(err, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
	ok = fwrite(bytes, 1, length, f) == length;
	ok = fclose(f) == 0 && ok;
	return ok || err_set(err, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
}

bool paths_write(const char *path, const char *bytes, size_t length, struct err *err)
{
	struct str temporary = { 0 };
	char target[PATH_LONGEST];
	struct stat st;
	FILE *f;
	bool ok;

	if (strcmp(path, "-") == 0) {
		if (fwrite(bytes, 1, length, stdout) != length || fflush(stdout) != 0)
			return err_set(err, ERR_IO, "standard output: %s", strerror(errno));
		return true;
	}
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return write_in_place(path, bytes, length, err);
	if (!resolve(path, target))
		return err_set(err, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
	str_addf(&temporary, "%s.tmp-%ld", target, (long)getpid());
	if (temporary.failed)
		return err_memory(err);
	f = fopen(temporary.text, "wb");
	if (!f) {
		err_set(err, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
		str_release(&temporary);
		return false;
	}
	ok = fwrite(bytes, 1, length, f) == length;
	ok = fflush(f) == 0 && ok;
	ok = fsync(fileno(f)) == 0 && ok;
	ok = fclose(f) == 0 && ok;
	ok = ok && rename(temporary.text, target) == 0;
	if (!ok) {
		err_set(err, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
		remove(temporary.text);
	}
	str_release(&temporary);
	return ok;
}

bool paths_write_str(const char *path, const struct str *text, struct err *err)
{
	return text->failed ? err_memory(err) : paths_write(path, str_text(text), text->length, err);
}
