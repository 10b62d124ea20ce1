/* The history of one figure over the runs of a database: a series for each scenario, where its level changed, and how it is shown. */
#ifndef REPORTS_TREND_H
#define REPORTS_TREND_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/stats.h"
#include "base/str.h"
#include "reports/side.h"
#include "reports/table.h"

struct trend_series {
	const char *name;
	const struct side_case **runs; /* oldest first; each with one figure */
	double *values;
	size_t count;
	struct stats_change change;    /* Pettitt's test over all of them */
	double before, after;          /* medians of the two levels; NAN without a change */
};
struct trend {
	const char *figure;
	struct trend_series *series;   /* in the order of their oldest runs */
	size_t count;
	size_t left_off;               /* scenarios with one run only: no history */
};
#define TREND_SIGNIFICANCE 0.05

/* Groups a history (side_of_history) by title and inputs. ERR_INPUT when no scenario has two runs. */
MUST_USE bool trend_of(const struct side *history, const char *figure, struct arena *arena, struct trend *out, struct err *err);

/* Eight levels between the least and the largest value, at most `columns` signs, each the last value of its share of the runs. */
void trend_sparkline(struct str *out, const double *values, size_t count, size_t columns, bool utf8);

MUST_USE bool trend_text(const struct trend *t, const struct term *term, struct str *out, struct err *err);
MUST_USE bool trend_json(const struct trend *t, struct str *out, struct err *err);      /* vibee.trend/1 */
MUST_USE bool trend_markdown(const struct trend *t, struct str *out, struct err *err);
MUST_USE bool trend_html(const struct trend *t, struct str *out, struct err *err);

#endif
