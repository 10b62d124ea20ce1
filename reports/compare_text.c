/* A comparison for the terminal, and as JSON. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "reports/compare.h"
#include "reports/run_json.h"

static const int styles[COMPARE_VERDICTS] = { STYLE_FAINT, STYLE_GOOD, STYLE_BAD, STYLE_PLAIN, STYLE_PLAIN, STYLE_WARN };

static bool figures(const struct comparison *c, const struct compared_case *one, const struct term *term, bool all, struct str *out,
		    struct err *err)
{
	static const struct table_column columns[] = { { "metric", false }, { "A", true },     { "B", true },
						       { "B - A", true },   { "", false },  { "test", false },
						       { "median of A", false }, { "median of B", false } };
	struct table *t = table_new(columns, COUNT_OF(columns) - (c->measured ? 0 : 3));
	char buf[COMPARE_ROOM], test[COMPARE_TEST_ROOM];
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < one->count; i++) {
		const struct compared *f = &one->figures[i];

		/* Measured figures are few and worth a line even when nothing is proven. */
		if (!all && ((f->verdict == COMPARE_SAME && !f->measured) || !f->a || !f->b))
			continue;
		table_cell(t, STYLE_PLAIN, f->b ? f->b->name : f->a->name);
		table_cell(t, STYLE_PLAIN, compare_value(buf, f->a));
		table_cell(t, STYLE_PLAIN, compare_value(buf, f->b));
		table_cell(t, styles[f->verdict], compare_change(buf, f));
		table_cell(t, styles[f->verdict], f->verdict == COMPARE_SAME ? "" : compare_verdict_names[f->verdict]);
		if (!c->measured)
			continue;
		table_cell(t, STYLE_FAINT, compare_test(test, c, f));
		table_cell(t, STYLE_FAINT, f->measured ? compare_interval(test, f->a, &f->interval_a) : "");
		table_cell(t, STYLE_FAINT, f->measured ? compare_interval(test, f->b, &f->interval_b) : "");
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	return ok;
}

static bool one_case(const struct comparison *c, const struct compared_case *one, const struct term *term, bool all, struct str *out,
		     struct err *err)
{
	struct str inputs = { 0 };
	bool show = all, ok = true;

	for (size_t i = 0; i < one->count; i++)
		show = show || one->figures[i].measured || (one->figures[i].verdict != COMPARE_SAME && one->figures[i].a && one->figures[i].b);
	compare_inputs(one, "  ", "\n", &inputs);
	if ((show || one->counts[COMPARE_NEW] + one->counts[COMPARE_GONE] > 0) && c->count > 1) {
		str_add(out, "\n");
		term_add(out, term, STYLE_STRONG, one->name);
		str_add(out, "\n");
	}
	if (show || c->count == 1)
		str_add(out, str_text(&inputs));
	if (c->count == 1 && inputs.length == 0 && one->a->input_count && one->b->input_count)
		str_add(out, "same scenario\n");
	if (show) {
		str_add(out, c->count == 1 ? "\n" : "");
		ok = figures(c, one, term, all, out, err);
	}
	if (!all) {
		compare_one_sided(one, COMPARE_GONE, "figures only in A: ", out);
		compare_one_sided(one, COMPARE_NEW, "figures only in B: ", out);
	}
	out->failed = out->failed || inputs.failed;
	str_release(&inputs);
	return ok;
}

static void alone(const struct comparison *c, bool in_a, const struct term *term, struct str *out)
{
	str_add(out, in_a ? "\nonly in A:" : "\nonly in B:");
	for (size_t i = 0; i < c->count; i++)
		if (in_a ? !c->cases[i].b : !c->cases[i].a) {
			str_add(out, "\n  ");
			term_add(out, term, STYLE_PLAIN, c->cases[i].name);
		}
	str_add(out, "\n");
}

bool compare_text(const struct comparison *c, const struct term *term, bool all, struct str *out, struct err *err)
{
	str_add(out, "A  ");
	term_add(out, term, STYLE_PLAIN, c->a->what);
	str_add(out, "\nB  ");
	term_add(out, term, STYLE_PLAIN, c->b->what);
	str_add(out, "\n");
	for (size_t i = 0; i < c->count; i++)
		if (c->cases[i].a && c->cases[i].b && !one_case(c, &c->cases[i], term, all, out, err))
			return false;
	if (c->only_a)
		alone(c, true, term, out);
	if (c->only_b)
		alone(c, false, term, out);
	str_addf(out, "\n%zu case%s compared: ", c->both, c->both == 1 ? "" : "s");
	compare_summary(c, out);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

static void json_side(struct json *j, const char *key, const struct side *side)
{
	json_object(j, key);
	json_clean(j, "name", side->name);
	json_clean(j, "what", side->what);
	json_int(j, "cases", (int64_t)side->count);
	json_end(j);
}

static void json_interval(struct json *j, const char *key, const struct side_figure *f, const struct stats_interval *in)
{
	json_object(j, key);
	json_int(j, "samples", (int64_t)f->sample_count);
	json_number(j, "low", in->low);
	json_number(j, "high", in->high);
	json_number(j, "coverage", in->coverage);
	json_end(j);
}

static void json_figure(struct json *j, const struct compared *f)
{
	const struct side_figure *any = f->b ? f->b : f->a;

	json_object(j, NULL);
	json_clean(j, "metric", any->name);
	json_clean(j, "unit", any->unit);
	json_text(j, "kind", any->samples ? "measured" : "simulated");
	json_number(j, "a", f->a ? f->a->value : NAN);
	json_number(j, "b", f->b ? f->b->value : NAN);
	json_number(j, "rel_change", f->change);
	json_text(j, "verdict", compare_verdict_names[f->verdict]);
	json_bool(j, "failed", f->failed);
	if (f->measured) {
		json_number(j, "p", f->p);
		json_interval(j, "a_median", f->a, &f->interval_a);
		json_interval(j, "b_median", f->b, &f->interval_b);
	}
	json_end(j);
}

static void json_case(struct json *j, const struct compared_case *one)
{
	json_object(j, NULL);
	json_clean(j, "name", one->name);
	json_text(j, "in", one->a && one->b ? "both" : one->a ? "a" : "b");
	if (one->a && one->b)
		json_bool(j, "same_scenario", side_alike(one->a, one->b));
	json_array(j, "metrics");
	for (size_t i = 0; i < one->count; i++)
		json_figure(j, &one->figures[i]);
	json_end(j);
	json_end(j);
}

bool compare_json(const struct comparison *c, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.compare/1");
	json_side(&j, "a", c->a);
	json_side(&j, "b", c->b);
	json_number(&j, "least_effect", c->options->least_effect);
	json_number(&j, "significance", c->options->significance);
	json_object(&j, "counts");
	for (int v = 0; v < COMPARE_VERDICTS; v++)
		json_int(&j, compare_verdict_names[v], (int64_t)c->counts[v]);
	json_int(&j, "only_a", (int64_t)c->only_a);
	json_int(&j, "only_b", (int64_t)c->only_b);
	json_end(&j);
	json_bool(&j, "passed", c->failed_cases == 0);
	json_array(&j, "cases");
	for (size_t i = 0; i < c->count; i++)
		json_case(&j, &c->cases[i]);
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}
