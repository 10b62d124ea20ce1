#include <math.h>
#include <string.h>

#include "cli/study_json.h"
#include "cli/study_read.h"

/* A search being read. */
struct reading {
	struct study_json json;
	struct search *s;
};

/* Labels are "NAME=VALUE NAME=VALUE": the names that were typed, which the space alone does not tell. */
static void axis_names(struct reading *r, const json_t *root)
{
	const json_t *first = json_array_get(json_object_get(root, "best"), 0), *values = json_object_get(first, "values");
	const char *at = json_string_value(json_object_get(first, "label"));

	for (size_t i = 0; at && i < r->s->space.count; i++) {
		struct axis *a = &r->s->space.axes[i];
		const char *value = json_string_value(json_object_get(values, a->path)), *equals = strchr(at, '=');
		char *name = equals ? arena_printf(r->json.arena, "%.*s", (int)(equals - at), at) : NULL;

		if (!name || !value || strncmp(equals + 1, value, strlen(value)) != 0)
			return;
		a->name = name;
		at = equals + 1 + strlen(value);
		at += *at == ' ';
	}
}

static bool axes(struct reading *r, const json_t *root)
{
	const char *path;
	json_t *values;

	json_object_foreach(json_object_get(root, "space"), path, values) {
		const char *dot = strrchr(path, '.');

		if (!study_axis(&r->json, &r->s->space, dot ? dot + 1 : path, path, values))
			return false;
	}
	axis_names(r, root);
	return r->s->space.count > 0;
}

/* The place of the candidate, which is added when it is new; the room for it is there. */
static size_t candidate(struct reading *r, const json_t *object)
{
	struct search *s = r->s;
	double index = study_number(object, "candidate");
	struct candidate *c = &s->candidates[s->count];

	if (!(index >= 0) || index >= (double)space_size(&s->space)) {
		r->json.failed = true;
		return 0;
	}
	for (size_t i = 0; i < s->count; i++)
		if (s->candidates[i].index == (int64_t)index)
			return i;
	*c = (struct candidate){ .index = (int64_t)index, .outcome = arena_alloc(r->json.arena, sizeof(*c->outcome)) };
	if (!c->outcome) {
		r->json.failed = true;
		return 0;
	}
	study_outcome(&r->json, object, c->outcome);
	return s->count++;
}

static size_t *list(struct reading *r, const json_t *root, const char *key, size_t *count)
{
	const json_t *array = json_object_get(root, key);
	size_t *out = study_array(&r->json, root, key, sizeof(*out), count);

	for (size_t i = 0; i < *count; i++)
		out[i] = candidate(r, json_array_get(array, i));
	return out;
}

/* "interval": {"rel_error_of_times": .., FIGURE: [low, high]}. Which end is the faster one does not matter to what shows them. */
static void intervals(struct reading *r, const json_t *root)
{
	const json_t *best = json_object_get(root, "best");
	struct search *s = r->s;

	s->intervals = arena_alloc(r->json.arena, (s->best_count + 1) * sizeof(*s->intervals));
	for (size_t i = 0; s->intervals && i < s->best_count; i++) {
		const json_t *object = json_object_get(json_array_get(best, i), "interval");
		struct interval *in = &s->intervals[s->interval_count];

		if (!object)
			break;
		in->rel_error = study_number(object, "rel_error_of_times");
		outcome_init(&in->faster);
		outcome_init(&in->slower);
		in->kept = true;
		in->slower.slos_met = true;            /* not kept: nothing is said of it */
		for (int f = 0; f < FIGURES; f++) {
			const json_t *ends = json_object_get(object, figures[f].name);

			in->faster.value[f] = json_is_number(json_array_get(ends, 0)) ? json_number_value(json_array_get(ends, 0)) : NAN;
			in->slower.value[f] = json_is_number(json_array_get(ends, 1)) ? json_number_value(json_array_get(ends, 1)) : NAN;
		}
		s->interval_count++;
	}
}

static size_t whole(const json_t *object, const char *key)
{
	double value = study_number(object, key);

	return value > 0 && value < 1e15 ? (size_t)value : 0;
}

static void counts(struct reading *r, const json_t *root, struct search_view *view)
{
	struct search *s = r->s;

	view->total = whole(root, "candidates");
	view->wall_s = study_number(root, "wall_s");
	s->simulated = whole(root, "evaluated");
	s->feasible = whole(root, "feasible");
	for (int i = 0; i < OUTCOME_STATUSES; i++)
		s->with_status[i] = whole(json_object_get(root, "decided"), outcome_status_names[i]);
	s->interrupted = study_flag(root, "interrupted");
}

static bool read_root(struct reading *r, const json_t *root, struct search_options *o, struct search_view *view)
{
	static const char schema[] = "vibee.search/1";
	static const char *const fronts[FRONTS] = { "pareto", "pareto_throughput" };
	struct search *s = r->s;
	size_t most = json_array_size(json_object_get(root, "best"));

	if (strcmp(study_text(&r->json, root, "schema"), schema) != 0 || !axes(r, root))
		return study_fault(&r->json, schema);
	o->objective = objective_find(study_text(&r->json, root, "objective"), r->json.err);
	if (!o->objective)
		return false;
	for (int f = 0; f < FRONTS; f++)
		most += json_array_size(json_object_get(root, fronts[f]));
	s->candidates = arena_alloc(r->json.arena, (most + 1) * sizeof(*s->candidates));
	if (!s->candidates)
		return err_memory(r->json.err);
	counts(r, root, view);
	s->best = list(r, root, "best", &s->best_count);
	for (int f = 0; f < FRONTS; f++)
		s->fronts[f] = list(r, root, fronts[f], &s->front_counts[f]);
	if (r->json.failed)
		return r->json.err->kind == ERR_NONE && study_fault(&r->json, schema);
	for (int f = 0; f < FRONTS; f++)
		for (size_t i = 0; i < s->front_counts[f]; i++)
			s->candidates[s->fronts[f][i]].front[f] = true;
	intervals(r, root);
	o->capacity = s->best_count > 0 && !isnan(s->candidates[s->best[0]].outcome->value[FIGURE_CAPACITY_QPS]);
	view->title = study_text(&r->json, root, "title");
	return !r->json.failed || (r->json.err->kind == ERR_NONE && study_fault(&r->json, schema));
}

bool search_read(const char *document, struct search_view *view, struct arena *arena, struct err *err)
{
	struct reading r = { .json = { .arena = arena, .err = err }, .s = arena_alloc(arena, sizeof(*r.s)) };
	struct search_options *o = arena_alloc(arena, sizeof(*o));
	json_t *root = json_loads(document, JSON_ALLOW_NUL, NULL);
	bool ok;

	*view = (struct search_view){ .s = r.s, .options = o, .arena = arena };
	ok = r.s && o ? read_root(&r, root, o, view) : err_memory(err);
	json_decref(root);
	return ok;
}
