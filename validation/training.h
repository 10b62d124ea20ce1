/* Published training results against their simulation: every row becomes a job or says why it cannot. */
#ifndef VALIDATION_TRAINING_H
#define VALIDATION_TRAINING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "reports/store.h"
#include "reports/table.h"
#include "validation/training_case.h"

struct training_outcome {
	const struct published_row *row;
	struct training_case set;
	const char *source;            /* how the source begins */
	const char *metric;            /* kind of metric */
	double predicted, error;       /* in the row's unit; predicted / published - 1; NAN: not simulated */
	bool held_out;                 /* no coefficient was fitted to its source, accelerator and model */
	bool compared;                 /* of the half that is judged */
};
struct training_group {
	const char *by, *name;
	size_t rows, simulated, over;
	double median, p90, bias;      /* of the rows held out */
};
struct training_study {
	struct arena *arena;
	struct published_rows rows;
	struct training_outcome *outcomes;
	struct training_group *groups;
	size_t group_count, simulations;
	double wall_s;
	bool fitted_rows;              /* which half */
};
struct training_filter {
	const char *path, *source, *accelerator, *model;
	bool fitted_rows;              /* judge the rows that coefficients may be fitted to instead of those held out */
	void (*progress)(void *ctx, double share);
	void *ctx;
};
MUST_USE struct training_study *training_validate(const struct training_filter *f, struct err *err);
void training_study_free(struct training_study *s);

MUST_USE bool training_text(const struct training_study *s, size_t worst, const struct term *term, struct str *out, struct err *err);
MUST_USE bool training_json(const struct training_study *s, struct str *out, struct err *err);
MUST_USE const struct validation_error *training_errors(const struct training_study *s, size_t *count, struct err *err);

#endif
