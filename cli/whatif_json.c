#include <math.h>

#include "base/json.h"
#include "cli/study_outputs.h"
#include "cli/whatif_outputs.h"

static void axes(struct json *j, const struct whatif *w)
{
	json_array(j, "axes");
	for (size_t i = 0; i < w->space.count; i++) {
		const struct axis *a = &w->space.axes[i];

		json_object(j, NULL);
		json_text(j, "name", a->name);
		json_text(j, "path", a->path);
		json_array(j, "values");
		for (size_t k = 0; k < a->count; k++)
			json_text(j, NULL, a->values[k]);
		json_end(j);
		json_end(j);
	}
	json_end(j);
}

static void certainty(struct json *j, const struct certainty *c)
{
	json_number(j, "sigma", c->sigma);
	json_number(j, "probability", c->probability);
	json_text(j, "verdict", c->verdict ? verdict_names[c->verdict] : NULL);
}

static void deltas(struct json *j, const struct whatif *w, const struct variant *v)
{
	const struct outcome *base = &w->variants[0].outcome, *o = &v->outcome;

	json_object(j, "delta");
	for (int f = 0; f < FIGURES; f++)
		if (!isnan(o->value[f] - base->value[f]))
			json_number(j, figures[f].name, o->value[f] - base->value[f]);
	json_end(j);
	json_object(j, "rel_delta");
	for (int f = 0; f < FIGURES; f++)
		if (isfinite(o->value[f] / base->value[f]))
			json_number(j, figures[f].name, o->value[f] / base->value[f] - 1);
	json_end(j);
	if (!w->options.confidence)
		return;
	json_object(j, "certainty");
	for (int f = 0; f < FIGURES; f++)
		if (v->against_base[f].verdict) {
			json_object(j, figures[f].name);
			certainty(j, &v->against_base[f]);
			json_end(j);
		}
	json_end(j);
}

static void variants(struct json *j, const struct whatif *w)
{
	json_array(j, "variants");
	for (size_t i = 0; i < w->variant_count; i++) {
		const struct variant *v = &w->variants[i];

		json_object(j, NULL);
		json_text(j, "label", v->label);
		json_object(j, "values");
		for (size_t k = 0; k < w->space.count; k++)
			if (v->choice[k] != AXIS_KEEP)
				json_text(j, w->space.axes[k].path, w->space.axes[k].values[v->choice[k]]);
		json_end(j);
		json_text(j, "status", outcome_status_names[v->outcome.status]);
		json_text(j, "why", v->outcome.why[0] ? v->outcome.why : NULL);
		json_text(j, "scenario_hash", v->outcome.hash[0] ? v->outcome.hash : NULL);
		json_bool(j, "slos_met", v->outcome.slos_met);
		outcome_json(j, "metrics", &v->outcome);
		if (i > 0)
			deltas(j, w, v);
		json_end(j);
	}
	json_end(j);
}

static void ranking(struct json *j, const struct whatif *w)
{
	json_array(j, "ranking");
	for (size_t i = 0; i < w->ranked_count; i++) {
		json_object(j, NULL);
		json_text(j, "better", w->variants[w->ranking[i].better].label);
		json_text(j, "worse", w->variants[w->ranking[i].worse].label);
		certainty(j, &w->ranking[i].certainty);
		json_end(j);
	}
	json_end(j);
}

static void numbers(struct json *j, const char *key, const double *values)
{
	json_object(j, key);
	for (int f = 0; f < FIGURES; f++)
		if (!isnan(values[f]))
			json_number(j, figures[f].name, values[f]);
	json_end(j);
}

static void waterfall(struct json *j, const struct whatif *w)
{
	json_object(j, "waterfall");
	outcome_json(j, "base", &w->variants[0].outcome);
	outcome_json(j, "all", &w->all_changes);
	json_array(j, "changes");
	for (size_t i = 0; i < w->change_count; i++) {
		json_object(j, NULL);
		json_text(j, "label", w->changes[i].label);
		numbers(j, "alone", w->changes[i].alone);
		numbers(j, "removed", w->changes[i].removed);
		numbers(j, "shapley", w->changes[i].shapley);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void tornado(struct json *j, const struct whatif *w)
{
	json_array(j, "tornado");
	for (size_t i = 0; i < w->bar_count; i++) {
		json_object(j, NULL);
		json_text(j, "parameter", w->bars[i].label);
		json_bool(j, "own_error", w->bars[i].own_error);
		outcome_json(j, "low", &w->bars[i].low);
		outcome_json(j, "high", &w->bars[i].high);
		json_end(j);
	}
	json_end(j);
}

bool whatif_json(const struct whatif_view *view, struct str *out, struct err *err)
{
	const struct whatif *w = view->w;
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.whatif/1");
	json_text(&j, "title", view->title);
	json_text(&j, "mode", whatif_mode_names[w->options.mode]);
	json_text(&j, "metric", figures[w->options.figure].name);
	json_int(&j, "simulations", (int64_t)w->simulations);
	axes(&j, w);
	variants(&j, w);
	ranking(&j, w);
	if (w->change_count)
		waterfall(&j, w);
	if (w->bar_count)
		tornado(&j, w);
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

const char *whatif_title(const struct scenario *base, struct arena *arena)
{
	return arena_printf(arena, "%s on %s, %s", base->model.name, base->hardware.system ? base->hardware.system :
			    base->hardware.device ? base->hardware.device : "h100", base->scheduler.name);
}

const struct study_row *whatif_study_rows(const struct whatif_view *view, struct arena *arena, struct err *err)
{
	const struct whatif *w = view->w;
	struct study_row *rows = arena_alloc(arena, w->variant_count * sizeof(*rows));

	for (size_t i = 0; rows && i < w->variant_count; i++) {
		const struct variant *v = &w->variants[i];
		struct str metrics = { 0 };
		struct json j;

		json_init(&j, &metrics, false);
		outcome_json(&j, NULL, &v->outcome);
		rows[i] = (struct study_row){ v->label, outcome_status_names[v->outcome.status], v->outcome.hash[0] ? v->outcome.hash : NULL,
					      arena_strdup(arena, str_text(&metrics)) };
		str_release(&metrics);
	}
	if (!rows)
		err_memory(err);
	return rows;
}
