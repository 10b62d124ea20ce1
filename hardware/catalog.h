/* Finds a catalog entry by the name people use: file name first, then aliases, else the nearest names in the error. */
#ifndef HARDWARE_CATALOG_H
#define HARDWARE_CATALOG_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

/* Path of the entry `name` in the data folder ("hardware/devices"). A name with a slash or ending in ".xml" is a path of
 * its own. Case, blanks and underscores do not matter; aliases are separated by blanks in the root element's `aliases`.
 * `what` ("device") begins the error text. NULL with err (ERR_INPUT, the nearest name) when nothing matches. */
MUST_USE const char *catalog_find(const char *folder, const char *what, const char *name, struct arena *arena, struct err *err);

/* The aliases of an entry of that folder as its root element writes them, blank-separated; NULL when it has none. */
const char *catalog_aliases(const char *folder, const char *name, struct arena *arena);

/* All names of a catalog folder, sorted, NULL-terminated. */
MUST_USE const char *const *catalog_names(const char *folder, size_t *count, struct arena *arena, struct err *err);

#endif
