/* Sites that were not measured: which neighbours answer, at which place on their curves, with which weights. Weights are
 * positive and do not depend on what a batch changes (m, batch, q_len, kv_len, bytes), so that sums of neighbours stay
 * continuous and monotone there. */
#ifndef HARDWARE_TABLES_NEIGHBOURS_H
#define HARDWARE_TABLES_NEIGHBOURS_H

#include "hardware/tables_data.h"

enum { NEIGHBOURS = 12 };

struct neighbour {
	size_t site;
	double weight;
	double scale; /* of the time above the floor */
	double shift; /* of the batch or m: equal work per device */
};
struct neighbours {
	struct neighbour all[NEIGHBOURS];
	int count;
	double floor_s; /* launch time that does not scale */
	int shift_axis; /* -1: none */
	bool outside;
};

/* A line of sites that agree in all but one column, and the two of them around the asked value there. */
struct line {
	int64_t major, below, above; /* sites; -1: none */
	double below_v, above_v;
	int64_t next_below, next_above; /* the sites after those, for lines that end here */
	double next_below_v, next_above_v;
};
#define NO_LINE { -1, -1, -1, 0, 0, -1, -1, 0, 0 }

void grade_raise(enum grade *grade, enum grade to);

/* Whether a site counts as not measured, with the one that is left out; whether it may answer for another one. */
bool site_left_out(const struct question *q, size_t site);
bool site_usable(const struct question *q, size_t site);
/* Sites that agree in the first `keys` columns are neighbours in the table: [*low, *high). */
void sites_alike(const struct table *t, const int64_t *key, int keys, size_t *low, size_t *high);

/* How much more work the operator is than a site's: at these axes; at that site's largest shape. */
double site_work_ratio_at(const struct question *q, size_t site, const double *x);
double site_work_ratio(const struct question *q, size_t site);

void neighbours_add(struct neighbours *all, size_t site, double weight, double scale, double shift);
/* Keeps the nearest `most`; weights are 1 / distance^2. */
void neighbours_nearest(struct neighbours *all, int most, size_t site, double distance, double scale, double shift);
/* Weighted mean of the neighbours' seconds. */
double neighbours_seconds(const struct question *q, const struct neighbours *all, const double *x, enum grade *grade);

/* A site at `v` on the line, where `want` is asked. */
void line_take(struct line *line, int64_t site, double v, double want);
/* Adds the line's straight-line interpolation with `share` of the weight. Returns the error to expect from curvature, or
 * from leaving the line, in squared natural logs. */
double line_add(const struct question *q, struct neighbours *out, const struct line *l, double want, double share, double stretch);

/* Answers of one kind each; false: nothing near enough was measured. `cross`: products and experts, along the two columns
 * by whose product the work grows; `batched`: another number of matrices; `latent`: decode over a latent cache by blocks of heads. */
bool answer_cross(const struct question *q, const int64_t *key, const double *x, double *seconds, enum grade *grade);
bool answer_batched(const struct question *q, const int64_t *key, const double *x, double *seconds, enum grade *grade);
bool answer_latent(const struct question *q, const int64_t *key, const double *x, double *seconds, enum grade *grade);
bool answer_attention(const struct question *q, const int64_t *key, const double *x, double *seconds, enum grade *grade);

#endif
