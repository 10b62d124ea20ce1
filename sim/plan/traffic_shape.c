/* Demand said in one argument: the shapes of days, and their parameters. */
#include <math.h>
#include <string.h>

#include <gsl/gsl_sf_bessel.h>

#include "base/pairs.h"
#include "base/schema.h"
#include "base/str.h"
#include "sim/plan/traffic.h"

struct parameters {
	double mean, peak, peak_hour, weekend, growth;
};

#define AT(m) offsetof(struct parameters, m)
#define NUM(m, lo, hi, what) { .name = #m, .type = FIELD_NUMBER, .offset = AT(m), .to_si = 1, .least = lo, .most = hi, .help = what }
static const struct field fields[] = {
	NUM(mean, 0, 1e9, "requests a second over a working day"),
	NUM(peak, 0, 1e9, "requests a second at the busiest time"),
	NUM(peak_hour, 0, 24, "local time of the peak; 14"),
	NUM(weekend, 0, 100, "factor on Saturdays and Sundays"),
	NUM(growth, -0.9, 10, "a month: 0.05 = 5 %"),
};
static const struct element parameters_element = { .name = "demand", .fields = fields, .field_count = COUNT_OF(fields),
						   .size = sizeof(struct parameters), .help = "Parameters of a demand's shape." };

static const struct shape {
	const char *name;
	bool day;                      /* has a peak */
	double weekend;                /* unless said */
} shapes[] = { { "constant", false, 1 }, { "diurnal", true, 1 }, { "weekly", true, 0.6 }, { "growth", false, 1 } };

struct setting {
	struct parameters *p;
	const char *origin;
	struct arena *arena;
};

static bool set(void *ctx, const char *key, const char *value, struct err *err)
{
	const struct setting *s = ctx;

	return schema_set(&parameters_element, s->p, key, value, s->origin, s->arena, err);
}

/* I0(k) / exp(k) = mean / peak falls as k grows: halved down to it. */
double traffic_concentration(double peak_over_mean)
{
	double low = 0, high = 1;

	if (!(peak_over_mean > 1))
		return 0;
	while (gsl_sf_bessel_I0_scaled(high) * peak_over_mean > 1)
		high *= 2;
	for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
		double middle = (low + high) / 2;

		if (gsl_sf_bessel_I0_scaled(middle) * peak_over_mean > 1)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

static const struct shape *find(const char *text, size_t length, const char *origin, struct err *err)
{
	const char *names[COUNT_OF(shapes) + 2], *near;
	char word[64];

	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		names[i] = shapes[i].name;
		if (strlen(shapes[i].name) == length && strncmp(shapes[i].name, text, length) == 0)
			return &shapes[i];
	}
	names[COUNT_OF(shapes)] = "trace";
	names[COUNT_OF(shapes) + 1] = "csv";
	snprintf(word, sizeof(word), "%.*s", (int)(length < 63 ? length : 63), text);
	near = text_nearest(word, names, COUNT_OF(names));
	err_set(err, ERR_INPUT, "%s '%.60s': expected requests a second, FILE.csv, trace:FILE, or constant, diurnal, weekly or growth with parameters "
				"(diurnal:mean=20,peak=60,peak_hour=14)%s%s%s", origin, text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return NULL;
}

static bool check(const char *text, const char *origin, const struct shape *shape, struct parameters *p, struct err *err)
{
	if (isnan(p->mean))
		return err_set(err, ERR_INPUT, "%s '%.60s': expected mean= with it, requests a second", origin, text);
	if (!shape->day && !isnan(p->peak))
		return err_set(err, ERR_INPUT, "%s '%.60s': %s has no peak; expected diurnal or weekly", origin, text, shape->name);
	if (shape->day && isnan(p->peak))
		return err_set(err, ERR_INPUT, "%s '%.60s': expected peak= with it, requests a second at the busiest time", origin, text);
	if (shape->day && !(p->peak >= p->mean && p->peak <= 20 * p->mean))
		return err_set(err, ERR_INPUT, "%s '%.60s': peak=%g: expected between the mean and 20 times it", origin, text, p->peak);
	if (strcmp(shape->name, "growth") == 0 && isnan(p->growth))
		return err_set(err, ERR_INPUT, "%s '%.60s': expected growth= with it, a month: 0.05 = 5 %%", origin, text);
	return true;
}

bool traffic_read_shape(const char *text, const char *origin, struct traffic *out, struct arena *arena, struct err *err)
{
	const char *colon = strchr(text, ':');
	const struct shape *shape;
	struct parameters p = { NAN, NAN, NAN, NAN, NAN };
	struct setting setting = { &p, origin, arena };
	double rate;

	if (text_to_double(text, &rate)) {
		if (rate < 0)
			return err_set(err, ERR_INPUT, "%s %s: expected 0 or more requests a second", origin, text);
		out->shape.peak = rate;
		return true;
	}
	shape = find(text, colon ? (size_t)(colon - text) : strlen(text), origin, err);
	if (!shape || (colon && !pairs_each(colon + 1, origin, arena, err, set, &setting)) || !check(text, origin, shape, &p, err))
		return false;
	out->shape.peak = shape->day ? p.peak : p.mean;
	out->shape.peak_hour = isnan(p.peak_hour) ? 14 : p.peak_hour;
	out->shape.concentration = shape->day && p.mean > 0 ? traffic_concentration(p.peak / p.mean) : 0;
	out->weekend = isnan(p.weekend) ? shape->weekend : p.weekend;
	out->growth_per_month = isnan(p.growth) ? 0 : p.growth;
	return true;
}
