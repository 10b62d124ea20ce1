#include "validation/published_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "reports/gnuplot.h"
#include "validation/published_sheets.h"

static bool group_table(const struct published_study *s, int by, const struct term *term, struct str *out, struct err *err)
{
	struct sheet *t = published_group_sheet(s, by, err);
	bool ok = t && sheet_print(t, term, 0, 0, out, err);

	sheet_free(t);
	str_add(out, "\n");
	return ok;
}

enum { REASONS_MOST = 64 };

/* Reasons of the rows over 40 %, each once; they are longer than a column. */
struct reason_list {
	const char *text[REASONS_MOST];
	size_t rows[REASONS_MOST], count;
};

/* Counts a row; the reason's number from 1, 0 when there is none (or no room). */
static size_t reason_number(struct reason_list *l, const char *reason)
{
	size_t i = 0;

	if (!reason[0])
		return 0;
	while (i < l->count && strcmp(l->text[i], reason) != 0)
		i++;
	if (i == REASONS_MOST)
		return 0;
	if (i == l->count)
		l->text[l->count++] = reason;
	l->rows[i]++;
	return i + 1;
}

static bool worst_table(const struct published_study *s, size_t most, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "id", false }, { "model", false }, { "accelerator", false }, { "layout", false },
						       { "load", true }, { "metric", false }, { "published", true }, { "simulated", true },
						       { "why", true } };
	size_t n, unexplained = 0;
	const struct published_outcome *const *sorted = published_worst(s, &n, err);
	struct table *t = sorted ? table_new(columns, COUNT_OF(columns)) : NULL;
	struct reason_list reasons = { .count = 0 };
	bool ok;

	if (!t)
		return sorted ? err_memory(err) : false;
	for (size_t i = 0; i < n; i++)
		unexplained += !sorted[i]->reason[0];
	str_addf(out, "%zu rows over 40 %%, %zu of them unexplained%s\n", n, unexplained, n > most ? "; the furthest off:" : "");
	for (size_t i = 0; i < n; i++) {
		const struct published_row *r = sorted[i]->row;
		const char *cells[] = { r->id, r->model, r->accelerator, r->parallelism, atof(r->batch) > 0 ? r->batch : "", r->metric };
		size_t why = reason_number(&reasons, sorted[i]->reason);

		if (i >= most)
			continue;

		for (size_t k = 0; k < COUNT_OF(cells); k++)
			table_cell(t, STYLE_PLAIN, cells[k]);
		table_cellf(t, STYLE_PLAIN, "%.4g", r->value);
		table_cellf(t, STYLE_PLAIN, "%.4g", sorted[i]->predicted);
		if (why > 0)
			table_cellf(t, STYLE_PLAIN, "[%zu]", why);
		else
			table_cell(t, STYLE_PLAIN, "?");
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	for (size_t i = 0; i < reasons.count; i++)
		str_addf(out, "[%zu] %zu rows: %s\n", i + 1, reasons.rows[i], reasons.text[i]);
	if (unexplained > 0)
		str_addf(out, "?   %zu rows: unexplained\n", unexplained);
	return ok;
}

enum { DETAIL_MOST = 90, DETAILS_MOST = 4 };

/* A long one ends at a blank, with a mark. */
static void add_detail(struct str *out, const char *detail)
{
	int n = DETAIL_MOST;

	while (strlen(detail) > DETAIL_MOST && n > 1 && detail[n] != ' ')
		n--;
	str_addf(out, "%.*s%s", n, detail, strlen(detail) > DETAIL_MOST ? " ..." : "");
}

/* "312 the model is not in the catalog: GLM-5; Qwen3-VL", each detail once. */
static void reasons(const struct published_study *s, struct str *out)
{
	for (int why = WHY_NONE + 1; why < WHY_COUNT; why++) {
		const char *named[DETAILS_MOST];
		int count = 0;

		if (s->why[why] == 0)
			continue;
		str_addf(out, "%6zu  %s", s->why[why], published_why_text[why]);
		for (size_t i = 0; i < s->rows.count && count < DETAILS_MOST; i++) {
			const struct published_case *c = &s->outcomes[i].set;
			bool known = (int)c->why != why || !c->detail;

			for (int k = 0; k < count && !known; k++)
				known = strcmp(named[k], c->detail) == 0;
			if (known)
				continue;
			str_add(out, count ? "; " : ": ");
			add_detail(out, c->detail);
			named[count++] = c->detail;
		}
		str_add(out, "\n");
	}
}

/* What rows that are not literal in our tables were read as, each reading once. */
static bool assumptions(const struct published_study *s, struct str *out, struct err *err)
{
	enum { SHOWN_MOST = 12 };
	struct published_note *notes;
	size_t count, rows = 0;

	if (!(notes = published_notes(s, &count, err)))
		return false;
	for (size_t i = 0; i < count; i++)
		rows += notes[i].rows;
	if (count == 0)
		return true;
	str_addf(out, "%zu rows read with assumptions:\n", rows);
	for (size_t i = 0; i < count && i < SHOWN_MOST; i++)
		str_addf(out, "%6zu  %s\n", notes[i].rows, notes[i].text);
	if (count > SHOWN_MOST)
		str_addf(out, "        and %zu readings more (--json: \"note\" of each row)\n", count - SHOWN_MOST);
	return true;
}

/* The widths of sim/interval.c as these rows have them. */
static bool widths(const struct published_study *s, struct str *out, struct err *err)
{
	for (int measured = 1; measured >= 0; measured--) {
		struct published_width w;

		if (!published_width(s, measured, &w, err))
			return false;
		if (w.rows[0] + w.rows[1] > 0)
			str_addf(out, "80 %% of the seen are off by at most a factor of %.2f beyond their operators (%zu rows of %zu settings), first tokens by %.2f (%zu of %zu): %s\n",
				 exp(w.times), w.rows[0], w.groups[0], exp(w.first_token), w.rows[1], w.groups[1],
				 measured ? "devices with operator tables of their own" : "other devices");
	}
	return true;
}

bool published_text(const struct published_study *s, size_t worst, const struct term *term, struct str *out, struct err *err)
{
	size_t fitted = 0, simulated = 0;

	for (size_t i = 0; i < s->rows.count; i++) {
		fitted += !isnan(s->outcomes[i].error) && !s->outcomes[i].held_out;
		simulated += !isnan(s->outcomes[i].error);
	}
	for (int by = BY_SOURCE; by < BY_COUNT; by++)
		if (!group_table(s, by, term, out, err))
			return false;
	if (!group_table(s, BY_ALL, term, out, err))
		return false;
	str_add(out, "errors are |simulated / published - 1|; bias is the median with its sign");
	str_addf(out, ". Seen: %zu rows of the half of (source, accelerator, model) that coefficients may be fitted to\n", fitted);
	published_coverage(s, out);
	str_add(out, "\n");
	if (!widths(s, out, err))
		return false;
	str_add(out, "\n");
	if (worst > 0 && !worst_table(s, worst, term, out, err))
		return false;
	str_addf(out, "\n%zu of %zu rows simulated, %zu not:\n", simulated, s->rows.count, s->rows.count - simulated);
	reasons(s, out);
	if (!assumptions(s, out, err))
		return false;
	str_addf(out, "\n%zu simulations in %.1f s\n", s->simulations, s->wall_s);
	return true;
}

static void json_row(struct json *j, const struct published_outcome *o)
{
	json_begin_object(j, NULL);
	json_text(j, "id", o->row->id);
	json_text(j, "group", o->source);
	json_text(j, "accelerator", o->row->accelerator);
	json_text(j, "model", o->row->model);
	json_text(j, "metric", o->row->metric);
	json_text(j, "unit", o->row->unit);
	json_number(j, "predicted", o->predicted);
	json_number(j, "measured", o->row->value);
	json_number(j, "rel_error", o->error);
	json_bool(j, "held_out", o->held_out);
	json_text(j, "scenario", o->set.settings);
	json_text(j, "not_simulated", o->set.why == WHY_NONE ? NULL : published_why_text[o->set.why]);
	json_text(j, "detail", o->set.detail);
	json_text(j, "note", o->set.note && o->set.note[0] ? o->set.note : NULL);
	if (!isnan(o->least)) {
		json_number(j, "interval_least", o->least);
		json_number(j, "interval_most", o->most);
	}
	json_text(j, "reason", isnan(o->error) || fabs(o->error) <= 0.4 ? NULL : o->reason[0] ? o->reason : "unexplained");
	if (o->row->extra[0])
		json_text(j, "extra", o->row->extra);
	json_end(j);
}

bool published_json(const struct published_study *s, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, false);
	json_begin_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_text(&j, "kind", "published");
	json_begin_array(&j, "rows");
	for (size_t i = 0; i < s->rows.count; i++)
		json_row(&j, &s->outcomes[i]);
	json_end(&j);
	json_begin_array(&j, "summary");
	for (size_t i = 0; i < s->group_count; i++) {
		const struct published_group *g = &s->groups[i];

		json_begin_object(&j, NULL);
		json_text(&j, "by", published_by_names[g->by]);
		json_text(&j, "group", g->name);
		json_int(&j, "rows", (int64_t)g->rows);
		json_int(&j, "count", (int64_t)g->simulated);
		json_number(&j, "median_abs_rel_error", g->median);
		json_number(&j, "mean_abs_rel_error", g->mean);
		json_number(&j, "p90_abs_rel_error", g->p90);
		json_number(&j, "median_rel_error", g->bias);
		json_int(&j, "over_40_percent", (int64_t)g->over);
		json_int(&j, "seen_count", (int64_t)g->seen);
		json_number(&j, "seen_median_abs_rel_error", g->seen_median);
		json_int(&j, "interval_count", (int64_t)g->intervals);
		json_int(&j, "interval_inside", (int64_t)g->inside);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return out->failed ? err_memory(err) : true;
}

static void plot_points(const struct published_study *s, const char *metric, struct str *script)
{
	str_addf(script, "$%s << EOD\n", metric);
	for (size_t i = 0; i < s->rows.count; i++) {
		const struct published_outcome *o = &s->outcomes[i];

		if (!isnan(o->error) && text_starts(o->row->metric, metric))
			str_addf(script, "%.6g %.6g\n", o->row->value, o->predicted);
	}
	str_add(script, "EOD\n");
}

bool published_plot(const struct published_study *s, struct str *out, struct err *err)
{
	struct str script = { 0 };
	bool ok;

	plot_points(s, "ttft", &script);
	plot_points(s, "tpot", &script);
	str_add(&script, "set terminal svg size 760,620 dynamic noenhanced font 'sans-serif,14' name 'v'\nset logscale xy\nset key left top\nset grid\n"
			 "set xlabel 'published, ms'\nset ylabel 'simulated, ms'\nset format xy '%g'\n"
			 "plot $ttft using 1:2 with points pt 7 ps 0.3 title 'TTFT', $tpot using 1:2 with points pt 7 ps 0.3 title 'TPOT', "
			 "x with lines lw 1 dt 2 title 'equal', 1.4*x with lines lw 1 dt 3 title '40 % off', 0.6*x with lines lw 1 dt 3 notitle\n");
	ok = script.failed ? err_memory(err) : gnuplot_svg(str_text(&script), "v", "simulated against published", true, out, err);
	str_release(&script);
	return ok;
}

const struct validation_error *published_errors(const struct published_study *s, size_t *count, struct err *err)
{
	struct validation_error *rows = arena_alloc(s->arena, (s->group_count + 1) * sizeof(*rows));

	*count = 0;
	if (!rows) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < s->group_count; i++) {
		const struct published_group *g = &s->groups[i];
		char *name = arena_printf(s->arena, "%s/%s", published_by_names[g->by], g->name);

		if (!name) {
			err_memory(err);
			return NULL;
		}
		if (g->simulated > 0)
			rows[(*count)++] = (struct validation_error){ .name = name, .held_out = true, .count = g->simulated,
								      .median = g->median, .p90 = g->p90 };
	}
	return rows;
}
