#include "cli/search_outputs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "cli/launch.h"
#include "cli/study_outputs.h"
#include "reports/chart.h"
#include "reports/page.h"
#include "reports/sheet.h"

static const int shown[] = { FIGURE_USD_PER_1M_OUTPUT, FIGURE_USD_PER_HOUR, FIGURE_DEVICES, FIGURE_TTFT_P99, FIGURE_TPOT_P50, FIGURE_TPOT_P99,
			     FIGURE_OUTPUT_THROUGHPUT, FIGURE_JOULES_PER_OUTPUT };
static const struct table_column columns[] = {
	{ "", true }, { "deployment", COLUMN_LABEL }, { "USD/1M out", true }, { "USD/h", true }, { "devices", true }, { "TTFT P99", true },
	{ "TPOT P50", true }, { "TPOT P99", true }, { "output tok/s", true }, { "J/token", true }, { "error", true }, { "most QPS", true },
};
_Static_assert(COUNT_OF(columns) == COUNT_OF(shown) + 4, "a column a figure");

/* With --capacity a last column: the rate. */
static struct sheet *candidate_sheet(const struct search_view *v, const size_t *which, size_t count, struct err *err)
{
	size_t n = COUNT_OF(columns) - !v->options->capacity;
	struct sheet *sheet = sheet_new(columns, NULL, n);
	char buf[FIGURE_ROOM];

	if (!sheet) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		const struct candidate *c = &v->s->candidates[which[i]];

		snprintf(buf, sizeof(buf), "%zu", i + 1);
		sheet_number(sheet, STYLE_FAINT, (double)i + 1, buf);
		sheet_text(sheet, i ? STYLE_PLAIN : STYLE_STRONG, candidate_label(&v->s->space, c->index, v->arena));
		for (size_t k = 0; k < COUNT_OF(shown); k++)
			sheet_number(sheet, STYLE_PLAIN, c->outcome->value[shown[k]], figure_text(buf, shown[k], c->outcome->value[shown[k]]));
		sheet_number(sheet, STYLE_PLAIN, c->outcome->value[FIGURE_ERROR], figure_text(buf, FIGURE_ERROR, c->outcome->value[FIGURE_ERROR]));
		if (v->options->capacity)
			sheet_number(sheet, STYLE_PLAIN, c->outcome->value[FIGURE_CAPACITY_QPS],
				     figure_text(buf, FIGURE_CAPACITY_QPS, c->outcome->value[FIGURE_CAPACITY_QPS]));
	}
	return sheet;
}

static bool print_sheet(const struct search_view *v, const struct term *term, const char *title, const size_t *which, size_t count, size_t most,
			struct str *out, struct err *err)
{
	struct sheet *sheet = candidate_sheet(v, which, count, err);
	bool ok;

	if (!sheet)
		return false;
	str_add(out, "\n");
	term_add(out, term, STYLE_STRONG, title);
	str_add(out, "\n");
	ok = sheet_print(sheet, term, 0, most, out, err);
	sheet_free(sheet);
	return ok;
}

static void count_line(const struct search_view *v, struct str *out)
{
	const struct search *s = v->s;

	str_addf(out, "%zu candidates: %zu simulated (%zu of them remembered, %zu stopped early), %zu decided by bounds, %zu dominated, %zu impossible; "
		      "%zu meet the targets\n", v->total, s->simulated, s->recalled, s->with_status[OUTCOME_ABORTED], s->with_status[OUTCOME_BOUND],
		 s->with_status[OUTCOME_DOMINATED], s->with_status[OUTCOME_IMPOSSIBLE], s->feasible);
	if (s->processes == 0)         /* a stored one: threads and processes change nothing and are not kept */
		return;
	str_addf(out, "%.2f s on %d thread%s of %d process%s\n", v->wall_s, v->options->threads, v->options->threads > 1 ? "s" : "", s->processes,
		 s->processes > 1 ? "es" : "");
}

static void interval_lines(const struct search_view *v, struct str *out)
{
	static const int of[] = { FIGURE_USD_PER_1M_OUTPUT, FIGURE_TTFT_P99, FIGURE_TPOT_P99, FIGURE_CAPACITY_QPS };
	const struct search *s = v->s;
	char a[FIGURE_ROOM], b[FIGURE_ROOM];

	for (size_t i = 0; i < s->interval_count && i < 3; i++) {
		const struct interval *in = &s->intervals[i];

		str_addf(out, "  %zu: times within a factor of %.2f:", i + 1, 1 + in->rel_error);
		for (size_t k = 0; k < COUNT_OF(of); k++) {
			double low, high;

			if (interval_ends(in, s->candidates[s->best[i]].outcome, of[k], &low, &high))
				str_addf(out, "%s %s %s to %s", k ? "," : "", figures[of[k]].name, figure_text(a, of[k], low), figure_text(b, of[k], high));
		}
		if (!in->slower.slos_met)
			str_add(out, "; misses a target at the slow end");
		str_add(out, "\n");
	}
}

/* Why nothing was found, in the words of the most frequent reason. */
static void nothing_found(const struct search_view *v, struct str *out)
{
	const struct search *s = v->s;
	size_t most = 0, count = 0;

	for (size_t i = 0; i < s->count && i < 2000; i++) {
		const char *why = s->candidates[i].outcome ? s->candidates[i].outcome->why : s->candidates[i].bounds.why;
		size_t n = 0;

		for (size_t k = 0; *why && k < s->count && k < 2000; k++)
			n += strcmp(why, s->candidates[k].outcome ? s->candidates[k].outcome->why : s->candidates[k].bounds.why) == 0;
		if (n > count) {
			count = n;
			most = i;
		}
	}
	str_add(out, "\nno candidate meets the targets\n");
	if (count)
		str_addf(out, "  %zu of them: %s\n", count, s->candidates[most].outcome ? s->candidates[most].outcome->why : s->candidates[most].bounds.why);
}

static bool launch_text(const struct search_view *v, struct str *out, struct err *err)
{
	const struct search *s = v->s;
	struct evaluating e = { .space = &s->space, .base = s->base };
	struct scenario *sc;

	if (!v->launch || s->best_count == 0)
		return true;
	sc = candidate_scenario(&e, s->candidates[s->best[0]].index, v->arena, err);
	str_addf(out, "\nTo start the first with %s\n", v->launch);
	return sc && launch_add(v->launch, sc, out, v->arena, err);
}

bool search_text(const struct search_view *v, struct str *out, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	const struct search *s = v->s;
	char heading[160];

	if (!isatty(STDOUT_FILENO) && term.width < 160)
		term.width = 160;
	term_add(out, &term, STYLE_STRONG, v->title);
	str_add(out, "\n");
	count_line(v, out);
	if (s->interrupted)
		str_add(out, "interrupted: what is done is kept, the same command goes on from here\n");
	if (s->best_count == 0) {
		nothing_found(v, out);
		return !out->failed || err_memory(err);
	}
	snprintf(heading, sizeof(heading), "Best: %s", v->options->objective->help);
	if (!print_sheet(v, &term, heading, s->best, s->best_count, 10, out, err))
		return false;
	if (s->interval_count) {
		str_add(out, "80 % intervals of the first\n");
		interval_lines(v, out);
	}
	for (int f = 0; f < FRONTS; f++) {
		snprintf(heading, sizeof(heading), "Front: %s", front_axes[f].title);
		if (!print_sheet(v, &term, heading, s->fronts[f], s->front_counts[f], 12, out, err))
			return false;
	}
	return launch_text(v, out, err) && (!out->failed || err_memory(err));
}

bool search_csv(const struct search_view *v, struct str *out, struct err *err)
{
	const struct search *s = v->s;
	char buf[32];

	str_add(out, "candidate,status");
	for (size_t k = 0; k < s->space.count; k++)
		str_addf(out, ",%s", s->space.axes[k].path);
	for (int f = 0; f < FIGURES; f++)
		str_addf(out, ",%s", figures[f].name);
	str_add(out, ",slos_met,front_cost_latency,front_throughput,why\n");
	for (size_t i = 0; i < s->count; i++) {
		const struct candidate *c = &s->candidates[i];
		const char *why = c->outcome ? c->outcome->why : c->bounds.why;
		size_t at[AXES_MOST];

		space_at(&s->space, c->index, at);
		str_addf(out, "%zu,%s", i, outcome_status_names[c->outcome ? c->outcome->status : c->bounds.status]);
		for (size_t k = 0; k < s->space.count; k++)
			str_addf(out, ",\"%s\"", s->space.axes[k].values[at[k]]);
		for (int f = 0; f < FIGURES; f++)
			str_addf(out, ",%s", c->outcome && isfinite(c->outcome->value[f]) ? number_text(buf, c->outcome->value[f]) : "");
		str_addf(out, ",%d,%d,%d,\"", c->outcome && c->outcome->slos_met, c->front[0], c->front[1]);
		for (; *why; why++)
			str_add_bytes(out, *why == '"' ? "\"\"" : why, *why == '"' ? 2 : 1);
		str_add(out, "\"\n");
	}
	return !out->failed || err_memory(err);
}

/* Points are coloured by device where that varies, else by the first axis. */
static size_t colour_axis(const struct search *s)
{
	for (size_t i = 0; i < s->space.count; i++)
		if (strcmp(s->space.axes[i].path, "hardware.device") == 0 || strcmp(s->space.axes[i].path, "hardware.system") == 0)
			return i;
	return 0;
}

bool search_front_svg(const struct search_view *v, int front, bool standalone, struct str *out, struct err *err)
{
	const struct search *s = v->s;
	const struct axis *a = &s->space.axes[colour_axis(s)];
	const int *f = front_axes[front].figures;
	struct chart_point *points = mem_calloc(s->front_counts[front] + s->simulated + 1, sizeof(*points));
	struct chart_points chart = { .title = front_axes[front].title, .groups = a->values, .group_count = a->count, .points = points, .log_x = front == 0 };
	char x[96], y[96];
	bool ok;

	if (!points)
		return err_memory(err);
	snprintf(x, sizeof(x), "%s (%s)", figures[f[0]].title, figures[f[0]].unit);
	snprintf(y, sizeof(y), "%s (%s)", figures[f[1]].title, figures[f[1]].unit);
	chart.x_axis = x;
	chart.y_axis = y;
	for (size_t i = 0; i < s->front_counts[front] + s->count; i++) {
		bool on_front = i < s->front_counts[front];
		const struct candidate *c = &s->candidates[on_front ? s->fronts[front][i] : i - s->front_counts[front]];
		size_t at[AXES_MOST];

		if (!c->outcome || !c->outcome->slos_met || (!on_front && c->front[front]))
			continue;
		space_at(&s->space, c->index, at);
		points[chart.count++] = (struct chart_point){ c->outcome->value[f[0]], c->outcome->value[f[1]], (int)at[a - s->space.axes], on_front, candidate_label(&s->space, c->index, v->arena) };
	}
	ok = chart_points(&chart, standalone, out, err);
	mem_free(points);
	return ok;
}

static bool markdown_table(const struct search_view *v, const char *title, const size_t *which, size_t count, struct str *out, struct err *err)
{
	struct sheet *sheet = candidate_sheet(v, which, count, err);
	bool ok = sheet != NULL;

	str_addf(out, "\n## %s\n\n", title);
	ok = ok && sheet_markdown(sheet, out, err);
	sheet_free(sheet);
	return ok;
}

bool search_markdown(const struct search_view *v, struct str *out, struct err *err)
{
	const struct search *s = v->s;

	str_addf(out, "# Search: %s\n\n", v->title);
	count_line(v, out);
	if (s->best_count == 0)
		str_add(out, "\nNo candidate meets the targets.\n");
	else if (!markdown_table(v, "Best", s->best, s->best_count, out, err))
		return false;
	for (int f = 0; f < FRONTS && s->best_count; f++)
		if (!markdown_table(v, front_axes[f].title, s->fronts[f], s->front_counts[f], out, err))
			return false;
	return !out->failed || err_memory(err);
}

static bool page_table(const struct search_view *v, const size_t *which, size_t count, struct str *out, struct err *err)
{
	struct sheet *sheet = candidate_sheet(v, which, count, err);
	bool ok = sheet && sheet_html(sheet, out, err);

	sheet_free(sheet);
	return ok;
}

static bool page_front(const struct search_view *v, int front, struct str *out, struct err *err)
{
	struct str svg = { 0 };
	struct err own = { 0 };
	bool ok = search_front_svg(v, front, false, &svg, &own);

	if (ok)
		page_figure(out, "Candidates within the targets; the line joins those that no other beats in both", str_text(&svg));
	else if (own.kind == ERR_IO)
		page_text(out, own.text);
	str_release(&svg);
	return ok || own.kind == ERR_IO || err_set(err, own.kind, "%s", own.text);
}

bool search_html(const struct search_view *v, struct str *out, struct err *err)
{
	const struct search *s = v->s;
	struct str text = { 0 };
	char heading[160];

	count_line(v, &text);
	if (!page_begin(out, "vibee-sim search", v->title, str_text(&text), err)) {
		str_release(&text);
		return false;
	}
	str_release(&text);
	snprintf(heading, sizeof(heading), "Best: %s", v->options->objective->help);
	page_section(out, heading);
	if (s->best_count == 0) {
		page_text(out, "No candidate meets the targets.");
	} else {
		if (!page_table(v, s->best, s->best_count, out, err))
			return false;
		interval_lines(v, &text);
		str_add(out, "<h3>80 % intervals of the first</h3>\n");
		page_lines(out, str_text(&text));
		str_release(&text);
	}
	for (int f = 0; f < FRONTS && s->best_count; f++) {
		page_section(out, front_axes[f].title);
		if (!page_front(v, f, out, err) || !page_table(v, s->fronts[f], s->front_counts[f], out, err))
			return false;
	}
	return page_end(out, err);
}
