#include "reports/chart.h"

#include <math.h>

#include "reports/chart_parts.h"
#include "reports/gnuplot.h"
#include "reports/plot_tips.h"
#include "reports/utf8.h"

/* In the drawing's units: a row, a character of a label, the room that a tick of the axis takes. */
enum { ROW = 24, CHARACTER = 8, TICK = 68, LABEL_MOST = 48 };

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
	struct str doubled = { 0 }, cut = { 0 };

	utf8_add(&cut, text);
	if (utf8_width(str_text(&cut)) > LABEL_MOST) {
		cut.length = utf8_fit(str_text(&cut), LABEL_MOST - 1);
		cut.text[cut.length] = '\0';
		str_add(&cut, "\xe2\x80\xa6");
	}
	for (text = str_text(&cut); *text; text++)
		str_add_bytes(&doubled, *text == '%' ? "%%" : text, *text == '%' ? 2 : 1);
	gnuplot_quote(out, str_text(&doubled));
	out->failed |= cut.failed || doubled.failed;
	str_release(&doubled);
	str_release(&cut);
}

/* Steps of the axis -- 1, 2 or 5 times a power of ten -- that leave their numbers room beside labels of that width. */
static double tick_step(double span, size_t label_width)
{
	double room = CHART_WIDTH - 40 - (double)(CHARACTER * label_width), most = fmax(2, floor(room / TICK)), raw = span / most;
	double power = pow(10, floor(log10(raw)));

	for (int i = 0; i < 3; i++) {
		static const double steps[] = { 1, 2, 5 };

		if (steps[i] * power >= raw)
			return steps[i] * power;
	}
	return 10 * power;
}

static void bar_tips(struct plot_tips *tips, const struct chart_bar *b, double y)
{
	const double ends[][2] = { { b->from, b->to }, { b->from2, b->to2 } };

	for (size_t k = 0; k < COUNT_OF(ends); k++)
		for (int part = 1; part <= 3; part++)
			plot_tip(tips, ends[k][0] + part * (ends[k][1] - ends[k][0]) / 3, y, "%s: %.4g to %.4g", b->label, ends[k][0], ends[k][1]);
}

bool chart_bars(const struct chart_bars *c, bool standalone, struct str *out, struct err *err)
{
	double low = INFINITY, high = -INFINITY, room;
	struct str script = { 0 };
	struct plot_tips tips = { 0 };
	size_t object = 0, widest = 0;
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
		bar_tips(&tips, b, (double)i);
		if (utf8_width(b->label) > widest)
			widest = utf8_width(b->label);
	}
	if (!(high >= low)) {
		str_release(&tips.data);
		str_release(&script);
		return err_set(err, ERR_INPUT, "%s: nothing to draw", c->title);
	}
	room = high > low ? 0.05 * (high - low) : fabs(high) + 1;
	str_addf(&script, "set xrange [%.9g:%.9g]\nset xtics %.9g\nset yrange [%.1f:-0.6]\nset ytics (", low - room, high + room,
		 tick_step(high - low + 2 * room, widest < LABEL_MOST ? widest : LABEL_MOST), (double)c->count - 0.4);
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
	plot_tips_data(&tips, "tips", &script);
	str_add(&script, "plot NaN notitle");
	plot_tips_plot(&tips, "tips", &script);
	str_add(&script, "\n");
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
	struct plot_tips tips = { 0 };
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
	for (size_t i = 0; i < c->count; i++)
		plot_tip(&tips, c->points[i].x, c->points[i].y, "%s: %.4g, %.4g%s%s", c->points[i].group >= 0 && (size_t)c->points[i].group < c->group_count ?
			 c->groups[c->points[i].group] : "", c->points[i].x, c->points[i].y, c->points[i].label ? ", " : "",
			 c->points[i].label ? c->points[i].label : "");
	plot_tips_data(&tips, "tips", &script);
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
	str_add(&script, first ? "NaN notitle" : "");
	plot_tips_plot(&tips, "tips", &script);
	str_add(&script, "\n");
	ok = script.failed ? err_memory(err) : gnuplot_svg(str_text(&script), "points", c->title, standalone, out, err);
	str_release(&script);
	return ok;
}
