#include "models/model.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "models/hf_config.h"
#include "models/inplace.h"

static const char folder_name[] = "models/llm";

static struct model *load_xml(const char *path, struct arena *arena, struct err *err)
{
	struct model *m = arena_alloc(arena, sizeof(*m));

	if (!m) {
		err_memory(err);
		return NULL;
	}
	return schema_load(path, &model_element, m, arena, err) && model_finish(m, path, arena, err) ? m : NULL;
}

const char *const *model_names(size_t *count, struct arena *arena, struct err *err)
{
	const char *folder = paths_data(folder_name, arena, err);

	return folder ? paths_list(folder, ".xml", count, arena, err) : NULL;
}

/* Letter case does not matter, and blanks and underscores stand for hyphens. */
static bool same_letter(char a, char b)
{
	a = (char)tolower((unsigned char)a), b = (char)tolower((unsigned char)b);
	return (a == '_' || a == ' ' ? '-' : a) == (b == '_' || b == ' ' ? '-' : b);
}

static bool same_name(const char *a, size_t length, const char *b)
{
	if (strlen(b) != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!same_letter(a[i], b[i]))
			return false;
	return true;
}

/* Is `word` one of the blank-separated words of `list`, or what follows the slash of one (a Hugging Face id)? */
static bool among(const char *list, const char *word)
{
	for (const char *p = list; p && *p;) {
		size_t n = strcspn(p, " \t\n"), owner = strcspn(p, "/");

		if (same_name(p, n, word) || (owner < n && same_name(p + owner + 1, n - owner - 1, word)))
			return true;
		p += n + strspn(p + n, " \t\n");
	}
	return false;
}

struct candidates {
	const char **names;
	size_t count, capacity;
};

static void add_candidate(struct candidates *c, const char *name)
{
	if (mem_grow(&c->names, &c->capacity, c->count + 1, sizeof(*c->names)))
		c->names[c->count++] = name;
}

static void add_aliases(struct candidates *c, const char *aliases, struct arena *arena)
{
	char *list = aliases ? arena_strdup(arena, aliases) : NULL, *save = NULL;

	for (char *p = list ? strtok_r(list, " \t\n", &save) : NULL; p; p = strtok_r(NULL, " \t\n", &save))
		add_candidate(c, p);
}

/* The catalog entry that has `name` as an alias; NULL with the nearest name in err. */
static const struct model *load_alias(const char *name, struct arena *arena, struct err *err)
{
	struct candidates c = { 0 };
	const struct model *found = NULL;
	const char *near;
	size_t count = 0;
	struct arena *scan = arena_new();
	const char *folder = scan ? paths_data(folder_name, scan, err) : NULL;
	const char *const *names = folder ? paths_list(folder, ".xml", &count, scan, err) : NULL;

	if (!names)
		goto out;
	for (size_t i = 0; i < count && !found; i++) {
		const char *path = arena_printf(scan, "%s/%s.xml", folder, names[i]);
		struct model m;

		if (!path) {
			err_memory(err);
			goto out;
		}
		if (!schema_load(path, &model_element, &m, scan, err))
			goto out;
		if (same_name(names[i], strlen(names[i]), name) || among(m.aliases, name)) {
			found = load_xml(path, arena, err);
			goto out;
		}
		add_candidate(&c, names[i]);
		add_aliases(&c, m.aliases, scan);
	}
	near = text_nearest(name, c.names, c.count);
	err_set(err, ERR_INPUT,
		"model '%s' is not in the catalog of %zu models; expected a name, a Hugging Face id, a config.json, an "
		"XML "
		"file or gpt:layers=...%s%s%s",
		name, count, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
out:
	mem_free(c.names);
	arena_free(scan);
	return found;
}

static const struct model *load_catalog(const char *name, struct arena *arena, struct err *err)
{
	const char *folder;

	if (strchr(name, '/') || name[0] == '.')
		return load_alias(name, arena, err);
	folder = paths_data(folder_name, arena, err);
	if (!folder)
		return NULL;
	folder = arena_printf(arena, "%s/%s.xml", folder, name);
	if (!folder) {
		err_memory(err);
		return NULL;
	}
	return paths_is_file(folder) ? load_xml(folder, arena, err) : load_alias(name, arena, err);
}

const struct model *model_load(const char *name, struct arena *arena, struct err *err)
{
	const char *config;

	if (inplace_matches(name))
		return inplace_read(name, arena, err);
	if (text_ends(name, ".json"))
		return hf_config_read(name, arena, err);
	if (text_ends(name, ".xml"))
		return load_xml(name, arena, err);
	if (!paths_is_folder(name))
		return load_catalog(name, arena, err);
	config = arena_printf(arena, "%s/config.json", name);
	if (!config) {
		err_memory(err);
		return NULL;
	}
	return paths_is_file(config) ? hf_config_read(config, arena, err) : load_catalog(name, arena, err);
}
