/* Results with one line a request: this tool's own CSV, the engine's, TraceV2, and whatever names its columns alike. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"
#include "validation/measured_parts.h"

enum { C_ARRIVAL, C_PROMPT, C_OUTPUT, C_TTFT, C_TPOT, C_E2E, C_FIRST, C_LAST, C_STATUS, C_COUNT };
enum { NAMES_MOST = 10 };

/* A column may be called by any of these; times in the unit that the name says. */
static const struct spelling { const char *name; double to_s; } spellings[C_COUNT][NAMES_MOST] = {
	[C_ARRIVAL] = { { "arrival_s", 1 }, { "send_time_us", 1e-6 }, { "arrival_time", 1 }, { "start_time", 1 }, { "arrival", 1 }, { "start_s", 1 },
			{ "arrival_ms", 1e-3 }, { "timestamp", 1 } },
	[C_PROMPT] = { { "prompt_tokens", 1 }, { "server_input_tokens", 1 }, { "input_tokens", 1 }, { "prompt_len", 1 }, { "input_len", 1 },
		       { "input_length", 1 }, { "isl", 1 } },
	[C_OUTPUT] = { { "output_tokens", 1 }, { "completion_tokens", 1 }, { "output_len", 1 }, { "output_length", 1 }, { "osl", 1 } },
	[C_TTFT] = { { "ttft_s", 1 }, { "ttft_ms", 1e-3 }, { "ttft", 1 }, { "time_to_first_token_s", 1 }, { "time_to_first_token_ms", 1e-3 } },
	[C_TPOT] = { { "tpot_s", 1 }, { "tpot_ms", 1e-3 }, { "tpot", 1 } },
	[C_E2E] = { { "e2e_s", 1 }, { "e2e_ms", 1e-3 }, { "e2el_ms", 1e-3 }, { "latency_s", 1 }, { "latency_ms", 1e-3 }, { "e2e_latency", 1 },
		    { "latency", 1 }, { "e2e", 1 } },
	[C_FIRST] = { { "first_chunk_time_us", 1e-6 }, { "first_token_s", 1 }, { "first_token_time", 1 } },
	[C_LAST] = { { "last_chunk_time_us", 1e-6 }, { "last_token_s", 1 }, { "last_token_time", 1 }, { "end_time", 1 } },
	[C_STATUS] = { { "status", 1 } },
};

struct columns {
	int at[C_COUNT];
	double to_s[C_COUNT];
};

static void find_columns(const struct csv *csv, struct columns *c)
{
	for (int k = 0; k < C_COUNT; k++) {
		c->at[k] = -1;
		for (int i = 0; i < NAMES_MOST && spellings[k][i].name && c->at[k] < 0; i++) {
			c->at[k] = csv_find(csv, spellings[k][i].name);
			c->to_s[k] = spellings[k][i].to_s;
		}
	}
}

static bool check_columns(const struct csv *csv, const struct columns *c, struct err *err)
{
	bool times = c->at[C_TTFT] >= 0 || c->at[C_E2E] >= 0 || (c->at[C_ARRIVAL] >= 0 && c->at[C_LAST] >= 0);

	if (c->at[C_PROMPT] >= 0 && c->at[C_OUTPUT] >= 0 && times)
		return true;
	return err_set(err, ERR_INPUT, "%s:1: not results that are known: expected prompt_tokens, output_tokens and ttft_s or e2e_s (CSV, one line a "
		       "request), TraceV2, or the JSON of vllm bench serve, sglang bench_serving or InferenceX", csv_path(csv));
}

/* The cell in seconds or tokens; NAN when the column or the cell is not there. */
static bool cell(const struct csv *csv, const struct columns *c, int k, double *out, struct err *err)
{
	const char *text = c->at[k] < 0 ? "" : csv_text(csv, c->at[k]);

	*out = NAN;
	if (text[strspn(text, " ")] == '\0' || text_equal_fold(text, "nan"))
		return true;
	if (!csv_number(csv, c->at[k], out, err))
		return false;
	*out *= c->to_s[k];
	if (*out >= 0 || k == C_ARRIVAL || k == C_FIRST || k == C_LAST)
		return true;
	return err_set(err, ERR_INPUT, "%s:%" PRId64 ": %s=\"%s\": expected nothing below 0", csv_path(csv), csv_line(csv),
		       csv_column_name(csv, (size_t)c->at[k]), text);
}

static bool tokens(const struct csv *csv, const struct columns *c, int k, int64_t *out, struct err *err)
{
	double v;

	if (!cell(csv, c, k, &v, err))
		return false;
	if (!(v >= 0 && v <= 1e9 && v == floor(v)))
		return err_set(err, ERR_INPUT, "%s:%" PRId64 ": %s=\"%s\": expected whole tokens", csv_path(csv), csv_line(csv),
			       csv_column_name(csv, (size_t)c->at[k]), csv_text(csv, c->at[k]));
	*out = (int64_t)v;
	return true;
}

/* What follows from what: latencies from time stamps, TPOT from TTFT and E2E, E2E from TTFT and TPOT. */
static void complete(struct measured_request *q, double first, double last)
{
	double later = (double)q->output_tokens - 1;

	if (isnan(q->ttft_s))
		q->ttft_s = first - q->arrival_s;
	if (isnan(q->e2e_s))
		q->e2e_s = last - q->arrival_s;
	if (isnan(q->tpot_s) && later > 0)
		q->tpot_s = (q->e2e_s - q->ttft_s) / later;
	if (isnan(q->e2e_s))
		q->e2e_s = later > 0 ? q->ttft_s + q->tpot_s * later : q->ttft_s;
	if (later <= 0)
		q->tpot_s = NAN;
}

/* Times run forwards, but for a millisecond of rounding. */
static bool in_order(const struct csv *csv, const struct measured_request *q, struct err *err)
{
	const char *what = q->ttft_s < 0 ? "the first token comes before the request was sent" :
			   q->e2e_s < 0 ? "the answer ends before the request was sent" :
			   q->e2e_s < q->ttft_s - 1e-3 ? "the answer ends before its first token" : NULL;

	return !what || err_set(err, ERR_INPUT, "%s:%" PRId64 ": %s", csv_path(csv), csv_line(csv), what);
}

static bool answered(const struct csv *csv, const struct columns *c)
{
	static const char *const good[] = { "", "ok", "success", "completed", "200" };
	const char *status = c->at[C_STATUS] >= 0 ? csv_text(csv, c->at[C_STATUS]) : "";

	for (size_t i = 0; i < COUNT_OF(good); i++)
		if (text_equal_fold(status, good[i]))
			return true;
	return false;
}

/* False at the end of the file or on failure. *keep: the request was answered. */
static bool next_request(struct csv *csv, const struct columns *c, struct measured_request *q, bool *keep, struct err *err)
{
	double first, last;

	if (!csv_next(csv, err))
		return false;
	*keep = answered(csv, c);
	if (!*keep)
		return true;
	if (!tokens(csv, c, C_PROMPT, &q->prompt_tokens, err) || !tokens(csv, c, C_OUTPUT, &q->output_tokens, err) ||
	    !cell(csv, c, C_ARRIVAL, &q->arrival_s, err) || !cell(csv, c, C_TTFT, &q->ttft_s, err) || !cell(csv, c, C_TPOT, &q->tpot_s, err) ||
	    !cell(csv, c, C_E2E, &q->e2e_s, err) || !cell(csv, c, C_FIRST, &first, err) || !cell(csv, c, C_LAST, &last, err))
		return false;
	complete(q, first, last);
	*keep = q->output_tokens > 0 && q->prompt_tokens > 0 && (!isnan(q->ttft_s) || !isnan(q->e2e_s));
	return !*keep || in_order(csv, q, err);
}

static int by_arrival(const void *a, const void *b)
{
	const struct measured_request *x = a, *y = b;

	return x->arrival_s < y->arrival_s ? -1 : x->arrival_s > y->arrival_s;
}

static bool finish(struct measured_run *run, const struct measured_request *list, size_t count, int64_t failed, struct arena *arena, struct err *err)
{
	run->list = arena_alloc(arena, (count + 1) * sizeof(*list));
	if (!run->list)
		return err_memory(err);
	memcpy(run->list, list, count * sizeof(*list));
	run->list_count = count;
	run->requests = (int64_t)count + failed;
	run->failed = failed;
	run->has_arrivals = count > 0;
	for (size_t i = 0; i < count; i++)
		run->has_arrivals = run->has_arrivals && !isnan(run->list[i].arrival_s);
	if (run->has_arrivals) {
		double base;

		qsort(run->list, count, sizeof(*run->list), by_arrival);
		base = run->list[0].arrival_s;
		for (size_t i = 0; i < count; i++)
			run->list[i].arrival_s -= base;
	} else {
		run->rate = INFINITY;
		measured_note(run, "the file has no arrival times: all requests are taken to arrive at once, in its order");
	}
	if (failed)
		measured_note(run, arena_printf(arena, "%" PRId64 " requests without an answer are left out", failed));
	return true;
}

bool measured_read_csv(const char *path, struct measured_file *f, struct arena *arena, struct err *err)
{
	struct csv *csv = csv_open(path, err);
	struct measured_request *list = NULL, q;
	size_t count = 0, capacity = 0;
	struct columns c;
	int64_t failed = 0;
	struct measured_run *run;
	bool ok = false, keep;

	if (!csv)
		return false;
	find_columns(csv, &c);
	if (!check_columns(csv, &c, err))
		goto out;
	while (next_request(csv, &c, &q, &keep, err)) {
		if (!keep) {
			failed++;
			continue;
		}
		if (!mem_grow(&list, &capacity, count + 1, sizeof(*list))) {
			err_memory(err);
			goto out;
		}
		list[count++] = q;
	}
	if (err->kind != ERR_NONE)
		goto out;
	if (count == 0) {
		err_set(err, ERR_INPUT, "%s: no answered request in it", path);
		goto out;
	}
	if (!(run = measured_add(f, arena))) {
		err_memory(err);
		goto out;
	}
	run->form = csv_find(csv, "first_chunk_time_us") >= 0 ? FORM_TRACEV2 : FORM_REQUESTS;
	run->line = 1;
	run->label = arena_printf(arena, "%zu requests", count);
	ok = finish(run, list, count, failed, arena, err);
out:
	mem_free(list);
	csv_close(csv);
	return ok;
}
