/* Results of benchmark clients as JSON: vLLM's, SGLang's and InferenceX's. Summaries are in milliseconds there (seconds in
 * InferenceX), lists in seconds. */
#include <jansson.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lines.h"
#include "base/str.h"
#include "validation/measured_parts.h"

enum { FILE_MOST = 1 << 30 };

/* Python writes NaN and Infinity bare, which no JSON reader takes: they become texts. */
static void add_plain(struct str *out, const char *line, bool *quoted)
{
	static const struct { const char *bare, *text; } words[] = { { "-Infinity", "\"-inf\"" }, { "Infinity", "\"inf\"" }, { "NaN", "null" } };

	for (const char *p = line; *p;) {
		bool replaced = false;

		if (!*quoted)
			for (size_t i = 0; i < COUNT_OF(words) && !replaced; i++)
				if (text_starts(p, words[i].bare)) {
					str_add(out, words[i].text);
					p += strlen(words[i].bare);
					replaced = true;
				}
		if (replaced)
			continue;
		if (*p == '\\' && *quoted && p[1]) {
			str_add_bytes(out, p, 2);
			p += 2;
			continue;
		}
		if (*p == '"')
			*quoted = !*quoted;
		str_add_bytes(out, p++, 1);
	}
	str_add(out, "\n");
}

static bool read_text(const char *path, struct str *out, struct err *err)
{
	struct lines *lines = lines_open(path, err);
	bool quoted = false;
	size_t length;
	char *line;

	if (!lines)
		return false;
	while ((line = lines_next(lines, &length, err)) && out->length < FILE_MOST && !out->failed)
		add_plain(out, line, &quoted);
	lines_close(lines);
	if (err->kind != ERR_NONE)
		return false;
	if (out->length >= FILE_MOST)
		return err_set(err, ERR_INPUT, "%s: over 1 GiB of JSON; expected a benchmark's result", path);
	return out->failed ? err_memory(err) : true;
}

/* A number, or a text that stands for one ("inf", "4"); NAN otherwise. */
static double number_of(const json_t *v)
{
	double x;

	if (json_is_number(v))
		return json_number_value(v);
	if (!json_is_string(v))
		return NAN;
	if (text_equal_fold(json_string_value(v), "inf"))
		return INFINITY;
	return text_to_double(json_string_value(v), &x) ? x : NAN;
}

static double get(const json_t *o, const char *key)
{
	return number_of(json_object_get(o, key));
}

static int64_t get_count(const json_t *o, const char *key)
{
	double v = get(o, key);

	return v > 0 && v <= 1e12 ? (int64_t)v : 0;
}

static const char *get_text(const json_t *o, const char *key, struct arena *arena)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? arena_strdup(arena, text) : NULL;
}

/* mean_ttft_ms, median_ttft_ms, p99_ttft_ms ... with `e2e` as this tool calls it; the unit's suffix and factor. */
static void summaries(struct measured_run *run, const json_t *o, const char *e2e, const char *suffix, double to_s)
{
	static const char *const statistics[] = { "mean", "median", "p90", "p95", "p99" };
	const struct { const char *name; int first; } latencies[] = { { "ttft", METRIC_ttft_mean }, { "tpot", METRIC_tpot_mean },
								       { "itl", METRIC_itl_mean }, { e2e, METRIC_e2e_mean } };
	char key[64];

	for (size_t k = 0; k < COUNT_OF(latencies); k++)
		for (size_t i = 0; i < COUNT_OF(statistics); i++) {
			snprintf(key, sizeof(key), "%s_%s%s", statistics[i], latencies[k].name, suffix);
			run->metric[latencies[k].first + (int)i] = get(o, key) * to_s;
		}
}

static bool is_failed(const json_t *errors, const json_t *outputs, size_t i)
{
	const char *text = json_string_value(json_array_get(errors, i));

	return number_of(json_array_get(outputs, i)) < 1 || (text && *text);
}

/* The arrays of --save-detailed and --output-details: equal lengths, seconds. E2E = TTFT + the sum of all gaps. */
static bool details(struct measured_run *run, const json_t *o, const char *path, struct arena *arena, struct err *err)
{
	const json_t *prompts = json_object_get(o, "input_lens"), *outputs = json_object_get(o, "output_lens"), *ttfts = json_object_get(o, "ttfts");
	const json_t *itls = json_object_get(o, "itls"), *starts = json_object_get(o, "start_times"), *errors = json_object_get(o, "errors");
	size_t count = json_array_size(prompts);

	if (count == 0 || json_array_size(outputs) != count || json_array_size(ttfts) != count)
		return true;
	if ((itls && json_array_size(itls) != count) || (starts && json_array_size(starts) != count))
		return err_set(err, ERR_INPUT, "%s:%" PRId64 ": itls, start_times and input_lens differ in length", path, run->line);
	run->list = arena_alloc(arena, count * sizeof(*run->list));
	if (!run->list)
		return err_memory(err);
	run->has_arrivals = starts != NULL;
	for (size_t i = 0; i < count; i++) {
		struct measured_request q = { .arrival_s = starts ? number_of(json_array_get(starts, i)) : NAN, .tpot_s = NAN, .e2e_s = NAN,
					      .ttft_s = number_of(json_array_get(ttfts, i)) };
		double prompt = number_of(json_array_get(prompts, i)), output = number_of(json_array_get(outputs, i)), gaps = 0;
		const json_t *list = json_array_get(itls, i);

		if (is_failed(errors, outputs, i)) {
			run->failed++;
			continue;
		}
		if (!(prompt >= 1 && prompt <= 1e9 && output <= 1e9 && q.ttft_s >= 0 && (!starts || isfinite(q.arrival_s))))
			return err_set(err, ERR_INPUT, "%s:%" PRId64 ": request %zu: expected tokens, TTFT and start time in input_lens, output_lens, ttfts "
				       "and start_times", path, run->line, i);
		for (size_t k = 0; k < json_array_size(list); k++)
			gaps += number_of(json_array_get(list, k));
		q.prompt_tokens = (int64_t)prompt;
		q.output_tokens = (int64_t)output;
		if (itls && gaps >= 0)
			q.e2e_s = q.ttft_s + gaps;
		if (itls && output > 1)
			q.tpot_s = gaps / (output - 1);
		run->list[run->list_count++] = q;
	}
	return true;
}

static int by_arrival(const void *a, const void *b)
{
	const struct measured_request *x = a, *y = b;

	return x->arrival_s < y->arrival_s ? -1 : x->arrival_s > y->arrival_s;
}

/* A client with a semaphore starts a request when another ends: its start times are answers, not a load. */
static void order_list(struct measured_run *run)
{
	double base = INFINITY;

	if (run->list_count == 0 || !run->has_arrivals)
		return;
	for (size_t i = 0; i < run->list_count; i++)
		if (run->list[i].arrival_s < base)
			base = run->list[i].arrival_s;
	for (size_t i = 0; i < run->list_count; i++)
		run->list[i].arrival_s -= base;
	qsort(run->list, run->list_count, sizeof(*run->list), by_arrival);
}

static void common(struct measured_run *run, const json_t *o)
{
	double completed = get(o, "completed"), prompt = get(o, "total_input_tokens"), output = get(o, "total_output_tokens");

	run->duration_s = get(o, "duration");
	run->rate = get(o, "request_rate");
	run->concurrency = get_count(o, "max_concurrency");
	run->metric[METRIC_request_throughput] = get(o, "request_throughput");
	run->metric[METRIC_output_throughput] = get(o, "output_throughput");
	run->requests = get_count(o, "num_prompts");
	if (run->requests == 0 && completed > 0)
		run->requests = (int64_t)completed;
	if (completed > 0) {
		run->prompt_mean = prompt / completed;
		run->output_mean = output / completed;
	}
}

static bool read_vllm(struct measured_run *run, const json_t *o, const char *path, struct arena *arena, struct err *err)
{
	double burstiness = get(o, "burstiness");

	common(run, o);
	run->rescaled = true;
	if (burstiness > 0)
		run->burstiness = burstiness;
	run->metric[METRIC_total_token_throughput] = get(o, "total_token_throughput");
	summaries(run, o, "e2el", "_ms", 1e-3);
	run->model = get_text(o, "model_id", arena);
	run->framework = get_text(o, "backend", arena);
	run->failed = get_count(o, "failed");
	if (!details(run, o, path, arena, err))
		return false;
	if (get(o, "spec_decode_acceptance_length") > 1) {
		for (int i = 0; i < 5; i++)
			run->metric[METRIC_itl_mean + i] = NAN;
		measured_note(run, "speculative decoding: inter-token latencies count chunks of several tokens and are not compared");
	}
	if (get_text(o, "ramp_up_strategy", arena))
		measured_note(run, "the load was ramped up; it is simulated at its mean rate");
	return true;
}

/* Lengths drawn uniformly from ratio * L to L. */
static void sglang_lengths(struct measured_run *run, const json_t *o)
{
	double ratio = get(o, "random_range_ratio"), prompt = get(o, "random_input_len"), output = get(o, "random_output_len");
	const char *set = json_string_value(json_object_get(o, "dataset_name"));

	if (!set || !text_starts(set, "random") || !(ratio >= 0 && ratio < 1))
		return;
	run->prompt_least = fmax(1, ratio * prompt);
	run->output_least = fmax(1, ratio * output);
}

static bool read_sglang(struct measured_run *run, const json_t *o, const char *path, struct arena *arena, struct err *err)
{
	const json_t *server = json_object_get(o, "server_info"), *rate = json_object_get(o, "request_rate");

	common(run, o);
	run->metric[METRIC_total_token_throughput] = get(o, "total_throughput");
	summaries(run, o, "e2e_latency", "_ms", 1e-3);
	run->framework = "sglang";
	run->model = get_text(server, "model_path", arena);
	run->tp = get_count(server, "tp_size");
	run->pp = get_count(server, "pp_size");
	run->ep = get_count(server, "ep_size");
	sglang_lengths(run, o);
	if (json_is_string(rate) && text_equal(json_string_value(rate), "trace"))
		measured_note(run, "the load followed a trace that is not in the file: give it with --trace");
	if (get(o, "accept_length") > 1)
		measured_note(run, "speculative decoding was on");
	return details(run, o, path, arena, err);
}

static bool flag_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_true(v) || (json_is_string(v) && text_equal_fold(json_string_value(v), "true"));
}

static bool read_inferencex(struct measured_run *run, const json_t *o, const char *path, struct arena *arena, struct err *err)
{
	int64_t pp = get_count(o, "pp");

	if (flag_of(o, "disagg") || flag_of(o, "is_multinode"))
		return err_set(err, ERR_INPUT, "%s:%" PRId64 ": disagg, is_multinode: figures are per prefill and decode GPU there; expected a single node",
			       path, run->line);
	run->tp = get_count(o, "tp");
	run->ep = get_count(o, "ep");
	run->pp = pp;
	run->devices = (run->tp ? run->tp : 1) * (pp ? pp : 1);
	run->concurrency = get_count(o, "conc");
	run->prompt_mean = get(o, "isl");
	run->output_mean = get(o, "osl");
	run->rate = INFINITY;
	run->requests = 10 * run->concurrency;        /* as its scripts ask vLLM's client; the file does not say */
	run->metric[METRIC_total_token_throughput] = get(o, "tput_per_gpu") * (double)run->devices;
	run->metric[METRIC_output_throughput] = get(o, "output_tput_per_gpu") * (double)run->devices;
	summaries(run, o, "e2el", "", 1);
	run->model = get_text(o, "model", arena);
	run->device = get_text(o, "hw", arena);
	run->precision = get_text(o, "precision", arena);
	run->framework = get_text(o, "framework", arena);
	measured_note(run, "lengths are taken as isl and osl for every request: the file does not hold their spread");
	if (flag_of(o, "dp_attention"))
		measured_note(run, "attention was data parallel (dp_attention)");
	return true;
}

/* The forms, told by fields that no other has. */
static const struct {
	enum measured_form form;
	const char *has[4];
	bool (*read)(struct measured_run *run, const json_t *o, const char *path, struct arena *arena, struct err *err);
} forms[] = {
	{ FORM_INFERENCEX, { "tput_per_gpu", "isl", "osl", "conc" }, read_inferencex },
	{ FORM_SGLANG, { "total_throughput", "duration", "completed" }, read_sglang },
	{ FORM_VLLM, { "request_throughput", "duration", "completed" }, read_vllm },
};

static bool matches(const json_t *o, const char *const has[4])
{
	for (int i = 0; i < 4 && has[i]; i++)
		if (!json_object_get(o, has[i]))
			return false;
	return true;
}

static void label(struct measured_run *run, size_t number, struct arena *arena)
{
	char load[64] = "";

	if (run->concurrency)
		snprintf(load, sizeof(load), ", %" PRId64 " at a time", run->concurrency);
	else if (isfinite(run->rate))
		snprintf(load, sizeof(load), ", %.6g requests/s", run->rate);
	else if (isinf(run->rate))
		snprintf(load, sizeof(load), ", all at once");
	run->label = arena_printf(arena, "run %zu%s", number, load);
}

static bool read_object(const json_t *o, const char *path, int64_t line, struct measured_file *f, struct arena *arena, struct err *err)
{
	struct measured_run *run;

	for (size_t i = 0; json_is_object(o) && i < COUNT_OF(forms); i++) {
		if (!matches(o, forms[i].has))
			continue;
		run = measured_add(f, arena);
		if (!run)
			return err_memory(err);
		run->form = forms[i].form;
		run->line = line;
		if (!forms[i].read(run, o, path, arena, err))
			return false;
		order_list(run);
		label(run, f->count, arena);
		return true;
	}
	return err_set(err, ERR_INPUT, "%s:%" PRId64 ": not results that are known; expected the JSON of vllm bench serve, sglang bench_serving or "
		       "InferenceX, or a CSV with one line a request", path, line);
}

static int64_t lines_in(const char *text, size_t length)
{
	int64_t n = 0;

	for (size_t i = 0; i < length; i++)
		n += text[i] == '\n';
	return n;
}

bool measured_read_json(const char *path, struct measured_file *f, struct arena *arena, struct err *err)
{
	struct str text = { 0 };
	bool ok = read_text(path, &text, err);
	const char *p = str_text(&text);
	int64_t line = 1;

	while (ok) {
		json_error_t fault;
		json_t *value;
		size_t blank = strspn(p, " \t\r\n,");

		line += lines_in(p, blank);
		p += blank;
		if (!*p)
			break;
		value = json_loads(p, JSON_DISABLE_EOF_CHECK, &fault);
		if (!value) {
			ok = err_set(err, ERR_INPUT, "%s:%" PRId64 ": not JSON: %s", path, line + fault.line - 1, fault.text);
			break;
		}
		if (json_is_array(value))
			for (size_t i = 0; ok && i < json_array_size(value); i++)
				ok = read_object(json_array_get(value, i), path, line, f, arena, err);
		else
			ok = read_object(value, path, line, f, arena, err);
		json_decref(value);
		line += lines_in(p, (size_t)fault.position);
		p += fault.position;
	}
	str_release(&text);
	if (ok && f->count == 0)
		ok = err_set(err, ERR_INPUT, "%s: no results in it", path);
	return ok;
}
