#include "cli/train_vary_outputs.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "reports/chart.h"
#include "reports/document_figures.h"
#include "reports/format.h"
#include "reports/page.h"
#include "reports/sheet.h"

static void delta(struct sheet *s, double value, double base, int better)
{
	char text[FORMAT_ROOM] = "";
	double d = value / base - 1;

	if (isfinite(d))
		snprintf(text, sizeof(text), "%+.1f %%", 100 * d);
	sheet_number(s, !isfinite(d) || fabs(d) < 5e-4 ? STYLE_FAINT : d * better > 0 ? STYLE_GOOD : STYLE_BAD, isfinite(d) ? d : NAN, text);
}

static const char *days(char *text, double hours)
{
	snprintf(text, FORMAT_ROOM, "%.1f", hours / 24);
	return text;
}

/* A figure that there may not be. */
static void figure(struct sheet *s, double value, const char *text)
{
	sheet_number(s, STYLE_PLAIN, value, isnan(value) ? "" : text);
}

static struct sheet *job_sheet(const struct job_variants *v, struct err *err)
{
	static const struct table_column columns[] = { { "variant", COLUMN_LABEL }, { "step", true }, { "", true }, { "tokens/s", true }, { "", true }, { "MFU", true },
						       { "memory", true }, { "days", true }, { "cost", true }, { "", true } };
	static const char *const names[] = { "variant", "step_s", "step_delta", "tokens_per_s", "tokens_per_s_delta", "mfu", "peak_bytes", "hours",
					     "usd_per_1m_tokens", "usd_per_1m_tokens_delta" };
	struct sheet *s = sheet_new(columns, names, COUNT_OF(columns));
	const struct train_result *b = &v->at[0].r;
	char a[FORMAT_ROOM];

	if (!s) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < v->count; i++) {
		const struct train_result *r = &v->at[i].r;
		bool judged = i && !v->at[0].why;

		sheet_text(s, i ? STYLE_PLAIN : STYLE_STRONG, v->at[i].label);
		if (v->at[i].why) {
			sheet_number(s, STYLE_WARN, NAN, "not possible");
			for (size_t k = 2; k < COUNT_OF(columns); k++)
				sheet_number(s, STYLE_FAINT, NAN, "");
			continue;
		}
		sheet_number(s, STYLE_STRONG, r->step_s, human_seconds(a, r->step_s));
		delta(s, judged ? r->step_s : NAN, b->step_s, -1);
		sheet_number(s, STYLE_PLAIN, r->tokens_per_s, human_count(a, r->tokens_per_s));
		delta(s, judged ? r->tokens_per_s : NAN, b->tokens_per_s, 1);
		sheet_number(s, STYLE_PLAIN, r->mfu, format_share(a, r->mfu));
		sheet_number(s, STYLE_PLAIN, r->memory.peak_bytes, human_bytes(a, r->memory.peak_bytes));
		figure(s, r->hours, days(a, r->hours));
		figure(s, r->usd_per_1m_tokens, format_usd(a, r->usd_per_1m_tokens));
		delta(s, judged ? r->usd_per_1m_tokens : NAN, b->usd_per_1m_tokens, -1);
	}
	return s;
}

static void reasons(const struct job_variants *v, struct str *out)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->at[i].why)
			str_addf(out, "%s: %s\n", v->at[i].label, v->at[i].why);
}

bool job_variants_text(const struct job_variants *v, struct str *out, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	struct sheet *s = job_sheet(v, err);
	bool ok;

	/* Ten columns of figures: cut to a narrow terminal, but never to less than they need in a pipe. */
	if (!isatty(STDOUT_FILENO) && term.width < 140)
		term.width = 140;
	ok = s && sheet_print(s, &term, 0, 0, out, err);
	sheet_free(s);
	reasons(v, out);
	str_add(out, "cost: of a million tokens, failures included\n");
	return ok;
}

bool job_variants_csv(const struct job_variants *v, struct str *out, struct err *err)
{
	struct sheet *s = job_sheet(v, err);
	bool ok = s && sheet_csv(s, out, err);

	sheet_free(s);
	return ok;
}

bool job_variants_svg(const struct job_variants *v, bool standalone, struct str *out, struct err *err)
{
	struct chart_bar *bars = mem_calloc(v->count, sizeof(*bars));
	struct chart_bars chart = { .title = "Step time", .axis = "step (s)", .bars = bars, .line = v->at[0].why ? NAN : v->at[0].r.step_s };
	bool ok;

	if (!bars)
		return err_memory(err);
	for (size_t i = 0; i < v->count; i++)
		if (!v->at[i].why)
			bars[chart.count++] = (struct chart_bar){ v->at[i].label, 0, v->at[i].r.step_s, NAN, NAN, i ? 0 : -1 };
	ok = chart.count ? chart_bars(&chart, standalone, out, err) : err_set(err, ERR_INPUT, "no variant is possible: nothing to draw");
	mem_free(bars);
	return ok;
}

bool job_variants_html(const struct job_variants *v, struct str *out, struct err *err)
{
	struct str svg = { 0 }, lines = { 0 };
	struct err own = { 0 };
	struct sheet *s;
	char summary[96];
	bool ok;

	snprintf(summary, sizeof(summary), "%zu variant%s against the base", v->count - 1, v->count == 2 ? "" : "s");
	if (!page_begin(out, "vibee-sim what-if", v->title, summary, err))
		return false;
	page_section(out, "Variants");
	s = job_sheet(v, err);
	ok = s && sheet_html(s, out, err);
	sheet_free(s);
	page_text(out, "Cost is that of a million tokens, failures included.");
	reasons(v, &lines);
	if (lines.length)
		page_lines(out, str_text(&lines));
	str_release(&lines);
	page_section(out, "Step time");
	/* A missing gnuplot leaves the figure out, with a word about it. */
	if (job_variants_svg(v, false, &svg, &own))
		page_figure(out, "Time of a step; the line is the base", str_text(&svg));
	else
		page_text(out, own.text);
	str_release(&svg);
	return ok && page_end(out, err);
}

void job_figures_json(struct json *j, const struct train_result *r)
{
	json_number(j, "step_s", r->step_s);
	json_number(j, "tokens_per_s", r->tokens_per_s);
	json_number(j, "mfu", r->mfu);
	json_number(j, "peak_bytes", r->memory.peak_bytes);
	json_number(j, "hours", r->hours);
	json_number(j, "device_hours", r->device_hours);
	json_number(j, "usd_per_1m_tokens", r->usd_per_1m_tokens);
	json_number(j, "usd", r->usd);
	json_number(j, "expected_rel_error", r->expected_rel_error);
}

bool job_variants_json(const struct job_variants *v, struct str *out, struct err *err)
{
	static const struct drawing_value step = { "step_s", "step" };
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.whatif/1");
	json_text(&j, "kind", "train");
	json_array(&j, "variants");
	for (size_t i = 0; i < v->count; i++) {
		json_object(&j, NULL);
		json_text(&j, "label", v->at[i].label);
		json_text(&j, "why", v->at[i].why);
		if (!v->at[i].why)
			job_figures_json(&j, &v->at[i].r);
		json_end(&j);
	}
	json_end(&j);
	json_array(&j, "drawings");
	drawing_json(&j, "Time of a step", "step (s)", "variants", "label", &step, 1);
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return out->failed ? err_memory(err) : true;
}
