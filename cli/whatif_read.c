#include <string.h>

#include "cli/study_json.h"
#include "cli/study_read.h"
#include "cli/whatif_options.h"

static struct certainty certainty(struct study_json *r, const json_t *object)
{
	int verdict = study_name(study_text(r, object, "verdict"), verdict_names, VERDICT_CERTAIN + 1);

	return (struct certainty){ study_number(object, "sigma"), study_number(object, "probability"), verdict < 0 ? VERDICT_NONE : (enum verdict)verdict };
}

static void axes(struct study_json *r, const json_t *root, struct space *space)
{
	const json_t *list = json_object_get(root, "axes");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *a = json_array_get(list, i);

		if (!study_axis(r, space, study_text(r, a, "name"), study_text(r, a, "path"), json_object_get(a, "values")))
			r->failed = true;
	}
}

static void variant(struct study_json *r, const struct whatif *w, const json_t *object, struct variant *out)
{
	const json_t *values = json_object_get(object, "values"), *sure = json_object_get(object, "certainty");

	out->label = study_text(r, object, "label");
	study_outcome(r, object, &out->outcome);
	for (size_t k = 0; k < w->space.count; k++) {
		const struct axis *a = &w->space.axes[k];
		const char *value = json_string_value(json_object_get(values, a->path));

		out->choice[k] = value ? study_name(value, a->values, a->count) : AXIS_KEEP;
	}
	for (int f = 0; f < FIGURES; f++)
		out->against_base[f] = certainty(r, json_object_get(sure, figures[f].name));
}

static size_t labelled(const struct whatif *w, const char *label)
{
	for (size_t i = 0; i < w->variant_count; i++)
		if (strcmp(w->variants[i].label, label) == 0)
			return i;
	return 0;
}

static void variants(struct study_json *r, const json_t *root, struct whatif *w)
{
	const json_t *list = json_object_get(root, "variants"), *ranking = json_object_get(root, "ranking");

	w->variants = study_array(r, root, "variants", sizeof(*w->variants), &w->variant_count);
	w->ranking = study_array(r, root, "ranking", sizeof(*w->ranking), &w->ranked_count);
	for (size_t i = 0; i < w->variant_count; i++)
		variant(r, w, json_array_get(list, i), &w->variants[i]);
	w->options.confidence = json_object_get(json_array_get(list, 1), "certainty") != NULL;
	for (size_t i = 0; i < w->ranked_count; i++) {
		const json_t *o = json_array_get(ranking, i);

		w->ranking[i] = (struct ranked){ labelled(w, study_text(r, o, "better")), labelled(w, study_text(r, o, "worse")), certainty(r, o) };
	}
}

static void waterfall(struct study_json *r, const json_t *root, struct whatif *w)
{
	const json_t *object = json_object_get(root, "waterfall"), *list = json_object_get(object, "changes");

	w->changes = study_array(r, object, "changes", sizeof(*w->changes), &w->change_count);
	outcome_init(&w->all_changes);
	study_figures(json_object_get(object, "all"), w->all_changes.value);
	for (size_t i = 0; i < w->change_count; i++) {
		const json_t *o = json_array_get(list, i);
		struct change *c = &w->changes[i];

		c->label = study_text(r, o, "label");
		study_figures(json_object_get(o, "alone"), c->alone);
		study_figures(json_object_get(o, "removed"), c->removed);
		study_figures(json_object_get(o, "shapley"), c->shapley);
	}
	w->options.waterfall = w->change_count > 0;
}

static void tornado(struct study_json *r, const json_t *root, struct whatif *w)
{
	const json_t *list = json_object_get(root, "tornado");

	w->bars = study_array(r, root, "tornado", sizeof(*w->bars), &w->bar_count);
	for (size_t i = 0; i < w->bar_count; i++) {
		const json_t *o = json_array_get(list, i);
		struct bar *b = &w->bars[i];

		b->label = study_text(r, o, "parameter");
		b->own_error = study_flag(o, "own_error");
		outcome_init(&b->low);
		outcome_init(&b->high);
		study_figures(json_object_get(o, "low"), b->low.value);
		study_figures(json_object_get(o, "high"), b->high.value);
	}
	w->options.sensitivity = w->bar_count > 0;
}

static bool read_root(struct study_json *r, const json_t *root, struct whatif *w, struct whatif_view *view)
{
	static const char schema[] = "vibee.whatif/1";
	int mode = study_name(study_text(r, root, "mode"), whatif_mode_names, 3);
	double simulations = study_number(root, "simulations");

	if (strcmp(study_text(r, root, "schema"), schema) != 0 || mode < 0)
		return study_fault(r, schema);
	w->options.mode = (enum whatif_mode)mode;
	w->options.figure = figure_find(study_text(r, root, "metric"), "stored study: metric", r->err);
	if (w->options.figure < 0)
		return false;
	w->simulations = simulations > 0 ? (size_t)simulations : 0;
	axes(r, root, &w->space);
	variants(r, root, w);
	waterfall(r, root, w);
	tornado(r, root, w);
	/* What drawings and tables count on. */
	if (w->variant_count == 0 || w->change_count > CHANGES_MOST || w->bar_count > BARS_MOST)
		r->failed = true;
	view->w = w;
	view->title = study_text(r, root, "title");
	return r->failed ? r->err->kind != ERR_NONE ? false : study_fault(r, schema) : whatif_columns(NULL, view, r->arena, r->err);
}

bool whatif_read(const char *document, struct whatif_view *view, struct arena *arena, struct err *err)
{
	struct study_json r = { .arena = arena, .err = err };
	struct whatif *w = arena_alloc(arena, sizeof(*w));
	json_t *root = json_loads(document, JSON_ALLOW_NUL, NULL);
	bool ok;

	*view = (struct whatif_view){ 0 };
	ok = w ? read_root(&r, root, w, view) : err_memory(err);
	json_decref(root);
	return ok;
}
