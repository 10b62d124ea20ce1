#include "cli/whatif_outputs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/study_outputs.h"
#include "reports/chart.h"
#include "reports/page.h"
#include "reports/sheet.h"

enum { COLUMNS_MOST = AXES_MOST + 2 * TABLE_FIGURES_MOST + 4 };

/* A sheet and the columns it borrows. */
struct built {
	struct table_column columns[COLUMNS_MOST];
	const char *names[COLUMNS_MOST];
	char titles[COLUMNS_MOST][48];
	size_t count;
	struct sheet *sheet;
};

static void column(struct built *b, const char *title, const char *name, int kind)
{
	snprintf(b->titles[b->count], sizeof(b->titles[0]), "%s", title);
	b->columns[b->count] = (struct table_column){ b->titles[b->count], kind };
	b->names[b->count++] = name;
}

static struct built *build(struct err *err)
{
	struct built *b = mem_calloc(1, sizeof(*b));

	if (!b)
		err_memory(err);
	return b;
}

static bool finish(struct built *b, struct err *err)
{
	b->sheet = sheet_new(b->columns, b->names, b->count);
	return b->sheet || err_memory(err);
}

static void release(struct built *b)
{
	if (b)
		sheet_free(b->sheet);
	mem_free(b);
}

/* What a column is called where there is little room. */
static const char *short_title(int figure)
{
	static const struct { int figure; const char *title; } names[] = {
		{ FIGURE_OUTPUT_THROUGHPUT, "output tok/s" }, { FIGURE_TTFT_P99, "TTFT P99" }, { FIGURE_TTFT_P50, "TTFT P50" },
		{ FIGURE_TPOT_P50, "TPOT P50" }, { FIGURE_TPOT_P99, "TPOT P99" }, { FIGURE_E2E_P50, "E2E P50" }, { FIGURE_E2E_P99, "E2E P99" },
		{ FIGURE_USD_PER_1M_OUTPUT, "USD/1M out" }, { FIGURE_JOULES_PER_OUTPUT, "J/token" }, { FIGURE_DEVICES, "devices" },
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (names[i].figure == figure)
			return names[i].title;
	return figures[figure].name;
}

/* Variants, base first, each figure with its change against the base. */
static struct built *variant_sheet(const struct whatif_view *view, struct err *err)
{
	const struct whatif *w = view->w;
	struct built *b = build(err);
	char buf[FIGURE_ROOM];

	if (!b)
		return NULL;
	column(b, "variant", "variant", COLUMN_LABEL);
	for (size_t c = 0; c < view->column_count; c++) {
		column(b, short_title(view->columns[c]), figures[view->columns[c]].name, true);
		column(b, "", "rel_delta", true);
	}
	column(b, "verdict", "verdict", false);
	if (!finish(b, err)) {
		release(b);
		return NULL;
	}
	for (size_t i = 0; i < w->variant_count; i++) {
		const struct variant *v = &w->variants[i];
		const struct outcome *base = &w->variants[0].outcome;

		sheet_text(b->sheet, i ? STYLE_PLAIN : STYLE_STRONG, v->label);
		for (size_t c = 0; c < view->column_count; c++) {
			int f = view->columns[c];
			double value = v->outcome.value[f];

			sheet_number(b->sheet, STYLE_PLAIN, value, isnan(value) ? "-" : figure_text(buf, f, value));
			if (i == 0)
				sheet_number(b->sheet, STYLE_PLAIN, NAN, "");
			else
				sheet_number(b->sheet, delta_style(f, value, base->value[f]), value / base->value[f] - 1,
					     delta_text(buf, value, base->value[f]));
		}
		if (v->outcome.status != OUTCOME_DONE)
			sheet_text(b->sheet, STYLE_BAD, v->outcome.why);
		else
			sheet_text(b->sheet, STYLE_PLAIN, i ? verdict_names[v->against_base[w->options.figure].verdict] : "");
	}
	return b;
}

static struct built *change_sheet(const struct whatif_view *view, struct err *err)
{
	const struct whatif *w = view->w;
	int f = w->options.figure;
	struct built *b = build(err);
	double total = w->all_changes.value[f] - w->variants[0].outcome.value[f];
	char buf[FIGURE_ROOM];

	if (!b)
		return NULL;
	column(b, "change", "change", COLUMN_LABEL);
	column(b, "added alone", "alone", true);
	column(b, "removed alone", "removed", true);
	column(b, "Shapley share", "shapley", true);
	column(b, "of the whole", "share", true);
	if (!finish(b, err)) {
		release(b);
		return NULL;
	}
	for (size_t i = 0; i < w->change_count; i++) {
		const struct change *c = &w->changes[i];

		sheet_text(b->sheet, STYLE_PLAIN, c->label);
		sheet_number(b->sheet, STYLE_PLAIN, c->alone[f], figure_text(buf, f, c->alone[f]));
		sheet_number(b->sheet, STYLE_PLAIN, c->removed[f], figure_text(buf, f, c->removed[f]));
		sheet_number(b->sheet, STYLE_STRONG, c->shapley[f], figure_text(buf, f, c->shapley[f]));
		snprintf(buf, sizeof(buf), "%.0f %%", 100 * c->shapley[f] / total);
		sheet_number(b->sheet, STYLE_PLAIN, c->shapley[f] / total, isfinite(c->shapley[f] / total) ? buf : "-");
	}
	return b;
}

static struct built *bar_sheet(const struct whatif_view *view, struct err *err)
{
	const struct whatif *w = view->w;
	int f = w->options.figure;
	double base = w->variants[0].outcome.value[f];
	struct built *b = build(err);
	char buf[FIGURE_ROOM];

	if (!b)
		return NULL;
	column(b, "parameter", "parameter", false);
	column(b, "low", "low", true);
	column(b, "", "rel_low", true);
	column(b, "high", "high", true);
	column(b, "", "rel_high", true);
	if (!finish(b, err)) {
		release(b);
		return NULL;
	}
	for (size_t i = 0; i < w->bar_count; i++) {
		double low = w->bars[i].low.value[f], high = w->bars[i].high.value[f];

		sheet_text(b->sheet, w->bars[i].own_error ? STYLE_WARN : STYLE_PLAIN, w->bars[i].label);
		sheet_number(b->sheet, STYLE_PLAIN, low, isnan(low) ? "-" : figure_text(buf, f, low));
		sheet_number(b->sheet, delta_style(f, low, base), low / base - 1, delta_text(buf, low, base));
		sheet_number(b->sheet, STYLE_PLAIN, high, isnan(high) ? "-" : figure_text(buf, f, high));
		sheet_number(b->sheet, delta_style(f, high, base), high / base - 1, delta_text(buf, high, base));
	}
	return b;
}

/* "TP4 beats TP2: likely (93 %)" */
static void ranking_lines(const struct whatif_view *view, size_t most, struct str *out)
{
	const struct whatif *w = view->w;
	char a[FIGURE_ROOM], b[FIGURE_ROOM];
	int f = w->options.figure;

	for (size_t i = 0; i < w->ranked_count && i < most; i++) {
		const struct ranked *r = &w->ranking[i];
		const struct variant *x = &w->variants[r->better], *y = &w->variants[r->worse];

		if (x->outcome.value[f] == y->outcome.value[f])
			str_addf(out, "  %s and %s: equal, %s\n", x->label, y->label, figure_text(a, f, x->outcome.value[f]));
		else
			str_addf(out, "  %s beats %s: %s (%.0f %%), %s against %s\n", x->label, y->label, verdict_names[r->certainty.verdict],
				 100 * r->certainty.probability, figure_text(a, f, x->outcome.value[f]), figure_text(b, f, y->outcome.value[f]));
	}
}

/* Prints one sheet under a heading; frees it. */
static bool section(struct str *out, const struct term *term, const char *title, struct built *b, struct err *err)
{
	bool ok;

	if (!b)
		return false;
	if (title) {
		str_add(out, "\n");
		term_add(out, term, STYLE_STRONG, title);
		str_add(out, "\n");
	}
	ok = sheet_print(b->sheet, term, 0, 0, out, err);
	release(b);
	return ok;
}

static const char *figure_heading(char *buf, size_t room, const char *what, int figure)
{
	snprintf(buf, room, "%s: %s", what, figures[figure].title);
	return buf;
}

bool whatif_text(const struct whatif_view *view, struct str *out, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	const struct whatif *w = view->w;
	char heading[160];

	if (!isatty(STDOUT_FILENO) && term.width < 150)
		term.width = 150;
	term_add(out, &term, STYLE_STRONG, view->title);
	str_addf(out, "\n%zu variant%s against the base, %zu simulations, the same requests in all\n\n", w->variant_count - 1,
		 w->variant_count == 2 ? "" : "s", w->simulations);
	if (!section(out, &term, NULL, variant_sheet(view, err), err))
		return false;
	if (w->options.confidence && w->ranked_count > 0) {
		str_add(out, "\n");
		term_add(out, &term, STYLE_STRONG, figure_heading(heading, sizeof(heading), "In order", w->options.figure));
		str_add(out, "\n");
		ranking_lines(view, 20, out);
	}
	if (w->change_count &&
	    !section(out, &term, figure_heading(heading, sizeof(heading), "Contributions", w->options.figure), change_sheet(view, err), err))
		return false;
	if (w->bar_count && !section(out, &term, figure_heading(heading, sizeof(heading), "Sensitivity, -20 % and +20 %, and the model's own errors",
								w->options.figure), bar_sheet(view, err), err))
		return false;
	return !out->failed || err_memory(err);
}

bool whatif_csv(const struct whatif_view *view, struct str *out, struct err *err)
{
	const struct whatif *w = view->w;
	char buf[32];

	str_add(out, "variant,status");
	for (size_t k = 0; k < w->space.count; k++)
		str_addf(out, ",%s", w->space.axes[k].path);
	for (int f = 0; f < FIGURES; f++)
		str_addf(out, ",%s", figures[f].name);
	str_add(out, ",verdict\n");
	for (size_t i = 0; i < w->variant_count; i++) {
		const struct variant *v = &w->variants[i];

		str_addf(out, "\"%s\",%s", v->label, outcome_status_names[v->outcome.status]);
		for (size_t k = 0; k < w->space.count; k++)
			str_addf(out, ",\"%s\"", v->choice[k] == AXIS_KEEP ? "" : w->space.axes[k].values[v->choice[k]]);
		for (int f = 0; f < FIGURES; f++)
			str_addf(out, ",%s", isfinite(v->outcome.value[f]) ? number_text(buf, v->outcome.value[f]) : "");
		str_addf(out, ",%s\n", verdict_names[v->against_base[w->options.figure].verdict]);
	}
	return !out->failed || err_memory(err);
}

/* Seconds are drawn in milliseconds where they are small. */
static double drawn_unit(int figure, double size, const char **unit)
{
	*unit = figures[figure].unit;
	if (strcmp(*unit, "s") == 0 && size < 2) {
		*unit = "ms";
		return 1e3;
	}
	return 1;
}

bool whatif_waterfall_svg(const struct whatif_view *view, bool standalone, struct str *out, struct err *err)
{
	const struct whatif *w = view->w;
	int f = w->options.figure;
	struct chart_bar bars[CHANGES_MOST + 2];
	const char *unit;
	double base = w->variants[0].outcome.value[f], all = w->all_changes.value[f], at = base, k;
	char axis[96];
	size_t n = 0;

	k = drawn_unit(f, fmax(fabs(base), fabs(all)), &unit);
	bars[n++] = (struct chart_bar){ "base", 0, k * base, NAN, NAN, 5 };
	for (size_t i = 0; i < w->change_count; i++) {
		double next = at + w->changes[i].shapley[f];
		bool good = (next - at) * figures[f].better > 0;

		bars[n++] = (struct chart_bar){ w->changes[i].label, k * at, k * next, NAN, NAN, good ? 2 : 4 };
		at = next;
	}
	bars[n++] = (struct chart_bar){ "all", 0, k * all, NAN, NAN, 0 };
	snprintf(axis, sizeof(axis), "%s%s%s%s", figures[f].title, *unit ? " (" : "", unit, *unit ? ")" : "");
	return chart_bars(&(struct chart_bars){ .title = "Contributions (Shapley shares)", .axis = axis, .bars = bars, .count = n, .line = NAN },
			  standalone, out, err);
}

bool whatif_tornado_svg(const struct whatif_view *view, bool standalone, struct str *out, struct err *err)
{
	const struct whatif *w = view->w;
	int f = w->options.figure;
	struct chart_bar bars[BARS_MOST];
	double base = w->variants[0].outcome.value[f], k;
	const char *unit;
	char axis[96];
	size_t n = 0;

	k = drawn_unit(f, fabs(base), &unit);
	for (size_t i = 0; i < w->bar_count && n < 20; i++) {
		double low = w->bars[i].low.value[f], high = w->bars[i].high.value[f];

		if (isnan(low) && isnan(high))
			continue;
		bars[n++] = (struct chart_bar){ w->bars[i].label, k * base, k * low, k * base, k * high, w->bars[i].own_error ? 3 : 0 };
	}
	snprintf(axis, sizeof(axis), "%s%s%s%s", figures[f].title, *unit ? " (" : "", unit, *unit ? ")" : "");
	return chart_bars(&(struct chart_bars){ .title = "Sensitivity: left colour low, orange high", .axis = axis, .bars = bars, .count = n,
						.line = k * base }, standalone, out, err);
}

static bool markdown_section(struct str *out, const char *title, struct built *b, struct err *err)
{
	bool ok = b != NULL;

	if (ok && title)
		str_addf(out, "\n## %s\n\n", title);
	ok = ok && sheet_markdown(b->sheet, out, err);
	release(b);
	return ok;
}

bool whatif_markdown(const struct whatif_view *view, struct str *out, struct err *err)
{
	const struct whatif *w = view->w;
	char heading[160];

	str_addf(out, "# What-if: %s\n\n%zu variant%s against the base, the same requests in all\n\n", view->title, w->variant_count - 1,
		 w->variant_count == 2 ? "" : "s");
	if (!markdown_section(out, NULL, variant_sheet(view, err), err))
		return false;
	if (w->change_count && !markdown_section(out, figure_heading(heading, sizeof(heading), "Contributions", w->options.figure), change_sheet(view, err), err))
		return false;
	return !w->bar_count || markdown_section(out, figure_heading(heading, sizeof(heading), "Sensitivity", w->options.figure), bar_sheet(view, err), err);
}

static bool page_sheet(struct str *out, struct built *b, struct err *err)
{
	bool ok = b && sheet_html(b->sheet, out, err);

	release(b);
	return ok;
}

typedef bool drawer(const struct whatif_view *view, bool standalone, struct str *out, struct err *err);

/* A missing gnuplot leaves the figure out, with a word about it. */
static bool page_drawing(const struct whatif_view *view, drawer *draw, const char *caption, struct str *out, struct err *err)
{
	struct str svg = { 0 };
	struct err own = { 0 };
	bool ok = draw(view, false, &svg, &own);

	if (ok)
		page_figure(out, caption, str_text(&svg));
	else if (own.kind == ERR_IO)
		page_text(out, own.text);
	str_release(&svg);
	return ok || own.kind == ERR_IO || err_set(err, own.kind, "%s", own.text);
}

bool whatif_html(const struct whatif_view *view, struct str *out, struct err *err)
{
	const struct whatif *w = view->w;
	struct str lines = { 0 };
	char heading[160], summary[128];

	snprintf(summary, sizeof(summary), "%zu variant%s against the base; the same requests in all", w->variant_count - 1,
		 w->variant_count == 2 ? "" : "s");
	if (!page_begin(out, "vibee-sim what-if", view->title, summary, err))
		return false;
	page_section(out, "Variants");
	if (!page_sheet(out, variant_sheet(view, err), err))
		return false;
	if (w->options.confidence) {
		page_section(out, figure_heading(heading, sizeof(heading), "In order", w->options.figure));
		ranking_lines(view, 40, &lines);
		page_lines(out, str_text(&lines));
		str_release(&lines);
	}
	if (w->change_count) {
		page_section(out, figure_heading(heading, sizeof(heading), "Contributions", w->options.figure));
		if (!page_drawing(view, whatif_waterfall_svg, "Shapley shares from the base to all changes", out, err) ||
		    !page_sheet(out, change_sheet(view, err), err))
			return false;
	}
	if (w->bar_count) {
		page_section(out, figure_heading(heading, sizeof(heading), "Sensitivity", w->options.figure));
		if (!page_drawing(view, whatif_tornado_svg, "Parameters at -20 % and +20 %; violet: the model's own errors", out, err) ||
		    !page_sheet(out, bar_sheet(view, err), err))
			return false;
	}
	return page_end(out, err);
}
