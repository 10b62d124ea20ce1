#include "validation/published_run.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/catalog_cache.h"
#include "sim/interval.h"
#include "sim/serve.h"

/* Cases of equal settings and limits: one simulation. */
struct job {
	struct published_outcome **first;
	size_t count;
	bool interval;                 /* simulated at both ends of its operators' errors, too */
	enum err_kind failed;
	char refusal[160];
};

struct queue {
	pthread_mutex_t lock;
	struct job *jobs;
	size_t count, next, finished;
	const struct published_options *options;
};

static int compare_numbers(double a, double b)
{
	return a < b ? -1 : a > b;
}

static bool has_limits(const struct published_case *c)
{
	return c->ttft_p99_s > 0 || c->tpot_p99_s > 0 || c->e2e_p99_s > 0;
}

static int compare_cases(const struct published_case *a, const struct published_case *b)
{
	int c = strcmp(a->settings, b->settings);

	if (c == 0 && a->choice_count != b->choice_count)
		return a->choice_count < b->choice_count ? -1 : 1;
	for (size_t i = 0; c == 0 && i < a->choice_count; i++)
		c = strcmp(a->choices[i].settings, b->choices[i].settings);
	c = c ? c : compare_numbers(a->ttft_p99_s, b->ttft_p99_s);
	c = c ? c : compare_numbers(a->tpot_p99_s, b->tpot_p99_s);
	c = c ? c : compare_numbers(a->e2e_p99_s, b->e2e_p99_s);
	c = c ? c : compare_numbers(a->run_s, b->run_s);
	c = c ? c : compare_numbers(a->queries, b->queries);
	if (c || (!has_limits(a) && !(a->queries > 0)))
		return c;
	/* Copies share the queries of a run. */
	c = compare_numbers(a->devices, b->devices);
	return c ? c : compare_numbers(a->copies, b->copies);
}

static int compare_outcomes(const void *a, const void *b)
{
	const struct published_outcome *const *x = a, *const *y = b;
	int c = compare_cases(&(*x)->set, &(*y)->set);

	c = c ? c : compare_numbers((*x)->set.rate_most, (*y)->set.rate_most);
	return c ? c : *x < *y ? -1 : *x > *y;
}

/* "600:2.5,600:6": stages of seconds and requests/s. */
static bool set_stages(struct scenario *sc, const char *text, struct arena *arena, struct err *err)
{
	struct arrivals *a = &sc->workload.arrivals;
	char *end;

	a->stages = arena_alloc(arena, 8 * sizeof(*a->stages));
	if (!a->stages)
		return err_memory(err);
	for (a->stage_count = 0; *text && a->stage_count < 8; a->stage_count++) {
		struct stage *stage = &a->stages[a->stage_count];

		stage->duration_s = strtod(text, &end);
		stage->qps = *end == ':' ? strtod(end + 1, &end) : 0;
		text = *end == ',' ? end + 1 : "";
	}
	return true;
}

/* One "path=value"; stages and techniques are lists, which have no paths of their own. */
static bool apply_one(struct scenario *sc, const char *path, const char *value, struct arena *arena, struct err *err)
{
	if (strcmp(path, "stages") == 0)
		return set_stages(sc, value, arena, err);
	if (strcmp(path, "with") == 0)
		return scenario_with(sc, value, arena, err);
	return schema_set(&scenario_element, sc, path, value, "published", arena, err);
}

/* Applies "path=value path=value ". */
static bool apply(struct scenario *sc, const char *settings, struct arena *arena, struct err *err)
{
	char *copy = arena_strdup(arena, settings), *at = copy;

	if (!copy)
		return err_memory(err);
	while (at && *at) {
		char *blank = strchr(at, ' '), *equals = strchr(at, '=');

		if (blank)
			*blank = '\0';
		if (*at && equals) {
			*equals = '\0';
			if (!apply_one(sc, at, equals + 1, arena, err))
				return false;
		}
		at = blank ? blank + 1 : NULL;
	}
	return true;
}

/* Requests of one copy while a server is judged. What a batch can still take in hides an overload for a while, so that the run is
 * as long as theirs -- half an hour of thousands of requests apart, which would only cost time. */
static double server_requests(const struct published_case *c, double rate, double copies)
{
	enum { ENOUGH = 20000, JUDGED_S = 600 };

	return ceil(fmin(fmax(c->run_s * rate, c->queries / fmax(copies, 1)), fmax(JUDGED_S * rate, ENOUGH)));
}

/* Seconds that the measured server was sent requests. */
static double server_run_s(const struct published_case *c, double rate, double copies)
{
	return fmax(c->run_s, c->queries / fmax(copies, 1) / rate);
}

/*
 * Queries of a Poisson stream go to the copy that has fewest waiting (NVIDIA's harness: load_balancing, or by the sum of their prompts).
 * One copy of n sees about every n-th: gaps are sums of n, of variation 1 / sqrt(n), which is what copies that took turns would see.
 */
static void share_arrivals(struct scenario *sc, double copies)
{
	if (sc->workload.arrivals.kind != ARRIVAL_POISSON || !(copies > 1))
		return;
	sc->workload.arrivals.kind = ARRIVAL_GAMMA;
	sc->workload.arrivals.cv = 1 / sqrt(copies);
}

/* One run, with operator times scaled, of at least so many requests; rate > 0: arrivals of that rate at one of the copies; < 0: all at once. */
static bool run_once(const char *settings, double rate, double requests, double copies, double scale, struct catalog_cache *cache,
		     struct result *r, struct arena *arena, struct err *err)
{
	struct scenario *sc = scenario_new(arena, err);
	struct sim *sim = NULL;
	bool ok = sc && apply(sc, settings, arena, err);

	if (ok)
		sc->workload.requests = (int64_t)fmax((double)sc->workload.requests, requests);
	if (ok && rate > 0) {
		sc->workload.qps = rate;
		share_arrivals(sc, copies);
	}
	if (ok && rate < 0)
		sc->workload.arrivals.kind = ARRIVAL_ALL_AT_ONCE;
	if (ok)
		sc->time_scale = scale;
	ok = ok && (sim = sim_new_cached(sc, NULL, cache, err)) && sim_run(sim, INFINITY, err) && sim_result(sim, arena, r, err);
	sim_free(sim);
	return ok;
}

static bool inside(const struct published_case *c, const struct result *r)
{
	return (!(c->ttft_p99_s > 0) || r->ttft_s.p99 <= c->ttft_p99_s) && (!(c->tpot_p99_s > 0) || r->tpot_s.p99 <= c->tpot_p99_s) &&
	       (!(c->e2e_p99_s > 0) || r->e2e_s.p99 <= c->e2e_p99_s);
}

/* What the simulations of one case have come to. */
struct trial {
	const struct published_case *set;
	struct arena *arena;
	struct catalog_cache *cache;   /* of all runs of the job */
	double scale;                  /* on operator times */
	struct result *best, *next;
	double best_rate;              /* requests/s of a device that keeps the limits (offline: that it gets through); 0: none */
	double best_devices;           /* of a copy of the layout that does; 0: the case's own */
	const char *best_settings;
};

static void keep(struct trial *t, const char *settings, double rate, double devices)
{
	struct result *r = t->best;

	t->best = t->next;
	t->next = r;
	t->best_rate = rate / devices;
	t->best_devices = devices;
	t->best_settings = settings;
}

static double copies_of(const struct trial *t, double devices)
{
	return t->set->choice_count > 0 ? floor(t->set->devices / devices) : t->set->copies;
}

/* A server at a rate of one copy, into t->next. Its tokens/s, as LoadGen counts them: all that were asked until the answer to the last
 * query is complete, which takes as long as others. Its requests/s are those sent. */
static bool serve(struct trial *t, const char *settings, double rate, double devices, struct err *err)
{
	double copies = copies_of(t, devices), run_s = server_run_s(t->set, rate, copies);

	memset(t->next, 0, sizeof(*t->next));
	if (!run_once(settings, rate, server_requests(t->set, rate, copies), copies, t->scale, t->cache, t->next, t->arena, err))
		return false;
	t->next->output_throughput = rate * run_s / (run_s + t->next->e2e_s.mean) * t->next->output_tokens / t->next->completed;
	t->next->request_throughput = rate;
	return true;
}

/* At a rate of one copy: false only when the run fails; *held: within the limits, and then the best so far. */
static bool at_rate(struct trial *t, const char *settings, double rate, double devices, bool *held, struct err *err)
{
	if (!serve(t, settings, rate, devices, err))
		return false;
	*held = inside(t->set, t->next);
	if (!*held)
		return true;
	keep(t, settings, rate, devices);
	return true;
}

/* The highest rate that keeps the limits, from the best of other layouts to what an offline run gets through: halvings end
 * within one and a half percent of that. */
static bool search(struct trial *t, const char *settings, double devices, struct err *err)
{
	double least = t->best_rate * devices, most, width;
	bool held;

	memset(t->next, 0, sizeof(*t->next));
	if (!run_once(settings, -1, 0, 1, t->scale, t->cache, t->next, t->arena, err))
		return false;
	most = 1.1 * t->next->request_throughput;
	width = most / 70;
	/* Does this layout get further at all? */
	if (least > 0) {
		least *= 1.01;
		if (least >= most)
			return true;
		if (!at_rate(t, settings, least, devices, &held, err) || !held)
			return err->kind == ERR_NONE;
	}
	while (most - least > width) {
		double rate = (least + most) / 2;

		if (!at_rate(t, settings, rate, devices, &held, err))
			return false;
		if (held)
			least = rate;
		else
			most = rate;
	}
	return true;
}

/* Samples of one copy that LoadGen sends an offline system at once: a tenth more than it gets through in the least time of a run,
 * or the least of a run. What filling and draining take is as long in a short run. */
static double batch_requests(const struct published_case *c, const struct result *r, double copies)
{
	if (!(c->run_s > 0))
		return 0;
	return ceil(fmax(1.1 * c->run_s * r->request_throughput, c->queries / fmax(copies, 1)));
}

/* One layout: an offline or given load once, limits by search. */
static bool try_layout(struct trial *t, const char *settings, double devices, struct err *err)
{
	double requests;

	if (has_limits(t->set))
		return search(t, settings, devices, err);
	memset(t->next, 0, sizeof(*t->next));
	if (!run_once(settings, 0, 0, 1, t->scale, t->cache, t->next, t->arena, err))
		return false;
	requests = batch_requests(t->set, t->next, copies_of(t, devices));
	if (requests > t->next->completed) {
		memset(t->next, 0, sizeof(*t->next));
		if (!run_once(settings, 0, requests, 1, t->scale, t->cache, t->next, t->arena, err))
			return false;
	}
	if (t->next->request_throughput / devices > t->best_rate)
		keep(t, settings, t->next->request_throughput, devices);
	return true;
}

/* All layouts that may have been; one that is refused (it does not fit) is passed over unless all are. */
static bool try_all(struct trial *t, struct err *err)
{
	const struct published_case *c = t->set;
	struct err refused = { 0 };
	size_t ran = 0;

	if (c->choice_count == 0) {
		bool ok = try_layout(t, c->settings, 1, err);

		t->best_devices = 0;
		return ok;
	}
	for (size_t i = 0; i < c->choice_count; i++) {
		const char *settings = arena_printf(t->arena, "%s%s", c->settings, c->choices[i].settings);
		struct err one = { 0 };

		if (!settings)
			return err_memory(err);
		if (try_layout(t, settings, c->choices[i].devices, &one))
			ran++;
		else
			refused = one;
	}
	if (ran == 0)
		*err = refused;
	return ran > 0;
}

static bool finite_figure(struct published_outcome *o)
{
	if (isfinite(o->error))
		return true;
	o->predicted = o->error = NAN;
	o->set.why = WHY_METRIC;
	return false;
}

/* The run that stands for a row: that which completes what its system did, sent as much faster as the last answer takes; else the
 * best. Rows of a job stand in order of that rate; *ran: the one of t->next. NULL when a run fails. */
static const struct result *run_of_row(struct trial *t, const struct published_outcome *o, double *ran, struct err *err)
{
	double devices = t->best_devices > 0 ? t->best_devices : 1;
	double rate = o->set.rate_most * t->best->completed / t->best->output_tokens, sent = rate;

	if (!(rate > 0))
		return t->best;
	for (int round = 0; round < 4; round++) {
		if (sent >= t->best_rate)
			return t->best;
		if (sent != *ran && !serve(t, t->best_settings, sent * devices, devices, err))
			return NULL;
		*ran = sent;
		sent = rate * (1 + t->next->e2e_s.mean / server_run_s(t->set, sent * devices, copies_of(t, devices)));
	}
	return t->next;
}

static bool predict_all(struct job *job, struct trial *t, struct err *err)
{
	double ran = 0;

	for (size_t i = 0; i < job->count; i++) {
		struct published_outcome *o = job->first[i];
		const struct result *r;

		if (!(t->best_rate > 0)) {
			o->set.why = WHY_SATURATED;
			continue;
		}
		if (!(r = run_of_row(t, o, &ran, err)))
			return false;
		if (t->best_devices > 0)
			o->set.copies = floor(o->row->devices / t->best_devices);
		o->predicted = published_predict(&o->set, r);
		o->error = o->predicted / o->row->value - 1;
		if (!finite_figure(o))
			continue;
		o->measured = r->share_measured;
		o->operators = interval_operators(r);
		o->saturated = has_limits(t->set) && o->set.figure <= FIGURE_E2E_MAX;
	}
	return true;
}

/* A row's figure at one end: what no rate of that end reaches is none, and takes for ever. */
static void take_end(struct published_outcome *o, double figure, bool slower)
{
	if (o->set.figure <= FIGURE_TTFT_P99)
		figure = interval_first_token(o->predicted, figure, o->measured, slower);
	o->least = fmin(o->least, figure);
	o->most = fmax(o->most, figure);
}

/* The layout that was best, again with all operators that much faster or slower. */
static bool predict_end(struct job *job, const struct trial *likely, double e, bool slower, struct err *err)
{
	struct trial t = { .set = likely->set, .arena = likely->arena, .cache = likely->cache, .scale = interval_scale(e, slower) };
	double devices = likely->best_devices > 0 ? likely->best_devices : 1, ran = 0;

	t.best = arena_alloc(t.arena, sizeof(*t.best));
	t.next = arena_alloc(t.arena, sizeof(*t.next));
	if (!t.best || !t.next)
		return err_memory(err);
	if (!try_layout(&t, likely->best_settings, devices, err))
		return false;
	t.best_devices = likely->best_devices;
	for (size_t i = 0; i < job->count; i++) {
		struct published_outcome *o = job->first[i];
		const struct result *r = NULL;

		if (isnan(o->error))
			continue;
		if (t.best_rate > 0 && !(r = run_of_row(&t, o, &ran, err)))
			return false;
		take_end(o, r ? published_predict(&o->set, r) : o->set.figure <= FIGURE_E2E_MAX ? INFINITY : 0, slower);
	}
	return true;
}

static bool predict_interval(struct job *job, const struct trial *t, struct err *err)
{
	double e = interval_rel_error(t->best);

	if (!(t->best_rate > 0))
		return true;
	for (size_t i = 0; i < job->count; i++)
		job->first[i]->least = job->first[i]->most = job->first[i]->predicted;
	return predict_end(job, t, e, false, err) && predict_end(job, t, e, true, err);
}

static void run_job(struct job *job)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct trial t = { .set = &job->first[0]->set, .arena = arena, .cache = catalog_cache_new(&err), .scale = 1 };
	bool ok;

	t.best = arena && t.cache ? arena_alloc(arena, sizeof(*t.best)) : NULL;
	t.next = t.best ? arena_alloc(arena, sizeof(*t.next)) : NULL;
	ok = t.next ? try_all(&t, &err) && predict_all(job, &t, &err) && (!job->interval || predict_interval(job, &t, &err)) : err_memory(&err);
	if (!ok) {
		job->failed = err.kind;
		snprintf(job->refusal, sizeof(job->refusal), "%.*s", (int)sizeof(job->refusal) - 1, err.text);
	}
	catalog_cache_free(t.cache);
	arena_free(arena);
}

static void *work(void *ctx)
{
	struct queue *q = ctx;

	for (;;) {
		size_t at, finished;

		pthread_mutex_lock(&q->lock);
		at = q->next++;
		finished = q->finished;
		if (q->options->progress && at < q->count)
			q->options->progress(q->options->ctx, (double)finished / (double)q->count);
		pthread_mutex_unlock(&q->lock);
		if (at >= q->count)
			return NULL;
		run_job(&q->jobs[at]);
		pthread_mutex_lock(&q->lock);
		q->finished++;
		pthread_mutex_unlock(&q->lock);
	}
}

enum { THREADS_MOST = 64 };

static void run_all(struct queue *q)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int threads = q->options->threads > 0 ? q->options->threads : (int)(processors > 0 ? processors : 1), started = 0;
	pthread_t ids[THREADS_MOST];

	/* The first job alone: libraries settle what they share. */
	if (q->count > 0)
		run_job(&q->jobs[q->next++]);
	threads = threads < THREADS_MOST ? threads : THREADS_MOST;
	pthread_mutex_init(&q->lock, NULL);
	while (started < threads - 1 && pthread_create(&ids[started], NULL, work, q) == 0)
		started++;
	work(q);
	while (started > 0)
		pthread_join(ids[--started], NULL);
	pthread_mutex_destroy(&q->lock);
}

static size_t make_jobs(struct published_outcome **sorted, size_t n, struct job *jobs)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || compare_cases(&sorted[i - 1]->set, &sorted[i]->set) != 0)
			jobs[count++] = (struct job){ .first = &sorted[i] };
		jobs[count - 1].count++;
	}
	return count;
}

/* An interval takes twice more of what a job does: every k-th has it, so that they cost little beside the rest. */
static void choose_intervals(struct job *jobs, size_t count, size_t most)
{
	size_t step = most > 0 ? (count + most - 1) / most : 0;

	for (size_t i = 0; step > 0 && i < count; i++)
		jobs[i].interval = i % step == step / 2;
}

/* Refusals and failures become reasons of their rows, so that one row never costs the study. */
static bool settle(struct published_study *s, const struct queue *q, struct err *err)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct job *job = &q->jobs[i];
		char *text;

		if (job->failed == ERR_NONE)
			continue;
		if (!(text = arena_strdup(s->arena, job->refusal)))
			return err_memory(err);
		for (size_t k = 0; k < job->count; k++) {
			job->first[k]->set.why = WHY_REFUSED;
			job->first[k]->set.detail = text;
		}
	}
	return true;
}

bool published_run(struct published_study *s, const struct published_options *o, struct err *err)
{
	struct published_outcome **sorted = arena_alloc(s->arena, (s->rows.count + 1) * sizeof(struct published_outcome *));
	struct queue q = { .options = o };
	size_t n = 0;

	q.jobs = arena_alloc(s->arena, (s->rows.count + 1) * sizeof(*q.jobs));
	if (!sorted || !q.jobs)
		return err_memory(err);
	for (size_t i = 0; i < s->rows.count; i++)
		if (s->outcomes[i].set.settings)
			sorted[n++] = &s->outcomes[i];
	qsort(sorted, n, sizeof(struct published_outcome *), compare_outcomes);
	q.count = make_jobs(sorted, n, q.jobs);
	choose_intervals(q.jobs, q.count, o->intervals);
	s->simulations = q.count;
	run_all(&q);
	return settle(s, &q, err);
}
