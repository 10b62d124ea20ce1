/* One table a kind of XML file: it drives the loader, its error texts, the RELAX NG schema, the writer, the reference
 * page, `--set path=value` and the content hash. Attributes name their unit; structs hold SI. */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

enum field_type {
	FIELD_TEXT,      /* const char *, in the arena */
	FIELD_NUMBER,    /* double, multiplied by to_si */
	FIELD_INT,       /* int64_t */
	FIELD_FLAG,      /* bool; XML text yes/no (also true/false, 1/0, on/off) */
	FIELD_CHOICE     /* int: index into choices */
};

struct field {
	const char *name;                /* the attribute, with its unit: memory_gb */
	enum field_type type;
	size_t offset;                   /* of the member inside the element's struct */
	double to_si;                    /* SI value = attribute * to_si; 0 means 1 */
	double least, most;              /* allowed attribute values (numbers); both 0 = any finite */
	bool required;
	const char *fallback;            /* value when the attribute is absent, as XML text; NULL: NULL / NAN / 0 / false / first choice */
	const char *const *choices;      /* FIELD_CHOICE: NULL-terminated */
	const char *help;                /* one line, for the reference page and --help */
};

/* An element, its attributes and the elements it may hold. `children` is NULL or NULL-terminated. The struct of a
 * single child lies inside the parent's struct at `offset`; a repeated child is an array in the arena whose pointer
 * lies at `offset` and whose count (size_t) at `count_offset`. `line_offset`, when not 0, receives the line (int). */
struct element {
	const char *name;
	const struct field *fields;
	size_t field_count;
	const struct element *const *children;
	size_t offset, size;
	bool repeated, required;
	size_t count_offset, line_offset;
	const char *help;
};

/* Reads a file into *obj (of root->size bytes, zeroed and filled with fallbacks first). No network, no entity
 * expansion, at most 64 MiB. Errors name file:line, the attribute or element, what was expected and the nearest name. */
MUST_USE bool schema_load(const char *path, const struct element *root, void *obj, struct arena *arena, struct err *err);
MUST_USE bool schema_load_text(const char *name, const char *text, size_t length, const struct element *root, void *obj,
			       struct arena *arena, struct err *err);

/* Reads a file over the values that *obj holds already: attributes not in the file stay; a repeated element in the file
 * replaces the whole list. */
MUST_USE bool schema_overlay(const char *path, const struct element *root, void *obj, struct arena *arena, struct err *err);

/* Fills *obj with the fallbacks alone. */
MUST_USE bool schema_defaults(const struct element *root, void *obj, struct arena *arena, struct err *err);

/* Sets one attribute by path: "deployment.tp" = child element "deployment", attribute "tp"; a repeated child takes an
 * index: "class.1.share". `origin` begins the error text ("--set deployment.tp=x"). */
MUST_USE bool schema_set(const struct element *root, void *obj, const char *path, const char *value, const char *origin,
			 struct arena *arena, struct err *err);

/* The attribute's value as text (XML units), for get/diff/print. False when the path is unknown. */
bool schema_get(const struct element *root, const void *obj, const char *path, struct str *out);

/* Calls visit(path, field, value text, ctx) for every attribute whose value differs from absent, in table order. False when
 * memory ran out: some were not visited then. */
bool schema_each(const struct element *root, const void *obj,
		 void (*visit)(const char *path, const struct field *field, const char *value, void *ctx), void *ctx);

/* Writes *obj as XML that schema_load reads back to the same values (attributes equal to their fallback are left out). */
void schema_write_xml(const struct element *root, const void *obj, struct str *out);

/* RELAX NG (XML syntax) and Markdown reference generated from the table. */
void schema_write_rng(const struct element *root, struct str *out);
void schema_write_reference(const struct element *root, struct str *out);

#endif
