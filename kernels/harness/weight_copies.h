/* As many copies of packed matrices as the last-level cache cannot hold several times over, used in turn: each is met as an engine meets its
 * matrices, after all the others. Pushing one matrix out of the caches leaves near what leads to its pages, and small matrices came
 * back from memory in three quarters of the time; but a last-level cache keeps a part of what comes back in turn, so that what was used is pushed out
 * as well, when the next ones are asked for. */
#ifndef KERNELS_HARNESS_WEIGHT_COPIES_H
#define KERNELS_HARNESS_WEIGHT_COPIES_H

#include "base/attr.h"
#include "kernels/core/weights.h"

/* Matrices that are used together: experts of a layer. */
struct weight_copies;
/* NULL without memory, or where the matrices alone are larger than that cache several times over: no copies are needed. */
struct weight_copies *weight_copies_new(struct weights *const *of, int64_t matrices, int threads);
void weight_copies_free(struct weight_copies *c);      /* NULL is fine */
struct weights *const *weight_copies_next(struct weight_copies *c);    /* one copy of each */

#endif
