#include "validation/published.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/now.h"
#include "base/paths.h"
#include "base/str.h"
#include "validation/published_reasons.h"
#include "validation/published_run.h"
#include "validation/row_errors.h"

const char *const published_by_names[BY_COUNT] = { "all", "source", "accelerator", "model", "metric" };

/* "InferenceX/AIC-silicon-sample (github..." -> its first word. */
static const char *first_word(const char *text, struct arena *arena)
{
	return arena_printf(arena, "%.*s", (int)strcspn(text, " ("), text);
}

/* By the figure that the row was read as; rows that were refused before by what their metric begins with. */
static const char *metric_kind(const struct published_outcome *o)
{
	const char *metric = o->row->metric;
	enum published_figure f = o->set.figure;
	bool read = o->set.to_si > 0;

	if (read ? f <= FIGURE_TTFT_P99 : text_starts(metric, "ttft"))
		return o->set.batch > 0 && o->set.batch <= 8 ? "ttft, concurrency <= 8" : "ttft";
	if (read ? f <= FIGURE_TPOT_P99 || f == FIGURE_USER : text_starts(metric, "tpot"))
		return "tpot";
	if (read ? f <= FIGURE_E2E_MAX : text_starts(metric, "request_latency"))
		return "latency";
	return (read ? f <= FIGURE_OUTPUT_NODE : strstr(metric, "throughput") != NULL) ? "throughput" : "other";
}

/*
 * Coefficients (host times of the stacks, acceptance of drafted tokens) and readings may be set on half of the
 * (source, accelerator, model) of InferenceX, MLPerf and TensorRT-LLM's tables. To rows of all other sources nothing is fitted.
 */
static bool held_out(const struct published_outcome *o)
{
	bool used = text_starts(o->source, "InferenceX/") || text_starts(o->source, "MLPerf-") || text_starts(o->source, "TensorRT-LLM-perf");

	return !used || row_held_out(o->row, o->source);
}

/* Keeps the rows that were asked for; the whole file was needed to find the rates of server runs. */
static bool make_outcomes(struct published_study *s, const struct published_options *o, struct err *err)
{
	const struct published_lexicon *names = published_lexicon_new(s->arena, err);
	size_t n = 0;

	if (!names)
		return false;
	s->outcomes = arena_alloc(s->arena, (s->rows.count + 1) * sizeof(*s->outcomes));
	if (!s->outcomes)
		return err_memory(err);
	for (size_t i = 0; i < s->rows.count; i++) {
		struct published_outcome *out = &s->outcomes[n];

		if (!row_wanted(&s->rows.at[i], o->source, o->accelerator, o->model))
			continue;
		*out = (struct published_outcome){ .row = &s->rows.at[i], .predicted = NAN, .error = NAN, .least = NAN, .most = NAN, .reason = "" };
		out->source = first_word(out->row->source, s->arena);
		if (!out->source)
			return err_memory(err);
		out->held_out = held_out(out);
		if (!published_case(&s->rows, i, names, &out->set, s->arena, err))
			return false;
		out->metric = metric_kind(out);
		n++;
	}
	s->rows.count = n;
	return true;
}

static const char *name_by(const struct published_outcome *o, int by)
{
	const char *const names[BY_COUNT] = { "all", o->source, o->row->accelerator, o->row->model, o->metric };

	return names[by];
}

static void half(const struct published_study *s, const struct published_group *g, bool held_out, double *errors, struct row_errors *e)
{
	size_t n = 0;

	for (size_t i = 0; i < s->rows.count; i++) {
		const struct published_outcome *o = &s->outcomes[i];

		if (strcmp(name_by(o, g->by), g->name) == 0 && !isnan(o->error) && o->held_out == held_out)
			errors[n++] = o->error;
	}
	row_errors(errors, n, e);
}

/* The halves apart: only rows that nothing was fitted to count as held out. */
static void summarise(const struct published_study *s, struct published_group *g, double *errors)
{
	struct row_errors e;

	for (size_t i = 0; i < s->rows.count; i++) {
		const struct published_outcome *o = &s->outcomes[i];

		if (strcmp(name_by(o, g->by), g->name) != 0)
			continue;
		g->rows++;
		g->intervals += !isnan(o->least);
		g->inside += o->row->value >= o->least && o->row->value <= o->most;
	}
	half(s, g, false, errors, &e);
	g->seen = e.count, g->seen_median = e.median;
	half(s, g, true, errors, &e);
	g->simulated = e.count, g->over = e.over, g->median = e.median, g->mean = e.mean, g->p90 = e.p90, g->bias = e.bias;
}

static int compare_groups(const void *a, const void *b)
{
	const struct published_group *x = a, *y = b;

	return x->by != y->by ? x->by - y->by : strcmp(x->name, y->name);
}

const struct published_group *published_group(const struct published_study *s, int by, const char *name)
{
	for (size_t i = 0; i < s->group_count; i++)
		if (s->groups[i].by == by && strcmp(s->groups[i].name, name) == 0)
			return &s->groups[i];
	return NULL;
}

enum { GROUPS_MOST = 1024 };

static bool make_groups(struct published_study *s, struct err *err)
{
	double *errors = arena_alloc(s->arena, (s->rows.count + 1) * sizeof(*errors));

	s->groups = arena_alloc(s->arena, GROUPS_MOST * sizeof(*s->groups));
	if (!s->groups || !errors)
		return err_memory(err);
	for (size_t i = 0; i < s->rows.count; i++) {
		s->why[s->outcomes[i].set.why]++;
		for (int by = 0; by < BY_COUNT; by++) {
			const char *name = name_by(&s->outcomes[i], by);

			if (s->group_count < GROUPS_MOST && !published_group(s, by, name))
				s->groups[s->group_count++] = (struct published_group){ .by = by, .name = name };
		}
	}
	qsort(s->groups, s->group_count, sizeof(*s->groups), compare_groups);
	for (size_t i = 0; i < s->group_count; i++)
		summarise(s, &s->groups[i], errors);
	return true;
}

struct published_study *published_validate(const struct published_options *o, struct err *err)
{
	struct arena *arena = arena_new();
	struct published_study *s = arena ? arena_alloc(arena, sizeof(*s)) : NULL;
	double start_s = now_s();

	if (!s) {
		arena_free(arena);
		err_memory(err);
		return NULL;
	}
	s->arena = arena;
	if (!published_rows_load(o->path, &s->rows, arena, err) || !make_outcomes(s, o, err) || !published_run(s, o, err) || !published_reasons(s, err) ||
	    !make_groups(s, err)) {
		arena_free(arena);
		return NULL;
	}
	s->wall_s = now_s() - start_s;
	return s;
}

void published_study_free(struct published_study *s)
{
	if (s)
		arena_free(s->arena);
}

/* Medians of fewer rows move with any change. */
enum { STORED_LEAST = 10 };

bool published_baseline_write(const struct published_study *s, const char *path, struct err *err)
{
	struct str out = { 0 };
	bool ok;

	str_add(&out, "by,group,simulated,median,p90\n");
	for (size_t i = 0; i < s->group_count; i++) {
		const struct published_group *g = &s->groups[i];

		if (g->simulated < STORED_LEAST)
			continue;
		str_addf(&out, "%s,", published_by_names[g->by]);
		csv_quote(&out, g->name);
		str_addf(&out, ",%zu,%.4f,%.4f\n", g->simulated, g->median, g->p90);
	}
	ok = paths_write_str(path, &out, err);
	str_release(&out);
	return ok;
}

static int by_index(const char *name)
{
	for (int by = 0; by < BY_COUNT; by++)
		if (strcmp(published_by_names[by], name) == 0)
			return by;
	return -1;
}

static bool check_line(const struct published_study *s, const struct csv *csv, const int column[4], struct err *err)
{
	int by = by_index(csv_text(csv, column[0]));
	const char *name = csv_text(csv, column[1]);
	const struct published_group *g = by < 0 ? NULL : published_group(s, by, name);
	int64_t simulated;
	double median;

	if (!csv_int(csv, column[2], &simulated, err) || !csv_number(csv, column[3], &median, err))
		return false;
	if (!g || (int64_t)g->simulated < simulated)
		return err_set(err, ERR_CHECK, "%s:%lld: %s '%s': %zu rows simulated, %lld when it was stored", csv_path(csv),
			       (long long)csv_line(csv), csv_text(csv, column[0]), name, g ? g->simulated : 0, (long long)simulated);
	if (g->median > median + 0.02)
		return err_set(err, ERR_CHECK, "%s:%lld: %s '%s': median error %.1f %%, %.1f %% when it was stored", csv_path(csv),
			       (long long)csv_line(csv), csv_text(csv, column[0]), name, 100 * g->median, 100 * median);
	return true;
}

bool published_baseline_check(const struct published_study *s, const char *path, struct err *err)
{
	static const char *const names[] = { "by", "group", "simulated", "median" };
	struct csv *csv = csv_open(path, err);
	int column[4];
	bool ok = csv != NULL;

	for (size_t i = 0; ok && i < COUNT_OF(names); i++)
		ok = csv_require(csv, names[i], &column[i], err);
	while (ok && csv_next(csv, err))
		ok = check_line(s, csv, column, err);
	csv_close(csv);
	return ok && err->kind == ERR_NONE;
}
