#include "validation/measured_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "reports/gnuplot.h"
#include "validation/measured_load.h"

static const char *const families[] = { "throughput", "ttft", "tpot", "itl", "e2e" };
enum { FAMILY_COUNT = COUNT_OF(families) };

static int family_of(int metric)
{
	return metric < METRIC_ttft_mean ? 0 : 1 + (metric - METRIC_ttft_mean) / 5;
}

static bool compared(const struct measured_study *s, size_t run, int metric)
{
	return s->file->runs[run].metric[metric] > 0 && s->predictions[run].metric[metric] > 0;
}

static double error_of(const struct measured_study *s, size_t run, int metric)
{
	return s->predictions[run].metric[metric] / s->file->runs[run].metric[metric] - 1;
}

static void cell(struct table *t, int metric, double v)
{
	char text[32];

	if (isnan(v))
		table_cell(t, STYLE_FAINT, "-");
	else if (metric >= METRIC_ttft_mean)
		table_cell(t, STYLE_PLAIN, human_seconds(text, v));
	else
		table_cellf(t, STYLE_PLAIN, "%.4g /s", v);
}

static bool run_table(const struct measured_study *s, size_t i, const struct term *term, struct str *out, struct err *err)
{
	struct table_column columns[] = { { "metric", false }, { "measured", true }, { "simulated", true }, { "error", true },
					  { "without correction", true } };
	struct table *t = table_new(columns, s->fitted ? 5 : 4);
	bool ok;

	if (!t)
		return err_memory(err);
	for (int m = 0; m < METRIC_COUNT; m++) {
		if (!compared(s, i, m))
			continue;
		table_cell(t, STYLE_PLAIN, measured_metric_names[m]);
		cell(t, m, s->file->runs[i].metric[m]);
		cell(t, m, s->predictions[i].metric[m]);
		table_cellf(t, fabs(error_of(s, i, m)) <= 0.1 ? STYLE_GOOD : STYLE_PLAIN, "%+.1f %%", 100 * error_of(s, i, m));
		if (s->fitted)
			table_cellf(t, STYLE_PLAIN, "%+.1f %%", 100 * (s->predictions[i].before[m] / s->file->runs[i].metric[m] - 1));
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	return ok;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

const struct validation_error *measured_errors(const struct measured_study *s, size_t *count, struct arena *arena, struct err *err)
{
	struct validation_error *rows = arena_alloc(arena, FAMILY_COUNT * sizeof(*rows));
	double *values = arena_alloc(arena, (s->file->count * METRIC_COUNT + 1) * sizeof(*values));

	if (!rows || !values) {
		err_memory(err);
		return NULL;
	}
	*count = 0;
	for (int f = 0; f < FAMILY_COUNT; f++) {
		size_t n = 0;

		for (size_t i = 0; i < s->file->count; i++)
			for (int m = 0; m < METRIC_COUNT; m++)
				if (family_of(m) == f && compared(s, i, m))
					values[n++] = fabs(error_of(s, i, m));
		if (n == 0)
			continue;
		qsort(values, n, sizeof(*values), ascending);
		rows[(*count)++] = (struct validation_error){ .name = families[f], .held_out = !s->fitted, .count = n,
							      .median = measured_percentile(values, n, 50), .p90 = measured_percentile(values, n, 90) };
	}
	return rows;
}

static void correction_text(const struct measured_study *s, struct str *out)
{
	const struct correction *c = s->correction;

	if (!c)
		return;
	str_addf(out, "\ncorrection '%s' %s: operator times x %.4g, %.4g us more a step, %.4g us more a request\n", c->name, s->fitted ? "fitted" : "applied",
		 c->time_scale, 1e6 * c->step_s, 1e6 * c->request_s);
	if (s->fitted)
		str_addf(out, "mean error of what it was fitted to: %.1f %% before, %.1f %% after. These runs are not held out: check it on others with "
			 "--correction %s\n", 100 * c->error_before, 100 * c->error_after, c->name);
}

bool measured_text(const struct measured_study *s, const struct term *term, struct str *out, struct arena *arena, struct err *err)
{
	const struct validation_error *rows;
	size_t count;

	str_addf(out, "%s: %s, %zu run%s (%s)\n", s->title, s->file->path, s->file->count, s->file->count > 1 ? "s" : "",
		 measured_form_names[s->file->runs[0].form]);
	for (size_t i = 0; i < s->file->count; i++) {
		const struct measured_run *run = &s->file->runs[i];
		const struct measured_prediction *p = &s->predictions[i];

		str_addf(out, "\n%s\nload: %s\n", run->label, strcmp(s->load, "the file's") == 0 ? measured_load_text(run, arena) : s->load);
		for (size_t k = 0; k < run->note_count; k++)
			str_addf(out, "note: %s\n", run->notes[k]);
		for (size_t k = 0; k < p->sim_note_count; k++)
			str_addf(out, "note: %s\n", p->sim_notes[k]);
		str_add(out, "\n");
		if (!run_table(s, i, term, out, err))
			return false;
		if (p->paired)
			str_addf(out, "request by request (%zu): median error %.1f %%, P90 %.1f %%\n", p->paired, 100 * p->pair_median, 100 * p->pair_p90);
	}
	rows = measured_errors(s, &count, arena, err);
	if (!rows)
		return false;
	str_add(out, "\nmedian error of the metrics:");
	for (size_t i = 0; i < count; i++)
		str_addf(out, "%s %s %.1f %%", i ? "," : "", rows[i].name, 100 * rows[i].median);
	str_add(out, "\n");
	correction_text(s, out);
	return out->failed ? err_memory(err) : true;
}

static void json_rows(const struct measured_study *s, struct json *j)
{
	json_begin_array(j, "rows");
	for (size_t i = 0; i < s->file->count; i++)
		for (int m = 0; m < METRIC_COUNT; m++) {
			char id[96];

			if (!compared(s, i, m))
				continue;
			snprintf(id, sizeof(id), "%zu/%s", i + 1, measured_metric_names[m]);
			json_begin_object(j, NULL);
			json_text(j, "id", id);
			json_text(j, "group", families[family_of(m)]);
			json_text(j, "run", s->file->runs[i].label);
			json_text(j, "metric", measured_metric_names[m]);
			json_text(j, "unit", m >= METRIC_ttft_mean ? "s" : "1/s");
			json_number(j, "predicted", s->predictions[i].metric[m]);
			json_number(j, "measured", s->file->runs[i].metric[m]);
			json_number(j, "rel_error", error_of(s, i, m));
			json_bool(j, "held_out", !s->fitted);
			if (s->fitted)
				json_number(j, "predicted_uncorrected", s->predictions[i].before[m]);
			json_end(j);
		}
	json_end(j);
}

static void json_runs(const struct measured_study *s, struct json *j, struct arena *arena)
{
	json_begin_array(j, "runs");
	for (size_t i = 0; i < s->file->count; i++) {
		const struct measured_run *run = &s->file->runs[i];

		json_begin_object(j, NULL);
		json_text(j, "run", run->label);
		json_text(j, "form", measured_form_names[run->form]);
		json_text(j, "load", measured_load_text(run, arena));
		json_int(j, "requests", run->requests);
		json_int(j, "failed", run->failed);
		json_int(j, "requests_paired", (int64_t)s->predictions[i].paired);
		json_number(j, "request_median_abs_rel_error", s->predictions[i].pair_median);
		json_number(j, "request_p90_abs_rel_error", s->predictions[i].pair_p90);
		json_begin_array(j, "notes");
		for (size_t k = 0; k < run->note_count; k++)
			json_text(j, NULL, run->notes[k]);
		json_end(j);
		json_end(j);
	}
	json_end(j);
}

bool measured_json(const struct measured_study *s, struct str *out, struct arena *arena, struct err *err)
{
	const struct validation_error *rows;
	struct json j;
	size_t count;

	rows = measured_errors(s, &count, arena, err);
	if (!rows)
		return false;
	json_init(&j, out, true);
	json_begin_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_text(&j, "kind", "measured");
	json_text(&j, "file", s->file->path);
	json_text(&j, "scenario", s->title);
	json_rows(s, &j);
	json_begin_array(&j, "summary");
	for (size_t i = 0; i < count; i++) {
		json_begin_object(&j, NULL);
		json_text(&j, "group", rows[i].name);
		json_int(&j, "count", (int64_t)rows[i].count);
		json_number(&j, "median_abs_rel_error", rows[i].median);
		json_number(&j, "p90_abs_rel_error", rows[i].p90);
		json_end(&j);
	}
	json_end(&j);
	json_runs(s, &j, arena);
	if (s->correction) {
		json_begin_object(&j, "correction");
		json_text(&j, "name", s->correction->name);
		json_bool(&j, "fitted_here", s->fitted);
		json_text(&j, "device", s->correction->device);
		json_number(&j, "time_scale", s->correction->time_scale);
		json_number(&j, "step_s", s->correction->step_s);
		json_number(&j, "request_s", s->correction->request_s);
		json_number(&j, "error_before", s->correction->error_before);
		json_number(&j, "error_after", s->correction->error_after);
		json_end(&j);
	}
	json_end(&j);
	str_add(out, "\n");
	return out->failed ? err_memory(err) : true;
}

bool measured_plot(const struct measured_study *s, struct str *out, struct err *err)
{
	struct str script = { 0 };
	bool ok;

	str_add(&script, "set terminal svg size 640,600 dynamic noenhanced font 'sans-serif,14' name 'v'\nset logscale xy\n"
			 "set border 3 linecolor rgb '" GNUPLOT_FAINT "'\nset tics nomirror out textcolor rgb '" GNUPLOT_FAINT "'\n"
			 "set grid back linetype 1 linecolor rgb '" GNUPLOT_GRID "'\n"
			 "set xlabel 'measured, s' textcolor rgb '" GNUPLOT_INK "'\nset ylabel 'simulated, s' textcolor rgb '" GNUPLOT_INK "'\n"
			 "set key left top textcolor rgb '" GNUPLOT_INK "'\nset format xy '%g'\n");
	for (int f = 1; f < FAMILY_COUNT; f++) {
		str_addf(&script, "$d%d << EOD\n", f);
		for (size_t i = 0; i < s->file->count; i++)
			for (int m = METRIC_ttft_mean; m < METRIC_COUNT; m++)
				if (family_of(m) == f && compared(s, i, m))
					str_addf(&script, "%.9g %.9g\n", s->file->runs[i].metric[m], s->predictions[i].metric[m]);
		str_add(&script, "EOD\n");
	}
	str_add(&script, "plot x with lines lc rgb '" GNUPLOT_FAINT "' title 'equal'");
	for (int f = 1; f < FAMILY_COUNT; f++) {
		static const char *const hues[] = { "", "#1f77b4", "#d95f02", "#2ca02c", "#9467bd" };
		bool any = false;

		for (size_t i = 0; i < s->file->count; i++)
			for (int m = METRIC_ttft_mean; m < METRIC_COUNT; m++)
				any = any || (family_of(m) == f && compared(s, i, m));
		if (any)
			str_addf(&script, ", $d%d with points pt 7 ps 0.6 lc rgb '%s' title '%s'", f, hues[f], families[f]);
	}
	str_add(&script, "\n");
	ok = script.failed ? err_memory(err) : gnuplot_svg(str_text(&script), "v", "simulated against measured latencies", true, out, err);
	str_release(&script);
	return ok;
}
