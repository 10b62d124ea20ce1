#include "workloads/feed.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"
#include "workloads/idmap.h"
#include "workloads/sampler.h"

enum { LOADED_MOST = 10000000 };

/* Traces whose later turns wait for answers are held in memory: a turn may stand far from the one before it. */
struct held {
	struct trace_row row;
	size_t blocks_at; /* in the pool */
	int64_t next;     /* next turn of the session, -1 */
};

struct feed {
	struct workload w;
	uint64_t seed;
	struct trace *trace;
	char path[4096];
	bool has_times, has_turns, has_blocks;
	double scale, offset_s; /* of arrival times; offset grows with each repetition */
	double first_s, last_s; /* of the current pass, before scaling */
	int64_t pass_rows, rows;
	struct source_counts counts;
	/* has_turns only */
	struct held *held;
	size_t held_count, held_capacity, at;
	uint64_t *pool;
	size_t pool_count, pool_capacity;
	struct idmap cursor; /* session -> place of its next turn */
};

bool fit_lengths(const struct workload *w, int64_t *prompt, int64_t *output, const char **reason)
{
	if (w->prompt_scale != 1)
		*prompt = whole_tokens((double)*prompt * w->prompt_scale);
	if (w->output_scale != 1)
		*output = whole_tokens((double)*output * w->output_scale);
	if (w->max_model_len == 0 || *prompt + *output <= w->max_model_len)
		return true;
	if (w->over_length == OVER_DROP || w->max_model_len < 2) {
		*reason = "longer than max_model_len";
		return false;
	}
	if (*prompt > w->max_model_len - 1)
		*prompt = w->max_model_len - 1;
	if (*output > w->max_model_len - *prompt)
		*output = w->max_model_len - *prompt;
	return true;
}

static bool find_path(struct feed *f, struct err *err)
{
	const char *name = f->w.trace;

	if (snprintf(f->path, sizeof(f->path), "%s", name) >= (int)sizeof(f->path))
		return err_set(err, ERR_INPUT, "trace path over %zu bytes", sizeof(f->path));
	if (*name == '/' || strcmp(name, "-") == 0 || paths_is_file(name) || paths_is_folder(name) || !f->w.folder)
		return true;
	snprintf(f->path, sizeof(f->path), "%s/%s", f->w.folder, name);
	if (!paths_is_file(f->path) && !paths_is_folder(f->path))
		snprintf(f->path, sizeof(f->path), "%s", name);
	return true;
}

static bool open_trace(struct feed *f, struct err *err)
{
	struct trace_options options = { .format = f->w.trace_format,
					 .chars_per_token = f->w.chars_per_token,
					 .qps = f->w.qps,
					 .from_s = f->w.from_s,
					 .seed = f->seed };

	f->trace = trace_open(f->path, &options, err);
	return f->trace != NULL;
}

/* Next row that passes the filters; prompt blocks follow prompt_scale. */
static bool next_fitting(struct feed *f, struct trace_row *row, struct err *err)
{
	const char *reason;

	while (trace_next(f->trace, row, err)) {
		if (row->arrival_s < f->w.from_s) {
			counts_drop(&f->counts, "before from_s");
			continue;
		}
		if (!fit_lengths(&f->w, &row->prompt_tokens, &row->output_tokens, &reason)) {
			counts_drop(&f->counts, reason);
			continue;
		}
		if (f->w.prompt_scale != 1 && row->block_tokens)
			row->block_tokens = (uint32_t)whole_tokens(row->block_tokens * f->w.prompt_scale);
		row->arrival_s -= f->w.from_s;
		return true;
	}
	return false;
}

static bool hold(struct feed *f, const struct trace_row *row, struct err *err)
{
	struct held *h;
	int64_t *last;
	bool made;

	if (f->held_count == LOADED_MOST)
		return err_set(err, ERR_INPUT, "%s: over %d rows in a trace with sessions that wait for answers",
			       f->path, LOADED_MOST);
	if (!mem_grow(&f->held, &f->held_capacity, f->held_count + 1, sizeof(*f->held)) ||
	    !mem_grow(&f->pool, &f->pool_capacity, f->pool_count + row->block_count + 1, sizeof(*f->pool)))
		return err_memory(err);
	h = &f->held[f->held_count];
	*h = (struct held){ .row = *row, .blocks_at = f->pool_count, .next = -1 };
	if (row->block_count)
		memcpy(f->pool + f->pool_count, row->blocks, row->block_count * sizeof(*f->pool));
	f->pool_count += row->block_count;
	if (row->session && !isnan(row->delay_s)) {
		last = idmap_at(&f->cursor, row->session, -1, &made);
		if (!last)
			return err_memory(err);
		if (*last >= 0)
			f->held[*last].next = (int64_t)f->held_count;
		else
			h->row.delay_s = NAN; /* nothing to wait for */
	}
	if (row->session) {
		last = idmap_at(&f->cursor, row->session, -1, &made);
		if (!last)
			return err_memory(err);
		*last = (int64_t)f->held_count;
	}
	f->held_count++;
	if (isnan(h->row.delay_s) && isnan(h->row.arrival_s))
		h->row.arrival_s = 0;
	return true;
}

static int by_arrival(const void *a, const void *b)
{
	const struct held *x = *(const struct held *const *)a, *y = *(const struct held *const *)b;

	if (x->row.arrival_s != y->row.arrival_s)
		return x->row.arrival_s < y->row.arrival_s ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Puts the rows that start sessions (or stand alone) into order of arrival; turns keep their links. */
static bool sort_held(struct feed *f, struct err *err)
{
	struct held *sorted = mem_alloc((f->held_count + 1) * sizeof(*sorted));
	const struct held **order = mem_alloc((f->held_count + 1) * sizeof(*order));
	int64_t *place = mem_alloc((f->held_count + 1) * sizeof(*place));
	size_t n = 0;
	bool ok = sorted && order && place;

	if (!ok) {
		err_memory(err);
		goto out;
	}
	for (size_t i = 0; i < f->held_count; i++)
		if (isnan(f->held[i].row.delay_s))
			order[n++] = &f->held[i];
	qsort(order, n, sizeof(*order), by_arrival);
	for (size_t i = 0; i < f->held_count; i++)
		if (!isnan(f->held[i].row.delay_s))
			order[n++] = &f->held[i];
	for (size_t i = 0; i < n; i++)
		place[order[i] - f->held] = (int64_t)i;
	for (size_t i = 0; i < n; i++) {
		sorted[i] = *order[i];
		if (sorted[i].next >= 0)
			sorted[i].next = place[sorted[i].next];
	}
	memcpy(f->held, sorted, n * sizeof(*sorted));
out:
	mem_free(sorted);
	mem_free(order);
	mem_free(place);
	return ok;
}

static bool load_held(struct feed *f, struct err *err)
{
	struct trace_row row;

	while (next_fitting(f, &row, err))
		if (!hold(f, &row, err))
			return false;
	idmap_release(&f->cursor);
	return err->kind == ERR_NONE && sort_held(f, err);
}

/* Rows, first and last arrival of what a run would use: the factor that gives the wanted mean rate. */
static bool measure_rate(struct feed *f, struct err *err)
{
	struct feed probe = { .w = f->w, .seed = f->seed };
	struct trace_row row;
	double first = NAN, last = NAN;
	int64_t n = 0;

	snprintf(probe.path, sizeof(probe.path), "%s", f->path);
	if (!open_trace(&probe, err))
		return false;
	while ((f->w.requests == 0 || n < f->w.requests) && next_fitting(&probe, &row, err)) {
		n++;
		if (isnan(row.arrival_s))
			continue;
		first = n == 1 ? row.arrival_s : fmin(first, row.arrival_s);
		last = n == 1 ? row.arrival_s : fmax(last, row.arrival_s);
	}
	trace_close(probe.trace);
	if (err->kind != ERR_NONE)
		return false;
	if (n < 2 || !(last > first))
		return err_set(err, ERR_INPUT,
			       "%s: qps=%g: %" PRId64 " requests that all arrive at once cannot be stretched to a rate",
			       f->path, f->w.qps, n);
	f->scale = (double)(n - 1) / f->w.qps / (last - first);
	return true;
}

struct feed *feed_open(const struct workload *w, uint64_t seed, struct err *err)
{
	struct feed *f = mem_calloc(1, sizeof(*f));
	bool timed_here;

	if (!f) {
		err_memory(err);
		return NULL;
	}
	f->w = *w;
	f->seed = seed;
	f->scale = w->time_scale;
	f->first_s = f->last_s = NAN;
	if (!find_path(f, err) || !open_trace(f, err))
		goto fail;
	f->has_turns = trace_has_turns(f->trace);
	f->has_blocks = trace_has_blocks(f->trace);
	timed_here = trace_has_times(f->trace) && w->arrivals.kind == ARRIVAL_AUTO;
	f->has_times = timed_here && (w->concurrency == 0 || w->paced);
	if (f->has_times && !isnan(w->qps) && trace_format_of(f->trace) != TRACE_servegen && !measure_rate(f, err))
		goto fail;
	if (f->has_turns && !load_held(f, err))
		goto fail;
	return f;
fail:
	feed_close(f);
	return NULL;
}

static void add_counts(struct source_counts *to, const struct source_counts *from)
{
	for (int i = 0; i < from->dropped_reasons; i++)
		counts_add(to, from->dropped[i].reason, from->dropped[i].count);
}

/* Opens the trace again behind its own end; the gap between passes is the mean gap inside one. */
static bool restart(struct feed *f, struct err *err)
{
	struct source_counts inside;
	double gap = f->pass_rows > 1 ? (f->last_s - f->first_s) / (double)(f->pass_rows - 1) : 0;

	if (f->pass_rows == 0)
		return false;
	if (f->has_times)
		f->offset_s += (f->last_s - f->first_s + gap) * f->scale;
	f->pass_rows = 0;
	f->at = 0;
	if (f->has_turns)
		return true;
	trace_counts(f->trace, &inside);
	add_counts(&f->counts, &inside);
	trace_close(f->trace);
	f->trace = NULL;
	return open_trace(f, err);
}

static bool take(struct feed *f, struct trace_row *row, struct err *err)
{
	if (!f->has_turns)
		return f->trace && next_fitting(f, row, err);
	if (f->at >= f->held_count || !isnan(f->held[f->at].row.delay_s))
		return false;
	*row = f->held[f->at].row;
	row->blocks = row->block_count ? f->pool + f->held[f->at].blocks_at : NULL;
	if (row->session) {
		int64_t *place = idmap_at(&f->cursor, row->session, 0, NULL);

		if (!place)
			return err_memory(err);
		*place = (int64_t)f->at;
	}
	f->at++;
	return true;
}

bool feed_next(struct feed *f, struct trace_row *row, struct err *err)
{
	if (!take(f, row, err)) {
		if (err->kind != ERR_NONE || !f->w.repeat || !restart(f, err) || !take(f, row, err))
			return false;
	}
	if (f->pass_rows++ == 0)
		f->first_s = row->arrival_s;
	f->last_s = row->arrival_s;
	f->rows++;
	row->arrival_s = row->arrival_s * f->scale + f->offset_s;
	return true;
}

bool feed_next_turn(struct feed *f, uint64_t session, struct trace_row *row)
{
	const int64_t *known = f->has_turns && session ? idmap_find(&f->cursor, session) : NULL;
	int64_t *place, next;
	bool made;

	if (!known || (next = f->held[*known].next) < 0)
		return false;
	place = idmap_at(&f->cursor, session, 0, &made); /* there already: needs no memory */
	if (!place)
		return false;
	*place = next;
	*row = f->held[next].row;
	row->blocks = row->block_count ? f->pool + f->held[next].blocks_at : NULL;
	f->rows++;
	return true;
}

bool feed_has_times(const struct feed *f)
{
	return f->has_times;
}

bool feed_has_turns(const struct feed *f)
{
	return f->has_turns;
}

bool feed_has_blocks(const struct feed *f)
{
	return f->has_blocks;
}

const char *feed_note(const struct feed *f)
{
	return f->trace ? trace_note(f->trace) : NULL;
}

const char *feed_class_name(const struct feed *f, int32_t index)
{
	return f->trace ? trace_class_name(f->trace, index) : "";
}

void feed_counts(const struct feed *f, struct source_counts *out)
{
	struct source_counts inside = { 0 };

	*out = f->counts;
	if (f->trace)
		trace_counts(f->trace, &inside);
	add_counts(out, &inside);
	out->rows_kept = f->rows;
	out->rows_read = out->rows_kept + out->rows_dropped;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	trace_close(f->trace);
	idmap_release(&f->cursor);
	mem_free(f->held);
	mem_free(f->pool);
	mem_free(f);
}
