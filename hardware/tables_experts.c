/* Expert layouts of models that were not measured. A law takes out what differs between models,
 *
 *     seconds = start + flops / rate + weights / stream + all rows / a + rows here / b + activations / c
 *
 * with what the benchmark spread over this device's experts (expert_load.h): FLOPs of its (token, expert) pairs; weights of the
 * experts that have tokens; elements of the hidden size moved for every pair of the layer, which kernels that sort, gather and
 * sum all of them do wherever the expert lives, and for the pairs here; elements between the two products. FLOPs cost another
 * rate where the software brings a tuned configuration (a table's header says for which experts). Its seven
 * coefficients, none negative, are those of least relative error over the table's sites of the number format (of other models
 * than the one left out, when errors are measured), large ones weighed less. What sites differ from the law is kriged over
 * hidden size, width, experts, share of them chosen, choices, whether the experts are spread over devices (engines run
 * another kernel then) and whether they are tuned for; at as many tokens and at as many rows an expert, the mean of both: kernels
 * choose their tiles by either. */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "hardware/expert_load.h"
#include "hardware/kriging.h"
#include "hardware/linear.h"
#include "hardware/tables_data.h"

static const struct kriging experts = { .dims = 7, .range = 3, .noise = 0.2 };
enum { AROUND = 16, TERMS = 7, MODELS_MOST = 32, POINTS_MOST = 2000, POINTS_LEAST = 30, ROUNDS = 6 };
static const double SHARE_OF_PEAK = 0.6, SHARE_OF_BANDWIDTH = 0.8;

/* One model's part of the fit: experts of one layer, however they are spread. */
struct model {
	int64_t gated, top_k, total, hidden;
	size_t points;
	struct linear_normal sums;
};
struct expert_law {
	size_t points;
	double all[TERMS];             /* coefficients over every model */
	struct linear_normal sums;
	struct model models[MODELS_MOST];
	int count;
};
struct expert_laws {
	pthread_mutex_t lock;
	_Atomic(struct expert_law *) of[DTYPE_COUNT];  /* NULL: not asked yet */
};

struct expert_laws *expert_laws_new(struct err *err)
{
	struct expert_laws *laws = mem_calloc(1, sizeof(*laws));

	if (laws)
		pthread_mutex_init(&laws->lock, NULL);
	else
		err_memory(err);
	return laws;
}

void expert_laws_free(struct expert_laws *laws)
{
	if (!laws)
		return;
	for (int i = 0; i < DTYPE_COUNT; i++)
		mem_free(atomic_load_explicit(&laws->of[i], memory_order_relaxed));
	pthread_mutex_destroy(&laws->lock);
	mem_free(laws);
}

/* Spreads of the layers asked for at one number of tokens: neighbours are the same few models, split in several ways. */
struct spreads {
	struct expert_spread of[AROUND];
	int count;
};

static const struct expert_spread *spread_of(struct spreads *s, const int64_t *key, int64_t tokens)
{
	int i = 0;

	while (i < s->count && (s->of[i].total != key[4] || s->of[i].top_k != key[3] || s->of[i].tokens != tokens ||
				s->of[i].skewed != (key[2] > 0)))
		i++;
	if (i == s->count) {
		i = s->count < AROUND ? s->count++ : AROUND - 1;
		expert_spread(key[4], key[3], tokens, key[2] > 0, &s->of[i]);
	}
	return &s->of[i];
}

static bool tuned(const struct table *t, const int64_t *key)
{
	for (size_t i = 0; i < t->tuned_count; i++)
		if (t->tuned[i].dtype == (enum dtype)key[0] && t->tuned[i].experts == key[7] && t->tuned[i].n == key[6])
			return true;
	return false;
}

/* Rows of both products. Kernels of 4-bit weights with power-of-two scales work in tiles of the next power of two of what an expert
 * gets were all of them here: Triton's matmul_ogs (triton_kernels/matmul_ogs_details/opt_flags.py; Hopper, under vLLM and TensorRT-LLM). */
static double rows_worked_on(const int64_t *key, double m, const struct expert_spread *spread, double touched, double pairs)
{
	double tile = exp2(ceil(log2(fmax(m * (double)key[3] / (double)key[7], 1))));

	return key[0] == DTYPE_MXFP4 ? expert_padded(spread, touched, pairs, fmin(fmax(tile, 16), 128)) : pairs;
}

static void terms_with(const struct table *t, const int64_t *key, double m, const struct expert_spread *spread, double touched, double pairs,
		       double *x)
{
	double top_k = (double)key[3], hidden = (double)key[5], width = (double)key[6];
	double weights = (key[1] ? 3 : 2) * hidden * width, flops = 2 * rows_worked_on(key, m, spread, touched, pairs) * weights;
	bool own = tuned(t, key);

	x[0] = 1;
	x[1] = own ? 0 : flops;
	x[2] = touched * weights;
	x[3] = m * top_k * hidden;
	x[4] = pairs * hidden;
	x[5] = pairs * width;
	x[6] = own ? flops : 0;
}

static void terms_of(const struct table *t, const int64_t *key, double m, struct spreads *spreads, double *x)
{
	const struct expert_spread *spread = spread_of(spreads, key, llround(fmax(m, 1)));
	double touched, pairs;

	expert_load(spread, key[7], &touched, &pairs);
	terms_with(t, key, m, spread, touched, pairs, x);
}

static bool same_model(const struct model *m, const int64_t *key)
{
	return m->gated == key[1] && m->top_k == key[3] && m->total == key[4] && m->hidden == key[5];
}

static struct model *model_of(struct expert_law *law, const int64_t *key)
{
	int i = 0;

	while (i < law->count && !same_model(&law->models[i], key))
		i++;
	if (i == MODELS_MOST)
		return &law->models[MODELS_MOST - 1];
	if (i == law->count)
		law->models[law->count++] = (struct model){ .gated = key[1], .top_k = key[3], .total = key[4], .hidden = key[5] };
	return &law->models[i];
}

struct observation {
	double terms[TERMS], seconds;
	struct model *model;
};

/* Every so many of the format's points. */
static size_t observe(const struct table *t, enum dtype dtype, struct expert_law *law, struct observation *out)
{
	size_t every = t->rows_of[dtype] / POINTS_MOST + 1, seen = 0, n = 0;

	for (size_t i = 0; i < t->site_count; i++) {
		const struct table_site *s = &t->sites[i];

		if (s->key[0] != (int64_t)dtype || s->outlier)
			continue;
		for (size_t p = s->first; p < s->first + s->count; p++) {
			struct spreads spreads = { .count = 0 };

			if (seen++ % every)
				continue;
			terms_of(t, s->key, t->x[p], &spreads, out[n].terms);
			out[n].seconds = t->seconds[p];
			out[n++].model = model_of(law, s->key);
		}
	}
	return n;
}

/* Least relative error; points that the fit before missed by more weigh less. */
static void fit_all(struct expert_law *law, const struct observation *seen, size_t n)
{
	for (int round = 0; round < ROUNDS; round++) {
		law->sums = (struct linear_normal){ .b = { 0 } };
		for (int m = 0; m < law->count; m++) {
			law->models[m].points = 0;
			law->models[m].sums = law->sums;
		}
		for (size_t i = 0; i < n; i++) {
			linear_add_relative(&seen[i].model->sums, seen[i].terms, seen[i].seconds, round ? law->all : NULL, TERMS);
			seen[i].model->points++;
		}
		for (int m = 0; m < law->count; m++)
			linear_add_all(&law->sums, &law->models[m].sums, 1, TERMS);
		linear_nonnegative(&law->sums, law->all, TERMS);
	}
	law->points = n;
}

/* NULL: no memory. */
static struct expert_law *law_new(const struct table *t, enum dtype dtype)
{
	struct observation *seen = mem_alloc((POINTS_MOST + 1) * sizeof(*seen));
	struct expert_law *law = seen ? mem_calloc(1, sizeof(*law)) : NULL;

	if (law)
		fit_all(law, seen, observe(t, dtype, law, seen));
	mem_free(seen);
	return law;
}

/* Fits it unless that was done. NULL: no memory. Thread-safe. */
static const struct expert_law *law_get(const struct table *t, enum dtype dtype)
{
	struct expert_laws *laws = t->laws;
	struct expert_law *law = atomic_load_explicit(&laws->of[dtype], memory_order_acquire);

	if (LIKELY(law != NULL))
		return law;
	pthread_mutex_lock(&laws->lock);
	law = atomic_load_explicit(&laws->of[dtype], memory_order_relaxed);
	if (!law) {
		law = law_new(t, dtype);
		atomic_store_explicit(&laws->of[dtype], law, memory_order_release);
	}
	pthread_mutex_unlock(&laws->lock);
	return law;
}

/* Where too few points say anything: the data sheet at common shares of its rates, rows moved in and out once as 16 bits. */
static void law_of_data_sheet(const struct question *q, const int64_t *key, double *coefficients)
{
	double peak = q->limits->peak_flop_s[key[0] % DTYPE_COUNT], bandwidth = q->limits->bandwidth_bytes_s;
	double per_byte = bandwidth > 0 ? 1 / (SHARE_OF_BANDWIDTH * bandwidth) : 0;

	coefficients[0] = q->table->floor_s[key[0] % DTYPE_COUNT];
	coefficients[1] = coefficients[6] = peak > 0 ? 1 / (SHARE_OF_PEAK * peak) : 0;
	coefficients[2] = per_byte * dtype_bytes((enum dtype)key[0]);
	coefficients[3] = coefficients[4] = coefficients[5] = 4 * per_byte;
}

/* Where no experts that are tuned for were seen, or no others, they count alike. */
static void one_rate_for_both(const struct linear_normal *sums, const struct linear_normal *all, double *coefficients)
{
	if (sums->a[6][6] <= 1e-9 * all->a[6][6])
		coefficients[6] = coefficients[1];
	if (sums->a[1][1] <= 1e-9 * all->a[1][1])
		coefficients[1] = coefficients[6];
}

/* Coefficients for the question. */
static void law_of(const struct question *q, const int64_t *key, double *coefficients)
{
	const struct expert_law *law = law_get(q->table, (enum dtype)(key[0] % DTYPE_COUNT));
	size_t points = law ? law->points : 0;

	if (law) {
		memcpy(coefficients, law->all, sizeof(law->all));
		one_rate_for_both(&law->sums, &law->sums, coefficients);
	}
	for (int m = 0; law && q->except >= 0 && m < law->count; m++)
		if (same_model(&law->models[m], q->table->sites[q->except].key)) {
			struct linear_normal others = law->sums;

			linear_add_all(&others, &law->models[m].sums, -1, TERMS);
			linear_nonnegative(&others, coefficients, TERMS);
			one_rate_for_both(&others, &law->sums, coefficients);
			points -= law->models[m].points;
		}
	if (points < POINTS_LEAST)
		law_of_data_sheet(q, key, coefficients);
}

static struct kriging_place expert_place(const struct table *t, const int64_t *key, size_t site)
{
	return (struct kriging_place){
		.at = { log((double)key[5]), log((double)key[6]), log((double)key[7]), log((double)key[3] / (double)key[4]),
			log((double)key[3]), key[7] < key[4], tuned(t, key) ? experts.range : 0 },
		.tag = (long long)site,
	};
}

struct kriged {
	const struct question *q;
	const int64_t *key;
	double law[TERMS];
	struct kriging_place around[AROUND];
	double weights[AROUND];
	int count;
};

/* What a neighbour differs from the law by, at so many tokens (in logarithms). */
static double differs(const struct kriged *k, size_t site, double m, struct spreads *spreads)
{
	const struct table *t = k->q->table;
	const struct table_site *s = &t->sites[site];
	double terms[TERMS], x[AXIS_MOST] = { fmin(fmax(round(m), 1), t->x[s->first + s->count - 1]) };
	enum grade ignored = GRADE_EXACT;

	terms_of(t, s->key, x[0], spreads, terms);
	return log(site_seconds(k->q, site, x, &ignored) / linear_value(k->law, terms, TERMS));
}

static double kriged_at(const struct kriged *k, double m)
{
	struct spreads spreads = { .count = 0 };
	double terms[TERMS], sum = 0;

	for (int i = 0; i < k->count; i++) {
		size_t site = (size_t)k->around[i].tag;
		const int64_t *have = k->q->table->sites[site].key;
		double as_many_rows = m * (double)(k->key[3] * have[4]) / (double)(k->key[4] * have[3]);

		sum += k->weights[i] * (differs(k, site, m, &spreads) + differs(k, site, as_many_rows, &spreads)) / 2;
	}
	terms_of(k->q->table, k->key, m, &spreads, terms);
	return linear_value(k->law, terms, TERMS) * exp(sum);
}

/* Between `at` tokens, which take `low`, and twice as many: straight lines (in logarithms) from quarter to quarter, where tiles of
 * rows fill up. */
static double within_octave(const struct kriged *k, double at, double m, double low)
{
	double high = fmax(kriged_at(k, 2 * at), low), before = low, here = low;
	int quarter = 1;

	for (; quarter <= 4; quarter++) {
		before = here;
		here = quarter < 4 ? fmin(fmax(kriged_at(k, at * (4 + quarter) / 4), before), high) : high;
		if (m <= at * (4 + quarter) / 4)
			break;
	}
	return before * pow(here / before, log(m / (at * (3 + quarter) / 4)) / log((4.0 + quarter) / (3 + quarter)));
}

bool experts_trend(const struct question *q, const int64_t *key, size_t low, size_t high,
		   bool (*usable)(const struct question *, size_t), double m, double *seconds, enum grade *grade)
{
	struct kriged k = { .q = q, .key = key };
	struct kriging_place here = expert_place(q->table, key, 0);
	const struct table_site *nearest;
	double below = 0, at = 1;

	law_of(q, key, k.law);
	for (size_t i = low; i < high; i++) {
		struct kriging_place place = expert_place(q->table, q->table->sites[i].key, i);

		if (usable(q, i))
			kriging_offer(&experts, k.around, &k.count, AROUND, here.at, &place);
	}
	if (!kriging_weights(&experts, k.around, k.count, k.weights))
		return false;
	nearest = &q->table->sites[k.around[0].tag];
	if (*grade < GRADE_OUTSIDE && m > q->table->x[nearest->first + nearest->count - 1])
		*grade = GRADE_OUTSIDE;
	/* More tokens never take less, which products of neighbours do not promise: the largest of what 1, 2, 4 ... tokens take. */
	for (; at * 2 <= m; at *= 2)
		below = fmax(below, kriged_at(&k, at));
	below = fmax(below, kriged_at(&k, at));
	*seconds = m > at ? within_octave(&k, at, m, below) : below;
	return true;
}

/* The largest of so many normal numbers, in standard deviations (Blom). */
static double largest_of(double count)
{
	return count > 1 ? gsl_cdf_ugaussian_Pinv((count - 0.375) / (count + 0.25)) : 0;
}

double experts_by_chance(const struct question *q, const int64_t *key, double m)
{
	struct spreads spreads = { .count = 0 };
	const struct expert_spread *spread = spread_of(&spreads, key, llround(fmax(m, 1)));
	struct op op = *q->op;
	double law[TERMS], dealt[TERMS], chosen[TERMS], here = (double)key[7], total = (double)key[4];
	double pairs = m * (double)key[3] * here / total * fmax(op.imbalance, 1), touched, largest = largest_of(total / here);

	op.m = llround(fmax(m, 1));
	pairs = fmin(pairs + largest * sqrt(pairs), fmin(m * (double)key[3], m * here));
	touched = op_experts_touched(&op);
	touched = fmin(fmin(touched + largest * sqrt(touched * fmax(1 - touched / here, 0)), here), pairs);
	law_of(q, key, law);
	terms_of(q->table, key, m, &spreads, dealt);
	terms_with(q->table, key, m, spread, touched, pairs, chosen);
	return linear_value(law, chosen, TERMS) / linear_value(law, dealt, TERMS);
}
