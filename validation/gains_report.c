/* What `validate kernels --area AREA` shows of modules' gains. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "validation/gains.h"

static int error_style(double e)
{
	return fabs(e) <= GAINS_MEDIAN_BAR ? STYLE_GOOD : fabs(e) <= 0.25 ? STYLE_PLAIN : STYLE_BAD;
}

static void add_parts(const struct gain_row *r, struct table *t)
{
	char a[32], b[32];

	for (int side = 0; side < GAIN_SIDES; side++) {
		for (size_t i = 0; i < r->count[side]; i++) {
			const struct gain_part *p = &r->parts[side][i];

			table_cellf(t, STYLE_FAINT, "  %s %s", side == GAIN_PLAIN ? "plain" : "with ", p->label);
			table_cell(t, STYLE_FAINT, p->priced ? human_seconds(a, p->count * p->predicted_s) : "");
			table_cell(t, STYLE_FAINT, p->family ? human_seconds(b, p->count * p->measured_s) : "");
			table_cell(t, STYLE_FAINT, "");
			table_cell(t, STYLE_FAINT, "");
			table_cellf(t, STYLE_FAINT, "%s%s%s", p->provider ? p->provider : "", p->provider && p->family ? "; " : "", p->family ? p->family->name : "");
		}
	}
}

bool gains_text(const struct gains_study *s, bool parts, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "module", false }, { "predicted", true }, { "measured", true }, { "interval", true },
						       { "error", true }, { "what", false } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < s->count; i++) {
		const struct gain_row *r = &s->rows[i];

		table_cell(t, STYLE_STRONG, r->gain->module);
		table_cellf(t, STYLE_PLAIN, isfinite(r->predicted) ? "%.3g x" : "-", r->predicted);
		table_cellf(t, STYLE_PLAIN, isfinite(r->measured) ? "%.3g x" : "-", r->measured);
		table_cellf(t, STYLE_FAINT, isfinite(r->low) ? "%.3g to %.3g" : "-", r->low, r->high);
		table_cellf(t, error_style(r->rel_error), isfinite(r->rel_error) ? "%+.1f %%" : "-", 100 * r->rel_error);
		table_cell(t, r->verdict ? STYLE_BAD : STYLE_FAINT, r->verdict ? r->verdict : r->gain->what);
		if (parts)
			add_parts(r, t);
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	str_addf(out, "\ngain: seconds of the operators that differ, plain over with the module, times the tokens that a step brings\n"
		      "device %s, %s, one thread; %s; median pace of samples %.2f (1 = undisturbed)\n", s->device, s->host, s->clock, s->pace_median);
	if (isfinite(s->median))
		str_addf(out, "median error of the gain %.1f %% over %zu modules; wanted: %.0f %%: %s\n", 100 * s->median, s->count, 100 * GAINS_MEDIAN_BAR,
			 s->median <= GAINS_MEDIAN_BAR ? "met" : "not met");
	return ok;
}

static void part_json(struct json *j, const struct gain_part *p, int side)
{
	json_object(j, NULL);
	json_text(j, "side", side == GAIN_PLAIN ? "plain" : "with");
	json_text(j, "label", p->label);
	json_number(j, "count", p->count);
	json_text(j, "kernel", p->family ? p->family->name : NULL);
	json_number(j, "predicted_s", p->priced ? p->predicted_s : NAN);
	json_number(j, "measured_s", p->family ? p->measured_s : NAN);
	json_text(j, "provider", p->provider);
	json_end(j);
}

void gains_json(const struct gains_study *s, struct str *out)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_text(&j, "kind", "gains");
	json_text(&j, "device", s->device);
	json_text(&j, "host", s->host);
	json_text(&j, "at", s->at);
	json_text(&j, "clock", s->clock);
	json_array(&j, "rows");
	for (size_t i = 0; i < s->count; i++) {
		const struct gain_row *r = &s->rows[i];

		json_object(&j, NULL);
		json_text(&j, "id", r->gain->module);
		json_text(&j, "group", r->gain->area);
		json_text(&j, "what", r->gain->what);
		json_number(&j, "predicted", r->predicted);
		json_number(&j, "measured", r->measured);
		json_number(&j, "measured_low", r->low);
		json_number(&j, "measured_high", r->high);
		json_number(&j, "rel_error", r->rel_error);
		json_bool(&j, "held_out", true);
		json_number(&j, "yield", r->yield);
		json_number(&j, "kernel_error", r->kernel_error);
		json_text(&j, "verdict", r->verdict);
		json_array(&j, "parts");
		for (int side = 0; side < GAIN_SIDES; side++)
			for (size_t k = 0; k < r->count[side]; k++)
				part_json(&j, &r->parts[side][k], side);
		json_end(&j);
		json_end(&j);
	}
	json_end(&j);
	json_array(&j, "summary");
	json_object(&j, NULL);
	json_text(&j, "group", "all");
	json_int(&j, "count", (int64_t)s->count);
	json_number(&j, "median_abs_rel_error", s->median);
	json_end(&j);
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
}
