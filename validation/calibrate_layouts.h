/* Attention in head layouts between and beyond those that were measured. A kernel says what it does with a layout: cached heads are units of their own, and the
 * queries that share one go through together. A law of these counts is fitted to the measured layouts, and what the nearest of them differ from it is
 * carried over, length by length. */
#ifndef VALIDATION_CALIBRATE_LAYOUTS_H
#define VALIDATION_CALIBRATE_LAYOUTS_H

#include <stddef.h>

#include "hardware/operator.h"

enum { LAYOUT_TERMS = 5 };
/* What the kernel has to do for an operator (OP_ATTENTION_PREFILL, OP_ATTENTION_DECODE) on the busiest of so many threads. */
void layout_terms(const struct op *op, int threads, double out[LAYOUT_TERMS]);

struct layout_point {
	struct op op;
	double seconds;
};
/* Points of one kind, head size and cache format. */
struct layout_points {
	const struct layout_point *at;
	size_t count;
	int threads;
	double law[LAYOUT_TERMS];
};
/* Coefficients of least relative error, none negative. */
void layout_fit(struct layout_points *p);
/* Seconds of an operator whose layout is none of the points'. NAN where fewer than two of them were measured at its lengths. */
double layout_seconds(const struct layout_points *p, const struct op *op);

#endif
