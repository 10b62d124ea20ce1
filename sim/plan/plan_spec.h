/* What a capacity plan is asked: demand, the mix of classes, regions, redundancy, scaling and prices, as plain data. One table
 * (plan_element) drives the XML file, the options and the error texts. */
#ifndef SIM_PLAN_PLAN_SPEC_H
#define SIM_PLAN_PLAN_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"
#include "sim/scenario.h"

struct plan_demand {
	const char *rate;                      /* sim/plan/traffic.h; requests a second of all regions and classes */
	double growth_per_month, weekend;      /* NAN: what the rate says itself */
};

struct plan_set {
	const char *path, *value;              /* an attribute of the class's scenario, by path or last word */
};
struct plan_class {
	const char *name, *scenario;           /* scenario: a file or catalog name; NULL: the plan's */
	double share;                          /* of the requests */
	const char *rate;                      /* a demand of its own; NULL: its share of the plan's */
	struct plan_set *sets;
	size_t set_count;
};

struct plan_region {
	const char *name;
	double share;                          /* of the requests */
	double price_factor;                   /* on rented prices */
	double utc_offset_s;                   /* its clocks are so far ahead: days begin earlier */
	double usd_per_kwh;                    /* for devices that are bought; 0: the usual */
};

struct plan_redundancy {
	int64_t spares;                        /* at least so many units more than needed: n+1 is 1 */
	double mtbf_s, mttr_s;                 /* of a device; mtbf NAN: none fails */
	double availability;                   /* share of time in which enough units are to be up */
};

struct plan_scaling {
	int policy;                            /* index into autoscale_policies */
	double startup_s, react_s, scale_down_s;
	int64_t least;                         /* units of each class and region, always */
	double headroom;                       /* share of capacity kept free */
};

struct plan_buying {
	/* USD a device-hour; NAN: the catalog's, or not to be had. */
	double on_demand, reserved_1y, reserved_3y, spot;
	double spot_share;                     /* of what is rented, at most so much is spot */
	double spot_interruptions;             /* a device-hour */
	bool own;                              /* devices may be bought, too */
	double own_usd;                        /* price of one device; NAN: the catalog's */
	int64_t own_months;                    /* the purchase is spread over them */
	int64_t every_months;                  /* commitments are made every so many months */
	bool within;                           /* no commitment may reach beyond the plan */
	int64_t unit_devices;                  /* bought or rented so many at once */
};

struct plan_spec {
	const char *title, *start;             /* start: a date; NULL: the demand's own or 2027-01-01 */
	int64_t months;
	double interval_s;
	struct plan_demand demand;
	struct plan_redundancy redundancy;
	struct plan_scaling scaling;
	struct plan_buying buying;
	struct plan_class *classes;
	size_t class_count;
	struct plan_region *regions;
	size_t region_count;
};
extern const struct element plan_element;

/* The defaults; path: a plan's XML file over them, or NULL. NULL + err on failure. */
MUST_USE struct plan_spec *plan_spec_load(const char *path, struct arena *arena, struct err *err);

/* "chat:share=0.7,model=llama-3.1-8b,slo.ttft_p99=1": adds a class; what is not an attribute of a class is one of its scenario. */
MUST_USE bool plan_spec_class(struct plan_spec *spec, const char *text, const char *origin, struct arena *arena, struct err *err);
/* "eu:share=0.4,price_factor=1.1,utc_offset_h=1": adds a region. */
MUST_USE bool plan_spec_region(struct plan_spec *spec, const char *text, const char *origin, struct arena *arena, struct err *err);
/* "n+1", "none" */
MUST_USE bool plan_spec_redundancy(struct plan_spec *spec, const char *text, const char *origin, struct err *err);

/* Checks what the table cannot: shares add up, names differ, intervals divide a day. Adds the one class and region that a plan
 * without any has. */
MUST_USE bool plan_spec_settle(struct plan_spec *spec, const struct scenario *base, struct arena *arena, struct err *err);

/* The scenario of a class: its own file or the base, changed by its sets. NULL + err on failure. */
MUST_USE struct scenario *plan_spec_scenario(const struct plan_class *c, const struct scenario *base, struct arena *arena, struct err *err);

#endif
