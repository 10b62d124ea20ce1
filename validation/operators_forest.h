/* The incumbent: what a random forest, trained on the same points, says of sites that it has not seen. */
#ifndef VALIDATION_OPERATORS_FOREST_H
#define VALIDATION_OPERATORS_FOREST_H

#include "base/attr.h"
#include "validation/operators.h"

/* Fills predicted_s[ESTIMATE_FOREST] of `count` points of one group, whose `site` numbers the sites: ten forests, each
 * trained without a tenth of the sites (of experts: the models), answer for those. It learns ln(seconds) from the logarithms of the shape's extents,
 * its FLOPs and its bytes. */
MUST_USE bool operators_forest(struct operator_point *points, const size_t *site, size_t count, struct err *err);

#endif
