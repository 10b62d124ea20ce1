/* A capacity plan: demand over months, what one unit of each class can take, and from these how many devices when, bought how, at
 * what cost. Computed three times: at the likely capacity and at the ends of its interval. */
#ifndef SIM_PLAN_PLAN_H
#define SIM_PLAN_PLAN_H

#include "sim/plan/autoscale.h"
#include "sim/plan/commit.h"
#include "sim/plan/plan_spec.h"
#include "sim/plan/unit_capacity.h"

struct plan_month {
	int64_t first_day;                     /* since 1970 */
	double hours;
	double requests, demand_mean, demand_peak;
	double shortfall_requests;             /* above capacity while units start */
	double headroom;                       /* least capacity over demand, minus 1; INFINITY without demand */
	int64_t units_peak, devices_peak;
	double devices_mean;
	int64_t committed;                     /* devices */
	int64_t rented_peak;                   /* devices, on demand and spot */
	double rented_mean, spot_mean;
	double usd_committed, usd_rented, usd_spot, usd;       /* usd: their sum */
	double kwh;                            /* at the meter, also of rented devices, whose price has it in it */
};

/* One class in one region. */
struct plan_pool {
	const struct plan_class *class;
	const struct plan_region *region;
	const struct unit_capacity *unit;
	double qps;                            /* of a unit, in this case */
	double down_share;                     /* of a unit's time */
	const double *demand;                  /* requests a second, per interval */
	int64_t *held, *ready;                 /* units paid; units that serve, at least */
	double *shortfall;
	struct autoscale_totals totals, perfect;       /* perfect: with foresight and no delays */
	int64_t spares_peak;                   /* units beyond the need at the peak */
	struct plan_month *months;             /* devices and money stay 0: they are the site's */
	size_t site;
};

struct plan_price {
	double usd_per_hour;                   /* of a device; NAN: not to be had */
	const char *source;                    /* "given", or date and source of the catalog */
};

/* The devices of one kind in one region: what is bought together. */
struct plan_site {
	const struct plan_region *region;
	const struct system *system;
	const char *hardware;                  /* the system's name or its device's */
	struct plan_price on_demand, spot;
	double spot_usd_per_hour;              /* with the stand-ins of interrupted devices */
	double spot_share;                     /* 0: spot does not pay */
	struct commit_term terms[COMMIT_TERMS_MOST];           /* of one unit that is bought */
	const char *term_sources[COMMIT_TERMS_MOST];
	size_t term_count;
	double rented_usd_per_hour;            /* of a device, on demand and spot as they are mixed */
	int64_t *devices;                      /* per interval */
	int64_t *bought_units;                 /* the same in units that are bought */
	struct commit_result commits;
	struct plan_month *months;
	double usd, usd_uncommitted;           /* in all; the same if everything were rented by the hour */
};

struct plan_purchase {
	size_t month, site;
	const char *term;
	int64_t devices, until_day;
	double usd_per_hour, usd, usd_beyond;  /* of a device; inside the plan; what is owed after its end */
};

struct plan_case {
	bool possible;                         /* false: at this capacity the targets are missed at any rate */
	struct plan_pool *pools;
	size_t pool_count;
	struct plan_site *sites;
	size_t site_count;
	struct plan_month *months;             /* of all sites and pools */
	struct plan_purchase *purchases;       /* by month, site, term */
	size_t purchase_count;
	struct plan_month total;               /* of all months: sums, peaks, means */
	double usd_uncommitted, usd_beyond;
	double device_hours, perfect_device_hours;
};

struct plan {
	const struct plan_spec *spec;
	const struct scenario *const *scenarios;       /* of the classes */
	struct unit_capacity *units;           /* of the classes */
	int64_t start_day;
	size_t interval_count, month_count;
	size_t month_first[COMMIT_MONTHS_MOST + 1];
	const char **notes;                    /* one line each */
	size_t note_count;
	struct plan_case cases[CAPACITY_CASES];
};

/* Runs it; everything in *out lives in the arena. spec is settled (plan_spec_settle). */
MUST_USE bool plan_run(const struct plan_spec *spec, const struct scenario *base, const struct capacity_options *capacity, struct plan *out,
		       struct arena *arena, struct err *err);

/* All that follows once capacities are known (fills `cases`); for tests, too. */
MUST_USE bool plan_compute(struct plan *p, enum capacity_case which, double *const *demands, struct arena *arena, struct err *err);

#endif
