/* The page of `validate published`: simulated against published, groups, the rows furthest off with their reasons. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/gnuplot.h"
#include "reports/page.h"
#include "validation/published_report.h"
#include "validation/published_sheets.h"

/* What stands on one pair of axes: a kind of metric and its unit. */
static const struct panel {
	const char *metric, *caption, *unit;
	double scale;                  /* of SI */
} panels[] = {
	{ "ttft", "Time to first token; few: at most 8 in flight", "ms", 1e3 },
	{ "tpot", "Time per output token", "ms", 1e3 },
	{ "latency", "Latency of requests", "s", 1 },
	{ "throughput", "Throughput: tokens or requests a second, as the row counts them", "1/s", 1 },
};

/* Rows whose figure is a speed of one user count as its inverse, a time. */
static double in_si(const struct published_outcome *o, double value)
{
	value *= o->set.to_si;
	return o->set.figure == FIGURE_USER ? 1 / value : value;
}

/* Three clouds: held out, seen and (of first tokens) few in flight. Returns the points written. */
static size_t cloud(const struct published_study *s, const struct panel *p, bool held_out, bool few, double range[2], struct str *script)
{
	size_t n = 0;

	str_addf(script, "$d%d << EOD\n", 2 * few + held_out);
	for (size_t i = 0; i < s->rows.count; i++) {
		const struct published_outcome *o = &s->outcomes[i];
		double x, y;

		if (isnan(o->error) || !text_starts(o->metric, p->metric) || o->held_out != held_out || (strchr(o->metric, '<') != NULL) != few)
			continue;
		x = p->scale * in_si(o, o->row->value), y = p->scale * in_si(o, o->predicted);
		if (!(x > 0) || !(y > 0))
			continue;
		str_addf(script, "%.6g %.6g\n", x, y);
		range[0] = fmin(range[0], fmin(x, y)), range[1] = fmax(range[1], fmax(x, y));
		n++;
	}
	if (n == 0)
		str_add(script, "1e-30 1e-30\n");      /* off the page: an empty block would be an error */
	str_add(script, "EOD\n");
	return n;
}

/* false: nothing to draw (no rows, or no gnuplot: then err says so). */
static bool scatter(const struct published_study *s, const struct panel *p, struct str *out, struct err *err)
{
	static const char *const titles[] = { "seen", "held out", "seen, few", "held out, few" };
	static const char *const hues[] = { "#9aa7b5", "#3f83d8", "#d98f4a", "#c8443c" };
	struct str script = { 0 };
	double range[2] = { INFINITY, 0 };
	size_t n[4], all = 0;
	bool ok;

	for (int i = 0; i < 4; i++)
		all += n[i] = cloud(s, p, i & 1, i >> 1, range, &script);
	if (all == 0) {
		str_release(&script);
		return false;
	}
	str_addf(&script,
		 "set terminal svg size 560,500 dynamic noenhanced font 'sans-serif,14' name 'v'\nset border 3 linecolor rgb '" GNUPLOT_FAINT "'\n"
		 "set tics nomirror out scale 0.5 textcolor rgb '" GNUPLOT_FAINT "'\nset grid back linetype 1 linewidth 1 linecolor rgb '" GNUPLOT_GRID "'\n"
		 "set logscale xy\nset format xy '%%.0s%%c'\nset key tmargin left horizontal reverse Left samplen 1.5 maxcols 3 textcolor rgb '" GNUPLOT_INK "'\n"
		 "set xrange [%.6g:%.6g]\nset yrange [%.6g:%.6g]\nset xlabel 'published, %s' textcolor rgb '" GNUPLOT_FAINT "'\n"
		 "set ylabel 'simulated, %s' textcolor rgb '" GNUPLOT_FAINT "'\nplot ",
		 0.8 * range[0], 1.25 * range[1], 0.8 * range[0], 1.25 * range[1], p->unit, p->unit);
	for (int i = 0; i < 4; i++)
		if (n[i] > 0)
			str_addf(&script, "$d%d using 1:2 with points pointtype 7 pointsize 0.35 linecolor rgb '%s' title '%s (%zu)', ", i, hues[i],
				 titles[i], n[i]);
	str_add(&script, "x with lines linewidth 1.5 linecolor rgb '" GNUPLOT_INK "' notitle, 1.4*x with lines dashtype 2 linecolor rgb '" GNUPLOT_FAINT
			 "' title '40 % off', x/1.4 with lines dashtype 2 linecolor rgb '" GNUPLOT_FAINT "' notitle\n");
	ok = script.failed ? err_memory(err) : gnuplot_svg(str_text(&script), p->metric, p->caption, false, out, err);
	str_release(&script);
	return ok;
}

static bool figures(const struct published_study *s, struct str *out, struct err *err)
{
	bool ok = true;

	page_figures_begin(out);
	for (size_t i = 0; ok && i < COUNT_OF(panels); i++) {
		struct str svg = { 0 };
		struct err own = { 0 };

		if (scatter(s, &panels[i], &svg, &own))
			page_figure(out, panels[i].caption, str_text(&svg));
		else if (own.kind == ERR_IO)
			page_text(out, own.text);      /* no gnuplot: the tables say it all */
		str_release(&svg);
		if (own.kind == ERR_IO)
			break;
		if (own.kind != ERR_NONE)
			ok = err_set(err, own.kind, "%s", own.text);
	}
	page_figures_end(out);
	return ok;
}

static bool add_sheet(struct sheet *t, struct str *out, struct err *err)
{
	bool ok = t && sheet_html(t, out, err);

	sheet_free(t);
	return ok;
}

static bool worst_rows(const struct published_study *s, size_t most, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "row", false }, { "source", false }, { "model", false }, { "accelerator", false }, { "layout", false },
						       { "load", true }, { "metric", false }, { "published", true }, { "simulated", true }, { "error", true },
						       { "why", false } };
	size_t n;
	const struct published_outcome *const *sorted = published_worst(s, &n, err);
	struct sheet *t = sorted ? sheet_new(columns, NULL, COUNT_OF(columns)) : NULL;
	char text[64];

	if (!t)
		return sorted ? err_memory(err) : false;
	snprintf(text, sizeof(text), "%zu rows over 40 %%%s", n, n > most ? "; the furthest off:" : "");
	page_text(out, text);
	for (size_t i = 0; i < n && i < most; i++) {
		const struct published_outcome *o = sorted[i];
		const char *cells[] = { o->row->id, o->source, o->row->model, o->row->accelerator, o->row->parallelism, o->row->batch, o->row->metric };

		for (size_t k = 0; k < COUNT_OF(cells); k++)
			sheet_text(t, STYLE_PLAIN, cells[k]);
		snprintf(text, sizeof(text), "%.4g", o->row->value);
		sheet_number(t, STYLE_PLAIN, o->row->value, text);
		snprintf(text, sizeof(text), "%.4g", o->predicted);
		sheet_number(t, STYLE_PLAIN, o->predicted, text);
		snprintf(text, sizeof(text), "%+.0f %%", 100 * o->error);
		sheet_number(t, STYLE_PLAIN, o->error, text);
		sheet_text(t, o->reason[0] ? STYLE_PLAIN : STYLE_WARN, o->reason[0] ? o->reason : "unexplained");
	}
	return add_sheet(t, out, err);
}

/* Rows that were not simulated, by reason; readings beyond what stands in a row. */
static bool left_out(const struct published_study *s, struct str *out, struct err *err)
{
	struct published_note *notes;
	struct str lines = { 0 };
	size_t count;

	page_section(out, "Rows not simulated");
	for (int why = WHY_NONE + 1; why < WHY_COUNT; why++)
		if (s->why[why] > 0)
			str_addf(&lines, "%zu: %s\n", s->why[why], published_why_text[why]);
	page_lines(out, lines.length ? str_text(&lines) : "none\n");
	str_clear(&lines);
	page_section(out, "Rows read with assumptions");
	notes = published_notes(s, &count, err);
	for (size_t i = 0; notes && i < count; i++)
		str_addf(&lines, "%zu: %s\n", notes[i].rows, notes[i].text);
	page_lines(out, lines.length ? str_text(&lines) : "none\n");
	str_release(&lines);
	return notes != NULL;
}

bool published_html(const struct published_study *s, size_t worst, struct str *out, struct err *err)
{
	static const char *const titles[BY_COUNT] = { "All rows", "By source", "By accelerator", "By model", "By metric" };
	static const int order[] = { BY_METRIC, BY_ALL, BY_SOURCE, BY_ACCELERATOR, BY_MODEL };
	struct str line = { 0 };
	size_t simulated = 0;
	bool ok;

	for (size_t i = 0; i < s->rows.count; i++)
		simulated += !isnan(s->outcomes[i].error);
	str_addf(&line, "%zu of %zu rows simulated. Errors are |simulated / published - 1| of rows held out; bias is the median with its sign", simulated,
		 s->rows.count);
	ok = page_begin(out, "vibee-sim validate published", "Published serving results beside their simulation", str_text(&line), err);
	if (ok) {
		page_section(out, "Simulated against published");
		ok = figures(s, out, err);
	}
	for (size_t i = 0; ok && i < COUNT_OF(order); i++) {
		page_section(out, titles[order[i]]);
		ok = add_sheet(published_group_sheet(s, order[i], err), out, err);
		if (ok && order[i] == BY_ALL) {
			str_clear(&line);
			published_coverage(s, &line);
			page_text(out, str_text(&line));
		}
	}
	if (ok) {
		page_section(out, "Furthest off");
		ok = worst_rows(s, worst, out, err) && left_out(s, out, err);
	}
	str_release(&line);
	return ok && page_end(out, err);
}
