#include "workloads/sampler.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "base/mem.h"
#include "base/sum.h"

enum { KIND_NORMAL = 100, KIND_RANKS, ZIPF_MOST = 1 << 22 };

static double clip(const struct spread *p, double x)
{
	if (x < p->least) /* false when least is NAN: no limit */
		return p->least;
	return x > p->most ? p->most : x;
}

double sampler_tail(const struct sampler *s, double u)
{
	const struct spread *p = &s->spread;

	if (u <= 0)
		u = 0x1.0p-54;
	switch (p->kind) {
	case SPREAD_FIXED:
		return p->value;
	case SPREAD_UNIFORM:
		return p->least + u * (p->most - p->least);
	case SPREAD_LOGNORMAL:
		return clip(p, exp(p->mu + p->sigma * gsl_cdf_ugaussian_Pinv(u)));
	case SPREAD_EXPONENTIAL:
		return clip(p, -p->mean * log1p(-u));
	case SPREAD_GEOMETRIC:
		return clip(p, p->mean <= 1 ? 1 : 1 + floor(log1p(-u) / s->log_ratio));
	case KIND_NORMAL:
		return gsl_cdf_ugaussian_Pinv(u);
	default:
		return sampler_step(s, u);
	}
}

double sampler_step(const struct sampler *s, double u)
{
	size_t i = s->guide[(unsigned)(u * SAMPLER_CELLS)];
	double width;

	while (s->share[i] <= u && i + 1 < s->steps)
		i++;
	if (s->spread.kind != SPREAD_EMPIRICAL)
		return s->step[i];
	if (i == 0)
		return clip(&s->spread, s->step[0]);
	width = s->share[i] - s->share[i - 1];
	return clip(&s->spread,
		    width > 0 ? s->step[i - 1] + (s->step[i] - s->step[i - 1]) * ((u - s->share[i - 1]) / width)
			      : s->step[i]);
}

static bool make_guide(struct sampler *s, struct err *err)
{
	size_t i = 0;

	s->guide = mem_alloc((SAMPLER_CELLS + 1) * sizeof(*s->guide));
	if (!s->guide)
		return err_memory(err);
	for (unsigned c = 0; c <= SAMPLER_CELLS; c++) {
		while (i + 1 < s->steps && s->share[i] < (double)c / SAMPLER_CELLS)
			i++;
		s->guide[c] = (uint32_t)i;
	}
	return true;
}

static bool make_table(struct sampler *s, struct err *err)
{
	s->value = mem_calloc(SAMPLER_CELLS + 1, sizeof(*s->value));
	if (!s->value)
		return err_memory(err);
	for (int i = 1; i < SAMPLER_CELLS; i++)
		s->value[i] = sampler_tail(s, (double)i / SAMPLER_CELLS);
	return true;
}

static bool make_zipf(struct sampler *s, int64_t n, double exponent, double first, struct err *err)
{
	struct sum total = { 0 };

	s->steps = (size_t)n;
	s->share = mem_alloc((size_t)n * sizeof(*s->share));
	s->step = mem_alloc((size_t)n * sizeof(*s->step));
	if (!s->share || !s->step)
		return err_memory(err);
	for (int64_t k = 0; k < n; k++) {
		sum_add(&total, pow((double)(k + 1), -exponent));
		s->share[k] = sum_get(&total);
		s->step[k] = first + (double)k;
	}
	for (int64_t k = 0; k < n; k++)
		s->share[k] /= sum_get(&total);
	s->share[n - 1] = 1;
	return make_guide(s, err);
}

/* Counts and parses "share:value" pairs; out may be NULL to count. Returns the number, or 0 with err filled. */
static size_t parse_quantiles(const char *text, double *share, double *value, const char *what, struct err *err)
{
	const char *p = text;
	double last_share = 0, last_value = 0, a = 0, v = 0;
	size_t n = 0;

	for (;;) {
		char *end;

		while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r' || *p == ',')
			p++;
		if (*p == '\0')
			break;
		a = strtod(p, &end);
		if (end == p || *end != ':')
			goto bad;
		p = end + 1;
		v = strtod(p, &end);
		if (end == p || (*end && !strchr(" \t\r\n,", *end)) || !isfinite(v) || v < 0 || !(a >= 0 && a <= 1))
			goto bad;
		p = end;
		if (n == 0 ? a != 0 : a < last_share || v < last_value) {
			err_set(err, ERR_INPUT, "%s: quantiles: pair %zu (%g:%g): expected %s", what, n + 1, a, v,
				n == 0 ? "share 0 first" : "shares and values that do not fall");
			return 0;
		}
		if (share) {
			share[n] = a;
			value[n] = v;
		}
		last_share = a;
		last_value = v;
		n++;
	}
	if (n >= 2 && last_share == 1)
		return n;
	err_set(err, ERR_INPUT,
		"%s: quantiles end at share %g after %zu pairs, expected at least two pairs up to share 1", what,
		last_share, n);
	return 0;
bad:
	err_set(err, ERR_INPUT, "%s: quantiles: \"%.40s\": expected pairs such as 0:12 0.5:300 1:4096", what, p);
	return 0;
}

static bool make_empirical(struct sampler *s, const char *what, struct err *err)
{
	size_t n;

	if (!s->spread.quantiles)
		return err_set(err, ERR_INPUT, "%s: kind empirical needs quantiles (such as 0:12 0.5:300 1:4096)",
			       what);
	n = parse_quantiles(s->spread.quantiles, NULL, NULL, what, err);
	if (n == 0)
		return false;
	s->steps = n;
	s->share = mem_alloc(n * sizeof(*s->share));
	s->step = mem_alloc(n * sizeof(*s->step));
	if (!s->share || !s->step)
		return err_memory(err);
	parse_quantiles(s->spread.quantiles, s->share, s->step, what, err);
	s->spread.quantiles = NULL; /* the sampler may outlive the text */
	return make_guide(s, err);
}

static bool need(double x, const char *what, const char *kind, const char *attribute, struct err *err)
{
	return !isnan(x) || err_set(err, ERR_INPUT, "%s: kind %s needs '%s'", what, kind, attribute);
}

static bool check(const struct spread *p, const char *what, struct err *err)
{
	const char *kind = spread_names[p->kind];
	bool range = p->kind == SPREAD_UNIFORM || p->kind == SPREAD_ZIPF;

	if (p->kind == SPREAD_FIXED && !need(p->value, what, kind, "value", err))
		return false;
	if ((p->kind == SPREAD_EXPONENTIAL || p->kind == SPREAD_GEOMETRIC) && !need(p->mean, what, kind, "mean", err))
		return false;
	if (p->kind == SPREAD_LOGNORMAL &&
	    (!need(p->mu, what, kind, "mu", err) || !need(p->sigma, what, kind, "sigma", err)))
		return false;
	if (range && (!need(p->least, what, kind, "least", err) || !need(p->most, what, kind, "most", err)))
		return false;
	if (p->kind == SPREAD_ZIPF && !need(p->theta, what, kind, "theta", err))
		return false;
	if (p->kind == SPREAD_ZIPF && p->most - p->least + 1 > ZIPF_MOST)
		return err_set(err, ERR_INPUT, "%s: zipf over %g values: expected at most %d", what,
			       p->most - p->least + 1, ZIPF_MOST);
	if (p->least > p->most)
		return err_set(err, ERR_INPUT, "%s: least=%g is over most=%g", what, p->least, p->most);
	return true;
}

bool sampler_init(struct sampler *s, const struct spread *spread, const char *what, struct err *err)
{
	*s = (struct sampler){ .spread = *spread };
	if (!check(spread, what, err))
		return false;
	switch (spread->kind) {
	case SPREAD_LOGNORMAL:
	case SPREAD_EXPONENTIAL:
		return make_table(s, err);
	case SPREAD_GEOMETRIC:
		s->log_ratio = spread->mean > 1 ? log1p(-1 / spread->mean) : -1;
		return true;
	case SPREAD_ZIPF:
		return make_zipf(s, (int64_t)(floor(spread->most) - ceil(spread->least)) + 1, spread->theta,
				 ceil(spread->least), err);
	case SPREAD_EMPIRICAL:
		return make_empirical(s, what, err);
	default:
		return true;
	}
}

bool sampler_init_normal(struct sampler *s, struct err *err)
{
	*s = (struct sampler){ .spread.kind = KIND_NORMAL };
	return make_table(s, err);
}

bool sampler_init_ranks(struct sampler *s, int64_t n, double exponent, struct err *err)
{
	*s = (struct sampler){ .spread.kind = KIND_RANKS };
	return make_zipf(s, n, exponent, 0, err);
}

double sampler_mean(const struct sampler *s)
{
	enum { N = 20000 };
	struct sum total = { 0 };

	for (int i = 0; i < N; i++)
		sum_add(&total, sampler_at(s, (i + 0.5) / N));
	return sum_get(&total) / N;
}

void sampler_release(struct sampler *s)
{
	mem_free(s->value);
	mem_free(s->share);
	mem_free(s->step);
	mem_free(s->guide);
	*s = (struct sampler){ 0 };
}
