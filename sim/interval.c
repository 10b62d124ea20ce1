#include "sim/interval.h"

#include <math.h>

#include "base/str.h"
#include "sim/serve.h"

static const double E80_OF_E50 = 1.9;

/*
 * 80 % quantiles over the published serving rows that may be fitted to, every (source, accelerator, model) weighing as the
 * root of its rows, which are neither independent nor the same; `vibee-sim validate published --rows FILE` prints them. Times:
 * time per token, throughput (750 rows of 17 settings; of devices without tables of their own 123 of 13); first tokens: 691 of
 * 7. Latencies of MLPerf's servers, which were driven to saturation, are left out. Of first tokens on other devices there are
 * 31 rows of one setting only (which say 1.39): the width is that of measured devices, wider as times are.
 */
static const double widths[2][INTERVAL_FIGURES] = {
	[false] = { [INTERVAL_TIMES] = 0.42, [INTERVAL_FIRST_TOKEN] = 1.24 },   /* other devices' tables and data sheets */
	[true] = { [INTERVAL_TIMES] = 0.20, [INTERVAL_FIRST_TOKEN] = 0.59 },   /* the device's own measured tables */
};

double interval_width(enum interval_figure figure, double measured)
{
	double share = measured > 0 ? fmin(measured, 1) : 0;

	return share * widths[true][figure] + (1 - share) * widths[false][figure];
}

double interval_error(double e50, double measured)
{
	return expm1(hypot(log1p(E80_OF_E50 * e50), interval_width(INTERVAL_TIMES, measured)));
}

double interval_beyond(double log_error, double e50)
{
	double own = log1p(E80_OF_E50 * e50);

	return sqrt(fmax(log_error * log_error - own * own, 0));
}

double interval_scale(double e, bool slower)
{
	return slower ? 1 + e : 1 / (1 + e);
}

double interval_first_token(double likely_s, double end_s, double measured, bool slower)
{
	double factor = exp(interval_width(INTERVAL_FIRST_TOKEN, measured));

	return slower ? fmax(end_s, likely_s * factor) : fmin(end_s, likely_s / factor);
}

/* Seconds and expected error seconds of all operators of the kind of row `first`, if that is the first of them. */
static double error_of_kind(const struct result *r, size_t first, double *seconds)
{
	const char *kind = r->operators[first].kind;
	double error = 0;

	for (size_t i = 0; i < r->operator_count; i++) {
		const struct operator_row *o = &r->operators[i];

		if (!text_equal(o->kind, kind))
			continue;
		if (i < first)
			return 0;
		*seconds += o->seconds;
		error += o->seconds * o->rel_error;
	}
	return error;
}

double interval_operators(const struct result *r)
{
	double squares = 0, seconds = 0;

	for (size_t i = 0; i < r->operator_count; i++)
		if (!text_equal(r->operators[i].kind, "host"))
			squares += pow(error_of_kind(r, i, &seconds), 2);
	return seconds > 0 ? sqrt(squares) / seconds : 0;
}

double interval_rel_error(const struct result *r)
{
	return interval_error(interval_operators(r), r->share_measured);
}

static void widen_first_tokens(const struct result *likely, struct result *end, bool slower)
{
	const struct dist *from = &likely->ttft_s;
	struct dist *to = &end->ttft_s;
	const double likely_s[] = { from->mean, from->min, from->p50, from->p90, from->p95, from->p99, from->max };
	double *end_s[] = { &to->mean, &to->min, &to->p50, &to->p90, &to->p95, &to->p99, &to->max };

	for (size_t i = 0; i < COUNT_OF(end_s); i++)
		*end_s[i] = interval_first_token(likely_s[i], *end_s[i], likely->share_measured, slower);
}

static const struct result *end_of(const struct scenario *sc, const struct result *likely, bool slower, struct catalog_cache *cache,
				   struct arena *arena, struct err *err)
{
	struct scenario *other = arena_alloc(arena, sizeof(*other));
	struct result *r = arena_alloc(arena, sizeof(*r));
	struct serve_sink none = { 0 };
	struct sim *sim = NULL;
	bool ok = other && r;

	if (!ok)
		err_memory(err);
	if (ok) {
		*other = *sc;
		other->time_scale = interval_scale(likely->interval_rel_error, slower);
		ok = (sim = sim_new_cached(other, &none, cache, err)) && sim_run(sim, INFINITY, err) && sim_result(sim, arena, r, err);
	}
	if (ok)
		widen_first_tokens(likely, r, slower);
	sim_free(sim);
	return ok ? r : NULL;
}

bool interval_run(const struct scenario *sc, struct catalog_cache *cache, struct result *r, struct arena *arena, struct err *err)
{
	r->interval_rel_error = interval_rel_error(r);
	r->faster = end_of(sc, r, false, cache, arena, err);
	r->slower = r->faster ? end_of(sc, r, true, cache, arena, err) : NULL;
	return r->slower != NULL;
}
