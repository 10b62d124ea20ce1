/* Inside hardware/tables*.c and profile_*.c: how a table is laid out, read and evaluated. */
#ifndef HARDWARE_TABLES_DATA_H
#define HARDWARE_TABLES_DATA_H

#include <stdint.h>

#include "hardware/tables.h"

/* Columns of a table file. `prior` is derived: kv_len - q_len. */
enum column {
	COL_DTYPE,
	COL_KV_DTYPE,
	COL_M,
	COL_N,
	COL_K,
	COL_BATCH,
	COL_HEADS,
	COL_KV_HEADS,
	COL_HEAD_DIM,
	COL_Q_LEN,
	COL_KV_LEN,
	COL_WINDOW,
	COL_EXPERTS,
	COL_EXPERTS_TOTAL,
	COL_TOP_K,
	COL_GATED,
	COL_SKEW,
	COL_BYTES,
	COL_DEVICES,
	COL_DEVICES_PER_NODE,
	COL_OUTLIER,
	COL_SECONDS,
	COL_POWER_W,
	COL_PRIOR,
	COL_COUNT
};
extern const char *const column_names[]; /* NULL-terminated, without `prior` */

enum { KEY_MOST = 8, AXIS_MOST = 3 };
enum blend { BLEND_LINEAR, BLEND_LOG }; /* straight lines in (x, seconds), or in their logarithms */

/* How operators of one kind are tabulated: the columns that name a site (in sorting order), then those of its axes,
 * outermost first. */
struct table_shape {
	enum op_kind kind;
	int keys, axes;
	enum column key[KEY_MOST], axis[AXIS_MOST];
	enum blend blend[AXIS_MOST];
};
const struct table_shape *table_shape(enum op_kind kind); /* NULL: such operators have no tables */

/* Inner nodes of a site's axes: `count` children from `first` (nodes of the next axis, or points). */
struct table_node {
	double x;
	uint32_t first, count;
};
struct table_site {
	int64_t key[KEY_MOST];
	uint32_t first, count;
	bool outlier; /* slower than layouts with more work: true of that kernel, no guide to its neighbours */
};
/* Experts that the software brings a tuned configuration of its kernel for, by number format, how many a device holds and their
 * width (header lines "tuned/FORMAT: 8x14336 ..."). */
struct tuned_experts {
	enum dtype dtype;
	int64_t experts, n;
};
struct table {
	const struct table_shape *shape;
	char *path, *stack, *source, *licence;
	struct table_site *sites;
	size_t site_count, site_capacity;
	struct table_node *nodes[AXIS_MOST - 1];
	size_t node_count[AXIS_MOST - 1], node_capacity[AXIS_MOST - 1];
	double *x, *seconds; /* points: innermost axis and time */
	size_t point_count, x_capacity, seconds_capacity;
	size_t rows_of[DTYPE_COUNT]; /* by key[0] */
	double floor_s[DTYPE_COUNT]; /* fastest point of each number format (key[0]): launch time */
	double error_exact, error_between, error_site, error_outside;
	double error_site_of[DTYPE_COUNT], error_outside_of[DTYPE_COUNT]; /* by key[0]; 0: as error_site, error_outside */
	struct expert_laws *laws; /* NULL: no table of experts */
	struct tuned_experts *tuned;
	size_t tuned_count, tuned_capacity;
	double error_transfer; /* of another device: what restating it adds; 0: measured here */
	struct choices *choices; /* what was found out about sites that were not measured (tables_choice.h) */
};
MUST_USE struct table *table_read(const char *path, const char *stack, enum op_kind kind, struct err *err);
MUST_USE struct table *table_read_text(const char *path, char *text, size_t length, const char *stack,
				       enum op_kind kind, struct err *err); /* text ends with a NUL and is changed */
void table_release(struct table *t);
/* Restates a table for the device of these limits (tables_transfer.c). */
MUST_USE bool table_transfer(struct table *t, const struct tables_limits *limits, const struct tables_transfer *how,
			     struct err *err);

/* Raises every point of a site to what the points before it along every axis take: more work never takes less. `op` is any of
 * the site's (tables_transfer.c). */
void site_raise(struct table *t, const struct tables_limits *limits, const struct op *op, size_t site);

/* How good an answer is; the worst of its parts. */
enum grade { GRADE_EXACT, GRADE_BETWEEN, GRADE_SITE, GRADE_OUTSIDE };

struct question {
	const struct table *table;
	const struct tables_limits *limits;
	const struct op *op;
	int64_t except; /* leave this site out, of experts all of its model (for measuring errors); -1: none */
	const struct table_site *as; /* the operator is this site's, otherwise as asked; NULL: as asked */
};
/* Seconds of one site at x[axes]; raises *grade. */
double site_seconds(const struct question *q, size_t site, const double *x, enum grade *grade);
/* Seconds from the whole table; false when it cannot answer. */
bool table_answer(const struct question *q, double *seconds, enum grade *grade);
void table_points(const struct table *t, struct tables_point *out); /* every point, in order (tables_points.c) */
double roofline_seconds(const struct tables_limits *limits, const struct op *op);
/* The operator's site and place in a table of this shape, with its number format as given or its 16-bit twin. */
void op_key(const struct table_shape *shape, const struct op *op, enum dtype dtype, int64_t *key);
void op_axes(const struct table_shape *shape, const struct op *op, double *x);
void op_at(const struct table_shape *shape, const double *x, struct op *op); /* the reverse of op_axes */
/* Experts: seconds of m tokens by a law of the table's other models and what the sites of [low, high), as far as usable,
 * differ from it. Never falls with m. False when too little was measured. */
bool experts_trend(const struct question *q, const int64_t *key, size_t low, size_t high,
		   bool (*usable)(const struct question *, size_t), double m, double *seconds, enum grade *grade);
/* Seconds that m tokens take when each chooses for itself (operator.h), over those that they take as the benchmark deals them out:
 * by the law, busiest device against the timed one. */
double experts_by_chance(const struct question *q, const int64_t *key, double m);
/* Laws of a table of experts, fitted when first asked (tables_experts.c). */
struct expert_laws;
MUST_USE struct expert_laws *expert_laws_new(struct err *err);
void expert_laws_free(struct expert_laws *laws); /* NULL is fine */
int64_t site_find(const struct table *t, const int64_t *key);                /* -1 when absent */
/* The operator whose site this is, otherwise as given. */
void site_op(const struct table *t, const struct table_site *site, struct op *op);

#endif
