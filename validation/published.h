/* Published serving results against their simulation: every row becomes a scenario or says why it cannot. */
#ifndef VALIDATION_PUBLISHED_H
#define VALIDATION_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "validation/published_case.h"
#include "validation/rows.h"

struct published_outcome {
	const struct published_row *row;
	struct published_case set;
	const char *source, *metric;   /* how the source begins; kind of metric: "ttft, concurrency <= 8", "tpot" ... */
	double predicted;              /* in the row's unit; NAN when not simulated */
	double error;                  /* predicted / published - 1 */
	double measured, operators;    /* share priced from the device's own tables; e50 of the operators (sim/interval.h) */
	bool saturated;                /* a latency of a server that was driven to its limits */
	double least, most;            /* the 80 % interval that `run` prints, in the row's unit; NAN: not simulated for this row */
	const char *reason;            /* over 40 %: why, as far as known; "" = unexplained */
	bool held_out;                 /* nothing in the program was fitted to rows of its source, accelerator and model */
};

enum { BY_ALL, BY_SOURCE, BY_ACCELERATOR, BY_MODEL, BY_METRIC, BY_COUNT };
extern const char *const published_by_names[BY_COUNT];

struct published_group {
	int by;                        /* BY_... */
	const char *name;
	size_t rows, simulated, over;  /* simulated: of those held out; over: their errors above 40 % */
	double median, mean, p90, bias;        /* of |error|; bias: median of error; NAN without rows */
	size_t intervals, inside;      /* rows (of both halves) with an interval, and those whose published figure is in it */
	size_t seen;                   /* simulated rows of the half that coefficients may be fitted to */
	double seen_median;
};

struct published_study {
	struct arena *arena;           /* holds everything */
	struct published_rows rows;
	struct published_outcome *outcomes;    /* one a row, in the order of the file */
	struct published_group *groups;        /* by BY_..., then by name */
	size_t group_count;
	size_t why[WHY_COUNT];         /* rows not simulated, by reason */
	size_t simulations;
	double wall_s;
};

/* What a study is asked for, and told how far it is. */
struct published_options {
	const char *path;              /* the CSV */
	const char *source, *accelerator, *model;      /* only rows that hold this text; NULL: all */
	size_t intervals;              /* so many of the simulations are run at both ends of their interval; 0: none */
	int threads;                   /* 0: as many as processors; results do not depend on it */
	void (*progress)(void *ctx, double share);
	void *ctx;
};
MUST_USE struct published_study *published_validate(const struct published_options *o, struct err *err);
void published_study_free(struct published_study *s);          /* NULL is fine */

/* The group of that kind and name; NULL. */
const struct published_group *published_group(const struct published_study *s, int by, const char *name);

/* 80 % quantile of what rows of the half that may be fitted to are off by beyond their operators (sim/interval.h); NAN. */
struct published_width {
	double times, first_token;     /* natural logarithms */
	size_t rows[2], groups[2];     /* behind each */
};
MUST_USE bool published_width(const struct published_study *s, bool measured, struct published_width *out, struct err *err);

/* The stored medians: CSV "by,group,rows,median,p90". Checking fails (ERR_CHECK) when a group of the file is worse by more
 * than two points, or has fewer rows simulated. */
MUST_USE bool published_baseline_write(const struct published_study *s, const char *path, struct err *err);
MUST_USE bool published_baseline_check(const struct published_study *s, const char *path, struct err *err);

#endif
