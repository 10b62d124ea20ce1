#include "workloads/arrivals.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Shapes are cut into segments of constant rate; 1,440 a cycle keeps a sine within 1e-5 of its integral. */
enum { SINE_SEGMENTS = 1440, RAMP_SEGMENTS = 1000 };
enum gap_kind { GAP_EXPONENTIAL, GAP_GAMMA, GAP_WEIBULL, GAP_EQUAL, GAP_EMPIRICAL };

/* Weibull shape k with the wanted coefficient of variation: cv^2 + 1 = G(1 + 2/k) / G(1 + 1/k)^2 falls with k. */
static double weibull_shape(double cv)
{
	double low = 0.05, high = 100;

	for (int i = 0; i < 100; i++) {
		double k = sqrt(low * high);
		double ratio = exp(lgamma(1 + 2 / k) - 2 * lgamma(1 + 1 / k));

		if (ratio > 1 + cv * cv)
			low = k;
		else
			high = k;
	}
	return sqrt(low * high);
}

static void set_gaps(struct arrival_stream *s, int kind, double cv)
{
	s->cv = cv;
	s->gap_kind = GAP_GAMMA;
	if (kind == ARRIVAL_DETERMINISTIC || cv == 0) {
		s->gap_kind = GAP_EQUAL;
	} else if (kind == ARRIVAL_POISSON || cv == 1) {
		s->gap_kind = GAP_EXPONENTIAL;
	} else if (kind == ARRIVAL_WEIBULL) {
		s->gap_kind = GAP_WEIBULL;
		s->shape = weibull_shape(cv);
		s->scale = exp(-lgamma(1 + 1 / s->shape));
	} else {
		s->shape = 1 / (cv * cv);
		s->scale = cv * cv;
	}
}

static double unit_gap(struct arrival_stream *s)
{
	switch (s->gap_kind) {
	case GAP_EXPONENTIAL:
		return rng_exponential(&s->gaps, 1);
	case GAP_GAMMA:
		return rng_gamma(&s->gaps, s->shape, s->scale);
	case GAP_WEIBULL:
		return rng_weibull(&s->gaps, s->shape, s->scale);
	case GAP_EMPIRICAL:
		return sampler_draw(&s->gap, &s->gaps) * s->scale;
	default:
		return 1;
	}
}

/* Numbers separated by blanks or commas; stores at most `most`, returns how many there are, -1 when one is bad. */
static int profile_numbers(const char *text, double *out, int most)
{
	int n = 0;

	while (text && *text) {
		char *end;
		double v = strtod(text, &end);

		if (end == text || !isfinite(v) || v < 0)
			return -1;
		if (n < most)
			out[n] = v;
		n++;
		text = end + strspn(end, " \t\r\n,");
	}
	return n;
}

static double profile_mean(const char *text)
{
	double v[4096], total = 0;
	int n = profile_numbers(text, v, (int)COUNT_OF(v));

	if (n > (int)COUNT_OF(v))
		n = (int)COUNT_OF(v);
	for (int i = 0; i < n; i++)
		total += v[i];
	return n > 0 ? total / n : NAN;
}

static double stages_mean(const struct arrivals *a)
{
	double requests = 0, seconds = 0;

	for (size_t i = 0; i < a->stage_count; i++) {
		requests += a->stages[i].qps * a->stages[i].duration_s;
		seconds += a->stages[i].duration_s;
	}
	return seconds > 0 ? requests / seconds : NAN;
}

double arrivals_own_qps(const struct arrivals *a)
{
	struct sampler gap;
	struct err ignored = { 0 };
	double mean = NAN;

	switch (a->kind) {
	case ARRIVAL_STAGES:
		return stages_mean(a);
	case ARRIVAL_RAMP:
		return a->end_qps;
	case ARRIVAL_PROFILE:
		return profile_mean(a->profile);
	case ARRIVAL_EMPIRICAL:
		if (a->gap_s.kind != SPREAD_NONE && sampler_init(&gap, &a->gap_s, "gap_s", &ignored)) {
			mean = sampler_mean(&gap);
			sampler_release(&gap);
		}
		return mean > 0 ? 1 / mean : NAN;
	default:
		return NAN;
	}
}

static bool allot(struct arrival_stream *s, size_t count, bool cyclic, struct err *err)
{
	s->segments = mem_calloc(count, sizeof(*s->segments));
	s->segment_count = count;
	s->cyclic = cyclic;
	return s->segments || err_memory(err);
}

static bool make_diurnal(struct arrival_stream *s, const struct arrivals *a, struct err *err)
{
	const double pi = 3.14159265358979323846;
	double width = a->period_s / SINE_SEGMENTS;

	if (!(a->period_s > 0))
		return err_set(err, ERR_INPUT, "arrivals: kind diurnal needs 'period_s'");
	if (!allot(s, SINE_SEGMENTS, true, err))
		return false;
	for (int i = 0; i < SINE_SEGMENTS; i++) {
		double from = 2 * pi * (i * width - a->phase_s) / a->period_s, to = from + 2 * pi / SINE_SEGMENTS;

		s->segments[i] = (struct rate_segment){ width, s->qps * (1 + a->amplitude * (cos(from) - cos(to)) /
										     (to - from)) };
	}
	return true;
}

static bool make_burst(struct arrival_stream *s, const struct arrivals *a, struct err *err)
{
	double base;

	if (!(a->period_s > 0) || !(a->burst_s > 0) || !(a->burst_s < a->period_s) || !(a->burst_ratio >= 1))
		return err_set(
			err, ERR_INPUT,
			"arrivals: kind burst needs 'period_s', a shorter 'burst_s' and 'burst_ratio' of at least 1");
	if (!allot(s, 2, true, err))
		return false;
	base = s->qps * a->period_s / (a->period_s - a->burst_s + a->burst_s * a->burst_ratio);
	s->segments[0] = (struct rate_segment){ a->period_s - a->burst_s, base };
	s->segments[1] = (struct rate_segment){ a->burst_s, base * a->burst_ratio };
	return true;
}

static bool make_ramp(struct arrival_stream *s, const struct arrivals *a, struct err *err)
{
	double factor = s->qps / a->end_qps;

	if (isnan(a->start_qps) || !(a->end_qps > 0) || !(a->ramp_s > 0))
		return err_set(err, ERR_INPUT,
			       "arrivals: kind ramp needs 'start_qps', a positive 'end_qps' and 'ramp_s'");
	if (!allot(s, RAMP_SEGMENTS + 1, false, err))
		return false;
	for (int i = 0; i < RAMP_SEGMENTS; i++)
		s->segments[i] = (struct rate_segment){ a->ramp_s / RAMP_SEGMENTS,
							factor * (a->start_qps + (a->end_qps - a->start_qps) *
											 (i + 0.5) / RAMP_SEGMENTS) };
	s->segments[RAMP_SEGMENTS] = (struct rate_segment){ INFINITY, factor * a->end_qps };
	return true;
}

static bool make_stages(struct arrival_stream *s, const struct arrivals *a, struct err *err)
{
	double factor = s->qps / stages_mean(a);

	if (!(stages_mean(a) > 0))
		return err_set(err, ERR_INPUT,
			       "arrivals: kind stages needs <stage duration_s qps/> with a positive rate");
	if (!allot(s, a->stage_count, false, err))
		return false;
	for (size_t i = 0; i < a->stage_count; i++)
		s->segments[i] = (struct rate_segment){ a->stages[i].duration_s, factor * a->stages[i].qps };
	return true;
}

static bool make_profile(struct arrival_stream *s, const struct arrivals *a, struct err *err)
{
	double v[4096], mean = profile_mean(a->profile);
	int n = profile_numbers(a->profile, v, (int)COUNT_OF(v));

	if (n < 1 || n > (int)COUNT_OF(v) || !(mean > 0) || !(a->window_s > 0))
		return err_set(err, ERR_INPUT,
			       "arrivals: kind profile needs 'window_s' and 1 to %zu rates in 'profile'", COUNT_OF(v));
	if (!allot(s, (size_t)n, true, err))
		return false;
	for (int i = 0; i < n; i++)
		s->segments[i] = (struct rate_segment){ a->window_s, s->qps / mean * v[i] };
	return true;
}

static bool make_mmpp(struct arrival_stream *s, const struct arrivals *a, struct err *err)
{
	double p = a->burst_share;

	if (!(a->burst_ratio >= 1) || !(p > 0 && p < 1) || !(a->burst_s > 0))
		return err_set(err, ERR_INPUT,
			       "arrivals: kind mmpp needs 'burst_ratio' of at least 1, 'burst_share' between 0 and 1, "
			       "'burst_s'");
	s->low = s->qps / (1 - p + p * a->burst_ratio);
	s->high = s->low * a->burst_ratio;
	s->high_s = a->burst_s;
	s->low_s = a->burst_s * (1 - p) / p;
	s->is_high = rng_uniform(&s->states) < p;
	s->rate = s->is_high ? s->high : s->low;
	s->left_s = rng_exponential(&s->states, s->is_high ? s->high_s : s->low_s);
	return true;
}

static bool make_empirical(struct arrival_stream *s, const struct arrivals *a, struct err *err)
{
	double mean;

	if (a->gap_s.kind == SPREAD_NONE)
		return err_set(err, ERR_INPUT, "arrivals: kind empirical needs <gap_s>");
	if (!sampler_init(&s->gap, &a->gap_s, "gap_s", err))
		return false;
	mean = sampler_mean(&s->gap);
	if (!(mean > 0))
		return err_set(err, ERR_INPUT, "arrivals: gap_s has mean %g, expected a positive one", mean);
	s->gap_kind = GAP_EMPIRICAL;
	s->scale = 1 / mean;
	return true;
}

static bool make_shape(struct arrival_stream *s, const struct arrivals *a, struct err *err)
{
	switch (a->kind) {
	case ARRIVAL_MMPP:
		return make_mmpp(s, a, err);
	case ARRIVAL_DIURNAL:
		return make_diurnal(s, a, err);
	case ARRIVAL_BURST:
		return make_burst(s, a, err);
	case ARRIVAL_RAMP:
		return make_ramp(s, a, err);
	case ARRIVAL_STAGES:
		return make_stages(s, a, err);
	case ARRIVAL_PROFILE:
		return make_profile(s, a, err);
	case ARRIVAL_EMPIRICAL:
		return make_empirical(s, a, err);
	default:
		return true;
	}
}

/* vLLM's benchmark draws all gaps and scales them so that their sum is exactly requests / qps. */
static double rescale_factor(const struct arrival_stream *s, int64_t requests)
{
	struct arrival_stream copy = *s;
	double last = 0;

	for (int64_t i = 0; i < requests; i++)
		last = arrival_stream_next(&copy);
	return last > 0 ? (double)requests / s->qps / last : 1;
}

bool arrival_stream_init(struct arrival_stream *s, const struct arrivals *a, double qps, double cv, int64_t requests,
			 uint64_t seed, unsigned number, struct err *err)
{
	char purpose[64];
	bool rescale = a->rescale && requests > 0 && a->kind <= ARRIVAL_DETERMINISTIC;

	*s = (struct arrival_stream){ .kind = a->kind == ARRIVAL_AUTO ? ARRIVAL_POISSON : a->kind,
				      .factor = 1,
				      .quantum_s = a->quantum_s };
	if (number)
		snprintf(purpose, sizeof(purpose), "arrivals %u", number);
	rng_init(&s->gaps, seed, number ? purpose : "arrivals");
	if (number)
		snprintf(purpose, sizeof(purpose), "arrival states %u", number);
	rng_init(&s->states, seed, number ? purpose : "arrival states");
	s->qps = isnan(qps) ? arrivals_own_qps(a) : qps;
	if (s->kind == ARRIVAL_ALL_AT_ONCE) {
		if (isnan(qps))
			return true;
		s->kind = ARRIVAL_POISSON; /* a rate was asked for */
	}
	if (!(s->qps > 0))
		return err_set(err, ERR_INPUT, "arrivals: kind %s has no rate: expected qps (or concurrency)",
			       arrival_names[s->kind]);
	set_gaps(s, s->kind, isnan(cv) ? a->cv : cv);
	if (!make_shape(s, a, err))
		return false;
	if (s->segments) {
		s->left_s = s->segments[0].length_s;
		s->rate = s->segments[0].rate;
	}
	if (rescale)
		s->factor = rescale_factor(s, requests);
	return true;
}

/* Moves to the next rate; false when there is none. */
static bool next_segment(struct arrival_stream *s)
{
	if (s->kind == ARRIVAL_MMPP) {
		s->is_high = !s->is_high;
		s->rate = s->is_high ? s->high : s->low;
		s->left_s = rng_exponential(&s->states, s->is_high ? s->high_s : s->low_s);
		return true;
	}
	if (++s->segment == s->segment_count) {
		if (!s->cyclic)
			return false;
		s->segment = 0;
	}
	s->left_s = s->segments[s->segment].length_s;
	s->rate = s->segments[s->segment].rate;
	return true;
}

double arrival_stream_next(struct arrival_stream *s)
{
	double gap;

	if (s->kind == ARRIVAL_ALL_AT_ONCE)
		return 0;
	if (s->done)
		return INFINITY;
	gap = unit_gap(s);
	if (!s->segments && s->kind != ARRIVAL_MMPP) {
		s->now_s += gap / s->qps;
	} else {
		while (s->rate <= 0 || gap > s->rate * s->left_s) {
			gap -= s->rate * s->left_s;
			s->now_s += s->left_s;
			if (!next_segment(s)) {
				s->done = true;
				return INFINITY;
			}
		}
		s->now_s += gap / s->rate;
		s->left_s -= gap / s->rate;
	}
	if (s->quantum_s > 0)
		return floor(s->now_s * s->factor / s->quantum_s) * s->quantum_s;
	return s->now_s * s->factor;
}

void arrival_stream_release(struct arrival_stream *s)
{
	mem_free(s->segments);
	sampler_release(&s->gap);
	s->segments = NULL;
}
