#include "reports/html_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "reports/format.h"
#include "reports/markup.h"
#include "reports/metric.h"

static void add(struct html_page *p, const char *html)
{
	str_add(p->out, html);
}

/* A cell with its sort value. */
static void cell(struct html_page *p, double value, const char *shown)
{
	char buf[32];

	add(p, "<td class=\"n\" data-v=\"");
	if (isfinite(value))
		add(p, number_text(buf, value));
	add(p, "\">");
	markup_add(p->out, shown);
	add(p, "</td>");
}

static void text_cell(struct html_page *p, const char *text)
{
	add(p, "<td>");
	markup_add(p->out, text);
	add(p, "</td>");
}

/* Opens a table; heads that begin with '#' stand over numbers. */
static void table(struct html_page *p, bool sortable, const char *const *heads, size_t count)
{
	add(p, sortable ? "<div class=\"scroll\"><table class=\"sortable\">" : "<div class=\"scroll\"><table>");
	add(p, "<thead><tr>");
	for (size_t i = 0; i < count; i++) {
		bool number = *heads[i] == '#';

		str_addf(p->out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
		markup_add(p->out, heads[i] + number);
		add(p, "</th>");
	}
	add(p, "</tr></thead><tbody>\n");
}

static void table_end(struct html_page *p)
{
	add(p, "</tbody></table></div>\n");
}

static void fact(struct html_page *p, const char *name, const char *value)
{
	add(p, "<div><dt>");
	markup_add(p->out, name);
	add(p, "</dt><dd>");
	markup_add(p->out, value);
	add(p, "</dd></div>\n");
}

/* Metrics by name, those that the run has not (or that are zero, where `skip_zero`) left out. */
static void facts(struct html_page *p, const char *const *names, bool skip_zero)
{
	add(p, "<dl class=\"facts say\">\n");
	for (; *names; names++) {
		const struct metric *m = metric_find(*names);
		double v = m ? metric_get(m, p->r) : NAN;
		char buf[FORMAT_ROOM];

		if (isfinite(v) && !(skip_zero && v == 0))
			fact(p, m->help, format_metric(buf, m, v));
	}
	add(p, "</dl>\n");
}

static void figure(struct html_page *p, enum plot_kind kind, const char *caption)
{
	if (p->figures[kind].length == 0)
		return;
	add(p, "<figure><figcaption>");
	markup_add(p->out, caption);
	add(p, "</figcaption>\n");
	add(p, str_text(&p->figures[kind]));
	add(p, "</figure>\n");
}

static void part_title(struct html_page *p)
{
	markup_add(p->out, p->r->title ? p->r->title : "Serving simulation");
}

static void part_summary(struct html_page *p)
{
	const struct result *r = p->r;
	char a[FORMAT_ROOM], b[FORMAT_ROOM], c[FORMAT_ROOM];

	markup_addf(p->out, "%s of %s requests completed in %s of simulated time", format_number(a, r->completed),
		    format_number(b, r->requests), human_seconds(c, r->duration_s));
	if (r->rejected > 0)
		markup_addf(p->out, ", %s rejected", format_number(a, r->rejected));
	markup_addf(p->out, "; %s events simulated in %s.", human_count(a, r->events), human_seconds(b, r->wall_s));
}

static void card(struct html_page *p, const char *style, const char *value, const char *what, const char *more)
{
	str_addf(p->out, "<div class=\"card\"><b class=\"%s\">", style);
	markup_add(p->out, value);
	add(p, "</b><span>");
	markup_add(p->out, what);
	add(p, "</span><span>");
	markup_add(p->out, more);
	add(p, "</span></div>\n");
}

static const char *error_style(double rel_error)
{
	return rel_error <= 0.1 ? "good" : rel_error <= 0.25 ? "warn" : "bad";
}

static void part_headline(struct html_page *p)
{
	const struct result *r = p->r;
	char value[FORMAT_ROOM], a[FORMAT_ROOM], more[3 * FORMAT_ROOM];

	snprintf(more, sizeof(more), "%s requests/s", format_number(a, r->request_throughput));
	card(p, "", format_number(value, r->output_throughput), "output tokens/s", more);
	snprintf(more, sizeof(more), "p99 %s", human_seconds(a, r->ttft_s.p99));
	card(p, "", human_seconds(value, r->ttft_s.p50), "time to first token, p50", more);
	snprintf(more, sizeof(more), "p99 %s", human_seconds(a, r->tpot_s.p99));
	card(p, "", human_seconds(value, r->tpot_s.p50), "time per output token, p50", more);
	if (r->usd_per_hour > 0) {
		snprintf(more, sizeof(more), "%s an hour", format_usd(a, r->usd_per_hour));
		card(p, "", format_usd(value, r->usd_per_1m_output_tokens), "a million output tokens", more);
	}
	if (r->slo_count) {
		size_t met = 0;

		for (size_t i = 0; i < r->slo_count; i++)
			met += r->slos[i].met;
		snprintf(value, sizeof(value), "%zu of %zu", met, r->slo_count);
		snprintf(more, sizeof(more), "%s requests/s within all", format_number(a, r->goodput_rps));
		card(p, r->slos_met ? "good" : "bad", value, "SLOs met", more);
	}
	snprintf(more, sizeof(more), "%s analytic", format_share(a, r->share_analytic));
	snprintf(value, sizeof(value), "\xc2\xb1 %s", format_share(a, r->expected_rel_error));
	card(p, error_style(r->expected_rel_error), value, "expected error of times", more);
}

static void list(struct html_page *p, const char *title, const char *const *lines, size_t count)
{
	if (count == 0)
		return;
	add(p, "<div class=\"notice\"><strong>");
	markup_add(p->out, title);
	add(p, "</strong><ul>");
	for (size_t i = 0; i < count; i++) {
		add(p, "<li>");
		markup_add(p->out, lines[i]);
		add(p, "</li>");
	}
	add(p, "</ul></div>\n");
}

static void part_warnings(struct html_page *p)
{
	list(p, "Not modelled", p->r->not_modelled, p->r->not_modelled_count);
	list(p, "Notes", p->r->notes, p->r->note_count);
	if (p->no_plots) {
		add(p, "<p class=\"faint\">");
		markup_add(p->out, p->no_plots);
		add(p, "</p>\n");
	}
}

static void dist_row(struct html_page *p, const char *name, const struct dist *d)
{
	const double values[] = { d->mean, d->p50, d->p90, d->p95, d->p99, d->max };

	add(p, "<tr>");
	text_cell(p, name);
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		char buf[32];

		cell(p, d->count > 0 ? values[i] : NAN, d->count > 0 ? human_seconds(buf, values[i]) : "-");
	}
	add(p, "</tr>\n");
}

static void slo_table(struct html_page *p)
{
	static const char *const heads[] = { "SLO", "#target", "#simulated", "" };

	if (p->r->slo_count == 0)
		return;
	add(p, "<h3>Targets</h3>\n");
	table(p, false, heads, COUNT_OF(heads));
	for (size_t i = 0; i < p->r->slo_count; i++) {
		const struct slo_row *s = &p->r->slos[i];
		char a[32], b[32];

		add(p, "<tr>");
		text_cell(p, s->name);
		cell(p, s->target_s, human_seconds(a, s->target_s));
		cell(p, s->value_s, human_seconds(b, s->value_s));
		add(p, s->met ? "<td class=\"good\">met</td></tr>\n" : "<td class=\"bad\">missed</td></tr>\n");
	}
	table_end(p);
}

static void class_table(struct html_page *p)
{
	static const char *const heads[] = { "Class",     "#requests", "#completed", "#goodput (requests/s)",
					     "#TTFT p50", "#TTFT p99", "#TPOT p50",  "#TPOT p99",
					     "#E2E p50",  "#E2E p99" };

	if (p->r->class_count < 2)
		return;
	add(p, "<h3>By class</h3>\n");
	table(p, true, heads, COUNT_OF(heads));
	for (size_t i = 0; i < p->r->class_count; i++) {
		const struct class_row *c = &p->r->classes[i];
		const double times[] = { c->ttft_s.p50, c->ttft_s.p99, c->tpot_s.p50,
					 c->tpot_s.p99, c->e2e_s.p50,  c->e2e_s.p99 };
		char buf[FORMAT_ROOM];

		add(p, "<tr>");
		text_cell(p, c->name);
		cell(p, c->requests, format_number(buf, c->requests));
		cell(p, c->completed, format_number(buf, c->completed));
		cell(p, c->goodput_rps, format_number(buf, c->goodput_rps));
		for (size_t k = 0; k < COUNT_OF(times); k++)
			cell(p, times[k], human_seconds(buf, times[k]));
		add(p, "</tr>\n");
	}
	table_end(p);
}

static void part_latency(struct html_page *p)
{
	static const char *const heads[] = { "", "#mean", "#p50", "#p90", "#p95", "#p99", "#max" };

	table(p, false, heads, COUNT_OF(heads));
	dist_row(p, "Time to first token", &p->r->ttft_s);
	dist_row(p, "Time per output token", &p->r->tpot_s);
	dist_row(p, "Between two tokens", &p->r->itl_s);
	dist_row(p, "Whole request", &p->r->e2e_s);
	dist_row(p, "Wait before start", &p->r->queue_s);
	table_end(p);
	slo_table(p);
	class_table(p);
	add(p, "<div class=\"pair\">\n");
	figure(p, PLOT_CDF, "Share of values below a latency");
	figure(p, PLOT_LATENCY, "Over the run");
	add(p, "</div>\n");
}

static void replica_table(struct html_page *p)
{
	static const char *const heads[] = { "#Replica", "pool", "#requests", "#busy", "#KV peak", "#preemptions" };

	if (p->r->replica_count < 2)
		return;
	add(p, "<h3>By replica</h3>\n");
	table(p, true, heads, COUNT_OF(heads));
	for (size_t i = 0; i < p->r->replica_count; i++) {
		const struct replica_row *row = &p->r->replica_rows[i];
		char buf[FORMAT_ROOM];

		add(p, "<tr>");
		cell(p, (double)row->replica, format_number(buf, (double)row->replica));
		text_cell(p, row->pool);
		cell(p, (double)row->requests, format_number(buf, (double)row->requests));
		cell(p, row->busy_share, format_share(buf, row->busy_share));
		cell(p, row->kv_peak, format_share(buf, row->kv_peak));
		cell(p, (double)row->preemptions, format_number(buf, (double)row->preemptions));
		add(p, "</tr>\n");
	}
	table_end(p);
}

static void part_throughput(struct html_page *p)
{
	static const char *const names[] = { "output_throughput",
					     "total_token_throughput",
					     "request_throughput",
					     "goodput_rps",
					     "prompt_tokens",
					     "output_tokens",
					     "batch_size_mean",
					     "batch_tokens_mean",
					     "running_mean",
					     "waiting_mean",
					     "mfu",
					     "mbu",
					     "kv_utilization_mean",
					     "kv_utilization_peak",
					     "prefix_hit_rate",
					     "preemptions",
					     "rejected",
					     "devices",
					     "replicas",
					     NULL };

	add(p, "<div class=\"pair\"><div>\n");
	facts(p, names, true);
	add(p, "</div>\n");
	figure(p, PLOT_LOAD, "Over the run");
	add(p, "</div>\n");
	replica_table(p);
}

static void part_operators(struct html_page *p)
{
	static const char *const heads[] = { "Operator", "kind",     "#share",   "#time",       "#calls",
					     "#FLOP/s",  "#bytes/s", "bound by", "priced from", "#expected error" };

	add(p, "<div class=\"pair\">\n");
	figure(p, PLOT_OPERATORS, "Device time by operator; colour: what bounds it");
	figure(p, PLOT_ROOFLINE, "Operators under the device's roofline");
	add(p, "</div>\n");
	if (p->r->operator_count == 0)
		return;
	table(p, true, heads, COUNT_OF(heads));
	for (size_t i = 0; i < p->r->operator_count; i++) {
		const struct operator_row *o = &p->r->operators[i];
		double seconds = o->seconds > 0 ? o->seconds : NAN;
		char buf[FORMAT_ROOM];

		add(p, "<tr>");
		text_cell(p, o->label);
		text_cell(p, o->kind);
		cell(p, o->share, format_share(buf, o->share));
		cell(p, o->seconds, human_seconds(buf, o->seconds));
		cell(p, o->calls, human_count(buf, o->calls));
		cell(p, o->flops / seconds, o->flops > 0 ? human_rate(buf, o->flops / seconds, "FLOP/s") : "");
		cell(p, o->bytes / seconds, o->bytes > 0 ? human_rate(buf, o->bytes / seconds, "B/s") : "");
		text_cell(p, o->bound);
		text_cell(p, o->provider);
		cell(p, o->rel_error, format_share(buf, o->rel_error));
		add(p, "</tr>\n");
	}
	table_end(p);
}

static void part_memory(struct html_page *p)
{
	static const char *const names[] = { "memory.peak_bytes", "memory.capacity_bytes", "memory.kv_bytes_per_token",
					     "memory.kv_blocks", "memory.block_tokens", NULL };
	static const char *const heads[] = { "On each device", "#size", "#share" };

	add(p, "<div class=\"pair\"><div>\n");
	if (p->r->memory_count) {
		table(p, false, heads, COUNT_OF(heads));
		for (size_t i = 0; i < p->r->memory_count; i++) {
			const struct memory_row *m = &p->r->memory[i];
			char buf[FORMAT_ROOM];

			add(p, "<tr>");
			text_cell(p, m->what);
			cell(p, m->bytes, human_bytes(buf, m->bytes));
			cell(p, m->bytes, format_share(buf, m->bytes / p->r->capacity_bytes));
			add(p, "</tr>\n");
		}
		table_end(p);
	}
	facts(p, names, true);
	add(p, "</div>\n");
	figure(p, PLOT_MEMORY, "Use of one device's memory; the line is its capacity");
	add(p, "</div>\n");
}

static void part_cost(struct html_page *p)
{
	static const char *const names[] = {
		"cost.usd_per_1m_output_tokens",  "cost.usd_per_1m_tokens", "cost.usd_per_hour", "cost.usd",
		"energy.joules_per_output_token", "energy.mean_power_w",    "energy.joules",     NULL
	};

	facts(p, names, true);
	if (p->r->price_kind) {
		add(p, "<p class=\"faint\">Prices: ");
		markup_add(p->out, p->r->price_kind);
		add(p, ".</p>\n");
	}
}

/* Every headline figure with what the runs at both ends of the interval gave. */
static void intervals(struct html_page *p)
{
	static const char *const shown[] = { "ttft_s.p50", "ttft_s.p99", "tpot_s.p50", "tpot_s.p99", "e2e_s.p50", "e2e_s.p99",
					     "request_throughput", "output_throughput", "goodput_rps", "cost.usd_per_1m_output_tokens",
					     "energy.joules_per_output_token", NULL };
	char share[FORMAT_ROOM], low[FORMAT_ROOM], high[FORMAT_ROOM], text[2 * FORMAT_ROOM];

	markup_addf(p->out,
		    "The same arrivals simulated with all operators up to %s slower, and as much faster: what their errors (median, measured on "
		    "shapes left out; those of one kind of operator go together) and those of whole runs (published results) let expect in "
		    "80 %% of cases. First tokens are further off:",
		    format_share(share, p->r->interval_rel_error));
	add(p, "<dl class=\"facts\">\n");
	for (size_t i = 0; shown[i]; i++) {
		const struct metric *m = metric_find(shown[i]);
		double a, b;

		if (!metric_interval(m, p->r, &a, &b) || !isfinite(a) || !isfinite(b))
			continue;
		snprintf(text, sizeof(text), "%s to %s", format_metric(low, m, a), format_metric(high, m, b));
		fact(p, m->help, text);
	}
	add(p, "</dl>\n<p class=\"faint\">Queues of a system near saturation may be off by more.</p>\n");
}

static void part_confidence(struct html_page *p)
{
	const struct result *r = p->r;
	const struct { const char *name, *what; double share; int hue;
	} kinds[] = {
		{ "measured", "interpolated between measurements of this operator on this device", r->share_measured,
		  2 },
		{ "fitted", "a roofline whose efficiency was fitted to measurements", r->share_fitted, 0 },
		{ "analytic", "data sheet peaks and default efficiencies only", r->share_analytic, 1 },
	};
	const struct { const char *name; const struct dist *d; } times[] = { { "Time to first token, p50", &r->ttft_s },
		{ "Time per output token, p50", &r->tpot_s }, { "Whole request, p50", &r->e2e_s } };
	char buf[2 * FORMAT_ROOM];

	markup_addf(p->out,
		    "Device times came from these sources, weighted by time. Together they are expected to be off by "
		    "about %s.",
		    format_share(buf, r->expected_rel_error));
	if (r->extrapolated_share > 0)
		markup_addf(p->out, " %s of the time lies outside the shapes that were measured.",
			    format_share(buf, r->extrapolated_share));
	add(p, "<div class=\"mix\">");
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (kinds[i].share > 0)
			str_addf(p->out, "<i style=\"width:%.2f%%;background:var(--h%d)\"></i>",
				 100 * fmin(1, kinds[i].share), kinds[i].hue);
	add(p, "</div>\n<ul class=\"key\">");
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		str_addf(p->out, "<li><i style=\"background:var(--h%d)\"></i>", kinds[i].hue);
		markup_addf(p->out, "%s %s", format_share(buf, kinds[i].share), kinds[i].name);
		add(p, " <span class=\"faint\">");
		markup_add(p->out, kinds[i].what);
		add(p, "</span></li>");
	}
	add(p, "</ul>\n");
	if (r->slower) {
		intervals(p);
		return;
	}
	add(p, "<p>If every device time were off by that much in the same direction, and waiting grew no faster "
	       "than that:</p>\n<dl class=\"facts\">\n");
	for (size_t i = 0; i < COUNT_OF(times); i++)
		if (times[i].d->count > 0)
			fact(p, times[i].name, format_interval_s(buf, times[i].d->p50, r->expected_rel_error));
	add(p, "</dl>\n<p class=\"faint\">Near saturation, waiting reacts more than in proportion to device times; "
	       "there the "
	       "tail of the first token is less certain than this.</p>\n");
}

static void part_scenario(struct html_page *p)
{
	const struct result *r = p->r;
	size_t group = 0;

	add(p, "<div class=\"pair\">\n");
	for (size_t i = 0; i < r->scenario_count; i++) {
		const char *path = r->scenario[i].key ? r->scenario[i].key : "";
		size_t n = strcspn(path, ".");
		bool first = i == 0 || strncmp(r->scenario[i - 1].key ? r->scenario[i - 1].key : "", path, n) != 0 ||
			     !strchr(".", (r->scenario[i - 1].key ? r->scenario[i - 1].key : "")[n]);

		if (first) {
			add(p, group++ ? "</dl></div>\n<div><h3>" : "<div><h3>");
			markup_addf(p->out, "%.*s", (int)n, path);
			add(p, "</h3><dl class=\"facts\">\n");
		}
		fact(p, path[n] ? path + n + 1 : path, r->scenario[i].value ? r->scenario[i].value : "");
	}
	add(p, group ? "</dl></div></div>\n" : "</div>\n");
}

static void part_reproduce(struct html_page *p)
{
	const struct run_origin *o = p->origin;

	if (o && o->command) {
		add(p, "<pre>");
		markup_add(p->out, o->command);
		add(p, "</pre>\n");
	}
	add(p, "<dl class=\"facts\">\n");
	if (*p->r->run_id)
		fact(p, "run", p->r->run_id);
	if (*p->r->scenario_hash)
		fact(p, "scenario hash", p->r->scenario_hash);
	if (o && o->tool_version)
		fact(p, "vibee-sim", o->tool_version);
	if (o && o->host)
		fact(p, "host", o->host);
	if (o && o->created_at)
		fact(p, "created (UTC)", o->created_at);
	add(p, "</dl>\n<p class=\"faint\">The same scenario and seed give the same figures, on any machine and with "
	       "any number of threads.</p>\n");
}

const struct html_part html_parts[] = {
	{ "title", part_title },
	{ "summary", part_summary },
	{ "headline", part_headline },
	{ "warnings", part_warnings },
	{ "latency", part_latency },
	{ "throughput", part_throughput },
	{ "operators", part_operators },
	{ "memory", part_memory },
	{ "cost", part_cost },
	{ "confidence", part_confidence },
	{ "scenario", part_scenario },
	{ "reproduce", part_reproduce },
	{ NULL, NULL },
};
