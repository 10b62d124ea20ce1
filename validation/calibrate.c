#include "validation/calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "validation/calibrate_private.h"
#include "validation/pulse.h"
#include "validation/run_means.h"
#include "validation/sample_store.h"

static const double SHORT_S = 5e-6;    /* what is shorter is run as often as fills this, for a sample */
static const double ENOUGH_S = 1e-3, PATIENCE_S = 3e-3;        /* of runs, and with putting operands in their places: then no more samples than asked */
static const double PACE_STOLEN = 2;     /* beyond PACE_MOST */
/* Untimed turns of a fresh case, until they have run so long; two of them however long they take. */
enum { WARM_LEAST = 2, WARM_MOST = 16 };
static const double WARM_S = 1e-3;
static const double LONG_S = 30e-3;     /* a run this long averages over its own disturbances; other rounds take more of it */

static void sample_on(struct timing *t, struct kernel_case *c, const struct kernel *k, enum residency where, int count, struct samples *out)
{
	double begin_s = timing_now_s(t), ran_s = 0;
	struct sample_time once = timing_sample(t, c, k, where, 1);
	int quiet = 0, runs = once.seconds < SHORT_S ? (int)ceil(SHORT_S / fmax(once.seconds, 5e-7)) : 1;

	for (int i = 0; i < 8 && i < SAMPLES_MOST; i++) {
		struct sample_time one = i == 0 && runs == 1 ? once : timing_sample(t, c, k, where, runs);

		samples_add(out, one);
		quiet += one.pace <= PACE_MOST;
		ran_s += one.seconds * runs;
		if ((quiet >= count || i + 1 >= 2 * count) && (ran_s > ENOUGH_S || timing_now_s(t) - begin_s > PATIENCE_S))
			return;
		if (quiet > 0 && ran_s > LONG_S)
			return;
	}
}

/* What is reused between the layers of a model -- results, scratch, code, what the core has learnt of its branches -- lies where it comes to lie
 * after some turns, not where taking 80 MB of copies has left it: small products took 1.1 to 2 times as long at first and came down over five to twenty
 * turns, those of 600 us 1.15 times and came down at once, alike whether time passes in between or not. */
static void warm_up(struct timing *t, struct kernel_case *c, const struct kernel *k, enum residency where)
{
	double ran_s = 0;

	kernel_case_run(c, k);         /* code and tables come into the caches, pages into memory */
	for (int i = 0; i < WARM_LEAST || (i < WARM_MOST && ran_s < WARM_S); i++)
		ran_s += timing_sample(t, c, k, where, 1).seconds;
}

void take_samples(struct timing *t, struct kernel_case *c, const struct kernel *k, enum residency where, bool fresh, int count, struct samples *out)
{
	struct samples own = { 0 };
	double stolen_s;

	if (fresh)
		warm_up(t, c, k, where);
	stolen_s = machine_stolen_s();
	out->places += fresh;
	sample_on(t, c, k, where, count, &own);
	/* The host took the processor away meanwhile; from which of them it does not say. */
	if (machine_stolen_s() > stolen_s)
		for (int i = 0; i < own.count; i++)
			own.pace[i] = fmax(own.pace[i], PACE_STOLEN);
	for (int i = 0; i < own.count; i++)
		samples_add(out, (struct sample_time){ own.seconds[i], own.pace[i] });
}

struct work {
	const struct calibrate_options *o;
	struct calibrate_report *r;
	struct visits visits;
	struct sample_store *store;
	struct timing *timing;
	size_t *order;
	int rounds;
	struct samples stream, product;        /* pulses taken before and after every round */
};

static bool take_pulse(struct work *w, struct err *err)
{
	struct pulse p;

	if (!pulse_take(w->r->threads, w->timing, &p, err))
		return false;
	samples_add(&w->stream, (struct sample_time){ p.stream_s, 1 });
	samples_add(&w->product, (struct sample_time){ p.product_s, 1 });
	return true;
}

static bool make_folder(const char *path, struct err *err)
{
	char part[1024];

	for (size_t i = 0; path[i] && i + 1 < sizeof(part); i++) {
		part[i] = path[i];
		part[i + 1] = '\0';
		if (path[i + 1] && path[i + 1] != '/')
			continue;
		if (mkdir(part, 0777) != 0 && errno != EEXIST)
			return err_set(err, ERR_IO, "%s: %s", part, strerror(errno));
	}
	return true;
}

/* All samples of one visit, in one place; stored at once, so that an interruption loses at most this visit. */
static bool visit_once(struct work *w, int round, size_t index, enum residency where, struct err *err)
{
	const struct visit *v = &w->visits.at[index];
	size_t id = 2 * index + (where != FROM_MEMORY);
	struct str label = { 0 };
	struct kernel_case *c;
	bool ok;

	if (where != FROM_MEMORY && !kernel_family_streams(v->family, &v->shapes[0]))
		return true;                   /* nothing that could lie elsewhere */
	c = kernel_case_new(v->family, &v->shapes[0], 1 + (uint64_t)round, err);
	ok = c && sample_store_begin(w->store, err);
	if (ok && where == FROM_LAST_CACHE)
		timing_settle(w->timing, c);
	for (int s = 0; ok && s < v->count; s++) {
		struct samples samples = { 0 };

		if (s > 0 && !kernel_case_shrink(c, &v->shapes[s]))
			ok = err_set(err, ERR_INTERNAL, "%s: shapes of one visit do not share operands", v->family->name);
		if (!ok)
			break;
		take_samples(w->timing, c, v->kernel, where, s == 0, w->o->quick ? 2 : 3, &samples);
		str_clear(&label);
		kernel_shape_text(v->family, &v->shapes[s], &label);
		ok = sample_store_put(w->store, round, id, s, str_text(&label), v->kernel->variant, &samples, err);
	}
	ok = ok && sample_store_commit(w->store, err);
	str_release(&label);
	kernel_case_free(c);
	return ok;
}

static int rounds_now(const struct work *w)
{
	return w->o->rounds_now > 0 && w->o->rounds_now < w->rounds ? w->o->rounds_now : w->rounds;
}

static bool is_stored(struct work *w, int round)
{
	for (size_t v = 0; v < w->visits.count; v++)
		if (!sample_store_has(w->store, round, 2 * v))
			return false;
	return true;
}

/* Rounds over all visits, each in an order of its own: a slow minute of the host spreads over all points. */
static bool measure(struct work *w, struct err *err)
{
	double begin = timing_now_s(w->timing);
	int rounds = rounds_now(w);
	size_t all = w->visits.count * (size_t)rounds, done = 0;

	for (int round = 0; round < rounds; round++) {
		struct rng r;

		if (round > 0 && w->o->budget_s > 0 && timing_now_s(w->timing) - begin > w->o->budget_s)
			break;
		if (!is_stored(w, round) && !take_pulse(w, err))
			return false;
		rng_init(&r, (uint64_t)round, "calibration");
		for (size_t i = 0; i < w->visits.count; i++) {
			size_t j = rng_below(&r, i + 1);

			w->order[i] = w->order[j];
			w->order[j] = i;
		}
		for (size_t i = 0; i < w->visits.count; i++, done++) {
			size_t v = w->order[i];

			if (w->o->progress)
				w->o->progress(w->o->ctx, (double)done / (double)all, w->visits.at[v].family->name);
			for (int where = FROM_MEMORY; where <= (w->o->no_cached ? FROM_MEMORY : FROM_LAST_CACHE); where++) {
				if (sample_store_has(w->store, round, 2 * v + (size_t)where))
					w->r->resumed++;
				else if (!visit_once(w, round, v, (enum residency)where, err))
					return false;
			}
		}
	}
	return take_pulse(w, err);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool settle_means(struct points *points, struct err *err)
{
	struct run_mean *means = mem_calloc(points->count, sizeof(*means));
	bool ok = means || err_memory(err);

	for (size_t i = 0; ok && i < points->count; i++)
		means[i] = (struct run_mean){ .family = points->at[i].visit->family, .where = points->at[i].where, .estimate = points->at[i].estimate };
	ok = ok && run_means_settle(means, points->count, err);
	for (size_t i = 0; ok && i < points->count; i++)
		points->at[i].seconds = means[i].seconds;
	mem_free(means);
	return ok;
}

static bool collect(struct work *w, struct points *out, struct err *err)
{
	double *width = mem_calloc(w->visits.count * 48 + 1, sizeof(*width)), *pace = NULL;
	size_t n = 0, paces = 0, capacity = 0;
	bool ok = width || err_memory(err);

	for (size_t id = 0; ok && id < 2 * w->visits.count; id++) {
		const struct visit *v = &w->visits.at[id / 2];

		for (int s = 0; ok && s < v->count; s++) {
			struct point p = { .visit = v, .shape = &v->shapes[s], .where = id % 2 ? FROM_LAST_CACHE : FROM_MEMORY };
			struct samples samples = { 0 };

			ok = sample_store_get(w->store, id, s, &samples, err);
			if (!ok || samples.count == 0)
				continue;
			p.estimate = samples_estimate(&samples);
			p.streams = kernel_family_streams(v->family, p.shape);
			p.has_op = kernel_op(v->family, p.shape, &p.op);
			ok = (mem_grow(&out->at, &out->capacity, out->count + 1, sizeof(*out->at)) &&
			      mem_grow(&pace, &capacity, paces + (size_t)samples.count, sizeof(*pace))) || err_memory(err);
			if (!ok)
				break;
			out->at[out->count++] = p;
			width[n++] = (p.estimate.high - p.estimate.low) / p.estimate.median;
			w->r->samples += (size_t)samples.count;
			w->r->outliers += (size_t)p.estimate.outliers;
			if (p.estimate.used >= 10)
				w->r->drift_worst = fmax(w->r->drift_worst, fabs(p.estimate.drift - 1));
			for (int i = 0; i < samples.count; i++)
				pace[paces++] = samples.pace[i];
		}
	}
	if (ok && n == 0)
		ok = err_set(err, ERR_INTERNAL, "calibration measured nothing");
	if (ok) {
		qsort(width, n, sizeof(*width), ascending);
		qsort(pace, paces, sizeof(*pace), ascending);
		w->r->interval = width[n / 2];
		w->r->pace_median = pace[paces / 2];
		w->r->points = n;
		ok = settle_means(out, err);
	}
	mem_free(width);
	mem_free(pace);
	return ok;
}

static bool is_default(const struct target *t, const struct point *p)
{
	if (p->visit->kernel != kernel_default(p->visit->family, p->shape))
		return false;
	return p->where == t->where || !p->streams;
}

static bool is_variant(const struct target *t, const struct point *p)
{
	return !strcmp(p->visit->kernel->variant, t->variant) && p->where == FROM_MEMORY;
}

static double spread(const struct samples *s)
{
	double least = INFINITY, most = 0;

	for (int i = 0; i < s->count; i++) {
		least = fmin(least, s->seconds[i]);
		most = fmax(most, s->seconds[i]);
	}
	return most / least - 1;
}

static bool write_pulse(struct work *w, const char *name, struct arena *arena, struct err *err)
{
	const char *home = arena_printf(arena, "%s/%s", w->o->folder, name);
	struct pulse p = { samples_estimate(&w->stream).median, samples_estimate(&w->product).median }, before;

	if (home && w->r->resumed > 0 && pulse_read(home, &before))      /* the half of the rounds that came before */
		p = (struct pulse){ (p.stream_s + before.stream_s) / 2, (p.product_s + before.product_s) / 2 };
	return home ? pulse_write(home, &p, err) : err_memory(err);
}

static bool write_cached(struct work *w, struct target t, struct arena *arena, struct err *err)
{
	t.where = FROM_LAST_CACHE;
	t.title = "weights and caches in the last-level cache";
	t.name = arena_printf(arena, "%s-cached", w->o->name);
	if (!t.name)
		return err_memory(err);
	w->r->devices = arena_printf(arena, "%s %s", w->r->devices, t.name);
	return target_write(&t, w->o, w->r, arena, err) && write_pulse(w, t.name, arena, err);
}

static bool write_targets(struct work *w, const struct points *points, struct arena *arena, struct err *err)
{
	const struct calibrate_options *o = w->o;
	static const char *const variants[] = { "avx2", "avx512", "openblas", "opencl" };
	struct target t = { .name = o->name, .points = points, .keep = is_default, .where = FROM_MEMORY,
			    .title = "weights and caches read from memory" };

	w->r->devices = o->name;
	w->r->stream_drift = spread(&w->stream);
	w->r->product_drift = spread(&w->product);
	if (!target_write(&t, o, w->r, arena, err) || !write_pulse(w, o->name, arena, err))
		return false;
	if (!o->no_cached && !write_cached(w, t, arena, err))
		return false;
	for (size_t i = 0; o->all_variants && i < COUNT_OF(variants); i++) {
		bool any = false;

		t = (struct target){ .points = points, .keep = is_variant, .variant = variants[i], .title = variants[i] };
		for (size_t p = 0; p < points->count; p++)
			any = any || is_variant(&t, &points->at[p]);
		t.name = arena_printf(arena, "%s-%s", o->name, variants[i]);
		if (!any || !t.name)
			continue;
		if (!target_write(&t, o, w->r, arena, err))
			return false;
		w->r->devices = arena_printf(arena, "%s %s", w->r->devices, t.name);
	}
	return w->r->devices != NULL || err_memory(err);
}

/* What must be equal for samples of an interrupted calibration to be of use. */
static const char *identity(const struct work *w, struct arena *arena)
{
	return arena_printf(arena, "grid 10; %s; %d threads; %s; op %s; %zu visits; %d rounds", w->r->machine.cpu, w->r->threads,
			    w->o->quick ? "quick" : w->o->no_cached ? "memory" : "full", w->o->op ? w->o->op : "all", w->visits.count, w->rounds);
}

bool calibrate(const struct calibrate_options *o, struct calibrate_report *r, struct arena *arena, struct err *err)
{
	struct work w = { .o = o, .r = r, .rounds = o->rounds > 0 ? o->rounds : o->quick ? 2 : 3 };
	struct points points = { 0 };
	const char *folder = arena_printf(arena, "%s/%s", o->folder, o->name), *path, *who;
	double begin = 0, stolen_s = 0;
	bool ok = false;

	*r = (struct calibrate_report){ 0 };
	if (!folder || !(path = arena_printf(arena, "%s/samples.db", folder)))
		return err_memory(err);
	if (!machine_read(&r->machine, err) || !(w.timing = timing_new(err)))
		goto out;
	begin = timing_now_s(w.timing);
	stolen_s = machine_stolen_s();
	r->threads = o->threads > 0 ? o->threads : r->machine.cores;
	if (!visits_plan(&w.visits, o->op, o->quick, o->all_variants, r->threads, err) || !make_folder(folder, err))
		goto out;
	who = identity(&w, arena);
	w.order = arena_alloc(arena, w.visits.count * sizeof(*w.order));
	r->clock = arena_strdup(arena, timing_clock_name(w.timing));
	r->counters = arena_strdup(arena, timing_counters_name(w.timing));
	if (!who || !w.order || !r->clock || !r->counters) {
		err_memory(err);
		goto out;
	}
	w.store = sample_store_open(path, who, o->fresh, err);
	ok = w.store && measure(&w, err) && collect(&w, &points, err);
	ok = ok && write_targets(&w, &points, arena, err) && (rounds_now(&w) < w.rounds || sample_store_finish(w.store, err));
	r->seconds = timing_now_s(w.timing) - begin;
	r->stolen = (machine_stolen_s() - stolen_s) / (r->seconds * r->machine.threads);
out:
	sample_store_close(w.store);
	timing_free(w.timing);
	visits_release(&w.visits);
	mem_free(points.at);
	return ok;
}
