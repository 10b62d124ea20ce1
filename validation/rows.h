/* Rows of published measurements: one figure each, with the setting it was measured in. */
#ifndef VALIDATION_ROWS_H
#define VALIDATION_ROWS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

/* Texts are as in the file, "" when the source does not say. */
struct published_row {
	const char *id, *model, *precision, *accelerator, *parallelism, *scenario, *isl, *osl, *batch, *metric, *unit, *source,
		*confidence;
	const char *reason;            /* why the row is known to be off, from the file; "" */
	const char *fault;             /* why its figures cannot be read, with file and line; NULL: they can */
	const char *extra;             /* columns that we do not know, as "name=value; name=value" */
	double value;                  /* in the row's own unit */
	double devices;                /* n_accel; 0: not stated */
	long line;
};

struct published_rows {
	const char *path;
	struct published_row *at;      /* in the arena, as in the file */
	size_t count;
};

/* Reads a CSV by column name: id, model, accelerator, metric, value, unit and source must be there. Everything lives in
 * the arena. A row whose figures cannot be read stays, with its fault; two rows of one id are refused. */
MUST_USE bool published_rows_load(const char *path, struct published_rows *out, struct arena *arena, struct err *err);

#endif
