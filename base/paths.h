/* Where catalogs, schemas and data live: $VIBEE_SIM_HOME, else beside the running program, else the installed share. */
#ifndef BASE_PATHS_H
#define BASE_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/* Absolute path of a file or folder of the data tree ("hardware/devices"); NULL with err when there is no data tree. */
MUST_USE const char *paths_data(const char *relative, struct arena *arena, struct err *err);

bool paths_is_file(const char *path);
bool paths_is_folder(const char *path);
/* Names in a folder with the given suffix (".xml"), sorted, suffix removed; NULL-terminated in the arena. NULL + err on failure. */
MUST_USE const char *const *paths_list(const char *folder, const char *suffix, size_t *count, struct arena *arena, struct err *err);

/* Whole file into memory (mem_free it), NUL added; at most `most` bytes. NULL + err on failure. */
MUST_USE char *paths_read(const char *path, size_t most, size_t *length, struct err *err);
/* Writes a file whole or not at all (temporary + rename); pipes and devices are written as they are. "-" is standard output. */
MUST_USE bool paths_write(const char *path, const char *bytes, size_t length, struct err *err);
/* The same for a grown text (which stays the caller's to release); out of memory when the text was cut. */
MUST_USE bool paths_write_str(const char *path, const struct str *text, struct err *err);

#endif
