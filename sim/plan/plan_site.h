/* The devices of one kind in one region: their prices, what of them to commit to, and what each month costs. */
#ifndef SIM_PLAN_PLAN_SITE_H
#define SIM_PLAN_PLAN_SITE_H

#include "sim/plan/plan.h"

/* Fills the prices of a site whose region and system are set; asked is a scenario of that system (its price attributes count).
 * ERR_INPUT when no price by the hour is known. */
MUST_USE bool plan_site_prices(const struct plan_spec *spec, const struct scenario *asked, struct plan_site *site, struct arena *arena,
			       struct err *err);

/* Splits site->devices into commitments and rent, month by month. */
MUST_USE bool plan_site_buy(const struct plan *p, struct plan_site *site, struct arena *arena, struct err *err);

#endif
