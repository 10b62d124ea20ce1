/* All samples of a calibration in one SQLite file: nothing measured is lost, and an interrupted calibration goes on. */
#ifndef VALIDATION_SAMPLE_STORE_H
#define VALIDATION_SAMPLE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "kernels/harness/timing.h"

struct sample_store;
/* Opens or makes it. What is there stays when `identity` (host, settings) is that of the last time and that did not finish, unless
 * `fresh`. */
MUST_USE struct sample_store *sample_store_open(const char *path, const char *identity, bool fresh, struct err *err);
void sample_store_close(struct sample_store *s);       /* NULL is fine */
bool sample_store_has(struct sample_store *s, int round, size_t visit);
/* One visit: all its points at once or none of them. */
MUST_USE bool sample_store_begin(struct sample_store *s, struct err *err);
MUST_USE bool sample_store_put(struct sample_store *s, int round, size_t visit, int shape, const char *label, const char *variant,
			       const struct samples *samples, struct err *err);
MUST_USE bool sample_store_commit(struct sample_store *s, struct err *err);
/* Adds the samples of a point, of all rounds, in order. */
MUST_USE bool sample_store_get(struct sample_store *s, size_t visit, int shape, struct samples *out, struct err *err);
MUST_USE bool sample_store_finish(struct sample_store *s, struct err *err);

#endif
