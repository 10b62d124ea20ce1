/* What to reserve, from when and for how long, so that devices over time cost the least: exact, by minimum-cost flow.
 *
 * R_m devices are under commitments in month m; what demand has above them is rented by the hour. With one commitment that lasts
 * as long as the plan this is the classic break-even on the load-duration curve: the r-th device is worth reserving when the
 * share of time with demand of r or more exceeds its price over that of renting. */
#ifndef SIM_PLAN_COMMIT_H
#define SIM_PLAN_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

enum { COMMIT_TERMS_MOST = 4, COMMIT_MONTHS_MOST = 120, COMMIT_LEVELS_MOST = 200000 };

struct commit_term {
	const char *name;                      /* "reserved-1y" */
	int64_t months;
	double usd_per_hour;                   /* of one device, paid all hours of the term */
};

struct commit_problem {
	const int64_t *demand;                 /* devices in each interval */
	size_t count;
	double interval_s;
	const size_t *month_first;             /* months + 1: first interval of each month, then count */
	size_t months;
	double usd_per_hour;                   /* of a device rented by the hour */
	const struct commit_term *terms;
	size_t term_count;
	size_t every;                          /* bought only in every so many-th month from the first; 0 is 1 */
	bool within;                           /* no commitment may reach beyond the last month */
};

struct commitment {
	size_t month;                          /* bought at its beginning */
	size_t term;
	int64_t devices;
};
struct commit_result {
	struct commitment *bought;             /* by month, then term; in the arena */
	size_t count;
	int64_t reserved[COMMIT_MONTHS_MOST];  /* devices under commitments in each month */
};
/* ERR_INPUT when there are more devices or months than the limits above. */
MUST_USE bool commit_solve(const struct commit_problem *p, struct commit_result *out, struct arena *arena, struct err *err);

/* USD of these commitments inside the plan's months plus what is rented above them: what commit_solve makes least. */
double commit_usd(const struct commit_problem *p, const struct commit_result *r);

#endif
