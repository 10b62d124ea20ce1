#include "validation/operators_sheets.h"

#include <math.h>
#include <stdio.h>

/* Forests come last: they have a column only where they were trained. */
static const struct table_column group_columns[] = { { "device/software/operator/format", false }, { "points", true }, { "measured", true },
						     { "fitted", true }, { "sister", true }, { "analytic", true }, { "bar", false },
						     { "forest", true } };
static const struct table_column device_columns[] = { { "device", false }, { "points", true }, { "measured", true }, { "fitted", true },
						      { "sister", true }, { "analytic", true }, { "forest", true } };

/* Median and P90 in one cell: four estimates beside a whole name fit 100 columns. A page sorts by the median. */
static void add_error(struct sheet *t, int style, const struct error_summary *e)
{
	char text[64];

	snprintf(text, sizeof(text), "%.1f%s/%.0f", 100 * e->median, e->held_out ? "" : "*", 100 * e->p90);
	if (e->count == 0)
		sheet_text(t, STYLE_FAINT, "-");
	else
		sheet_number(t, style, e->median, text);
}

static void add_count(struct sheet *t, size_t count)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", count);
	sheet_number(t, STYLE_PLAIN, (double)count, text);
}

void operators_sheet_errors(struct sheet *t, const struct error_summary *e)
{
	const double percent[] = { 100 * e->median, 100 * e->p90 };
	char text[32];

	add_count(t, e->count);
	for (size_t i = 0; i < COUNT_OF(percent); i++) {
		snprintf(text, sizeof(text), "%.1f", percent[i]);
		sheet_number(t, STYLE_PLAIN, percent[i], text);
	}
}

bool operators_sheet_text(struct sheet *t, const char *note, const struct term *term, struct str *out, struct err *err)
{
	bool ok;

	str_add(out, "\n");
	ok = t && sheet_print(t, term, 0, 0, out, err);
	str_addf(out, "%s\n", note);
	sheet_free(t);
	return ok;
}

/* A bar counts where sites could be left out at all: a table of one site has no such answer. */
static bool has_bar(const struct operator_group *g)
{
	return !isnan(g->median_bar) && g->error[PROVIDER_MEASURED].count > 0;
}

static bool has_forest(const struct operators_study *s)
{
	const struct operator_group *g;
	size_t n;
	bool any = false;

	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++)
		any = any || g[i].error[ESTIMATE_FOREST].count > 0;
	return any;
}

static void group_row(struct sheet *t, const struct operator_group *g, bool forest)
{
	bool met = operators_bar_met(g);
	char bar[64];

	sheet_text(t, STYLE_PLAIN, g->name);
	add_count(t, g->count);
	add_error(t, met ? STYLE_PLAIN : STYLE_WARN, &g->error[PROVIDER_MEASURED]);
	add_error(t, STYLE_PLAIN, &g->error[PROVIDER_FITTED]);
	add_error(t, STYLE_PLAIN, &g->error[ESTIMATE_SISTER]);
	add_error(t, STYLE_PLAIN, &g->error[PROVIDER_ANALYTIC]);
	snprintf(bar, sizeof(bar), "%s %.0f/%.0f", met ? "in" : "over", 100 * g->median_bar, 100 * g->p90_bar);
	sheet_text(t, !has_bar(g) ? STYLE_FAINT : met ? STYLE_GOOD : STYLE_WARN, has_bar(g) ? bar : "");
	if (forest)
		add_error(t, STYLE_PLAIN, &g->error[ESTIMATE_FOREST]);
}

struct sheet *operators_group_sheet(const struct operators_study *s, struct err *err)
{
	bool forest = has_forest(s);
	struct sheet *t = sheet_new(group_columns, NULL, COUNT_OF(group_columns) - !forest);
	const struct operator_group *g;
	size_t n;

	if (!t) {
		err_memory(err);
		return NULL;
	}
	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++)
		group_row(t, &g[i], forest);
	return t;
}

static bool device_row(const struct operators_study *s, const char *device, bool forest, struct sheet *t, struct err *err)
{
	static const enum operators_estimate shown[] = { ESTIMATE_MEASURED, ESTIMATE_FITTED, ESTIMATE_SISTER, ESTIMATE_ANALYTIC,
							 ESTIMATE_FOREST };
	struct error_summary all = operators_summary(s, device, -1, ESTIMATE_ANALYTIC, err);

	sheet_text(t, device ? STYLE_PLAIN : STYLE_STRONG, device ? device : "all");
	add_count(t, all.count);
	for (size_t p = 0; p < COUNT_OF(shown) - !forest; p++) {
		struct error_summary e = operators_summary(s, device, -1, shown[p], err);

		add_error(t, STYLE_PLAIN, &e);
	}
	return err->kind == ERR_NONE;
}

struct sheet *operators_device_sheet(const struct operators_study *s, struct err *err)
{
	bool forest = has_forest(s), ok;
	struct sheet *t = sheet_new(device_columns, NULL, COUNT_OF(device_columns) - !forest);
	const struct operator_group *g;
	struct err own = { 0 };
	size_t n;

	ok = t || err_memory(&own);
	g = operators_groups(s, &n);
	for (size_t i = 0; ok && i < n; i++)
		if (i == 0 || g[i].device != g[i - 1].device)
			ok = device_row(s, g[i].device, forest, t, &own);
	if (ok && device_row(s, NULL, forest, t, &own))
		return t;
	sheet_free(t);
	err_set(err, own.kind, "%s", own.text);
	return NULL;
}

void operators_bars(const struct operators_study *s, struct str *out)
{
	const struct operator_group *g;
	size_t n, barred = 0, met = 0, compared = 0, better = 0;

	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++) {
		bool both = g[i].error[ESTIMATE_FOREST].count && g[i].error[PROVIDER_MEASURED].count;

		barred += has_bar(&g[i]);
		met += has_bar(&g[i]) && operators_bar_met(&g[i]);
		compared += both;
		better += both && g[i].error[PROVIDER_MEASURED].median < g[i].error[ESTIMATE_FOREST].median;
	}
	str_addf(out, "%zu of %zu groups with a bar (median/P90) are inside it%s\n", met, barred, met < barred ? "; outside:" : "");
	for (size_t i = 0; i < n; i++) {
		const struct error_summary *e = &g[i].error[PROVIDER_MEASURED];

		if (has_bar(&g[i]) && !operators_bar_met(&g[i]))
			str_addf(out, "  %-40s %.1f/%.0f, bar %.0f/%.0f (%zu points)\n", g[i].name, 100 * e->median, 100 * e->p90,
				 100 * g[i].median_bar, 100 * g[i].p90_bar, e->count);
	}
	if (compared)
		str_addf(out, "%zu of %zu groups have a smaller median than the random forest trained on their points without those sites\n", better,
			 compared);
}

void operators_legend(struct str *out)
{
	str_add(out, "median/P90 of |predicted / measured - 1|, percent; -: no answer that was held out\n"
		     "measured: the shape site left out of its table; fitted: sites that no fit saw (*: all sites)\n"
		     "sister: the device left out, its sisters' tables and laws scaled by the data sheets, else its own sheet\n"
		     "analytic: nothing measured on the device\n");
}
