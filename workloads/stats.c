#include "workloads/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sketch.h"
#include "base/sum.h"
#include "workloads/idmap.h"

enum { COUNT_WINDOW_S = 10 };

/* Values of one quantity: kept while they are few, sketched always. */
struct column {
	double *values;
	size_t count, capacity;
	struct sketch *sketch;
	struct sum squares; /* of distances from the first value, against cancellation */
	struct sum deltas;
	double origin;
	int64_t total, bins[STATS_BINS];
};

struct stats {
	struct column prompt, output, gap;
	double *pairs_output; /* outputs in order of arrival, beside prompts in order, for correlations */
	double *pairs_prompt;
	size_t pairs, pair_capacity, prompt_pair_capacity;
	struct sum cross;
	bool timed, sorted, prefixes;
	double first_s, last_s;
	int64_t requests;
	struct idmap seen, sessions;
	int32_t max_turn, max_class, max_adapter;
	int64_t hit_tokens, full_hit_tokens, blocks, prompt_tokens;
	double window_s;
	int windows;
	int64_t window_counts[STATS_WINDOWS];
};

double stats_bin_from(int i)
{
	return i == 0 ? 0 : exp2(i / 8.0 - 20);
}

static int bin_of(double x)
{
	int e, i;
	double m;

	if (!(x > 0))
		return 0;
	m = frexp(x, &e); /* x = m 2^e, m in [0.5, 1) */
	i = (int)floor(8 * (log2(m) + e + 20));
	return i < 0 ? 0 : i >= STATS_BINS ? STATS_BINS - 1 : i;
}

static bool column_add(struct column *c, double x, struct err *err)
{
	if (!c->sketch && !(c->sketch = sketch_new()))
		return err_memory(err);
	if (c->total == 0)
		c->origin = x;
	sum_add(&c->deltas, x - c->origin);
	sum_add(&c->squares, (x - c->origin) * (x - c->origin));
	sketch_add(c->sketch, x, 1);
	c->bins[bin_of(x)]++;
	c->total++;
	if (c->count >= STATS_EXACT_MOST)
		return true;
	if (!mem_grow(&c->values, &c->capacity, c->count + 1, sizeof(*c->values)))
		return err_memory(err);
	c->values[c->count++] = x;
	return true;
}

static bool column_exact(const struct column *c)
{
	return c->total == (int64_t)c->count;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const struct column *c, double p)
{
	int64_t i = (int64_t)floor(p * (double)c->count);

	if (c->total == 0)
		return 0;
	if (!column_exact(c))
		return sketch_quantile(c->sketch, p);
	return c->values[i >= (int64_t)c->count ? (int64_t)c->count - 1 : i];
}

static void column_finish(struct column *c, struct quantity *q)
{
	double n = (double)c->total, variance, shift;

	memset(q, 0, sizeof(*q));
	memcpy(q->bins, c->bins, sizeof(q->bins));
	if (c->total == 0)
		return;
	if (column_exact(c))
		qsort(c->values, c->count, sizeof(*c->values), by_value);
	shift = sum_get(&c->deltas) / n;
	variance = sum_get(&c->squares) / n - shift * shift;
	q->count = c->total;
	q->sum = sketch_sum(c->sketch);
	q->mean = c->origin + shift;
	q->sd = sqrt(fmax(0, variance));
	q->least = sketch_min(c->sketch);
	q->most = sketch_max(c->sketch);
	q->p1 = quantile(c, 0.01);
	q->p5 = quantile(c, 0.05);
	q->p25 = quantile(c, 0.25);
	q->p50 = quantile(c, 0.5);
	q->p75 = quantile(c, 0.75);
	q->p90 = quantile(c, 0.9);
	q->p95 = quantile(c, 0.95);
	q->p99 = quantile(c, 0.99);
	q->p999 = quantile(c, 0.999);
}

static void column_release(struct column *c)
{
	mem_free(c->values);
	sketch_free(c->sketch);
}

struct stats *stats_new(void)
{
	struct stats *s = mem_calloc(1, sizeof(*s));

	if (s) {
		s->window_s = 1;
		s->max_adapter = -1;
	}
	return s;
}

/* Window of an arrival; counts of pairs of windows are merged until it fits. */
static void count_window(struct stats *s, double at)
{
	double from = at - s->first_s;
	int i;

	if (!(from >= 0))
		return;
	while (from / s->window_s >= STATS_WINDOWS) {
		for (i = 0; i < STATS_WINDOWS / 2; i++)
			s->window_counts[i] = s->window_counts[2 * i] + s->window_counts[2 * i + 1];
		memset(s->window_counts + STATS_WINDOWS / 2, 0, sizeof(s->window_counts) / 2);
		s->window_s *= 2;
		s->windows = (s->windows + 1) / 2;
	}
	i = (int)(from / s->window_s);
	s->window_counts[i]++;
	if (i >= s->windows)
		s->windows = i + 1;
}

static bool add_time(struct stats *s, double at, struct err *err)
{
	if (s->requests == 0)
		s->first_s = s->last_s = at;
	else if (!column_add(&s->gap, fmax(0, at - s->last_s), err))
		return false;
	if (at > s->last_s)
		s->last_s = at;
	s->timed = true;
	count_window(s, at);
	return true;
}

static bool add_blocks(struct stats *s, const struct request *q, struct err *err)
{
	uint32_t hit = 0, full = (uint32_t)(q->prompt_tokens / q->block_tokens), of_prompt;
	bool leading = true, made;
	int64_t tokens;

	of_prompt = full + (q->prompt_tokens % q->block_tokens != 0);
	for (uint32_t i = 0; i < q->block_count; i++) {
		if (!idmap_at(&s->seen, q->blocks[i], 0, &made))
			return err_memory(err);
		leading = leading && !made && i < of_prompt;
		hit += leading;
	}
	tokens = (int64_t)hit * q->block_tokens;
	s->hit_tokens += tokens < q->prompt_tokens ? tokens : q->prompt_tokens;
	s->full_hit_tokens += (int64_t)(hit < full ? hit : full) * q->block_tokens;
	s->blocks += q->block_count;
	s->prefixes = true;
	return true;
}

static bool add_pair(struct stats *s, double prompt, double output, struct err *err)
{
	if (s->pairs >= STATS_EXACT_MOST)
		return true;
	if (!mem_grow(&s->pairs_output, &s->pair_capacity, s->pairs + 1, sizeof(double)) ||
	    !mem_grow(&s->pairs_prompt, &s->prompt_pair_capacity, s->pairs + 1, sizeof(double)))
		return err_memory(err);
	s->pairs_prompt[s->pairs] = prompt;
	s->pairs_output[s->pairs++] = output;
	return true;
}

bool stats_add(struct stats *s, const struct request *q, bool timed, struct err *err)
{
	double prompt = (double)q->prompt_tokens, output = (double)q->output_tokens;

	if (!column_add(&s->prompt, prompt, err) || !column_add(&s->output, output, err) ||
	    !add_pair(s, prompt, output, err))
		return false;
	sum_add(&s->cross, (prompt - s->prompt.origin) * (output - s->output.origin));
	if (timed && !add_time(s, q->arrival_s, err))
		return false;
	if (q->block_count > 0 && !add_blocks(s, q, err))
		return false;
	if (q->session && !idmap_at(&s->sessions, q->session, 0, NULL))
		return err_memory(err);
	s->max_turn = q->turn > s->max_turn ? q->turn : s->max_turn;
	s->max_class = q->class_index > s->max_class ? q->class_index : s->max_class;
	s->max_adapter = q->adapter > s->max_adapter ? q->adapter : s->max_adapter;
	s->requests++;
	return true;
}

static double pearson(const struct stats *s, const struct workload_stats *o)
{
	double n = (double)s->requests;
	double x = o->prompt.mean - s->prompt.origin, y = o->output.mean - s->output.origin;

	if (s->requests < 2 || o->prompt.sd == 0 || o->output.sd == 0)
		return 0;
	return (sum_get(&s->cross) / n - x * y) / (o->prompt.sd * o->output.sd);
}

/* Mean rank (from 0) of x in a sorted list: ties share the middle of their places. */
static double rank_of(const double *sorted, size_t n, double x)
{
	size_t low = 0, high = n, first;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (sorted[mid] < x)
			low = mid + 1;
		else
			high = mid;
	}
	first = low;
	high = n;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (sorted[mid] <= x)
			low = mid + 1;
		else
			high = mid;
	}
	return ((double)first + (double)low - 1) / 2;
}

static double spearman(const struct stats *s)
{
	size_t n = s->pairs;
	double middle = ((double)n - 1) / 2;
	struct sum xy = { 0 }, xx = { 0 }, yy = { 0 };

	if (n < 2 || !column_exact(&s->prompt))
		return NAN;
	for (size_t i = 0; i < n; i++) {
		double x = rank_of(s->prompt.values, n, s->pairs_prompt[i]) - middle;
		double y = rank_of(s->output.values, n, s->pairs_output[i]) - middle;

		sum_add(&xy, x * y);
		sum_add(&xx, x * x);
		sum_add(&yy, y * y);
	}
	return sum_get(&xx) > 0 && sum_get(&yy) > 0 ? sum_get(&xy) / sqrt(sum_get(&xx) * sum_get(&yy)) : 0;
}

/* cv of counts in windows of 10 s; the last, unfinished window is left out. */
static double window_cv(const struct stats *s)
{
	int step = s->window_s < COUNT_WINDOW_S ? (int)(COUNT_WINDOW_S / s->window_s) : 1, n = 0;
	struct sum sum = { 0 }, squares = { 0 };
	double mean;

	for (int i = 0; i + step < s->windows; i += step, n++) {
		double count = 0;

		for (int k = 0; k < step; k++)
			count += (double)s->window_counts[i + k];
		sum_add(&sum, count);
		sum_add(&squares, count * count);
	}
	if (n < 2)
		return 0;
	mean = sum_get(&sum) / n;
	return mean > 0 ? sqrt(fmax(0, sum_get(&squares) / n - mean * mean)) / mean : 0;
}

void stats_finish(struct stats *s, struct workload_stats *o)
{
	memset(o, 0, sizeof(*o));
	column_finish(&s->prompt, &o->prompt);
	column_finish(&s->output, &o->output);
	column_finish(&s->gap, &o->gap_s);
	o->requests = s->requests;
	o->exact = column_exact(&s->prompt);
	o->has_times = s->timed;
	o->has_prefixes = s->prefixes;
	o->first_s = s->first_s;
	o->last_s = s->last_s;
	o->span_s = s->last_s - s->first_s;
	o->rate_qps = o->span_s > 0 ? (double)(s->requests - 1) / o->span_s : 0;
	o->gap_cv = o->gap_s.mean > 0 ? o->gap_s.sd / o->gap_s.mean : 0;
	o->correlation = pearson(s, o);
	o->rank_correlation = spearman(s);
	o->output_share = o->prompt.sum + o->output.sum > 0 ? o->output.sum / (o->prompt.sum + o->output.sum) : 0;
	o->sessions = (int64_t)idmap_count(&s->sessions);
	o->classes = s->requests ? s->max_class + 1 : 0;
	o->adapters = s->max_adapter + 1;
	o->max_turn = s->max_turn;
	o->hit_tokens = s->hit_tokens;
	o->full_hit_tokens = s->full_hit_tokens;
	o->distinct_blocks = (int64_t)idmap_count(&s->seen);
	o->blocks = s->blocks;
	o->hit_share = o->prompt.sum > 0 ? (double)s->hit_tokens / o->prompt.sum : 0;
	o->full_hit_share = o->prompt.sum > 0 ? (double)s->full_hit_tokens / o->prompt.sum : 0;
	o->window_s = s->window_s;
	o->windows = s->windows;
	o->window_cv = window_cv(s);
	memcpy(o->window_counts, s->window_counts, sizeof(o->window_counts));
}

static const double *values_of(const struct column *c, int64_t *count)
{
	*count = column_exact(c) ? (int64_t)c->count : 0;
	return column_exact(c) ? c->values : NULL;
}

const double *stats_prompts(const struct stats *s, int64_t *count)
{
	return values_of(&s->prompt, count);
}

const double *stats_outputs(const struct stats *s, int64_t *count)
{
	return values_of(&s->output, count);
}

const double *stats_gaps(const struct stats *s, int64_t *count)
{
	return values_of(&s->gap, count);
}

void stats_free(struct stats *s)
{
	if (!s)
		return;
	column_release(&s->prompt);
	column_release(&s->output);
	column_release(&s->gap);
	idmap_release(&s->seen);
	idmap_release(&s->sessions);
	mem_free(s->pairs_output);
	mem_free(s->pairs_prompt);
	mem_free(s);
}

double ks_distance(const double *a, int64_t na, const double *b, int64_t nb)
{
	int64_t i = 0, k = 0;
	double most = 0;

	while (i < na && k < nb) {
		double x = a[i] < b[k] ? a[i] : b[k];

		while (i < na && a[i] <= x)
			i++;
		while (k < nb && b[k] <= x)
			k++;
		most = fmax(most, fabs((double)i / (double)na - (double)k / (double)nb));
	}
	return na && nb ? most : NAN;
}
