/* vibee-sim workload: list, summarise, generate and fit request traffic. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/paths.h"
#include "cli/catalog_kinds.h"
#include "cli/options.h"
#include "reports/decimal.h"
#include "reports/outfile.h"
#include "reports/table.h"
#include "workloads/fit.h"
#include "workloads/source.h"
#include "workloads/stats.h"
#include "workloads/trace.h"

/* The format that --trace-format names. */
static bool format_option(const struct call *call, int *format, struct err *err)
{
	const char *name = call_text(call, "trace-format"), *near;
	size_t n = 0;

	*format = TRACE_AUTO;
	if (!name)
		return true;
	for (; trace_format_names[n]; n++)
		if (strcmp(trace_format_names[n], name) == 0) {
			*format = (int)n;
			return true;
		}
	near = text_nearest(name, trace_format_names, n);
	return err_set(err, ERR_INPUT, "--trace-format %s: not a known format%s%s%s", name, near ? "; did you mean '" : "",
		       near ? near : "", near ? "'?" : "; auto tells by content");
}

/* A workload of the catalog or an XML file, changed by options; NULL without err when the argument is a trace. */
static struct workload *workload_named(const struct call *call, struct err *err)
{
	const char *name = call_argument(call, 0);
	struct workload *w;
	bool is_xml = text_ends(name, ".xml");

	if (!is_xml && (strcmp(name, "-") == 0 || paths_is_file(name) || paths_is_folder(name)))
		return NULL;
	if (!is_xml && (strchr(name, '/') || text_ends(name, ".csv") || text_ends(name, ".gz") || strstr(name, ".json"))) {
		err_set(err, ERR_INPUT, "%s: not a readable file", name);
		return NULL;
	}
	w = workload_load(name, call->arena, err);
	for (size_t i = 0; w && i < call->setting_count; i++) {
		const struct setting *s = &call->settings[i];
		char origin[64];

		snprintf(origin, sizeof(origin), "--%s", s->option->name);
		if (s->option->path && !schema_set(&workload_element, w, s->option->path, s->value, origin, call->arena, err))
			return NULL;
	}
	return w;
}

/* --- stats -------------------------------------------------------------------------------------------------------- */

static void quantity_row(struct table *t, const char *what, const struct quantity *q, double unit)
{
	const double values[] = { q->mean, q->sd, q->least, q->p50, q->p90, q->p95, q->p99, q->most };

	table_cell(t, STYLE_STRONG, what);
	for (size_t i = 0; i < COUNT_OF(values); i++)
		table_cellf(t, STYLE_PLAIN, fabs(values[i] / unit) >= 1000 || unit == 1 ? "%.0f" : "%.4g", values[i] / unit);
}

/* A bar chart over octaves: the shape of a distribution at a glance. */
static void histogram(struct str *out, const struct term *term, const char *what, const struct quantity *q)
{
	int64_t octave[STATS_BINS / 8 + 1] = { 0 }, most = 0;
	int first = -1, last = 0;

	if (q->count == 0)
		return;
	for (int i = 0; i < STATS_BINS; i++) {
		octave[i / 8] += q->bins[i];
		if (q->bins[i] > 0) {
			first = first < 0 ? i / 8 : first;
			last = i / 8;
		}
	}
	for (int i = first; i <= last; i++)
		most = octave[i] > most ? octave[i] : most;
	str_addf(out, "\n%s\n", what);
	for (int i = first; i <= last; i++) {
		double from = stats_bin_from(8 * i), to = stats_bin_from(8 * (i + 1)), share = (double)octave[i] / (double)q->count;

		str_addf(out, "  %8.0f to %-8.0f ", ceil(from), ceil(to) - 1 < ceil(from) ? ceil(from) : ceil(to) - 1);
		term_bar(out, term, STYLE_HUE, (double)octave[i] / (double)most, 40);
		str_addf(out, " %5.1f %%\n", 100 * share);
	}
}

static void counts_text(const struct source_counts *c, struct str *out)
{
	if (c->rows_read == 0)
		return;
	str_addf(out, "rows read %" PRId64 ", kept %" PRId64 ", dropped %" PRId64 "\n", c->rows_read, c->rows_kept, c->rows_dropped);
	for (int i = 0; i < c->dropped_reasons; i++)
		str_addf(out, "  %" PRId64 " %s\n", c->dropped[i].count, c->dropped[i].reason);
}

static void facts_text(const struct workload_stats *s, struct str *out)
{
	char a[32];

	if (s->has_times) {
		str_addf(out, "span %s, %.4g requests a second", human_seconds(a, s->span_s), s->rate_qps);
		str_addf(out, "; gaps: mean %s, cv %.3g", human_seconds(a, s->gap_s.mean), s->gap_cv);
		str_addf(out, "; counts in windows of %.0f s: cv %.3g\n", s->window_s > 10 ? s->window_s : 10, s->window_cv);
	} else {
		str_add(out, "no arrival times\n");
	}
	str_addf(out, "correlation of prompt and output %.3f", s->correlation);
	if (isfinite(s->rank_correlation))
		str_addf(out, " (ranks %.3f)", s->rank_correlation);
	str_addf(out, "; output is %.1f %% of all tokens\n", 100 * s->output_share);
	if (s->sessions > 0)
		str_addf(out, "%" PRId64 " sessions of up to %d turns\n", s->sessions, s->max_turn + 1);
	if (s->classes > 1 || s->adapters > 0)
		str_addf(out, "%" PRId64 " classes, %" PRId64 " adapters\n", s->classes, s->adapters);
	if (s->has_prefixes)
		str_addf(out, "prefixes: %.1f %% of prompt tokens were seen before (%.1f %% in whole blocks); %" PRId64 " different blocks\n",
			 100 * s->hit_share, 100 * s->full_hit_share, s->distinct_blocks);
}

static bool stats_text(const char *name, const struct workload_stats *s, const struct source_counts *c, struct err *err)
{
	static const struct table_column columns[] = { { "", false }, { "mean", true }, { "sd", true }, { "least", true }, { "p50", true },
						       { "p90", true }, { "p95", true }, { "p99", true }, { "most", true } };
	struct term term = term_detect(STDOUT_FILENO);
	struct table *t = table_new(columns, COUNT_OF(columns));
	struct str out = { 0 };
	bool ok;

	if (!t)
		return err_memory(err);
	str_addf(&out, "%s: %" PRId64 " requests%s\n\n", name, s->requests, s->exact ? "" : " (quantiles to 0.1 %)");
	quantity_row(t, "prompt tokens", &s->prompt, 1);
	quantity_row(t, "output tokens", &s->output, 1);
	if (s->has_times)
		quantity_row(t, "gaps, ms", &s->gap_s, 1e-3);
	ok = table_print(t, &term, 0, &out, err);
	table_free(t);
	str_add(&out, "\n");
	facts_text(s, &out);
	counts_text(c, &out);
	histogram(&out, &term, "prompt tokens", &s->prompt);
	histogram(&out, &term, "output tokens", &s->output);
	ok = ok && paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

static void quantity_json(struct json *j, const char *key, const struct quantity *q)
{
	const struct { const char *name; double v; } values[] = {
		{ "mean", q->mean }, { "sd", q->sd }, { "min", q->least }, { "p1", q->p1 }, { "p5", q->p5 }, { "p25", q->p25 },
		{ "p50", q->p50 }, { "p75", q->p75 }, { "p90", q->p90 }, { "p95", q->p95 }, { "p99", q->p99 }, { "p99_9", q->p999 },
		{ "max", q->most }, { "sum", q->sum },
	};

	json_object(j, key);
	json_int(j, "count", q->count);
	for (size_t i = 0; i < COUNT_OF(values); i++)
		json_number(j, values[i].name, q->count > 0 ? values[i].v : NAN);
	json_end(j);
}

static bool stats_json(const char *name, const struct workload_stats *s, const struct source_counts *c, const char *path, struct err *err)
{
	struct str out = { 0 };
	struct json j;
	bool ok;

	json_init(&j, &out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.workload/1");
	json_text(&j, "name", name);
	json_int(&j, "requests", s->requests);
	quantity_json(&j, "prompt_tokens", &s->prompt);
	quantity_json(&j, "output_tokens", &s->output);
	quantity_json(&j, "gap_s", &s->gap_s);
	json_number(&j, "span_s", s->has_times ? s->span_s : NAN);
	json_number(&j, "rate_qps", s->has_times ? s->rate_qps : NAN);
	json_number(&j, "gap_cv", s->has_times ? s->gap_cv : NAN);
	json_number(&j, "window_cv", s->has_times ? s->window_cv : NAN);
	json_number(&j, "correlation", s->correlation);
	json_number(&j, "rank_correlation", s->rank_correlation);
	json_number(&j, "output_share", s->output_share);
	json_int(&j, "sessions", s->sessions);
	json_number(&j, "prefix_hit_share", s->has_prefixes ? s->hit_share : NAN);
	json_number(&j, "prefix_full_block_hit_share", s->has_prefixes ? s->full_hit_share : NAN);
	json_object(&j, "rows");
	json_int(&j, "read", c->rows_read);
	json_int(&j, "kept", c->rows_kept);
	json_int(&j, "dropped", c->rows_dropped);
	json_object(&j, "reasons");
	for (int i = 0; i < c->dropped_reasons; i++)
		json_int(&j, c->dropped[i].reason, c->dropped[i].count);
	json_end(&j);
	json_end(&j);
	json_end(&j);
	str_add(&out, "\n");
	ok = paths_write_str(path, &out, err);
	str_release(&out);
	return ok;
}

static bool stats_run(const struct call *call, struct err *err)
{
	const char *name = call_argument(call, 0), *json = call_text(call, "json");
	struct workload_stats *s = arena_alloc(call->arena, sizeof(*s));
	struct source_counts counts = { 0 };
	struct trace_options options = { .qps = NAN };
	struct workload *w;
	bool ok;

	if (!s)
		return err_memory(err);
	if (!format_option(call, &options.format, err))
		return false;
	w = workload_named(call, err);
	if (!w && err->kind != ERR_NONE)
		return false;
	if (w) {
		struct source *source = source_open(w, (uint64_t)call_int(call, "seed", 1), err);

		ok = source && stats_of_source(source, 0, s, err);
		source_close(source);
	} else {
		ok = stats_of_trace(name, &options, s, &counts, err);
	}
	if (!ok)
		return false;
	return json ? stats_json(name, s, &counts, json, err) : stats_text(name, s, &counts, err);
}

#define GENERATOR_OPTIONS \
	{ .name = "requests", .word = "N", .path = "requests", .help = "so many requests" }, \
	{ .name = "qps", .word = "F", .path = "qps", .help = "mean arrival rate, requests a second" }, \
	{ .name = "seed", .word = "N", .kind = OPTION_INT, .least = 0, .most = 9e15, .fallback = "1", .help = "of all random streams" }
#define FORMAT_OPTION { .name = "trace-format", .word = "NAME", .fallback = "auto", .help = "auto, csv, azure, mooncake, burstgpt, vidur, sharegpt, vllm ..." }

static const struct option stats_table[] = {
	FORMAT_OPTION, GENERATOR_OPTIONS,
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the result as JSON; - (or nothing): standard output" },
};
static const struct option_group stats_options = OPTION_GROUP("Options", stats_table);
static const struct command workload_stats_command = {
	.name = "stats", .summary = "lengths, rates, burstiness, prefixes of a trace or workload", .arguments = "FILE|NAME",
	.arguments_least = 1, .arguments_most = 1, .words = WORDS_WORKLOADS,
	.groups = (const struct option_group *const[]){ &stats_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim workload stats requests.csv.gz", "a trace in any known format" },
		{ "vibee-sim workload stats azure-conv-2023 --requests 10000", "what a generator makes" }, { NULL, NULL } },
	.run = stats_run,
};

/* --- generate ----------------------------------------------------------------------------------------------------- */

/* arrival_s,prompt_tokens,output_tokens[,priority,session]: what the `csv` trace format reads back. */
static bool write_requests(struct source *source, const char *path, struct err *err)
{
	struct outfile *f = outfile_open(path, err);
	struct request q;
	static const char header[] = "arrival_s,prompt_tokens,output_tokens,priority,session\n";

	if (!f)
		return false;
	outfile_add(f, header, sizeof(header) - 1);
	while (source_next(source, &q, err)) {
		char *start = outfile_room(f, 5 * (DECIMAL_MOST + 1)), *at = start;

		if (!start)
			break;
		at = decimal_number(at, q.arrival_s);
		*at++ = ',';
		at = decimal_int(at, q.prompt_tokens);
		*at++ = ',';
		at = decimal_int(at, q.output_tokens);
		*at++ = ',';
		at = decimal_int(at, q.priority);
		*at++ = ',';
		if (q.session)
			at = decimal_int(at, (int64_t)(q.session & INT64_MAX));
		*at++ = '\n';
		outfile_advance(f, (size_t)(at - start));
	}
	if (err->kind != ERR_NONE) {
		outfile_abandon(f);
		return false;
	}
	return outfile_close(f, err);
}

static bool generate_run(const struct call *call, struct err *err)
{
	const char *out = call_text(call, "out");
	struct workload *w = workload_named(call, err);
	struct source *source;
	bool ok;

	if (!w)
		return err_set(err, ERR_INPUT, "%s: expected a workload of the catalog or an XML file", call_argument(call, 0));
	source = source_open(w, (uint64_t)call_int(call, "seed", 1), err);
	ok = source && write_requests(source, out ? out : "-", err);
	if (ok && source_causes_followups(source))
		fprintf(stderr, "vibee-sim: note: only requests that do not wait for an answer are written; later turns are not\n");
	source_close(source);
	return ok;
}

static const struct option generate_table[] = {
	GENERATOR_OPTIONS,
	{ .name = "out", .word = "FILE", .words = WORDS_FILE, .output = true, .fallback = "standard output", .help = "CSV; .gz is compressed" },
};
static const struct option_group generate_options = OPTION_GROUP("Options", generate_table);
static const struct command workload_generate = {
	.name = "generate", .summary = "write the requests of a workload as a CSV trace", .arguments = "NAME", .arguments_least = 1,
	.arguments_most = 1, .words = WORDS_WORKLOADS, .groups = (const struct option_group *const[]){ &generate_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim workload generate chat --requests 5000 --qps 4 --out chat.csv", "then: vibee-sim run --trace chat.csv" }, { NULL, NULL } },
	.run = generate_run,
};

/* --- fit ---------------------------------------------------------------------------------------------------------- */

static bool fit_run(const struct call *call, struct err *err)
{
	const char *path = call_argument(call, 0), *out = call_text(call, "out");
	struct trace_options trace = { .qps = NAN };
	struct fit_options options = {
		.name = call_text(call, "name"), .title = call_text(call, "title"), .trace = call_text(call, "trace-name"),
		.source = call_text(call, "source"), .licence = call_text(call, "licence"), .profile = call_flag(call, "profile"),
	};
	struct workload *w = arena_alloc(call->arena, sizeof(*w));
	const char *slash = strrchr(path, '/');
	struct str xml = { 0 };
	bool ok;

	if (!w)
		return err_memory(err);
	options.name = options.name ? options.name : "fitted";
	options.trace = options.trace ? options.trace : slash ? slash + 1 : path;
	if (!format_option(call, &trace.format, err) || !workload_defaults(w, call->arena, err) ||
	    !workload_fit(path, &trace, &options, w, call->arena, err))
		return false;
	schema_write_xml(&workload_element, w, &xml);
	ok = paths_write_str(out ? out : "-", &xml, err);
	str_release(&xml);
	if (ok && out && strcmp(out, "-") != 0)
		printf("%s: KS distance of prompts %.4f, outputs %.4f, gaps %.4f; cv of gaps %.3g (trace %.3g)\n", out, w->fit.prompt_ks,
		       w->fit.output_ks, w->fit.gap_ks, w->fit.gap_cv_fit, w->fit.gap_cv_trace);
	return ok;
}

static const struct option fit_table[] = {
	FORMAT_OPTION,
	{ .name = "out", .word = "FILE.xml", .words = WORDS_FILE, .output = true, .fallback = "standard output", .help = "the workload" },
	{ .name = "name", .word = "NAME", .fallback = "fitted", .help = "what to call it" },
	{ .name = "title", .word = "TEXT", .help = "one line about it" },
	{ .name = "trace-name", .word = "TEXT", .fallback = "the file name", .help = "what the trace is called" },
	{ .name = "source", .word = "TEXT", .help = "where the trace comes from" },
	{ .name = "licence", .word = "TEXT", .help = "its licence" },
	{ .name = "profile", .kind = OPTION_FLAG, .help = "let the rate follow the trace's own course" },
};
static const struct option_group fit_options_group = OPTION_GROUP("Options", fit_table);
static const struct command workload_fit_command = {
	.name = "fit", .summary = "make a generator that resembles a trace, and say how closely", .arguments = "FILE", .arguments_least = 1,
	.arguments_most = 1, .words = WORDS_FILE, .groups = (const struct option_group *const[]){ &fit_options_group, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim workload fit requests.csv --out mine.xml", "then: vibee-sim run --workload mine.xml --qps 10" }, { NULL, NULL } },
	.run = fit_run,
};

/* --- list, show --------------------------------------------------------------------------------------------------- */

extern const struct command catalog_list, catalog_show;

static bool as_catalog(const struct command *part, const struct call *call, const char *argument, struct err *err)
{
	const char *arguments[] = { "workloads", argument };
	struct call inner = *call;

	inner.command = part;
	inner.arguments = arguments;
	inner.argument_count = argument ? 2 : 1;
	return part->run(&inner, err);
}

static bool list_run(const struct call *call, struct err *err)
{
	return as_catalog(&catalog_list, call, NULL, err);
}

static bool show_run(const struct call *call, struct err *err)
{
	return as_catalog(&catalog_show, call, call_argument(call, 0), err);
}

static const struct option list_table[] = {
	{ .name = "names", .kind = OPTION_FLAG, .help = "names alone, one a line" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON; - (or nothing): standard output" },
};
static const struct option_group list_options = OPTION_GROUP("Options", list_table);
static const struct option show_table[] = { { .name = "xml", .kind = OPTION_FLAG, .help = "the file as it is" } };
static const struct option_group show_options = OPTION_GROUP("Options", show_table);
static const struct command workload_list = {
	.name = "list", .summary = "workloads of the catalog", .groups = (const struct option_group *const[]){ &list_options, NULL },
	.examples = (const struct example[]){ { "vibee-sim workload list", "what --workload takes" }, { NULL, NULL } }, .run = list_run,
};
static const struct command workload_show = {
	.name = "show", .summary = "every figure of one workload", .arguments = "NAME", .arguments_least = 1, .arguments_most = 1,
	.words = WORDS_WORKLOADS, .groups = (const struct option_group *const[]){ &show_options, NULL },
	.examples = (const struct example[]){ { "vibee-sim workload show azure-conv-2023", "with its distance from the trace" }, { NULL, NULL } },
	.run = show_run,
};

const struct command command_workload = {
	.name = "workload", .summary = "list, summarise, generate and fit request traffic",
	.parts = (const struct command *const[]){ &workload_list, &workload_show, &workload_stats_command, &workload_generate,
						  &workload_fit_command, NULL },
	.examples = (const struct example[]){ { "vibee-sim workload stats requests.csv", "what is in a trace" }, { NULL, NULL } },
};
