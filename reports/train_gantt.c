/* The passes of a step over the ranks: as an SVG chart and as a Chrome trace. */
#include <stdio.h>

#include "reports/chrome_trace.h"
#include "reports/gnuplot.h"
#include "reports/train_report.h"

enum { KINDS = 4, CHART_MOST = 6000, RANKS_MOST = 64 };
static const char *const kind_names[KINDS] = { "forward", "backward", "weight gradients", "gradient reduction" };
static const char *const kind_colors[KINDS] = { "#4c78a8", "#f58518", "#54a24b", "#b279a2" };

bool train_gantt_svg(const struct train_result *r, bool standalone, struct str *out, struct err *err)
{
	struct str script = { 0 };
	bool seen[KINDS] = { false }, first = true, ok;
	double end = 0;
	int ranks = 0;

	if (r->span_count == 0)
		return err_set(err, ERR_INPUT, "this result holds no passes to draw");
	for (size_t i = 0; i < r->span_count && i < CHART_MOST; i++) {
		if (r->spans[i].rank >= ranks && r->spans[i].rank < RANKS_MOST)
			ranks = r->spans[i].rank + 1;
		if (r->spans[i].end_s > end)
			end = r->spans[i].end_s;
		seen[r->spans[i].kind] = true;
	}
	str_addf(&script, "set terminal svg size 960,%d dynamic background rgb 'white' font 'sans,12'\n", 110 + 26 * ranks);
	str_addf(&script, "set xrange [0:%g]\nset yrange [%g:-0.6] reverse\nset yrange [%g:-0.6]\n", end, ranks - 0.4, ranks - 0.4);
	str_add(&script, "set xlabel 'time in the step, s'\nset ylabel 'stage'\nset ytics 1\nset key above\nset border 3\nset tics nomirror\n");
	str_add(&script, "set style fill solid 0.85 noborder\n");
	str_add(&script, "plot ");
	for (int k = 0; k < KINDS; k++)
		if (seen[k]) {
			str_addf(&script, "%s'-' using 1:2:3:4:5:6 with boxxyerror lc rgb '%s' title '%s'", first ? "" : ", ", kind_colors[k], kind_names[k]);
			first = false;
		}
	str_add(&script, "\n");
	for (int k = 0; k < KINDS; k++) {
		if (!seen[k])
			continue;
		for (size_t i = 0; i < r->span_count && i < CHART_MOST; i++) {
			const struct train_span *s = &r->spans[i];
			/* Reductions run beside arithmetic: a thin line below it. */
			double top = k == 3 ? 0.32 : -0.3, bottom = k == 3 ? 0.42 : 0.3;

			if (s->kind == k && s->rank < RANKS_MOST)
				str_addf(&script, "%g %d %g %g %g %g\n", s->start_s, s->rank, s->start_s, s->end_s, s->rank + top, s->rank + bottom);
		}
		str_add(&script, "e\n");
	}
	ok = script.failed ? err_memory(err) : gnuplot_svg(str_text(&script), "gantt", "passes of one step over the pipeline stages", standalone, out, err);
	str_release(&script);
	return ok;
}

bool train_trace_write(const struct train_result *r, const char *path, struct err *err)
{
	struct chrome_trace *t = chrome_trace_open(path, err);
	char name[64];

	if (!t)
		return false;
	for (int64_t p = 0; p < r->pp; p++) {
		snprintf(name, sizeof(name), "stage %lld", (long long)p);
		chrome_trace_process(t, p, name);
		chrome_trace_thread(t, p, 0, "arithmetic");
		chrome_trace_thread(t, p, 1, "collectives");
	}
	for (size_t i = 0; i < r->span_count; i++) {
		const struct train_span *s = &r->spans[i];
		struct trace_arg args[] = { { "chunk", NULL, s->chunk }, { "micro-batch", NULL, s->micro } };

		chrome_trace_complete(t, s->rank, s->kind == 3, kind_names[s->kind], "pass", s->start_s, s->end_s - s->start_s, args, 2);
	}
	return chrome_trace_close(t, err);
}
