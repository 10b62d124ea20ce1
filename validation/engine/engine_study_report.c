#include "validation/engine/engine_study.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "reports/gnuplot.h"

static double error_of(const struct engine_comparison *c, int metric)
{
	return c->predicted[metric] / c->measured[metric] - 1;
}

static void percent(struct table *t, double v, double good)
{
	if (isnan(v) || isinf(v))
		table_cell(t, STYLE_FAINT, "-");
	else
		table_cellf(t, fabs(v) <= good ? STYLE_GOOD : STYLE_PLAIN, "%+.1f %%", 100 * v);
}

static bool errors_table(const struct engine_study *s, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "case", false }, { "weights", true }, { "threads", true }, { "requests", true }, { "E2E mean", true }, { "simulated", true },
						       { "request median", true }, { "request P90", true }, { "E2E P95", true }, { "TTFT P95", true }, { "TPOT mean", true },
						       { "tokens/s", true }, { "spread", true }, { "pace", true }, { "stream", true }, { "product", true } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	char text[32];
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < s->count; i++) {
		const struct engine_comparison *c = &s->cases[i];

		table_cell(t, STYLE_PLAIN, c->name);
		table_cellf(t, STYLE_PLAIN, "%s %s", human_count(text, c->parameters), c->dtype);
		table_cellf(t, STYLE_PLAIN, "%d", c->threads);
		table_cellf(t, STYLE_PLAIN, "%zu", c->request_count);
		table_cell(t, STYLE_PLAIN, human_seconds(text, c->measured[METRIC_e2e_mean]));
		table_cell(t, STYLE_PLAIN, human_seconds(text, c->predicted[METRIC_e2e_mean]));
		table_cellf(t, c->request_median <= 0.05 ? STYLE_GOOD : STYLE_PLAIN, "%.1f %%", 100 * c->request_median);
		table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * c->request_p90);
		percent(t, error_of(c, METRIC_e2e_p95), 0.09);
		percent(t, error_of(c, METRIC_ttft_p95), 0.09);
		percent(t, error_of(c, METRIC_tpot_mean), 0.05);
		percent(t, error_of(c, METRIC_output_throughput), 0.03);
		table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * c->spread);
		table_cellf(t, c->pace > PACE_NOTED ? STYLE_WARN : STYLE_PLAIN, "%.2f", c->pace);
		percent(t, c->then.stream_s > 0 ? c->now.stream_s / c->then.stream_s - 1 : NAN, 0.05);
		percent(t, c->then.product_s > 0 ? c->now.product_s / c->then.product_s - 1 : NAN, 0.05);
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	return ok;
}

static bool state_table(const struct engine_study *s, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "case", false }, { "batch", true }, { "simulated", true }, { "cache peak", true }, { "simulated", true },
						       { "preempted", true }, { "simulated", true }, { "operators", true }, { "simulated", true }, { "host", true },
						       { "from tables", true }, { "expected error", true } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	char a[32], b[32];
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < s->count; i++) {
		const struct engine_comparison *c = &s->cases[i];
		double measured = 0, predicted = 0;

		for (int k = 0; k < FORWARD_OP_COUNT; k++) {
			measured += c->op_measured[k];
			predicted += c->op_predicted[k];
		}
		table_cell(t, STYLE_PLAIN, c->name);
		table_cellf(t, STYLE_PLAIN, "%.2f", c->batch_measured);
		table_cellf(t, STYLE_PLAIN, "%.2f", c->batch_predicted);
		table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * c->kv_measured);
		table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * c->kv_predicted);
		table_cellf(t, STYLE_PLAIN, "%.0f", c->preemptions_measured);
		table_cellf(t, STYLE_PLAIN, "%.0f", c->preemptions_predicted);
		table_cell(t, STYLE_PLAIN, human_seconds(a, measured));
		table_cell(t, STYLE_PLAIN, human_seconds(b, predicted));
		table_cell(t, STYLE_PLAIN, human_seconds(a, c->host_s));
		table_cellf(t, STYLE_PLAIN, "%.0f %%", 100 * c->share_measured);
		table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * c->expected_error);
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	return ok;
}

/* Where the two differ: operators over all cases. */
static bool operators_table(const struct engine_study *s, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "operator", false }, { "measured", true }, { "simulated", true }, { "error", true }, { "share", true } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	double measured[FORWARD_OP_COUNT] = { 0 }, predicted[FORWARD_OP_COUNT] = { 0 }, total = 0;
	char a[32], b[32];
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < s->count; i++)
		for (int k = 0; k < FORWARD_OP_COUNT; k++) {
			measured[k] += s->cases[i].op_measured[k];
			predicted[k] += s->cases[i].op_predicted[k];
			total += s->cases[i].op_measured[k];
		}
	for (int k = 0; k < FORWARD_OP_COUNT; k++) {
		if (measured[k] <= 0)
			continue;
		table_cell(t, STYLE_PLAIN, forward_op_names[k]);
		table_cell(t, STYLE_PLAIN, human_seconds(a, measured[k]));
		table_cell(t, STYLE_PLAIN, human_seconds(b, predicted[k]));
		percent(t, predicted[k] / measured[k] - 1, 0.05);
		table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * measured[k] / total);
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	return ok;
}

static void operator_rows(const struct engine_comparison *c, struct table *t)
{
	double all = c->host_s;
	char a[32];

	for (int k = 0; k < FORWARD_OP_COUNT; k++)
		all += c->op_measured[k];
	for (int k = 0; k < FORWARD_OP_COUNT; k++) {
		double calls = c->op_calls_measured[k], simulated = c->op_calls_predicted[k];

		if (calls <= 0)
			continue;
		table_cell(t, STYLE_PLAIN, c->name);
		table_cell(t, STYLE_PLAIN, forward_op_names[k]);
		table_cellf(t, STYLE_PLAIN, "%.0f", calls);
		table_cellf(t, STYLE_PLAIN, "%.0f", simulated);
		table_cell(t, STYLE_PLAIN, human_seconds(a, c->op_measured[k]));
		table_cell(t, STYLE_PLAIN, human_seconds(a, c->op_predicted[k]));
		table_cellf(t, STYLE_PLAIN, "%.2f us", 1e6 * c->op_measured[k] / calls);
		if (simulated > 0)
			table_cellf(t, STYLE_PLAIN, "%.2f us", 1e6 * c->op_predicted[k] / simulated);
		else
			table_cell(t, STYLE_FAINT, "-");
		percent(t, c->op_predicted[k] / c->op_measured[k] - 1, 0.05);
		table_cellf(t, STYLE_PLAIN, "%+.1f %%", 100 * (c->op_predicted[k] - c->op_measured[k]) / all);
	}
}

bool engine_study_operators(const struct engine_study *s, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "case", false }, { "operator", false }, { "calls", true }, { "simulated", true }, { "measured", true },
						       { "simulated", true }, { "a call", true }, { "simulated", true }, { "error", true }, { "of the run", true } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < s->count; i++)
		operator_rows(&s->cases[i], t);
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	str_add(out, "\n");
	return ok;
}

bool engine_study_text(const struct engine_study *s, const struct term *term, struct str *out, struct arena *arena, struct err *err)
{
	struct engine_summary m = engine_study_summary(s, arena);
	double stolen_s = 0;
	size_t disturbed = 0, replays = 0, counted = 0, uneasy = 0;

	if (!errors_table(s, term, out, err))
		return false;
	str_add(out, "\n");
	if (!state_table(s, term, out, err))
		return false;
	str_add(out, "\n");
	if (!operators_table(s, term, out, err))
		return false;
	for (size_t i = 0; i < s->count; i++)
		disturbed += s->cases[i].pace > PACE_NOTED, stolen_s += s->cases[i].stolen_s, replays += (size_t)s->cases[i].replays,
			counted += (size_t)s->cases[i].counted, uneasy += (size_t)s->cases[i].disturbed;
	str_addf(out, "\nrequests, E2E latency: median error %.1f %%, P90 %.1f %%; P95 of a case: median error %.1f %%, worst %.1f %%; output tokens/s: median %.1f %%, worst %.1f %%\n",
		 100 * m.request_median, 100 * m.request_p90, 100 * m.e2e_p95, 100 * m.e2e_p95_worst, 100 * m.throughput_median, 100 * m.throughput_worst);
	for (int n = 0; n < s->host_count; n++)
		if (s->hosts[n].name)
			str_addf(out, "host time of a step with %d thread%s: %.2f us + %.3f us a sequence + %.4f us a token (a tiny model of its own)\n", n, n > 1 ? "s" : "",
				 1e6 * s->hosts[n].step_s, 1e6 * s->hosts[n].seq_s, 1e6 * s->hosts[n].token_s);
	str_add(out, "stream, product: how much longer two reference kernels took around a case than at calibration: the machine's change, which no prediction knows");
	if (isfinite(stolen_s))
		str_addf(out, "; the host took %.2f s of processor time away during the runs", stolen_s);
	str_add(out, "\n");
	if (replays > counted || uneasy > 0)
		str_addf(out, "%zu replays were taken again because the machine disturbed them (pace, others' share of the processors above %.0f %%, reference kernels %.0f %% off those "
			 "of the calibration); of those that count, the least disturbed each time, %zu of %zu were disturbed still\n",
			 replays - counted, 100 * ENGINE_TAKEN_MOST, 100 * ENGINE_DRIFT_MOST, uneasy, counted);
	if (disturbed)
		str_addf(out, "%zu of %zu cases ran while other programs slowed this machine (pace above %.2f): their errors hold that, too\n", disturbed, s->count, PACE_NOTED);
	return out->failed ? err_memory(err) : true;
}

/* ---- JSON ---- */

static const struct { const char *group; int metric; const char *unit; } rows[] = {
	{ "throughput", METRIC_request_throughput, "1/s" }, { "throughput", METRIC_output_throughput, "1/s" }, { "ttft", METRIC_ttft_mean, "s" }, { "ttft", METRIC_ttft_p50, "s" },
	{ "ttft", METRIC_ttft_p95, "s" }, { "tpot", METRIC_tpot_mean, "s" }, { "tpot", METRIC_tpot_p95, "s" }, { "e2e", METRIC_e2e_mean, "s" }, { "e2e", METRIC_e2e_p50, "s" },
	{ "e2e", METRIC_e2e_p95, "s" }, { "e2e", METRIC_e2e_p99, "s" },
};

static void json_row(struct json *j, const struct engine_comparison *c, const char *group, const char *metric, const char *unit, double predicted, double measured)
{
	char id[128];

	snprintf(id, sizeof(id), "%s/%s", c->name, metric);
	json_begin_object(j, NULL);
	json_text(j, "id", id);
	json_text(j, "group", group);
	json_text(j, "case", c->name);
	json_text(j, "metric", metric);
	json_text(j, "unit", unit);
	json_number(j, "predicted", predicted);
	json_number(j, "measured", measured);
	json_number(j, "rel_error", predicted / measured - 1);
	json_bool(j, "held_out", true);
	json_end(j);
}

static void json_course(struct json *j, const char *key, const struct engine_point *at, size_t count)
{
	json_begin_array(j, key);
	for (size_t i = 0; i < count; i++) {
		json_begin_array(j, NULL);
		json_number(j, NULL, at[i].t_s);
		json_number(j, NULL, at[i].batch);
		json_end(j);
	}
	json_end(j);
}

static void json_case(struct json *j, const struct engine_comparison *c)
{
	json_begin_object(j, NULL);
	json_text(j, "case", c->name);
	json_text(j, "what", c->what);
	json_text(j, "model", c->model);
	json_text(j, "dtype", c->dtype);
	json_int(j, "threads", c->threads);
	json_number(j, "parameters", c->parameters);
	json_int(j, "requests", (int64_t)c->request_count);
	json_number(j, "request_median_abs_rel_error", c->request_median);
	json_number(j, "request_p90_abs_rel_error", c->request_p90);
	json_number(j, "spread", c->spread);
	json_number(j, "pace", c->pace);
	if (c->then.stream_s > 0) {
		json_number(j, "pulse_stream", c->now.stream_s / c->then.stream_s - 1);
		json_number(j, "pulse_product", c->now.product_s / c->then.product_s - 1);
	}
	json_number(j, "stolen_s", c->stolen_s);
	json_number(j, "taken_share", c->taken);
	json_int(j, "replays", c->replays);
	json_int(j, "replays_counted", c->counted);
	json_int(j, "replays_disturbed", c->disturbed);
	json_number(j, "share_measured", c->share_measured);
	json_number(j, "expected_rel_error", c->expected_error);
	json_number(j, "host_s", c->host_s);
	json_text(j, "device", c->device);
	json_number(j, "cache_share", c->cache_share);
	json_begin_object(j, "operators_s");
	for (int k = 0; k < FORWARD_OP_COUNT; k++) {
		json_begin_object(j, forward_op_names[k]);
		json_number(j, "measured", c->op_measured[k]);
		json_number(j, "predicted", c->op_predicted[k]);
		json_number(j, "calls_measured", c->op_calls_measured[k]);
		json_number(j, "calls_predicted", c->op_calls_predicted[k]);
		json_end(j);
	}
	json_end(j);
	json_course(j, "batch_measured", c->course_measured, c->course_measured_count);
	json_course(j, "batch_predicted", c->course_predicted, c->course_predicted_count);
	json_end(j);
}

bool engine_study_json(const struct engine_study *s, struct str *out, struct arena *arena, struct err *err)
{
	const struct validation_error *errors;
	struct json j;
	size_t count;

	errors = engine_study_errors(s, &count, arena, err);
	if (!errors)
		return false;
	json_init(&j, out, true);
	json_begin_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_text(&j, "kind", "engine");
	json_begin_array(&j, "rows");
	for (size_t i = 0; i < s->count; i++) {
		const struct engine_comparison *c = &s->cases[i];

		for (size_t k = 0; k < COUNT_OF(rows); k++)
			json_row(&j, c, rows[k].group, measured_metric_names[rows[k].metric], rows[k].unit, c->predicted[rows[k].metric], c->measured[rows[k].metric]);
		json_row(&j, c, "batch", "batch_size_mean", "sequences", c->batch_predicted, c->batch_measured);
		json_row(&j, c, "kv", "kv_utilization_peak", "share", c->kv_predicted, c->kv_measured);
	}
	json_end(&j);
	json_begin_array(&j, "summary");
	for (size_t i = 0; i < count; i++) {
		json_begin_object(&j, NULL);
		json_text(&j, "group", errors[i].name);
		json_int(&j, "count", (int64_t)errors[i].count);
		json_number(&j, "median_abs_rel_error", errors[i].median);
		json_number(&j, "p90_abs_rel_error", errors[i].p90);
		json_end(&j);
	}
	json_end(&j);
	json_begin_array(&j, "cases");
	for (size_t i = 0; i < s->count; i++)
		json_case(&j, &s->cases[i]);
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return out->failed ? err_memory(err) : true;
}

/* ---- the database ---- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void add_group(struct validation_error *at, const char *name, double *values, size_t n)
{
	qsort(values, n, sizeof(*values), ascending);
	*at = (struct validation_error){ .name = name, .held_out = true, .count = n, .median = n ? measured_percentile(values, n, 50) : NAN,
					 .p90 = n ? measured_percentile(values, n, 90) : NAN };
}

const struct validation_error *engine_study_errors(const struct engine_study *s, size_t *count, struct arena *arena, struct err *err)
{
	static const char *const groups[] = { "throughput", "ttft", "tpot", "e2e" };
	struct validation_error *out = arena_alloc(arena, (COUNT_OF(groups) + 3) * sizeof(*out));
	size_t most = s->count * COUNT_OF(rows) + 1, n;
	double *values;

	for (size_t i = 0; i < s->count; i++)
		most += s->cases[i].request_count;
	values = arena_alloc(arena, most * sizeof(*values));
	if (!out || !values) {
		err_memory(err);
		return NULL;
	}
	*count = 0;
	for (size_t g = 0; g < COUNT_OF(groups); g++) {
		n = 0;
		for (size_t i = 0; i < s->count; i++)
			for (size_t k = 0; k < COUNT_OF(rows); k++)
				if (strcmp(rows[k].group, groups[g]) == 0 && !isnan(error_of(&s->cases[i], rows[k].metric)))
					values[n++] = fabs(error_of(&s->cases[i], rows[k].metric));
		add_group(&out[(*count)++], groups[g], values, n);
	}
	n = 0;
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < s->cases[i].request_count; k++)
			values[n++] = fabs(s->cases[i].request_error[k]);
	add_group(&out[(*count)++], "request_e2e", values, n);
	for (n = 0; n < s->count; n++)
		values[n] = fabs(error_of(&s->cases[n], METRIC_e2e_p95));
	add_group(&out[(*count)++], "e2e_p95", values, n);
	for (n = 0; n < s->count; n++)
		values[n] = fabs(error_of(&s->cases[n], METRIC_output_throughput));
	add_group(&out[(*count)++], "output_throughput", values, n);
	return out;
}

/* ---- figures ---- */

static void steps(struct str *script, const char *name, const struct engine_point *at, size_t count)
{
	str_addf(script, "$%s << EOD\n", name);
	for (size_t i = 0; i < count; i++)
		str_addf(script, "%.6g %.6g\n", at[i].t_s, at[i].batch);
	str_add(script, "EOD\n");
}

static void quantiles(struct str *script, const char *name, const double *sorted, size_t count)
{
	str_addf(script, "$%s << EOD\n", name);
	for (size_t i = 0; i < count; i++)
		str_addf(script, "%.6g %.6g\n", sorted[i], 100 * ((double)i + 0.5) / (double)count);
	str_add(script, "EOD\n");
}

bool engine_study_plot(const struct engine_study *s, size_t i, struct str *out, struct err *err)
{
	const struct engine_comparison *c = &s->cases[i];
	struct str script = { 0 };
	bool ok;

	quantiles(&script, "lm", c->e2e_measured, c->request_count);
	quantiles(&script, "lp", c->e2e_predicted, c->request_count);
	steps(&script, "bm", c->course_measured, c->course_measured_count);
	steps(&script, "bp", c->course_predicted, c->course_predicted_count);
	str_add(&script, "set terminal svg size 760,700 dynamic noenhanced font 'sans-serif,14' name 'v'\n"
			 "set border 3 linecolor rgb '" GNUPLOT_FAINT "'\nset tics nomirror out textcolor rgb '" GNUPLOT_FAINT "'\n"
			 "set grid back linetype 1 linecolor rgb '" GNUPLOT_GRID "'\n"
			 "set multiplot layout 2,1\nset key right bottom textcolor rgb '" GNUPLOT_INK "'\nset xrange [0:*]\nset yrange [0:100]\n"
			 "set xlabel 'E2E latency, s' textcolor rgb '" GNUPLOT_INK "'\nset ylabel 'requests, %' textcolor rgb '" GNUPLOT_INK "'\n"
			 "plot $lm with steps lw 2 lc rgb '#1f77b4' title 'measured', $lp with steps lw 2 lc rgb '#d95f02' title 'simulated'\n"
			 "set key right top\nset yrange [0:*]\nset xlabel 'time, s'\nset ylabel 'sequences in the batch'\n"
			 "plot $bm with steps lw 1 lc rgb '#1f77b4' title 'measured', $bp with steps lw 1 lc rgb '#d95f02' title 'simulated'\nunset multiplot\n");
	ok = script.failed ? err_memory(err) : gnuplot_svg(str_text(&script), "v", "measured and simulated latencies and batches", true, out, err);
	str_release(&script);
	return ok;
}
