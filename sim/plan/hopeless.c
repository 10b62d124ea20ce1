#include "sim/plan/hopeless.h"

#include <math.h>
#include <string.h>

#include "base/attr.h"

/* Percentiles of many requests come from sketches that are right to 0.1 %: a value counts as above only beyond that. */
static const double SKETCH_SLACK = 1.002;

void hopeless_init(struct hopeless *h, const struct scenario *sc, double requests)
{
	const struct scenario_slo *s = &sc->slo;
#define TTFT offsetof(struct request_record, ttft_s)
#define TPOT offsetof(struct request_record, tpot_s)
#define E2E offsetof(struct request_record, e2e_s)
#define QUEUE offsetof(struct request_record, queue_s)
	const struct { const char *name; size_t metric; double limit, share; } all[] = {
		{ "ttft_mean", TTFT, s->ttft_mean, NAN }, { "ttft_p50", TTFT, s->ttft_p50, 0.5 }, { "ttft_p90", TTFT, s->ttft_p90, 0.1 },
		{ "ttft_p95", TTFT, s->ttft_p95, 0.05 }, { "ttft_p99", TTFT, s->ttft_p99, 0.01 },
		{ "tpot_mean", TPOT, s->tpot_mean, NAN }, { "tpot_p50", TPOT, s->tpot_p50, 0.5 }, { "tpot_p90", TPOT, s->tpot_p90, 0.1 },
		{ "tpot_p95", TPOT, s->tpot_p95, 0.05 }, { "tpot_p99", TPOT, s->tpot_p99, 0.01 },
		{ "e2e_mean", E2E, s->e2e_mean, NAN }, { "e2e_p50", E2E, s->e2e_p50, 0.5 }, { "e2e_p90", E2E, s->e2e_p90, 0.1 },
		{ "e2e_p95", E2E, s->e2e_p95, 0.05 }, { "e2e_p99", E2E, s->e2e_p99, 0.01 }, { "queue_p99", QUEUE, s->queue_p99, 0.01 },
	};

	*h = (struct hopeless){ .requests = requests };
	for (size_t i = 0; i < COUNT_OF(all) && h->count < TARGETS_MOST; i++)
		if (!isnan(all[i].limit))
			h->targets[h->count++] = (struct target){ all[i].name, all[i].metric, all[i].limit * SKETCH_SLACK, all[i].share, 0, 0 };
}

void hopeless_request(struct hopeless *h, const struct request_record *r)
{
	for (size_t i = 0; i < h->count; i++) {
		struct target *t = &h->targets[i];
		double v;

		memcpy(&v, (const char *)r + t->metric, sizeof(v));
		if (isnan(v))
			continue;
		t->sum += v;
		t->above += v > t->limit_s;
		/* Two more than the share allows: quantiles interpolate between neighbours. */
		if (!h->lost && (isnan(t->share) ? t->sum > t->limit_s * h->requests : t->above > t->share * h->requests + 2))
			h->lost = t;
	}
}
