#include "hardware/linear.h"

#include <math.h>

#include <gsl/gsl_linalg.h>

void linear_solve(double *a, int stride, double *b, int n)
{
	gsl_matrix_view m = gsl_matrix_view_array_with_tda(a, (size_t)n, (size_t)n, (size_t)stride);
	gsl_vector_view x = gsl_vector_view_array(b, (size_t)n);

	gsl_linalg_cholesky_decomp1(&m.matrix);
	gsl_linalg_cholesky_svx(&m.matrix, &x.vector);
}

void linear_add(struct linear_normal *s, const double *terms, double value, double weight, int n)
{
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++)
			s->a[i][j] += weight * terms[i] * terms[j];
		s->b[i] += weight * terms[i] * value;
	}
}

double linear_value(const double *coefficients, const double *terms, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += coefficients[i] * terms[i];
	return sum;
}

void linear_add_relative(struct linear_normal *s, const double *terms, double value, const double *before, int n)
{
	static const double SPARED = 0.02;     /* smaller errors weigh alike */
	double missed = before ? fabs(log(fmax(linear_value(before, terms, n), 1e-12) / value)) : 1;

	linear_add(s, terms, value, 1 / (value * value * fmax(missed, SPARED)), n);
}

void linear_add_all(struct linear_normal *s, const struct linear_normal *other, double sign, int n)
{
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++)
			s->a[i][j] += sign * other->a[i][j];
		s->b[i] += sign * other->b[i];
	}
}

/* The unknowns that may differ from zero, solved alone; the others are zero in `out`. A little more on the diagonal of ones keeps terms
 * apart that are multiples of each other. */
static void solve_free(const struct linear_normal *s, const bool *free, double *out, int n)
{
	double a[LINEAR_MOST][LINEAR_MOST], b[LINEAR_MOST];
	int at[LINEAR_MOST], count = 0;

	for (int i = 0; i < n; i++) {
		out[i] = 0;
		if (free[i])
			at[count++] = i;
	}
	for (int i = 0; i < count; i++) {
		for (int j = 0; j < count; j++)
			a[i][j] = s->a[at[i]][at[j]] + (i == j ? 1e-9 : 0);
		b[i] = s->b[at[i]];
	}
	if (count > 0)
		linear_solve(&a[0][0], LINEAR_MOST, b, count);
	for (int i = 0; i < count; i++)
		out[at[i]] = b[i];
}

/* Moves x towards `to` until an unknown becomes zero, and fixes that one. False when it arrived. */
static bool step_back(double *x, const double *to, bool *free, int n)
{
	double share = 1;
	int hit = -1;

	for (int i = 0; i < n; i++)
		if (free[i] && to[i] <= 0 && x[i] / (x[i] - to[i]) <= share) {
			share = x[i] / (x[i] - to[i]);
			hit = i;
		}
	for (int i = 0; i < n; i++)
		x[i] += share * (to[i] - x[i]);
	if (hit < 0)
		return false;
	free[hit] = false;
	x[hit] = 0;
	return true;
}

/* The fixed unknown whose growth lowers the error most; -1: none. */
static int steepest(const struct linear_normal *s, const double *x, const bool *free, int n)
{
	double most = 1e-10;
	int at = -1;

	for (int i = 0; i < n; i++) {
		double slope = s->b[i];

		for (int j = 0; j < n; j++)
			slope -= s->a[i][j] * x[j];
		if (!free[i] && slope > most) {
			most = slope;
			at = i;
		}
	}
	return at;
}

void linear_nonnegative(const struct linear_normal *s, double *x, int n)
{
	struct linear_normal unit = { .b = { 0 } };    /* scaled to a diagonal of ones */
	double scale[LINEAR_MOST], to[LINEAR_MOST];
	bool free[LINEAR_MOST] = { false };

	for (int i = 0; i < n; i++) {
		scale[i] = s->a[i][i] > 0 ? 1 / sqrt(s->a[i][i]) : 0;
		x[i] = 0;
	}
	for (int i = 0; i < n; i++) {
		unit.b[i] = s->b[i] * scale[i];
		for (int j = 0; j < n; j++)
			unit.a[i][j] = s->a[i][j] * scale[i] * scale[j];
	}
	for (int rounds = 0; rounds < 3 * n; rounds++) {
		int next = steepest(&unit, x, free, n);

		if (next < 0)
			break;
		free[next] = true;
		do
			solve_free(&unit, free, to, n);
		while (step_back(x, to, free, n));
	}
	for (int i = 0; i < n; i++)
		x[i] *= scale[i];
}
