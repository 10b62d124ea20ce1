#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "workloads/arrivals.h"
#include "workloads/fit_parts.h"

enum { PROFILE_WINDOWS = 48, TRIAL_MOST = 100000 };
static const double cv_grid[] = {
	0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 7, 10, 14, 20
};

/* Arrivals reported in equal steps: most gaps are zero, nearly all times are near multiples of the usual other gap. */
static double find_quantum(const struct fit_data *d)
{
	int64_t n, zero = 0, near = 0;
	const double *gaps = stats_gaps(d->columns, &n);
	double step;

	while (zero < n && gaps[zero] == 0)
		zero++;
	if (2 * zero < n || zero == n)
		return 0;
	step = fit_round(gaps[zero + (n - zero) / 2]);
	for (size_t i = 0; i < d->count; i++) {
		double x = (d->rows[i].arrival_s - d->stats.first_s) / step;

		near += fabs(x - round(x)) < 0.01;
	}
	return near > 0.98 * (double)d->count ? step : 0;
}

/* How far a candidate is from the trace: gaps, their variation, and counts in windows. */
static double score(const struct workload *w, const struct arrivals *a, const struct fit_data *d, struct err *err)
{
	int64_t n = (int64_t)d->count < 20000 ? 4 * (int64_t)d->count : (int64_t)d->count, ngaps;
	struct workload_stats *got = mem_alloc(sizeof(*got));
	struct stats *s = stats_new();
	struct arrival_stream stream = { 0 };
	const double *gaps, *own;
	int64_t nown;
	double e = NAN;
	bool ok = got && s;

	if (!ok)
		err_memory(err);
	if (n > TRIAL_MOST)
		n = TRIAL_MOST;
	ok = ok && arrival_stream_init(&stream, a, w->qps, NAN, 0, 20, 0, err);
	for (int64_t i = 0; ok && i < n; i++) {
		struct request q = {
			.prompt_tokens = 1, .output_tokens = 1, .adapter = -1, .arrival_s = arrival_stream_next(&stream)
		};

		ok = stats_add(s, &q, true, err);
	}
	if (ok) {
		stats_finish(s, got);
		gaps = stats_gaps(s, &ngaps);
		own = stats_gaps(d->columns, &nown);
		e = ks_distance(gaps, ngaps, own, nown) +
		    0.5 * fabs(log((got->gap_cv + 0.01) / (d->stats.gap_cv + 0.01))) +
		    0.5 * fabs(log((got->window_cv + 0.02) / (d->stats.window_cv + 0.02)));
	}
	arrival_stream_release(&stream);
	stats_free(s);
	mem_free(got);
	return e;
}

/* Counts in equal windows over the whole trace, as rates. */
static const char *profile_text(const struct fit_data *d, double window_s, struct arena *arena)
{
	struct str text = { 0 };
	int windows = (int)(d->stats.span_s / window_s);
	char number[32];
	size_t i = 0;
	const char *out;

	for (int k = 0; k < windows; k++) {
		double end = d->stats.first_s + (k + 1) * window_s;
		int64_t n = 0;

		for (; i < d->count && d->rows[i].arrival_s < end; i++)
			n++;
		str_addf(&text, "%s%s", k ? " " : "", number_text(number, fit_round((double)n / window_s)));
	}
	out = text.failed || windows < 1 ? NULL : arena_strdup(arena, str_text(&text));
	str_release(&text);
	return out;
}

/* Two rates from counts in windows of 10 s: windows over the threshold are the high state. */
static void guess_mmpp(struct arrivals *a, const struct fit_data *d, double threshold)
{
	const struct workload_stats *s = &d->stats;
	int step = s->window_s < 10 ? (int)(10 / s->window_s) : 1, high = 0, low = 0, runs = 0, before = 0;
	double mean = s->rate_qps * s->window_s * step, high_sum = 0, low_sum = 0;

	for (int i = 0; i + step < s->windows; i += step) {
		double n = 0;
		int is_high;

		for (int k = 0; k < step; k++)
			n += (double)s->window_counts[i + k];
		is_high = n > threshold * mean;
		high += is_high;
		low += !is_high;
		high_sum += is_high ? n : 0;
		low_sum += is_high ? 0 : n;
		runs += is_high && !before;
		before = is_high;
	}
	a->kind = ARRIVAL_MMPP;
	a->burst_share = fit_round(high > 0 && low > 0 ? (double)high / (high + low) : 0.5);
	a->burst_ratio = fit_round(high > 0 && low_sum > 0 ? fmax(1, high_sum / high / (low_sum / low)) : 1);
	a->burst_s = fit_round(runs > 0 ? (double)high / runs * s->window_s * step : 10);
}

struct best {
	struct arrivals arrivals;
	double score;
};

/* Keeps the candidate when it beats the best by more than the price of its parameters. */
static bool try(struct best *best, const struct workload *w, const struct arrivals *a, double price,
		const struct fit_data *d, struct err *err)
{
	double e = score(w, a, d, err) + price;

	if (isnan(e))
		return false;
	if (e < best->score) {
		best->score = e;
		best->arrivals = *a;
	}
	return true;
}

static bool try_cvs(struct best *best, const struct workload *w, struct arrivals a, double price,
		    const struct fit_data *d, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(cv_grid); i++) {
		a.cv = cv_grid[i];
		if (cv_grid[i] < 4 * d->stats.gap_cv + 0.5 && !try(best, w, &a, price + (a.cv == 1 ? 0 : 0.02), d, err))
			return false;
	}
	return true;
}

bool fit_arrivals(struct workload *w, const struct fit_data *d, bool allow_profile, struct arena *arena,
		  struct err *err)
{
	struct arrivals plain = w->arrivals, a;
	struct best best = { .score = INFINITY };
	const double *gaps;
	int64_t ngaps;

	w->qps = fit_round(d->stats.rate_qps);
	plain.quantum_s = find_quantum(d);
	a = plain;
	a.kind = ARRIVAL_POISSON;
	if (!try(&best, w, &a, 0, d, err))
		return false;
	a.kind = ARRIVAL_GAMMA;
	if (!try_cvs(&best, w, a, 0, d, err))
		return false;
	for (double threshold = 1; threshold < 2.1; threshold += 0.25) {
		a = plain;
		guess_mmpp(&a, d, threshold);
		if (a.burst_ratio > 1 && a.burst_share > 0 && a.burst_share < 1 && !try_cvs(&best, w, a, 0.06, d, err))
			return false;
	}
	a = plain;
	a.kind = ARRIVAL_PROFILE;
	a.window_s = fit_round(fmax(d->stats.span_s / PROFILE_WINDOWS, 20));
	a.profile = profile_text(d, a.window_s, arena);
	if (a.profile && allow_profile && !try_cvs(&best, w, a, 0.08, d, err))
		return false;
	gaps = stats_gaps(d->columns, &ngaps);
	a = plain;
	a.kind = ARRIVAL_EMPIRICAL;
	a.quantum_s = 0;
	if (gaps && ngaps > 1 &&
	    (!fit_quantiles(&a.gap_s, gaps, ngaps, GAP_POINTS, arena, err) || !try(&best, w, &a, 0.1, d, err)))
		return false;
	w->arrivals = best.arrivals;
	return true;
}
