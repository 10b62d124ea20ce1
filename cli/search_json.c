#include <math.h>

#include "base/json.h"
#include "cli/launch.h"
#include "cli/search_outputs.h"
#include "cli/study_outputs.h"

static void values(struct json *j, const struct search *s, const struct candidate *c)
{
	size_t at[AXES_MOST];

	space_at(&s->space, c->index, at);
	json_object(j, "values");
	for (size_t i = 0; i < s->space.count; i++)
		json_text(j, s->space.axes[i].path, s->space.axes[i].values[at[i]]);
	json_end(j);
}

static void interval(struct json *j, const struct interval *in, const struct outcome *likely)
{
	json_object(j, "interval");
	json_number(j, "coverage", 0.8);
	json_number(j, "rel_error_of_times", in->rel_error);
	for (int f = 0; f < FIGURES; f++) {
		double low, high;

		if (!interval_ends(in, likely, f, &low, &high) || low == high)
			continue;
		json_array(j, figures[f].name);
		json_number(j, NULL, low);
		json_number(j, NULL, high);
		json_end(j);
	}
	json_end(j);
}

static bool candidate(struct json *j, const struct search_view *v, size_t at, const struct interval *in, bool launch, struct err *err)
{
	const struct search *s = v->s;
	const struct candidate *c = &s->candidates[at];
	struct str text = { 0 };
	bool ok = true;

	json_object(j, NULL);
	json_int(j, "candidate", c->index);
	json_text(j, "label", candidate_label(&s->space, c->index, v->arena));
	values(j, s, c);
	json_text(j, "scenario_hash", c->outcome->hash);
	json_bool(j, "slos_met", c->outcome->slos_met);
	outcome_json(j, "metrics", c->outcome);
	if (in)
		interval(j, in, v->s->candidates[at].outcome);
	if (launch && v->launch) {
		struct evaluating e = { .space = &s->space, .base = s->base };
		struct scenario *sc = candidate_scenario(&e, c->index, v->arena, err);

		ok = sc && launch_add(v->launch, sc, &text, v->arena, err);
		json_text(j, "launch", str_text(&text));
		str_release(&text);
	}
	json_end(j);
	return ok;
}

static void counts(struct json *j, const struct search_view *v)
{
	const struct search *s = v->s;

	json_int(j, "candidates", (int64_t)s->count);
	json_int(j, "evaluated", (int64_t)s->simulated);
	json_int(j, "feasible", (int64_t)s->feasible);
	json_object(j, "decided");
	for (int i = 0; i < OUTCOME_STATUSES; i++)
		json_int(j, outcome_status_names[i], (int64_t)s->with_status[i]);
	json_end(j);
	json_bool(j, "interrupted", s->interrupted);
}

static void axes(struct json *j, const struct search *s)
{
	json_object(j, "space");
	for (size_t i = 0; i < s->space.count; i++) {
		json_array(j, s->space.axes[i].path);
		for (size_t k = 0; k < s->space.axes[i].count; k++)
			json_text(j, NULL, s->space.axes[i].values[k]);
		json_end(j);
	}
	json_end(j);
}

bool search_json(const struct search_view *v, struct str *out, struct err *err)
{
	static const char *const keys[FRONTS] = { "pareto", "pareto_throughput" };
	const struct search *s = v->s;
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.search/1");
	json_text(&j, "title", v->title);
	json_text(&j, "objective", v->options->objective->name);
	json_text(&j, "objective_metric", figures[v->options->objective->figure].name);
	counts(&j, v);
	json_number(&j, "wall_s", v->wall_s);
	axes(&j, s);
	json_array(&j, "best");
	for (size_t i = 0; i < s->best_count; i++)
		if (!candidate(&j, v, s->best[i], i < s->interval_count ? &s->intervals[i] : NULL, true, err))
			return false;
	json_end(&j);
	for (int f = 0; f < FRONTS; f++) {
		json_array(&j, keys[f]);
		for (size_t i = 0; i < s->front_counts[f]; i++)
			if (!candidate(&j, v, s->fronts[f][i], NULL, false, err))
				return false;
		json_end(&j);
	}
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}
