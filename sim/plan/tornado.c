#include "sim/plan/tornado.h"

#include <math.h>
#include <stdlib.h>

#include "base/str.h"
#include "sim/compile.h"
#include "sim/plan/trust.h"

static const double STEP = 0.2;

struct planning {
	struct tornado *t;
	const struct scenario *base;
	const struct outcome *outcome;
	struct arena *arena;
	struct err *err;
};

static bool add(struct planning *p, const char *label, bool own_error, const struct scenario *low, const struct scenario *high)
{
	if (!label)
		return err_memory(p->err);
	if (!low || !high)
		return false;
	if (p->t->count < BARS_MOST) {
		p->t->at[p->t->count].label = label;
		p->t->at[p->t->count].own_error = own_error;
		p->t->at[p->t->count].low = low;
		p->t->at[p->t->count++].high = high;
	}
	return true;
}

static const struct scenario *device_scaled(struct planning *p, const char *what, double factor)
{
	struct scenario *sc = arena_alloc(p->arena, sizeof(*sc));
	const char *before = p->base->hardware.scale;

	if (sc) {
		*sc = *p->base;
		sc->hardware.scale = arena_printf(p->arena, "%s%s%s=%.9g", before ? before : "", before ? "," : "", what, factor);
	}
	if (!sc || !sc->hardware.scale)
		err_memory(p->err);
	return sc;
}

static bool add_device(struct planning *p)
{
	static const struct { const char *what, *label; } parts[] = {
		{ "peak", "device: peak FLOP/s" }, { "bandwidth", "device: memory bandwidth" }, { "memory", "device: memory capacity" },
		{ "power", "device: power" },
	};

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (!add(p, parts[i].label, false, device_scaled(p, parts[i].what, 1 - STEP), device_scaled(p, parts[i].what, 1 + STEP)))
			return false;
	return true;
}

static bool add_operators(struct planning *p)
{
	for (int k = 0; k < OP_KIND_COUNT; k++) {
		double sigma = trust_sigma(p->outcome, k);

		if ((p->outcome->kind_share[k] > 0.01f || k == OP_HOST) &&
		    !add(p, arena_printf(p->arena, "time of %s", op_kind_names[k]), false, trust_scaled(p->base, k, 1 - STEP, p->arena, p->err),
			 trust_scaled(p->base, k, 1 + STEP, p->arena, p->err)))
			return false;
		if (trust_matters(p->outcome, k) &&
		    !add(p, arena_printf(p->arena, "own error: %s, %.0f %%", op_kind_names[k], 100 * sigma), true,
			 trust_scaled(p->base, k, 1 - sigma, p->arena, p->err), trust_scaled(p->base, k, 1 + sigma, p->arena, p->err)))
			return false;
	}
	return true;
}

static struct scenario *copy(struct planning *p)
{
	struct scenario *sc = arena_alloc(p->arena, sizeof(*sc));

	if (sc)
		*sc = *p->base;
	else
		err_memory(p->err);
	return sc;
}

/* A number of the scenario, at 0.8 and 1.2 times `now`. */
static bool add_number(struct planning *p, const char *label, size_t offset, double now)
{
	struct scenario *low = copy(p), *high = copy(p);

	if (!low || !high)
		return false;
	if (!(now > 0))
		return true;
	*(double *)(void *)((char *)low + offset) = now * (1 - STEP);
	*(double *)(void *)((char *)high + offset) = now * (1 + STEP);
	return add(p, label, false, low, high);
}

static bool add_limit(struct planning *p, const char *label, size_t offset, int64_t now)
{
	struct scenario *low = copy(p), *high = copy(p);

	if (!low || !high)
		return false;
	if (now < 10)
		return true;
	*(int64_t *)(void *)((char *)low + offset) = llround((double)now * (1 - STEP));
	*(int64_t *)(void *)((char *)high + offset) = llround((double)now * (1 + STEP));
	return add(p, label, false, low, high);
}

/* The rate of arrivals: as qps where there is one, else by the clock of the trace. */
static bool add_rate(struct planning *p)
{
	const struct workload *w = &p->base->workload;
	struct scenario *low, *high;

	if (w->concurrency > 0)
		return add_limit(p, "workload: concurrency", offsetof(struct scenario, workload.concurrency), w->concurrency);
	if (w->qps > 0)
		return add_number(p, "workload: arrival rate", offsetof(struct scenario, workload.qps), w->qps);
	if (!w->trace)
		return true;
	low = copy(p);
	high = copy(p);
	if (!low || !high)
		return false;
	low->workload.time_scale = w->time_scale / (1 - STEP);
	high->workload.time_scale = w->time_scale / (1 + STEP);
	return add(p, "workload: arrival rate", false, low, high);
}

static bool add_scheduler(struct planning *p, struct catalog_cache *cache)
{
	struct compiled c;
	struct compiled_pool pool;
	bool ok = compile_scenario_cached(p->base, cache, &c, p->arena, p->err) && compile_pool(c.scenario, &c, false, &pool, p->err);

	if (ok) {
		int64_t ranks = pool.place.dp_attention > 0 ? pool.place.dp_attention : 1;

		ok = add_limit(p, "scheduler: sequences in a batch", offsetof(struct scenario, scheduler.max_num_seqs), pool.limits.max_seqs / ranks) &&
		     add_limit(p, "scheduler: tokens in a batch", offsetof(struct scenario, scheduler.max_num_batched_tokens),
			       pool.limits.max_tokens / ranks);
	}
	compiled_release(&c);
	return ok;
}

bool tornado_plan(struct tornado *t, const struct scenario *base, const struct outcome *outcome, struct catalog_cache *cache,
		  struct arena *arena, struct err *err)
{
	struct planning p = { t, base, outcome, arena, err };
	double devices = outcome->value[FIGURE_DEVICES];

	return add_device(&p) && add_operators(&p) && add_rate(&p) &&
	       add_number(&p, "workload: prompt length", offsetof(struct scenario, workload.prompt_scale), base->workload.prompt_scale) &&
	       add_number(&p, "workload: output length", offsetof(struct scenario, workload.output_scale), base->workload.output_scale) &&
	       add_scheduler(&p, cache) &&
	       add_number(&p, "price of a device-hour", offsetof(struct scenario, price.usd_per_device_hour),
			  devices > 0 ? outcome->value[FIGURE_USD_PER_HOUR] / devices : 0);
}

static double width(const struct bar *b, int figure, const struct outcome *base)
{
	double low = fabs(b->low.value[figure] - base->value[figure]), high = fabs(b->high.value[figure] - base->value[figure]);

	return fmax(isnan(low) ? 0 : low, isnan(high) ? 0 : high);
}

void tornado_sort(struct bar *bars, size_t count, int figure, const struct outcome *base)
{
	for (size_t i = 1; i < count; i++) {
		struct bar b = bars[i];
		size_t at = i;

		for (; at > 0 && width(&b, figure, base) > width(&bars[at - 1], figure, base); at--)
			bars[at] = bars[at - 1];
		bars[at] = b;
	}
}
