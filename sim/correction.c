#include "sim/correction.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/paths.h"

#define AT(member) offsetof(struct correction, member)
static const struct field correction_fields[] = {
	{ "name", FIELD_TEXT, AT(name), 0, 0, 0, true, NULL, NULL, "what --correction takes" },
	{ "device", FIELD_TEXT, AT(device), 0, 0, 0, true, NULL, NULL, "device it was fitted on" },
	{ "stack", FIELD_TEXT, AT(stack), 0, 0, 0, false, NULL, NULL, "serving software it was fitted with" },
	{ "time_scale", FIELD_NUMBER, AT(time_scale), 1, 0.01, 100, false, "1", NULL, "factor on the time of every operator" },
	{ "step_us", FIELD_NUMBER, AT(step_s), 1e-6, 0, 1e7, false, "0", NULL, "host time more of every step" },
	{ "request_us", FIELD_NUMBER, AT(request_s), 1e-6, 0, 1e8, false, "0", NULL, "host time more before a request is seen" },
	{ "source", FIELD_TEXT, AT(source), 0, 0, 0, false, NULL, NULL, "what it was fitted to" },
	{ "runs", FIELD_NUMBER, AT(runs), 1, 0, 1e9, false, "0", NULL, "runs it was fitted to" },
	{ "error_before", FIELD_NUMBER, AT(error_before), 1, 0, 1e9, false, NULL, NULL, "mean relative error without it" },
	{ "error_after", FIELD_NUMBER, AT(error_after), 1, 0, 1e9, false, NULL, NULL, "and with it, on the same runs" },
};
const struct element correction_element = {
	.name = "correction", .fields = correction_fields, .field_count = COUNT_OF(correction_fields), .size = sizeof(struct correction),
	.help = "what a user's own measurements say of a device beyond its operators",
};

/* The folder of the user's corrections: beside the usual database (the XDG base directory rules). */
static const char *folder(struct arena *arena)
{
	const char *named = getenv("VIBEE_SIM_CORRECTIONS"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (named && *named)
		return named;
	if (data && *data == '/')
		return arena_printf(arena, "%s/vibee-sim/corrections", data);
	return home && *home ? arena_printf(arena, "%s/.local/share/vibee-sim/corrections", home) : "vibee-sim-corrections";
}

static bool is_path(const char *name)
{
	return strchr(name, '/') || text_ends(name, ".xml");
}

bool correction_check_name(const char *name, struct err *err)
{
	bool ok = *name && strlen(name) <= 64;

	for (const char *p = name; *p; p++)
		ok = ok && (isalnum((unsigned char)*p) || *p == '-' || *p == '_' || (*p == '.' && p != name));
	return ok && !is_path(name) ? true : err_set(err, ERR_INPUT, "correction '%s': expected a name of letters, digits, - and _", name);
}

const struct correction *correction_load(const char *name, struct arena *arena, struct err *err)
{
	struct correction *c = arena_alloc(arena, sizeof(*c));
	const char *where = folder(arena), *path = name, *near, *const *names;
	size_t count = 0;

	if (!c || !where) {
		err_memory(err);
		return NULL;
	}
	if (!is_path(name)) {
		path = arena_printf(arena, "%s/%s.xml", where, name);
		if (path && !paths_is_file(path)) {
			names = paths_is_folder(where) ? paths_list(where, ".xml", &count, arena, NULL) : NULL;
			near = names ? text_nearest(name, names, count) : NULL;
			err_set(err, ERR_INPUT, "correction '%s': none of that name in %s%s%s%s", name, where, near ? "; did you mean '" : "", near ? near : "",
				near ? "'?" : ": 'vibee-sim validate measured FILE --fit NAME' makes one");
			return NULL;
		}
	}
	if (!path) {
		err_memory(err);
		return NULL;
	}
	return schema_load(path, &correction_element, c, arena, err) ? c : NULL;
}

static bool make_folders(const char *path, struct arena *arena, struct err *err)
{
	char *copy = arena_strdup(arena, path);

	if (!copy)
		return err_memory(err);
	for (char *p = copy + 1;; p++)
		if (*p == '/' || *p == '\0') {
			char held = *p;

			*p = '\0';
			if (mkdir(copy, 0777) != 0 && errno != EEXIST && !paths_is_folder(copy))
				return err_set(err, ERR_IO, "%s: cannot be made: %s", copy, strerror(errno));
			*p = held;
			if (!held)
				return true;
		}
}

bool correction_save(const struct correction *c, const char **path, struct arena *arena, struct err *err)
{
	const char *where = folder(arena);
	struct str out = { 0 };
	bool ok;

	if (!correction_check_name(c->name, err))
		return false;
	*path = where ? arena_printf(arena, "%s/%s.xml", where, c->name) : NULL;
	if (!*path)
		return err_memory(err);
	schema_write_xml(&correction_element, c, &out);
	ok = make_folders(where, arena, err) && paths_write_str(*path, &out, err);
	str_release(&out);
	return ok;
}
