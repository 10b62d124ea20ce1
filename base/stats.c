#include "base/stats.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "base/mem.h"
#include "base/rng.h"

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void stats_sort(double *values, size_t count)
{
	if (count > 1)
		qsort(values, count, sizeof(*values), ascending);
}

double stats_median(const double *sorted, size_t count)
{
	if (count == 0)
		return NAN;
	return count % 2 ? sorted[count / 2] : sorted[count / 2 - 1] + (sorted[count / 2] - sorted[count / 2 - 1]) / 2;
}

struct stats_interval stats_median_interval(const double *sorted, size_t count, double coverage)
{
	size_t k = 1;
	double tail;

	if (count == 0)
		return (struct stats_interval){ NAN, NAN, 0 };
	/* The median lies below the k-th smallest when fewer than k samples lie below it: P(Bin(n, 1/2) <= k - 1). */
	while (2 * (k + 1) <= count && 1 - 2 * gsl_cdf_binomial_P((unsigned)k, 0.5, (unsigned)count) >= coverage)
		k++;
	tail = gsl_cdf_binomial_P((unsigned)k - 1, 0.5, (unsigned)count);
	return (struct stats_interval){ sorted[k - 1], sorted[count - k], fmax(0, 1 - 2 * tail) };
}

/* Values of both samples with their twice the midrank, a whole number. */
struct ranked {
	double value;
	size_t from;                   /* 0: a, 1: b; or the place in a history */
	int64_t rank2;
};

static int by_value(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

/* Sorts and fills the ranks; returns the sum of t^3 - t over runs of t equal values. */
static double rank(struct ranked *all, size_t count)
{
	double ties = 0;

	qsort(all, count, sizeof(*all), by_value);
	for (size_t i = 0, j; i < count; i = j) {
		double t;

		for (j = i + 1; j < count && all[j].value == all[i].value;)
			j++;
		for (size_t k = i; k < j; k++)
			all[k].rank2 = (int64_t)(i + j + 1);
		t = (double)(j - i);
		ties += t * t * t - t;
	}
	return ties;
}

/* The share of choices of `chosen` ranks whose sum is at least as far from its mean as the one seen. Dynamic programming over the
 * ranks: ways[c * width + s] is in how many ways c of them add up to s. */
static bool exact_p(const struct ranked *all, size_t count, size_t chosen, int64_t sum2, double *p, struct err *err)
{
	size_t width = count * (count + 1) + 1;
	double *ways = mem_calloc((chosen + 1) * width, sizeof(*ways));
	double mean2 = (double)chosen * (double)(count + 1), far = fabs((double)sum2 - mean2), as_far = 0, total = 0;

	if (!ways)
		return err_memory(err);
	ways[0] = 1;
	for (size_t i = 0; i < count; i++)
		for (size_t c = i + 1 < chosen ? i + 1 : chosen; c >= 1; c--)
			for (size_t s = width - 1; s >= (size_t)all[i].rank2; s--)
				ways[c * width + s] += ways[(c - 1) * width + s - (size_t)all[i].rank2];
	for (size_t s = 0; s < width; s++) {
		total += ways[chosen * width + s];
		if (fabs((double)s - mean2) >= far)
			as_far += ways[chosen * width + s];
	}
	mem_free(ways);
	*p = as_far / total;
	return true;
}

static double normal_p(double u, double n, double m, double ties)
{
	double all = n + m, variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));
	double z = (fabs(u - n * m / 2) - 0.5) / sqrt(variance);        /* 0.5: u moves in steps */

	return variance > 0 ? fmin(1, 2 * gsl_cdf_ugaussian_Q(fmax(z, 0))) : 1;
}

bool stats_mann_whitney(const double *a, size_t a_count, const double *b, size_t b_count, struct stats_mann_whitney *out, struct err *err)
{
	size_t count = a_count + b_count;
	struct ranked *all;
	int64_t sum2 = 0;
	double ties;
	bool ok = true;

	*out = (struct stats_mann_whitney){ NAN, 1, true };
	if (a_count == 0 || b_count == 0)
		return true;
	all = mem_alloc(count * sizeof(*all));
	if (!all)
		return err_memory(err);
	for (size_t i = 0; i < count; i++)
		all[i] = (struct ranked){ i < a_count ? a[i] : b[i - a_count], i >= a_count, 0 };
	ties = rank(all, count);
	for (size_t i = 0; i < count; i++)
		sum2 += all[i].from == 0 ? all[i].rank2 : 0;
	out->u = (double)sum2 / 2 - (double)a_count * (double)(a_count + 1) / 2;
	out->exact = count <= STATS_EXACT_MOST;
	if (out->exact)
		ok = exact_p(all, count, a_count, sum2, &out->p, err);
	else
		out->p = normal_p(out->u, (double)a_count, (double)b_count, ties);
	mem_free(all);
	return ok;
}

/* U_t = 2 (sum of the first t ranks) - t (n + 1): all of the sums from twice the ranks. *at is t. */
static int64_t largest_u(const int64_t *rank2, size_t count, size_t *at)
{
	int64_t u = 0, most = 0;

	*at = 0;
	for (size_t t = 1; t < count; t++) {
		u += rank2[t - 1] - (int64_t)(count + 1);
		if (llabs(u) > most) {
			most = llabs(u);
			*at = t;
		}
	}
	return most;
}

/* Of several places with the largest |U| (values between the levels move it nowhere) the one with the largest step. */
static size_t steepest(const double *values, const int64_t *rank2, size_t count, int64_t k)
{
	double step = -1;
	int64_t u = 0;
	size_t at = 0;

	for (size_t t = 1; t < count; t++) {
		u += rank2[t - 1] - (int64_t)(count + 1);
		if (llabs(u) == k && fabs(values[t] - values[t - 1]) > step) {
			step = fabs(values[t] - values[t - 1]);
			at = t;
		}
	}
	return at;
}

static void swap(int64_t *a, int64_t *b)
{
	int64_t t = *a;

	*a = *b;
	*b = t;
}

enum { ALL_ORDERS_MOST = 7, SHUFFLES = 9999 };

/* Heap's algorithm: every order once. */
static double p_of_all_orders(int64_t *rank2, size_t count, int64_t k)
{
	size_t c[ALL_ORDERS_MOST] = { 0 }, i = 0, at;
	double orders = 1, as_large = largest_u(rank2, count, &at) >= k;

	while (i < count) {
		if (c[i] >= i) {
			c[i++] = 0;
			continue;
		}
		swap(&rank2[i % 2 ? c[i] : 0], &rank2[i]);
		as_large += largest_u(rank2, count, &at) >= k;
		orders++;
		c[i]++;
		i = 0;
	}
	return as_large / orders;
}

static double p_of_shuffles(int64_t *rank2, size_t count, int64_t k)
{
	double as_large = 1;           /* the order seen is one of them */
	struct rng rng;
	size_t at;

	rng_init(&rng, 1979, "pettitt");
	for (int n = 0; n < SHUFFLES; n++) {
		for (size_t i = count - 1; i > 0; i--)
			swap(&rank2[i], &rank2[rng_below(&rng, i + 1)]);
		as_large += largest_u(rank2, count, &at) >= k;
	}
	return as_large / (SHUFFLES + 1);
}

bool stats_change_point(const double *values, size_t count, struct stats_change *out, struct err *err)
{
	struct ranked *all = count > 1 ? mem_alloc(count * sizeof(*all)) : NULL;
	int64_t *rank2 = count > 1 ? mem_alloc(count * sizeof(*rank2)) : NULL, k;

	*out = (struct stats_change){ 0, 0, 1 };
	if (count > 1 && all && rank2) {
		for (size_t i = 0; i < count; i++)
			all[i] = (struct ranked){ values[i], i, 0 };
		rank(all, count);
		for (size_t i = 0; i < count; i++)
			rank2[all[i].from] = all[i].rank2;
		k = largest_u(rank2, count, &out->at);
		out->at = k > 0 ? steepest(values, rank2, count, k) : 0;
		out->k = (double)k;
		if (k > 0)
			out->p = count <= ALL_ORDERS_MOST ? p_of_all_orders(rank2, count, k) : p_of_shuffles(rank2, count, k);
	}
	mem_free(rank2);
	mem_free(all);
	return count <= 1 || (all && rank2) || err_memory(err);
}
