#include "sim/plan/unit_capacity.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hardware/energy.h"
#include "hardware/price.h"
#include "sim/compile.h"
#include "sim/interval.h"
#include "sim/plan/candidate.h"
#include "sim/plan/workers.h"

struct probe {
	size_t unit;
	double time_scale;
	const char *salt;
	char key[33];
	struct outcome outcome;
	bool remembered;
};

struct finding {
	struct scenario *scenarios;            /* copies, with the requests that the likely case took */
	const char *const *names;
	const struct capacity_options *o;
	struct space none;                     /* no axes: the scenario itself is the one candidate */
	struct demand *demands;
	struct catalog_cache *cache;
	struct probe *probes;
};

static struct evaluating evaluating(const struct finding *f, const struct probe *p)
{
	return (struct evaluating){ .space = &f->none, .base = &f->scenarios[p->unit], .demand = &f->demands[p->unit], .cache = f->cache,
				    .limits = { INFINITY, INFINITY }, .abort = true, .capacity = true, .tolerance = f->o->tolerance,
				    .time_scale = p->time_scale, .salt = p->salt };
}

/* The deployment's devices, its system, and the key of its outcome. */
static bool prepare(const struct finding *f, struct probe *p, struct err *err)
{
	struct evaluating e = evaluating(f, p);
	struct bounds b;

	if (!candidate_bound(&e, 0, false, &b, err))
		return false;
	if (b.status != OUTCOME_PENDING)
		return err_set(err, ERR_INPUT, "%s: %s", f->names[p->unit], b.why);
	memcpy(p->key, b.key, sizeof(p->key));
	return true;
}

static bool evaluate(void *ctx, size_t i, struct err *err)
{
	const struct finding *f = ctx;
	struct probe *p = &f->probes[i];
	struct evaluating e = evaluating(f, p);

	return p->remembered || candidate_evaluate(&e, 0, &p->outcome, err);
}

/* Recalls, simulates what is not there, keeps. The memory is used from this thread alone. */
static bool run_probes(struct finding *f, size_t count, struct err *err)
{
	const struct search_memory *m = f->o->memory;

	for (size_t i = 0; i < count; i++) {
		struct probe *p = &f->probes[i];

		if (!prepare(f, p, err) || (m && !m->recall(m->ctx, p->key, &p->outcome, &p->remembered, err)))
			return false;
	}
	if (!workers_each(count, f->o->threads, evaluate, f, err))
		return false;
	for (size_t i = 0; m && i < count; i++)
		if (!f->probes[i].remembered && !m->keep(m->ctx, f->probes[i].key, &f->probes[i].outcome, err))
			return false;
	return true;
}

static const char *salt(const struct finding *f, double time_scale, struct arena *arena)
{
	return arena_printf(arena, "plan %s capacity %.17g times %.17g", f->o->version, f->o->tolerance, time_scale);
}

static double rate_of(const struct probe *p)
{
	double qps = p->outcome.value[FIGURE_CAPACITY_QPS];

	return p->outcome.status == OUTCOME_DONE && qps > 0 ? qps : 0;
}

static void progress(const struct finding *f, size_t done, size_t of)
{
	if (f->o->progress)
		f->o->progress(f->o->progress_ctx, done, of);
}

static bool take_likely(struct finding *f, const struct probe *p, struct unit_capacity *u, struct err *err)
{
	const char *name = f->names[p->unit];
	double qps = rate_of(p);

	if (p->outcome.status == OUTCOME_IMPOSSIBLE)
		return err_set(err, ERR_INPUT, "%s: %s", name, p->outcome.why);
	if (qps == 0)
		return err_set(err, ERR_CHECK, "%s: %s", name, p->outcome.why[0] ? p->outcome.why : "misses its targets at any rate");
	u->at_capacity = p->outcome;
	u->requests = p->outcome.value[FIGURE_COMPLETED];
	u->spans = capacity_spans(&p->outcome);
	u->rel_error = outcome_rel_error(&p->outcome);
	u->qps[CAPACITY_LOW] = u->qps[CAPACITY_LIKELY] = u->qps[CAPACITY_HIGH] = qps;
	return true;
}

static bool find_likely(struct finding *f, size_t count, struct unit_capacity *out, struct arena *arena, struct err *err)
{
	const char *own_salt = salt(f, 1, arena);

	if (!own_salt)
		return err_memory(err);
	for (size_t i = 0; i < count; i++)
		f->probes[i] = (struct probe){ .unit = i, .time_scale = 1, .salt = own_salt };
	progress(f, 0, 3 * count);
	if (!run_probes(f, count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!take_likely(f, &f->probes[i], &out[i], err))
			return false;
		/* With slower and faster operators the same requests come. */
		if (out[i].requests > f->demands[i].requests) {
			f->scenarios[i].workload.requests = (int64_t)out[i].requests;
			if (!demand_of(&f->scenarios[i], &f->demands[i], err))
				return false;
		}
	}
	return true;
}

static bool find_interval(struct finding *f, size_t count, struct unit_capacity *out, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < 2 * count; i++) {
		double e = out[i / 2].rel_error, scale = interval_scale(e, i % 2 == 0);

		f->probes[i] = (struct probe){ .unit = i / 2, .time_scale = scale, .salt = salt(f, scale, arena) };
		if (!f->probes[i].salt)
			return err_memory(err);
	}
	progress(f, count, 3 * count);
	if (!run_probes(f, 2 * count, err))
		return false;
	for (size_t i = 0; i < 2 * count; i++) {
		struct unit_capacity *u = &out[i / 2];
		double qps = rate_of(&f->probes[i]);

		/* Found by bracketing to a tolerance: the ends never cross the likely one. 0: with slower operators, none will do. */
		if (i % 2)
			u->qps[CAPACITY_HIGH] = fmax(u->qps[CAPACITY_LIKELY], qps);
		else
			u->qps[CAPACITY_LOW] = fmin(u->qps[CAPACITY_LIKELY], qps);
	}
	return true;
}

static bool describe(const struct scenario *sc, struct unit_capacity *u, struct arena *arena, struct err *err)
{
	struct price_options power = { .pue = sc->price.pue };
	struct compiled c = { 0 };
	bool ok = compile_scenario(sc, &c, arena, err);

	if (ok) {
		u->system = c.system;
		u->devices = (int64_t)llround(u->at_capacity.value[FIGURE_DEVICES]);
		/* Mean power of a run is that of all devices times PUE; the meter also sees their nodes. */
		u->idle_w = price_wall_w(c.system, &power, energy_idle_w(c.device)) * (double)u->devices;
		u->busy_w = price_wall_w(c.system, &power, u->at_capacity.value[FIGURE_POWER] / sc->price.pue / (double)u->devices) * (double)u->devices;
	}
	compiled_release(&c);
	return ok;
}

static bool take_scenario(struct finding *f, const struct scenario *from, size_t i, struct err *err)
{
	f->scenarios[i] = *from;
	if (!scenario_has_targets(from))
		return err_set(err, ERR_INPUT, "%s: the largest rate within which targets? expected --slo, for example --slo ttft_p99=1,tpot_p99=0.05",
			       f->names[i]);
	if (from->workload.concurrency > 0)
		return err_set(err, ERR_INPUT, "%s: a closed loop (concurrency) waits for answers at any rate: expected requests that come by themselves", f->names[i]);
	return demand_of(from, &f->demands[i], err);
}

bool unit_capacity_find(const struct scenario *const *scenarios, const char *const *names, size_t count, const struct capacity_options *options,
			struct unit_capacity *out, struct arena *arena, struct err *err)
{
	struct finding f = { .names = names, .o = options, .cache = catalog_cache_new(err) };
	bool ok = f.cache != NULL;

	memset(out, 0, count * sizeof(*out));
	f.scenarios = arena_alloc(arena, count * sizeof(*f.scenarios));
	f.demands = arena_alloc(arena, count * sizeof(*f.demands));
	f.probes = mem_calloc(2 * count + 1, sizeof(*f.probes));
	if (ok && (!f.scenarios || !f.demands || !f.probes))
		ok = err_memory(err);
	for (size_t i = 0; ok && i < count; i++)
		ok = take_scenario(&f, scenarios[i], i, err);
	ok = ok && find_likely(&f, count, out, arena, err) && (!options->interval || find_interval(&f, count, out, arena, err));
	for (size_t i = 0; ok && i < count; i++)
		ok = describe(scenarios[i], &out[i], arena, err);
	catalog_cache_free(f.cache);
	mem_free(f.probes);
	return ok;
}
