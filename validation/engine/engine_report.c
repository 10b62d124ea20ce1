#include "validation/engine/engine_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "validation/measured_parts.h"

static int by_arrival(const void *a, const void *b)
{
	const struct measured_request *x = a, *y = b;

	return x->arrival_s < y->arrival_s ? -1 : x->arrival_s > y->arrival_s;
}

bool engine_measured(const struct engine_outcome *o, struct measured_run *run, struct arena *arena, struct err *err)
{
	size_t n = o->log.request_count;

	measured_run_init(run);
	run->form = FORM_REQUESTS;
	run->list = arena_alloc(arena, (n + 1) * sizeof(*run->list));
	if (!run->list)
		return err_memory(err);
	for (size_t i = 0; i < n; i++) {
		const struct engine_request *r = &o->log.requests[i];

		run->list[i] = (struct measured_request){ .arrival_s = r->arrival_s, .ttft_s = engine_ttft_s(r), .tpot_s = engine_tpot_s(r), .e2e_s = engine_e2e_s(r),
							  .prompt_tokens = r->prompt_tokens, .output_tokens = r->output_tokens };
	}
	qsort(run->list, n, sizeof(*run->list), by_arrival);
	run->list_count = n;
	run->requests = (int64_t)n;
	run->has_arrivals = n > 0;
	/* From the start of the replay, as the simulator counts: not from the first arrival. */
	return n == 0 || measured_summarise(run, arena, err);
}

struct engine_load engine_load_of(const struct engine_outcome *o)
{
	struct engine_load l = { 0 };
	double tokens = 0, seqs = 0, n = (double)o->log.iteration_count;

	for (size_t i = 0; i < o->log.iteration_count; i++) {
		const struct engine_iteration *t = &o->log.iterations[i];

		seqs += (double)(t->decodes + t->prefills);
		tokens += (double)(t->decodes + t->prefill_tokens);
		l.busy_s += t->end_s - t->start_s;
		l.form_s += t->form_s;
		l.kv_peak = fmax(l.kv_peak, (double)t->kv_blocks / (double)o->kv_blocks);
	}
	l.batch_mean = n > 0 ? seqs / n : 0;
	l.tokens_mean = n > 0 ? tokens / n : 0;
	return l;
}

static void latency_row(struct table *t, const char *name, const struct measured_run *run, int first)
{
	char text[32];

	if (isnan(run->metric[first]))
		return;
	table_cell(t, STYLE_PLAIN, name);
	for (int k = 0; k < 5; k++)
		table_cell(t, STYLE_PLAIN, human_seconds(text, run->metric[first + k]));
}

static bool latencies(const struct measured_run *run, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "Latency", false }, { "mean", true }, { "p50", true }, { "p90", true }, { "p95", true }, { "p99", true } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	latency_row(t, "TTFT", run, METRIC_ttft_mean);
	latency_row(t, "TPOT", run, METRIC_tpot_mean);
	latency_row(t, "E2E", run, METRIC_e2e_mean);
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	return ok;
}

static bool operators(const struct engine_outcome *o, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "Operator", false }, { "time", true }, { "share", true } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	double sum = 0;
	char text[32];
	bool ok;

	if (!t)
		return err_memory(err);
	for (int i = 0; i < FORWARD_OP_COUNT; i++)
		sum += o->op_s[i];
	for (int i = 0; i < FORWARD_OP_COUNT; i++) {
		if (o->op_s[i] <= 0)
			continue;
		table_cell(t, STYLE_PLAIN, forward_op_names[i]);
		table_cell(t, STYLE_PLAIN, human_seconds(text, o->op_s[i]));
		table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * o->op_s[i] / sum);
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	return ok;
}

bool engine_text(const struct engine_outcome *o, const struct measured_run *run, const struct term *term, struct str *out, struct err *err)
{
	struct engine_load l = engine_load_of(o);
	char a[32], b[32], c[32];

	str_addf(out, "%s parameters in %s (%s), cache in %s: %" PRId64 " blocks of %" PRId64 " tokens (%s)\n", human_count(a, o->parameters),
		 kernel_format_names[o->format], human_bytes(b, o->weight_bytes), kernel_format_names[o->kv_format], o->kv_blocks, o->block_tokens,
		 human_bytes(c, o->kv_bytes));
	str_addf(out, "%zu requests in %s of the engine's time, %zu iterations", o->log.request_count, human_seconds(a, run->duration_s), o->log.iteration_count);
	if (o->log.refused)
		str_addf(out, ", %" PRId64 " requests refused as too long", o->log.refused);
	str_addf(out, "\n%.4g requests/s, %.4g output tokens/s, %.4g tokens/s\n", run->metric[METRIC_request_throughput], run->metric[METRIC_output_throughput],
		 run->metric[METRIC_total_token_throughput]);
	str_addf(out, "batch: %.1f sequences, %.1f tokens on average; cache at most %.1f %% full; %" PRId64 " preemptions; scheduler %.2f %% of the time\n\n",
		 l.batch_mean, l.tokens_mean, 100 * l.kv_peak, o->log.preemptions, l.busy_s > 0 ? 100 * l.form_s / l.busy_s : 0);
	if (!latencies(run, term, out, err))
		return false;
	str_add(out, "\n");
	return operators(o, term, out, err);
}

bool engine_json(const struct engine_outcome *o, const struct measured_run *run, struct str *out, struct err *err)
{
	struct engine_load l = engine_load_of(o);
	struct json j;

	json_init(&j, out, true);
	json_begin_object(&j, NULL);
	json_text(&j, "schema", "vibee.engine/1");
	json_number(&j, "parameters", o->parameters);
	json_text(&j, "dtype", kernel_format_names[o->format]);
	json_text(&j, "kv_dtype", kernel_format_names[o->kv_format]);
	json_number(&j, "weights_bytes", o->weight_bytes);
	json_number(&j, "kv_bytes", o->kv_bytes);
	json_int(&j, "kv_blocks", o->kv_blocks);
	json_int(&j, "block_tokens", o->block_tokens);
	json_begin_object(&j, "metrics");
	json_int(&j, "requests", (int64_t)o->log.request_count);
	json_int(&j, "refused", o->log.refused);
	json_number(&j, "duration_s", run->duration_s);
	for (int m = 0; m < METRIC_COUNT; m++)
		if (!isnan(run->metric[m]))
			json_number(&j, measured_metric_names[m], run->metric[m]);
	json_number(&j, "batch_size_mean", l.batch_mean);
	json_number(&j, "batch_tokens_mean", l.tokens_mean);
	json_number(&j, "kv_utilization_peak", l.kv_peak);
	json_int(&j, "preemptions", o->log.preemptions);
	json_int(&j, "iterations", (int64_t)o->log.iteration_count);
	json_end(&j);
	json_begin_object(&j, "operators_s");
	for (int i = 0; i < FORWARD_OP_COUNT; i++)
		json_number(&j, forward_op_names[i], o->op_s[i]);
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return out->failed ? err_memory(err) : true;
}
