/* The page of `validate operators`: errors by device and group, predicted against measured, what was measured elsewhere. */
#include <stdio.h>

#include "reports/page.h"
#include "validation/operators_elsewhere.h"
#include "validation/operators_modules.h"
#include "validation/operators_report.h"
#include "validation/operators_sheets.h"

static bool add_sheet(struct sheet *t, struct str *out, struct err *err)
{
	bool ok = t && sheet_html(t, out, err);

	sheet_free(t);
	return ok;
}

static bool figures(const struct operators_study *s, struct str *out, struct err *err)
{
	const struct operator_group *g;
	struct err plot = { 0 };
	size_t n;

	g = operators_groups(s, &n);
	page_figures_begin(out);
	for (size_t i = 0; i < n && plot.kind == ERR_NONE; i++) {
		struct str svg = { 0 }, caption = { 0 };

		if (!operators_plot_first(g, i))
			continue;
		str_addf(&caption, "%s, %s", g[i].device, g[i].op);
		if (operators_plot(s, g[i].device, g[i].kind, false, &svg, &plot))
			page_figure(out, str_text(&caption), str_text(&svg));
		str_release(&svg);
		str_release(&caption);
	}
	page_figures_end(out);
	if (plot.kind == ERR_IO)
		page_text(out, plot.text);     /* no gnuplot: the tables say it all */
	return plot.kind == ERR_NONE || plot.kind == ERR_IO || err_set(err, plot.kind, "%s", plot.text);
}

/* What was compared beside the groups, under a title of its own. */
static bool beside(const char *title, const char *note, struct sheet *t, struct str *out, struct err *err)
{
	page_section(out, title);
	page_text(out, note);
	return add_sheet(t, out, err);
}

static bool elsewhere(const struct operators_options *options, struct str *out, struct err *err)
{
	struct operators_elsewhere e;
	bool ok = operators_elsewhere_run(options, &e, err);

	if (ok && e.count > 0)
		ok = beside("Collectives measured by others", operators_elsewhere_note, operators_elsewhere_sheet(&e, err), out, err);
	operators_elsewhere_release(&e);
	return ok;
}

static bool modules(const struct operators_options *options, struct str *out, struct err *err)
{
	struct operators_modules m;
	bool ok = operators_modules_run(options, &m, err);

	if (ok && m.count > 0)
		ok = beside("Latent attention measured whole", operators_modules_note, operators_modules_sheet(&m, err), out, err);
	operators_modules_release(&m);
	return ok;
}

bool operators_html(const struct operators_study *s, const struct operators_options *options, struct str *out, struct err *err)
{
	struct str lines = { 0 };
	const struct operator_group *g;
	size_t n, points = 0;
	bool ok;

	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++)
		points += g[i].count;
	str_addf(&lines, "%zu measured times in %zu groups, each predicted without itself", points, n);
	ok = page_begin(out, "vibee-sim validate operators", "Operators: predicted against measured", str_text(&lines), err);
	str_clear(&lines);
	operators_bars(s, &lines);
	operators_legend(&lines);
	if (ok) {
		page_section(out, "By device");
		page_lines(out, str_text(&lines));
		ok = add_sheet(operators_device_sheet(s, err), out, err);
	}
	if (ok) {
		page_section(out, "By device, software, operator and format");
		ok = add_sheet(operators_group_sheet(s, err), out, err);
	}
	if (ok) {
		page_section(out, "Predicted against measured times");
		page_text(out, "A dot a point: on the line is right, between the dashed lines within 25 %.");
		ok = figures(s, out, err);
	}
	ok = ok && (options->stack || elsewhere(options, out, err)) && (options->op || modules(options, out, err));
	str_release(&lines);
	return ok && page_end(out, err);
}
