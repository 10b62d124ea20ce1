/* Where layouts around an asked one are few: universal kriging (Matheron 1969) of ln seconds over the logarithms of heads
 * and KV heads, with a linear trend, exponential covariance and a little noise. The trend carries beyond the outermost
 * layouts, the covariance keeps to the near ones. */
#include <math.h>
#include <string.h>

#include "hardware/tables_data.h"

enum { AROUND = 12, TREND = 3, SYSTEM = AROUND + TREND };
static const double RANGE = 4, NOISE = 0.01, GROUP = 0.5, SOFT = 1e-4;   /* in powers of two; see covariance */

struct place {
	double heads, kv_heads;        /* log2 */
	size_t site;
};

static double distance2(const struct place *a, const struct place *b)
{
	double h = a->heads - b->heads, g = a->kv_heads - b->kv_heads;

	return h * h + g * g + GROUP * (h - g) * (h - g);      /* queries a KV head choose the kernel */
}

static double covariance(const struct place *a, const struct place *b)
{
	return exp(-sqrt(distance2(a, b)) / RANGE);
}

static struct place place_of(const int64_t *key, size_t site)
{
	return (struct place){ log2((double)key[4]), log2((double)key[5]), site };
}

/* The nearest usable layouts of one head size, nearest first. */
static int places_around(const struct question *q, const struct place *here, size_t low, size_t high, int64_t head_dim,
			 struct place *out)
{
	int n = 0;

	for (size_t i = low; i < high; i++) {
		const struct table_site *s = &q->table->sites[i];
		struct place p = place_of(s->key, i);
		int at;

		if (s->key[3] != head_dim || (int64_t)i == q->except || s->outlier)
			continue;
		at = n < AROUND ? n++ : AROUND;
		for (; at > 0 && distance2(&out[at - 1], here) > distance2(&p, here); at--)
			if (at < AROUND)
				out[at] = out[at - 1];
		if (at < AROUND)
			out[at] = p;
	}
	return n;
}

/* Solves a x = b in place by Gaussian elimination with row pivots; false when singular. */
static bool solve(double a[SYSTEM][SYSTEM], double *b, int n)
{
	for (int c = 0; c < n; c++) {
		int pivot = c;

		for (int r = c + 1; r < n; r++)
			pivot = fabs(a[r][c]) > fabs(a[pivot][c]) ? r : pivot;
		if (fabs(a[pivot][c]) < 1e-12)
			return false;
		for (int k = 0; k < n; k++) {
			double t = a[c][k];

			a[c][k] = a[pivot][k];
			a[pivot][k] = t;
		}
		{
			double t = b[c];

			b[c] = b[pivot];
			b[pivot] = t;
		}
		for (int r = c + 1; r < n; r++) {
			double f = a[r][c] / a[c][c];

			for (int k = c; k < n; k++)
				a[r][k] -= f * a[c][k];
			b[r] -= f * b[c];
		}
	}
	for (int c = n; c-- > 0;) {
		for (int k = c + 1; k < n; k++)
			b[c] -= a[c][k] * b[k];
		b[c] /= a[c][c];
	}
	return true;
}

/* Weights of the places for the value here; they sum to 1 and reproduce every linear function. */
static bool weights(const struct place *around, int n, const struct place *here, double *out)
{
	double a[SYSTEM][SYSTEM] = { { 0 } };

	for (int i = 0; i < n; i++) {
		const double trend[TREND] = { 1, around[i].heads - here->heads, around[i].kv_heads - here->kv_heads };

		for (int j = 0; j < n; j++)
			a[i][j] = covariance(&around[i], &around[j]) + (i == j ? NOISE : 0);
		for (int k = 0; k < TREND; k++)
			a[i][n + k] = a[n + k][i] = trend[k];
		out[i] = covariance(&around[i], here);
	}
	for (int k = 0; k < TREND; k++) {
		a[n + k][n + k] = -SOFT;
		out[n + k] = k == 0;
	}
	return solve(a, out, n + TREND);
}

double layout_trend(const struct question *q, const int64_t *key, size_t low, size_t high, int64_t head_dim, const double *x)
{
	struct place around[AROUND], here = place_of(key, 0);
	double w[SYSTEM] = { 0 }, sum = 0;
	enum grade ignored = GRADE_EXACT;
	int n = places_around(q, &here, low, high, head_dim, around);

	if (n < TREND + 1 || !weights(around, n, &here, w))
		return NAN;
	for (int i = 0; i < n; i++)
		sum += w[i] * log(site_seconds(q, around[i].site, x, &ignored));
	return exp(sum);
}
