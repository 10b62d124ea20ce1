/* The scoreboard as table, JSON and page. */
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "reports/markup.h"
#include "validation/targets.h"

/* (1 + sqrt 5) / 2 to the fifth and tenth: what the roadmap promises for one and for two steps. */
static const double PHI5 = 11.090169943749475, PHI10 = 122.99186938124421;

static const char *number(char buf[32], double v)
{
	if (v >= 1e9)
		snprintf(buf, 32, "no limit");
	else if (v >= 1e6)
		snprintf(buf, 32, "%.2f M", v / 1e6);
	else if (v >= 1e4)
		snprintf(buf, 32, "%.0f k", v / 1e3);
	else if (v >= 100)
		snprintf(buf, 32, "%.0f", v);
	else
		snprintf(buf, 32, "%.3g", v);
	return buf;
}

static const char *needed(const struct target *t, char buf[64])
{
	double factor = t->less ? t->best / t->v2200 : t->v2200 / t->best;

	if (target_met(t))
		return "met";
	snprintf(buf, 64, "missed by %.2f x", factor);
	return buf;
}

static bool table(const struct scoreboard *s, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "target", false }, { "v2100", true }, { "simulated", true }, { "error", true }, { "v2200", true },
						       { "simulated", true }, { "+-", true }, { "unit", false }, { "", false } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (int i = 0; i < TARGETS; i++) {
		const struct target *g = &s->targets[i];
		char a[32], note[64];

		table_cell(t, STYLE_PLAIN, g->metric);
		table_cell(t, STYLE_PLAIN, number(a, g->v2100));
		table_cell(t, STYLE_STRONG, number(a, g->base));
		table_cellf(t, STYLE_PLAIN, "%+.1f %%", 100 * (g->base / g->v2100 - 1));
		table_cell(t, STYLE_PLAIN, number(a, g->v2200));
		table_cell(t, STYLE_STRONG, number(a, g->best));
		table_cellf(t, STYLE_PLAIN, "%.0f %%", 100 * g->best_error);
		table_cell(t, STYLE_PLAIN, g->unit);
		table_cell(t, target_met(g) ? STYLE_GOOD : STYLE_WARN, needed(g, note));
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	return ok;
}

static bool waterfall(const struct scoreboard *s, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "module", false }, { "training", true }, { "inference", true }, { "memory", true }, { "cost", true },
						       { "context", true }, { "quality, as reported", false } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < s->stack_count; i++) {
		table_cell(t, STYLE_STRONG, s->stack[i].id);
		for (int k = 0; k < TARGETS; k++)
			table_cellf(t, fabs(s->stack[i].gain[k] - 1) < 0.005 ? STYLE_FAINT : STYLE_PLAIN, "%.2f x", s->stack[i].gain[k]);
		table_cell(t, STYLE_FAINT, s->stack[i].quality);
	}
	ok = table_print(t, term, 2, out, err);
	table_free(t);
	return ok;
}

bool scoreboard_text(const struct scoreboard *s, const struct term *term, struct str *out, struct err *err)
{
	str_addf(out, "Reference job: Llama-2-7B; 5.2 T tokens on 2,048 H100 at $2.03 a device-hour; 4,096 tokens served on one H100; one node of eight\n"
		 "Unstated, settled so that the v2100 column comes out:\n%s\n\n", targets_settled);
	if (!table(s, term, out, err))
		return false;
	for (int k = 0; k < TARGETS; k++)
		if (s->targets[k].needs)
			str_addf(out, "\n%s: would need, beside the stack, %s\n", s->targets[k].metric, s->targets[k].needs);
	str_addf(out, "\nThe v2200 stack, found over %zu modules (%zu simulations, %.1f s); gains in the order in which they joined\n", s->candidates,
		 s->evaluations, s->wall_s);
	if (!waterfall(s, term, out, err))
		return false;
	str_addf(out, "\nTraining x inference: %.2f x (%.2f to %.2f); phi^5 = %.2f, phi^10 = %.2f\n", s->total, s->total_low, s->total_high, PHI5, PHI10);
	return true;
}

bool scoreboard_json(const struct scoreboard *s, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.targets/1");
	json_text(&j, "settled", targets_settled);
	json_array(&j, "targets");
	for (int i = 0; i < TARGETS; i++) {
		const struct target *t = &s->targets[i];

		json_object(&j, NULL);
		json_text(&j, "metric", t->metric);
		json_text(&j, "unit", t->unit);
		json_number(&j, "v2100_required", t->v2100);
		json_number(&j, "v2100_simulated", t->base);
		json_number(&j, "v2200_required", t->v2200);
		json_number(&j, "v2200_simulated", t->best);
		json_bool(&j, "met", target_met(t));
		json_number(&j, "rel_error", t->best / t->v2200 - 1);
		json_number(&j, "v2100_rel_error", t->base / t->v2100 - 1);
		json_number(&j, "expected_rel_error", t->best_error);
		json_text(&j, "needs", t->needs);
		json_end(&j);
	}
	json_end(&j);
	json_object(&j, "total_factor");
	json_number(&j, "simulated", s->total);
	json_number(&j, "low", s->total_low);
	json_number(&j, "high", s->total_high);
	json_number(&j, "phi5", PHI5);
	json_number(&j, "phi10", PHI10);
	json_end(&j);
	json_array(&j, "stack");
	for (size_t i = 0; i < s->stack_count; i++) {
		json_object(&j, NULL);
		json_text(&j, "id", s->stack[i].id);
		for (int k = 0; k < TARGETS; k++)
			json_number(&j, s->targets[k].metric, s->stack[i].gain[k]);
		json_text(&j, "quality", s->stack[i].quality);
		json_end(&j);
	}
	json_end(&j);
	json_int(&j, "candidates", (int64_t)s->candidates);
	json_int(&j, "evaluated", (int64_t)s->evaluations);
	json_number(&j, "wall_s", s->wall_s);
	json_end(&j);
	str_add(out, "\n");
	return !out->failed || err_memory(err);
}

static void bars(const struct scoreboard *s, int metric, struct str *out)
{
	double most = 1;
	bool any = false;

	for (size_t i = 0; i < s->stack_count; i++)
		any |= fabs(s->stack[i].gain[metric] - 1) >= 0.005;
	if (!any) {
		str_addf(out, "<h3>%s</h3><p>No module of the stack changes it.</p>\n", s->targets[metric].metric);
		return;
	}
	for (size_t i = 0; i < s->stack_count; i++)
		most = fmax(most, s->stack[i].gain[metric]);
	str_addf(out, "<h3>%s</h3><table>\n", s->targets[metric].metric);
	for (size_t i = 0; i < s->stack_count; i++) {
		double gain = s->stack[i].gain[metric];

		if (fabs(gain - 1) < 0.005)
			continue;
		str_add(out, "<tr><td>");
		markup_add(out, s->stack[i].id);
		str_addf(out, "</td><td class=\"n\">%.2f x</td><td style=\"width:60%%\"><div style=\"height:1em;width:%.1f%%;background:%s\"></div></td></tr>\n", gain,
			 100 * gain / most, gain >= 1 ? "#2f80d0" : "#c07020");
	}
	str_add(out, "</table>\n");
}

bool scoreboard_page(const struct scoreboard *s, struct str *out, struct err *err)
{
	str_add(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Targets</title>"
		     "<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem}table{border-collapse:"
		     "collapse;width:100%}td,th{padding:.25rem .6rem;border-bottom:1px solid #8884;text-align:left}td.n,th.n{text-align:right;font-variant-numeric:"
		     "tabular-nums}.met{color:#1a9f5b}.missed{color:#c07020}</style></head><body><h1>v2100 to v2200</h1>\n<p>Llama-2-7B: 5.2 T tokens on 2,048 H100 at $2.03 a "
		     "device-hour; 4,096 tokens of context served on one H100; the longest context on a node of eight. Unstated, settled so that the v2100 column comes out: ");
	str_addf(out, "%s.</p>\n<table><tr><th>target</th><th class=\"n\">v2100</th>"
		 "<th class=\"n\">simulated</th><th class=\"n\">v2200</th><th class=\"n\">simulated</th><th class=\"n\">+-</th><th>unit</th><th></th></tr>\n", targets_settled);
	for (int i = 0; i < TARGETS; i++) {
		const struct target *t = &s->targets[i];
		char a[32], b[32], c[32], d[32], note[64];

		str_addf(out, "<tr><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\"><b>%s</b></td><td class=\"n\">%.0f %%</td><td>%s</td><td class=\"%s\">%s</td></tr>\n",
			 t->metric, number(a, t->v2100), number(b, t->base), number(c, t->v2200), number(d, t->best), 100 * t->best_error, t->unit,
			 target_met(t) ? "met" : "missed", needed(t, note));
	}
	str_add(out, "</table>\n");
	for (int k = 0; k < TARGETS; k++)
		if (s->targets[k].needs)
			str_addf(out, "<p>%s: would need, beside the stack, %s</p>\n", s->targets[k].metric, s->targets[k].needs);
	str_addf(out, "<p>Training x inference: <b>%.2f x</b> (%.2f to %.2f); phi<sup>5</sup> = %.2f, phi<sup>10</sup> = %.2f</p>\n<h2>What each module brings</h2>\n",
		 s->total, s->total_low, s->total_high, PHI5, PHI10);
	for (int k = 0; k < TARGETS; k++)
		bars(s, k, out);
	str_add(out, "</body></html>\n");
	return !out->failed || err_memory(err);
}
