#include "sim/plan/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/interval.h"

enum { WAVE_FIRST = 16, WAVE_MOST = 64, CANDIDATES_MOST = 10000000 };
enum task_kind { TASK_BOUND, TASK_FLOOR, TASK_EVALUATE, TASK_INTERVAL };

struct task {
	int kind;
	int64_t index;
	double time_scale;
};

struct reply {
	struct bounds bounds;
	struct outcome outcome;
};
_Static_assert(sizeof(struct reply) <= REPLY_MOST && sizeof(struct task) <= TASK_MOST, "tasks and replies travel in buffers of fixed size");

struct running {
	struct search *s;
	const struct search_options *o;
	struct evaluating e;
	struct demand demand;
	struct arena *arena;
	struct team *team;
	/* buffers of one map */
	struct task *tasks;
	struct reply *replies;
	bool *done;
	size_t capacity, done_count;
	const char *what;
	size_t *order;                         /* candidates to simulate, most promising first */
	size_t order_count;
	bool fixed_workload;
	bool keeping;                          /* replies go to the memory */
};

static bool execute(void *ctx, const void *task, void *reply, struct err *err)
{
	const struct running *r = ctx;
	struct reply *out = reply;
	struct task t;

	memcpy(&t, task, sizeof(t));
	memset(out, 0, sizeof(*out));
	if (t.kind == TASK_EVALUATE)
		return candidate_evaluate(&r->e, t.index, &out->outcome, err);
	if (t.kind == TASK_INTERVAL) {
		struct evaluating e = r->e;

		/* Figures are wanted, also of what misses a target when it is slower. */
		e.abort = false;
		e.time_scale = t.time_scale;
		return candidate_evaluate(&e, t.index, &out->outcome, err);
	}
	return candidate_bound(&r->e, t.index, t.kind == TASK_FLOOR, &out->bounds, err);
}

static bool done(void *ctx, size_t i, const void *task, const void *reply, struct err *err)
{
	struct running *r = ctx;
	const struct reply *got = reply;
	struct task t;

	(void)i;
	memcpy(&t, task, sizeof(t));
	r->done_count++;
	if (r->o->progress && (r->done_count % 64 == 0 || t.kind >= TASK_EVALUATE))
		r->o->progress(r->o->progress_ctx, r->done_count, r->s->count, r->what);
	if (!r->keeping || !r->o->memory || t.kind != TASK_EVALUATE)
		return true;
	return r->o->memory->keep(r->o->memory->ctx, r->s->candidates[t.index].bounds.key, &got->outcome, err);
}

static bool stopped(void *ctx)
{
	const struct running *r = ctx;

	return r->o->stop && r->o->stop(r->o->stop_ctx);
}

static bool room_for(struct running *r, size_t count, struct err *err)
{
	if (count <= r->capacity)
		return true;
	r->tasks = arena_alloc(r->arena, count * sizeof(*r->tasks));
	r->replies = arena_alloc(r->arena, count * sizeof(*r->replies));
	r->done = arena_alloc(r->arena, count * sizeof(*r->done));
	r->capacity = count;
	return (r->tasks && r->replies && r->done) || err_memory(err);
}

/* Whether an axis, or the capacity that is looked for, changes what requests come. */
static bool workload_varies(const struct space *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (text_starts(s->axes[i].path, "workload.") || text_equal(s->axes[i].path, "seed"))
			return true;
	return false;
}

/* All candidates get their bounds, some thousands at a time: a reply is large. */
static bool bound_all(struct running *r, struct err *err)
{
	enum { CHUNK = 4096 };
	struct search *s = r->s;

	r->what = "candidates bounded";
	for (size_t first = 0; first < s->count && !stopped(r); first += CHUNK) {
		size_t n = s->count - first < CHUNK ? s->count - first : CHUNK;

		if (!room_for(r, n, err))
			return false;
		for (size_t i = 0; i < n; i++)
			r->tasks[i] = (struct task){ TASK_BOUND, (int64_t)(first + i), 1 };
		if (!team_map(r->team, n, r->tasks, r->replies, r->done, err))
			return false;
		for (size_t i = 0; i < n; i++)
			if (r->done[i])
				s->candidates[first + i].bounds = r->replies[i].bounds;
	}
	return true;
}

static bool feasible(const struct candidate *c)
{
	return c->outcome && c->outcome->status == OUTCOME_DONE && c->outcome->slos_met;
}

/* The figure as something to make small. INFINITY for what is not known. */
static double small(const struct candidate *c, int figure)
{
	double v = c->outcome->value[figure];

	return isnan(v) ? INFINITY : figures[figure].better > 0 ? -v : v;
}

/* Best first: the objective, then the cost of an hour, devices, place in the space. */
static int compare_best(const struct search *s, const struct objective *o, size_t a, size_t b)
{
	const struct candidate *x = &s->candidates[a], *y = &s->candidates[b];
	const int by[] = { o->figure, FIGURE_USD_PER_HOUR, FIGURE_DEVICES };

	for (size_t i = 0; i < COUNT_OF(by); i++) {
		double p = small(x, by[i]), q = small(y, by[i]);

		if (p != q)
			return p < q ? -1 : 1;
	}
	return a < b ? -1 : a > b;
}

static void insert_best(struct running *r, size_t candidate)
{
	struct search *s = r->s;
	size_t at = s->best_count;

	if (!feasible(&s->candidates[candidate]) || isinf(small(&s->candidates[candidate], r->o->objective->figure)))
		return;
	while (at > 0 && compare_best(s, r->o->objective, candidate, s->best[at - 1]) < 0)
		at--;
	if (at >= r->o->best)
		return;
	if (s->best_count < r->o->best)
		s->best_count++;
	memmove(&s->best[at + 1], &s->best[at], (s->best_count - at - 1) * sizeof(*s->best));
	s->best[at] = candidate;
}

/* A lower bound of the objective, as something to make small. */
static double objective_bound(const struct running *r, const struct candidate *c)
{
	switch (r->o->objective->figure) {
	case FIGURE_USD_PER_1M_OUTPUT:
		return c->bounds.cost;
	case FIGURE_DEVICES:
		return c->bounds.devices;
	case FIGURE_TPOT_MEAN:
		return c->bounds.floor_s;
	case FIGURE_PER_DEVICE:
		if (r->demand.fixed && !r->o->capacity && r->demand.span_s > 0)
			return -r->demand.output_tokens / r->demand.span_s / c->bounds.devices * (1 + 1e-9);
		return -INFINITY;
	default:
		return -INFINITY;
	}
}

/* Bounds of a front's two figures, as things to make small. */
static void front_bound(const struct running *r, const struct candidate *c, int front, double bound[2])
{
	double mean_tokens = r->demand.requests > 0 ? r->demand.output_tokens / r->demand.requests : 0;

	if (front == 0) {
		bound[0] = c->bounds.cost;
		bound[1] = r->demand.fixed ? mean_tokens * c->bounds.floor_s * (1 - 1e-9) : 0;
	} else {
		bound[0] = c->bounds.floor_s > 0 ? -1 / c->bounds.floor_s : -INFINITY;
		bound[1] = r->demand.fixed && !r->o->capacity && r->demand.span_s > 0 ?
			-r->demand.output_tokens / r->demand.span_s / c->bounds.devices * (1 + 1e-9) : -INFINITY;
	}
}

static bool dominated(const struct running *r, const struct candidate *c, int front)
{
	const struct search *s = r->s;
	double bound[2];

	front_bound(r, c, front, bound);
	for (size_t i = 0; i < s->front_counts[front]; i++) {
		const struct candidate *f = &s->candidates[s->fronts[front][i]];
		double x = small(f, front_axes[front].figures[0]), y = small(f, front_axes[front].figures[1]);

		if (x <= bound[0] && y <= bound[1] && (x < bound[0] || y < bound[1]))
			return true;
	}
	return false;
}

/* Whether the bounds show that it is neither among the best nor on a front. */
static bool prunable(const struct running *r, const struct candidate *c)
{
	const struct search *s = r->s;

	if (r->o->brute || s->best_count < r->o->best ||
	    objective_bound(r, c) <= small(&s->candidates[s->best[s->best_count - 1]], r->o->objective->figure))
		return false;
	for (int f = 0; !r->o->best_only && f < FRONTS; f++)
		if (!dominated(r, c, f))
			return false;
	return true;
}

/* Points that no other point beats in both figures; equal points: the first. Sorted along the first figure. */
static void insert_front(struct running *r, size_t candidate, int front)
{
	struct search *s = r->s;
	const struct candidate *c = &s->candidates[candidate];
	const int *by = front_axes[front].figures;
	double x, y;
	size_t kept = 0, at;

	if (!feasible(c))
		return;
	x = small(c, by[0]);
	y = small(c, by[1]);
	if (isinf(x) || isinf(y))
		return;
	for (size_t i = 0; i < s->front_counts[front]; i++) {
		const struct candidate *f = &s->candidates[s->fronts[front][i]];
		double fx = small(f, by[0]), fy = small(f, by[1]);

		if (fx <= x && fy <= y && (fx < x || fy < y || s->fronts[front][i] < candidate))
			return;
	}
	for (size_t i = 0; i < s->front_counts[front]; i++) {
		size_t other = s->fronts[front][i];

		if (small(&s->candidates[other], by[0]) < x || small(&s->candidates[other], by[1]) < y)
			s->fronts[front][kept++] = other;
	}
	for (at = kept; at > 0 && small(&s->candidates[s->fronts[front][at - 1]], by[0]) > x; at--)
		s->fronts[front][at] = s->fronts[front][at - 1];
	s->fronts[front][at] = candidate;
	s->front_counts[front] = kept + 1;
}

static void accept_outcome(struct running *r, size_t candidate, const struct outcome *o)
{
	*r->s->candidates[candidate].outcome = *o;
	insert_best(r, candidate);
	for (int f = 0; f < FRONTS; f++)
		insert_front(r, candidate, f);
}

struct by_bound {
	double bound;
	size_t candidate;
};

static int order_by_bound(const void *a, const void *b)
{
	const struct by_bound *x = a, *y = b;

	if (x->bound != y->bound)
		return x->bound < y->bound ? -1 : 1;
	return x->candidate < y->candidate ? -1 : x->candidate > y->candidate;
}

/* Most promising first: by the bound of the objective, else by cost an hour. */
static bool plan_order(struct running *r, struct err *err)
{
	struct search *s = r->s;
	struct by_bound *sorted = mem_calloc(s->count + 1, sizeof(*sorted));

	r->order = arena_alloc(r->arena, (s->count + 1) * sizeof(*r->order));
	if (!sorted || !r->order) {
		mem_free(sorted);
		return err_memory(err);
	}
	for (size_t i = 0; i < s->count; i++) {
		const struct bounds *b = &s->candidates[i].bounds;
		double bound = objective_bound(r, &s->candidates[i]);

		if (b->status == OUTCOME_PENDING && b->key[0])
			sorted[r->order_count++] = (struct by_bound){ isinf(bound) || bound == 0 ? b->usd_per_hour : bound, i };
	}
	for (size_t i = 0; i < r->order_count; i++)
		if (isnan(sorted[i].bound))
			sorted[i].bound = INFINITY;
	qsort(sorted, r->order_count, sizeof(*sorted), order_by_bound);
	for (size_t i = 0; i < r->order_count; i++)
		r->order[i] = sorted[i].candidate;
	mem_free(sorted);
	return true;
}

/* Floors are costly and only sometimes decide: asked for where the quick estimate, which is no less, would. */
static bool fill_floors(struct running *r, const size_t *wave, size_t count, struct err *err)
{
	struct search *s = r->s;
	size_t n = 0;

	if (r->o->brute)
		return true;
	if (!room_for(r, count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct candidate hoped = s->candidates[wave[i]];

		if (hoped.bounds.floor_s > 0 || isnan(hoped.bounds.quick_s))
			continue;
		hoped.bounds.floor_s = hoped.bounds.quick_s;
		if (!prunable(r, &s->candidates[wave[i]]) && prunable(r, &hoped))
			r->tasks[n++] = (struct task){ TASK_FLOOR, (int64_t)wave[i], 1 };
	}
	if (!team_map(r->team, n, r->tasks, r->replies, r->done, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (r->done[i])
			s->candidates[r->tasks[i].index].bounds.floor_s = r->replies[i].bounds.floor_s;
	return true;
}

/* Simulates what of the wave is not pruned and not remembered. */
static bool do_wave(struct running *r, const size_t *wave, size_t count, struct err *err)
{
	struct search *s = r->s;
	size_t n = 0;

	if (!fill_floors(r, wave, count, err) || !room_for(r, count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct candidate *c = &s->candidates[wave[i]];

		c->outcome = NULL;
		if (prunable(r, c)) {
			c->bounds.status = OUTCOME_DOMINATED;
			continue;
		}
		c->outcome = arena_alloc(r->arena, sizeof(*c->outcome));
		if (!c->outcome)
			return err_memory(err);
		outcome_init(c->outcome);
	}
	/* Decided for the whole wave by what was known before it: then what is remembered may count. */
	for (size_t i = 0; i < count; i++) {
		struct candidate *c = &s->candidates[wave[i]];
		bool found = false;

		if (!c->outcome)
			continue;
		if (r->o->memory && !r->o->memory->recall(r->o->memory->ctx, c->bounds.key, c->outcome, &found, err))
			return false;
		s->recalled += found;
		if (!found)
			r->tasks[n++] = (struct task){ TASK_EVALUATE, (int64_t)wave[i], 1 };
	}
	r->keeping = true;
	if (!team_map(r->team, n, r->tasks, r->replies, r->done, err))
		return false;
	r->keeping = false;
	for (size_t i = 0; i < n; i++)
		if (r->done[i])
			*s->candidates[r->tasks[i].index].outcome = r->replies[i].outcome;
	for (size_t i = 0; i < count; i++)
		if (s->candidates[wave[i]].outcome && s->candidates[wave[i]].outcome->status != OUTCOME_PENDING) {
			struct outcome o = *s->candidates[wave[i]].outcome;

			accept_outcome(r, wave[i], &o);
		}
	return true;
}

static bool simulate_all(struct running *r, struct err *err)
{
	size_t size = WAVE_FIRST;

	r->what = "candidates decided";
	r->done_count = r->s->count - r->order_count;
	for (size_t at = 0; at < r->order_count && !stopped(r); size = size < WAVE_MOST ? size * 2 : WAVE_MOST) {
		size_t n = 0, wave[WAVE_MOST];

		/* What is pruned already does not take a place in the wave. */
		for (; at < r->order_count && n < size; at++) {
			struct candidate *c = &r->s->candidates[r->order[at]];

			if (prunable(r, c)) {
				c->bounds.status = OUTCOME_DOMINATED;
				r->done_count++;
			} else {
				wave[n++] = r->order[at];
			}
		}
		if (!do_wave(r, wave, n, err))
			return false;
	}
	return true;
}

bool interval_ends(const struct interval *in, const struct outcome *likely, int figure, double *low, double *high)
{
	double a = in->faster.value[figure], b = in->slower.value[figure], x = likely->value[figure], measured = likely->value[FIGURE_MEASURED];

	/* A kept search has ends that are widened already. */
	if (figure >= FIGURE_TTFT_MEAN && figure <= FIGURE_TTFT_P99 && !in->kept) {
		a = interval_first_token(x, a, measured, false);
		b = interval_first_token(x, b, measured, true);
	}

	*low = fmin(x, fmin(a, b));
	*high = fmax(x, fmax(a, b));
	return !isnan(a) && !isnan(b);
}

static bool fill_intervals(struct running *r, struct err *err)
{
	struct search *s = r->s;
	size_t n = s->best_count < INTERVALS_MOST ? s->best_count : INTERVALS_MOST;

	s->intervals = arena_alloc(r->arena, (n + 1) * sizeof(*s->intervals));
	if (!s->intervals)
		return err_memory(err);
	if (!room_for(r, 2 * n, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		s->intervals[i].rel_error = outcome_rel_error(s->candidates[s->best[i]].outcome);
		r->tasks[2 * i] = (struct task){ TASK_INTERVAL, (int64_t)s->best[i], interval_scale(s->intervals[i].rel_error, false) };
		r->tasks[2 * i + 1] = (struct task){ TASK_INTERVAL, (int64_t)s->best[i], interval_scale(s->intervals[i].rel_error, true) };
	}
	if (!team_map(r->team, 2 * n, r->tasks, r->replies, r->done, err))
		return false;
	for (size_t i = 0; i < n && r->done[2 * i] && r->done[2 * i + 1]; i++) {
		s->intervals[i].faster = r->replies[2 * i].outcome;
		s->intervals[i].slower = r->replies[2 * i + 1].outcome;
		s->interval_count++;
	}
	return true;
}

static void summarise(struct search *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct candidate *c = &s->candidates[i];
		enum outcome_status status = c->outcome ? c->outcome->status : c->bounds.status;

		s->with_status[status]++;
		s->simulated += c->outcome && c->outcome->status != OUTCOME_PENDING;
		s->feasible += feasible(c);
	}
	for (int f = 0; f < FRONTS; f++)
		for (size_t i = 0; i < s->front_counts[f]; i++)
			s->candidates[s->fronts[f][i]].front[f] = true;
}

static bool search_first(struct running *r, struct err *err)
{
	struct search *s = r->s;

	s->candidates = arena_alloc(r->arena, s->count * sizeof(*s->candidates));
	s->best = arena_alloc(r->arena, (r->o->best + 1) * sizeof(*s->best));
	for (int f = 0; f < FRONTS; f++)
		s->fronts[f] = arena_alloc(r->arena, (s->count + 1) * sizeof(*s->fronts[f]));
	if (!s->candidates || !s->best || !s->fronts[0] || !s->fronts[1])
		return err_memory(err);
	for (size_t i = 0; i < s->count; i++)
		s->candidates[i] = (struct candidate){ .index = (int64_t)i };
	if (!bound_all(r, err) || !plan_order(r, err) || !simulate_all(r, err))
		return false;
	s->interrupted = stopped(r);
	if (!s->interrupted && !fill_intervals(r, err))
		return false;
	summarise(s);
	return true;
}

static bool prepare(struct running *r, const struct scenario *base, struct err *err)
{
	const struct search_options *o = r->o;
	const struct space *space = &r->s->space;
	int64_t size = space_size(space);

	if (size > CANDIDATES_MOST)
		return err_set(err, ERR_INPUT, "%lld candidates: expected at most %d", (long long)size, CANDIDATES_MOST);
	r->s->count = (size_t)size;
	r->e = (struct evaluating){ .space = space, .base = base, .demand = &r->demand, .limits = o->limits, .bounds = !o->brute,
				    .abort = !o->brute, .capacity = o->capacity, .tolerance = o->tolerance, .time_scale = 1 };
	r->e.salt = arena_printf(r->arena, "search %s%s", o->version, o->capacity ? arena_printf(r->arena, " capacity %.17g", o->tolerance) : "");
	r->e.cache = catalog_cache_new(err);
	if (!r->e.salt || !r->e.cache)
		return r->e.salt ? false : err_memory(err);
	if (!workload_varies(space) && !demand_of(base, &r->demand, err))
		return false;
	return true;
}

bool search_run(const struct scenario *base, const struct space *space, const struct search_options *options, struct search *out,
		struct arena *arena, struct err *err)
{
	struct running r = { .s = out, .o = options, .arena = arena };
	struct team_work work = { .task_bytes = sizeof(struct task), .reply_bytes = sizeof(struct reply), .execute = execute, .done = done,
				  .stop = stopped, .ctx = &r };
	bool ok;

	*out = (struct search){ .space = *space, .base = base };
	/* Others have to be sent home whatever happens here, so the team comes first. */
	r.team = team_new(options->transport, &work, options->threads, err);
	ok = r.team && prepare(&r, base, err);
	if (ok && team_rank(r.team) > 0) {
		ok = team_serve(r.team, err);
		out->count = 0;
	} else if (ok) {
		ok = search_first(&r, err);
		out->processes = team_size(r.team);
		out->lost = team_lost(r.team);
	}
	team_free(r.team);
	catalog_cache_free(r.e.cache);
	return ok;
}
