#include "sim/serve/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK = 256 };                  /* values sketched at a time: a loop of its own over what lies in the nearest cache */

static bool latency_init(struct latency *l)
{
	*l = (struct latency){ .sketch = sketch_new(), .values = mem_alloc(EXACT_MOST * sizeof(*l->values)), .limit = EXACT_MOST, .exact = true };
	return l->sketch && l->values;
}

static void latency_release(struct latency *l)
{
	sketch_free(l->sketch);
	mem_free(l->values);
}

static void latency_settle(struct latency *l)
{
	sketch_add_many(l->sketch, l->values + l->sketched, l->kept - l->sketched);
	l->sketched = l->kept;
}

/* No room for another value: those held are in the sketch from now on. */
static void latency_wrap(struct latency *l)
{
	latency_settle(l);
	l->kept = l->sketched = 0;
	l->limit = CHUNK;
	l->exact = false;
}

static inline void latency_add(struct latency *l, double value)
{
	if (UNLIKELY(l->kept == l->limit))
		latency_wrap(l);
	l->values[l->kept++] = value;
}

void metrics_settle(struct metrics *m)
{
	latency_settle(&m->ttft);
	latency_settle(&m->tpot);
	latency_settle(&m->e2e);
	latency_settle(&m->queue);
	for (size_t i = 0; i < m->class_count; i++) {
		latency_settle(&m->classes[i].ttft);
		latency_settle(&m->classes[i].tpot);
		latency_settle(&m->classes[i].e2e);
	}
}

static double least_of(const double *targets, size_t count)
{
	double least = INFINITY;

	for (size_t i = 0; i < count; i++)
		if (targets[i] < least)        /* NAN never is */
			least = targets[i];
	return least;
}

bool metrics_init(struct metrics *m, const struct scenario *sc, struct err *err)
{
	const struct scenario_slo *s = &sc->slo;
	const double ttft[] = { s->ttft_mean, s->ttft_p50, s->ttft_p90, s->ttft_p95, s->ttft_p99 };
	const double tpot[] = { s->tpot_mean, s->tpot_p50, s->tpot_p90, s->tpot_p95, s->tpot_p99 };
	const double e2e[] = { s->e2e_mean, s->e2e_p50, s->e2e_p90, s->e2e_p95, s->e2e_p99 };

	*m = (struct metrics){ .bucket_s = 0x1p-10, .buckets_per_s = 0x1p10, .series_s = 0x1p-10 * SERIES_MOST, .first_arrival_s = INFINITY };
	m->good.ttft_s = least_of(ttft, COUNT_OF(ttft));
	m->good.tpot_s = least_of(tpot, COUNT_OF(tpot));
	m->good.e2e_s = least_of(e2e, COUNT_OF(e2e));
	m->has_slo = isfinite(m->good.ttft_s) || isfinite(m->good.tpot_s) || isfinite(m->good.e2e_s);
	m->class_count = sc->workload.class_count;
	if (!latency_init(&m->ttft) || !latency_init(&m->tpot) || !latency_init(&m->e2e) || !latency_init(&m->queue) ||
	    !(m->itl = sketch_new()) || !(m->classes = mem_calloc(m->class_count, sizeof(*m->classes))))
		return err_memory(err);
	for (size_t i = 0; i < m->class_count; i++)
		if (!latency_init(&m->classes[i].ttft) || !latency_init(&m->classes[i].tpot) || !latency_init(&m->classes[i].e2e))
			return err_memory(err);
	return true;
}

void metrics_release(struct metrics *m)
{
	latency_release(&m->ttft);
	latency_release(&m->tpot);
	latency_release(&m->e2e);
	latency_release(&m->queue);
	sketch_free(m->itl);
	for (size_t i = 0; m->classes && i < m->class_count; i++) {
		latency_release(&m->classes[i].ttft);
		latency_release(&m->classes[i].tpot);
		latency_release(&m->classes[i].e2e);
	}
	mem_free(m->classes);
	*m = (struct metrics){ 0 };
}

/* Pairs of buckets merge until the time fits. */
static void merge_buckets(struct metrics *m, double t_s)
{
	while (t_s >= m->bucket_s * SERIES_MOST) {
		for (int i = 0; i < SERIES_MOST / 2; i++) {
			struct bucket a = m->buckets[2 * i], b = m->buckets[2 * i + 1];

			m->buckets[i] = (struct bucket){ a.batch_s + b.batch_s, a.tokens + b.tokens, a.kv_s + b.kv_s, a.waiting_s + b.waiting_s,
							 a.running_s + b.running_s, a.busy_s + b.busy_s, a.ttft_sum + b.ttft_sum,
							 a.tpot_sum + b.tpot_sum, a.output_tokens + b.output_tokens, a.arrivals + b.arrivals,
							 a.ttft_count + b.ttft_count, a.tpot_count + b.tpot_count };
		}
		memset(&m->buckets[SERIES_MOST / 2], 0, SERIES_MOST / 2 * sizeof(m->buckets[0]));
		m->bucket_s *= 2;
		m->buckets_per_s /= 2;
	}
	m->series_s = m->bucket_s * SERIES_MOST;
}

static inline struct bucket *bucket_at(struct metrics *m, double t_s)
{
	if (UNLIKELY(t_s >= m->series_s))
		merge_buckets(m, t_s);
	return &m->buckets[t_s > 0 ? (int)(t_s * m->buckets_per_s) : 0];
}

static void in_system(struct metrics *m, double t_s, double change)
{
	/* An arrival is counted from the client's clock and seen by the engine a little later, so time may step back here; the
	 * signed product takes back what was counted too early. */
	block_sum_add(&m->in_system_area, m->in_system * (t_s - m->in_system_since_s));
	m->in_system_since_s = t_s;
	m->in_system += change;
}

void metrics_arrival(struct metrics *m, double t_s, int class_index)
{
	m->requests++;
	if (t_s < m->first_arrival_s)
		m->first_arrival_s = t_s;
	in_system(m, t_s, 1);
	bucket_at(m, t_s)->arrivals++;
	if ((size_t)class_index < m->class_count)
		m->classes[class_index].requests++;
}

void metrics_rejected(struct metrics *m, int class_index)
{
	(void)class_index;
	m->rejected++;
	m->in_system--;
}

void metrics_request(struct metrics *m, const struct request_record *r, double now_s)
{
	struct bucket *b = bucket_at(m, now_s);
	bool many = !isnan(r->tpot_s);
	bool good = r->ttft_s <= m->good.ttft_s && (many ? r->tpot_s : 0) <= m->good.tpot_s && r->e2e_s <= m->good.e2e_s;

	m->completed++;
	m->good_count += good;
	m->prompt_tokens += (double)r->prompt_tokens;
	m->output_tokens += (double)r->output_tokens;
	m->cached_tokens += (double)r->cached_tokens;
	if (now_s > m->last_end_s)
		m->last_end_s = now_s;
	in_system(m, now_s, -1);
	block_sum_add(&m->e2e_area, now_s - r->arrival_s);
	latency_add(&m->ttft, r->ttft_s);
	latency_add(&m->e2e, r->e2e_s);
	latency_add(&m->queue, r->queue_s);
	b->ttft_sum += r->ttft_s;
	b->ttft_count++;
	if (many) {
		latency_add(&m->tpot, r->tpot_s);
		b->tpot_sum += r->tpot_s;
		b->tpot_count++;
	}
	if ((size_t)r->class_index < m->class_count) {
		struct class_metrics *c = &m->classes[r->class_index];

		c->completed++;
		c->good += good;
		latency_add(&c->ttft, r->ttft_s);
		latency_add(&c->e2e, r->e2e_s);
		if (many)
			latency_add(&c->tpot, r->tpot_s);
	}
}

static void bucket_add(struct bucket *b, const struct batch_sample *s, double dt, double share)
{
	b->batch_s += s->decodes * dt;
	b->tokens += s->tokens * s->steps * share;
	b->kv_s += s->kv_share * dt;
	b->waiting_s += s->waiting * dt;
	b->running_s += s->running * dt;
	b->busy_s += dt;
	b->output_tokens += s->output_tokens * share;
}

void metrics_batches(struct metrics *m, double t0_s, double t1_s, const struct batch_sample *s)
{
	double span = t1_s - t0_s, at = t0_s;
	struct bucket *last = bucket_at(m, t1_s), *b;

	if (LIKELY(t0_s >= (double)(last - m->buckets) * m->bucket_s)) {
		bucket_add(last, s, span, 1);
		return;
	}
	b = bucket_at(m, t0_s);
	for (; b < last; b++) {
		double end = (double)(b - m->buckets + 1) * m->bucket_s, dt = end - at;

		bucket_add(b, s, dt, dt / span);
		at = end;
	}
	bucket_add(last, s, t1_s - at, (t1_s - at) / span);
}

void sketch_dist(const struct sketch *s, struct dist *out)
{
	*out = (struct dist){ .count = sketch_count(s), .mean = sketch_mean(s), .min = sketch_min(s), .p50 = sketch_quantile(s, 0.5),
			      .p90 = sketch_quantile(s, 0.9), .p95 = sketch_quantile(s, 0.95), .p99 = sketch_quantile(s, 0.99),
			      .max = sketch_max(s) };
}

/* exact_quantile moves the values about, which changes nothing that anyone sees. */
void latency_dist(const struct latency *l, struct dist *out)
{
	sketch_dist(l->sketch, out);
	if (!l->exact || l->kept == 0)
		return;
	out->p50 = exact_quantile(l->values, l->kept, 0.5);
	out->p90 = exact_quantile(l->values, l->kept, 0.9);
	out->p95 = exact_quantile(l->values, l->kept, 0.95);
	out->p99 = exact_quantile(l->values, l->kept, 0.99);
}

const double *sketch_cdf(const struct sketch *s, struct arena *arena)
{
	double *v = sketch_count(s) > 0 ? arena_alloc(arena, CDF_POINTS * sizeof(*v)) : NULL;

	if (v)
		sketch_quantiles(s, CDF_POINTS, v);
	return v;
}

const double *latency_cdf(const struct latency *l, struct arena *arena)
{
	return sketch_cdf(l->sketch, arena);
}
