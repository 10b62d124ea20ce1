#include "validation/published_run.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/serve.h"

/* Cases of equal settings and limits: one simulation. */
struct job {
	struct published_outcome **first;
	size_t count;
	bool done, found;              /* found: a rate keeps the limits, or none were asked for */
	enum err_kind failed;
	char refusal[160];
};

struct queue {
	pthread_mutex_t lock;
	struct job *jobs;
	size_t count, next, finished;
	const struct published_options *options;
};

static int compare_cases(const struct published_case *a, const struct published_case *b)
{
	int c = strcmp(a->settings, b->settings);

	if (c)
		return c;
	if (a->ttft_p99_s != b->ttft_p99_s)
		return a->ttft_p99_s < b->ttft_p99_s ? -1 : 1;
	return a->tpot_p99_s < b->tpot_p99_s ? -1 : a->tpot_p99_s > b->tpot_p99_s;
}

static int compare_outcomes(const void *a, const void *b)
{
	const struct published_outcome *const *x = a, *const *y = b;
	int c = compare_cases(&(*x)->set, &(*y)->set);

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

/* Applies "path=value path=value "; stages are a list, which has no path of its own. */
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
			if (strcmp(at, "stages") == 0 ? !set_stages(sc, equals + 1, arena, err) : !schema_set(&scenario_element, sc, at, equals + 1, "published", arena, err))
				return false;
		}
		at = blank ? blank + 1 : NULL;
	}
	return true;
}

/* One run; rate > 0 replaces the arrivals by Poisson of that rate, < 0 by all at once. */
static bool run_once(const char *settings, double rate, struct result *r, struct arena *arena, struct err *err)
{
	struct scenario *sc = scenario_new(arena, err);
	struct sim *sim = NULL;
	bool ok = sc && apply(sc, settings, arena, err);

	if (ok && rate > 0)
		sc->workload.qps = rate;
	if (ok && rate < 0)
		sc->workload.arrivals.kind = ARRIVAL_ALL_AT_ONCE;
	ok = ok && (sim = sim_new(sc, NULL, err)) && sim_run(sim, INFINITY, err) && sim_result(sim, arena, r, err);
	sim_free(sim);
	return ok;
}

static bool inside(const struct published_case *c, const struct result *r)
{
	return r->ttft_s.p99 <= c->ttft_p99_s && r->tpot_s.p99 <= c->tpot_p99_s;
}

/* The highest rate that keeps the limits, between nothing and what an offline run gets through: nine halvings end
 * within half a percent. */
static bool search(const struct published_case *c, struct result *r, bool *found, struct arena *arena, struct err *err)
{
	double least = 0, most;
	struct result *try = arena_alloc(arena, sizeof(*try));

	*found = false;
	if (!try)
		return err_memory(err);
	if (!run_once(c->settings, -1, try, arena, err))
		return false;
	most = 1.1 * try->request_throughput;
	for (int i = 0; i < 9; i++) {
		double rate = (least + most) / 2;

		memset(try, 0, sizeof(*try));
		if (!run_once(c->settings, rate, try, arena, err))
			return false;
		if (inside(c, try)) {
			*r = *try;
			/* The last arrivals drain after the load is gone: what was served is the rate. */
			r->output_throughput = rate * try->output_tokens / try->completed;
			r->request_throughput = rate;
			least = rate;
			*found = true;
		} else {
			most = rate;
		}
	}
	return true;
}

static void predict(struct job *job, const struct result *r)
{
	for (size_t i = 0; i < job->count; i++) {
		struct published_outcome *o = job->first[i];

		if (!job->found) {
			o->set.why = WHY_SATURATED;
			continue;
		}
		o->predicted = published_predict(&o->set, r);
		o->error = o->predicted / o->row->value - 1;
		if (!isfinite(o->error)) {
			o->predicted = o->error = NAN;
			o->set.why = WHY_METRIC;
		}
	}
}

static void run_job(struct job *job)
{
	const struct published_case *c = &job->first[0]->set;
	struct arena *arena = arena_new();
	struct err err = { 0 };
	struct result *r = arena ? arena_alloc(arena, sizeof(*r)) : NULL;
	bool ok;

	job->found = true;
	if (!r)
		ok = err_memory(&err);
	else if (c->ttft_p99_s > 0)
		ok = search(c, r, &job->found, arena, &err);
	else
		ok = run_once(c->settings, 0, r, arena, &err);
	if (ok) {
		predict(job, r);
	} else {
		job->failed = err.kind;
		snprintf(job->refusal, sizeof(job->refusal), "%.*s", (int)sizeof(job->refusal) - 1, err.text);
	}
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

/* Refusals and failures become reasons of their rows, so that one row never costs the study; only unreadable files end it. */
static bool settle(struct published_study *s, const struct queue *q, struct err *err)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct job *job = &q->jobs[i];
		char *text;

		if (job->failed == ERR_NONE)
			continue;
		if (job->failed == ERR_IO)
			return err_set(err, job->failed, "row %s: %s", job->first[0]->row->id, job->refusal);
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
	s->simulations = q.count;
	run_all(&q);
	return settle(s, &q, err);
}
