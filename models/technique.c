#include "models/technique.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/paths.h"
#include "base/str.h"

static const char root_name[] = "models/techniques";

enum { NAMES_MOST = 1024 };

/* Ids compare in lower case with underscores for hyphens and blanks. */
static void plain(char *out, size_t room, const char *name, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length && n + 1 < room; i++) {
		unsigned char c = (unsigned char)name[i];

		out[n++] = c == '-' || c == ' ' || c == '.' ? '_' : (char)tolower(c);
	}
	out[n] = '\0';
}

/* Letters before "_vNNNN", or the whole. */
static size_t stem(const char *id)
{
	const char *v = strrchr(id, '_');

	return v && v[1] == 'v' && isdigit((unsigned char)v[2]) ? (size_t)(v - id) : strlen(id);
}

struct listing {
	const char **names, **paths;
	size_t count;
};

static bool list_area(struct listing *all, const char *folder, struct arena *arena, struct err *err)
{
	size_t count;
	const char *const *names;

	if (!paths_is_folder(folder))
		return true;
	names = paths_list(folder, ".xml", &count, arena, err);
	if (!names)
		return false;
	for (size_t i = 0; i < count && all->count < NAMES_MOST; i++) {
		const char *path = arena_printf(arena, "%s/%s.xml", folder, names[i]);
		size_t at = all->count++;

		if (!path)
			return err_memory(err);
		for (; at > 0 && strcmp(all->names[at - 1], names[i]) > 0; at--) {
			all->names[at] = all->names[at - 1];
			all->paths[at] = all->paths[at - 1];
		}
		all->names[at] = names[i];
		all->paths[at] = path;
	}
	return true;
}

static bool list_all(struct listing *all, struct arena *arena, struct err *err)
{
	const char *root = paths_data(root_name, arena, err);

	all->count = 0;
	all->names = arena_alloc(arena, (NAMES_MOST + 1) * sizeof(*all->names));
	all->paths = arena_alloc(arena, (NAMES_MOST + 1) * sizeof(*all->paths));
	if (!root)
		return false;
	if (!all->names || !all->paths)
		return err_memory(err);
	for (int a = 0; a < AREA_COUNT; a++) {
		const char *folder = arena_printf(arena, "%s/%s", root, technique_area_names[a]);

		if (!folder)
			return err_memory(err);
		if (!list_area(all, folder, arena, err))
			return false;
	}
	return true;
}

const char *const *technique_names(size_t *count, struct arena *arena, struct err *err)
{
	struct listing all;

	*count = 0;
	if (!list_all(&all, arena, err))
		return NULL;
	*count = all.count;
	return all.names;
}

/* Is one of the blank-separated aliases the wanted name? */
static bool has_alias(const char *path, const char *wanted, struct arena *arena)
{
	struct technique t;
	struct err ignored = { 0 };

	if (!schema_load(path, &technique_element, &t, arena, &ignored))
		return false;
	for (const char *p = t.aliases; p && *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		char word[128];

		plain(word, sizeof(word), p, n);
		if (text_equal(word, wanted))
			return true;
		p += n;
	}
	return false;
}

static const char *unknown(const char *name, const char *wanted, const struct listing *all, struct arena *arena, struct err *err)
{
	const char **near = arena_alloc(arena, 2 * (all->count + 1) * sizeof(*near)), *best;
	size_t n = 0;

	if (!near) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < all->count; i++) {
		near[n++] = all->names[i];
		near[n++] = arena_printf(arena, "%.*s", (int)stem(all->names[i]), all->names[i]);
	}
	best = text_nearest(wanted, near, n);
	for (size_t i = 0; best && i + 1 < n; i += 2)
		if (near[i + 1] && text_equal(near[i + 1], best))
			best = near[i];
	err_set(err, ERR_INPUT, "unknown technique '%s': %s%s%s", name, best ? "did you mean '" : "'vibee-sim tree' lists them",
		best ? best : "", best ? "'?" : "");
	return NULL;
}

const char *technique_path(const char *name, struct arena *arena, struct err *err)
{
	struct listing all;
	char wanted[128];

	if (strchr(name, '/') || text_ends(name, ".xml")) {
		const char *path = arena_strdup(arena, name);

		if (!path)
			err_memory(err);
		return path;
	}
	if (!list_all(&all, arena, err))
		return NULL;
	plain(wanted, sizeof(wanted), name, strlen(name));
	for (size_t i = 0; i < all.count; i++)
		if (text_equal(all.names[i], wanted))
			return all.paths[i];
	for (size_t i = 0; i < all.count; i++)
		if (strlen(wanted) == stem(all.names[i]) && strncmp(wanted, all.names[i], strlen(wanted)) == 0)
			return all.paths[i];
	for (size_t i = 0; i < all.count; i++)
		if (has_alias(all.paths[i], wanted, arena))
			return all.paths[i];
	return unknown(name, wanted, &all, arena, err);
}

/* A default must be what its own range or choices allow. */
static bool check_param(const struct technique *t, const struct technique_param *p, struct err *err)
{
	double v;

	if (p->choices)
		return text_has_word(p->choices, p->fallback) ||
		       err_set(err, ERR_INPUT, "%s: parameter %s: default=\"%s\": expected one of %s", t->path, p->name, p->fallback, p->choices);
	if (isnan(p->least) && isnan(p->most))
		return true;
	if (isnan(p->least) || isnan(p->most) || p->least > p->most)
		return err_set(err, ERR_INPUT, "%s: parameter %s: expected both least and most, in that order", t->path, p->name);
	if (!text_to_double(p->fallback, &v) || v < p->least || v > p->most)
		return err_set(err, ERR_INPUT, "%s: parameter %s: default=\"%s\": expected %g to %g", t->path, p->name, p->fallback, p->least,
			       p->most);
	return true;
}

static bool check(const struct technique *t, struct err *err)
{
	const struct technique_ops *ops = technique_family(t->family);
	const char *names[256] = { NULL }, *near;
	size_t n = 0;

	for (; technique_families[n] && n < COUNT_OF(names); n++)
		names[n] = technique_families[n]->name;
	if (!ops) {
		near = text_nearest(t->family, names, n);
		return err_set(err, ERR_INPUT, "%s: family=\"%s\": not a mechanism family%s%s%s", t->path, t->family,
			       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	for (size_t i = 0; i < t->param_count; i++)
		if (!check_param(t, &t->params[i], err))
			return false;
	for (const char *p = ops->params; p && *p; p += strspn(p, " ")) {
		size_t length = strcspn(p, " "), i = 0;

		while (i < t->param_count && !(strlen(t->params[i].name) == length && strncmp(t->params[i].name, p, length) == 0))
			i++;
		if (i == t->param_count)
			return err_set(err, ERR_INPUT, "%s: family %s needs a parameter '%.*s'", t->path, t->family, (int)length, p);
		p += length;
	}
	return true;
}

const struct technique *technique_load(const char *name, struct arena *arena, struct err *err)
{
	const char *path = technique_path(name, arena, err);
	struct technique *t = path ? arena_alloc(arena, sizeof(*t)) : NULL;

	if (!t) {
		if (path)
			err_memory(err);
		return NULL;
	}
	if (!schema_load(path, &technique_element, t, arena, err))
		return NULL;
	t->path = path;
	return check(t, err) ? t : NULL;
}

const struct technique_ops *technique_family(const char *name)
{
	for (size_t i = 0; technique_families[i]; i++)
		if (text_equal(technique_families[i]->name, name))
			return technique_families[i];
	return NULL;
}
