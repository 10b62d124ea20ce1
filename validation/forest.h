/* A random forest of regression trees (Breiman 2001): the usual way to predict operator times from a profile, here only as
 * the incumbent that the tables and laws have to beat on shapes they have not seen. */
#ifndef VALIDATION_FOREST_H
#define VALIDATION_FOREST_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct forest;
struct forest_options {
	int trees, depth;              /* depth: of a tree at most */
	size_t leaf;                   /* points in a leaf at least */
	uint64_t seed;
};
/* Learns y from count rows of `features` numbers each (row after row in x). Every tree sees as many rows drawn with
 * replacement, every split half of the features. Split points lie between distinct values, of which a feature keeps 255
 * evenly chosen ones at most. NULL + err without memory. */
MUST_USE struct forest *forest_train(const double *x, const double *y, size_t count, size_t features,
				     const struct forest_options *options, struct err *err);
double forest_predict(const struct forest *f, const double *row);
void forest_free(struct forest *f);            /* NULL is fine */

#endif
