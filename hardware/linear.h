/* Small dense linear systems: a handful of unknowns, on the caller's stack. */
#ifndef HARDWARE_LINEAR_H
#define HARDWARE_LINEAR_H

#include <stdbool.h>

enum { LINEAR_MOST = 8 };

/* Solves a x = b in place (b becomes x, a is used up; rows of a are `stride` apart) for n > 0 unknowns and a symmetric positive definite a,
 * as sums of squares with a little noise on the diagonal are: GSL's Cholesky, which allocates nothing. */
void linear_solve(double *a, int stride, double *b, int n);

/* Normal equations of a least-squares problem with n <= LINEAR_MOST unknowns: a sum over observations, so that those of one
 * source can be taken out again. */
struct linear_normal {
	double a[LINEAR_MOST][LINEAR_MOST], b[LINEAR_MOST];
};
/* Adds the observation sum_i terms[i] x[i] = value, with that weight. */
void linear_add(struct linear_normal *s, const double *terms, double value, double weight, int n);
/* sum_i coefficients[i] terms[i]. */
double linear_value(const double *coefficients, const double *terms, int n);
/* Adds the observation of a positive value with the weight of its relative error. With coefficients of the round `before` (NULL: the
 * first), what those missed by more weighs less, so that rounds lead to the least mean of relative errors, not of their squares. */
void linear_add_relative(struct linear_normal *s, const double *terms, double value, const double *before, int n);
/* s += sign x other. */
void linear_add_all(struct linear_normal *s, const struct linear_normal *other, double sign, int n);
/* The x >= 0 of least squared error (Lawson and Hanson 1974, chapter 23, on the normal equations). Unknowns whose terms are
 * all zero are zero. */
void linear_nonnegative(const struct linear_normal *s, double *x, int n);

#endif
