#include "base/sketch.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/sum.h"

/* Values from 2^-40 (1 ps) to 2^40 s: 80 powers of two of 1,024 buckets; smaller and larger ones are clamped. */
enum { PART_BITS = 10, EXPONENT_LEAST = -40, EXPONENT_MOST = 40,
       BUCKETS = (EXPONENT_MOST - EXPONENT_LEAST) << PART_BITS };

struct sketch {
	struct block_sum sum;
	double total, zero, least, most;
	double adds;                   /* values added, whatever their weight */
	double count[BUCKETS];
};

struct sketch *sketch_new(void)
{
	struct sketch *s = mem_calloc(1, sizeof(*s));  /* pages that no value falls into stay untouched */

	if (s) {
		s->least = INFINITY;
		s->most = -INFINITY;
	}
	return s;
}

void sketch_clear(struct sketch *s)
{
	memset(s, 0, sizeof(*s));
	s->least = INFINITY;
	s->most = -INFINITY;
}

void sketch_free(struct sketch *s)
{
	mem_free(s);
}

/* The exponent and the first mantissa bits of a double, read as one integer, number the buckets in order. */
static inline int64_t place_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return (int64_t)(bits >> (52 - PART_BITS)) - ((int64_t)(1023 + EXPONENT_LEAST) << PART_BITS);
}

static inline int64_t bucket_of(double value)
{
	int64_t i = place_of(value);

	return LIKELY((uint64_t)i < BUCKETS) ? i : i < 0 ? 0 : BUCKETS - 1;
}

/* Lower edge of bucket i (edge BUCKETS is the end of the last one). */
static double edge(int64_t i)
{
	uint64_t bits = (uint64_t)(i + ((int64_t)(1023 + EXPONENT_LEAST) << PART_BITS)) << (52 - PART_BITS);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline void note(struct sketch *s, double value, double weight)
{
	if (value < s->least)
		s->least = value;
	if (value > s->most)
		s->most = value;
	s->total += weight;
}

void sketch_add(struct sketch *s, double value, double weight)
{
	if (LIKELY(value > 0 && value < INFINITY && weight > 0)) {
		s->adds++;
		note(s, value, weight);
		s->count[bucket_of(value)] += weight;
		block_sum_add(&s->sum, value * weight);
	} else if (value <= 0 && value > -INFINITY && weight > 0) {
		s->adds++;
		note(s, 0, weight);
		s->zero += weight;
	}
}

void sketch_add_many(struct sketch *s, const double *values, int64_t count)
{
	double least = s->least, most = s->most;
	struct block_sum sum = s->sum;         /* apart, so that it stays in registers */
	int64_t other = 0;

	for (int64_t i = 0; i < count; i++) {
		double value = values[i];

		if (UNLIKELY(!(value > 0 && value < INFINITY))) {
			other++;
			continue;
		}
		least = value < least ? value : least;
		most = value > most ? value : most;
		s->count[bucket_of(value)]++;
		block_sum_add(&sum, value);
	}
	s->sum = sum;
	s->least = least;
	s->most = most;
	s->adds += (double)(count - other);
	s->total += (double)(count - other);
	for (int64_t i = 0; other > 0 && i < count; i++)
		if (!(values[i] > 0) || !isfinite(values[i]))
			sketch_add(s, values[i], 1);
}

void sketch_add_ramp(struct sketch *s, double first, double step, int64_t count, double weight)
{
	double last = first + step * (double)(count - 1);
	int64_t done = 0, a, b, buckets;

	if (count <= 0 || !(weight > 0) || !isfinite(first) || !isfinite(last))
		return;
	if (count < 3 || first <= 0 || last <= 0) {
		for (int64_t i = 0; i < count; i++)
			sketch_add(s, first + step * (double)i, weight);
		return;
	}
	note(s, first, 0);
	note(s, last, weight * (double)count);
	s->adds += (double)count;
	block_sum_add(&s->sum, weight * (double)count * (first + last) / 2);
	a = bucket_of(first);
	b = bucket_of(last);
	buckets = a < b ? b - a : a - b;
	if (buckets == 0) {
		s->count[a] += weight * (double)count;
		return;
	}
	/* Looking for the borders of a bucket costs as much as many values that surely have one. */
	if (count < 16 * buckets && a > 0 && b > 0 && a < BUCKETS - 1 && b < BUCKETS - 1) {
		for (double i = 0; i < (double)count; i++)
			s->count[place_of(first + step * i)] += weight;
		return;
	}
	while (done < count) {
		int64_t upto = count;

		b = bucket_of(first + step * (double)done);
		/* Values past either end share a bucket: there is no border to look for. */
		if (step != 0 && !(step > 0 && b == BUCKETS - 1) && !(step < 0 && b == 0)) {
			double border = step > 0 ? edge(b + 1) : edge(b), steps = (border - first) / step;

			if (steps < (double)count)
				upto = (int64_t)ceil(steps);
			while (upto > done + 1 && bucket_of(first + step * (double)(upto - 1)) != b)
				upto--;
			while (upto < count && bucket_of(first + step * (double)upto) == b)
				upto++;
			if (upto <= done)
				upto = done + 1;
		}
		s->count[b] += weight * (double)(upto - done);
		done = upto;
	}
}

void sketch_merge(struct sketch *into, const struct sketch *from)
{
	into->total += from->total;
	into->zero += from->zero;
	into->adds += from->adds;
	block_sum_add(&into->sum, block_sum_get(&from->sum));
	into->least = fmin(into->least, from->least);
	into->most = fmax(into->most, from->most);
	for (int i = 0; i < BUCKETS; i++)
		into->count[i] += from->count[i];
}

double sketch_count(const struct sketch *s)
{
	return s->total;
}

double sketch_sum(const struct sketch *s)
{
	return block_sum_get(&s->sum);
}

double sketch_mean(const struct sketch *s)
{
	return s->total > 0 ? block_sum_get(&s->sum) / s->total : 0;
}

double sketch_min(const struct sketch *s)
{
	return s->total > 0 ? s->least : 0;
}

double sketch_max(const struct sketch *s)
{
	return s->total > 0 ? s->most : 0;
}

/* The value at a rank in units of weight, 0 <= rank < total. The values of a bucket count as spread evenly over it. */
static double value_at(const struct sketch *s, double rank, int64_t *bucket, double *seen)
{
	int64_t last = bucket_of(s->most);

	if (rank < s->zero || s->most <= 0)
		return 0;
	for (; *bucket <= last; ++*bucket) {
		double count = s->count[*bucket], low, share;

		if (rank < *seen + count) {
			low = edge(*bucket);
			share = fmin((rank - *seen + s->total / s->adds / 2) / count, 1);
			return fmin(fmax(low + share * (edge(*bucket + 1) - low), s->least), s->most);
		}
		*seen += count;
	}
	return s->most;
}

/* A place among the buckets, with the weight below it; ranks asked for in ascending order walk over them once. */
struct cursor {
	int64_t bucket;
	double seen;
};

static struct cursor first(const struct sketch *s)
{
	return (struct cursor){ s->least > 0 ? bucket_of(s->least) : 0, s->zero };
}

static double quantile_at(const struct sketch *s, double q, struct cursor *c)
{
	double each, h, rank, low, high;
	struct cursor next;

	if (!(s->total > 0))
		return 0;
	if (q <= 0)
		return s->least;
	if (q >= 1)
		return s->most;
	/* As exact_quantile: between the two values around (n - 1) q. With unequal weights, "one value" is their mean weight. */
	each = s->total / s->adds;
	h = q * (s->total - each);
	rank = floor(h / each) * each;
	low = value_at(s, rank, &c->bucket, &c->seen);
	next = *c;
	high = value_at(s, rank + each, &next.bucket, &next.seen);
	return low + (h - rank) / each * (high - low);
}

double sketch_quantile(const struct sketch *s, double q)
{
	struct cursor c = first(s);

	return quantile_at(s, q, &c);
}

void sketch_quantiles(const struct sketch *s, int count, double *out)
{
	struct cursor c = first(s);

	for (int i = 0; i < count; i++)
		out[i] = quantile_at(s, (double)i / (count - 1), &c);
}

double exact_quantile(double *values, int64_t count, double q)
{
	double h = (double)(count - 1) * q, low, high;
	int64_t i = (int64_t)h;

	if (count <= 0)
		return 0;
	if (i >= count - 1)
		return gsl_stats_select(values, 1, (size_t)count, (size_t)count - 1);
	low = gsl_stats_select(values, 1, (size_t)count, (size_t)i);
	/* What is not below it stands behind it now: the next value is the least of that. */
	high = values[i + 1];
	for (int64_t k = i + 2; k < count; k++)
		high = values[k] < high ? values[k] : high;
	return low + (h - (double)i) * (high - low);
}
