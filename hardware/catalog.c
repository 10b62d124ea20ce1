#include "hardware/catalog.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"

enum { ENTRY_MOST = 1 << 20, NAMES_MOST = 1024 };

/* Names compare in lower case with hyphens for blanks, underscores and slashes. */
static void plain(char *out, size_t room, const char *name, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length && n + 1 < room; i++) {
		unsigned char c = (unsigned char)name[i];

		out[n++] = c == '_' || c == ' ' ? '-' : (char)tolower(c);
	}
	out[n] = '\0';
}

/* The aliases of an entry, read from the text of its root element: a whole parse of every file would cost more than
 * the simulation of a small scenario. */
static const char *aliases_of(const char *path, struct arena *arena)
{
	size_t length;
	char *text = paths_read(path, ENTRY_MOST, &length, NULL), *at, *end;
	const char *out = NULL;

	if (!text)
		return NULL;
	at = strstr(text, "aliases=\"");
	if (at) {
		at += strlen("aliases=\"");
		end = strchr(at, '"');
		if (end) {
			*end = '\0';
			out = arena_strdup(arena, at);
		}
	}
	mem_free(text);
	return out;
}

/* Walks the blank-separated words of an alias list; true when one is the wanted name. Each is also offered to `near`. */
static bool has_alias(const char *list, const char *wanted, const char **near, size_t *count, struct arena *arena)
{
	while (list && *list) {
		size_t n = strcspn(list, " ");
		char word[128];

		plain(word, sizeof(word), list, n);
		if (n && text_equal(word, wanted))
			return true;
		if (n && *count < NAMES_MOST && (near[*count] = arena_strdup(arena, word)))
			++*count;
		list += n;
		while (*list == ' ')
			list++;
	}
	return false;
}

const char *catalog_aliases(const char *folder, const char *name, struct arena *arena)
{
	const char *root = paths_data(folder, arena, NULL), *path = root ? arena_printf(arena, "%s/%s.xml", root, name) : NULL;

	return path ? aliases_of(path, arena) : NULL;
}

const char *const *catalog_names(const char *folder, size_t *count, struct arena *arena, struct err *err)
{
	const char *path = paths_data(folder, arena, err);

	*count = 0;
	return path ? paths_list(path, ".xml", count, arena, err) : NULL;
}

/* An unknown name: the nearest of all names and aliases, or the beginning of the list. */
static const char *unknown(const char *what, const char *name, const char *const *near, size_t count, struct err *err)
{
	const char *best = text_nearest(name, near, count);
	struct str some = { 0 };

	if (!best)
		for (size_t i = 0; i < count && i < 8; i++)
			str_addf(&some, "%s%s", i ? " " : "", near[i]);
	if (best)
		err_set(err, ERR_INPUT, "unknown %s '%s': did you mean '%s'?", what, name, best);
	else
		err_set(err, ERR_INPUT, "unknown %s '%s': expected one of %s ... or a path ending in .xml", what, name,
			str_text(&some));
	str_release(&some);
	return NULL;
}

const char *catalog_find(const char *folder, const char *what, const char *name, struct arena *arena, struct err *err)
{
	const char *root, *path, *const *names, **near;
	char wanted[128];
	size_t count, n = 0;

	if (!name || !*name) {
		err_set(err, ERR_INPUT, "%s name is empty: expected a catalog name or a path ending in .xml", what);
		return NULL;
	}
	if (strchr(name, '/') || text_ends(name, ".xml")) {
		path = arena_strdup(arena, name);
		if (!path)
			err_memory(err);
		return path;
	}
	root = paths_data(folder, arena, err);
	if (!root)
		return NULL;
	plain(wanted, sizeof(wanted), name, strlen(name));
	path = arena_printf(arena, "%s/%s.xml", root, wanted);
	if (path && paths_is_file(path))
		return path;
	names = paths_list(root, ".xml", &count, arena, err);
	if (!names)
		return NULL;
	near = arena_alloc(arena, NAMES_MOST * sizeof(*near));
	if (!near) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < count && n < NAMES_MOST; i++)
		near[n++] = names[i];
	for (size_t i = 0; i < count; i++) {
		path = arena_printf(arena, "%s/%s.xml", root, names[i]);
		if (path && has_alias(aliases_of(path, arena), wanted, near, &n, arena))
			return path;
	}
	return unknown(what, name, near, n, err);
}
