/* Requests a second over months: a pattern from a file, a trace or a shape, read at the times of a plan. */
#ifndef SIM_PLAN_TRAFFIC_H
#define SIM_PLAN_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

/* Rates that each hold until the next begins. */
struct traffic_steps {
	const double *from_s, *rate;           /* from_s[0] = 0, rising */
	const double *before;                  /* requests in the period before each step */
	size_t count;
	double period_s;                       /* then it repeats */
	double first_day_s;                    /* seconds since 1970 of from_s[0] when the file has dates, else NAN */
};

/* A day of the von Mises form, peak exp(k (cos(hour angle) - 1)): the circular normal curve whose mean is peak I0(k) / exp(k). */
struct traffic_shape {
	double peak, peak_hour;                /* peak_hour: local time */
	double concentration;                  /* k; 0: constant */
};

struct traffic {
	struct traffic_steps steps;            /* count 0: the shape */
	struct traffic_shape shape;
	double weekend;                        /* factor on Saturdays and Sundays */
	double growth_per_month;               /* 0.05: 5 % more each month, compounded continuously */
	const char *note;                      /* what a user must know ("... is repeated"), or NULL */
};

/*
 * Reads what a demand is said to be:
 *     20                                     constant, requests a second
 *     diurnal:mean=20,peak=60,peak_hour=14   a day's curve; weekly: has quieter weekends, too; constant: and growth: are flat
 *     FILE.csv, csv:FILE                     a header with requests_per_s and time_s or date; a rate holds until the next line
 *     trace:FILE                             arrivals of a request trace, counted in bins of bin_s
 * Every shape takes weekend= and growth=. What lasts less than horizon_s repeats: by whole weeks, else whole days, else as it
 * is; the note says so. Everything lives in the arena.
 */
MUST_USE bool traffic_read(const char *text, const char *origin, double bin_s, double horizon_s, struct traffic *out, struct arena *arena,
			   struct err *err);

/* A month of growth, seconds: a twelfth of the mean year. */
#define TRAFFIC_MONTH_S (365.25 / 12 * 86400)

/* Rates of `count` intervals from start_s (since 1970, UTC) at a place whose clocks are utc_offset_s ahead: the mean of an
 * interval for steps, the value at its beginning for shapes. */
void traffic_rates(const struct traffic *t, double start_s, double utc_offset_s, double interval_s, size_t count, double *out);

/* k of the day whose peak is so many times its mean (at least 1). */
double traffic_concentration(double peak_over_mean);

/* Copies steps that a reader found; rows holds `count` pairs of from_s and rate. */
MUST_USE bool traffic_keep_steps(const double (*rows)[2], size_t count, double period_s, struct traffic *out, struct arena *arena, struct err *err);

/* The sources behind traffic_read. */
MUST_USE bool traffic_read_shape(const char *text, const char *origin, struct traffic *out, struct arena *arena, struct err *err);
MUST_USE bool traffic_read_csv(const char *path, struct traffic *out, struct arena *arena, struct err *err);
MUST_USE bool traffic_read_trace(const char *path, double bin_s, struct traffic *out, struct arena *arena, struct err *err);

#endif
