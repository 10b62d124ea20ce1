#include "reports/markdown.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/format.h"
#include "reports/metric.h"
#include "reports/utf8.h"

void markdown_add(struct str *out, const char *text)
{
	struct str clean = { 0 };

	utf8_add(&clean, text);
	for (const char *p = str_text(&clean); *p; p++) {
		if (*p == '<')
			str_add(out, "&lt;");
		else if (*p == '&')
			str_add(out, "&amp;");
		else if (strchr("\\`*_[]|~#", *p))
			str_addf(out, "\\%c", *p);
		else
			str_add_bytes(out, p, 1);
	}
	if (clean.failed)
		out->failed = true;
	str_release(&clean);
}

static void cell(struct str *out, const char *text)
{
	str_add(out, " ");
	markdown_add(out, text);
	str_add(out, " |");
}

static void row(struct str *out, const char *name, const char *value)
{
	str_add(out, "|");
	cell(out, name);
	cell(out, value);
	str_add(out, "\n");
}

static void metric_rows(const struct result *r, const char *const *names, struct str *out)
{
	for (; *names; names++) {
		const struct metric *m = metric_find(*names);
		double v = m ? metric_get(m, r) : NAN;
		char buf[FORMAT_ROOM];

		if (isfinite(v) && v != 0)
			row(out, m->help, format_metric(buf, m, v));
	}
}

static void latency(const struct result *r, struct str *out)
{
	const struct { const char *name; const struct dist *d; } rows[] = {
		{ "TTFT", &r->ttft_s }, { "TPOT", &r->tpot_s }, { "ITL", &r->itl_s }, { "E2E", &r->e2e_s }, { "Queue", &r->queue_s }
	};

	str_add(out, "## Latency\n\n| | mean | p50 | p90 | p95 | p99 | max |\n|---|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct dist *d = rows[i].d;
		const double values[] = { d->mean, d->p50, d->p90, d->p95, d->p99, d->max };
		char buf[FORMAT_ROOM];

		str_add(out, "|");
		cell(out, rows[i].name);
		for (size_t k = 0; k < COUNT_OF(values); k++)
			cell(out, d->count > 0 ? human_seconds(buf, values[k]) : "-");
		str_add(out, "\n");
	}
	str_add(out, "\n");
	if (r->slo_count)
		str_add(out, "| SLO | target | simulated | |\n|---|--:|--:|---|\n");
	for (size_t i = 0; i < r->slo_count; i++) {
		char buf[FORMAT_ROOM];

		str_add(out, "|");
		cell(out, r->slos[i].name);
		cell(out, human_seconds(buf, r->slos[i].target_s));
		cell(out, human_seconds(buf, r->slos[i].value_s));
		cell(out, r->slos[i].met ? "met" : "missed");
		str_add(out, "\n");
	}
	if (r->slo_count)
		str_add(out, "\n");
}

static void operators(const struct result *r, struct str *out)
{
	if (r->operator_count == 0)
		return;
	str_add(out, "## Where the time goes\n\n| Operator | share | time | bound by | priced from | expected error |\n"
		"|---|--:|--:|---|---|--:|\n");
	for (size_t i = 0; i < r->operator_count; i++) {
		const struct operator_row *o = &r->operators[i];
		char buf[FORMAT_ROOM];

		str_add(out, "|");
		cell(out, o->label);
		cell(out, format_share(buf, o->share));
		cell(out, human_seconds(buf, o->seconds));
		cell(out, o->bound);
		cell(out, o->provider);
		cell(out, format_share(buf, o->rel_error));
		str_add(out, "\n");
	}
	str_add(out, "\n");
}

static void memory(const struct result *r, struct str *out)
{
	char buf[FORMAT_ROOM];

	if (r->memory_count == 0)
		return;
	str_add(out, "## Memory of one device\n\n| | size | share |\n|---|--:|--:|\n");
	for (size_t i = 0; i < r->memory_count; i++) {
		str_add(out, "|");
		cell(out, r->memory[i].what);
		cell(out, human_bytes(buf, r->memory[i].bytes));
		cell(out, format_share(buf, r->memory[i].bytes / r->capacity_bytes));
		str_add(out, "\n");
	}
	str_add(out, "|");
	cell(out, "capacity");
	cell(out, human_bytes(buf, r->capacity_bytes));
	str_add(out, " |\n\n");
}

static void lines(const char *title, const char *const *texts, size_t count, struct str *out)
{
	if (count == 0)
		return;
	str_addf(out, "## %s\n\n", title);
	for (size_t i = 0; i < count; i++) {
		str_add(out, "- ");
		markdown_add(out, texts[i]);
		str_add(out, "\n");
	}
	str_add(out, "\n");
}

static void reproduce(const struct result *r, const struct run_origin *o, struct str *out)
{
	str_add(out, "## What was asked\n\n| Input | value |\n|---|---|\n");
	for (size_t i = 0; i < r->scenario_count; i++)
		row(out, r->scenario[i].key, r->scenario[i].value);
	if (*r->run_id)
		row(out, "run", r->run_id);
	if (*r->scenario_hash)
		row(out, "scenario hash", r->scenario_hash);
	if (o && o->tool_version)
		row(out, "vibee-sim", o->tool_version);
	if (o && o->host)
		row(out, "host", o->host);
	if (o && o->command)
		row(out, "command", o->command);
}

static void intervals(const struct result *r, struct str *out)
{
	static const char *const shown[] = { "ttft_s.p50", "ttft_s.p99", "tpot_s.p50", "tpot_s.p99", "e2e_s.p50", "e2e_s.p99",
					     "output_throughput", "cost.usd_per_1m_output_tokens", "energy.joules_per_output_token", NULL };
	char share[FORMAT_ROOM], low[FORMAT_ROOM], high[FORMAT_ROOM];

	if (!r->slower)
		return;
	str_addf(out, "80 %% interval: the run with all operators up to %s slower, and as much faster; first tokens further.\n\n| | from | to |\n|---|--:|--:|\n",
		 format_share(share, r->interval_rel_error));
	for (size_t i = 0; shown[i]; i++) {
		const struct metric *m = metric_find(shown[i]);
		double a, b;

		if (metric_interval(m, r, &a, &b) && isfinite(a) && isfinite(b))
			str_addf(out, "| %s | %s | %s |\n", m->help, format_metric(low, m, a), format_metric(high, m, b));
	}
	str_add(out, "\n");
}

bool markdown_report(const struct result *r, const struct run_origin *origin, struct str *out, struct err *err)
{
	static const char *const throughput[] = {
		"output_throughput", "total_token_throughput", "request_throughput", "goodput_rps", "batch_size_mean",
		"batch_tokens_mean", "mfu", "mbu", "kv_utilization_peak", "prefix_hit_rate", "preemptions", "devices",
		"replicas", NULL
	};
	static const char *const cost[] = { "cost.usd_per_1m_output_tokens", "cost.usd_per_1m_tokens",
		"cost.usd_per_hour", "cost.usd", "energy.joules_per_output_token", "energy.mean_power_w", "energy.joules", NULL };
	static const char *const trust[] = { "confidence.expected_rel_error", "confidence.measured",
		"confidence.fitted", "confidence.analytic", "confidence.extrapolated", NULL };
	char a[FORMAT_ROOM], b[FORMAT_ROOM], c[FORMAT_ROOM];

	str_add(out, "# ");
	markdown_add(out, r->title ? r->title : "Serving simulation");
	str_addf(out, "\n\n%s of %s requests completed in %s of simulated time.\n\n", format_number(a, r->completed),
		 format_number(b, r->requests), human_seconds(c, r->duration_s));
	lines("Not modelled", r->not_modelled, r->not_modelled_count, out);
	lines("Notes", r->notes, r->note_count, out);
	latency(r, out);
	str_add(out, "## Throughput and load\n\n| | |\n|---|--:|\n");
	metric_rows(r, throughput, out);
	str_add(out, "\n");
	operators(r, out);
	memory(r, out);
	str_add(out, "## Cost and energy\n\n| | |\n|---|--:|\n");
	metric_rows(r, cost, out);
	if (r->price_kind)
		row(out, "prices", r->price_kind);
	str_add(out, "\n## How far to trust this\n\n| | |\n|---|--:|\n");
	metric_rows(r, trust, out);
	str_add(out, "\n");
	intervals(r, out);
	reproduce(r, origin, out);
	return !out->failed || err_memory(err);
}
