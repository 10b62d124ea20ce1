/* Checks catalog entries: XML against the generated schema, then as the simulator would load them. */
#ifndef CLI_CATALOG_CHECK_H
#define CLI_CATALOG_CHECK_H

#include "base/err.h"
#include "base/str.h"
#include "cli/catalog_kinds.h"

struct check {
	struct str *out;               /* one line a problem */
	size_t entries, problems;
};

/* One file; `name` NULL: a file outside the catalog. */
void check_file(struct check *c, const struct kind *kind, const char *name, const char *path);
/* Every entry of a kind, and that no two share a name or alias. */
void check_kind(struct check *c, const struct kind *kind);
/* Measured tables of every device that has some. */
void check_tables(struct check *c);
/* The kind whose root element the file has; NULL + err when it is none. */
const struct kind *check_kind_of(const char *path, struct err *err);

#endif
