#include "sim/plan/candidate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "hardware/price.h"
#include "sim/compile.h"
#include "sim/plan/hopeless.h"
#include "sim/serve.h"

/* Bounds and the simulation add the same numbers in another order. */
static const double ROUNDING = 1 + 1e-9;

static bool no(struct bounds *b, enum outcome_status status, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool no(struct bounds *b, enum outcome_status status, const char *fmt, ...)
{
	va_list args;

	b->status = status;
	va_start(args, fmt);
	vsnprintf(b->why, sizeof(b->why), fmt, args);
	va_end(args);
	return true;
}

static void choices(const struct space *s, int64_t index, int choice[AXES_MOST])
{
	size_t at[AXES_MOST];

	space_at(s, index, at);
	for (size_t i = 0; i < s->count; i++)
		choice[i] = (int)at[i];
}

struct scenario *candidate_scenario(const struct evaluating *e, int64_t index, struct arena *arena, struct err *err)
{
	int choice[AXES_MOST];

	choices(e->space, index, choice);
	return space_scenario(e->space, e->base, choice, arena, err);
}

const char *candidate_label(const struct space *s, int64_t index, struct arena *arena)
{
	struct str text = { 0 };
	size_t at[AXES_MOST];
	const char *kept;

	space_at(s, index, at);
	for (size_t i = 0; i < s->count; i++)
		str_addf(&text, "%s%s=%s", i ? " " : "", s->axes[i].name, s->axes[i].values[at[i]]);
	kept = arena_strdup(arena, str_text(&text));
	str_release(&text);
	return kept ? kept : "";
}

/* USD an hour of so many devices, as the simulation charges it. NAN when no price is known. */
static double price_of(const struct scenario *sc, const struct compiled *c, double devices)
{
	struct price_options options = { .usd_per_h = isnan(sc->price.usd_per_device_hour) ? 0 : sc->price.usd_per_device_hour, .pue = sc->price.pue,
					 .usd_per_kwh = sc->price.usd_per_kwh };
	int kind = price_kind_parse(sc->price.kind);
	struct err none = { 0 };
	struct price price;

	options.kind = kind < 0 ? PRICE_ON_DEMAND : (enum price_kind)kind;
	return price_device(c->system, &options, &price, &none) ? devices * price.usd_per_h : NAN;
}

/* Seconds of the same thing are looked up under everything that they depend on. */
static double floor_of(const struct scenario *sc, const struct compiled *c, const struct compiled_pool *p, const struct evaluating *e, bool exact,
		       double *quick, struct err *err)
{
	struct iteration *it;
	const char *known;
	double floor_s = 0;
	char key[320], value[64];
	bool shared = !c->owns_costs && c->techniques.count == 0;
	const struct placement *l = &p->place;
	int64_t most = 1024;

	/* A few round numbers, so that candidates share them; a larger batch can only lower the bound. */
	while (most < p->limits.max_tokens + p->limits.max_seqs)
		most *= 2;
	*quick = NAN;
	if (c->acceptance.depth > 0)
		return 0;              /* several tokens a pass: no bound on one of them */
	snprintf(key, sizeof(key), "floor %d %p %p tp%lld pp%lld ep%lld cp%lld dp%lld w%d g%d e%d a%d r%d h%d k%d v%d s%.17g t%lld %s", exact, (const void *)c->model,
		 (const void *)c->costs, (long long)l->tp, (long long)l->pp, (long long)l->ep, (long long)l->cp, (long long)l->dp_attention,
		 l->weights, l->gate_up, l->experts, l->attention, l->router, l->head, l->kv, l->activations, l->routing_skew,
		 exact ? (long long)most : 0LL, sc->hardware.op_scale ? sc->hardware.op_scale : "");
	known = shared ? cached_text(e->cache, key) : NULL;
	if (known && sscanf(known, "%lg %lg", quick, &floor_s) == 2)
		return floor_s;
	it = compile_iteration(sc, c, p, err);
	if (!it)
		return NAN;
	*quick = iteration_one_token(it) / ROUNDING;
	if (exact)
		floor_s = iteration_floor(it, most) / ROUNDING;
	release_iteration(c, it);
	snprintf(value, sizeof(value), "%.17g %.17g", *quick, floor_s);
	if (shared)
		cache_text(e->cache, key, value);
	return floor_s;
}

/* The tightest target on the time per token, seconds; INFINITY when there is none. */
static double tpot_target(const struct scenario_slo *s)
{
	const double all[] = { s->tpot_mean, s->tpot_p50, s->tpot_p90, s->tpot_p95, s->tpot_p99 };
	double least = INFINITY;

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (all[i] < least)
			least = all[i];
	return least;
}

static bool bound_latency(const struct evaluating *e, const struct scenario *sc, const struct compiled *c, const struct compiled_pool *p,
			  bool exact, struct bounds *out, struct err *err)
{
	double target = tpot_target(&sc->slo), quick;

	out->floor_s = floor_of(sc, c, p, e, exact, &quick, err);
	out->quick_s = quick;
	if (isnan(out->floor_s))
		return false;
	if (!exact && quick > target) {
		out->floor_s = floor_of(sc, c, p, e, true, &quick, err);
		if (isnan(out->floor_s))
			return false;
	}
	if (out->floor_s > target)
		no(out, OUTCOME_BOUND, "a step takes at least %.3g ms, the target is %.3g ms a token", 1e3 * out->floor_s, 1e3 * target);
	return true;
}

static bool key_of(const struct evaluating *e, const struct scenario *sc, const struct compiled *c, char key[33], struct err *err)
{
	struct hash *h;
	char content[33];

	if (!compile_hash(sc, c, content, err))
		return false;
	h = hash_new();
	if (!h)
		return err_memory(err);
	hash_add_text(h, e->salt);
	hash_add_text(h, content);
	hash_hex(h, key);
	hash_free(h);
	return true;
}

static bool bound_compiled(const struct evaluating *e, const struct scenario *asked, const struct compiled *c, bool exact, struct bounds *out,
			   struct err *err)
{
	const struct scenario *sc = c->scenario;
	const struct scenario_deployment *d = &sc->deployment;
	struct compiled_pool pool, prefill = { 0 };
	struct err own = { 0 };

	if (!compile_pool(sc, c, false, &pool, &own) || (d->prefill_replicas > 0 && !compile_pool(sc, c, true, &prefill, &own))) {
		if (own.kind != ERR_INPUT && own.kind != ERR_CHECK)
			return err_set(err, own.kind, "%s", own.text);
		return no(out, OUTCOME_IMPOSSIBLE, "%.*s", WHY_ROOM - 1, own.text);
	}
	out->devices = (double)(pool.devices * d->replicas + prefill.devices * d->prefill_replicas);
	out->usd_per_hour = price_of(sc, c, out->devices);
	if (out->devices > e->limits.devices)
		return no(out, OUTCOME_BOUND, "%.0f devices, at most %.0f", out->devices, e->limits.devices);
	if (out->usd_per_hour > e->limits.usd_per_hour)
		return no(out, OUTCOME_BOUND, "%.2f USD an hour, at most %.2f", out->usd_per_hour, e->limits.usd_per_hour);
	/* Serving cannot end before the last request comes. */
	if (e->demand->fixed && !e->capacity && e->demand->output_tokens > 0)
		out->cost = out->usd_per_hour * e->demand->span_s / 3600 / e->demand->output_tokens * 1e6 / ROUNDING;
	if (isnan(out->cost))
		out->cost = 0;
	if (e->bounds && !bound_latency(e, sc, c, &pool, exact, out, err))
		return false;
	return key_of(e, asked, c, out->key, err);
}

bool candidate_bound(const struct evaluating *e, int64_t index, bool exact, struct bounds *out, struct err *err)
{
	struct arena *arena = arena_new();
	struct compiled c = { 0 };
	struct scenario *sc;
	struct err own = { 0 };
	bool ok;

	*out = (struct bounds){ .usd_per_hour = NAN, .devices = NAN, .quick_s = NAN };
	if (!arena)
		return err_memory(err);
	sc = candidate_scenario(e, index, arena, &own);
	if (sc && compile_scenario_cached(sc, e->cache, &c, arena, &own))
		ok = bound_compiled(e, sc, &c, exact, out, err);
	else if (own.kind == ERR_INPUT || own.kind == ERR_CHECK)
		ok = no(out, OUTCOME_IMPOSSIBLE, "%.*s", WHY_ROOM - 1, own.text);
	else
		ok = err_set(err, own.kind, "%s", own.text);
	compiled_release(&c);
	arena_free(arena);
	return ok;
}

static void on_request(void *ctx, const struct request_record *r)
{
	hopeless_request(ctx, r);
}

/* Runs in slices of simulated time, so that a hopeless run ends early; slices change nothing in the result. */
static bool run_watched(struct sim *sim, const struct hopeless *h, double span_s, struct err *err)
{
	double slice = span_s > 0 ? span_s / 64 : 1;

	for (int i = 1; i <= 64; i++)
		if (!sim_run(sim, slice * i, err) || h->lost)
			return h->lost != NULL;
	for (double until = span_s * 1.5; until < span_s * 1e6; until *= 1.5)
		if (!sim_run(sim, until, err) || h->lost)
			return h->lost != NULL;
	return sim_run(sim, INFINITY, err);
}

static bool simulate(const struct evaluating *e, const struct scenario *sc, struct outcome *out, struct err *err)
{
	struct arena *arena = arena_new();
	struct hopeless watch;
	struct serve_sink sink = { .ctx = &watch, .request = on_request };
	struct demand demand = *e->demand;
	struct sim *sim = NULL;
	struct err own = { 0 };
	struct result r;
	bool ok, watched;

	outcome_init(out);
	if (!arena)
		return err_memory(err);
	/* A rate of its own (capacity) has a span of its own; the number of requests stays. */
	if (e->capacity && sc->workload.qps > 0)
		demand.span_s = demand.requests / sc->workload.qps;
	/* Where the time of arrivals is limited, their number follows the rate. */
	watched = e->abort && demand.fixed && demand.requests > 0 && !(e->capacity && !isnan(sc->workload.duration_s));
	hopeless_init(&watch, sc, watched ? demand.requests : INFINITY);
	ok = (sim = sim_new_cached(sc, watched ? &sink : NULL, e->cache, &own)) &&
	     (watched ? run_watched(sim, &watch, demand.span_s, &own) : sim_run(sim, INFINITY, &own));
	if (ok && watch.lost) {
		out->status = OUTCOME_ABORTED;
		snprintf(out->why, sizeof(out->why), "%s above %.4g s can no longer be avoided", watch.lost->name, watch.lost->limit_s / 1.002);
	} else if (ok && (ok = sim_result(sim, arena, &r, &own))) {
		outcome_of(&r, out);
	}
	sim_free(sim);
	arena_free(arena);
	return ok || outcome_impossible(out, &own, err);
}

static bool at_rate(const struct evaluating *e, const struct scenario *sc, double qps, struct outcome *out, bool *within, struct err *err)
{
	struct scenario changed = *sc;

	changed.workload.qps = qps;
	if (!simulate(e, &changed, out, err))
		return false;
	*within = out->status == OUTCOME_DONE && out->slos_met;
	return true;
}

static double rate_asked(const struct scenario *sc)
{
	return sc->workload.qps > 0 ? sc->workload.qps : 1;
}

/* Rates looked at, as parts and multiples of the one that the scenario asks for. */
static const double RATE_LEAST = 1.0 / 4096, RATE_MOST = 1048576;

/* Steps away from a rate, by a growing factor up to 2, until the targets are met on one side and missed on the other, then narrows
 * down by geometric means. Every probe draws the same requests, only faster or slower. */
static bool bracket(const struct evaluating *e, const struct scenario *sc, double qps, double step, struct outcome *out, struct err *err)
{
	double asked = rate_asked(sc), low = 0, high = INFINITY;
	struct outcome probe;
	bool within;

	for (int i = 0; i < 60 && (low == 0 || isinf(high) || high / low > 1 + e->tolerance); i++) {
		if (!at_rate(e, sc, qps, &probe, &within, err))
			return false;
		if (i == 0 || within)
			*out = probe;
		if (probe.status == OUTCOME_IMPOSSIBLE)
			return true;
		if (within)
			low = qps;
		else
			high = qps;
		if ((low == 0 && qps < asked * RATE_LEAST) || (isinf(high) && qps > asked * RATE_MOST))
			break;
		qps = low == 0 ? qps / step : isinf(high) ? qps * step : sqrt(low * high);
		step = fmin(2, step * step);
	}
	out->value[FIGURE_CAPACITY_QPS] = low > 0 ? low : NAN;
	if (low == 0) {
		out->status = OUTCOME_ABORTED;
		snprintf(out->why, sizeof(out->why), "misses the targets at any rate down to %.3g a second", qps);
	}
	return true;
}

double capacity_spans(const struct outcome *o)
{
	double slow_s = o->value[FIGURE_E2E_P99];

	return slow_s > 0 ? o->value[FIGURE_COMPLETED] / o->value[FIGURE_CAPACITY_QPS] / slow_s : INFINITY;
}

/* Brackets again with more requests while those last too short a time at the rate found and more of them are to be had. */
static bool find_capacity(const struct evaluating *e, const struct scenario *asked, struct outcome *out, struct err *err)
{
	struct scenario sc = *asked;
	struct demand demand = *e->demand;
	struct evaluating longer = *e;
	double last = 0, step = 2, qps = rate_asked(asked), requests;

	for (longer.demand = &demand;; last = requests) {
		if (!bracket(&longer, &sc, qps, step, out, err))
			return false;
		requests = out->value[FIGURE_COMPLETED];
		qps = out->value[FIGURE_CAPACITY_QPS];
		if (out->status != OUTCOME_DONE || isnan(qps) || sc.workload.concurrency > 0 || capacity_spans(out) >= SPANS_LEAST ||
		    requests >= REQUESTS_MOST_CAPACITY || requests <= last)
			return true;
		/* The rate falls as the run gets longer: no need to go all the way at once, nor to look far from it. */
		if (qps < rate_asked(asked) * RATE_MOST)
			step = 1 + e->tolerance;
		else
			qps = rate_asked(asked);   /* any rate would do: nothing is known */
		sc.workload.requests = (int64_t)ceil(fmin(fmin(1.2 * SPANS_LEAST * out->value[FIGURE_E2E_P99] * qps, 8 * requests),
							  REQUESTS_MOST_CAPACITY));
		if (!demand_of(&sc, &demand, err))
			return false;
	}
}

bool candidate_evaluate(const struct evaluating *e, int64_t index, struct outcome *out, struct err *err)
{
	struct arena *arena = arena_new();
	struct err own = { 0 };
	struct scenario *sc;
	bool ok;

	outcome_init(out);
	if (!arena)
		return err_memory(err);
	sc = candidate_scenario(e, index, arena, &own);
	if (!sc) {
		ok = outcome_impossible(out, &own, err);
	} else {
		if (e->time_scale != 1)
			sc->time_scale = e->time_scale;
		ok = e->capacity ? find_capacity(e, sc, out, err) : simulate(e, sc, out, err);
	}
	arena_free(arena);
	return ok;
}
