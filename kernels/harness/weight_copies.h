/* As many copies of a packed matrix as the last-level cache cannot hold several times over, used in turn: each is met as an engine meets its
 * matrices, after all the others. Pushing one matrix out of the caches leaves near what leads to its pages, and small matrices came
 * back from memory in three quarters of the time. */
#ifndef KERNELS_HARNESS_WEIGHT_COPIES_H
#define KERNELS_HARNESS_WEIGHT_COPIES_H

#include "base/attr.h"
#include "kernels/core/weights.h"

struct weight_copies;
/* NULL without memory, or where the matrix alone is larger than that cache several times over: no copies are needed. */
struct weight_copies *weight_copies_new(const struct weights *of, int threads);
void weight_copies_free(struct weight_copies *c);      /* NULL is fine */
const struct weights *weight_copies_next(struct weight_copies *c);

#endif
