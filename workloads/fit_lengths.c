#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "workloads/fit_parts.h"
#include "workloads/sampler.h"

enum { PROBES = 20000 };
#define LOGNORMAL_KS 0.02   /* good enough to prefer two parameters to forty */
#define POINT_ERROR  0.004  /* of the distribution function, where a further point is not worth it */
#define AREA_ERROR   0.0005 /* of the mean, likewise */

double fit_round(double x)
{
	double unit;

	if (x == 0 || !isfinite(x))
		return x;
	unit = pow(10, floor(log10(fabs(x))) - 3);
	return unit >= 1 ? round(x / unit) * unit : round(x / unit) / round(1 / unit);
}

int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Distance between the sample and the spread as draws of whole tokens would see it. */
static double distance(const struct spread *p, const double *values, int64_t count, struct err *err)
{
	struct sampler s = { 0 };
	double *probes = mem_alloc(PROBES * sizeof(*probes)), d = NAN;

	if (!probes) {
		err_memory(err);
	} else if (sampler_init(&s, p, "fit", err)) {
		for (int i = 0; i < PROBES; i++)
			probes[i] = (double)whole_tokens(sampler_at(&s, (i + 0.5) / PROBES));
		d = ks_distance(probes, PROBES, values, count);
	}
	sampler_release(&s);
	mem_free(probes);
	return d;
}

/* How badly the straight line from index a to b stands for the values between: the larger of its error in places and of
 * its error in the sum of values (which long tails would spoil), each over what is allowed. *at is where to split. */
static double line_error(const double *v, int64_t a, int64_t b, int64_t n, double total, int64_t *at)
{
	double rise = v[b] - v[a], slope = rise > 0 ? (double)(b - a) / rise : 0, places = 0, height = 0, area = 0;
	int64_t at_place = a, at_height = a;

	for (int64_t i = a + 1; i < b && rise > 0; i++) {
		double line = v[a] + rise * (double)(i - a) / (double)(b - a);
		double e = fabs((double)a + (v[i] - v[a]) * slope - (double)i);

		area += v[i] - line;
		if (e > places) {
			places = e;
			at_place = i;
		}
		if (fabs(v[i] - line) > height) {
			height = fabs(v[i] - line);
			at_height = i;
		}
	}
	places /= POINT_ERROR * (double)n;
	area = fabs(area) / (AREA_ERROR * total);
	*at = places > area ? at_place : at_height;
	return places > area ? places : area;
}

static size_t choose_points(const double *v, int64_t n, int64_t *points, size_t most)
{
	static const double fixed[] = { 0, 0.01, 0.5, 0.95, 0.99, 0.999, 1 };
	double total = 0;
	size_t count = 0;

	for (int64_t i = 0; i < n; i++)
		total += v[i];
	for (size_t i = 0; i < COUNT_OF(fixed); i++) {
		int64_t at = (int64_t)(fixed[i] * (double)(n - 1));

		if (count == 0 || at > points[count - 1])
			points[count++] = at;
	}
	while (count < most) {
		double worst = 1;
		int64_t at = -1;
		size_t where = 0;

		for (size_t k = 0; k + 1 < count; k++) {
			int64_t here = points[k];
			double e = line_error(v, points[k], points[k + 1], n, total, &here);

			if (e > worst && here > points[k]) {
				worst = e;
				at = here;
				where = k + 1;
			}
		}
		if (at < 0)
			break;
		for (size_t k = count++; k > where; k--)
			points[k] = points[k - 1];
		points[where] = at;
	}
	return count;
}

bool fit_quantiles(struct spread *out, const double *values, int64_t count, int points_most, struct arena *arena,
		   struct err *err)
{
	int64_t points[POINTS_MOST];
	size_t n = choose_points(values, count, points, (size_t)points_most);
	struct str text = { 0 };
	char share[32], value[32];

	/* Value i of n stands for the shares from i/n to (i + 1)/n: its point is the middle, outer halves are flat. */
	str_addf(&text, "0:%s", number_text(value, fit_round(values[0])));
	for (size_t k = 0; k < n; k++)
		str_addf(&text, " %s:%s",
			 number_text(share, floor(((double)points[k] + 0.5) / (double)count * 1e6 + 0.5) / 1e6),
			 number_text(value, fit_round(values[points[k]])));
	str_addf(&text, " 1:%s", number_text(value, fit_round(values[count - 1])));
	*out = (struct spread){ .kind = SPREAD_EMPIRICAL,
				.value = NAN,
				.mean = NAN,
				.least = NAN,
				.most = NAN,
				.mu = NAN,
				.sigma = NAN,
				.theta = NAN };
	out->quantiles = text.failed ? NULL : arena_strdup(arena, str_text(&text));
	str_release(&text);
	return out->quantiles || err_memory(err);
}

/* Equal whole numbers spread evenly over the unit around them: rounding a draw gives the number back, and a table needs
 * no points for the steps between neighbours. */
static bool fit_whole(struct spread *out, const double *values, int64_t count, struct arena *arena, struct err *err)
{
	double *smooth = mem_alloc((size_t)count * sizeof(*smooth));
	bool ok;

	if (!smooth)
		return err_memory(err);
	for (int64_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && values[end] == values[i]; end++)
			;
		for (int64_t k = i; k < end; k++)
			smooth[k] = values[i] - 0.5 + ((double)(k - i) + 0.5) / (double)(end - i);
	}
	ok = fit_quantiles(out, smooth, count, LENGTH_POINTS, arena, err);
	mem_free(smooth);
	return ok;
}

bool fit_spread(struct spread *out, const double *values, int64_t count, struct arena *arena, struct err *err)
{
	double mu = 0, square = 0, d;
	struct spread *p = out;

	*p = (struct spread){ .kind = SPREAD_FIXED,
			      .value = values[0],
			      .mean = NAN,
			      .least = NAN,
			      .most = NAN,
			      .mu = NAN,
			      .sigma = NAN,
			      .theta = NAN };
	if (values[0] == values[count - 1])
		return true;
	for (int64_t i = 0; i < count; i++)
		mu += log(values[i]) / (double)count;
	for (int64_t i = 0; i < count; i++)
		square += (log(values[i]) - mu) * (log(values[i]) - mu) / (double)count;
	p->kind = SPREAD_LOGNORMAL;
	p->value = NAN;
	p->mu = fit_round(mu);
	p->sigma = fit_round(sqrt(square));
	p->least = values[0];
	p->most = values[count - 1];
	d = distance(p, values, count, err);
	if (isnan(d))
		return false;
	return d < LOGNORMAL_KS || fit_whole(out, values, count, arena, err);
}
