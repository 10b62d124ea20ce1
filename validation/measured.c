#include "validation/measured.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/lines.h"
#include "base/mem.h"
#include "base/sum.h"
#include "validation/measured_parts.h"

const char *const measured_metric_names[] = {
#define X(name) #name,
	MEASURED_METRICS(X)
#undef X
		NULL
};
const char *const measured_form_names[] = { "vllm", "sglang", "inferencex", "tracev2", "requests", NULL };

void measured_run_init(struct measured_run *run)
{
	*run = (struct measured_run){ .rate = NAN, .burstiness = 1, .duration_s = NAN, .prompt_mean = NAN, .output_mean = NAN,
				      .prompt_least = NAN, .output_least = NAN };
	for (int i = 0; i < METRIC_COUNT; i++)
		run->metric[i] = NAN;
}

struct measured_run *measured_add(struct measured_file *f, struct arena *arena)
{
	struct measured_run *grown = arena_alloc(arena, (f->count + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	if (f->count)
		memcpy(grown, f->runs, f->count * sizeof(*grown));
	f->runs = grown;
	measured_run_init(&grown[f->count]);
	return &grown[f->count++];
}

void measured_note(struct measured_run *run, const char *text)
{
	if (text && run->note_count < COUNT_OF(run->notes))
		run->notes[run->note_count++] = text;
}

double measured_percentile(const double *sorted, size_t count, double p)
{
	double h;
	size_t i;

	if (count == 0)
		return 0;
	h = (double)(count - 1) * p / 100;
	i = (size_t)h;
	return i + 1 < count ? sorted[i] + (h - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[count - 1];
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Sets metric `m`, or says that the file states something else. */
static void settle(struct measured_run *run, int m, double value, struct arena *arena)
{
	double stated = run->metric[m];

	if (isnan(stated))
		run->metric[m] = value;
	else if (fabs(stated - value) > 1e-3 * fabs(value))
		measured_note(run, arena_printf(arena, "%s: the file states %.6g, its requests give %.6g", measured_metric_names[m], stated, value));
}

static void settle_latency(struct measured_run *run, int first, double *values, size_t count, struct arena *arena)
{
	static const double percentiles[] = { 50, 90, 95, 99 };
	struct sum sum = { 0 };

	if (count == 0)
		return;
	qsort(values, count, sizeof(*values), ascending);
	for (size_t i = 0; i < count; i++)
		sum_add(&sum, values[i]);
	settle(run, first, sum_get(&sum) / (double)count, arena);
	for (size_t k = 0; k < COUNT_OF(percentiles); k++)
		settle(run, first + 1 + (int)k, measured_percentile(values, count, percentiles[k]), arena);
}

/* Rates of a list: from the first arrival to the last answer, unless the file knows its duration. */
static void settle_rates(struct measured_run *run, struct arena *arena)
{
	double end = -INFINITY, prompt = 0, output = 0, count = (double)run->list_count;

	for (size_t i = 0; i < run->list_count; i++) {
		const struct measured_request *q = &run->list[i];

		prompt += (double)q->prompt_tokens;
		output += (double)q->output_tokens;
		if (q->arrival_s + q->e2e_s > end)
			end = q->arrival_s + q->e2e_s;
	}
	if (isnan(run->prompt_mean))
		run->prompt_mean = prompt / count;
	if (isnan(run->output_mean))
		run->output_mean = output / count;
	if (isnan(run->duration_s) && run->has_arrivals && isfinite(end))
		run->duration_s = end;
	if (!(run->duration_s > 0))
		return;
	settle(run, METRIC_request_throughput, count / run->duration_s, arena);
	settle(run, METRIC_output_throughput, output / run->duration_s, arena);
	settle(run, METRIC_total_token_throughput, (prompt + output) / run->duration_s, arena);
}

bool measured_summarise(struct measured_run *run, struct arena *arena, struct err *err)
{
	static const struct { int first; size_t offset; } latencies[] = {
		{ METRIC_ttft_mean, offsetof(struct measured_request, ttft_s) },
		{ METRIC_tpot_mean, offsetof(struct measured_request, tpot_s) },
		{ METRIC_e2e_mean, offsetof(struct measured_request, e2e_s) },
	};
	double *values = mem_alloc((run->list_count + 1) * sizeof(*values));

	if (!values)
		return err_memory(err);
	for (size_t k = 0; k < COUNT_OF(latencies); k++) {
		size_t n = 0;

		for (size_t i = 0; i < run->list_count; i++) {
			double v;

			memcpy(&v, (const char *)&run->list[i] + latencies[k].offset, sizeof(v));
			if (!isnan(v))
				values[n++] = v;
		}
		settle_latency(run, latencies[k].first, values, n, arena);
	}
	mem_free(values);
	if (run->list_count)
		settle_rates(run, arena);
	return true;
}

/* JSON begins with a brace or bracket, CSV with a column's name. */
static int first_character(const char *path, struct err *err)
{
	struct lines *lines = lines_open(path, err);
	int first = 0;
	size_t length;
	char *line;

	if (!lines)
		return -1;
	while (first == 0 && (line = lines_next(lines, &length, err)))
		first = (unsigned char)line[strspn(line, " \t\r")];
	lines_close(lines);
	if (err->kind != ERR_NONE)
		return -1;
	if (first == 0) {
		err_set(err, ERR_INPUT, "%s: is empty; expected results of a benchmark", path);
		return -1;
	}
	return first;
}

static bool has_metric(const struct measured_run *run)
{
	for (int i = 0; i < METRIC_COUNT; i++)
		if (!isnan(run->metric[i]))
			return true;
	return false;
}

bool measured_read(const char *path, struct measured_file *out, struct arena *arena, struct err *err)
{
	int first = first_character(path, err);

	*out = (struct measured_file){ .path = path };
	if (first < 0 || !(first == '{' || first == '[' ? measured_read_json(path, out, arena, err) : measured_read_csv(path, out, arena, err)))
		return false;
	for (size_t i = 0; i < out->count; i++) {
		if (!measured_summarise(&out->runs[i], arena, err))
			return false;
		if (!has_metric(&out->runs[i]))
			return err_set(err, ERR_INPUT, "%s:%lld: no metric in it; expected TTFT, TPOT, E2E latency or throughput", path,
				       (long long)out->runs[i].line);
	}
	return true;
}
