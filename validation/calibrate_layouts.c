#include "validation/calibrate_layouts.h"

#include <math.h>
#include <string.h>

#include "hardware/linear.h"
#include "kernels/core/attention_private.h"

enum { THREADS_MOST = 64, ROUNDS = 3, NEAREST = 2 };
static const double FETCH_ROWS = 12;   /* rows whose products take as long as widening and turning the keys of a step: for sharing out tasks alone */
static const double KV_HEADS_WEIGH = 0.3;      /* of the distance between layouts, beside queries a head: units are alike */

static double runs_of(const struct op *op, double *queries)
{
	double group = (double)op->heads / (double)op->kv_heads;

	*queries = fmax(floor(PREFILL_ROWS / group), 1);
	return ceil((double)op->q_len / *queries);
}

/* Tasks of prefill: queries of one head of the cache, those that see most first, to whichever thread is free. */
static void prefill_terms(const struct op *op, int threads, double *out)
{
	double queries, runs = runs_of(op, &queries), group = (double)op->heads / (double)op->kv_heads, load[THREADS_MOST] = { 0 }, all = 0, most = 0, share;

	for (double run = runs - 1; run >= 0; run--) {
		double count = fmin((double)op->q_len - run * queries, queries), rows = count * group;
		double steps = ceil((op->kv_len - (double)op->q_len + run * queries + count) / PREFILL_KEYS);

		for (int64_t h = 0; h < op->kv_heads * op->batch; h++) {
			int free = 0;

			for (int t = 1; t < threads && t < THREADS_MOST; t++)
				free = load[t] < load[free] ? t : free;
			load[free] += steps * (rows + FETCH_ROWS);
			all += steps * (rows + FETCH_ROWS);
			out[1] += rows;
			out[2] += steps;
			out[3] += steps * rows;
		}
	}
	for (int t = 0; t < threads && t < THREADS_MOST; t++)
		most = fmax(most, load[t]);
	share = most / all;
	out[1] *= share;
	out[2] *= share;
	out[3] *= share;
}

/* Units of decode: chunks of a context times heads of the cache, as many to each thread. */
static void decode_terms(const struct op *op, int threads, double *out)
{
	double slots = (double)attention_slots(op->heads / op->kv_heads), heads = (double)(op->batch * op->kv_heads);

	out[1] = heads * slots / threads;
	out[2] = heads * ceil(op->kv_len / DECODE_CHUNK) / threads;
	out[3] = heads * op->kv_len / threads;
	out[4] = heads * op->kv_len * slots / threads;
}

void layout_terms(const struct op *op, int threads, double out[LAYOUT_TERMS])
{
	memset(out, 0, LAYOUT_TERMS * sizeof(*out));
	out[0] = 1;
	if (op->kind == OP_ATTENTION_PREFILL)
		prefill_terms(op, threads, out);
	else
		decode_terms(op, threads, out);
}

void layout_fit(struct layout_points *p)
{
	memset(p->law, 0, sizeof(p->law));
	for (int round = 0; round < ROUNDS; round++) {
		struct linear_normal sums = { .b = { 0 } };
		double before[LAYOUT_TERMS];

		memcpy(before, p->law, sizeof(before));
		for (size_t i = 0; i < p->count; i++) {
			double terms[LAYOUT_TERMS];

			layout_terms(&p->at[i].op, p->threads, terms);
			linear_add_relative(&sums, terms, p->at[i].seconds, round ? before : NULL, LAYOUT_TERMS);
		}
		linear_nonnegative(&sums, p->law, LAYOUT_TERMS);
	}
}

static double law_seconds(const struct layout_points *p, const struct op *op)
{
	double terms[LAYOUT_TERMS];

	layout_terms(op, p->threads, terms);
	return linear_value(p->law, terms, LAYOUT_TERMS);
}

static double distance(const struct op *a, const struct op *b)
{
	double group = log((double)a->heads * (double)b->kv_heads / ((double)b->heads * (double)a->kv_heads));

	return fabs(group) + KV_HEADS_WEIGH * fabs(log((double)a->kv_heads / (double)b->kv_heads));
}

static bool same_lengths(const struct op *a, const struct op *b)
{
	return a->batch == b->batch && a->q_len == b->q_len && a->kv_len == b->kv_len && a->window == b->window;
}

double layout_seconds(const struct layout_points *p, const struct op *op)
{
	const struct layout_point *near[NEAREST] = { NULL };
	double sum = 0, weights = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct layout_point *one = &p->at[i];

		/* In order of distance; whom it takes the place of goes on to the next. */
		for (int n = 0; one && same_lengths(&p->at[i].op, op) && n < NEAREST; n++) {
			const struct layout_point *other = near[n];

			if (other && distance(&other->op, op) <= distance(&one->op, op))
				continue;
			near[n] = one;
			one = other;
		}
	}
	if (!near[NEAREST - 1])
		return NAN;
	for (int n = 0; n < NEAREST; n++) {
		double w = 1 / fmax(distance(&near[n]->op, op), 1e-3);

		sum += w * log(near[n]->seconds / law_seconds(p, &near[n]->op));
		weights += w;
	}
	return law_seconds(p, op) * exp(sum / weights);
}
