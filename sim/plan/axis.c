#include "sim/plan/axis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "hardware/operator.h"

enum { VALUES_MOST = 10000, NAMES_MOST = 512 };

/* Names that people use for attributes called otherwise. */
static const struct { const char *name, *path; } short_names[] = {
	{ "model", "model.name" }, { "seed", "seed" }, { "scheduler", "scheduler.name" }, { "prefill-pool", "deployment.prefill_replicas" },
	{ "dp-attention", "deployment.dp_attention" },
};
enum { SHORT_FOR_ALL = 2 };    /* of them, those that any table has */

struct names {
	const char *paths[NAMES_MOST], *leaves[NAMES_MOST];
	size_t count;
	struct arena *arena;
};

static void list(const struct element *e, const char *prefix, struct names *n)
{
	for (size_t i = 0; i < e->field_count && n->count < NAMES_MOST; i++) {
		n->leaves[n->count] = e->fields[i].name;
		n->paths[n->count++] = arena_printf(n->arena, "%s%s", prefix, e->fields[i].name);
	}
	for (size_t i = 0; e->children && e->children[i]; i++)
		if (!e->children[i]->repeated)
			list(e->children[i], arena_printf(n->arena, "%s%s.", prefix, e->children[i]->name), n);
}

static const struct element *root_of(const struct space *s)
{
	return s->root ? s->root : &scenario_element;
}

static const char *not_an_attribute(const struct element *root, const char *name, const char *origin, const struct names *n, struct err *err)
{
	const char *all[2 * NAMES_MOST + 2], *near;
	size_t count = 0;

	for (size_t i = 0; i < n->count; i++) {
		all[count++] = n->leaves[i];
		all[count++] = n->paths[i];
	}
	all[count++] = "with";
	if (root == &scenario_element)
		all[count++] = "workload";
	near = text_nearest(name, all, count);
	err_set(err, ERR_INPUT, "%s: no attribute '%s' in a %s%s%s%s", origin, name, root == &scenario_element ? "scenario" : "training job",
		near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : root == &scenario_element ? "; 'vibee-sim catalog reference scenarios' lists them" : "; 'vibee-sim catalog reference jobs' lists them");
	return NULL;
}

const char *axis_path(const struct space *s, const char *name, const char *origin, enum axis_kind *kind, struct arena *arena, struct err *err)
{
	struct names *n = arena_alloc(arena, sizeof(*n));
	char *plain = arena_strdup(arena, name);
	const char *found = NULL;
	size_t hits = 0;
	bool serving = root_of(s) == &scenario_element;

	if (!n || !plain) {
		err_memory(err);
		return NULL;
	}
	for (char *c = plain; *c; c++)
		if (*c == '-')
			*c = '_';
	*kind = strcmp(plain, "with") == 0 ? AXIS_TECHNIQUES : serving && (strcmp(plain, "workload") == 0 || strcmp(plain, "workload.name") == 0) ?
		AXIS_WORKLOAD : AXIS_VALUE;
	if (*kind != AXIS_VALUE)
		return *kind == AXIS_WORKLOAD ? "workload.name" : "with";
	for (size_t i = 0; i < COUNT_OF(short_names); i++)
		if ((serving || i < SHORT_FOR_ALL) && strcmp(name, short_names[i].name) == 0)
			return short_names[i].path;
	n->arena = arena;
	list(root_of(s), "", n);
	for (size_t i = 0; i < n->count; i++) {
		if (strcmp(n->paths[i], plain) == 0)
			return n->paths[i];
		if (strcmp(n->leaves[i], plain) == 0) {
			found = n->paths[i];
			hits++;
		}
	}
	if (hits == 1)
		return found;
	/* Items of lists (workload.class.0.share) are left to the table's own check when the value is set. */
	if (hits == 0 && strpbrk(plain, "0123456789") && strchr(plain, '.'))
		return plain;
	if (hits > 1) {
		err_set(err, ERR_INPUT, "%s: '%s' is the name of several attributes, for example %s: expected the whole path", origin, name, found);
		return NULL;
	}
	return not_an_attribute(root_of(s), name, origin, n, err);
}

struct values {
	const char **at;
	size_t count, capacity;
};

static bool push(struct values *v, const char *text, const char *origin, struct arena *arena, struct err *err)
{
	if (v->count == VALUES_MOST)
		return err_set(err, ERR_INPUT, "%s: expected at most %d values", origin, VALUES_MOST);
	if (v->count == v->capacity) {
		size_t n = v->capacity ? 2 * v->capacity : 16;
		const char **grown = arena_alloc(arena, n * sizeof(*grown));

		if (!grown)
			return err_memory(err);
		if (v->count)
			memcpy(grown, v->at, v->count * sizeof(*grown));
		v->at = grown;
		v->capacity = n;
	}
	if (!text)
		return err_memory(err);
	v->at[v->count++] = text;
	return true;
}

/* "1..8" counts, "1..64*2" multiplies; true when the text is such a range. */
static bool push_range(struct values *v, char *text, const char *origin, bool *is_range, struct arena *arena, struct err *err)
{
	char *dots = strstr(text, ".."), *star, *copy;
	double from, to, factor = 0;

	*is_range = false;
	if (!dots || !(copy = arena_strdup(arena, text)))
		return true;
	copy[dots - text] = '\0';
	star = strchr(copy + (dots - text) + 2, '*');
	if (star)
		*star = '\0';
	if (!text_to_double(copy, &from) || !text_to_double(copy + (dots - text) + 2, &to) || (star && !text_to_double(star + 1, &factor)))
		return true;
	*is_range = true;
	if (from > to || (star && !(factor > 1 && from > 0)) || (to - from > VALUES_MOST && !star))
		return err_set(err, ERR_INPUT, "%s: '%s': expected a range such as 1..8 or 1..64*2", origin, text);
	for (double x = from; x <= to * (1 + 1e-12); x = star ? x * factor : x + 1)
		if (!push(v, arena_printf(arena, "%.12g", x), origin, arena, err))
			return false;
	return true;
}

static bool is_dtype(const char *path)
{
	return text_ends(path, "dtype");
}

static bool read_values(struct axis *a, char *text, const char *origin, struct arena *arena, struct err *err)
{
	const char *divider = strchr(text, ';') ? ";" : ",";
	struct values v = { 0 };
	char *save = NULL;

	for (char *part = strtok_r(text, divider, &save); part; part = strtok_r(NULL, divider, &save)) {
		bool is_range = false;

		part = text_trim(part);
		if (a->kind == AXIS_VALUE && !push_range(&v, part, origin, &is_range, arena, err))
			return false;
		if (is_range)
			continue;
		if (is_dtype(a->path) && dtype_parse(part) >= 0)
			part = (char *)(uintptr_t)dtype_names[dtype_parse(part)];
		if (!push(&v, part, origin, arena, err))
			return false;
	}
	if (v.count == 0)
		return err_set(err, ERR_INPUT, "%s: expected values, for example tp=1,2,4", origin);
	a->values = v.at;
	a->count = v.count;
	return true;
}

/* Every value is tried on an object of defaults, so that a wrong one is found before anything runs. */
static bool check_values(const struct element *root, const struct axis *a, const char *origin, struct arena *arena, struct err *err)
{
	void *trial = a->kind == AXIS_VALUE && !strpbrk(a->path, "0123456789") ? arena_alloc(arena, root->size) : NULL;

	if (trial && !schema_defaults(root, trial, arena, err))
		return false;
	for (size_t i = 0; trial && i < a->count; i++)
		if (!schema_set(root, trial, a->path, a->values[i], origin, arena, err))
			return false;
	return true;
}

bool space_add(struct space *s, const char *text, const char *origin, struct arena *arena, struct err *err)
{
	char *copy = arena_strdup(arena, text), *equals = copy ? strchr(copy, '=') : NULL;
	struct axis a = { 0 };
	size_t at = 0;

	if (!copy)
		return err_memory(err);
	if (!equals || equals == copy)
		return err_set(err, ERR_INPUT, "%s: expected NAME=VALUE,VALUE,..., for example tp=1,2,4", origin);
	*equals = '\0';
	a.name = text_trim(copy);
	a.path = axis_path(s, a.name, origin, &a.kind, arena, err);
	if (!a.path || !read_values(&a, equals + 1, origin, arena, err) || !check_values(root_of(s), &a, origin, arena, err))
		return false;
	while (at < s->count && strcmp(s->axes[at].path, a.path) != 0)
		at++;
	if (at == AXES_MOST)
		return err_set(err, ERR_INPUT, "%s: expected at most %d axes", origin, AXES_MOST);
	s->axes[at] = a;
	if (at == s->count)
		s->count++;
	return true;
}

int64_t space_size(const struct space *s)
{
	int64_t n = 1;

	for (size_t i = 0; i < s->count; i++)
		if (__builtin_mul_overflow(n, (int64_t)s->axes[i].count, &n))
			return INT64_MAX;
	return n;
}

void space_at(const struct space *s, int64_t n, size_t choice[AXES_MOST])
{
	for (size_t i = s->count; i-- > 0; n /= (int64_t)s->axes[i].count)
		choice[i] = (size_t)(n % (int64_t)s->axes[i].count);
}

static bool apply_techniques(struct scenario *sc, const char *value, struct arena *arena, struct err *err)
{
	char *copy = arena_strdup(arena, value), *save = NULL;

	sc->techniques = NULL;
	sc->technique_count = 0;
	if (!copy)
		return err_memory(err);
	for (char *one = strtok_r(copy, "+", &save); one; one = strtok_r(NULL, "+", &save))
		if (strcmp(one, "none") != 0 && !scenario_with(sc, one, arena, err))
			return false;
	return true;
}

static bool sets(const struct space *s, const int *choice, const char *path)
{
	for (size_t i = 0; i < s->count; i++)
		if (choice[i] != AXIS_KEEP && strcmp(s->axes[i].path, path) == 0)
			return true;
	return false;
}

static void make_void(const struct space *s, const int *choice, struct scenario *sc)
{
	bool device = sets(s, choice, "hardware.device"), system = sets(s, choice, "hardware.system");

	if (device && !system)
		sc->hardware.system = NULL;
	if (system && !device)
		sc->hardware.device = NULL;
	if (sets(s, choice, "scheduler.name") && !sets(s, choice, "hardware.stack"))
		sc->hardware.stack = NULL;
}

/* Lists inside a scenario are shared by plain copies; one whose items are to change is copied whole, through its XML. */
static bool copy_scenario(const struct space *s, const struct scenario *base, struct scenario *out, struct arena *arena, struct err *err)
{
	const char *folder = base->workload.folder;
	struct str xml = { 0 };
	bool deep = false, ok;

	*out = *base;
	for (size_t i = 0; i < s->count; i++)
		deep |= strpbrk(s->axes[i].path, "0123456789") != NULL && s->axes[i].kind == AXIS_VALUE;
	if (!deep)
		return true;
	schema_write_xml(&scenario_element, base, &xml);
	ok = !xml.failed && schema_load_text("base", str_text(&xml), xml.length, &scenario_element, out, arena, err);
	out->workload.folder = folder;
	str_release(&xml);
	return ok;
}

struct scenario *space_scenario(const struct space *s, const struct scenario *base, const int *choice, struct arena *arena, struct err *err)
{
	struct scenario *sc = arena_alloc(arena, sizeof(*sc));

	if (!sc) {
		err_memory(err);
		return NULL;
	}
	if (!copy_scenario(s, base, sc, arena, err))
		return NULL;
	/* A workload first: it would undo what other axes set in it. */
	for (size_t i = 0; i < s->count; i++)
		if (choice[i] != AXIS_KEEP && s->axes[i].kind == AXIS_WORKLOAD &&
		    !scenario_workload(sc, s->axes[i].values[choice[i]], arena, err))
			return NULL;
	make_void(s, choice, sc);
	for (size_t i = 0; i < s->count; i++) {
		const struct axis *a = &s->axes[i];
		const char *value = choice[i] == AXIS_KEEP ? NULL : a->values[choice[i]];

		if (!value || a->kind == AXIS_WORKLOAD)
			continue;
		if (a->kind == AXIS_TECHNIQUES ? !apply_techniques(sc, value, arena, err) :
						 !schema_set(&scenario_element, sc, a->path, value, a->name, arena, err))
			return NULL;
	}
	return sc;
}

const char *axis_base_text(const struct axis *a, const struct scenario *base, struct arena *arena)
{
	struct str text = { 0 };
	const char *kept;

	if (a->kind == AXIS_TECHNIQUES) {
		for (size_t i = 0; i < base->technique_count; i++)
			str_addf(&text, "%s%s", i ? "+" : "", base->techniques[i].id);
		if (base->technique_count == 0)
			str_add(&text, "none");
	} else if (!schema_get(&scenario_element, base, a->path, &text) || text.length == 0) {
		str_clear(&text);
		str_add(&text, "default");
	}
	kept = arena_strdup(arena, str_text(&text));
	str_release(&text);
	return kept ? kept : "";
}
