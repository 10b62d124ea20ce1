/* A comparison as one self-contained page: the cases, then every figure in a sortable table. */
#include <math.h>
#include <stdio.h>

#include "reports/compare.h"
#include "reports/page.h"
#include "reports/sheet.h"

static const int styles[COMPARE_VERDICTS] = { STYLE_FAINT, STYLE_GOOD, STYLE_BAD, STYLE_WARN, STYLE_FAINT, STYLE_WARN };

static void count_cell(struct sheet *s, int style, size_t n)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%zu", n);
	sheet_number(s, n ? style : STYLE_FAINT, (double)n, buf);
}

static bool case_table(const struct comparison *c, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "case", false },  { "", false }, { "worse", true }, { "better", true },
						       { "changed", true }, { "new", true }, { "gone", true }, { "the same", true } };
	static const enum compare_verdict shown[] = { COMPARE_WORSE, COMPARE_BETTER, COMPARE_CHANGED, COMPARE_NEW, COMPARE_GONE, COMPARE_SAME };
	struct sheet *s = sheet_new(columns, NULL, COUNT_OF(columns));
	bool ok;

	for (size_t i = 0; s && i < c->count; i++) {
		const struct compared_case *one = &c->cases[i];

		sheet_text(s, STYLE_STRONG, one->name);
		sheet_text(s, one->failed ? STYLE_BAD : one->a && one->b ? STYLE_GOOD : STYLE_WARN, !one->b ? "only in A" : !one->a ? "only in B" : one->failed ? "failed" : "passed");
		for (size_t k = 0; k < COUNT_OF(shown); k++)
			count_cell(s, styles[shown[k]], one->counts[shown[k]]);
	}
	ok = s ? sheet_html(s, out, err) : err_memory(err);
	sheet_free(s);
	return ok;
}

static void figure_row(const struct comparison *c, const struct compared_case *one, const struct compared *f, struct sheet *s)
{
	char buf[COMPARE_ROOM], test[COMPARE_TEST_ROOM];

	sheet_text(s, STYLE_PLAIN, one->name);
	sheet_text(s, STYLE_PLAIN, f->b ? f->b->name : f->a->name);
	sheet_number(s, STYLE_PLAIN, f->a ? f->a->value : NAN, compare_value(buf, f->a));
	sheet_number(s, STYLE_PLAIN, f->b ? f->b->value : NAN, compare_value(buf, f->b));
	sheet_number(s, styles[f->verdict], f->change, compare_change(buf, f));
	sheet_text(s, styles[f->verdict], compare_verdict_names[f->verdict]);
	if (!c->measured)
		return;
	sheet_text(s, STYLE_FAINT, compare_test(test, c, f));
	sheet_text(s, STYLE_FAINT, f->measured ? compare_interval(test, f->a, &f->interval_a) : "");
	sheet_text(s, STYLE_FAINT, f->measured ? compare_interval(test, f->b, &f->interval_b) : "");
}

static bool figure_table(const struct comparison *c, bool same, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "case", false },   { "metric", false }, { "A", true },  { "B", true },
						       { "change", true }, { "verdict", false }, { "test", false },
						       { "median of A", false }, { "median of B", false } };
	struct sheet *s = sheet_new(columns, NULL, COUNT_OF(columns) - (c->measured ? 0 : 3));
	bool ok;

	for (size_t i = 0; s && i < c->count; i++)
		for (size_t k = 0; k < c->cases[i].count; k++)
			if ((c->cases[i].figures[k].verdict == COMPARE_SAME && !c->cases[i].figures[k].measured) == same)
				figure_row(c, &c->cases[i], &c->cases[i].figures[k], s);
	if (!s)
		return err_memory(err);
	ok = true;
	if (sheet_rows(s) > 0)
		ok = sheet_html(s, out, err);
	else
		page_text(out, same ? "Nothing is the same." : "None.");
	sheet_free(s);
	return ok;
}

static void inputs(const struct comparison *c, struct str *out)
{
	for (size_t i = 0; i < c->count; i++) {
		struct str text = { 0 };

		compare_inputs(&c->cases[i], "; ", "", &text);
		if (text.length) {
			struct str line = { 0 };

			str_addf(&line, "%s: inputs differ: %s", c->cases[i].name, str_text(&text) + 2);
			page_text(out, str_text(&line));
			str_release(&line);
		}
		str_release(&text);
	}
}

bool compare_html(const struct comparison *c, struct str *out, struct err *err)
{
	char failure[200];
	struct str summary = { 0 };
	bool ok;

	str_addf(&summary, "%zu case%s compared: ", c->both, c->both == 1 ? "" : "s");
	compare_summary(c, &summary);
	ok = page_begin(out, "vibee-sim compare", c->failed_cases ? compare_failure(c, failure, sizeof(failure)) : "No regression",
			str_text(&summary), err);
	str_clear(&summary);
	str_addf(&summary, "A: %s. B: %s. Simulated figures count from %.0e (relative) on.", c->a->what, c->b->what, COMPARE_EXACT);
	if (c->measured)
		str_addf(&summary, " Measured ones when Mann and Whitney's p is below %g and the medians differ by more than %g %%.",
			 c->options->significance, 100 * c->options->least_effect);
	page_text(out, str_text(&summary));
	str_release(&summary);
	page_section(out, "Cases");
	ok = ok && case_table(c, out, err);
	inputs(c, out);
	page_section(out, c->measured ? "Differences and measured figures" : "Differences");
	ok = ok && figure_table(c, false, out, err);
	page_section(out, "The same");
	str_addf(out, "<details><summary>%zu figures that do not differ</summary>\n", c->counts[COMPARE_SAME]);
	ok = ok && figure_table(c, true, out, err);
	str_add(out, "</details>\n");
	return ok && page_end(out, err);
}
