/* Inside of base/schema: one attribute's value, and the walks that the parts of schema share. */
#ifndef BASE_SCHEMA_VALUE_H
#define BASE_SCHEMA_VALUE_H

#include "base/schema.h"

/* Sets field of obj from XML text. `origin` begins the error; line > 0 adds ":line". */
bool schema_value_set(const struct field *f, unsigned char *obj, const char *text, const char *origin, int line,
		      struct arena *arena, struct err *err);
bool schema_value_fallback(const struct field *f, unsigned char *obj, struct arena *arena, struct err *err);
/* Adds the value as XML text; false when it is absent (NULL text, NAN number). */
bool schema_value_text(const struct field *f, const unsigned char *obj, struct str *out);

void *schema_append(const struct element *child, unsigned char *parent, struct arena *arena, struct err *err);
const struct element *schema_child(const struct element *e, const char *name, size_t length);
const struct field *schema_field(const struct element *e, const char *name);
const char *schema_nearest_field(const struct element *e, const char *name);
const char *schema_nearest_child(const struct element *e, const char *name);

#endif
