/* A fleet that follows demand: events over the curve, with the time that a replica takes to start and the delay before one is let
 * go. Demand holds during an interval; between events nothing changes, so the result is exact for that curve. */
#ifndef SIM_PLAN_AUTOSCALE_H
#define SIM_PLAN_AUTOSCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct autoscale_delays {
	double react_s;                        /* from a change of demand to the scaler's decision */
	double startup_s;                      /* from the decision to a replica that serves; it is paid meanwhile */
	double scale_down_s;                   /* a replica is let go once it was not wanted for so long */
};

/* What a policy sees. Everything is per interval. */
struct autoscale_view {
	const double *demand;                  /* requests a second */
	size_t count;
	double interval_s;
	const size_t *month_first;             /* months + 1 */
	size_t months;
	struct autoscale_delays delays;
	/* Replicas for that demand, spares included. */
	int64_t (*need)(void *ctx, double demand);
	void *ctx;
};

/* One line each in autoscale.c. */
struct autoscale_policy {
	const char *name, *help;
	bool delayed;                          /* delays apply; else what is wanted is there at once */
	/* Replicas wanted from each interval on. */
	bool (*wanted)(const struct autoscale_view *v, int64_t *out, struct err *err);
};
extern const struct autoscale_policy autoscale_policies[];            /* ends with a NULL name */
extern const char *const autoscale_policy_names[];                    /* NULL-terminated, in the same order */

struct autoscale_totals {
	double requests;                       /* in all */
	double shortfall_requests;             /* above what the replicas that are up can take */
	double shortfall_s;                    /* time in which there were such */
	double held_s;                         /* replica-seconds paid, starting ones included */
	int64_t starts, stops;
};
/*
 * Runs the policy. held[i]: the most replicas paid for at any time of interval i; ready[i]: the fewest that served in it;
 * shortfall[i]: requests above capacity (each of `count`). capacity: requests a second of one replica.
 */
MUST_USE bool autoscale_run(const struct autoscale_view *v, const struct autoscale_policy *policy, int64_t least, double capacity, int64_t *held,
			    int64_t *ready, double *shortfall, struct autoscale_totals *out, struct err *err);

#endif
