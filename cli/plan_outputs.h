/* The forms in which a capacity plan is shown. */
#ifndef CLI_PLAN_OUTPUTS_H
#define CLI_PLAN_OUTPUTS_H

#include "base/str.h"
#include "reports/sheet.h"
#include "sim/plan/plan.h"

struct plan_view {
	const struct plan *plan;
	const char *title;
	struct arena *arena;
};

/* The tables, plan_tables.c. NULL + err when memory ran out; free with sheet_free. */
MUST_USE struct sheet *plan_units_sheet(const struct plan_view *v, struct err *err);
MUST_USE struct sheet *plan_months_sheet(const struct plan_view *v, bool all, struct err *err);
MUST_USE struct sheet *plan_pools_sheet(const struct plan_view *v, struct err *err);
MUST_USE struct sheet *plan_sites_sheet(const struct plan_view *v, struct err *err);
MUST_USE struct sheet *plan_purchases_sheet(const struct plan_view *v, struct err *err);
MUST_USE struct sheet *plan_prices_sheet(const struct plan_view *v, struct err *err);
/* Lines below the tables: cost with its interval, what it would be otherwise, lost requests. */
void plan_summary(const struct plan_view *v, struct str *out);

MUST_USE bool plan_text(const struct plan_view *v, struct str *out, struct err *err);
MUST_USE bool plan_html(const struct plan_view *v, struct str *out, struct err *err);
MUST_USE bool plan_csv(const struct plan_view *v, struct str *out, struct err *err);           /* months */
/* One line an interval, region and class. */
MUST_USE bool plan_intervals_csv(const struct plan_view *v, struct str *out, struct err *err);
MUST_USE bool plan_json(const struct plan_view *v, struct str *out, struct err *err);          /* vibee.plan/1 */

/* The drawings, plan_drawings.c. */
struct plan_drawing {
	const char *name, *caption;
	bool (*draw)(const struct plan_view *v, bool standalone, struct str *out, struct err *err);
};
extern const struct plan_drawing plan_drawings[];      /* ends with a NULL name */

#endif
