/* Predicted against measured times, a dot a point: on the diagonal is right, between the dashed lines within 25 %. */
#include <math.h>
#include <stdio.h>

#include "reports/gnuplot.h"
#include "reports/outfile.h"
#include "validation/operators_report.h"

enum { WIDTH = 560, HEIGHT = 470, TITLE_PX = 30, DOTS_MOST = 1200 };

/* Drawn in this order: the widest cloud first, so that the narrow ones stay visible on it. */
static const enum provider order[] = { PROVIDER_ANALYTIC, PROVIDER_FITTED, PROVIDER_MEASURED };
static const char *const hues[PROVIDER_COUNT] = { "#3f83d8", "#2a9d76", "#e0812f" };
static const char *const titles[PROVIDER_COUNT] = { "measured, site left out", "fitted", "analytic" };

static bool belongs(const struct operator_group *g, const char *device, enum op_kind kind)
{
	return g->device == device && g->kind == kind;
}

/* Calls for each point of the device and kind, thinned evenly to DOTS_MOST in all. */
static size_t thinned(const struct operator_group *g, size_t n, const char *device, enum op_kind kind)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += belongs(&g[i], device, kind) ? g[i].count : 0;
	return all / DOTS_MOST + 1;
}

static void range(const struct operators_study *s, const char *device, enum op_kind kind, double *low, double *high)
{
	const struct operator_point *points = operators_points(s);
	const struct operator_group *g;
	size_t n;

	g = operators_groups(s, &n);
	*low = INFINITY;
	*high = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = g[i].first; belongs(&g[i], device, kind) && j < g[i].first + g[i].count; j++) {
			*low = fmin(*low, points[j].measured_s);
			*high = fmax(*high, points[j].measured_s);
		}
	*low = pow(10, floor(log10(*low) * 3) / 3);
	*high = pow(10, ceil(log10(*high) * 3) / 3);
}

static void ticks(struct str *out, const char *axis, double low, double high)
{
	const char *comma = "";

	str_addf(out, "set %stics (", axis);
	for (int d = (int)ceil(log10(low) - 1e-9); pow(10, d) <= high * 1.0001; d++) {
		double v = pow(10, d);

		if (v < 0.99e-3)
			str_addf(out, "%s'%.3g us' %.9g", comma, v * 1e6, v);
		else if (v < 0.99)
			str_addf(out, "%s'%.3g ms' %.9g", comma, v * 1e3, v);
		else
			str_addf(out, "%s'%.3g s' %.9g", comma, v, v);
		comma = ", ";
	}
	str_add(out, ")\n");
}

static void head(struct str *out, const char *title, bool standalone, double low, double high)
{
	int height = HEIGHT + (standalone ? TITLE_PX : 0);

	str_addf(out, "set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,14' name 'v'\n", WIDTH, height);
	str_add(out, "set border 3 linecolor rgb '" GNUPLOT_FAINT "'\n"
		     "set tics nomirror out scale 0.5 textcolor rgb '" GNUPLOT_FAINT "'\n"
		     "set grid back linetype 1 linewidth 1 linecolor rgb '" GNUPLOT_GRID "'\nset logscale xy\n");
	str_addf(out, "set lmargin at screen %.4f\nset rmargin at screen 0.97\nset bmargin at screen %.4f\nset tmargin at screen %.4f\n",
		 88.0 / WIDTH, 58.0 / height, 1 - (standalone ? 64.0 : 34.0) / height);
	str_add(out, "set key off\n");
	for (int p = 0; p < PROVIDER_COUNT; p++)
		str_addf(out, "set label '%s' at screen %.4f,%.4f left point pointtype 7 pointsize 0.7 linecolor rgb '%s'"
			      " offset 1,0 textcolor rgb '" GNUPLOT_INK "'\n",
			 titles[p], (p == 0 ? 14.0 : p == 1 ? 214.0 : 304.0) / WIDTH, 1 - (standalone ? 46.0 : 14.0) / height, hues[p]);
	if (standalone) {
		str_add(out, "set label 99 ");
		gnuplot_quote(out, title);
		str_addf(out, " at screen 0.02,%.4f left font ',16' textcolor rgb '" GNUPLOT_INK "'\n", 1 - 16.0 / height);
	}
	str_addf(out, "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n", low, high, low, high);
	ticks(out, "x", low, high);
	ticks(out, "y", low, high);
	str_add(out, "set xlabel 'measured' offset 0,0.3 textcolor rgb '" GNUPLOT_FAINT "'\n"
		     "set label 98 'predicted' at screen 0.022,0.5 center rotate by 90 textcolor rgb '" GNUPLOT_FAINT "'\n");
}

static void dots(const struct operators_study *s, const char *device, enum op_kind kind, enum provider p, size_t step,
		 struct str *out)
{
	const struct operator_point *points = operators_points(s);
	const struct operator_group *g;
	size_t n, at = 0, written = 0;

	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = g[i].first; belongs(&g[i], device, kind) && j < g[i].first + g[i].count; j++) {
			if (at++ % step != 0 || isnan(points[j].predicted_s[p]))
				continue;
			str_addf(out, "%.4g %.4g\n", points[j].measured_s, points[j].predicted_s[p]);
			written++;
		}
	}
	if (written == 0)
		str_add(out, "1e-30 1e-30\n"); /* off the page: an empty block would be an error */
	str_add(out, "e\n");
}

bool operators_plot(const struct operators_study *s, const char *device, enum op_kind kind, bool standalone, struct str *out,
		    struct err *err)
{
	struct str script = { 0 }, title = { 0 };
	const struct operator_group *g;
	double low, high;
	size_t n, step;
	bool ok;

	g = operators_groups(s, &n);
	for (size_t i = 0; i < n; i++)
		if (g[i].kind == kind && text_equal(g[i].device, device))
			device = g[i].device;
	step = thinned(g, n, device, kind);
	range(s, device, kind, &low, &high);
	str_addf(&title, "%s on %s: predicted against measured time", op_kind_names[kind], device);
	head(&script, str_text(&title), standalone, low, high);
	str_add(&script, "plot ");
	for (size_t i = 0; i < COUNT_OF(order); i++)
		str_addf(&script, "'-' using 1:2 with points pointtype 7 pointsize 0.3 linecolor rgb '%s', ", hues[order[i]]);
	str_add(&script, "x with lines notitle linewidth 1.5 linecolor rgb '" GNUPLOT_INK "',"
			 " x*1.25 with lines notitle dashtype 2 linecolor rgb '" GNUPLOT_FAINT "',"
			 " x/1.25 with lines notitle dashtype 2 linecolor rgb '" GNUPLOT_FAINT "'\n");
	for (size_t i = 0; i < COUNT_OF(order); i++)
		dots(s, device, kind, order[i], step, &script);
	ok = script.failed || title.failed ? err_memory(err) : gnuplot_svg(script.text, "v", title.text, standalone, out, err);
	str_release(&script);
	str_release(&title);
	return ok;
}

bool operators_plot_first(const struct operator_group *g, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (g[j].device == g[i].device && g[j].kind == g[i].kind)
			return false;
	return true;
}

bool operators_plots(const struct operators_study *s, const char *folder, size_t *written, struct err *err)
{
	const struct operator_group *g;
	bool ok = true;
	size_t n;

	*written = 0;
	g = operators_groups(s, &n);
	for (size_t i = 0; ok && i < n; i++) {
		struct str svg = { 0 }, path = { 0 };

		if (!operators_plot_first(g, i))
			continue;
		str_addf(&path, "%s/%s-%s.svg", folder, g[i].device, g[i].op);
		ok = path.failed ? err_memory(err)
				 : operators_plot(s, g[i].device, g[i].kind, true, &svg, err) &&
					   outfile_write(path.text, svg.text, svg.length, err);
		*written += ok;
		str_release(&svg);
		str_release(&path);
	}
	return ok;
}
