/* The catalogs: where entries of each kind lie, how one is read, what a list says of it. */
#ifndef CLI_CATALOG_KINDS_H
#define CLI_CATALOG_KINDS_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"
#include "base/str.h"

/* The columns of one line of a list, in the order of the kind's titles. */
struct facts;
void fact_text(struct facts *f, const char *key, const char *text);                  /* NULL: not known */
/* `shown` is the value as people read it; NAN is not known. */
void fact_number(struct facts *f, const char *key, double value, const char *shown);

struct kind {
	const char *name, *one;        /* "devices", "device" */
	const char *folder;            /* of its XML files in the data tree; NULL: compiled in */
	const struct element *element; /* NULL: no XML of its own */
	/* Reads an entry by name or path and checks it as the simulator would. */
	const void *(*load)(const char *name, struct arena *arena, struct err *err);
	const char *const *titles;     /* of the columns after the name, '>' before numbers; NULL-terminated */
	void (*facts)(const void *entry, struct facts *out);
	/* Kinds in folders of folders: names of all entries, and the path of one; NULL: `folder` is flat. */
	const char *const *(*names)(size_t *count, struct arena *arena, struct err *err);
	const char *(*path)(const char *name, struct arena *arena, struct err *err);
	/* Compiled-in kinds: the n-th entry and its name, NULL past the end. */
	const void *(*item)(size_t n, const char **name);
	const char *help;
};
extern const struct kind kinds[];      /* ends with a NULL name */

const struct kind *kind_find(const char *name);                        /* "devices" or "device"; NULL when unknown */
MUST_USE const struct kind *kind_require(const char *name, struct err *err);
/* Names of all entries, sorted, NULL-terminated. */
MUST_USE const char *const *kind_names(const struct kind *kind, size_t *count, struct arena *arena, struct err *err);
/* What an entry's `load` or `item` gives for this name. */
MUST_USE const void *kind_load(const struct kind *kind, const char *name, struct arena *arena, struct err *err);
/* The entry's XML file; NULL + err when the name is unknown or the kind is compiled in. */
MUST_USE const char *kind_path(const struct kind *kind, const char *name, struct arena *arena, struct err *err);

/* The whole list as `catalog list KIND --json` prints it. */
MUST_USE bool catalog_json(const struct kind *kind, struct arena *arena, struct str *out, struct err *err);

#endif
