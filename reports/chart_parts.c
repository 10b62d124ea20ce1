#include "reports/chart_parts.h"

#include "reports/gnuplot.h"

enum { FONT = 14 };

const char *const chart_hues[CHART_HUES] = { "#3f83d8", "#e0812f", "#2a9d76", "#9b6ad4", "#d2527a", "#8a8f98", "#b8982e", "#38a3b8" };

void chart_begin(struct str *out, const char *name, const char *title, bool standalone, int height)
{
	str_addf(out, "set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,%d' name '%s'\n", CHART_WIDTH, height, FONT, name);
	str_add(out, "set border 3 linecolor rgb '" GNUPLOT_FAINT "'\n"
		"set tics nomirror out scale 0.5 textcolor rgb '" GNUPLOT_FAINT "'\n"
		"set grid back linetype 1 linewidth 1 linecolor rgb '" GNUPLOT_GRID "'\n"
		"set style fill solid 1 noborder\nset datafile missing '-'\n");
	if (standalone) {
		str_add(out, "set title ");
		gnuplot_quote(out, title);
		str_add(out, " textcolor rgb '" GNUPLOT_INK "'\n");
	}
}

void chart_axis(struct str *out, const char *axis, const char *text)
{
	str_addf(out, "set %slabel ", axis);
	gnuplot_quote(out, text);
	str_add(out, " textcolor rgb '" GNUPLOT_FAINT "'\n");
}
