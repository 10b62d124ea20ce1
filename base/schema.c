#include "base/schema.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/schema_value.h"

/* Sets every attribute to its fallback, in this element and the single children inside it. */
static bool fill(const struct element *e, unsigned char *obj, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < e->field_count; i++)
		if (!schema_value_fallback(&e->fields[i], obj, arena, err))
			return false;
	for (size_t i = 0; e->children && e->children[i]; i++)
		if (!e->children[i]->repeated && !fill(e->children[i], obj + e->children[i]->offset, arena, err))
			return false;
	return true;
}

bool schema_defaults(const struct element *root, void *obj, struct arena *arena, struct err *err)
{
	memset(obj, 0, root->size);
	return fill(root, obj, arena, err);
}

void *schema_append(const struct element *child, unsigned char *parent, struct arena *arena, struct err *err)
{
	size_t count;
	unsigned char *old, *grown, *made;

	memcpy(&count, parent + child->count_offset, sizeof(count));
	memcpy(&old, parent + child->offset, sizeof(old));
	/* The array is rebuilt at powers of two only; the arena keeps the old one, which is small. */
	if (!old || (count & (count - 1)) == 0) {
		grown = arena_alloc(arena, child->size * (count ? 2 * count : 1));
		if (!grown) {
			err_memory(err);
			return NULL;
		}
		if (count)
			memcpy(grown, old, count * child->size);
		memcpy(parent + child->offset, &grown, sizeof(grown));
		old = grown;
	}
	made = old + count * child->size;
	memset(made, 0, child->size);
	if (!fill(child, made, arena, err))
		return NULL;
	count++;
	memcpy(parent + child->count_offset, &count, sizeof(count));
	return made;
}

const struct element *schema_child(const struct element *e, const char *name, size_t length)
{
	for (size_t i = 0; e->children && e->children[i]; i++)
		if (strlen(e->children[i]->name) == length && memcmp(e->children[i]->name, name, length) == 0)
			return e->children[i];
	return NULL;
}

const struct field *schema_field(const struct element *e, const char *name)
{
	for (size_t i = 0; i < e->field_count; i++)
		if (strcmp(e->fields[i].name, name) == 0)
			return &e->fields[i];
	return NULL;
}

const char *schema_nearest_field(const struct element *e, const char *name)
{
	const char *names[256];
	size_t n = 0;

	for (size_t i = 0; i < e->field_count && n < COUNT_OF(names); i++)
		names[n++] = e->fields[i].name;
	return text_nearest(name, names, n);
}

const char *schema_nearest_child(const struct element *e, const char *name)
{
	const char *names[256];
	size_t n = 0;

	for (size_t i = 0; e->children && e->children[i] && n < COUNT_OF(names); i++)
		names[n++] = e->children[i]->name;
	return text_nearest(name, names, n);
}

/* Walks "child.2.attribute" to the element and object that hold the attribute. `append` lets an index one past the end
 * make a new item. Returns false (with err filled when there is a nearest name to give). */
static bool walk(const struct element **e, unsigned char **obj, const char **path, const char *origin, bool append,
		 struct arena *arena, struct err *err)
{
	const char *dot;

	while ((dot = strchr(*path, '.'))) {
		const struct element *child = schema_child(*e, *path, (size_t)(dot - *path));

		if (!child) {
			char name[64];
			const char *near;

			snprintf(name, sizeof(name), "%.*s", (int)(dot - *path), *path);
			near = schema_nearest_child(*e, name);
			return err_set(err, ERR_INPUT, "%s: no '%s' in %s%s%s%s", origin, name, (*e)->name,
				       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		}
		*path = dot + 1;
		if (!child->repeated) {
			*obj += child->offset;
		} else {
			size_t count, index;
			unsigned char *items;
			char *end;

			memcpy(&count, *obj + child->count_offset, sizeof(count));
			index = strtoul(*path, &end, 10);
			if (!isdigit((unsigned char)**path) || *end != '.' || index > count || (index == count && !append))
				return err_set(err, ERR_INPUT, "%s: '%s' is a list of %zu: expected %s.INDEX.ATTRIBUTE", origin,
					       child->name, count, child->name);
			if (index == count && !schema_append(child, *obj, arena, err))
				return false;
			memcpy(&items, *obj + child->offset, sizeof(items));
			*obj = items + index * child->size;
			*path = end + 1;
		}
		*e = child;
	}
	return true;
}

bool schema_set(const struct element *root, void *obj, const char *path, const char *value, const char *origin,
		struct arena *arena, struct err *err)
{
	unsigned char *at = obj;
	const struct field *field;
	const char *near;

	if (!walk(&root, &at, &path, origin, true, arena, err))
		return false;
	field = schema_field(root, path);
	if (field)
		return schema_value_set(field, at, value, origin, 0, arena, err);
	near = schema_nearest_field(root, path);
	return err_set(err, ERR_INPUT, "%s: no '%s' in %s%s%s%s", origin, path, root->name, near ? "; did you mean '" : "",
		       near ? near : "", near ? "'?" : "");
}

bool schema_get(const struct element *root, const void *obj, const char *path, struct str *out)
{
	unsigned char *at = (unsigned char *)(uintptr_t)obj;   /* only read */
	const struct field *field;

	if (!walk(&root, &at, &path, "", false, NULL, NULL))
		return false;
	field = schema_field(root, path);
	return field && schema_value_text(field, at, out);
}

struct visit {
	void (*call)(const char *path, const struct field *field, const char *value, void *ctx);
	void *ctx;
	struct str path, value;
};

static void each(const struct element *e, const unsigned char *obj, struct visit *v)
{
	size_t base = v->path.length;

	if (v->path.failed || v->value.failed)
		return;                /* a path or value cut short must not be taken for a real one */
	for (size_t i = 0; i < e->field_count; i++) {
		str_clear(&v->value);
		if (!schema_value_text(&e->fields[i], obj, &v->value))
			continue;
		str_add(&v->path, e->fields[i].name);
		if (v->path.failed || v->value.failed)
			return;
		v->call(str_text(&v->path), &e->fields[i], str_text(&v->value), v->ctx);
		v->path.length = base;
	}
	for (size_t i = 0; e->children && e->children[i]; i++) {
		const struct element *child = e->children[i];
		const unsigned char *items = obj + child->offset;
		size_t count = 1;

		if (child->repeated) {
			memcpy(&count, obj + child->count_offset, sizeof(count));
			memcpy(&items, obj + child->offset, sizeof(items));
		}
		for (size_t k = 0; k < count; k++) {
			if (child->repeated)
				str_addf(&v->path, "%s.%zu.", child->name, k);
			else
				str_addf(&v->path, "%s.", child->name);
			each(child, items + k * child->size, v);
			v->path.length = base;
			if (v->path.text)
				v->path.text[base] = '\0';
		}
	}
}

bool schema_each(const struct element *root, const void *obj,
		 void (*call)(const char *path, const struct field *field, const char *value, void *ctx), void *ctx)
{
	struct visit v = { .call = call, .ctx = ctx };
	bool ok;

	each(root, obj, &v);
	ok = !v.path.failed && !v.value.failed;
	str_release(&v.path);
	str_release(&v.value);
	return ok;
}
