#include "reports/chart_lines.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reports/chart_parts.h"
#include "reports/gnuplot.h"
#include "reports/plot_tips.h"

/* Characters of labels that fit under a drawing, a gap between them counted as two. */
enum { HEIGHT = 340, LABEL_CHARACTERS = 76, LABEL_GAP = 2 };

static void line_data(struct str *script, const struct chart_line *l, size_t n)
{
	str_addf(script, "$d%zu << EOD\n", n);
	for (size_t i = 0; i < l->count; i++)
		if (isfinite(l->x[i]) && isfinite(l->y[i]))
			str_addf(script, "%.10g %.9g\n", l->x[i], l->y[i]);
	str_add(script, "EOD\n");
}

static bool draw(struct str *script, const char *name, const char *title, bool standalone, struct str *out, struct err *err)
{
	bool ok = script->failed ? err_memory(err) : gnuplot_svg(str_text(script), name, title, standalone, out, err);

	str_release(script);
	return ok;
}

static void settings(struct str *script, const char *y_axis)
{
	chart_axis(script, "y", y_axis);
	str_add(script, "set yrange [0:*]\nset offsets 0, 0, graph 0.06, 0\n"
		"set key outside top left horizontal textcolor rgb '" GNUPLOT_INK "'\n");
}

static const double DAY_S = 86400, MONTH_S = 365.25 / 12 * 86400;

/* Ticks far enough apart for their labels. */
static void time_axis(const struct chart_lines *c, struct str *script)
{
	double span = 0, months;

	for (size_t i = 0; i < c->count; i++)
		if (c->lines[i].count > 0)
			span = fmax(span, c->lines[i].x[c->lines[i].count - 1] - c->lines[i].x[0]);
	str_addf(script, "set xdata time\nset timefmt '%%s'\nset format x '%s'\n", span > 400 * DAY_S ? "%b %Y" : span > 60 * DAY_S ? "%b" : "%d %b");
	months = ceil(span / MONTH_S / 6);
	if (span > 400 * DAY_S)
		str_addf(script, "set xtics %.0f\n", months * MONTH_S);
}

/* Without an axis of its own x is a time, seconds since 1970. */
static void line_tip(struct plot_tips *tips, const struct chart_line *l, size_t k, bool plain)
{
	time_t at = (time_t)l->x[k];
	struct tm day;
	char date[32] = "";

	if (plain)
		snprintf(date, sizeof(date), "%.4g", l->x[k]);
	else if (isfinite(l->x[k]) && gmtime_r(&at, &day))
		strftime(date, sizeof(date), "%Y-%m-%d", &day);
	plot_tip(tips, l->x[k], l->y[k], "%s, %s: %.4g", l->label, date, l->y[k]);
}

bool chart_lines(const struct chart_lines *c, bool standalone, struct str *out, struct err *err)
{
	struct str script = { 0 };
	struct plot_tips tips = { 0 };

	chart_begin(&script, c->name, c->title, standalone, HEIGHT);
	settings(&script, c->y_axis);
	if (c->x_axis)
		chart_axis(&script, "x", c->x_axis);
	else
		time_axis(c, &script);
	str_add(&script, "set autoscale xfix\n");
	for (size_t i = 0; i < c->count; i++) {
		const struct chart_line *l = &c->lines[i];

		line_data(&script, l, i);
		for (size_t k = 0; k < l->count; k += plot_tips_every(l->count))
			line_tip(&tips, l, k, c->x_axis != NULL);
	}
	plot_tips_data(&tips, "tips", &script);
	str_add(&script, "plot ");
	for (size_t i = 0; i < c->count; i++) {
		const struct chart_line *l = &c->lines[i];
		const char *hue = chart_hues[l->hue % CHART_HUES];

		if (l->filled)
			str_addf(&script, "$d%zu using 1:2 with %s linewidth 0 fillcolor rgb '%s' fillstyle transparent solid 0.25 noborder notitle, ", i,
				 l->steps ? "fillsteps" : "filledcurves y1=0", hue);
		str_addf(&script, "$d%zu using 1:2 with %s linewidth 1.4%s linecolor rgb '%s' title ", i, l->steps ? "steps" : "lines",
			 l->dashed ? " dashtype 2" : "", hue);
		gnuplot_quote(&script, l->label);
		str_add(&script, i + 1 < c->count ? ", " : "");
	}
	plot_tips_plot(&tips, "tips", &script);
	str_add(&script, "\n");
	return draw(&script, c->name, c->title, standalone, out, err);
}

bool chart_stacks(const struct chart_stacks *c, bool standalone, struct str *out, struct err *err)
{
	struct str script = { 0 };
	size_t characters = 0, every;

	for (size_t i = 0; i < c->count; i++)
		characters += strlen(c->labels[i]) + LABEL_GAP;
	every = (characters + LABEL_CHARACTERS - 1) / LABEL_CHARACTERS;
	chart_begin(&script, c->name, c->title, standalone, HEIGHT);
	settings(&script, c->y_axis);
	str_add(&script, "set style data histograms\nset style histogram rowstacked\nset boxwidth 0.75 relative\nset grid noxtics\n$d << EOD\n");
	for (size_t i = 0; i < c->count; i++) {
		for (size_t k = 0; k < c->part_count; k++)
			str_addf(&script, "%.9g ", c->values[i * c->part_count + k]);
		str_add(&script, "\n");
	}
	str_addf(&script, "EOD\nset xrange [-0.6:%.1f]\nset xtics (", (double)c->count - 0.4);
	for (size_t i = 0; i < c->count; i += every ? every : 1) {
		str_add(&script, i ? ", " : "");
		gnuplot_quote(&script, c->labels[i]);
		str_addf(&script, " %zu", i);
	}
	str_add(&script, ")\nplot ");
	for (size_t k = 0; k < c->part_count; k++) {
		str_addf(&script, "$d using %zu linecolor rgb '%s' title ", k + 1, chart_hues[c->hues[k] % CHART_HUES]);
		gnuplot_quote(&script, c->parts[k]);
		str_add(&script, k + 1 < c->part_count ? ", " : "\n");
	}
	return draw(&script, c->name, c->title, standalone, out, err);
}
