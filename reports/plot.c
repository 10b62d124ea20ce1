#include "reports/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/format.h"
#include "reports/gnuplot.h"
#include "reports/outfile.h"
#include "reports/plot_tips.h"
#include "reports/utf8.h"

enum { WIDTH = 560, FONT = 14, BARS_MOST = 12, POINTS_MOST = 12 };

/* Told apart also by those who see fewer colours, and strong enough on white as on near-black. */
static const char *const hues[] = { "#3f83d8", "#e0812f", "#2a9d76", "#9b6ad4",
				    "#d2527a", "#8a8f98", "#b8982e", "#38a3b8" };

const struct plot_info plots[PLOT_KINDS] = {
	[PLOT_CDF] = { "cdf", "Latency distribution" },
	[PLOT_LATENCY] = { "latency", "Latency over time" },
	[PLOT_LOAD] = { "load", "Load over time" },
	[PLOT_OPERATORS] = { "operators", "Where the time goes" },
	[PLOT_ROOFLINE] = { "roofline", "Roofline" },
	[PLOT_MEMORY] = { "memory", "Memory of one device" },
};

static const double *cdf_values(const struct result *r, int i, const char **name)
{
	static const char *const names[] = { "TTFT", "TPOT", "ITL", "E2E" };
	const double *const curves[] = { r->cdf_ttft_s, r->cdf_tpot_s, r->cdf_itl_s, r->cdf_e2e_s };

	*name = names[i];
	return curves[i];
}

static bool takes_time(const struct operator_row *o)
{
	return o->seconds > 0 && o->share > 0;
}

static bool on_roofline(const struct operator_row *o)
{
	return o->flops > 0 && o->bytes > 0 && takes_time(o);
}

/* At least two buckets and some time between them, or there is no axis to draw on. */
static bool has_series(const struct result *r)
{
	return r->series && r->series->count > 1 && r->series->at[r->series->count - 1].t_s > 0;
}

bool plot_has_data(enum plot_kind kind, const struct result *r)
{
	const char *name;
	bool any = false;

	switch (kind) {
	case PLOT_CDF:
		for (int i = 0; i < 4; i++)
			any = any || (cdf_values(r, i, &name) && cdf_values(r, i, &name)[CDF_POINTS - 1] > 0);
		return any;
	case PLOT_LATENCY:
		for (size_t i = 0; r->series && i < r->series->count; i++)
			any = any || r->series->at[i].ttft_s > 0;
		return any && has_series(r);
	case PLOT_LOAD:
		return has_series(r);
	case PLOT_OPERATORS:
		for (size_t i = 0; i < r->operator_count; i++)
			any = any || takes_time(&r->operators[i]);
		return any;
	case PLOT_ROOFLINE:
		for (size_t i = 0; i < r->operator_count; i++)
			any = any || on_roofline(&r->operators[i]);
		return any && r->peak_flop_s > 0 && r->bandwidth_bytes_s > 0;
	case PLOT_MEMORY:
		for (size_t i = 0; i < r->memory_count; i++)
			any = any || r->memory[i].bytes > 0;
		return any && r->capacity_bytes > 0;
	case PLOT_KINDS:
		break;
	}
	return false;
}

static void number(struct str *out, double v)
{
	str_addf(out, isfinite(v) ? " %.9g" : " -", v);
}

/* Ticks at every power of ten that lies inside, thinned to about six, with readable names. */
static void decade_ticks(struct str *out, const char *axis, double low, double high, const char *unit)
{
	int first = (int)ceil(log10(low) - 1e-9), last = (int)floor(log10(high) + 1e-9);
	int step = last - first > 6 ? (last - first + 5) / 6 : 1;
	char buf[FORMAT_ROOM];

	str_addf(out, "set %stics (", axis);
	for (int d = first; d <= last; d += step) {
		double v = pow(10, d);

		if (*unit)
			human_rate(buf, v, unit);
		else if (v >= 1 && v < 600)
			snprintf(buf, sizeof(buf), "%.0f s", v);
		else if (v >= 600)
			human_seconds(buf, v);
		else
			snprintf(buf, sizeof(buf), v >= 0.99e-3 ? "%.0f ms" : "%.3g us",
				 v >= 0.99e-3 ? v * 1e3 : v * 1e6);
		str_add(out, d > first ? ", " : "");
		gnuplot_quote(out, buf);
		str_addf(out, " %.9g", v);
	}
	str_add(out, ")\n");
}

enum { TITLE_PX = 30, KEY_PX = 26 };

/* One drawing in units of about a pixel; `top` leaves room for the title of a standalone figure. */
struct canvas {
	int width, height, top;
};

static struct canvas begin(struct str *out, enum plot_kind kind, const struct plot_style *style, int height)
{
	int top = style->standalone ? TITLE_PX : 0;
	struct canvas c = { style->width ? style->width : WIDTH, style->height ? style->height : height + top, top };

	str_addf(out, "set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,%d' name 'p%s'\n", c.width,
		 c.height, FONT, plots[kind].name);
	str_add(out, "set border 3 linecolor rgb '" GNUPLOT_FAINT "'\n"
		"set tics nomirror out scale 0.5 textcolor rgb '" GNUPLOT_FAINT "'\n"
		"set xtics offset 0,0.2\nset ytics offset 0.4,0\n"
		"set grid back linetype 1 linewidth 1 linecolor rgb '" GNUPLOT_GRID "'\n"
		"set style fill solid 1 noborder\n"
		"set datafile missing '-'\n");
	if (style->standalone) {
		str_add(out, "set label 99 ");
		gnuplot_quote(out, plots[kind].title);
		str_addf(out, " at screen %.5f,%.5f left font ',%d' textcolor rgb '" GNUPLOT_INK "'\n", 12.0 / c.width,
			 1 - 16.0 / c.height, FONT + 2);
	}
	return c;
}

/* Places the axes: distances from the canvas' left, right and bottom edges, and from its top without the title. The
 * legend stands above, from `key` on. */
static void frame(struct str *out, const struct canvas *c, int left, int right, int top, int bottom, int key)
{
	str_addf(out, "set lmargin at screen %.5f\nset rmargin at screen %.5f\n"
		 "set tmargin at screen %.5f\nset bmargin at screen %.5f\n",
		 (double)left / c->width, 1 - (double)right / c->width, 1 - (double)(top + c->top) / c->height,
		 (double)bottom / c->height);
	str_addf(out, "set key at screen %.5f,%.5f left top Left reverse horizontal samplen 1.5 width 0.5"
		 " textcolor rgb '" GNUPLOT_INK "'\n",
		 (double)key / c->width, 1 - (double)(top + c->top - KEY_PX) / c->height);
}

/* A label cut to what fits beside the bars. */
static void short_label(struct str *out, const char *text, size_t columns)
{
	struct str cut = { 0 };
	size_t n;

	utf8_add(&cut, text ? text : "");
	n = utf8_fit(str_text(&cut), columns);
	if (n < cut.length) {
		cut.length = utf8_fit(str_text(&cut), columns - 1);
		cut.text[cut.length] = '\0';
		str_add(&cut, "\xe2\x80\xa6");
	}
	gnuplot_quote(out, str_text(&cut));
	str_release(&cut);
}

/* A legend of our own, since gnuplot's will not run wider than the axes: entries follow each other from (x, y). */
struct legend {
	struct str *out;
	const struct canvas *canvas;
	double x, y;                   /* from the left and, without the title, from the top */
};

static void legend_add(struct legend *l, const char *hue, const char *text)
{
	struct str cut = { 0 };
	double width;

	short_label(&cut, text, 24);
	width = 8.3 * (double)(utf8_width(str_text(&cut)) - 2) + 46;
	if (l->x > 12 && l->x + width > l->canvas->width) {
		l->x = 12;
		l->y += 20;
	}
	str_addf(l->out,
		 "set label %s at screen %.5f,%.5f left point pointtype 5 pointsize 1.1"
		 " linecolor rgb '%s' offset 1.2,-0.2 textcolor rgb '" GNUPLOT_INK "'\n",
		 str_text(&cut), (l->x + 6) / l->canvas->width, 1 - (l->y + l->canvas->top) / l->canvas->height, hue);
	l->x += width;
	str_release(&cut);
}

static void axis_label(struct str *out, const char *axis, const char *text)
{
	str_addf(out, "set %slabel ", axis);
	gnuplot_quote(out, text);
	str_add(out, " offset 0,0.4 textcolor rgb '" GNUPLOT_FAINT "'\n");
}

static void script_cdf(const struct result *r, const struct plot_style *style, struct str *out)
{
	static const char *const dashes[] = { "1", "1", "2", "1" };
	double low = INFINITY, high = 0;
	const char *name;
	struct canvas canvas;
	struct plot_tips tips = { 0 };
	char buf[FORMAT_ROOM];
	bool first = true;

	for (int c = 0; c < 4; c++) {
		const double *v = cdf_values(r, c, &name);

		for (int i = 0; v && i < CDF_POINTS; i++)
			if (v[i] > 0 && isfinite(v[i])) {
				low = fmin(low, v[i]);
				high = fmax(high, v[i]);
			}
	}
	canvas = begin(out, PLOT_CDF, style, 300);
	frame(out, &canvas, 58, 28, 30, 32, 52);
	low = pow(10, floor(log10(low) * 2 - 0.1) / 2);
	high = pow(10, ceil(log10(high) * 2 + 0.1) / 2);
	str_addf(out, "set logscale x\nset xrange [%.9g:%.9g]\nset yrange [0:100]\nset format y '%%.0f %%%%'\n", low,
		 high);
	decade_ticks(out, "x", low, high, "");
	for (int c = 0; c < 4; c++) {
		const double *v = cdf_values(r, c, &name);

		if (!v)
			continue;
		str_addf(out, "$c%d << EOD\n", c);
		for (int i = 0; i < CDF_POINTS; i++)
			if (v[i] > 0) {
				number(out, v[i]);
				number(out, 100.0 * i / (CDF_POINTS - 1));
				str_add(out, "\n");
				if (i % 10 == 0 || i == CDF_POINTS - 3)        /* every 5 %, and P99 */
					plot_tip(&tips, v[i], 100.0 * i / (CDF_POINTS - 1), "%s: %d %% within %s", name, i / 2, human_seconds(buf, v[i]));
			}
		str_add(out, "EOD\n");
	}
	plot_tips_data(&tips, "tips", out);
	str_add(out, "plot ");
	for (int c = 0; c < 4; c++) {
		const double *v = cdf_values(r, c, &name);

		if (!v || !(v[CDF_POINTS - 1] > 0))
			continue;
		str_addf(out, "%s$c%d using 1:2 with lines linewidth 2.2 dashtype %s linecolor rgb '%s' title '%s'",
			 first ? "" : ", ", c, dashes[c], hues[c], name);
		first = false;
	}
	plot_tips_plot(&tips, "tips", out);
	str_add(out, "\n");
}

/* Seconds of the run in the unit that gives short ticks. */
static double time_unit(const struct series *s, const char **name)
{
	double end = s->at[s->count - 1].t_s;

	*name = end > 4 * 3600 ? "hours" : end > 1200 ? "minutes" : "seconds";
	return end > 4 * 3600 ? 3600 : end > 1200 ? 60 : 1;
}

static void series_data(const struct result *r, struct str *out, double unit)
{
	str_add(out, "$s << EOD\n");
	for (size_t i = 0; i < r->series->count; i++) {
		number(out, r->series->at[i].t_s / unit);
		number(out, r->series->at[i].ttft_s);
		number(out, r->series->at[i].tpot_s);
		number(out, r->series->at[i].running);
		number(out, r->series->at[i].waiting);
		number(out, 100 * r->series->at[i].kv_utilization);
		str_add(out, "\n");
	}
	str_add(out, "EOD\n");
}

/* Two panels on the same time axis: the upper one, then the lower one with the axis' name. */
static void upper_panel(struct str *out, const struct canvas *c, double end)
{
	str_add(out, "set multiplot\n");
	frame(out, c, 58, 16, 30, 200, 52);
	str_addf(out, "set yrange [0:*]\nset xrange [0:%.9g]\nset format x ''\n", end);
}

static void lower_panel(struct str *out, const struct canvas *c, const char *time)
{
	frame(out, c, 58, 16, c->height - c->top - 166, 56, 52);
	str_add(out, "unset label 99\nset format x '%g'\n");
	axis_label(out, "x", time);
}

static void script_latency(const struct result *r, const struct plot_style *style, struct str *out)
{
	double most[2] = { 0, 0 }, scale[2];
	const char *time, *names[2];
	double unit = time_unit(r->series, &time);
	struct plot_tips ttft = { 0 }, tpot = { 0 };
	struct canvas canvas;

	for (size_t i = 0; i < r->series->count; i++) {
		most[0] = fmax(most[0], r->series->at[i].ttft_s);       /* fmax skips NAN */
		most[1] = fmax(most[1], r->series->at[i].tpot_s);
	}
	for (int i = 0; i < 2; i++) {
		scale[i] = most[i] < 2 ? 1e3 : 1;
		names[i] = most[i] < 2 ? "ms" : "s";
	}
	canvas = begin(out, PLOT_LATENCY, style, 350);
	series_data(r, out, unit);
	for (size_t i = 0; i < r->series->count; i += plot_tips_every(r->series->count)) {
		const struct series_point *p = &r->series->at[i];
		char at[FORMAT_ROOM], value[FORMAT_ROOM];

		plot_tip(&ttft, p->t_s / unit, p->ttft_s * scale[0], "at %s: TTFT %s", human_seconds(at, p->t_s), human_seconds(value, p->ttft_s));
		plot_tip(&tpot, p->t_s / unit, p->tpot_s * scale[1], "at %s: TPOT %s", human_seconds(at, p->t_s), human_seconds(value, p->tpot_s));
	}
	plot_tips_data(&ttft, "ttft", out);
	plot_tips_data(&tpot, "tpot", out);
	upper_panel(out, &canvas, r->series->at[r->series->count - 1].t_s / unit);
	str_addf(out, "plot $s using 1:($2*%g) with lines linewidth 2 linecolor rgb '%s'"
		 " title 'TTFT (%s), mean of requests finishing then'",
		 scale[0], hues[0], names[0]);
	plot_tips_plot(&ttft, "ttft", out);
	str_add(out, "\n");
	lower_panel(out, &canvas, time);
	str_addf(out, "plot $s using 1:($3*%g) with lines linewidth 2 linecolor rgb '%s' title 'TPOT (%s)'", scale[1],
		 hues[1], names[1]);
	plot_tips_plot(&tpot, "tpot", out);
	str_add(out, "\nunset multiplot\n");
}

static void script_load(const struct result *r, const struct plot_style *style, struct str *out)
{
	const char *time;
	double unit = time_unit(r->series, &time);
	struct plot_tips load = { 0 }, cache = { 0 };
	struct canvas canvas;

	canvas = begin(out, PLOT_LOAD, style, 350);
	series_data(r, out, unit);
	for (size_t i = 0; i < r->series->count; i += plot_tips_every(r->series->count)) {
		const struct series_point *p = &r->series->at[i];
		char at[FORMAT_ROOM];

		plot_tip(&load, p->t_s / unit, p->running, "at %s: %.3g running, %.3g waiting", human_seconds(at, p->t_s), p->running, p->waiting);
		plot_tip(&cache, p->t_s / unit, 100 * p->kv_utilization, "at %s: %.3g %% of the KV blocks", human_seconds(at, p->t_s),
			 100 * p->kv_utilization);
	}
	plot_tips_data(&load, "load", out);
	plot_tips_data(&cache, "cache", out);
	upper_panel(out, &canvas, r->series->at[r->series->count - 1].t_s / unit);
	str_addf(out, "plot $s using 1:4 with lines linewidth 2 linecolor rgb '%s' title 'requests running',"
		 " $s using 1:5 with lines linewidth 2 linecolor rgb '%s' title 'waiting'", hues[2], hues[4]);
	plot_tips_plot(&load, "load", out);
	str_add(out, "\n");
	lower_panel(out, &canvas, time);
	str_addf(out,
		 "set yrange [0:100]\nset ytics 25\nset style fill transparent solid 0.35 noborder\n"
		 "plot $s using 1:6 with filledcurves y1=0 linecolor rgb '%s' notitle,"
		 " $s using 1:6 with lines linewidth 2 linecolor rgb '%s' title 'KV blocks in use (%%)'",
		 hues[3], hues[3]);
	plot_tips_plot(&cache, "cache", out);
	str_add(out, "\nunset multiplot\n");
}

/* The rows that take most time, longest first. */
static size_t longest(const struct result *r, const struct operator_row **top, size_t most,
		      bool (*wanted)(const struct operator_row *))
{
	size_t n = 0;

	for (size_t i = 0; i < r->operator_count; i++) {
		const struct operator_row *o = &r->operators[i];
		size_t k = n;

		if (!wanted(o))
			continue;
		while (k > 0 && top[k - 1]->seconds < o->seconds)
			k--;
		if (k == most)
			continue;
		n += n < most;
		memmove(&top[k + 1], &top[k], (n - k - 1) * sizeof(*top));
		top[k] = o;
	}
	return n;
}

static const char *bound_of(const struct operator_row *o)
{
	return o->bound && *o->bound ? o->bound : "other";
}

/* A hue for each kind of bound, always the same one for those that every device has. */
static const char *bound_hue(const char *bound)
{
	static const char *const known[] = { "compute", "memory", "network", "latency", "host" };
	static const int hue[] = { 0, 1, 3, 4, 5 };

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (strcmp(bound, known[i]) == 0)
			return hues[hue[i]];
	return hues[2];
}

static void script_operators(const struct result *r, const struct plot_style *style, struct str *out)
{
	const struct operator_row *top[BARS_MOST];
	size_t n = longest(r, top, BARS_MOST, takes_time);
	struct plot_tips tips = { 0 };
	struct canvas canvas;
	struct legend legend;

	for (size_t i = 0; i < n; i++)
		for (int part = 0; part <= 2; part++) {
			char buf[FORMAT_ROOM];

			plot_tip(&tips, 50.0 * part * top[i]->share, (double)i, "%s: %s, %.3g %% of the time, bound by %s, %s", top[i]->label,
				 human_seconds(buf, top[i]->seconds), 100 * top[i]->share, bound_of(top[i]), top[i]->provider ? top[i]->provider : "");
		}
	canvas = begin(out, PLOT_OPERATORS, style, (int)(62 + 25 * n));
	plot_tips_data(&tips, "tips", out);
	frame(out, &canvas, 178, 16, 30, 30, 8);
	legend = (struct legend){ out, &canvas, 12, 14 };
	str_addf(out, "set yrange [%g:-0.7]\nset xrange [0:%.9g]\n", (double)n - 0.3, 118 * top[0]->share);
	for (size_t i = 0; i < n; i++) {
		bool before = false;

		for (size_t k = 0; k < i; k++)
			before = before || strcmp(bound_of(top[k]), bound_of(top[i])) == 0;
		if (!before)
			legend_add(&legend, bound_hue(bound_of(top[i])), bound_of(top[i]));
	}
	str_add(out, "set key off\nset ytics (");
	for (size_t i = 0; i < n; i++) {
		str_add(out, i ? ", " : "");
		short_label(out, top[i]->label, 24);
		str_addf(out, " %zu", i);
	}
	str_add(out, ") scale 0\nset ytics textcolor rgb '" GNUPLOT_INK "'\nset grid noytics xtics\nset border 0\n"
		"set format x '%g %%'\nplot ");
	for (size_t i = 0; i < n; i++)
		str_addf(out, "%s'-' using (0):1:(0):2:($1-0.36):($1+0.36) with boxxyerror"
			 " linecolor rgb '%s'", i ? ", " : "",
			 bound_hue(bound_of(top[i])));
	str_add(out, ", '-' using 2:1:3 with labels left offset 0.6,0 textcolor rgb '" GNUPLOT_FAINT "'");
	plot_tips_plot(&tips, "tips", out);
	str_add(out, "\n");
	for (size_t i = 0; i < n; i++)
		str_addf(out, "%zu %.9g\ne\n", i, 100 * top[i]->share);
	for (size_t i = 0; i < n; i++) {
		char buf[FORMAT_ROOM];

		str_addf(out, "%zu %.9g \"%s\"\n", i, 100 * top[i]->share, human_seconds(buf, top[i]->seconds));
	}
	str_add(out, "e\n");
}

/* Boxes on the canvas that labels must not cover, grown as labels are placed. */
struct boxes {
	struct { double left, right, low, high; } at[3 * POINTS_MOST];
	size_t count;
};

static bool place(struct boxes *b, double left, double low, double width, double height)
{
	for (size_t i = 0; i < b->count; i++)
		if (left < b->at[i].right && b->at[i].left < left + width && low < b->at[i].high &&
		    b->at[i].low < low + height)
			return false;
	b->at[b->count].left = left;
	b->at[b->count].right = left + width;
	b->at[b->count].low = low;
	b->at[b->count++].high = low + height;
	return true;
}

/* Tries a few places around the point at (x, y), nearest first; without room the point stays unnamed. */
static void place_label(struct str *out, struct boxes *b, const struct canvas *c, double x, double y, const char *text)
{
	static const struct {
		double side, up;
	} tries[] = { { 1, 0 },   { -1, 0 },  { 1, -15 }, { 1, 15 },   { -1, -15 },
		      { -1, 15 }, { 1, -22 }, { -1, 22 }, { -1, -22 }, { 1, 22 } };
	struct str cut = { 0 };
	double width;

	short_label(&cut, text, 24);
	width = 7.8 * (double)(utf8_width(str_text(&cut)) - 2);
	for (size_t i = 0; i < COUNT_OF(tries); i++) {
		double left = tries[i].side > 0 ? x + 11 : x - 11 - width, low = y + tries[i].up - 8;

		if (left < 108 || left + width > c->width || low < 56 || low + 16 > c->height - c->top ||
		    !place(b, left, low, width, 16))
			continue;
		str_addf(out, "set label at screen %.5f,%.5f %s %s textcolor rgb '" GNUPLOT_INK "'\n",
			 (x + 11 * tries[i].side) / c->width, (y + tries[i].up) / c->height, str_text(&cut),
			 tries[i].side > 0 ? "left" : "right");
		break;
	}
	str_release(&cut);
}

static void script_roofline(const struct result *r, const struct plot_style *style, struct str *out)
{
	enum { LEFT = 108, RIGHT = 16, TOP = 12, BOTTOM = 56 };
	const struct operator_row *top[POINTS_MOST];
	size_t n = longest(r, top, POINTS_MOST, on_roofline);
	double ridge = r->peak_flop_s / r->bandwidth_bytes_s, low = ridge / 30, high = ridge * 30,
	       floor_y = r->peak_flop_s / 1e3;
	double ceiling = r->peak_flop_s * 4;
	struct canvas canvas = begin(out, PLOT_ROOFLINE, style, 350);
	struct boxes boxes = { .count = 0 };
	double x[POINTS_MOST], y[POINTS_MOST];
	struct plot_tips tips = { 0 };
	char buf[FORMAT_ROOM];

	for (size_t i = 0; i < n; i++) {
		x[i] = top[i]->flops / top[i]->bytes;
		y[i] = top[i]->flops / top[i]->seconds;
		low = fmin(low, x[i] / 3);
		high = fmax(high, x[i] * 3);
		floor_y = fmin(floor_y, y[i] / 3);
		ceiling = fmax(ceiling, y[i] * 3);
		plot_tip(&tips, x[i], y[i], "%s: %s at %.3g FLOP per byte, %.3g %% of the time", top[i]->label, human_rate(buf, y[i], "FLOP/s"), x[i],
			 100 * top[i]->share);
	}
	frame(out, &canvas, LEFT, RIGHT, TOP, BOTTOM, LEFT);
	str_addf(out, "set logscale xy\nset xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\nset key off\n", low, high,
		 floor_y, ceiling);
	decade_ticks(out, "y", floor_y, ceiling, "FLOP/s");
	str_add(out, "set format x '%g'\nset mxtics 1\n");
	axis_label(out, "x", "FLOP per byte");
	str_addf(out, "roof(x) = x < %.9g ? x * %.9g : %.9g\nset samples 400\n", ridge, r->bandwidth_bytes_s,
		 r->peak_flop_s);
	str_addf(out,
		 "set label '%s peak' at graph 0.985,first %.9g right offset 0,0.6 textcolor rgb '" GNUPLOT_FAINT "'\n",
		 human_rate(buf, r->peak_flop_s, "FLOP/s"), r->peak_flop_s);
	for (size_t i = 0; i < n; i++) {
		str_addf(out, "set label at %.9g,%.9g '' point pointtype 7 pointsize %.2f linecolor rgb '%s'\n", x[i],
			 y[i], 0.5 + 1.4 * sqrt(fmin(1, fmax(0, top[i]->share))), bound_hue(bound_of(top[i])));
		/* From here on in units of the canvas, from its lower left corner. */
		x[i] = LEFT + log(x[i] / low) / log(high / low) * (canvas.width - LEFT - RIGHT);
		y[i] = BOTTOM +
		       log(y[i] / floor_y) / log(ceiling / floor_y) * (canvas.height - canvas.top - TOP - BOTTOM);
		(void)place(&boxes, x[i] - 6, y[i] - 6, 12, 12);
	}
	for (size_t i = 0; i < n; i++)
		place_label(out, &boxes, &canvas, x[i], y[i], top[i]->label);
	plot_tips_data(&tips, "tips", out);
	str_add(out, "plot roof(x) with lines linewidth 2 linecolor rgb '" GNUPLOT_FAINT "'");
	plot_tips_plot(&tips, "tips", out);
	str_add(out, "\n");
}

static void script_memory(const struct result *r, const struct plot_style *style, struct str *out)
{
	double at = 0, from = 0, most = r->capacity_bytes;
	struct canvas canvas;
	struct plot_tips tips = { 0 };
	struct legend legend;
	char buf[FORMAT_ROOM];
	bool first = true;
	int rows;

	for (size_t i = 0; i < r->memory_count; i++)
		at += fmax(0, r->memory[i].bytes);
	most = fmax(most, at);
	rows = r->memory_count > 8 ? 3 : r->memory_count > 4 ? 2 : 1;
	canvas = begin(out, PLOT_MEMORY, style, 110 + 20 * rows);
	frame(out, &canvas, 20, 30, 16 + 20 * rows, 32, 8);
	legend = (struct legend){ out, &canvas, 12, 14 };
	str_addf(out, "set yrange [0:1]\nset xrange [0:%.9g]\nunset ytics\nset border 1\nset format x '%%g GB'\n",
		 most / 1e9 * 1.005);
	str_addf(out, "set arrow 1 from %.9g,0 to %.9g,1 nohead linewidth 2 linecolor rgb '" GNUPLOT_INK "'\n",
		 r->capacity_bytes / 1e9, r->capacity_bytes / 1e9);
	for (size_t i = 0; i < r->memory_count; i++)
		if (r->memory[i].bytes > 0)
			legend_add(&legend, hues[i % COUNT_OF(hues)], r->memory[i].what);
	for (size_t i = 0; i < r->memory_count; i++) {
		double bytes = fmax(0, r->memory[i].bytes);

		for (int part = 1; bytes > 0 && part <= 3; part++)
			plot_tip(&tips, (from + 0.25 * part * bytes) / 1e9, 0.5, "%s: %s, %.3g %% of the device", r->memory[i].what,
				 human_bytes(buf, bytes), 100 * bytes / r->capacity_bytes);
		from += bytes;
	}
	plot_tips_data(&tips, "tips", out);
	str_add(out, "set key off\nplot ");
	for (size_t i = 0; i < r->memory_count; i++) {
		if (!(r->memory[i].bytes > 0))
			continue;
		str_addf(out, "%s'-' using 1:2:3:4:5:6 with boxxyerror linecolor rgb '%s'", first ? "" : ", ",
			 hues[i % COUNT_OF(hues)]);
		first = false;
	}
	plot_tips_plot(&tips, "tips", out);
	str_add(out, "\n");
	at = 0;
	for (size_t i = 0; i < r->memory_count; i++) {
		if (!(r->memory[i].bytes > 0))
			continue;
		str_addf(out, "%.9g 0.5 %.9g %.9g 0.15 0.85\ne\n", at / 1e9, at / 1e9, (at + r->memory[i].bytes) / 1e9);
		at += r->memory[i].bytes;
	}
}

void plot_script(enum plot_kind kind, const struct result *r, const struct plot_style *style, struct str *out)
{
	static void (*const scripts[PLOT_KINDS])(const struct result *, const struct plot_style *, struct str *) = {
		[PLOT_CDF] = script_cdf, [PLOT_LATENCY] = script_latency, [PLOT_LOAD] = script_load,
		[PLOT_OPERATORS] = script_operators, [PLOT_ROOFLINE] = script_roofline, [PLOT_MEMORY] = script_memory,
	};

	scripts[kind](r, style, out);
}

bool plot_svg(enum plot_kind kind, const struct result *r, const struct plot_style *style, struct str *out,
	      struct err *err)
{
	struct str script = { 0 };
	bool ok;

	if (!plot_has_data(kind, r))
		return err_set(err, ERR_INPUT, "plot %s: the run has no data for it", plots[kind].name);
	plot_script(kind, r, style, &script);
	ok = script.failed ? err_memory(err) :
	     gnuplot_svg(script.text, plots[kind].name, plots[kind].title, style->standalone, out, err);
	str_release(&script);
	return ok;
}

bool plot_write(enum plot_kind kind, const struct result *r, const char *path, struct err *err)
{
	static const struct plot_style style = { .standalone = true };
	struct str svg = { 0 };
	bool ok = plot_svg(kind, r, &style, &svg, err) && outfile_write(path, svg.text, svg.length, err);

	str_release(&svg);
	return ok;
}
