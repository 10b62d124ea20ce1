#include "reports/chart.h"

#include <math.h>

#include "reports/chart_parts.h"
#include "reports/gnuplot.h"

enum { ROW = 24 };

static void widen(double v, double *low, double *high)
{
	if (isfinite(v)) {
		*low = fmin(*low, v);
		*high = fmax(*high, v);
	}
}

static void rectangle(struct str *out, size_t *object, double from, double to, double y, const char *hue)
{
	if (!isfinite(from) || !isfinite(to))
		return;
	str_addf(out, "set object %zu rectangle from %.9g,%.2f to %.9g,%.2f front fillcolor rgb '%s' fillstyle solid 1 noborder\n",
		 ++*object, from, y - 0.33, to, y + 0.33, hue);
}

/* Labels of ticks are formats to gnuplot: a % stands for itself only when doubled. */
static void tick_label(struct str *out, const char *text)
{
	struct str doubled = { 0 };

	for (; *text; text++)
		str_add_bytes(&doubled, *text == '%' ? "%%" : text, *text == '%' ? 2 : 1);
	gnuplot_quote(out, str_text(&doubled));
	str_release(&doubled);
}

bool chart_bars(const struct chart_bars *c, bool standalone, struct str *out, struct err *err)
{
	double low = INFINITY, high = -INFINITY, room;
	struct str script = { 0 };
	size_t object = 0;
	bool ok;

	chart_begin(&script, "bars", c->title, standalone, (int)c->count * ROW + 80 + (standalone ? 30 : 0));
	widen(c->line, &low, &high);
	for (size_t i = 0; i < c->count; i++) {
		const struct chart_bar *b = &c->bars[i];
		const char *hue = b->hue < 0 ? chart_hues[5] : chart_hues[b->hue % CHART_HUES];

		widen(b->from, &low, &high);
		widen(b->to, &low, &high);
		widen(b->from2, &low, &high);
		widen(b->to2, &low, &high);
		rectangle(&script, &object, b->from, b->to, (double)i, hue);
		rectangle(&script, &object, b->from2, b->to2, (double)i, chart_hues[1]);
	}
	if (!(high >= low)) {
		str_release(&script);
		return err_set(err, ERR_INPUT, "%s: nothing to draw", c->title);
	}
	room = high > low ? 0.05 * (high - low) : fabs(high) + 1;
	str_addf(&script, "set xrange [%.9g:%.9g]\nset yrange [%.1f:-0.6]\nset ytics (", low - room, high + room, (double)c->count - 0.4);
	for (size_t i = 0; i < c->count; i++) {
		str_add(&script, i ? ", " : "");
		tick_label(&script, c->bars[i].label);
		str_addf(&script, " %zu", i);
	}
	str_add(&script, ")\nset grid noytics\nunset key\n");
	chart_axis(&script, "x", c->axis);
	if (isfinite(c->line))
		str_addf(&script, "set arrow from %.9g,-0.6 to %.9g,%.1f nohead front linecolor rgb '" GNUPLOT_INK "' linewidth 1.2\n", c->line,
			 c->line, (double)c->count - 0.4);
	str_add(&script, "plot NaN notitle\n");
	ok = script.failed ? err_memory(err) : gnuplot_svg(str_text(&script), "bars", c->title, standalone, out, err);
	str_release(&script);
	return ok;
}

static void block(struct str *script, const struct chart_points *c, const char *name, int group, bool front)
{
	str_addf(script, "$%s%d << EOD\n", name, group);
	for (size_t i = 0; i < c->count; i++) {
		const struct chart_point *p = &c->points[i];

		if ((front ? p->front : p->group == group) && isfinite(p->x) && isfinite(p->y))
			str_addf(script, "%.9g %.9g\n", p->x, p->y);
	}
	str_add(script, "EOD\n");
}

static bool has_group(const struct chart_points *c, int group)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->points[i].group == group && isfinite(c->points[i].x) && isfinite(c->points[i].y))
			return true;
	return false;
}

static bool has_front(const struct chart_points *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->points[i].front && isfinite(c->points[i].x) && isfinite(c->points[i].y))
			return true;
	return false;
}

bool chart_points(const struct chart_points *c, bool standalone, struct str *out, struct err *err)
{
	struct str script = { 0 };
	bool first = true, ok;

	chart_begin(&script, "points", c->title, standalone, 400);
	chart_axis(&script, "x", c->x_axis);
	chart_axis(&script, "y", c->y_axis);
	str_add(&script, c->log_x ? "set logscale x\n" : "set xrange [0:*]\n");
	str_add(&script, c->log_y ? "set logscale y\n" : c->free_y ? "" : "set yrange [0:*]\n");
	str_add(&script, "set offsets graph 0.02, graph 0.04, graph 0.06, graph 0.02\n"
		"set key outside top left horizontal textcolor rgb '" GNUPLOT_INK "'\n");
	block(&script, c, "f", 0, true);
	for (size_t g = 0; g < c->group_count; g++)
		block(&script, c, "g", (int)g, false);
	str_add(&script, "plot ");
	if (has_front(c)) {
		str_add(&script, "$f0 using 1:2 with lines linewidth 1.6 linecolor rgb '" GNUPLOT_FAINT "' title ");
		gnuplot_quote(&script, c->front ? c->front : "front");
		first = false;
	}
	for (size_t g = 0; g < c->group_count; g++) {
		if (!has_group(c, (int)g))
			continue;
		str_addf(&script, "%s$g%zu using 1:2 with points pointtype 7 pointsize 0.55 linecolor rgb '%s' title ", first ? "" : ", ", g,
			 chart_hues[g % CHART_HUES]);
		gnuplot_quote(&script, c->groups[g]);
		first = false;
	}
	str_add(&script, first ? "NaN notitle\n" : "\n");
	ok = script.failed ? err_memory(err) : gnuplot_svg(str_text(&script), "points", c->title, standalone, out, err);
	str_release(&script);
	return ok;
}
