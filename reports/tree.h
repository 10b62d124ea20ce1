/* The technology tree as it stands: every module with its mechanism, kernel and published figures. Plain data, filled by the
 * front door, shown as table, JSON and page. */
#ifndef REPORTS_TREE_H
#define REPORTS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/table.h"

struct tree_figure {
	const char *figure, *unit, *source, *reason;
	double published, simulated, rel_error;        /* NAN: not simulated */
	bool held_out;
};

struct tree_kernel {
	const char *name, *device, *at;        /* NULL: none yet */
	bool verified;
	double rel_error;
	double predicted, measured;            /* gain over the baseline; NAN: not measured */
	const char *gain_device, *gain_at;     /* where and when: NULL without */
	bool gain_here;                        /* by a run of this user's, not by the shipped table */
};

struct tree_text { const char *text, *source; };
struct tree_param { const char *name, *fallback, *range, *unit, *source, *help; };

struct tree_module {
	const char *id, *area;
	bool mechanism;                        /* an entry bound to a family; all below is empty without */
	const char *family, *title, *idea, *slot, *composes;
	struct tree_text *papers, *formulas, *costs, *pitfalls, *excludes;
	size_t paper_count, formula_count, cost_count, pitfall_count, exclude_count;
	struct tree_param *params;
	size_t param_count;
	struct tree_kernel kernel;
	struct tree_figure *figures;
	size_t figure_count;
};

/* Gain over the plain model against one quantity of the batch. */
struct tree_point { double x, plain, with; };
struct tree_curve {
	const char *title, *x_label;
	struct tree_point *points;
	size_t count;
};

struct tree {
	struct tree_module *at;
	size_t count;
};

const char *tree_status(const struct tree_module *m);         /* "missing"; "mechanism"; "published": figures simulated;
							* "verified": and a kernel; "complete": and its gain measured */
/* Median absolute error of the held-out figures that were simulated; NAN without. */
double tree_error(const struct tree_module *m);
MUST_USE bool tree_table(const struct tree *tree, const struct term *term, struct str *out, struct err *err);
MUST_USE bool tree_json(const struct tree *tree, struct str *out, struct err *err);
MUST_USE bool tree_page(const struct tree *tree, struct str *out, struct err *err);
MUST_USE bool tree_module_text(const struct tree_module *m, const struct tree_curve *curves, size_t curve_count, const struct term *term,
			       struct str *out, struct err *err);
MUST_USE bool tree_module_page(const struct tree_module *m, const struct tree_curve *curves, size_t curve_count, struct str *out, struct err *err);

#endif
