#include "workloads/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "workloads/fit_parts.h"
#include "workloads/idmap.h"

enum { PREFIX_SEEDS = 3, PREFIX_ROUNDS = 5, CLASSES_MOST = 16, CLASS_ROWS_LEAST = 200 };

static struct request request_of(const struct trace_row *r)
{
	return (struct request){ .arrival_s = r->arrival_s,
				 .prompt_tokens = r->prompt_tokens,
				 .output_tokens = r->output_tokens,
				 .class_index = r->class_index,
				 .adapter = r->adapter,
				 .turn = r->turn,
				 .session = r->session,
				 .blocks = r->blocks,
				 .block_count = r->block_count,
				 .block_tokens = r->block_tokens };
}

/* What a row's blocks say: how many leading ones were seen, and how long ago the deepest of them. */
static bool note_blocks(struct fit_row *to, const struct trace_row *row, struct idmap *seen, int64_t index,
			struct err *err)
{
	bool leading = true, made;

	for (uint32_t i = 0; i < row->block_count; i++) {
		int64_t *last = idmap_at(seen, row->blocks[i], index, &made);

		if (!last)
			return err_memory(err);
		leading = leading && !made;
		if (leading) {
			to->hit_blocks++;
			to->distance = index - *last;
		}
		*last = index;
	}
	to->blocks = row->block_count;
	return true;
}

static bool add_row(struct fit_data *d, const struct trace_row *row, struct idmap *seen, struct idmap *firsts,
		    struct err *err)
{
	struct fit_row *to;
	int64_t *first;

	if (!mem_grow(&d->rows, &d->capacity, d->count + 1, sizeof(*d->rows)))
		return err_memory(err);
	to = &d->rows[d->count];
	*to = (struct fit_row){ .arrival_s = row->arrival_s,
				.prompt = (double)row->prompt_tokens,
				.output = (double)row->output_tokens,
				.class_index = row->class_index };
	if (row->block_count > 0) {
		d->block_tokens = row->block_tokens;
		first = idmap_at(firsts, row->blocks[0], 0, NULL);
		if (!first)
			return err_memory(err);
		++*first;
		if (!note_blocks(to, row, seen, (int64_t)d->count, err))
			return false;
	}
	if (row->class_index >= d->classes)
		d->classes = row->class_index + 1;
	d->count++;
	return true;
}

static uint64_t commonest(const struct idmap *firsts, int64_t *most)
{
	uint64_t id = 0;

	*most = firsts->has_zero ? firsts->zero_value : 0;
	for (size_t i = 0; i < firsts->capacity; i++)
		if (firsts->slots[i].id && firsts->slots[i].value > *most) {
			*most = firsts->slots[i].value;
			id = firsts->slots[i].id;
		}
	return id;
}

/* Second pass: which rows begin with the commonest block, and how many further blocks nearly all of those share. */
static bool mark_common(struct fit_data *d, uint64_t id, const char *path, const struct trace_options *options,
			struct err *err)
{
	struct trace *t = trace_open(path, options, err);
	uint64_t common[64] = { 0 };
	int64_t agree[64] = { 0 }, begins = 0;
	struct trace_row row;
	size_t i = 0;

	if (!t)
		return false;
	while (i < d->count && trace_next(t, &row, err)) {
		struct fit_row *to = &d->rows[i++];
		bool same = true;

		to->starts_common = row.block_count > 0 && row.blocks[0] == id;
		if (!to->starts_common)
			continue;
		for (uint32_t k = 0; k < row.block_count && k < COUNT_OF(common); k++) {
			if (begins == 0)
				common[k] = row.blocks[k];
			same = same && row.blocks[k] == common[k];
			agree[k] += same;
		}
		begins++;
	}
	trace_close(t);
	while (d->common_blocks < COUNT_OF(common) && agree[d->common_blocks] > 0.8 * (double)begins)
		d->common_blocks++;
	d->common_share = (double)begins / (double)d->count;
	return err->kind == ERR_NONE;
}

static bool load(struct fit_data *d, const char *path, const struct trace_options *options, int64_t most,
		 struct arena *arena, struct err *err)
{
	struct trace *t = trace_open(path, options, err);
	struct idmap seen = { 0 }, firsts = { 0 };
	struct trace_row row;
	int64_t begins;
	uint64_t id;
	bool ok = t && (d->columns = stats_new());

	if (most == 0 || most > STATS_EXACT_MOST)
		most = STATS_EXACT_MOST;
	while (ok && (int64_t)d->count < most && trace_next(t, &row, err)) {
		struct request q = request_of(&row);

		ok = stats_add(d->columns, &q, !isnan(row.arrival_s), err) && add_row(d, &row, &seen, &firsts, err);
	}
	ok = ok && err->kind == ERR_NONE;
	if (ok && d->count < 10)
		ok = err_set(err, ERR_INPUT, "%s: %zu requests, expected at least 10 to fit", path, d->count);
	for (int32_t c = 0; ok && c < d->classes && c < (int32_t)COUNT_OF(d->class_names); c++)
		d->class_names[c] = arena_strdup(arena, trace_class_name(t, c));
	trace_close(t);
	if (ok) {
		stats_finish(d->columns, &d->stats);
		id = commonest(&firsts, &begins);
		if (d->stats.has_prefixes && begins > 1)
			ok = mark_common(d, id, path, options, err);
	}
	idmap_release(&seen);
	idmap_release(&firsts);
	return ok;
}

static void unload(struct fit_data *d)
{
	if (!d)
		return;
	mem_free(d->rows);
	stats_free(d->columns);
	mem_free(d);
}

static bool class_lengths(struct workload_class *c, const struct fit_data *d, int32_t index, struct arena *arena,
			  struct err *err)
{
	double *prompts = mem_alloc(d->count * sizeof(*prompts)), *outputs = mem_alloc(d->count * sizeof(*outputs));
	int64_t n = 0;
	bool ok = prompts && outputs;

	for (size_t i = 0; ok && i < d->count; i++)
		if (d->rows[i].class_index == index) {
			prompts[n] = d->rows[i].prompt;
			outputs[n++] = d->rows[i].output;
		}
	if (ok) {
		qsort(prompts, (size_t)n, sizeof(*prompts), by_double);
		qsort(outputs, (size_t)n, sizeof(*outputs), by_double);
		ok = fit_spread(&c->prompt, prompts, n, arena, err) && fit_spread(&c->output, outputs, n, arena, err);
	} else {
		err_memory(err);
	}
	mem_free(prompts);
	mem_free(outputs);
	c->share = fit_round((double)n / (double)d->count);
	return ok;
}

/* One class a client or model, when there are few enough with rows enough. */
static bool fit_classes(struct workload *w, const struct fit_data *d, struct arena *arena, struct err *err)
{
	int64_t rows[CLASSES_MOST] = { 0 };

	if (d->classes < 2 || d->classes > CLASSES_MOST)
		return true;
	for (size_t i = 0; i < d->count; i++)
		rows[d->rows[i].class_index]++;
	w->classes = arena_alloc(arena, (size_t)d->classes * sizeof(*w->classes));
	if (!w->classes)
		return err_memory(err);
	for (int32_t c = 0; c < d->classes; c++) {
		struct workload_class *to = &w->classes[w->class_count];

		if (rows[c] < CLASS_ROWS_LEAST)
			continue;
		*to = (struct workload_class){ .name = d->class_names[c], .cv = NAN };
		if (!class_lengths(to, d, c, arena, err))
			return false;
		w->class_count++;
	}
	if (w->class_count < 2)
		w->class_count = 0;
	return true;
}

static bool fit_lengths_of(struct workload *w, const struct fit_data *d, struct arena *arena, struct err *err)
{
	const double pi = 3.14159265358979323846;
	const double *values;
	int64_t n;

	if (!fit_classes(w, d, arena, err))
		return false;
	if (w->class_count > 0)
		return true;
	values = stats_prompts(d->columns, &n);
	if (!fit_spread(&w->prompt, values, n, arena, err))
		return false;
	values = stats_outputs(d->columns, &n);
	if (!fit_spread(&w->output, values, n, arena, err))
		return false;
	if (fabs(d->stats.rank_correlation) > 0.02) /* Pearson's (1907) relation between rank and normal correlation */
		w->correlation = fit_round(2 * sin(pi / 6 * d->stats.rank_correlation));
	return true;
}

/* Hit share of as many generated requests as the trace has, over a few seeds. */
static bool generated_hits(const struct workload *w, int64_t rows, double *share, struct err *err)
{
	struct workload_stats *s = mem_alloc(sizeof(*s));
	struct workload copy = *w;
	double total = 0;
	bool ok = s != NULL;

	copy.requests = rows;
	for (uint64_t seed = 1; ok && seed <= PREFIX_SEEDS; seed++) {
		struct source *source = source_open(&copy, seed, err);

		ok = source && stats_of_source(source, rows, s, err);
		source_close(source);
		total += ok ? s->hit_share : 0;
	}
	if (!s)
		err_memory(err);
	mem_free(s);
	*share = total / PREFIX_SEEDS;
	return ok;
}

static double relative(double got, double want)
{
	return fit_round(want != 0 ? got / want - 1 : 0);
}

static bool compare(const struct workload *w, const struct fit_data *d, struct fit_record *out, struct err *err)
{
	struct workload_stats *got = mem_alloc(sizeof(*got));
	struct stats *s = stats_new();
	struct workload copy = *w;
	struct source *source = NULL;
	struct request q;
	const double *a, *b;
	int64_t na, nb;
	bool ok = got && s;

	copy.requests = (int64_t)d->count < 50000 ? 4 * (int64_t)d->count : (int64_t)d->count;
	if (!ok)
		err_memory(err);
	ok = ok && (source = source_open(&copy, 1, err));
	while (ok && source_next(source, &q, err)) {
		q.block_count = 0; /* prefixes are compared below, over as many rows as the trace has */
		ok = stats_add(s, &q, true, err);
	}
	ok = ok && err->kind == ERR_NONE;
	if (ok) {
		stats_finish(s, got);
		out->rows = (int64_t)d->count;
		a = stats_prompts(s, &na);
		b = stats_prompts(d->columns, &nb);
		out->prompt_ks = fit_round(ks_distance(a, na, b, nb));
		a = stats_outputs(s, &na);
		b = stats_outputs(d->columns, &nb);
		out->output_ks = fit_round(ks_distance(a, na, b, nb));
		out->prompt_mean_error = relative(got->prompt.mean, d->stats.prompt.mean);
		out->output_mean_error = relative(got->output.mean, d->stats.output.mean);
		out->prompt_p95_error = relative(got->prompt.p95, d->stats.prompt.p95);
		out->output_p95_error = relative(got->output.p95, d->stats.output.p95);
		out->correlation_trace = fit_round(d->stats.rank_correlation);
		out->correlation_fit = fit_round(got->rank_correlation);
		out->gap_ks = out->gap_cv_trace = out->gap_cv_fit = out->window_cv_trace = out->window_cv_fit = NAN;
		out->hit_share_trace = out->hit_share_fit = NAN;
	}
	if (ok && d->stats.has_times) {
		a = stats_gaps(s, &na);
		b = stats_gaps(d->columns, &nb);
		out->gap_ks = fit_round(ks_distance(a, na, b, nb));
		out->gap_cv_trace = fit_round(d->stats.gap_cv);
		out->gap_cv_fit = fit_round(got->gap_cv);
		out->window_cv_trace = fit_round(d->stats.window_cv);
		out->window_cv_fit = fit_round(got->window_cv);
	}
	if (ok && d->stats.has_prefixes) {
		out->hit_share_trace = fit_round(d->stats.hit_share);
		ok = generated_hits(w, (int64_t)d->count, &out->hit_share_fit, err);
		out->hit_share_fit = fit_round(out->hit_share_fit);
	}
	source_close(source);
	stats_free(s);
	mem_free(got);
	return ok;
}

/* Parents that are too short lend less than was drawn: the share of reusing requests is raised until hits agree. */
static bool settle_reuse(struct workload *w, const struct fit_data *d, struct err *err)
{
	for (int i = 0; i < PREFIX_ROUNDS && w->prefixes.reuse_share > 0; i++) {
		double share;

		if (!generated_hits(w, (int64_t)d->count, &share, err))
			return false;
		if (!(share > 0) || fabs(share / d->stats.hit_share - 1) < 0.01)
			break;
		w->prefixes.reuse_share = fit_round(fmin(1, w->prefixes.reuse_share * d->stats.hit_share / share));
	}
	return true;
}

bool workload_fit(const char *path, const struct trace_options *trace, const struct fit_options *o, struct workload *w,
		  struct arena *arena, struct err *err)
{
	struct fit_data *d = mem_calloc(1, sizeof(*d));
	bool ok = false;

	if (!d)
		return err_memory(err);
	if (!workload_defaults(w, arena, err) || !load(d, path, trace, o->rows, arena, err))
		goto out;
	w->name = o->name;
	w->title = o->title;
	w->source = o->source;
	w->qps = o->fallback_qps > 0 ? o->fallback_qps : 1;
	if (!fit_lengths_of(w, d, arena, err))
		goto out;
	if (d->stats.has_times && d->stats.span_s > 0 && !fit_arrivals(w, d, o->profile, arena, err))
		goto out;
	if (!d->stats.has_times)
		w->arrivals.kind = ARRIVAL_POISSON;
	if (!fit_prefixes(w, d, arena, err) || !settle_reuse(w, d, err))
		goto out;
	if (!compare(w, d, &w->fit, err))
		goto out;
	w->fit.trace = o->trace;
	w->fit.source = o->source;
	w->fit.licence = o->licence;
	w->fit.method = "vibee-sim workload fit; generated with seed 1: as many requests as the trace, four times as "
			"many for less than 50,000";
	ok = true;
out:
	unload(d);
	return ok;
}

bool workload_distance(const struct workload *w, const char *path, const struct trace_options *trace,
		       struct fit_record *out, struct err *err)
{
	struct fit_data *d = mem_calloc(1, sizeof(*d));
	struct arena *arena = arena_new();
	bool ok = d && arena && load(d, path, trace, 0, arena, err) && compare(w, d, out, err);

	if (!d || !arena)
		err_memory(err);
	unload(d);
	arena_free(arena);
	return ok;
}
